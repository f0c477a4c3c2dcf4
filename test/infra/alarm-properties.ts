/** The alarms of a synthesized stack, and the metrics that they use. */
import { all, type SynthesizedStack } from './synthesized.ts';

/** The namespace of this project's metrics. */
export const NAMESPACE = 'MarkCertificateCollector';

export interface Metric {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: string }[];
}

/** A part of an alarm on metric math: a metric with its statistic, or an expression. */
export interface MetricDataQuery {
  readonly Id: string;
  readonly Expression?: string;
  readonly MetricStat?: { readonly Metric: Metric; readonly Period: number; readonly Stat: string };
  /** True if it is missing. */
  readonly ReturnData?: boolean;
}

export interface AlarmProperties extends Partial<Metric> {
  readonly AlarmName: string;
  readonly AlarmDescription: string;
  readonly AlarmActions?: readonly string[];
  readonly OKActions?: readonly string[];
  readonly InsufficientDataActions?: readonly string[];
  readonly ActionsEnabled?: boolean;
  readonly ComparisonOperator: string;
  readonly Threshold: number;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm?: number;
  readonly TreatMissingData?: string;
  readonly Period?: number;
  readonly Statistic?: string;
  readonly Metrics?: readonly MetricDataQuery[];
  readonly WarmUpConfiguration?: {
    readonly WarmUpPeriodDurationInMinutes: number;
    readonly OnlyStartEvaluatingAfterWarmUpPeriodEnds?: boolean;
  };
}

/** Every alarm of a stack, by its construct id without the suffix `Alarm`. */
export function alarmsOf(stack: SynthesizedStack): Record<string, AlarmProperties> {
  return Object.fromEntries(
    all(stack, 'AWS::CloudWatch::Alarm').map(({ name, Properties }) => [
      name.replace(/Alarm$/, ''),
      Properties as unknown as AlarmProperties,
    ]),
  );
}

export function alarmOf(stack: SynthesizedStack, name: string): AlarmProperties {
  const found = alarmsOf(stack)[name];
  if (!found) {
    throw new Error(`The stack has no alarm ${name}`);
  }
  return found;
}

/** A metric that an alarm reads. `id` is its name in the alarm's expression. */
export interface AlarmMetric {
  readonly id: string;
  readonly identity: string;
  readonly statistic: string;
}

/** What an alarm evaluates: an expression over metrics that all have the same period, in seconds. */
export interface AlarmQuery {
  readonly expression: string;
  readonly metrics: readonly AlarmMetric[];
  readonly period: number;
}

/** The metric of a simple alarm, or the expression of an alarm on metric math, in one form. */
export function queryOf(alarm: AlarmProperties): AlarmQuery {
  const { Metrics, Namespace = '', MetricName = '', Dimensions = [], Period = Number.NaN, Statistic = '' } = alarm;
  if (!Metrics) {
    const identity = identityOf({ Namespace, MetricName, Dimensions });
    return { expression: 'm', metrics: [{ id: 'm', identity, statistic: Statistic }], period: Period };
  }
  const stats = Metrics.flatMap(({ Id, MetricStat }) => (MetricStat ? [{ id: Id, ...MetricStat }] : []));
  const [returned, ...others] = Metrics.filter(({ ReturnData }) => ReturnData !== false);
  const [period = Number.NaN, ...otherPeriods] = new Set(stats.map(({ Period: each }) => each));
  if (returned?.Expression === undefined || others.length > 0 || otherPeriods.length > 0) {
    throw new Error(`${alarm.AlarmName}: an alarm returns one expression, over metrics with one period`);
  }
  return {
    expression: returned.Expression,
    metrics: stats.map(({ id, Metric: metric, Stat }) => ({ id, identity: identityOf(metric), statistic: Stat })),
    period,
  };
}

/** Namespace, name and dimensions as one text: what identifies a metric in CloudWatch. */
export function identityOf({ Namespace, MetricName, Dimensions = [] }: Metric): string {
  const dimensions = Dimensions.map(({ Name, Value }) => `${Name}=${Value}`).toSorted();
  return [Namespace, MetricName, ...dimensions].join(' ');
}
