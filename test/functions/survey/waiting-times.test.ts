import { describe, expect, test } from 'vitest';
import { renewalDays } from '../../../functions/survey/waiting-times.ts';
import { later, NOON, statusOf } from './samples.ts';

/** The status of an order that has its certificate after some days. */
const issuedAfter = (days: number, changes: Parameters<typeof statusOf>[1] = {}) =>
  statusOf('1', { state: 'issued', startedAt: NOON, since: later(NOON, { days }), ...changes });

describe('renewalDays', () => {
  test.each([
    ['14 days if no order has its certificate', [], 14],
    ['14 days if orders take less', [issuedAfter(1), issuedAfter(3), issuedAfter(2)], 14],
    ['the median', [issuedAfter(20), issuedAfter(400), issuedAfter(30)], 30],
    ['between the two medians', [issuedAfter(20), issuedAfter(31)], 26],
    ['rounded up to whole days', [issuedAfter(20.01)], 21],
    [
      'not that of orders that wait or failed',
      [issuedAfter(30, { state: 'waiting' }), issuedAfter(30, { state: 'failed' })],
      14,
    ],
    ['not that of a push', [issuedAfter(30), issuedAfter(0, { execution: 'order-1-push-20261101' })], 30],
    ['not that of a renewal check', [issuedAfter(30), issuedAfter(0, { execution: 'order-1-renewal-20261101' })], 30],
  ])('is %s.', (_, statuses, days) => {
    expect(renewalDays(statuses)).toBe(days);
  });

  test('finds the median of 50,000 orders.', () => {
    expect(renewalDays(Array.from({ length: 50_001 }, (_, index) => issuedAfter(index % 101)))).toBe(50);
  });
});
