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

/**
 * AWS's list prices in dollars for what the survey reads, and for the logs of CloudFront, for us-east-1 in 2026-11.
 * CloudFront itself charges nothing for the logs (AWS: CloudFront, Standard logging). Pages "Amazon S3 pricing" and "AWS
 * Lambda pricing"; quoted elsewhere. AWS does not state whether a delivery is billed as a write; here it is.
 */
const SURVEY_PRICES = {
  /** A write, or a list of up to 1,000 keys. */
  write: 0.005 / 1000,
  read: 0.0004 / 1000,
  gigabyteMonth: 0.023,
  gigabyteSecond: 0.0000133334,
} as const;

/** A log file of a few requests, in bytes, and the seconds in which the survey reads one: it reads five at the same time. */
const LOG_BYTES = 2_000;
const LOG_READ_SECONDS = 0.05 / 5;

/** Objects of an order that an overview reads: its status and its manifest. */
const OBJECTS_OF_AN_ORDER = 2;
/** The survey reads 50 objects at the same time, each in 50 ms. Its CPU needs as long. */
const OBJECT_READ_SECONDS = 0.05 / 50;
/** Each survey lists the files of four days: a file can be delivered late. */
const LISTED_DAYS = 4;
const LISTED_KEYS = 1000;

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

/**
 * Calculates what the setting `publishLogs` costs in a month, in dollars: the files are written, kept for 30 days, listed
 * and read once.
 *
 * @param files log files in a month. CloudFront writes one or more an hour if there are requests.
 */
export function logsBill(files: number): number {
  return (
    files * (SURVEY_PRICES.write + SURVEY_PRICES.read) +
    ((files * LISTED_DAYS) / LISTED_KEYS) * SURVEY_PRICES.write +
    ((files * LOG_BYTES) / 1e9) * SURVEY_PRICES.gigabyteMonth +
    files * LOG_READ_SECONDS * surveyGigabytes() * SURVEY_PRICES.gigabyteSecond
  );
}

/**
 * Calculates what overviews after outcomes cost, in dollars: each reads the status and the manifest of every order. The
 * few files that it writes are not included.
 */
export function refreshesBill(orders: number, refreshes: number): number {
  const objects = orders * OBJECTS_OF_AN_ORDER;
  const lists = Math.ceil(objects / LISTED_KEYS);
  const seconds = objects * OBJECT_READ_SECONDS;
  return (
    refreshes *
    (objects * SURVEY_PRICES.read +
      lists * SURVEY_PRICES.write +
      seconds * surveyGigabytes() * SURVEY_PRICES.gigabyteSecond)
  );
}

/** The memory of the survey in the synthesized template. */
function surveyGigabytes(): number {
  const [survey] = deployTemplate({})
    .resources('AWS::Lambda::Function')
    .filter(({ Properties }) => JSON.stringify(Properties.Environment).includes('REMIND_BEFORE_DAYS'));
  return Number(survey?.Properties.MemorySize) / 1024;
}

/** The number of metrics that all alarms read. An expression reads no metric itself. */
function alarmMetrics(alarms: readonly { readonly Properties: Readonly<Record<string, unknown>> }[]): number {
  return alarms.reduce((total, { Properties: { Metrics } }) => {
    const read = Array.isArray(Metrics) ? Metrics.filter((each: object) => 'MetricStat' in each).length : 1;
    return total + read;
  }, 0);
}
