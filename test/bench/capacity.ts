import { AVERAGE_WAIT } from '../../functions/collect/waiting.ts';
import { deployTemplate } from '../../infra/local/cloud/template.ts';
import { type AlarmProperties, queryOf } from '../infra/alarm-properties.ts';
import { type MetricData, type Sample, simulate as simulateAlarm } from '../infra/cloudwatch/simulation.ts';
import type { BusyPolicy } from './machine.ts';
import { atMost, exactly, type FigureTable, type Measurement, measurement, quantile, round } from './measure.ts';
import { type Load, type Outcome, simulate } from './simulation.ts';

const HOUR = 3600;
const MINUTE = 60;

/**
 * How CloudWatch behaves where AWS documents nothing: the behaviour with which the alarm fires latest. It can read
 * Lambda's metrics minutes late.
 */
const ASSUMPTIONS = { fillsEmptySeries: false, extraPoints: 1, delay: 3 * MINUTE };

/** A caller is full if even an ideal queue delays a check by this share of the time between two checks. */
const LATE_SHARE = 0.01;

/** The loads of the table, as shares of the number of orders with which the caller is full. */
const SHARES = [0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1];

/** A simulated load, without the number of orders. */
export type CapacityLoad = Omit<Load, 'orders' | 'seed' | 'begin' | 'queueing'>;

/** The numbers of orders at which callers are full, and at which the alarm fires. */
export interface Capacity {
  readonly full: number;
  readonly alarm: number;
}

/** The alarm "Collect is throttled", as synthesized for a number of callers. */
export function throttledAlarm(callers: number): AlarmProperties {
  const template = deployTemplate(callers === 1 ? {} : { reservedConcurrency: callers });
  return template.resource('AWS::CloudWatch::Alarm', 'CollectThrottled').Properties as unknown as AlarmProperties;
}

/** Seconds until the alarm fires for simulated invocations; undefined if it does not fire. */
export function alarmAfter(
  alarm: AlarmProperties,
  { invocations, throttles }: Pick<Outcome, 'invocations' | 'throttles'>,
): number | undefined {
  const counts: Readonly<Record<string, Uint32Array>> = { Invocations: invocations, Throttles: throttles };
  const data: MetricData = new Map(
    queryOf(alarm).metrics.map(({ identity }) => {
      const name = Object.keys(counts).find((each) => identity.startsWith(`AWS/Lambda ${each} `));
      if (name === undefined) {
        throw new Error(`The simulation does not write the metric ${identity}`);
      }
      return [identity, samplesOf(counts[name] ?? new Uint32Array())];
    }),
  );
  const until = invocations.length * MINUTE;
  return simulateAlarm(alarm, data, { createdAt: 0, until, assumptions: ASSUMPTIONS }).find(({ to }) => to === 'ALARM')
    ?.at;
}

/** Sums of five minutes: the alarm has periods of an hour, and is evaluated at each sample. */
function samplesOf(counts: Uint32Array): Sample[] {
  const samples: Sample[] = [];
  for (let minute = 0; minute < counts.length; minute += 5) {
    const value = counts.subarray(minute, minute + 5).reduce((sum, count) => sum + count, 0);
    if (value > 0) {
      samples.push({ at: minute * MINUTE, value });
    }
  }
  return samples;
}

/** Finds the number of orders at which callers are full, and at which the alarm fires. */
export function findCapacity(load: CapacityLoad, retry: BusyPolicy): Capacity {
  const alarm = throttledAlarm(load.callers);
  // The load is 1: each order has a check in each average wait.
  const expected = (load.callers * load.pollSeconds * AVERAGE_WAIT) / load.caSeconds;
  const step = Math.max(1, Math.round(expected / 100));
  const limit = Math.ceil((1.3 * expected) / step);
  const run = (orders: number, queueing: Load['queueing']) =>
    simulate({ ...load, orders, queueing, seed: 0, begin: 'spread' }, retry);
  const isFull = (orders: number) =>
    run(orders, 'ideal').meanQueueSeconds - load.caSeconds > LATE_SHARE * load.pollSeconds * AVERAGE_WAIT;
  return {
    full: fewest(step, limit, isFull),
    alarm: fewest(step, limit, (orders) => alarmAfter(alarm, run(orders, 'retry')) !== undefined),
  };
}

/** The fewest orders for which something holds, as a multiple of a step; infinite if there is none up to the limit. */
function fewest(step: number, steps: number, holds: (orders: number) => boolean): number {
  let [low, high] = [0, steps + 1];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle * step)) {
      high = middle;
    } else {
      low = middle;
    }
  }
  return high > steps ? Number.POSITIVE_INFINITY : high * step;
}

/**
 * Measures at how many orders one caller is full, and whether the alarm fires before.
 *
 * @param loads one caller, with each speed of the CA.
 * @param withTable whether to simulate the loads of the table too.
 */
export function measureCapacity(loads: readonly CapacityLoad[], retry: BusyPolicy, withTable: boolean) {
  const found = loads.map((load) => ({ load, capacity: findCapacity(load, retry) }));
  const measured: Measurement[] = found.flatMap(({ load: { caSeconds, callers }, capacity: { full, alarm } }) => {
    const label = `CA answers in ${caSeconds} s, ${callers} caller`;
    return [
      measurement(`${label}: is full with`, 'orders', exactly(full)),
      measurement(`${label}: the alarm fires with`, 'orders', exactly(alarm)),
    ];
  });
  const table: FigureTable = {
    title: 'Until one caller is full',
    columns: [
      'orders',
      'CA answers in (s)',
      'of those with which it is full',
      'the caller is busy',
      'refusals a check',
      'a check waits (s)',
      'median delay (h)',
      'of 99 % (h)',
      'the alarm fires after (h)',
    ],
    rows: found.flatMap(({ load, capacity: { full } }) =>
      SHARES.map((share) => {
        const orders = Math.round(share * full);
        const outcome = simulate({ ...load, orders, seed: 0, begin: 'spread', queueing: 'retry' }, retry);
        const after = alarmAfter(throttledAlarm(load.callers), outcome);
        return [
          orders,
          load.caSeconds,
          `${Math.round(100 * share)} %`,
          `${Math.round(100 * outcome.busyShare)} %`,
          round(outcome.retriesPerCheck),
          Math.round(outcome.meanQueueSeconds),
          round(quantile(outcome.delays, 0.5) / HOUR),
          round(quantile(outcome.delays, 0.99) / HOUR),
          after === undefined ? 'never' : round(after / HOUR),
        ];
      }),
    ),
  };
  return {
    figures: [
      atMost(
        'count',
        'scale-alarm-before-full',
        0.9,
        exactly(Math.max(...found.map(({ capacity: { full, alarm } }) => alarm / full))),
      ),
    ],
    measured,
    tables: withTable ? [table] : [],
  };
}
