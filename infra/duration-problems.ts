import { Duration } from 'aws-cdk-lib';
import { CHECKS_AHEAD } from '../functions/collect/waiting.ts';
import { waitingProblems } from './timing.ts';

/** The first reminder before the expiry of a certificate. Later ones follow daily in the last week. */
const SHORTEST_REMINDER = Duration.days(7);
const LONGEST_REMINDER = Duration.days(90);

/** A certificate is collected a day late at most, if the CA does not push it. */
const LONGEST_POLL_WITH_PUSH = Duration.days(1);

/** The limits of `askAgainBefore`. A shorter time could be over before an order has its turn. */
const SHORTEST_ASKING = Duration.days(7);
const LONGEST_ASKING = Duration.days(180);

/**
 * The maximum number of events in the history of a standard execution. Step Functions ends an execution that reaches
 * it.
 */
const HISTORY_LIMIT = 25_000;

/** Collect entered, scheduled, started, succeeded, exited; Issued? entered, exited; Wait entered, exited. */
export const EVENTS_PER_CHECK = 9;

/**
 * Events per check for invocations that a busy Collect refuses, three events each. At a load of 0.9
 * (docs/performance.md, Scale) the simulation counts 4.4 refusals a check. Of all orders that make up this load, the
 * one with the most refusals has 22 events per poll interval in 90 days, its checks included.
 */
export const EVENTS_FOR_REFUSALS = 13;

/** Events reserved for all other retries, three each, and for publishing and announcing the certificate once. */
const EVENTS_FOR_RETRIES = 1_000;

/** The periods that determine how often the CA is called, and how many events an execution has. */
export interface Timing {
  readonly collectUrl: string;
  readonly pollEvery: Duration;
  readonly pollEveryWithPush?: Duration | undefined;
  readonly push: boolean;
  readonly giveUpAfter: Duration;
  readonly remindBefore: Duration;
  readonly askAgainBefore: Duration;
}

/** The names of the settings in {@link Timing}. They are compared only if each of them alone is accepted. */
export const TIMING = [
  'collectUrl',
  'pollEvery',
  'pollEveryWithPush',
  'push',
  'giveUpAfter',
  'remindBefore',
  'askAgainBefore',
] as const satisfies readonly (keyof Timing)[];

/**
 * Problems of the durations, each alone and together, with the arithmetic.
 *
 * @param write a limit as the user would write it.
 * @param writeValue a value as the user wrote it.
 */
export function timingProblems(
  { collectUrl, pollEvery, pollEveryWithPush, push, giveUpAfter, remindBefore, askAgainBefore }: Timing,
  write: (duration: Duration) => string,
  writeValue = write,
): string[] {
  const seconds = (format: (duration: Duration) => string) => (count: number) => format(Duration.seconds(count));
  const problems = waitingProblems(
    { pollEvery: 'pollEvery', giveUpAfter: 'giveUpAfter' },
    { url: collectUrl, pollEvery: pollEvery.toSeconds(), giveUpAfter: giveUpAfter.toSeconds() },
    seconds(write),
    seconds(writeValue),
  );
  if (pollEveryWithPush && !push) {
    problems.push(
      `pollEveryWithPush: ${writeValue(pollEveryWithPush)} is not accepted without push, because only a push replaces a poll; accepted: push: true in addition`,
    );
  }
  if (pollEveryWithPush && !isBetween(pollEveryWithPush, pollEvery, LONGEST_POLL_WITH_PUSH)) {
    problems.push(
      `pollEveryWithPush: ${writeValue(pollEveryWithPush)} is not accepted; accepted: from pollEvery to ${write(LONGEST_POLL_WITH_PUSH)}`,
    );
  }
  if (pollEveryWithPush && pollEveryWithPush.toSeconds() > giveUpAfter.toSeconds()) {
    problems.push(
      `pollEveryWithPush: ${writeValue(pollEveryWithPush)} is not accepted, because it is longer than giveUpAfter; accepted: at most ${write(giveUpAfter)}`,
    );
  }
  if (!isWholeDays(remindBefore, SHORTEST_REMINDER, LONGEST_REMINDER)) {
    problems.push(
      `remindBefore: ${writeValue(remindBefore)} is not accepted; accepted: whole days from ${write(SHORTEST_REMINDER)} to ${write(LONGEST_REMINDER)}`,
    );
  }
  if (askAgainBefore.toSeconds() !== 0 && !isWholeDays(askAgainBefore, SHORTEST_ASKING, LONGEST_ASKING)) {
    problems.push(
      `askAgainBefore: ${writeValue(askAgainBefore)} is not accepted; accepted: whole days from ${write(SHORTEST_ASKING)} to ${write(LONGEST_ASKING)}, or ${write(Duration.days(0)).replace('PT0S', 'P0D')} for no checks`,
    );
  }
  const checks = Math.ceil(giveUpAfter.toSeconds() / Math.max(1, pollEvery.toSeconds())) + CHECKS_AHEAD;
  const perCheck = EVENTS_PER_CHECK + EVENTS_FOR_REFUSALS;
  const events = checks * perCheck + EVENTS_FOR_RETRIES;
  if (events > HISTORY_LIMIT) {
    problems.push(
      `pollEvery and giveUpAfter: ${write(giveUpAfter)} / ${write(pollEvery)} + ${CHECKS_AHEAD} early checks = ` +
        `${checks} checks; ${checks} x ${perCheck} events + ${EVENTS_FOR_RETRIES} for retries = ${events} events, and an ` +
        `execution may have ${HISTORY_LIMIT}; accepted: a longer pollEvery or a shorter giveUpAfter`,
    );
  }
  return problems;
}

function isBetween(duration: Duration, shortest: Duration, longest: Duration): boolean {
  const seconds = duration.toSeconds();
  return seconds >= shortest.toSeconds() && seconds <= longest.toSeconds();
}

function isWholeDays(duration: Duration, shortest: Duration, longest: Duration): boolean {
  const days = duration.toDays({ integral: false });
  return Number.isInteger(days) && days >= shortest.toDays() && days <= longest.toDays();
}
