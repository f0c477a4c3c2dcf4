import { Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { METRICS_NAMESPACE } from '../functions/metrics.ts';

/** The functions that write metrics. */
export type MetricService = 'collect' | 'notify' | 'survey' | 'push' | 'publish' | 'revoke';

/** A metric that a function of one collector writes. */
export function functionMetric(
  collector: string,
  service: MetricService,
  metricName: string,
  statistic: string,
  options: MetricOptions,
): Metric {
  return new Metric({
    namespace: METRICS_NAMESPACE,
    metricName,
    statistic,
    ...options,
    dimensionsMap: { ...options.dimensionsMap, service, collector },
  });
}
