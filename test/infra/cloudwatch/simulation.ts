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
  const periods = query.metrics.map(({ identity, statistic }) => {
    const samples = data.get(identity);
    return samples && periodsOf(samples, statistic, query.period);
  });
  const transitions: Transition[] = [];
  const byId: Record<string, Series> = {};
  let state: AlarmState = 'INSUFFICIENT_DATA';
  let evaluates = false;
  let previous: readonly Series[] = [];
  for (const at of evaluationTimes(alarm, query, data, run)) {
    const retrieved = retrieve(periods, alarm.EvaluationPeriods, at, run.assumptions);
    // The same data points cause no other state.
    if (evaluates && isSame(retrieved, previous)) {
      continue;
    }
    previous = retrieved;
    for (const [index, id] of ids.entries()) {
      byId[id] = retrieved[index] ?? [];
    }
    const series = calculate(byId);
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
  metrics: readonly (Periods | undefined)[],
  evaluationPeriods: number,
  at: number,
  { extraPoints, delay }: Assumptions,
): readonly Series[] {
  const count = evaluationPeriods + extraPoints;
  return metrics.map((periods) => {
    const points: (number | undefined)[] = new Array(count).fill(undefined);
    if (periods) {
      for (let index = 0; index < count; index += 1) {
        const end = at - (count - 1 - index) * periods.period;
        points[index] = end <= at - delay ? pointOf(periods, end) : visiblePointOf(periods, end, at - delay);
      }
    }
    return points;
  });
}

function isSame(some: readonly Series[], others: readonly Series[]): boolean {
  for (let metric = 0; metric < some.length; metric += 1) {
    const [points = [], other = []] = [some[metric], others[metric]];
    for (let index = 0; index < points.length; index += 1) {
      if (points[index] !== other[index]) {
        return false;
      }
    }
  }
  return true;
}

/** The periods of a metric. Every evaluation of every run reads the same ones. */
interface Periods {
  readonly samples: readonly Sample[];
  readonly statistic: string;
  readonly period: number;
  /** The data point of the period that ends at a minute: null until it is read, undefined if it has no sample. */
  readonly points: (number | undefined | null)[];
}

const allPeriods = new WeakMap<readonly Sample[], Map<string, Periods>>();

function periodsOf(samples: readonly Sample[], statistic: string, period: number): Periods {
  const known = allPeriods.get(samples) ?? new Map<string, Periods>();
  allPeriods.set(samples, known);
  const key = `${statistic} ${period}`;
  const periods = known.get(key) ?? {
    samples,
    statistic,
    period,
    points: new Array(Math.ceil(((samples.at(-1)?.at ?? 0) + period) / MINUTE) + 1).fill(null),
  };
  known.set(key, periods);
  return periods;
}

/** The data point of the period that ends at a full minute. */
function pointOf(periods: Periods, end: number): number | undefined {
  const { points } = periods;
  const minute = end / MINUTE;
  if (end <= 0 || minute >= points.length) {
    return undefined;
  }
  const known = points[minute];
  if (known !== null) {
    return known;
  }
  const calculated = visiblePointOf(periods, end, end);
  points[minute] = calculated;
  return calculated;
}

/** The data point of a period, made of the samples until a time, including it. */
function visiblePointOf({ samples, statistic, period }: Periods, end: number, until: number): number | undefined {
  const from = firstIndex(samples, end - period);
  const to = firstIndex(samples, Math.min(end, until + 1), from);
  return from === to ? undefined : aggregate(samples, from, to, statistic);
}

/** The statistic of the samples from index `from` up to, but not including, `to`. */
function aggregate(samples: readonly Sample[], from: number, to: number, statistic: string): number {
  let [sum, maximum, minimum] = [0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let index = from; index < to; index += 1) {
    const value = samples[index]?.value ?? Number.NaN;
    sum += value;
    maximum = Math.max(maximum, value);
    minimum = Math.min(minimum, value);
  }
  switch (statistic) {
    case 'Sum':
      return sum;
    case 'Average':
      return sum / (to - from);
    case 'SampleCount':
      return to - from;
    case 'Maximum':
      return maximum;
    case 'Minimum':
      return minimum;
    default:
      throw new Error(`The statistic ${statistic} is not known`);
  }
}

/** The index of the first sample at this time or later, from an index on. */
function firstIndex(samples: readonly Sample[], at: number, from = 0): number {
  let low = from;
  let high = samples.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((samples[middle]?.at ?? 0) < at) {
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
  const warmUp = warmUpOf({ EvaluationPeriods, ...alarm });
  // One mark for each evaluation until the end. Many samples cause the same evaluations.
  const marks = new Uint8Array(Math.floor(until / step) + 1);
  const mark = (time: number) => {
    marks[Math.ceil(time / step)] = 1;
  };
  mark(createdAt + 1);
  mark(createdAt + warmUp.seconds);
  for (const { identity } of metrics) {
    for (const { at } of data.get(identity) ?? []) {
      mark(at + delay);
      for (let periods = 0; periods <= EvaluationPeriods + extraPoints; periods += 1) {
        mark(at + periods * period + 1);
      }
    }
  }
  const times: number[] = [];
  for (let index = Math.floor(createdAt / step) + 1; index < marks.length; index += 1) {
    if (marks[index] === 1) {
      times.push(index * step);
    }
  }
  return times;
}
