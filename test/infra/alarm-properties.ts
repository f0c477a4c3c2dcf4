/** The alarms of a synthesized stack, and the metrics that they use. */
import { all, type SynthesizedStack } from './synthesized.ts';

/** The namespace of this project's metrics. */
export const NAMESPACE = 'MarkCertificateCollector';

export interface Metric {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: string }[];
}

export interface AlarmProperties extends Partial<Metric> {
  readonly AlarmDescription: string;
  readonly AlarmActions: readonly string[];
  readonly ActionsEnabled?: boolean;
  readonly ComparisonOperator: string;
  readonly Threshold: number;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm?: number;
  readonly TreatMissingData?: string;
  readonly Period?: number;
  readonly Statistic?: string;
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

export function metricOf({ Namespace = '', MetricName = '', Dimensions = [] }: AlarmProperties): Metric {
  return { Namespace, MetricName, Dimensions };
}

/** Namespace, name and dimensions as one text: what identifies a metric in CloudWatch. */
export function identityOf({ Namespace, MetricName, Dimensions = [] }: Metric): string {
  const dimensions = Dimensions.map(({ Name, Value }) => `${Name}=${Value}`).toSorted();
  return [Namespace, MetricName, ...dimensions].join(' ');
}
