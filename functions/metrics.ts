import type { WaitingReason } from './collectmc/codes.ts';

/**
 * The namespace of every metric of this project. The dimensions are `service`, the name of the function that writes it,
 * and `collector`, the name of the collector.
 */
export const METRICS_NAMESPACE = 'MarkCertificateCollector';

/** The metrics of Collect. */
export const COLLECT_METRICS = {
  /** Checks by outcome. */
  issued: 'OrdersIssued',
  waiting: 'OrdersWaiting',
  failed: 'OrdersFailed',
  /** Calls to the CA, their duration, and whether the CA replied with something about the order: 1 or 0. */
  calls: 'CallsToCa',
  milliseconds: 'CaMilliseconds',
  reached: 'CaReached',
  /**
   * Days since the start of an execution: at every check that waits, and at every check that finds the certificate
   * issued.
   */
  waitingDays: 'WaitingDays',
  issuedDays: 'DaysToIssued',
} as const;

/** The metrics of survey. `runs` is written last: an alarm fires if it is missing. */
export const SURVEY_METRICS = {
  kept: 'CertificatesKept',
  damaged: 'ManifestsDamaged',
  daysToExpiry: 'DaysToExpiry',
  /** Publications that are served, and publications that are broken or unreadable. */
  live: 'PublicationsLive',
  broken: 'PublicationsBroken',
  /** CRLs that could not be used for three days. */
  unusableCrls: 'CrlsUnusable',
  /** Confirmed subscriptions of each topic of messages. If a topic has none, nobody receives its messages. */
  confirmedSubscriptions: 'ConfirmedSubscriptions',
  runs: 'SurveyRuns',
} as const;

/**
 * The metrics of push: accepted notifications, requests with a wrong login, accepted notifications of a revocation, those
 * that could not be interpreted, and those about unknown orders for which the limit of the day was reached.
 */
export const PUSH_METRICS = {
  received: 'PushesReceived',
  refused: 'PushesRefused',
  revoked: 'PushedRevocations',
  notUnderstood: 'PushesNotUnderstood',
  limited: 'PushesLimited',
} as const;

/** The metrics of publish: certificates that were not published, except those that a newer one had already replaced. */
export const PUBLISH_METRICS = { refused: 'PublicationsRefused' } as const;

/** The metrics of revoke: publications whose certificate the CA revoked. */
export const REVOKE_METRICS = { revoked: 'PublishedRevoked' } as const;

/** The metrics of notify: messages that were sent, and events for which sending or reporting failed. */
export const NOTIFY_METRICS = { sent: 'MessagesSent', failed: 'MessagesFailed' } as const;

/** The metrics of checks that wait, by reason. */
export const WAITING_METRICS: Readonly<Record<WaitingReason, string>> = {
  processing: 'WaitingProcessing',
  available: 'WaitingAvailable',
  'call-limit': 'WaitingCallLimit',
  outage: 'WaitingOutage',
  credentials: 'WaitingCredentials',
  payment: 'WaitingPayment',
  permission: 'WaitingPermission',
  storage: 'WaitingStorage',
};
