import type { WaitingReason } from '../collectmc/codes.ts';

/** The state of an order that must wait again. */
export interface WaitState {
  readonly reason: WaitingReason;
  /** Consecutive replies with this reason, including this one. */
  readonly consecutive: number;
  /** Checks so far, including this one. */
  readonly checks: number;
  /** Seconds since the start of the execution. */
  readonly elapsedSeconds: number;
  /** Seconds that the CA's server asked to wait (Retry-After). */
  readonly retryAfter?: number | undefined;
  /** Seconds between two checks of an order that is being processed; default: the poll interval. */
  readonly processingSeconds?: number | undefined;
}

/**
 * The longest random part that is added to the poll interval, as a share of it, so that orders that started together are
 * not checked together. Nothing is subtracted: Sectigo allows one call in three hours for an order.
 */
const JITTER = 0.1;

/** The average wait of an order that is being processed, as a multiple of the poll interval. */
export const AVERAGE_WAIT = 1 + JITTER / 2;

/**
 * How many checks an order may make in addition to one for each poll interval. At the default interval an outage takes
 * 8 of them (60 s, doubled until it exceeds 3 h), and a certificate that is available but not attached takes 3.
 * Together with the number of intervals before the deadline this limits the history of an execution, whatever the CA
 * replies.
 */
export const CHECKS_AHEAD = 250;

/** The wait while the certificate is available but not attached, for the first three checks. */
export const AVAILABLE_SECONDS = 900;
const AVAILABLE_CHECKS = 3;
/** The wait after the first outage. It doubles with each consecutive one. */
const OUTAGE_SECONDS = 60;

/** The wait after each reason, in seconds. `random` is between 0 and 1. */
const WAITS: Readonly<Record<WaitingReason, (state: WaitState, pollSeconds: number, random: number) => number>> = {
  processing: ({ processingSeconds }, pollSeconds, random) =>
    (processingSeconds ?? pollSeconds) * (1 + JITTER * random),
  available: ({ consecutive }, pollSeconds) =>
    consecutive <= AVAILABLE_CHECKS ? Math.min(AVAILABLE_SECONDS, pollSeconds) : pollSeconds,
  'call-limit': (_, pollSeconds) => 2 * pollSeconds,
  outage: outageSeconds,
  credentials: (_, pollSeconds) => pollSeconds,
  payment: (_, pollSeconds) => pollSeconds,
  permission: (_, pollSeconds) => pollSeconds,
  storage: outageSeconds,
};

function outageSeconds({ consecutive, retryAfter = 0 }: WaitState, pollSeconds: number): number {
  return Math.min(Math.max(OUTAGE_SECONDS * 2 ** (consecutive - 1), retryAfter), pollSeconds);
}

/** The time until the next check, in whole seconds. */
export function waitSeconds(state: WaitState, pollSeconds: number, random: number): number {
  const wait = WAITS[state.reason](state, pollSeconds, random);
  const ahead = state.checks - state.elapsedSeconds / pollSeconds;
  return Math.max(1, Math.round(ahead > CHECKS_AHEAD ? Math.max(wait, pollSeconds) : wait));
}
