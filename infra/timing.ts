import { isLoopback } from '../functions/http.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;

/** The CA allows one call every 3 hours per order (documented for CollectSSL). A loopback endpoint has no such limit. */
const SHORTEST_POLL = 3 * HOUR;
const LONGEST_POLL = 2 * DAY;

/**
 * An execution of Step Functions ends after a year. The remaining days are for the last wait, which is at most twice
 * the poll interval, and for a day of retries: 360 + 2 x 2 + 1 days.
 */
const LONGEST_WAIT = 360 * DAY;

/** The default of `pollEvery` and of `--poll-every`. */
export const DEFAULT_POLL = 'PT3H';
/** The default of `giveUpAfter` and of `--give-up-after`. */
export const DEFAULT_GIVE_UP = 'P90D';
/** The default of `askAgainBefore`. */
export const DEFAULT_ASK_AGAIN = 'P45D';

/** The seconds of an ISO 8601 duration of days, hours, minutes and seconds; undefined for any other text. */
export function secondsOf(duration: string): number | undefined {
  const parts = /^P(?=[\dT])(?:(\d{1,9})D)?(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?$/.exec(duration);
  const [days, hours, minutes, seconds] = (parts ?? []).slice(1).map((part) => Number(part ?? 0));
  return parts ? (days ?? 0) * DAY + (hours ?? 0) * HOUR + (minutes ?? 0) * 60 + (seconds ?? 0) : undefined;
}

/** A whole number of seconds as an ISO 8601 duration. */
export function isoDuration(seconds: number): string {
  const part = (count: number, unit: string) => (count > 0 ? `${count}${unit}` : '');
  const time =
    part(Math.floor((seconds % DAY) / HOUR), 'H') +
    part(Math.floor((seconds % HOUR) / 60), 'M') +
    part(seconds % 60, 'S');
  const days = part(Math.floor(seconds / DAY), 'D');
  return days === '' && time === '' ? 'PT0S' : `P${days}${time === '' ? '' : `T${time}`}`;
}

/** How the settings or options of the timing are named. */
export interface TimingNames {
  readonly pollEvery: string;
  readonly giveUpAfter: string;
}

/**
 * What is wrong with the time between two calls and with the deadline of an order: one sentence each.
 *
 * @param timing the URL of the CA, and both times in seconds.
 * @param write seconds as the user would write a limit.
 * @param writeValue seconds as the user wrote a value.
 */
export function waitingProblems(
  names: TimingNames,
  timing: { readonly url: string; readonly pollEvery: number; readonly giveUpAfter: number },
  write: (seconds: number) => string = isoDuration,
  writeValue = write,
): string[] {
  const { pollEvery, giveUpAfter } = timing;
  const problems: string[] = [];
  const url = URL.parse(timing.url);
  const shortest = url && isLoopback(url) ? 1 : SHORTEST_POLL;
  if (pollEvery < shortest || pollEvery > LONGEST_POLL) {
    const reason = shortest === SHORTEST_POLL ? " (the CA's limit for one order)" : '';
    problems.push(
      `${names.pollEvery}: ${writeValue(pollEvery)} is not accepted; ` +
        `accepted: from ${write(shortest)}${reason} to ${write(LONGEST_POLL)}`,
    );
  }
  if (giveUpAfter < pollEvery || giveUpAfter > LONGEST_WAIT) {
    problems.push(
      `${names.giveUpAfter}: ${writeValue(giveUpAfter)} is not accepted; accepted: from ${names.pollEvery} to ${write(LONGEST_WAIT)}`,
    );
  }
  return problems;
}
