import { AVERAGE_WAIT } from '../../functions/collect/waiting.ts';
import { checksADay } from '../../functions/survey/renewal-turns.ts';
import { measureCapacity } from './capacity.ts';
import { TRANSITION_DOLLARS } from './cost.ts';
import type { Deployed } from './deployed.ts';
import { type BusyPolicy, busyPolicy, EVENTS_PER_RETRY, HISTORY_LIMIT, walk } from './machine.ts';
import {
  atMost,
  exactly,
  type FigureTable,
  type Measurement,
  measurement,
  quantile,
  type Results,
  round,
  type Summary,
  summarize,
} from './measure.ts';
import { simulateRenewals } from './renewal-simulation.ts';
import { type Load, type Outcome, referenceDelay, simulate } from './simulation.ts';

const HOUR = 3600;
const DAY = 86_400;

/** Seconds in which the CA answers. */
const CA_SECONDS = [0.3, 3] as const;

/** Number of waiting orders in the figures. */
const ORDERS = 10_000;

/** Certificates that end soon, beside them: their checks use all the calls that so many orders leave, every eighth day. */
const CERTIFICATES = 8 * checksADay(ORDERS);

/** Simulated days for each number of orders, in the search for the one at which callers are full. */
const CAPACITY_DAYS = 1;

/** Poll intervals that the table may recommend. The setting allows at most two days. */
const POLL_HOURS = [4, 6, 8, 9, 10, 12, 18, 24, 36, 48];

/** Numbers of orders that arrive in the same second. */
const BURSTS = [1000, 3000, 10_000, 30_000];

/** Loads of one caller, near 1 and above, as when nobody acts for a week. */
const OVERLOADS = [0.9, 1, 1.1, 1.25, 1.5, 2];
const OVERLOAD_DAYS = 7;

/** Certificates that end in one month, and what waits beside them. */
const RENEWALS = 5000;
const RENEWAL_LOADS = [
  { waiting: 0, caSeconds: 3 },
  { waiting: 1000, caSeconds: 3 },
  { waiting: 2880, caSeconds: 3 },
  { waiting: 3200, caSeconds: 3 },
  { waiting: 10_000, caSeconds: 0.3 },
];

/** Events that a day adds to the history of an order with the average number of checks and refusals. */
function eventsPerDay({ callsPerHour, retriesPerCheck }: Outcome, orders: number, { definition }: Deployed): number {
  const waiting = { collection: { outcome: 'waiting' } };
  const { events } = walk(definition, 'Collect', waiting, 'Collect');
  return ((callsPerHour * DAY) / HOUR / orders) * (events + EVENTS_PER_RETRY * retriesPerCheck);
}

/** The result of one load with one set of settings. */
export interface Point {
  readonly orders: number;
  /** The average share of the callers that are busy. */
  readonly load: number;
  readonly caSeconds: number;
  readonly callers: number;
  readonly pollHours: number;
  readonly medianHours: number;
  readonly worstHours: number;
  readonly callsPerHour: number;
  readonly retriesPerCheck: number;
  /** The share of the allowed history events that an order uses until its deadline. */
  readonly historyShare: number;
  /** No order starves, and none exceeds its history. */
  readonly holds: boolean;
}

export interface Scale extends Results {
  /** The default settings with an increasing number of orders, for the plot. */
  readonly points: readonly Point[];
}

export interface ScaleLengths {
  /** Number of simulations for each figure, each with other random numbers. */
  readonly seeds: number;
  /** Simulated days of each simulation. */
  readonly days: number;
  /** Numbers of orders to simulate with the default settings; may be empty. */
  readonly sweep: readonly number[];
  /** Seconds in which the CA answers, for the search of the number of orders with which one caller is full. */
  readonly capacity: readonly number[];
}

/**
 * Simulates ten thousand waiting orders with three accounts, rejected logins and renewal checks, and finds the number of
 * orders for which one caller is no longer enough.
 */
