/**
 * Runs an alarm over recorded metrics, as CloudWatch does. All times are seconds, counted from an hour's beginning.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
 */
import { type AlarmProperties, type AlarmQuery, queryOf } from '../alarm-properties.ts';
import { type AlarmState, breaches, evaluate, type Point } from './evaluation.ts';
import { compile, type ExpressionAssumptions, type Series } from './expression.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A value that was written to a metric. */
export interface Sample {
  readonly at: number;
  readonly value: number;
}

/** The samples of each metric, by its identity, the oldest first. */
export type MetricData = ReadonlyMap<string, readonly Sample[]>;

/** What AWS does not document, or what differs from one moment to the next. */
export interface Assumptions extends ExpressionAssumptions {
  /** How many data points CloudWatch retrieves in addition to those that the alarm evaluates. */
  readonly extraPoints: number;
  /** Seconds after which CloudWatch can read a sample. */
  readonly delay: number;
}

/** A change of the state of an alarm, and the actions that it causes. */
export interface Transition {
  readonly at: number;
  readonly to: AlarmState;
  readonly actions: readonly string[];
}

export interface Run {
  readonly createdAt: number;
  readonly until: number;
  readonly assumptions: Assumptions;
}

/**
 * Returns every change of state. A new alarm has the state INSUFFICIENT_DATA. CloudWatch evaluates it once a minute, or
 * once an hour with the data up to this hour if it covers more than a day. This function leaves out the evaluations at
 * which no data point can differ from the previous evaluation.
 */
export function simulate(alarm: AlarmProperties, data: MetricData, run: Run): Transition[] {
  const query = queryOf(alarm);
  const ids = query.metrics.map(({ id }) => id);
  const calculate = compile(query.expression, ids, run.assumptions);
  const rules = {
    evaluationPeriods: alarm.EvaluationPeriods,
    datapointsToAlarm: alarm.DatapointsToAlarm ?? alarm.EvaluationPeriods,
    treatMissingData: alarm.TreatMissingData ?? 'missing',
  };
  const warmUp = warmUpOf(alarm);
  const transitions: Transition[] = [];
  let state: AlarmState = 'INSUFFICIENT_DATA';
  let evaluates = false;
  let previous: readonly Series[] = [];
  for (const at of evaluationTimes(alarm, query, data, run)) {
    const retrieved = retrieve(alarm, query, data, at, run.assumptions);
    // The same data points cause no other state.
    if (evaluates && isSame(retrieved, previous)) {
      continue;
    }
    previous = retrieved;
    const series = calculate(Object.fromEntries(retrieved.map((points, index) => [ids[index], points])));
    evaluates ||=
      at >= run.createdAt + warmUp.seconds ||
      // "The alarm ends the warm-up period early" when data fills its window.
      (warmUp.endsEarly && series.slice(-alarm.EvaluationPeriods).every((value) => value !== undefined));
    if (!evaluates) {
      continue;
    }
    const points = series.map((value): Point => {
      if (value === undefined) {
        return undefined;
      }
      return breaches(value, alarm.ComparisonOperator, alarm.Threshold) ? 'breaching' : 'not breaching';
    });
    const to = evaluate(points, rules, state);
    if (to !== state) {
      state = to;
      transitions.push({ at, to, actions: actionsOf(alarm, to) });
    }
  }
  return transitions;
}

function warmUpOf({ WarmUpConfiguration }: AlarmProperties) {
  const minutes = WarmUpConfiguration?.WarmUpPeriodDurationInMinutes ?? 0;
  return {
    seconds: minutes * MINUTE,
    endsEarly: WarmUpConfiguration?.OnlyStartEvaluatingAfterWarmUpPeriodEnds !== true,
  };
}

/** "An alarm invokes actions only when the alarm changes state." */
function actionsOf(alarm: AlarmProperties, state: AlarmState): readonly string[] {
  if (alarm.ActionsEnabled === false) {
    return [];
  }
  const { AlarmActions = [], OKActions = [], InsufficientDataActions = [] } = alarm;
  return { ALARM: AlarmActions, OK: OKActions, INSUFFICIENT_DATA: InsufficientDataActions }[state];
}

/**
 * The data points of each metric of a query in the evaluation range at one time, the oldest first. Each period ends where the next
 * begins.
 */
