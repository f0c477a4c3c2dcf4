import { describe, expect, test } from 'vitest';
import { checksADay, hasTurn, intervalDays, secondsUntilTurn } from '../../../functions/survey/renewal-turns.ts';

const DAY = 86_400_000;
const START = Date.parse('2026-11-23T05:17:00Z');
const ORDERS = Array.from({ length: 2000 }, (_, index) => String(1_378_973_013 + 2 * index));

describe('The checks of a day', () => {
  test.each<[waiting: number, checks: number]>([
    [0, 2880],
    [1000, 2880],
    [2880, 2880],
    [3000, 1920],
    [3168, 576],
    [10_000, 576],
  ])('are fewer beside many waiting orders: beside %i, %i.', (waiting, checks) => {
    expect(checksADay(waiting)).toBe(checks);
  });
});

describe('The interval between two checks of an order', () => {
  test.each<[orders: number, limit: number, days: number]>([
    [0, 2880, 1],
    [1, 2880, 1],
    [2880, 2880, 1],
    [2881, 2880, 2],
    [5000, 2880, 2],
    [5761, 2880, 4],
    [12_300, 2880, 8],
    [5000, 576, 16],
  ])('is a power of two: for %i orders and %i checks a day, %i days.', (orders, limit, days) => {
    expect(intervalDays(orders, limit)).toBe(days);
  });
});

describe('The turn of an order', () => {
  const days = Array.from({ length: 64 }, (_, index) => new Date(START + index * DAY));

  test.each([1, 2, 4, 8, 16, 32])('comes once in %i days.', (interval) => {
    for (const order of ORDERS.slice(0, 50)) {
      const turns = days.flatMap((day, index) => (hasTurn(order, day, interval) ? [index] : []));
      expect(turns).toHaveLength(days.length / interval);
      expect(turns.slice(1).map((turn, index) => turn - (turns[index] ?? 0))).toEqual(
        Array.from({ length: turns.length - 1 }, () => interval),
      );
    }
  });

  test('at a long interval is also one at every shorter interval, so that a change of the interval leaves out nobody.', () => {
    for (const order of ORDERS.slice(0, 50)) {
      for (const day of days.filter((each) => hasTurn(order, each, 32))) {
        expect([1, 2, 4, 8, 16].every((interval) => hasTurn(order, day, interval))).toBe(true);
      }
    }
  });

  test('is spread evenly over the days and over the hours of a day, also if all numbers are even.', () => {
    const perDay = days.slice(0, 4).map((day) => ORDERS.filter((order) => hasTurn(order, day, 4)).length);
    const perHour = ORDERS.reduce(
      (counts, order) => counts.with(hourOf(order), (counts[hourOf(order)] ?? 0) + 1),
      Array.from({ length: 24 }, () => 0),
    );

    expect(Math.min(...perDay)).toBeGreaterThan(400);
    expect(Math.max(...perDay)).toBeLessThan(600);
    expect(Math.min(...perHour)).toBeGreaterThan(40);
    expect(Math.max(...perHour)).toBeLessThan(140);

    function hourOf(order: string): number {
      return Math.floor(secondsUntilTurn(order, new Date('2026-11-23T00:00:00Z')) / 3600);
    }
  });

  test.each(['2026-11-23T00:00:00Z', '2026-11-23T05:17:42.900Z', '2026-11-23T23:59:59Z', '2028-02-29T12:00:00Z'])(
    'is at the same time of each day, at most a day away: seen from %s.',
    (now) => {
      const at = new Date(now);
      const midnight = new Date('2026-11-23T00:00:00Z');
      for (const order of ORDERS.slice(0, 50)) {
        const seconds = secondsUntilTurn(order, at);
        expect(Number.isInteger(seconds) && seconds >= 0 && seconds < 86_400).toBe(true);
        expect((Math.floor(at.getTime() / 1000) + seconds) % 86_400).toBe(secondsUntilTurn(order, midnight));
      }
    },
  );
});
