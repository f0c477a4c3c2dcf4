import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { alarmOf, queryOf } from '../alarm-properties.ts';
import { synthesize } from '../synthesized.ts';
import { type Assumptions, simulate } from './simulation.ts';
import { CALL_SECONDS, createStory, DAY, HOUR, MINUTE } from './story.ts';

const assumptions: fc.Arbitrary<Assumptions> = fc.record({
  fillsEmptySeries: fc.boolean(),
  extraPoints: fc.integer({ min: 1, max: 6 }),
  delay: fc.integer({ min: 0, max: 5 * MINUTE }),
});

/** Times that follow each other, from the gaps between them. */
function timesOf(gaps: readonly number[]): number[] {
  let at = 0;
  return gaps.map((gap) => {
    at += gap;
    return at;
  });
}

/** The state of an alarm at a time. */
function stateAt(transitions: ReturnType<typeof simulate>, at: number): string {
  return transitions.findLast((transition) => transition.at <= at)?.to ?? 'INSUFFICIENT_DATA';
}

describe('whatever happens', () => {
  test.each(['PT3H', 'PT12H', 'P2D'])(
    'The CA is down only after failed calls in two periods without a usable reply, with pollEvery=%s.',
    (pollEvery) => {
      const alarm = alarmOf(synthesize({ pollEvery }), 'CaDown');
      const { period } = queryOf(alarm);
      const call = fc.record({ gap: fc.integer({ min: 1, max: period }), reached: fc.boolean() });
      // A usable reply is rare, so that there are long outages.
      const calls = fc.array(
        fc.tuple(call, fc.integer({ min: 0, max: 9 })).map(([each, rare]) => ({
          ...each,
          reached: each.reached && rare < 2,
        })),
        { minLength: 1, maxLength: 60 },
      );
      let fired = 0;
      fc.assert(
        fc.property(calls, assumptions, (list, assumed) => {
          const story = createStory();
          const times = timesOf(list.map(({ gap }) => gap));
          const made = list.map(({ reached }, index) => ({ at: times[index] ?? 0, reached }));
          for (const { at, reached } of made) {
            story.check(at, { reached });
          }
          const until = (times.at(-1) ?? 0) + DAY;
          const transitions = simulate(alarm, story.data(), { createdAt: 0, until, assumptions: assumed });
          for (const { at, to } of transitions) {
            // The sample of a call is written at its end, and is visible after the delay.
            const before = made.filter((each) => each.at + CALL_SECONDS + assumed.delay <= at);
            const latest = before.findLast(({ reached }) => reached)?.at ?? Number.NEGATIVE_INFINITY;
            if (to === 'ALARM') {
              fired += 1;
              const failed = before.filter((each) => each.at > latest).map((each) => each.at);
              expect(failed.length).toBeGreaterThanOrEqual(2);
              expect(at - latest).toBeGreaterThanOrEqual(period);
            }
          }
          // A usable reply ends the alarm at the next evaluation: each minute, or each hour for an alarm over days.
          for (const { at } of made.filter(({ reached }) => reached)) {
            expect(stateAt(transitions, at + assumed.delay + HOUR + 2 * MINUTE)).not.toBe('ALARM');
          }
        }),
        { numRuns: 40 },
      );
      expect(fired).toBeGreaterThan(0);
    },
  );

  test('The alarm for a missing survey depends on the time since the last run only.', () => {
    const alarm = alarmOf(synthesize(), 'SurveyMissing');
    const gaps = fc.array(fc.integer({ min: HOUR, max: 60 * HOUR }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(gaps, assumptions, (list, assumed) => {
        const story = createStory();
        const times = timesOf(list);
        for (const at of times) {
          story.survey(at);
        }
        const until = (times.at(-1) ?? 0) + 3 * DAY;
        const transitions = simulate(alarm, story.data(), { createdAt: 0, until, assumptions: assumed });
        for (let at = 28 * HOUR; at < until; at += HOUR) {
          const since = at - (times.findLast((time) => time <= at) ?? 0);
          const state = stateAt(transitions, at);
          // In between, the hours of the periods and the delay of the metric decide.
          if (since > assumed.delay + HOUR && since < 25 * HOUR) {
            expect(state).toBe('OK');
          } else if (since > 28 * HOUR) {
            expect(state).toBe('ALARM');
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  test('The alarm for damaged manifests has the state of the latest survey.', () => {
    const alarm = alarmOf(synthesize(), 'ManifestDamaged');
    const surveys = fc.array(
      fc.record({ gap: fc.integer({ min: 2 * HOUR, max: 60 * HOUR }), damaged: fc.integer({ min: 0, max: 2 }) }),
      { minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(surveys, assumptions, (list, assumed) => {
        const story = createStory();
        const times = timesOf(list.map(({ gap }) => gap));
        for (const [index, { damaged }] of list.entries()) {
          story.survey(times[index] ?? 0, { damaged });
        }
        const until = (times.at(-1) ?? 0) + DAY;
        const transitions = simulate(alarm, story.data(), { createdAt: 0, until, assumptions: assumed });
        for (const [index, { damaged }] of list.entries()) {
          // The next survey is at least two hours later.
          const later = (times[index] ?? 0) + 110 * MINUTE;
          expect(stateAt(transitions, later)).toBe(damaged > 0 ? 'ALARM' : 'OK');
        }
      }),
      { numRuns: 40 },
    );
  });
});
