import { describe, expect, test } from 'vitest';
import { atLeast, atMost, exactly, isBeyondLimit } from './measure.ts';
import { figuresTable } from './text.ts';

describe('a figure', () => {
  test.each([
    ['count', 100, 'within its target', true, false],
    ['count', 101, 'not within its target', false, false],
    ['count', 120, 'not within its target', false, false],
    ['count', 121, 'a failure of the benchmark', false, true],
    ['time', 100, 'within its target', true, false],
    ['time', 121, 'not within its target', false, false],
    ['time', 200, 'not within its target', false, false],
    ['time', 201, 'a failure of the benchmark', false, true],
  ] as const)('A %s of %d is %s, if it must be at most 100.', (kind, value, _, within, fails) => {
    const figure = atMost(kind, 'x', 100, exactly(value));
    expect(figure.within).toBe(within);
    expect(isBeyondLimit(figure)).toBe(fails);
  });

  test.each([
    ['count', 100, true, false],
    ['count', 90, false, false],
    ['count', 83, false, true],
    ['time', 60, false, false],
    ['time', 49, false, true],
  ] as const)(
    'A %s of %d that must be at least 100: it is within its target: %j; the benchmark fails: %j.',
    (kind, value, within, fails) => {
      const figure = atLeast(kind, 'x', 100, exactly(value), 'times faster');
      expect(figure.within).toBe(within);
      expect(isBeyondLimit(figure)).toBe(fails);
    },
  );

  test.each(['count', 'time'] as const)('A %s that must be 0 fails at 1.', (kind) => {
    expect(isBeyondLimit(atMost(kind, 'x', 0, exactly(0)))).toBe(false);
    expect(isBeyondLimit(atMost(kind, 'x', 0, exactly(1)))).toBe(true);
  });

  test.each(['count', 'time'] as const)('A %s that could not be measured fails.', (kind) => {
    expect(isBeyondLimit(atMost(kind, 'x', 1, exactly(Number.NaN)))).toBe(true);
    expect(isBeyondLimit(atLeast(kind, 'x', 1, exactly(Number.NaN), 'times'))).toBe(true);
  });

  test('The table states the kind, and from which value on the benchmark fails.', () => {
    const [, , ...rows] = figuresTable([
      atMost('count', 'good', 100, exactly(100)),
      atMost('count', 'near', 100, exactly(110), 'MB'),
      atMost('time', 'far', 100, exactly(201)),
    ]).split('\n');
    expect(rows).toEqual([
      '| `good` | count | 100 | at most 100 |  | within |',
      '| `near` | count | 110 MB | at most 100 |  | not within, fails beyond 120 |',
      '| `far` | time | 201 | at most 100 |  | **fails beyond 200** |',
    ]);
  });
});
