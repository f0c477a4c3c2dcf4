import { describe, expect, test } from 'vitest';
import { compile, type ExpressionAssumptions, type Series } from './expression.ts';

const _ = undefined;
const FILLS = { fillsEmptySeries: true };

function calculate(expression: string, series: Readonly<Record<string, Series>>, assumptions: ExpressionAssumptions) {
  return compile(expression, Object.keys(series), assumptions)(series);
}

/**
 * The examples of "Using math expressions with CloudWatch metrics".
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 */
describe("AWS's examples of metric math", () => {
  const series = { metric1: [30, 20, 0, 0], metric2: [20, _, 20, _] };

  test.each([
    ['(metric1 < metric2)', [0, 0, 1, 0]],
    ['(metric1 >= 30)', [1, 0, 0, 0]],
    ['(metric1 > 15 AND metric2 > 15)', [1, 0, 0, 0]],
  ])('%s', (expression, expected) => {
    expect(calculate(expression, series, FILLS)).toEqual(expected);
  });
});

describe('metric math', () => {
  const series: Record<string, Series> = { m1: [1, _, 3, _], m2: [_, _, 4, 2], none: [_, _, _, _] };

  test.each([
    ['m1 + m2', [1, _, 7, 2]],
    ['m1 - m2 * 2', [1, _, -5, -4]],
    ['(m1 - m2) * 2', [2, _, -2, -4]],
    ['-m1', [-1, _, -3, _]],
    ['10 / m1', [10, _, 10 / 3, _]],
    ['m2 / m1', [0, _, 4 / 3, _]],
    ['FILL(m1, 0)', [1, 0, 3, 0]],
    ['FILL(m1, REPEAT)', [1, 1, 3, 3]],
    ['FILL(m2, REPEAT)', [_, _, 4, 2]],
    ['FILL(m1, 0) - FILL(m2, 0)', [1, 0, -1, -2]],
    ['m1 == 3 || m2 == 2', [0, _, 1, 1]],
    ['IF(m1 > 1, m1, 0)', [0, _, 3, _]],
    ['IF(m1 > 1, m1)', [_, _, 3, _]],
    ['MAX([m1, m2])', [1, _, 4, 2]],
    ['MIN([m1, m2])', [1, _, 3, 2]],
    ['SUM([m1, m2])', [1, _, 7, 2]],
  ])('%s', (expression, expected) => {
    expect(calculate(expression, series, FILLS)).toEqual(expected);
  });

  test('A metric without any data point counts as 0 in arithmetic, and may stay empty in FILL.', () => {
    expect(calculate('FILL(none, 0)', series, FILLS)).toEqual([0, 0, 0, 0]);
    expect(calculate('FILL(none, 0)', series, { fillsEmptySeries: false })).toEqual([_, _, _, _]);
    expect(calculate('FILL(m1, 0) - FILL(none, 0)', series, { fillsEmptySeries: false })).toEqual([1, 0, 3, 0]);
  });

  test.each([
    ['', 'is not known'],
    ['1 + 2', 'A time series is expected'],
    ['m3', '"m3" is not known'],
    ['fill(m1, 0)', '"fill" is not known'],
    ['FILL(m1, LINEAR)', '"LINEAR" is not known'],
    ['FILL(m1, m2)', 'FILL is only known with a number or REPEAT'],
    ['MAX(m1)', 'only known for an array'],
    ['(m1', '")" is expected in place of "the end"'],
    ['m1 m2', '"m2" is not expected'],
    ['m1 ? m2', 'not readable from position 2'],
    ['[m1, m2]', 'A time series is expected'],
  ])('An expression that is wrong or unknown is an error: %s', (expression, message) => {
    expect(() => calculate(expression, series, FILLS)).toThrow(message);
  });
});
