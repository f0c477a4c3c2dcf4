import type { Refusal } from '../collectmc/codes.ts';
import { CollectorError } from '../collector-error.ts';
import { FAILURE_NEXT_STEPS, WAITING_NEXT_STEPS } from '../errors.ts';
import {
  type Concern,
  FAILED,
  type FailedDetail,
  type OrderDetail,
  REVOKED,
  type RevokedDetail,
  WAITING,
  type WaitingDetail,
} from '../events.ts';
import { type Bus, sendEvents } from '../send-events.ts';
import type { Listing } from '../store/listing.ts';
import { isRevokedCertificate } from '../store/publication.ts';
import type { OrderStatus } from '../store/status.ts';
import { STATE_BUDGET, truncate } from '../text.ts';
import { type EndedDependencies, findUnreportedEnds } from './ended.ts';
import { findLostOrders, type LostDependencies } from './lost.ts';
import type { PublicationRecord } from './records.ts';

/**
 * A status that changed within this time is left for the next survey: its execution may be about to end, and notify
 * may be about to report it. Notify usually reports within seconds.
 */
const GRACE_MILLISECONDS = 60 * 60 * 1000;

/** The result of one survey of the statuses, as numbers of orders. */
export interface StatusSummary {
  readonly waiting: number;
  readonly issued: number;
  readonly failed: number;
  /** Statuses that cannot be read. */
  readonly damaged: number;
  /** Orders that waited without a running execution. */
  readonly lost: number;
  /** Orders that need a person, without a message. */
  readonly unreported: number;
  /** Orders whose certificate was revoked but is still published without a mark. */
  readonly unmarked: number;
}

/** Receives the results of a survey while it runs. */
export interface StatusObserver {
  statusDamaged(key: string, problem: string): void;
  /** After all statuses are compared, before the first event. */
  statusesChecked(summary: StatusSummary): void;
  /** After EventBridge accepted an event about a status. */
  statusReported(detailType: string, detail: FailedDetail | WaitingDetail | RevokedDetail): void;
}

/** Statuses of another collector are ignored. */
export interface StatusDependencies extends LostDependencies, EndedDependencies, Bus {
  readonly observe: StatusObserver;
}

/** Some statuses were not compared or not corrected, or EventBridge did not accept their events. */
export class StatusesNotReportedError extends CollectorError {
  override readonly name = 'StatusesNotReportedError';
}

/**
 * Finds executions that ended without a certificate and without a report; orders that wait without a running execution;
 * failures, and waiting orders that need a person, without a message; and revoked certificates that are still published
 * without a mark. It sends the event of each. Notify ignores the event of a status that it has reported, and revoke can
 * be repeated, so a second run does no harm.
 *
 * @param served the publications that are served.
 * @throws {StatusesNotReportedError} after all other events are sent.
 */
export async function surveyStatuses(
  { read, damaged }: Listing<OrderStatus>,
  served: readonly PublicationRecord[],
  dependencies: StatusDependencies,
): Promise<void> {
  const { collector, observe, now } = dependencies;
  for (const { key, problem } of damaged) {
    observe.statusDamaged(key, problem);
  }
  const statuses = read.flatMap(({ content }) => (content.collector === collector ? [content] : []));
  const changedBefore = now().getTime() - GRACE_MILLISECONDS;
  const { ended, problems: endedProblems } = await findUnreportedEnds(statuses, dependencies);
  const endedOrders = new Set(ended.map(({ orderNumber }) => orderNumber));
  const unchanged = statuses.filter(
    ({ orderNumber, updatedAt }) => Date.parse(updatedAt) <= changedBefore && !endedOrders.has(orderNumber),
  );
  const waiting = unchanged.filter(({ state }) => state === 'waiting');
  const failed = unchanged.filter(({ state }) => state === 'failed');
  const { lost, problems: lostProblems } = await findLostOrders(waiting, dependencies);
  const lostOrders = new Set(lost.map(({ orderNumber }) => orderNumber));
  const failures = failed.filter(isUnreported);
  const concerns = waiting.filter(
    (status) => status.nextStep !== undefined && isUnreported(status) && !lostOrders.has(status.orderNumber),
  );
  const servedOf = Map.groupBy(served, ({ live }) => live.orderNumber);
  const unmarked = failed.filter((status) =>
    servedOf.get(status.orderNumber)?.some((publication) => isUnmarked(status, publication)),
  );
  const count = (state: OrderStatus['state']) => statuses.filter((status) => status.state === state).length;
  observe.statusesChecked({
    waiting: count('waiting'),
    issued: count('issued'),
    failed: count('failed'),
    damaged: damaged.length,
    lost: lost.length,
    unreported: ended.length + failures.length + concerns.length,
    unmarked: unmarked.length,
  });
  const unsent = [
    ...(await send(FAILED, [...ended, ...lost, ...failures].map(failedDetail))),
    ...(await send(WAITING, concerns.map(waitingDetail))),
    ...(await send(REVOKED, unmarked.map(revokedDetail))),
  ];
  const problems = [...endedProblems, ...lostProblems, ...unsent];
  if (problems.length > 0) {
    throw new StatusesNotReportedError(truncate(problems.join('; '), STATE_BUDGET.message));
  }

  /** Sends events of one type. Returns the problems. */
  async function send(
    detailType: string,
    details: readonly (FailedDetail | WaitingDetail | RevokedDetail)[],
  ): Promise<string[]> {
    const refused = await sendEvents(dependencies, detailType, details, (detail) =>
      observe.statusReported(detailType, detail),
    );
    return refused.map(
      ({ detail, reason }) =>
        `EventBridge did not accept the event "${detailType}" of order ${detail.orderNumber} (${reason})`,
    );
  }
}

function isUnreported({ reportedAt }: OrderStatus): boolean {
  return reportedAt === undefined;
}

/** Whether a publication is the revoked certificate of a failed order, and is not marked as revoked. */
function isUnmarked({ error, orderNumber, updatedAt }: OrderStatus, { live, revokedAt }: PublicationRecord): boolean {
  return (
    error === ('CertificateRevoked' satisfies Refusal) &&
    live.orderNumber === orderNumber &&
    revokedAt === null &&
    isRevokedCertificate(live, updatedAt)
  );
}

function orderIn({ collector, orderNumber, account, domains }: OrderStatus): OrderDetail {
  return { collector, orderNumber, account, domains };
}

function statusDetail(status: OrderStatus) {
  const { execution, startedAt, text, nextStep = FAILURE_NEXT_STEPS.CollectionLost.text, updatedAt } = status;
  return { ...orderIn(status), execution, startedAt, text, nextStep, updatedAt };
}

function failedDetail(status: OrderStatus): FailedDetail {
  return { ...statusDetail(status), error: status.error ?? 'UnknownError' };
}

function waitingDetail(status: OrderStatus): WaitingDetail {
  const { reason, since } = status;
  // An order that needs a person for none of the other reasons is close to its deadline.
  return { ...statusDetail(status), reason: isConcern(reason) ? reason : 'deadline', since };
}

function isConcern(reason: string | undefined): reason is Concern {
  return reason !== undefined && Object.hasOwn(WAITING_NEXT_STEPS, reason);
}

function revokedDetail(status: OrderStatus): RevokedDetail {
  const { text, updatedAt: knownSince, execution } = status;
  return { ...orderIn(status), confirmed: true, source: 'collect-mc', text, knownSince, execution };
}
