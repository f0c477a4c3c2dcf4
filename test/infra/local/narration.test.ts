import { expect, test } from 'vitest';
import { formatDuration, narratedWaitMilliseconds } from '../../../infra/local/narration.ts';

test.each([
  [0, '0 s'],
  [59, '59 s'],
  [60, '1 min'],
  [930, '15 min 30 s'],
  [10_800, '3 h'],
  [90_000, '1 d 1 h'],
  [86_400 + 60, '1 d'],
  [345_600, '4 d'],
])('A duration of %i seconds is written with its two largest units: %s.', (seconds, expected) => {
  expect(formatDuration(seconds)).toBe(expected);
});

test.each([
  [60, 30],
  [10_800, 200],
  [21_600, 400],
])('A wait of %i seconds takes %i milliseconds.', (seconds, expected) => {
  expect(narratedWaitMilliseconds(seconds)).toBe(expected);
});
