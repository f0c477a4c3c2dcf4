import { describe, expect, test } from 'vitest';
import { dayName, daysLeft } from '../../functions/days.ts';

describe('The days left', () => {
  const notAfter = '2026-03-10T12:00:00.000Z';

  test.each([
    ['2026-03-09T00:00:00.000Z', 1],
    ['2026-03-09T23:59:59.999Z', 1],
    ['2026-03-10T00:00:00.000Z', 0],
    ['2026-03-10T23:59:59.999Z', 0],
    ['2026-03-11T00:00:00.000Z', -1],
    ['2025-03-10T12:00:00.000Z', 365],
  ])('at %s are %i calendar days in UTC.', (now, days) => {
    expect(daysLeft(notAfter, new Date(now))).toBe(days);
    expect(daysLeft(new Date(notAfter), new Date(now))).toBe(days);
  });
});

test('The name of a day is its date in UTC.', () => {
  expect(dayName(new Date('2026-03-09T23:59:59.999Z'))).toBe('20260309');
});
