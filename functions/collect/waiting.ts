import type { WaitingReason } from '../collectmc/codes.ts';

/** Where an order stands when it has to wait again. */
export interface WaitState {
  readonly reason: WaitingReason;
  /** Replies with this reason in a row, this one included. */
  readonly consecutive: number;
  /** Calls so far, this one included, and the seconds since the execution began. */
  readonly checks: number;
  readonly elapsedSeconds: number;
  /** What an outage asked for (Retry-After), in seconds. */
  readonly retryAfter?: number | undefined;
}

/** The documented ±10 % around the poll interval: orders announced together must not stay together. */
const SPREAD = 0.1;

/**
 * Checks by which an order may run ahead of one call per poll interval. An outage costs 8 of them at the default interval
 * (60 s doubled until it passes 3 h), an issued-but-not-attached certificate 3. Whatever mixture of the two a CA answers,
 * an execution makes at most this many checks more than its deadline holds intervals, so its history stays bounded.
 */
export const CHECKS_AHEAD = 250;

const AVAILABLE_SECONDS = 900;
const AVAILABLE_IN_A_ROW = 3;
const OUTAGE_SECONDS = 60;

/** The wait after each reason, in seconds, before the poll interval caps it. `random` is in 0..1. */
const WAITS: Readonly<Record<WaitingReason, (standing: WaitState, pollSeconds: number, random: number) => number>> = {
  processing: (_, pollSeconds, random) => pollSeconds * (1 - SPREAD + 2 * SPREAD * random),
  available: ({ consecutive }, pollSeconds) =>
    consecutive <= AVAILABLE_IN_A_ROW ? Math.min(AVAILABLE_SECONDS, pollSeconds) : pollSeconds,
  'call-limit': (_, pollSeconds) => 2 * pollSeconds,
  outage: ({ consecutive, retryAfter = 0 }, pollSeconds) =>
    Math.min(Math.max(OUTAGE_SECONDS * 2 ** (consecutive - 1), retryAfter), pollSeconds),
  credentials: (_, pollSeconds) => pollSeconds,
  payment: (_, pollSeconds) => pollSeconds,
  permission: (_, pollSeconds) => pollSeconds,
};

/** Whole seconds until the next check. */
export function waitSeconds(standing: WaitState, pollSeconds: number, random: number): number {
  const wait = WAITS[standing.reason](standing, pollSeconds, random);
  const ahead = standing.checks - standing.elapsedSeconds / pollSeconds;
  return Math.max(1, Math.round(ahead > CHECKS_AHEAD ? Math.max(wait, pollSeconds) : wait));
}