export function simulateScale(deployed: Deployed, { seeds, days, sweep, capacity }: ScaleLengths): Scale {
  const retry = busyPolicy(deployed.definition.States.Collect?.Retry);
  const pollSeconds = Number(deployed.environment.POLL_SECONDS);
  const { reservedConcurrency } = deployed;
  const usual = {
    orders: ORDERS,
    certificates: CERTIFICATES,
    callers: reservedConcurrency,
    pollSeconds,
    days,
    seed: 0,
    begin: 'spread',
    queueing: 'retry',
  } as const;
  const trial = (load: Partial<Load> & { readonly caSeconds: number }) =>
    tryLoad({ ...usual, days: Math.min(days, 4), ...load }, retry, deployed);

  const settings = CA_SECONDS.map((caSeconds) => {
    // Fewer callers or a shorter interval could not make all the calls.
    const fewest = Math.ceil((ORDERS * caSeconds) / (pollSeconds * AVERAGE_WAIT));
    const callers = Array.from({ length: 4 }, (_, more) => trial({ caSeconds, callers: fewest + more }));
    const shortest = Math.max(pollSeconds / HOUR, (ORDERS * caSeconds) / reservedConcurrency / HOUR);
    const intervals = POLL_HOURS.filter((hours) => hours >= shortest)
      .slice(0, 3)
      .map((hours) => trial({ caSeconds, pollSeconds: hours * HOUR }));
    return { caSeconds, callers, intervals };
  });
  const runs = settings.map(({ caSeconds, callers }) => {
    const enough = callers.find(isEnough)?.callers ?? Number.NaN;
    const each = Array.from({ length: seeds }, (_, seed) => {
      const load = { ...usual, caSeconds, callers: enough, seed };
      const outcome = simulate(load, retry);
      return { outcome, ratio: quantile(outcome.delays, 0.5) / referenceDelay(load, retry) };
    });
    return { caSeconds, callers: enough, each };
  });
  const [fast, slow] = runs as [(typeof runs)[number], (typeof runs)[number]];
  const points = CA_SECONDS.flatMap((caSeconds) => untilItFails(sweep, (orders) => trial({ caSeconds, orders })));
  const full = measureCapacity(
    capacity.map((caSeconds) => ({ ...usual, caSeconds, days: CAPACITY_DAYS })),
    retry,
    sweep.length > 0,
  );
  const bursts = sweep.length === 0 ? [] : CA_SECONDS.flatMap((caSeconds) => burst(deployed, retry, caSeconds));
  return {
    figures: [
      atMost('count', 'scale-median-delay', 1, range(fast.each.map(({ ratio }) => ratio))),
      atMost('count', 'scale-median-delay-slow-ca', 1, range(slow.each.map(({ ratio }) => ratio))),
      atMost(
        'count',
        'scale-most-at-once',
        1,
        range(runs.flatMap(({ callers, each }) => each.map(({ outcome }) => outcome.peakConcurrency / callers))),
      ),
      atMost(
        'count',
        'scale-starved',
        0,
        range(runs.flatMap(({ each }) => each.map(({ outcome }) => outcome.starved))),
        'orders',
      ),
      atMost(
        'count',
        'scale-rejected-login',
        1,
        worst(
          runs.flatMap(({ callers, each }) =>
            each.map(({ outcome }) => outcome.rejectedCalls / outcome.rejectedLogins / callers),
          ),
        ),
        'calls',
      ),
      atMost(
        'count',
        'scale-renewals',
        0.1,
        worst(
          runs.flatMap(({ caSeconds, callers, each }) =>
            each.map(({ outcome }) => (outcome.renewalCalls * caSeconds) / (days * DAY * callers)),
          ),
        ),
      ),
      ...full.figures,
    ],
    measured: [
      ...runs.flatMap(({ caSeconds, callers, each }) => {
        const label = `${ORDERS} orders, CA answers in ${caSeconds} s, ${callers} at once`;
        const over = (name: string, unit: string, of: (outcome: Outcome) => number) =>
          measurement(`${label}: ${name}`, unit, range(each.map(({ outcome }) => of(outcome))));
        return [
          over('calls', 'per hour', ({ callsPerHour }) => callsPerHour),
          over('calls in the busiest hour', 'calls', ({ busiestHour }) => busiestHour),
          over('median delay after issue', 'hours', ({ delays }) => quantile(delays, 0.5) / HOUR),
          over('lower quartile of the delay', 'hours', ({ delays }) => quantile(delays, 0.25) / HOUR),
          over('upper quartile of the delay', 'hours', ({ delays }) => quantile(delays, 0.75) / HOUR),
          over('worst delay', 'hours', ({ delays }) => quantile(delays, 1) / HOUR),
          over('wait in the queue and for the answer', 's', ({ meanQueueSeconds }) => meanQueueSeconds),
          over('the callers are busy', '%', ({ busyShare }) => 100 * busyShare),
          over('renewal checks', 'per day', ({ renewalCalls }) => renewalCalls / days),
          over('logins that the CA rejects', 'logins', ({ rejectedLogins }) => rejectedLogins),
          over('calls with them', 'calls', ({ rejectedCalls }) => rejectedCalls),
          over(
            'median delay after another login, if a rejected one delayed the collection',
            'hours',
            ({ delaysWithoutLogin }) => quantile(delaysWithoutLogin, 0.5) / HOUR,
          ),
        ];
      }),
      ...full.measured,
      ...bursts,
    ],
    tables: [
      ...full.tables,
      table(
        `What to set for ${ORDERS} orders`,
        settings.flatMap(({ callers, intervals }) => [...callers, ...intervals]),
      ),
      ...(points.length > 0
        ? [
            table('How many orders the default settings carry', points),
            overloadTable(deployed, retry),
            renewalTable(deployed, retry),
          ]
        : []),
    ],
    points,
  };
}

