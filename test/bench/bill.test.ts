import { describe, expect, test } from 'vitest';
import { read, tableBelow } from '../infra/markdown.ts';
import { logsBill, monthlyBill, refreshesBill } from './bill.ts';

/** The default of `pollEvery`, in hours. */
const POLL_HOURS = 3;
/** What docs/performance.md states for an order that waits for a month, in dollars. */
const ORDER = 0.019;

const HEADER = '| | 1 order waits | 50 orders wait | 5,000 orders wait |';

describe('What AWS bills in a month', () => {
  test('is the table in docs/performance.md, for the default settings.', () => {
    const bills = [1, 50, 5000].map((orders) => ({ orders: orders * ORDER, ...monthlyBill({}, orders, POLL_HOURS) }));
    const amounts = (amount: (bill: (typeof bills)[number]) => number) =>
      bills.map((bill) => Number(amount(bill).toFixed(2)));
    const stated = tableBelow(read('docs/performance.md'), HEADER)
      .slice(0, 5)
      .map(([, ...cells]) => cells.map(Number));

    expect(stated).toEqual([
      amounts(({ secrets }) => secrets),
      amounts(({ alarms }) => alarms),
      amounts(({ metrics }) => metrics),
      amounts(({ orders }) => orders),
      amounts(({ total, orders }) => total + orders),
    ]);
  });

  test('is what the README states in whole dollars.', () => {
    const [one, many] = [1, 50].map((orders) =>
      (monthlyBill({}, orders, POLL_HOURS).total + orders * ORDER).toFixed(0),
    );
    expect(read('README.md')).toContain(
      `While one order waits, AWS bills about ${one} dollars a month; while 50 orders wait, about ${many} dollars`,
    );
  });

  test('is at most 4 dollars without the orders, however many wait.', () => {
    for (const orders of [1, 50, 5000]) {
      expect(monthlyBill({}, orders, POLL_HOURS).total).toBeLessThanOrEqual(4);
    }
  });

  test('of the logs of CloudFront is what the documentation states, and no part of the bill without them.', () => {
    const stated = `${logsBill(100_000).toFixed(2)} dollars`;
    expect(read('docs/publishing.md')).toContain(`S3 and Lambda charge about ${stated} a month`);
    expect(read('docs/settings.md')).toContain(`about ${stated} a month for 100,000 log files`);
    expect(read('docs/performance.md')).toContain(`\`publishLogs\` about ${logsBill(100_000).toFixed(2)}`);
    expect(logsBill(0)).toBe(0);
  });

  test('of the overviews after outcomes is what the documentation states, and grows with orders and outcomes.', () => {
    const bill = refreshesBill(10_000, 900);
    expect(read('docs/performance.md')).toMatch(
      new RegExp(`10,000 orders and 30\\s+overviews a day cost ${bill.toFixed(2).replace('.', '\\.')} a month`),
    );
    expect(refreshesBill(20_000, 900) / bill).toBeCloseTo(2);
    expect(refreshesBill(10_000, 1800) / bill).toBeCloseTo(2);
    expect(refreshesBill(10_000, 0)).toBe(0);
  });

  test('grows with each setting that adds a secret, alarms or the dashboard.', () => {
    const { total } = monthlyBill({}, 1, POLL_HOURS);
    expect(monthlyBill({ dashboard: true }, 1, POLL_HOURS).total).toBeCloseTo(total + 3);
    expect(monthlyBill({ push: true }, 1, POLL_HOURS).total).toBeGreaterThan(total + 0.4);
    expect(monthlyBill({ publish: true }, 1, POLL_HOURS).total).toBeGreaterThan(total);
  });
});
