import { beforeAll, describe, expect, test } from 'vitest';
import { busyPolicy } from '../bench/machine.ts';
import { quantile } from '../bench/measure.ts';
import { type RenewalOutcome, simulateRenewals } from '../bench/renewal-simulation.ts';
import { DAY, synthesize } from './synthesized.ts';

const HOUR = 3600;

/** The benchmark's simulation with the policy of the survey, the waits of Collect and the retries of the definition. */
describe('5,000 certificates that end in one month, beside 1,000 waiting orders and a slow CA', () => {
  let alone: RenewalOutcome;
  let together: RenewalOutcome;

  beforeAll(() => {
    const { machine } = synthesize();
    const retry = busyPolicy(machine.States.Collect?.Retry);
    const load = { waiting: 1000, newOrders: 3000, caSeconds: 3, callers: 1, pollSeconds: 3 * HOUR, seed: 1 };
    alone = simulateRenewals({ ...load, certificates: 0 }, retry);
    together = simulateRenewals({ ...load, certificates: 5000 }, retry);
  });

  test('delay the first call for a new order by minutes at most.', () => {
    const { newOrderSeconds } = together;

    expect(quantile(newOrderSeconds, 0.5)).toBeLessThan(60);
    expect(quantile(newOrderSeconds, 0.99)).toBeLessThan(quantile(alone.newOrderSeconds, 0.99) + 5 * 60);
    expect(quantile(newOrderSeconds, 1)).toBeLessThan(HOUR);
  });

  test('take a tenth of the time of one caller, and no certificate is asked for twice within a few hours.', () => {
    const { busiestDay, busiestHour, shortestGap, peakConcurrency, starved } = together;

    expect(busiestDay).toBeGreaterThan(2000);
    expect(busiestDay).toBeLessThanOrEqual(2880);
    expect(busiestHour * 3).toBeLessThan(HOUR / 6);
    // The CA allows one call in 3 hours for an order.
    expect(shortestGap).toBeGreaterThan(12 * HOUR);
    expect(peakConcurrency).toBe(1);
    expect(starved).toBe(0);
  });

  test('are all asked for: every second day, and each renewal is collected within three days.', () => {
    const { collectedAfter, fewestChecks, longestInterval } = together;

    expect(collectedAfter).toHaveLength(5000);
    expect(longestInterval).toBe(2);
    expect(fewestChecks).toBeGreaterThanOrEqual(20);
    expect(quantile(collectedAfter, 1)).toBeLessThan(3 * DAY);
  });
});