function tryLoad(load: Load, retry: BusyPolicy, deployed: Deployed): Point {
  const outcome = simulate(load, retry);
  const { delays, callsPerHour, starved, retriesPerCheck } = outcome;
  const daysToDeadline = Number(deployed.environment.GIVE_UP_SECONDS) / DAY;
  const historyShare = (eventsPerDay(outcome, load.orders, deployed) * daysToDeadline) / HISTORY_LIMIT;
  return {
    orders: load.orders,
    load: loadOf(load),
    caSeconds: load.caSeconds,
    callers: load.callers,
    pollHours: load.pollSeconds / HOUR,
    medianHours: quantile(delays, 0.5) / HOUR,
    worstHours: quantile(delays, 1) / HOUR,
    callsPerHour,
    retriesPerCheck,
    historyShare,
    holds: starved === 0 && historyShare < 1,
  };
}

function loadOf({ orders, caSeconds, pollSeconds, callers }: Load): number {
  return (orders * caSeconds) / (pollSeconds * AVERAGE_WAIT) / callers;
}

/** Whether to recommend a setting: it holds, and refusals, each billed as a state transition, are rarer than checks. */
function isEnough({ holds, retriesPerCheck }: Point): boolean {
  return holds && retriesPerCheck < 1;
}

/** Simulates increasing loads up to the first that does not hold, because all greater loads fail in the same way. */
function untilItFails(sizes: readonly number[], run: (orders: number) => Point): Point[] {
  const points: Point[] = [];
  for (const orders of sizes) {
    const point = run(orders);
    points.push(point);
    if (!point.holds) {
      break;
    }
  }
  return points;
}

function table(title: string, points: readonly Point[]): FigureTable {
  return {
    title,
    columns: [
      'orders',
      'CA answers in (s)',
      'reservedConcurrency',
      'pollEvery (h)',
      'load',
      'calls an hour',
      'median delay (h)',
      'worst delay (h)',
      'refusals a check',
      'their dollars for an order and 30 days',
      'history at the deadline',
      '',
    ],
    rows: points.map((point) => [
      point.orders,
      point.caSeconds,
      point.callers,
      point.pollHours,
      round(point.load),
      round(point.callsPerHour),
      round(point.medianHours),
      Number.isFinite(point.worstHours) ? round(point.worstHours) : 'never',
      round(point.retriesPerCheck),
      round(point.retriesPerCheck * ((30 * DAY) / (point.pollHours * HOUR)) * TRANSITION_DOLLARS),
      `${round(100 * point.historyShare)} %`,
      verdictOn(point),
    ]),
  };
}

function verdictOn(point: Point): string {
  if (point.holds) {
    return isEnough(point) ? 'holds' : 'holds, with many refusals';
  }
  return Number.isFinite(point.worstHours) ? 'histories overrun' : 'orders starve';
}

