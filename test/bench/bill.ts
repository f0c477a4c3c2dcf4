import { COLLECT_METRICS, SURVEY_METRICS, WAITING_METRICS } from '../../functions/metrics.ts';
import { deployTemplate } from '../../infra/local/cloud/template.ts';
import type { SettingsInput } from '../../infra/settings.ts';

/**
 * AWS's list prices in dollars a month for us-east-1 in 2026-11, without free tiers. Pages "AWS Secrets Manager pricing"
 * and "Amazon CloudWatch pricing"; both quoted elsewhere.
 */
const MONTHLY_PRICES = {
  secret: 0.4,
  /** For each metric that an alarm reads: an alarm with metric math reads several. */
  alarmMetric: 0.1,
  dashboard: 3,
  /** A metric of our namespace that has data in every hour. AWS bills the hours in which it has data. */
  metric: 0.3,
} as const;

/** The metrics that a check writes while an order is being processed. */
const METRICS_OF_A_CHECK = [
  COLLECT_METRICS.waiting,
  WAITING_METRICS.processing,
  COLLECT_METRICS.waitingDays,
  COLLECT_METRICS.calls,
  COLLECT_METRICS.reached,
  COLLECT_METRICS.milliseconds,
].length;

/** The metrics that a daily survey writes. */
const METRICS_OF_A_SURVEY = Object.keys(SURVEY_METRICS).length;
const HOURS_OF_A_DAY = 24;

/** What a collector costs in a month besides its orders, in dollars. */
export interface MonthlyBill {
  readonly secrets: number;
  readonly alarms: number;
  readonly dashboard: number;
  readonly metrics: number;
  readonly total: number;
}

/**
 * Calculates what a stack with these settings costs in a month, without its orders, from the synthesized template.
 *
 * @param waitingOrders orders that wait all the time. They determine in how many hours the metrics of a check have data:
 * with random starts, an hour is without a check with the probability (1 - 1 h / poll interval) ^ orders.
 * @param pollHours hours between two checks of an order.
 */
export function monthlyBill(settings: SettingsInput, waitingOrders: number, pollHours: number): MonthlyBill {
  const template = deployTemplate(settings);
  const shareOfHours = 1 - Math.max(0, 1 - 1 / pollHours) ** waitingOrders;
  const metricMonths = METRICS_OF_A_CHECK * shareOfHours + METRICS_OF_A_SURVEY / HOURS_OF_A_DAY;
  const bill = {
    secrets: template.resources('AWS::SecretsManager::Secret').length * MONTHLY_PRICES.secret,
    alarms: alarmMetrics(template.resources('AWS::CloudWatch::Alarm')) * MONTHLY_PRICES.alarmMetric,
    dashboard: template.resources('AWS::CloudWatch::Dashboard').length * MONTHLY_PRICES.dashboard,
    metrics: metricMonths * MONTHLY_PRICES.metric,
  };
  return { ...bill, total: Object.values(bill).reduce((total, each) => total + each, 0) };
}

/** The number of metrics that all alarms read. An expression reads no metric itself. */
function alarmMetrics(alarms: readonly { readonly Properties: Readonly<Record<string, unknown>> }[]): number {
  return alarms.reduce((total, { Properties: { Metrics } }) => {
    const read = Array.isArray(Metrics) ? Metrics.filter((each: object) => 'MetricStat' in each).length : 1;
    return total + read;
  }, 0);
}
