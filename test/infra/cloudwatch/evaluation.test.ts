import { describe, expect, test } from 'vitest';
import { type AlarmState, breaches, evaluate, type Point } from './evaluation.ts';

const TREATMENTS = ['missing', 'ignore', 'breaching', 'notBreaching'] as const;
const RETAIN = 'RETAIN';

/** The notation of AWS's tables: 0 is not breaching, X is breaching, - is missing; the latest point is on the right. */
function pointsOf(text: string): Point[] {
  const meanings: Readonly<Record<string, Point>> = { 0: 'not breaching', X: 'breaching' };
  return text.split(' ').map((symbol) => meanings[symbol]);
}

/**
 * The tables of "How alarm state is evaluated when data is missing", with an evaluation range of five data points.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
 */
describe("AWS's examples of missing data", () => {
  const THREE_OF_THREE = [
    ['0 - X - X', 'OK', 'OK', 'OK', 'OK'],
    ['0 - - - -', 'OK', 'OK', 'OK', 'OK'],
    ['- - - - -', 'INSUFFICIENT_DATA', RETAIN, 'ALARM', 'OK'],
    ['0 X X - X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
    ['- - X - -', 'ALARM', RETAIN, 'ALARM', 'OK'],
    // "The alarm does not go immediately into ALARM state." An earlier edition of the page has this row in its table.
    ['- - - - X', 'INSUFFICIENT_DATA', RETAIN, 'ALARM', 'OK'],
    ['- - - X -', 'INSUFFICIENT_DATA', RETAIN, 'ALARM', 'OK'],
    ['- - - X 0', 'OK', 'OK', 'OK', 'OK'],
    ['- - X - 0', 'OK', 'OK', 'OK', 'OK'],
  ] as const;
  const TWO_OF_THREE = [
    ['0 - X - X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
    ['0 0 X 0 X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
    ['0 - X - -', 'OK', 'OK', 'ALARM', 'OK'],
    ['- - - - 0', 'OK', 'OK', 'ALARM', 'OK'],
    ['- - - X -', 'ALARM', RETAIN, 'ALARM', 'OK'],
  ] as const;
  const rows = [
    ...THREE_OF_THREE.map((row) => ({ datapointsToAlarm: 3, row })),
    ...TWO_OF_THREE.map((row) => ({ datapointsToAlarm: 2, row })),
  ].map(({ datapointsToAlarm, row: [points, ...states] }) => ({ datapointsToAlarm, points, states }));

  test.each(rows)('$datapointsToAlarm out of 3: $points', ({ datapointsToAlarm, points, states }) => {
    for (const current of ['OK', 'ALARM', 'INSUFFICIENT_DATA'] satisfies AlarmState[]) {
      const results = TREATMENTS.map((treatMissingData) =>
        evaluate(pointsOf(points), { evaluationPeriods: 3, datapointsToAlarm, treatMissingData }, current),
      );
      expect(results).toEqual(states.map((state) => (state === RETAIN ? current : state)));
    }
  });

  test('The figure of "Evaluating an alarm": three periods in a row above the threshold fire, a single one does not.', () => {
    const values = [2, 2.5, 4, 5, 3.5, 2, 1, 2, 4, 2];
    const points = values.map((value) =>
      breaches(value, 'GreaterThanThreshold', 3) ? 'breaching' : 'not breaching',
    ) satisfies Point[];
    const rules = { evaluationPeriods: 3, datapointsToAlarm: 3, treatMissingData: 'missing' };
    const states = points.map((_, index) => evaluate(points.slice(0, index + 1).slice(-5), rules, 'OK'));
    expect(states.map((state) => state === 'ALARM')).toEqual(values.map((_, index) => index === 4));
  });
});

describe('the comparison with a threshold', () => {
  test.each([
    ['GreaterThanOrEqualToThreshold', [false, true, true]],
    ['GreaterThanThreshold', [false, false, true]],
    ['LessThanThreshold', [true, false, false]],
    ['LessThanOrEqualToThreshold', [true, true, false]],
  ])('%s', (operator, expected) => {
    expect([2, 3, 4].map((value) => breaches(value, operator, 3))).toEqual(expected);
  });

  test('An unknown comparison is an error.', () => {
    expect(() => breaches(1, 'LessThanLowerThreshold', 3)).toThrow('LessThanLowerThreshold');
  });
});
