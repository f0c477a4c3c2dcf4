import type { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { METRICS_NAMESPACE } from '../functions/metrics.ts';

/** A metric that a function of one collector writes. */
export function functionMetric(
  collector: string,
  service: 'collect' | 'notify' | 'survey' | 'push' | 'publish' | 'revoke',
  metricName: string,
  statistic: string,
  period: Duration,
): Metric {
  return new Metric({
    namespace: METRICS_NAMESPACE,
    metricName,
    dimensionsMap: { service, collector },
    statistic,
    period,
  });
}
