import { describe, expect, test } from 'vitest';
import { dayName, daysLeft } from '../../functions/days.ts';

describe('daysLeft', () => {
  const NOT_AFTER = '2026-12-23T08:30:00.000Z';

  test.each([
    ['2026-11-22T23:50:00.000Z', 31],
    ['2026-11-23T00:10:00.000Z', 30],
    ['2026-11-23T12:10:00.000Z', 30],
    ['2026-11-23T23:50:00.000Z', 30],
    ['2026-11-24T00:00:00.000Z', 29],
    ['2026-12-22T23:59:59.999Z', 1],
    ['2026-12-23T00:00:00.000Z', 0],
    ['2026-12-23T08:29:59.999Z', 0],
    ['2026-12-23T08:30:00.000Z', 0],
    ['2026-12-23T08:30:00.001Z', 0],
    ['2026-12-23T23:50:00.000Z', 0],
    ['2026-12-24T00:00:00.000Z', -1],
    ['2026-12-25T12:10:00.000Z', -2],
  ])('At %s a certificate that expires on 23 December at 08:30 UTC has %i days left.', (now, days) => {
    expect(daysLeft(NOT_AFTER, new Date(now))).toBe(days);
    expect(daysLeft(new Date(NOT_AFTER), new Date(now))).toBe(days);
  });
});

describe('dayName', () => {
  test.each([
    ['2026-11-23T00:00:00.000Z', '20261123'],
    ['2026-11-23T23:59:59.999Z', '20261123'],
  ])('The name of the day of %s is %s.', (date, name) => {
    expect(dayName(new Date(date))).toBe(name);
  });
});
