import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHECKS_AHEAD, waitSeconds } from '../../../functions/collect/waiting.ts';
import type { WaitingReason } from '../../../functions/collectmc/codes.ts';

const POLL = 10_800;
const state = (reason: WaitingReason, consecutive = 1) => ({
  reason,
  consecutive,
  checks: consecutive,
  elapsedSeconds: 0,
});

describe('The wait after', () => {
  test.each([
    ['the earliest processing', 'processing', 1, 0, 10_800],
    ['the middle processing', 'processing', 1, 0.5, 11_340],
    ['the latest processing', 'processing', 1, 1, 11_880],
    ['available once', 'available', 1, 0.5, 900],
    ['available three times', 'available', 3, 0.5, 900],
    ['available four times', 'available', 4, 0.5, 10_800],
    ['the call limit', 'call-limit', 1, 0.5, 21_600],
    ['the call limit all day', 'call-limit', 9, 0.5, 21_600],
    ['a first outage', 'outage', 1, 0.5, 60],
    ['a second outage', 'outage', 2, 0.5, 120],
    ['an eighth outage', 'outage', 8, 0.5, 7680],
    ['a ninth outage', 'outage', 9, 0.5, 10_800],
    ['an outage of a week', 'outage', 2000, 0.5, 10_800],
    ['wrong credentials', 'credentials', 1, 0.5, 10_800],
    ['no payment', 'payment', 5, 0.5, 10_800],
    ['no permission', 'permission', 5, 0.5, 10_800],
  ] as const)('%s is correct.', (_, reason, consecutive, random, seconds) => {
    expect(waitSeconds(state(reason, consecutive), POLL, random)).toBe(seconds);
  });

  test('processing is the interval of pushes if there is one, which changes no other wait.', () => {
    const withPush = (reason: WaitingReason, consecutive = 1) => ({
      ...state(reason, consecutive),
      processingSeconds: 86_400,
    });

    expect([0, 0.5, 1].map((random) => waitSeconds(withPush('processing'), POLL, random))).toEqual([
      86_400, 90_720, 95_040,
    ]);
    for (const reason of ['available', 'call-limit', 'outage', 'credentials', 'payment', 'permission'] as const) {
      for (const consecutive of [1, 4, 99]) {
        const wait = waitSeconds(withPush(reason, consecutive), POLL, 0.5);
        expect(wait).toBe(waitSeconds(state(reason, consecutive), POLL, 0.5));
      }
    }
  });

  test('an outage with Retry-After is that time, between a minute and the poll interval.', () => {
    const outage = state('outage');

    expect(waitSeconds({ ...outage, retryAfter: 600 }, POLL, 0.5)).toBe(600);
    expect(waitSeconds({ ...outage, retryAfter: 5 }, POLL, 0.5)).toBe(60);
    expect(waitSeconds({ ...outage, retryAfter: 999_999 }, POLL, 0.5)).toBe(POLL);
  });

  test('any reason is limited by a short poll interval and has whole seconds.', () => {
    expect(waitSeconds(state('available'), 10, 0.5)).toBe(10);
    expect(waitSeconds(state('outage', 5), 10, 0.5)).toBe(10);
    expect(waitSeconds(state('processing'), 1, 0.123)).toBe(1);
  });
});

test('Whatever the CA replies, an order makes at most CHECKS_AHEAD checks more than one for each poll interval.', () => {
  const reasons: WaitingReason[] = [
    'processing',
    'available',
    'call-limit',
    'outage',
    'credentials',
    'payment',
    'permission',
  ];
  const giveUpSeconds = 90 * 86_400;

  fc.assert(
    fc.property(
      fc.infiniteStream(fc.constantFrom(...reasons)),
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
      fc.infiniteStream(fc.constantFrom(undefined, POLL, 86_400)),
      (stream, randoms, withPush) => {
        let [checks, elapsedSeconds, consecutive] = [0, 0, 0];
        let previous: WaitingReason | undefined;
        while (elapsedSeconds < giveUpSeconds) {
          const reason = stream.next().value;
          checks += 1;
          consecutive = reason === previous ? consecutive + 1 : 1;
          previous = reason;
          const processingSeconds = withPush.next().value;
          const wait = { reason, consecutive, checks, elapsedSeconds, processingSeconds };
          elapsedSeconds += waitSeconds(wait, POLL, randoms.next().value);
        }
        expect(checks).toBeLessThanOrEqual(giveUpSeconds / POLL + CHECKS_AHEAD + 2);
      },
    ),
    { numRuns: 50 },
  );
});

test('After CHECKS_AHEAD additional checks an unstable CA is asked once in a poll interval.', () => {
  const flapping = { reason: 'outage', consecutive: 1, checks: CHECKS_AHEAD + 2, elapsedSeconds: POLL / 2 } as const;

  expect(waitSeconds(flapping, POLL, 0.5)).toBe(POLL);
  expect(waitSeconds({ ...flapping, checks: CHECKS_AHEAD }, POLL, 0.5)).toBe(60);
});
