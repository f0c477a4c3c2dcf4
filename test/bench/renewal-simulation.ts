import { waitSeconds } from '../../functions/collect/waiting.ts';
import { secondsUntilTurn } from '../../functions/survey/renewal-turns.ts';
import { planRenewalChecks } from '../../functions/survey/renewals.ts';
import { mulberry32 } from '../mulberry32.ts';
import { EventQueue } from './event-queue.ts';
import type { BusyPolicy } from './machine.ts';

const HOUR = 3600;
const DAY = 86_400;

/** Midnight of the first simulated day. */
export const FIRST_DAY = Date.parse('2026-01-01T00:00:00Z');

/** The time of the day at which the survey runs. */
export const SURVEY_SECONDS = 5 * HOUR + 17 * 60;

/** The default of the setting `askAgainBefore`. */
const ASK_AGAIN_DAYS = 45;

/** The certificates end in the 30 days after this one. */
const FIRST_END = 50;
const END_DAYS = 30;

/** Days before and after the end of a certificate in which the CA issues the next one. */
const ISSUED_FROM = -40;
const ISSUED_UNTIL = 20;

/** The last certificate is still asked for after its end. */
const DAYS = FIRST_END + END_DAYS + ISSUED_UNTIL + 10;

export interface RenewalLoad {
  /** Orders that wait all the time. */
  readonly waiting: number;
  /** Certificates that end within a month. */
  readonly certificates: number;
  /** New orders, which arrive at random times of the whole simulation. */
  readonly newOrders: number;
  readonly caSeconds: number;
  readonly callers: number;
  readonly pollSeconds: number;
  readonly seed: number;
}

export interface RenewalOutcome {
  /** Seconds from the arrival of a new order to the begin of its first call, ascending. */
  readonly newOrderSeconds: Float64Array;
  /** Seconds from the issue of a renewal to its collection, ascending; infinite if it was not collected. */
  readonly collectedAfter: Float64Array;
  /** The fewest checks of a certificate in the 45 days before its end, of those whose renewal came after it. */
  readonly fewestChecks: number;
  /** The shortest time between two calls about one certificate, in seconds. */
  readonly shortestGap: number;
  /** The most renewal checks in an hour. */
  readonly busiestHour: number;
  /** The most renewal checks that one survey started. */
  readonly busiestDay: number;
  /** The longest interval between two checks of a certificate, in days. */
  readonly longestInterval: number;
  /** Executions that failed because Lambda throttled them more often than the Retry allows. */
  readonly starved: number;
  readonly peakConcurrency: number;
}

/**
 * Simulates waiting orders, new orders and renewal checks before one caller, event by event. The survey starts the checks
 * with its own rules, once a day. A certificate whose renewal is collected is not asked for again.
 */
