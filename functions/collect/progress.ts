import type { WaitingReason } from '../collectmc/codes.ts';
import type { Concern } from '../events.ts';

/**
 * What is reported about an order: its status in S3, one event for each concern of a waiting order, and the event of a
 * revocation. A revoked order waits only if S3 or EventBridge did not accept the rest of the report.
 */
export const REPORTS = [
  'status',
  'revoked',
  'credentials',
  'payment',
  'permission',
  'outage',
  'storage',
  'deadline',
] as const satisfies readonly ('status' | 'revoked' | Concern)[];
export type Report = (typeof REPORTS)[number];

/** Seconds after which an order that waits for this reason needs a person. Other reasons never need one. */
const CONCERN_SECONDS: Readonly<Record<Exclude<Concern, 'deadline'>, number>> = {
  credentials: 0,
  payment: 0,
  permission: 0,
  outage: 6 * 3600,
  storage: 6 * 3600,
};

/** The part of the time until the deadline after which a person should ask the CA. */
const DEADLINE_PART = 0.75;

/**
 * Seconds after the planned time from which a check is late. A check starts within a second or two of the planned time,
 * unless Step Functions retried it or a person redrove the execution.
 */
const LATE_SECONDS = 5;

/** Since when an order waits for one reason, and what was reported about it. */
export interface Progress {
  /** ISO 8601 in UTC. */
  readonly since: string;
  readonly reported: readonly Report[];
}

/** What the previous check left at `$.collection`. Executions of release 0.1.0 have only the reason. */
export interface PreviousWait {
  readonly reason?: string | undefined;
  readonly since?: string | undefined;
  readonly reported?: readonly Report[] | undefined;
  /** When the next check was planned. */
  readonly nextCheckAt?: string | undefined;
}

/**
 * Reasons that contain nothing about the order: the CA did not check it. What the order waited for before is still
 * missing, and was reported.
 */
const SILENT_REASONS: ReadonlySet<string | undefined> = new Set<WaitingReason>(['outage', 'call-limit', 'storage']);

/** Whether an order that waits for this reason may still wait for the one before it. */
export function isSilent(reason: string | undefined): boolean {
  return SILENT_REASONS.has(reason);
}

/** What a person must do at the CA for one order. Each rejection of a login is reported, also after an outage. */
const LASTING_CONCERNS: ReadonlySet<Report> = new Set<Report>(['payment', 'permission']);

/** Continues the progress of the previous check, or starts another one if the reason changed. */
export function progressOf(previous: PreviousWait | undefined, reason: WaitingReason, now: Date): Progress {
  const { since, reported = [] } = previous ?? {};
  if (since !== undefined && previous?.reason === reason) {
    return { since, reported };
  }
  const lasting = reported.filter((report) => LASTING_CONCERNS.has(report) && (isSilent(reason) || report === reason));
  const restarted = restart(reported, now);
  return { ...restarted, reported: [...restarted.reported, ...lasting] };
}

/** What is reported once in an execution. */
const ONCE: ReadonlySet<Report> = new Set<Report>(['deadline', 'revoked']);

/** The progress of an order that starts to wait. */
export function restart(reported: readonly Report[], now: Date): Progress {
  return { since: now.toISOString(), reported: reported.filter((report) => ONCE.has(report)) };
}

/**
 * Whether the execution may have failed since the previous check: a redrive repeats the failed state with the input of
 * then, which does not contain the failure.
 */
export function isLate(previous: PreviousWait | undefined, now: Date): boolean {
  return previous?.nextCheckAt !== undefined && now.getTime() > Date.parse(previous.nextCheckAt) + LATE_SECONDS * 1000;
}

/** Why a waiting order needs a person, the most urgent first. */
export function concernsOf(
  { reason, since }: { readonly reason: WaitingReason; readonly since: string },
  elapsedSeconds: number,
  giveUpSeconds: number,
  now: Date,
): Concern[] {
  const concerns: Concern[] = [];
  if (isConcern(reason) && now.getTime() - Date.parse(since) >= CONCERN_SECONDS[reason] * 1000) {
    concerns.push(reason);
  }
  if (elapsedSeconds >= giveUpSeconds * DEADLINE_PART) {
    concerns.push('deadline');
  }
  return concerns;
}

function isConcern(reason: WaitingReason): reason is keyof typeof CONCERN_SECONDS {
  return Object.hasOwn(CONCERN_SECONDS, reason);
}
