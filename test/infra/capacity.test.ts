import { beforeAll, describe, expect, test } from 'vitest';
import { alarmAfter, throttledAlarm } from '../bench/capacity.ts';
import { type BusyPolicy, busyPolicy } from '../bench/machine.ts';
import { type Outcome, simulate } from '../bench/simulation.ts';
import { DAY, synthesize } from './synthesized.ts';

const HOUR = 3600;

/** Seconds in which the CA answers, and between two checks on average. A slow CA needs fewer orders for the same load. */
const CA_SECONDS = 10;
const AVERAGE_SECONDS = 1.05 * 3 * HOUR;

let retry: BusyPolicy;

beforeAll(() => {
  retry = busyPolicy(synthesize().machine.States.Collect?.Retry);
});

/** A day of waiting orders and renewal checks, with a share of the orders that so many callers can check. */
function dayAt(load: number, callers: number): Outcome {
  const orders = Math.round((load * callers * AVERAGE_SECONDS) / CA_SECONDS);
  return simulate(
    {
      orders,
      certificates: 100,
      caSeconds: CA_SECONDS,
      callers,
      pollSeconds: 3 * HOUR,
      days: 1,
      seed: 1,
      begin: 'spread',
      queueing: 'retry',
    },
    retry,
  );
}

describe('the synthesized alarm for a throttled Collect, with simulated metrics', () => {
  test.each([1, 2, 3, 4, 8])('With reservedConcurrency=%d, it fires before the callers are full.', (callers) => {
    const after = alarmAfter(throttledAlarm(callers), dayAt(0.9, callers));
    expect(after).toBeLessThan(8 * HOUR);
  });

  test.each([1, 2, 3, 4, 8])(
    'With reservedConcurrency=%d, it does not fire if the callers are busy half of the time.',
    (callers) => {
      expect(alarmAfter(throttledAlarm(callers), dayAt(0.5, callers))).toBeUndefined();
    },
  );
});

describe('the simulated policies', () => {
  test('A rejected login is sent once by each caller at most, and the renewal checks are those of the budget.', () => {
    const certificates = 4600;
    const outcome = simulate(
      {
        // So many that the checks get their smallest share of the calls.
        orders: 3400,
        certificates,
        caSeconds: 0.3,
        callers: 1,
        pollSeconds: 3 * HOUR,
        days: 5,
        seed: 1,
        begin: 'spread',
        queueing: 'retry',
      },
      retry,
    );
    expect(outcome.rejectedLogins).toBeGreaterThanOrEqual(2);
    expect(outcome.rejectedCalls).toBe(outcome.rejectedLogins);
    expect(outcome.delaysWithoutLogin.length).toBeGreaterThan(100);
    // Every eighth day, and some percent more or fewer on one day.
    expect(outcome.busiestRenewalDay).toBeGreaterThan(certificates / 8);
    expect(outcome.busiestRenewalDay).toBeLessThan((1.1 * certificates) / 8);
    // The last checks of a survey are made after the simulated time, and those of a blocked account are left out.
    expect(outcome.renewalCalls / 5).toBeGreaterThan(0.6 * (certificates / 8));
    expect((outcome.renewalCalls * 0.3) / (5 * DAY)).toBeLessThan(0.1);
  });
});
