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

test.each([
  ['2028-02-28T12:00:00.000Z', '2028-02-27T23:59:59.999Z', 1],
  ['2028-02-29T23:59:59.000Z', '2028-02-28T00:00:00.000Z', 1],
  ['2028-02-29T23:59:59.000Z', '2028-02-29T23:59:59.999Z', 0],
  ['2028-03-01T00:00:00.000Z', '2028-02-29T23:59:59.999Z', 1],
  ['2027-03-01T00:00:00.000Z', '2027-02-28T23:59:59.999Z', 1],
  ['2029-02-28T23:59:59.000Z', '2028-02-29T23:59:59.999Z', 365],
])('A certificate that expires on %s has, on %s, %i days left.', (notAfter, now, days) => {
  expect(daysLeft(notAfter, new Date(now))).toBe(days);
});

test('The name of a day is its date in UTC.', () => {
  expect(dayName(new Date('2026-03-09T23:59:59.999Z'))).toBe('20260309');
  expect(dayName(new Date('2028-02-29T23:59:59.999Z'))).toBe('20280229');
});