function retrieve(
  { EvaluationPeriods }: AlarmProperties,
  { metrics, period }: AlarmQuery,
  data: MetricData,
  at: number,
  { extraPoints, delay }: Assumptions,
): readonly Series[] {
  const count = EvaluationPeriods + extraPoints;
  return metrics.map(({ identity, statistic }) => {
    const samples = data.get(identity) ?? NO_SAMPLES;
    const sorted = timesOf(samples);
    const visible = firstIndex(sorted, at - delay + 1);
    const points: (number | undefined)[] = [];
    // The index of the first sample of a period, and of the first one after it.
    let from = firstIndex(sorted, at - count * period, 0, visible);
    for (let remaining = count - 1; remaining >= 0; remaining -= 1) {
      const end = at - remaining * period;
      const isEmpty = from === visible || (sorted[from] ?? 0) >= end;
      const to = isEmpty ? from : firstIndex(sorted, end, from, visible);
      points.push(from === to ? undefined : aggregate(samples, from, to, statistic));
      from = to;
    }
    return points;
  });
}

function isSame(some: readonly Series[], others: readonly Series[]): boolean {
  return some.every((points, metric) => {
    const other = others[metric];
    return points.every((point, index) => point === other?.[index]);
  });
}

/** Aggregates the samples from an index until before another one. */
function aggregate(samples: readonly Sample[], from: number, to: number, statistic: string): number {
  const sum = () => (sumsOf(samples)[to] ?? 0) - (sumsOf(samples)[from] ?? 0);
  const reduce = (choose: (one: number, other: number) => number) => {
    let chosen = samples[from]?.value ?? Number.NaN;
    for (let index = from + 1; index < to; index += 1) {
      chosen = choose(chosen, samples[index]?.value ?? Number.NaN);
    }
    return chosen;
  };
  switch (statistic) {
    case 'Sum':
      return sum();
    case 'Average':
      return sum() / (to - from);
    case 'SampleCount':
      return to - from;
    case 'Maximum':
      return reduce(Math.max);
    case 'Minimum':
      return reduce(Math.min);
    default:
      throw new Error(`The statistic ${statistic} is not known`);
  }
}

const sums = new WeakMap<readonly Sample[], Float64Array>();

/** The sum of the samples before each index. Thousands of periods overlap, and the values are whole numbers. */
function sumsOf(samples: readonly Sample[]): Float64Array {
  const known = sums.get(samples);
  if (known) {
    return known;
  }
  const calculated = new Float64Array(samples.length + 1);
  for (const [index, { value }] of samples.entries()) {
    calculated[index + 1] = (calculated[index] ?? 0) + value;
  }
  sums.set(samples, calculated);
  return calculated;
}

const NO_SAMPLES: readonly Sample[] = [];

const times = new WeakMap<readonly Sample[], Float64Array>();

/** The times of samples, which are searched millions of times. */
function timesOf(samples: readonly Sample[]): Float64Array {
  const known = times.get(samples) ?? Float64Array.from(samples, ({ at }) => at);
  times.set(samples, known);
  return known;
}

/** The index of the first time that is this one or later, between two indices. */
function firstIndex(sorted: Float64Array, at: number, from = 0, to = sorted.length): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < at) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** The evaluations at which a sample enters a period, moves to the next period, or becomes visible. */
function evaluationTimes(
  { EvaluationPeriods, ...alarm }: AlarmProperties,
  { metrics, period }: AlarmQuery,
  data: MetricData,
  { createdAt, until, assumptions: { extraPoints, delay } }: Run,
): number[] {
  const step = period * EvaluationPeriods > DAY ? HOUR : MINUTE;
  const next = (time: number) => Math.ceil(time / step) * step;
  const warmUp = warmUpOf({ EvaluationPeriods, ...alarm });
  const times = new Set([next(createdAt + 1), next(createdAt + warmUp.seconds)]);
  for (const { identity } of metrics) {
    for (const { at } of data.get(identity) ?? []) {
      times.add(next(at + delay));
      for (let periods = 0; periods <= EvaluationPeriods + extraPoints; periods += 1) {
        times.add(next(at + periods * period + 1));
      }
    }
  }
  return [...times].filter((time) => time > createdAt && time <= until).toSorted((left, right) => left - right);
}