/** Shows what happens to orders when the default settings' one caller is overloaded. */
function overloadTable(deployed: Deployed, retry: BusyPolicy): FigureTable {
  const { reservedConcurrency: callers, environment } = deployed;
  const pollSeconds = Number(environment.POLL_SECONDS);
  const caSeconds = 3;
  return {
    title: `${OVERLOAD_DAYS} days of overload, ${callers} caller, CA answers in ${caSeconds} s`,
    columns: [
      'load',
      'orders',
      'checks',
      'executions that fail',
      'refusals a check',
      'their dollars for an order and 30 days',
      'median delay (h)',
      'of 99 % (h)',
      'a history is full in (days)',
    ],
    rows: OVERLOADS.map((load) => {
      const orders = Math.round((load * callers * pollSeconds * AVERAGE_WAIT) / caSeconds);
      const days = OVERLOAD_DAYS;
      const outcome = simulate(
        { orders, certificates: 0, caSeconds, callers, pollSeconds, days, seed: 0, begin: 'spread', queueing: 'retry' },
        retry,
      );
      const { delays, calls, callsPerHour, retriesPerCheck, starved } = outcome;
      return [
        load,
        orders,
        calls,
        starved,
        round(retriesPerCheck),
        round(((retriesPerCheck * callsPerHour * 30 * DAY) / HOUR / orders) * TRANSITION_DOLLARS),
        round(quantile(delays, 0.5) / HOUR),
        round(quantile(delays, 0.99) / HOUR),
        Math.round(HISTORY_LIMIT / eventsPerDay(outcome, orders, deployed)),
      ];
    }),
  };
}

/** Shows new orders beside certificates that end within a month and are asked for again, and without them. */
function renewalTable({ reservedConcurrency: callers, environment }: Deployed, retry: BusyPolicy): FigureTable {
  const pollSeconds = Number(environment.POLL_SECONDS);
  return {
    title: `Certificates that end in one month, ${callers} caller`,
    columns: [
      'certificates',
      'waiting orders',
      'CA answers in (s)',
      'first call for a new order after (s): median',
      'of 99 %',
      'worst',
      'checks a day, at most',
      'an hour, at most',
      'a certificate every (days)',
      'checks before its end, at least',
      'renewal collected after (days): median',
      'worst',
    ],
    rows: RENEWAL_LOADS.flatMap(({ waiting, caSeconds }) =>
      [0, RENEWALS].map((certificates) => {
        const load = { waiting, certificates, newOrders: RENEWALS, caSeconds, callers, pollSeconds, seed: 0 };
        const { newOrderSeconds, collectedAfter, ...outcome } = simulateRenewals(load, retry);
        const checks =
          certificates === 0
            ? ['', '', '', '', '', '']
            : [
                outcome.busiestDay,
                outcome.busiestHour,
                outcome.longestInterval,
                outcome.fewestChecks,
                round(quantile(collectedAfter, 0.5) / DAY),
                round(quantile(collectedAfter, 1) / DAY),
              ];
        const delays = [0.5, 0.99, 1].map((part) => Math.round(quantile(newOrderSeconds, part)));
        return [certificates, waiting, caSeconds, ...delays, ...checks];
      }),
    ),
  };
}

/** How long it takes to check every one of the orders that arrive in the same second; empty if an order starves. */
function burst(
  { reservedConcurrency: callers, environment }: Deployed,
  retry: BusyPolicy,
  caSeconds: number,
): Measurement[] {
  const pollSeconds = Number(environment.POLL_SECONDS);
  return BURSTS.flatMap((orders) => {
    const load = {
      orders,
      certificates: 0,
      caSeconds,
      callers,
      pollSeconds,
      days: 2,
      seed: 0,
      begin: 'burst',
      queueing: 'retry',
    } as const;
    const { starved, firstRoundSeconds } = simulate(load, retry);
    const label = `${orders} orders at once, CA answers in ${caSeconds} s: the last is asked for after`;
    return starved > 0 || !Number.isFinite(firstRoundSeconds)
      ? []
      : [measurement(label, 'hours', exactly(firstRoundSeconds / HOUR))];
  });
}

/** The maximum of simulations, and their minimum. */
function worst(values: readonly number[]): Summary {
  const { low, high } = range(values);
  return { value: high, low, high };
}

/** Median, minimum and maximum of simulations that differ only in their random numbers. */
function range(values: readonly number[]): Summary {
  return { ...summarize(values), low: Math.min(...values), high: Math.max(...values) };
}
