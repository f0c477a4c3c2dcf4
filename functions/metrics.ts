import type { WaitingReason } from './collectmc/codes.ts';

/** The namespace of every metric of this project. The only dimension is `service`: the name of the function. */
export const METRICS_NAMESPACE = 'MarkCertificateCollector';

/** What Collect counts and measures; alarms and the dashboard name them from here. */
export const COLLECT_METRICS = {
  /** Checks by outcome. */
  issued: 'OrdersIssued',
  waiting: 'OrdersWaiting',
  failed: 'OrdersFailed',
  /** Calls to the CA, how long it took to answer, and whether it answered anything about an order: 1 or 0. */
  calls: 'CallsToCa',
  milliseconds: 'CaMilliseconds',
  reached: 'CaReached',
  /** Days since an order's execution began: of every check that waits, and of those that issue. */
  waitingDays: 'WaitingDays',
  issuedDays: 'DaysToIssued',
} as const;

/** What survey counts and measures. `runs` is written at the very end: its absence is an alarm. */
export const SURVEY_METRICS = {
  kept: 'CertificatesKept',
  damaged: 'ManifestsDamaged',
  daysToExpiry: 'DaysToExpiry',
  /** Publications that are served, and those of them, or of the unreadable ones, that are not as they should be. */
  live: 'PublicationsLive',
  broken: 'PublicationsBroken',
  runs: 'SurveyRuns',
} as const;

/** What push counts: notifications taken, and requests with a wrong login. */
export const PUSH_METRICS = { received: 'PushesReceived', refused: 'PushesRefused' } as const;

/** What publish counts: certificates that it did not publish, but for those that had been live and were followed. */
export const PUBLISH_METRICS = { refused: 'PublicationsRefused' } as const;

/** What revoke counts: publications whose certificate the CA revoked. */
export const REVOKE_METRICS = { revoked: 'PublishedRevoked' } as const;

/** Checks that wait, by reason. */
export const WAITING_METRICS: Readonly<Record<WaitingReason, string>> = {
  processing: 'WaitingProcessing',
  available: 'WaitingAvailable',
  'call-limit': 'WaitingCallLimit',
  outage: 'WaitingOutage',
  credentials: 'WaitingCredentials',
  payment: 'WaitingPayment',
  permission: 'WaitingPermission',
};