export function simulateRenewals(load: RenewalLoad, retry: BusyPolicy): RenewalOutcome {
  const { waiting, certificates, newOrders, caSeconds, callers, pollSeconds } = load;
  const random = mulberry32(load.seed);
  const firstNew = waiting + certificates;
  const survey = firstNew + newOrders;
  const queue = new EventQueue(survey + 1);
  const attempts = new Uint16Array(survey);
  const isCalling = new Uint8Array(survey);
  const checks = new Uint32Array(waiting);
  const begun = new Float64Array(survey);
  const orderNumbers = Array.from({ length: certificates }, (_, index) => String(1_378_973_013 + 2 * index));
  const endsAt = orderNumbers.map((_, index) => (FIRST_END + (END_DAYS * index) / certificates) * DAY);
  const issuedAt = endsAt.map((end) => end + (ISSUED_FROM + random() * (ISSUED_UNTIL - ISSUED_FROM)) * DAY);
  const collectedAt = new Float64Array(certificates).fill(Number.POSITIVE_INFINITY);
  const isRunning = new Uint8Array(certificates);
  const lastCall = new Float64Array(certificates).fill(Number.NEGATIVE_INFINITY);
  const checksBeforeEnd = new Uint32Array(certificates);
  const checksInHour = new Uint32Array(DAYS * 24 + 48);
  const statuses = Array.from({ length: waiting }, () => ({ state: 'waiting', account: null }) as const);
  const newOrderSeconds: number[] = [];
  let [calling, peakConcurrency, starved] = [0, 0, 0];
  let [busiestDay, longestInterval] = [0, 1];
  let shortestGap = Number.POSITIVE_INFINITY;

  const runSurvey = (now: number) => {
    const at = new Date(FIRST_DAY + now * 1000);
    const ending = orderNumbers.flatMap((_, index) =>
      Math.abs((endsAt[index] ?? 0) - now) <= ASK_AGAIN_DAYS * DAY && collectedAt[index] === Number.POSITIVE_INFINITY
        ? [{ index, orderNumber: orderNumbers[index] ?? '' }]
        : [],
    );
    const { everyDays, due } = planRenewalChecks(ending, statuses, at);
    longestInterval = Math.max(longestInterval, everyDays);
    let started = 0;
    for (const { index, orderNumber } of due) {
      if (!isRunning[index]) {
        isRunning[index] = 1;
        started += 1;
        queue.push(waiting + index, now + secondsUntilTurn(orderNumber, at));
      }
    }
    busiestDay = Math.max(busiestDay, started);
    queue.push(survey, now + DAY);
  };
  const call = (order: number, now: number) => {
    calling += 1;
    peakConcurrency = Math.max(peakConcurrency, calling);
    isCalling[order] = 1;
    attempts[order] = 0;
    const index = order - waiting;
    if (order >= firstNew) {
      newOrderSeconds.push(now - (begun[order] ?? 0));
    } else if (index >= 0) {
      const hour = Math.floor(now / HOUR);
      checksInHour[hour] = (checksInHour[hour] ?? 0) + 1;
      shortestGap = Math.min(shortestGap, now - (lastCall[index] ?? 0));
      lastCall[index] = now;
      if (now < (endsAt[index] ?? 0)) {
        checksBeforeEnd[index] = (checksBeforeEnd[index] ?? 0) + 1;
      }
      if ((issuedAt[index] ?? 0) <= now) {
        collectedAt[index] = now + caSeconds;
      }
    }
    queue.push(order, now + caSeconds);
  };
  const refuse = (order: number, now: number) => {
    const attempt = (attempts[order] ?? 0) + 1;
    attempts[order] = attempt;
    if (attempt > retry.maxAttempts) {
      starved += 1;
      attempts[order] = 0;
    }
    queue.push(order, now + random() * retry.longestDelay(Math.max(1, attempts[order] ?? 1)));
  };
  const answer = (order: number, now: number) => {
    calling -= 1;
    isCalling[order] = 0;
    if (order < waiting) {
      const made = (checks[order] ?? 0) + 1;
      checks[order] = made;
      const elapsedSeconds = now - (begun[order] ?? 0);
      const state = { reason: 'processing', consecutive: made, checks: made, elapsedSeconds } as const;
      queue.push(order, now + waitSeconds(state, pollSeconds, random()));
    } else if (order < firstNew) {
      isRunning[order - waiting] = 0;
    }
  };

  for (let order = 0; order < waiting; order++) {
    begun[order] = random() * pollSeconds;
    queue.push(order, begun[order] ?? 0);
  }
  for (let order = firstNew; order < survey; order++) {
    begun[order] = random() * (DAYS - 1) * DAY;
    queue.push(order, begun[order] ?? 0);
  }
  queue.push(survey, SURVEY_SECONDS);
  for (;;) {
    const { order, time } = queue.pop();
    if (time > DAYS * DAY) {
      break;
    }
    if (order === survey) {
      runSurvey(time);
    } else if (isCalling[order]) {
      answer(order, time);
    } else if (calling < callers) {
      call(order, time);
    } else {
      refuse(order, time);
    }
  }
  const late = orderNumbers.flatMap((_, index) =>
    (issuedAt[index] ?? 0) > (endsAt[index] ?? 0) ? [checksBeforeEnd[index] ?? 0] : [],
  );
  return {
    newOrderSeconds: Float64Array.from(newOrderSeconds).sort(),
    collectedAfter: collectedAt.map((collected, index) => collected - (issuedAt[index] ?? 0)).sort(),
    fewestChecks: late.reduce((fewest, count) => Math.min(fewest, count), Number.POSITIVE_INFINITY),
    shortestGap,
    busiestHour: checksInHour.reduce((most, count) => Math.max(most, count), 0),
    busiestDay,
    longestInterval,
    starved,
    peakConcurrency,
  };
}
