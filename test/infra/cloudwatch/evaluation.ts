/**
 * How CloudWatch determines the state of an alarm from its data points.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
 */

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

/** A retrieved data point, compared with the threshold; undefined if it is missing. */
export type Point = 'breaching' | 'not breaching' | undefined;

export interface EvaluationRules {
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;
  /** `missing`, `ignore`, `breaching` or `notBreaching`. */
  readonly treatMissingData: string;
}

/**
 * The new state of an alarm.
 *
 * @param points the evaluation range, the oldest first: at least as many points as the alarm evaluates.
 * @param current the present state, which `ignore` may keep.
 */
export function evaluate(points: readonly Point[], rules: EvaluationRules, current: AlarmState): AlarmState {
  const { evaluationPeriods, datapointsToAlarm, treatMissingData } = rules;
  const existing = points.filter((point) => point !== undefined);
  const evaluated = existing.slice(-evaluationPeriods);
  const breaching = evaluated.filter((point) => point === 'breaching').length;
  const missing = evaluationPeriods - evaluated.length;
  const reaches = (count: number): AlarmState => (count >= datapointsToAlarm ? 'ALARM' : 'OK');
  // The setting for missing data is used only if there are too few real data points in the whole range, and only for as
  // many points as are missing.
  if (missing === 0 || treatMissingData === 'notBreaching') {
    return reaches(breaching);
  }
  if (treatMissingData === 'breaching') {
    return reaches(breaching + missing);
  }
  if (breaching >= datapointsToAlarm) {
    return 'ALARM';
  }
  if (evaluated.includes('not breaching')) {
    return 'OK';
  }
  if (treatMissingData === 'ignore') {
    return current;
  }
  // "Avoiding premature transitions": without any real data point that does not breach, the alarm waits until the
  // oldest breaching one is as old as "Datapoints to Alarm".
  const oldest = points.length - points.indexOf('breaching');
  return breaching > 0 && oldest >= datapointsToAlarm ? 'ALARM' : 'INSUFFICIENT_DATA';
}

/** Compares a value with the threshold of an alarm. */
export function breaches(value: number, operator: string, threshold: number): boolean {
  switch (operator) {
    case 'GreaterThanOrEqualToThreshold':
      return value >= threshold;
    case 'GreaterThanThreshold':
      return value > threshold;
    case 'LessThanThreshold':
      return value < threshold;
    case 'LessThanOrEqualToThreshold':
      return value <= threshold;
    default:
      throw new Error(`The comparison ${operator} is not known`);
  }
}
