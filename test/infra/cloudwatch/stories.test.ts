import { afterAll, describe, expect, test } from 'vitest';
import { type AlarmProperties, alarmsOf, queryOf } from '../alarm-properties.ts';
import { synthesize } from '../synthesized.ts';
import { type Assumptions, type MetricData, simulate, type Transition } from './simulation.ts';
import { createStory, DAY, HOUR, MINUTE, type Story } from './story.ts';

const POLL = 3 * HOUR;
/** The daily survey, in seconds after midnight. */
const SURVEY = 5 * HOUR + 17 * MINUTE;
/** The deployment of the stack, on the first day. */
const DEPLOYED = 9 * HOUR + 30 * MINUTE;

/** Every combination of what AWS does not document, and of what differs from one moment to the next. */
const ASSUMPTIONS: readonly Assumptions[] = [true, false].flatMap((fillsEmptySeries) =>
  [1, 2, 5].flatMap((extraPoints) => [0, 3 * MINUTE].map((delay) => ({ fillsEmptySeries, extraPoints, delay }))),
);

/**
 * Those that can make a difference for an alarm. FILL's result for an empty series matters only if the alarm uses FILL.
 * If FILL supplies every missing point of every metric, additional points do not matter.
 */
function assumptionsFor(alarm: AlarmProperties): readonly Assumptions[] {
  const { expression, metrics } = queryOf(alarm);
  const usesFill = expression.includes('FILL');
  const fillsEverything = metrics.every(({ id }) => expression.includes(`FILL(${id}, 0)`));
  return ASSUMPTIONS.filter(({ fillsEmptySeries, extraPoints }) =>
    fillsEmptySeries ? !fillsEverything || extraPoints === 1 : usesFill,
  );
}

/** When an alarm fires, and when it is OK again: the earliest and the latest time. */
interface Episode {
  readonly fires: readonly [number, number];
  /** Missing: the alarm still fires at the end of the story. */
  readonly ok?: readonly [number, number];
}

interface StoryCase {
  readonly title: string;
  readonly settings?: Readonly<Record<string, string>>;
  readonly days: number;
  readonly record: (story: Story) => void;
  /** The alarms that fire, by construct id. No other alarm fires. */
  readonly expected: Readonly<Record<string, readonly Episode[]>>;
}

/** A stack with one waiting order, surveys, and one subscription that is confirmed. */
function usualDays(story: Story, days: number): void {
  story.survey(DEPLOYED + 5 * MINUTE);
  story.surveys(DAY + SURVEY, days * DAY);
  story.order({ from: DEPLOYED + HOUR, until: days * DAY, pollSeconds: POLL });
}

/** A check that ends with an error, and its retries, as the state machine makes them at the latest. */
function retriedCheck(story: Story, from: number, until: number): void {
  let wait = MINUTE;
  for (let at = from; at < until; at += wait, wait = Math.min(2 * wait, HOUR)) {
    story.unexpectedError(at);
  }
}

const between = (from: number, until: number) => (at: number) => at < from || at >= until;

const STORIES: readonly StoryCase[] = [
  {
    title: 'The first days of a new stack: nothing is ordered, and the e-mail address is confirmed on the next day.',
    days: 7,
    record(story) {
      story.survey(DEPLOYED + 5 * MINUTE, { confirmedSubscriptions: 0 });
      story.survey(DAY + SURVEY, { confirmedSubscriptions: 0 });
      story.surveys(2 * DAY + SURVEY, 7 * DAY);
    },
    expected: {},
  },
  {
    title: 'A new stack whose survey does not run with the deployment, but at its time of the day.',
    days: 4,
    record: (story) => story.surveys(DAY + SURVEY, 4 * DAY),
    expected: {},
  },
  {
    title: 'A stack with one order that waits for two months.',
    days: 60,
    record: (story) => usualDays(story, 60),
    expected: {},
  },
  {
    title: 'A quiet stack, for half a year.',
    days: 180,
    record: (story) => story.surveys(SURVEY, 180 * DAY),
    expected: {},
  },
  {
    title: 'A survey that never runs in a new stack.',
    days: 5,
    record: (story) => story.order({ from: DEPLOYED, until: 5 * DAY, pollSeconds: POLL }),
    expected: { SurveyMissing: [{ fires: [DEPLOYED + 26 * HOUR, DEPLOYED + 28 * HOUR] }] },
  },
  {
    title: 'A survey that stops, and runs again four days later.',
    days: 14,
    record(story) {
      story.surveys(SURVEY, 5 * DAY);
      story.surveys(9 * DAY + SURVEY, 14 * DAY);
    },
    expected: {
      SurveyMissing: [
        {
          fires: [5 * DAY + SURVEY + 2 * HOUR, 5 * DAY + SURVEY + 3 * HOUR],
          ok: [9 * DAY + SURVEY, 9 * DAY + SURVEY + 2 * HOUR],
        },
      ],
    },
  },
  {
    title: 'A survey that fails every day after it has counted.',
    days: 6,
    record(story) {
      story.surveys(SURVEY, 3 * DAY);
      story.surveys(3 * DAY + SURVEY, 6 * DAY, { completed: false });
    },
    expected: { SurveyMissing: [{ fires: [3 * DAY + SURVEY + 2 * HOUR, 3 * DAY + SURVEY + 3 * HOUR] }] },
  },
  {
    title: 'A survey that runs an hour late.',
    days: 6,
    record(story) {
      story.surveys(SURVEY, 3 * DAY);
      story.survey(3 * DAY + SURVEY + HOUR);
      story.surveys(4 * DAY + SURVEY, 6 * DAY);
    },
    expected: {},
  },
  {
    title: 'One order that the CA refuses, two in a row, and then one every week.',
    days: 60,
    record(story) {
      usualDays(story, 60);
      story.refusal(3 * DAY);
      story.refusal(5 * DAY);
      story.refusal(5 * DAY + 5 * MINUTE);
      for (let day = 10; day < 60; day += 7) {
        story.refusal(day * DAY + 10 * HOUR);
      }
    },
    expected: {},
  },
  {
    title: 'Fifty orders that the CA refuses within minutes: each has a message, and Collect does not fail.',
    days: 4,
    record(story) {
      usualDays(story, 4);
      for (let index = 0; index < 50; index += 1) {
        story.refusal(2 * DAY + 10 * HOUR + index * 4);
      }
    },
    expected: {},
  },
  {
    title: 'One unexpected error, two in a row, and then one every week.',
    days: 60,
    record(story) {
      usualDays(story, 60);
      story.unexpectedError(3 * DAY + 10);
      story.unexpectedError(5 * DAY + 10);
      story.unexpectedError(5 * DAY + 70);
      for (let day = 10; day < 60; day += 7) {
        story.unexpectedError(day * DAY + 10 * HOUR);
      }
    },
    expected: {},
  },
  {
    title: 'Collect fails for an afternoon, and again a week later: two messages.',
    days: 14,
    record(story) {
      usualDays(story, 14);
      retriedCheck(story, 3 * DAY, 3 * DAY + HOUR);
      retriedCheck(story, 10 * DAY, 10 * DAY + HOUR);
    },
    expected: {
      CollectErrors: [3, 10].map((day) => ({
        fires: [day * DAY + 3 * MINUTE, day * DAY + 8 * MINUTE],
        ok: [day * DAY + 4 * HOUR, day * DAY + 5 * HOUR],
      })),
    },
  },
  {
    title: 'One order fails for five hours, and its retries have full jitter: one message.',
    days: 4,
    record(story) {
      usualDays(story, 4);
      for (const minute of [0, 1, 2, 5, 12, 30, 75, 80, 95, 150, 160, 175, 230, 240, 250, 290]) {
        story.unexpectedError(2 * DAY + minute * MINUTE);
      }
    },
    expected: {
      CollectErrors: [
        { fires: [2 * DAY + 2 * MINUTE, 2 * DAY + 6 * MINUTE], ok: [2 * DAY + 7 * HOUR, 2 * DAY + 9 * HOUR] },
      ],
    },
  },
  {
    title: 'Collect fails once an hour for a day: one message.',
    days: 5,
    record(story) {
      usualDays(story, 5);
      for (let hour = 0; hour < 24; hour += 1) {
        story.unexpectedError(2 * DAY + hour * HOUR + 7);
      }
    },
    expected: {
      CollectErrors: [{ fires: [2 * DAY + 2 * HOUR, 2 * DAY + 3.1 * HOUR], ok: [3 * DAY, 3 * DAY + 3 * HOUR] }],
    },
  },
  {
    title: 'Collect fails while the CA refuses orders.',
    days: 4,
    record(story) {
      usualDays(story, 4);
      retriedCheck(story, 2 * DAY, 2 * DAY + HOUR);
      for (let index = 0; index < 10; index += 1) {
        story.refusal(2 * DAY + 5 * MINUTE + index * 30);
      }
    },
    expected: {
      CollectErrors: [
        { fires: [2 * DAY + 3 * MINUTE, 2 * DAY + 8 * MINUTE], ok: [2 * DAY + 4 * HOUR, 2 * DAY + 5 * HOUR] },
      ],
    },
  },
  {
    title: 'An expired certificate, and then another: each has its own event, and no alarm hides the second.',
    days: 60,
    record(story) {
      for (let day = 0; day < 60; day += 1) {
        story.survey(day * DAY + SURVEY, { daysToExpiry: 10 - day });
      }
    },
    expected: {},
  },
  {
    title: 'The CA does not answer one call.',
    days: 5,
    record(story) {
      story.surveys(SURVEY, 5 * DAY);
      const reached = between(2 * DAY, 2 * DAY + POLL / 2);
      // The order is checked at the end of the fault, and once more a minute later.
      let failed = false;
      story.order({
        from: DEPLOYED,
        until: 5 * DAY,
        pollSeconds: POLL,
        reached: (at) => {
          const fails = !reached(at) && !failed;
          failed ||= fails;
          return !fails;
        },
      });
    },
    expected: {},
  },
  {
    title: 'The CA does not answer the only call of a day, and nobody asks it again until the next day.',
    days: 10,
    record(story) {
      story.surveys(SURVEY, 10 * DAY);
      for (let day = 1; day < 10; day += 1) {
        story.check(day * DAY + SURVEY, { reached: day !== 4 });
      }
    },
    expected: {},
  },
  {
    title: 'The CA is down for 40 minutes while a quiet stack gets its first order.',
    days: 3,
    record(story) {
      story.surveys(SURVEY, 3 * DAY);
      const from = DAY + 10 * HOUR;
      story.order({ from, until: 3 * DAY, pollSeconds: POLL, reached: between(from, from + 40 * MINUTE) });
    },
    expected: {},
  },
  ...[1, 2, 50].map((orders) => ({
    title: `The CA is down for twelve hours, and down again on the next day, with waiting orders: ${orders}.`,
    days: 6,
    record(story: Story) {
      story.surveys(SURVEY, 6 * DAY);
      const first = between(2 * DAY, 2 * DAY + 12 * HOUR);
      const second = between(3 * DAY + 6 * HOUR, 3 * DAY + 18 * HOUR);
      for (let index = 0; index < orders; index += 1) {
        const from = DEPLOYED + (index * POLL) / orders;
        story.order({ from, until: 6 * DAY, pollSeconds: POLL, reached: (at) => first(at) && second(at) });
      }
    },
    expected: {
      CaDown: [2 * DAY, 3 * DAY + 6 * HOUR].map((from) => ({
        fires: [from + 3 * HOUR, from + 10 * HOUR] as const,
        ok: [from + 12 * HOUR, from + 12 * HOUR + 1.1 * POLL + 5 * MINUTE] as const,
      })),
    },
  })),
  {
    title: 'One of two orders gets no usable reply for a week: the CA is not down, and the order has its own message.',
    days: 12,
    record(story) {
      story.surveys(SURVEY, 12 * DAY);
      story.order({ from: DEPLOYED, until: 12 * DAY, pollSeconds: POLL });
      const reached = between(3 * DAY, 10 * DAY);
      story.order({ from: DEPLOYED + HOUR, until: 12 * DAY, pollSeconds: POLL, reached });
    },
    expected: {},
  },
  ...(
    [
      { pollEvery: 'PT12H', seconds: 12 * HOUR, down: 4 * DAY, orders: 1 },
      { pollEvery: 'P1D', seconds: DAY, down: 6 * DAY, orders: 1 },
      { pollEvery: 'P1D', seconds: DAY, down: 6 * DAY, orders: 2 },
      { pollEvery: 'P1D', seconds: DAY, down: 6 * DAY, orders: 20 },
      { pollEvery: 'P2D', seconds: 2 * DAY, down: 10 * DAY, orders: 1 },
      { pollEvery: 'P2D', seconds: 2 * DAY, down: 10 * DAY, orders: 2 },
      { pollEvery: 'P2D', seconds: 2 * DAY, down: 10 * DAY, orders: 20 },
    ] as const
  ).map(({ pollEvery, seconds, down, orders }) => ({
    title: `The CA is down for days, with pollEvery=${pollEvery} and waiting orders: ${orders}.`,
    settings: { pollEvery },
    days: 30,
    record(story: Story) {
      story.surveys(SURVEY, 30 * DAY);
      const reached = between(10 * DAY, 10 * DAY + down);
      for (let index = 0; index < orders; index += 1) {
        const from = DEPLOYED + (index * seconds) / orders;
        story.order({ from, until: 30 * DAY, pollSeconds: seconds, reached });
      }
    },
    expected: {
      CaDown: [
        {
          fires: [10 * DAY + 12 * HOUR, 10 * DAY + 2.5 * seconds + DAY] as const,
          ok: [10 * DAY + down, 10 * DAY + down + 1.1 * seconds + 2 * HOUR] as const,
        },
      ],
    },
  })),
  {
    title: 'An order ends while the CA is down; the next order a month later gets a reply.',
    days: 45,
    record(story) {
      story.surveys(SURVEY, 45 * DAY);
      story.order({ from: DEPLOYED, until: 4 * DAY, pollSeconds: POLL, reached: between(3 * DAY, 4 * DAY) });
      story.order({ from: 34 * DAY, until: 45 * DAY, pollSeconds: POLL });
    },
    expected: {
      CaDown: [{ fires: [3 * DAY + 3 * HOUR, 3 * DAY + 10 * HOUR], ok: [34 * DAY, 34 * DAY + 5 * MINUTE] }],
    },
  },
  {
    title: 'Orders wait for credentials, for payment and for a permission, and then continue: each has its message.',
    days: 12,
    record(story) {
      story.surveys(SURVEY, 12 * DAY);
      for (const [index, reason] of (['credentials', 'payment', 'permission'] as const).entries()) {
        story.order({ from: DEPLOYED + index * HOUR, until: 6 * DAY, pollSeconds: POLL, reason });
        story.order({ from: 6 * DAY + index * HOUR, until: 12 * DAY, pollSeconds: POLL });
      }
    },
    expected: {},
  },
  {
    title: 'A dead letter stays for days, another one joins it, and both are handled.',
    days: 12,
    record(story) {
      usualDays(story, 12);
      story.deadLetters(3 * DAY, 5 * DAY, 1);
      story.deadLetters(5 * DAY, 7 * DAY, 2);
      story.deadLetters(7 * DAY, 7 * DAY + 6 * HOUR, 0);
    },
    expected: { DeadLetters: [{ fires: [3 * DAY, 3 * DAY + 5 * MINUTE], ok: [7 * DAY, 7 * DAY + 10 * MINUTE] }] },
  },
  {
    title:
      'A dead letter stays for days in a queue that SQS considers inactive; it is handled, and a month later another one.',
    days: 50,
    record(story) {
      usualDays(story, 50);
      for (const day of [3, 40]) {
        story.deadLetters(day * DAY, day * DAY + 6 * HOUR, 1);
        story.deadLetters((day + 4) * DAY, (day + 4) * DAY + 5 * MINUTE, 1);
        story.deadLetters((day + 4) * DAY + 5 * MINUTE, (day + 4) * DAY + 6 * HOUR, 0);
      }
    },
    expected: {
      DeadLetters: [3, 40].map((day) => ({
        fires: [day * DAY, day * DAY + 5 * MINUTE],
        ok: [(day + 4) * DAY, (day + 4) * DAY + 15 * MINUTE],
      })),
    },
  },
  {
    title: 'An e-mail subscription that is never confirmed.',
    days: 30,
    record(story) {
      story.survey(DEPLOYED + 5 * MINUTE, { confirmedSubscriptions: 0 });
      story.surveys(DAY + SURVEY, 30 * DAY, { confirmedSubscriptions: 0 });
    },
    expected: { NoSubscription: [{ fires: [DEPLOYED + 2 * DAY, 3 * DAY + SURVEY + 5 * MINUTE] }] },
  },
  {
    title: 'Somebody unsubscribes, and subscribes again ten days later.',
    days: 40,
    record(story) {
      story.surveys(SURVEY, 20 * DAY);
      story.surveys(20 * DAY + SURVEY, 30 * DAY, { confirmedSubscriptions: 0 });
      story.surveys(30 * DAY + SURVEY, 40 * DAY);
    },
    expected: {
      NoSubscription: [
        {
          fires: [20 * DAY + SURVEY, 20 * DAY + SURVEY + 5 * MINUTE],
          ok: [30 * DAY + SURVEY, 30 * DAY + SURVEY + 65 * MINUTE],
        },
      ],
    },
  },
  {
    title: 'A manifest is damaged; it is restored three days later, and the survey is run by hand.',
    days: 15,
    record(story) {
      story.surveys(SURVEY, 5 * DAY);
      story.surveys(5 * DAY + SURVEY, 8 * DAY, { damaged: 1 });
      story.survey(7 * DAY + 12 * HOUR);
      story.surveys(8 * DAY + SURVEY, 15 * DAY);
    },
    expected: {
      ManifestDamaged: [
        {
          fires: [5 * DAY + SURVEY, 5 * DAY + SURVEY + 5 * MINUTE],
          ok: [7 * DAY + 12 * HOUR, 7 * DAY + 12 * HOUR + 5 * MINUTE],
        },
      ],
    },
  },
  {
    title: 'A CRL cannot be used for a week: one message after three days, and one when it works again.',
    days: 12,
    record(story) {
      // The survey itself waits for three days.
      story.surveys(SURVEY, 5 * DAY);
      story.surveys(5 * DAY + SURVEY, 9 * DAY, { unusableCrls: 1 });
      story.surveys(9 * DAY + SURVEY, 12 * DAY);
    },
    expected: {
      CrlsUnusable: [
        {
          fires: [5 * DAY + SURVEY, 5 * DAY + SURVEY + 5 * MINUTE],
          ok: [9 * DAY + SURVEY, 9 * DAY + SURVEY + 5 * MINUTE],
        },
      ],
    },
  },
  {
    title: 'A manifest stays damaged, and one survey is three hours late: still one message.',
    days: 12,
    record(story) {
      story.surveys(SURVEY, 3 * DAY);
      story.surveys(3 * DAY + SURVEY, 6 * DAY, { damaged: 1 });
      story.survey(6 * DAY + SURVEY + 90 * MINUTE, { damaged: 1 });
      story.surveys(7 * DAY + SURVEY, 12 * DAY, { damaged: 1 });
    },
    expected: { ManifestDamaged: [{ fires: [3 * DAY + SURVEY, 3 * DAY + SURVEY + 5 * MINUTE] }] },
  },
  {
    title: 'A thousand orders arrive at once: Collect is throttled for an hour and a half.',
    days: 3,
    record(story) {
      usualDays(story, 3);
      for (let minute = 0; minute < 90; minute += 1) {
        story.throttles(2 * DAY + minute * MINUTE, 30);
      }
    },
    expected: {},
  },
  {
    title: 'A thousand orders wait, and many checks find Collect busy, but all are checked in time.',
    days: 4,
    record(story) {
      usualDays(story, 4);
      // At a load of 0.28, as simulated with the Retry of the state machine: 6 checks a minute, and 2 refusals.
      for (let minute = 0; minute < 2 * 24 * 60; minute += 1) {
        for (let check = 0; check < 6; check += 1) {
          story.check(DAY + minute * MINUTE + check * 10);
        }
        story.throttles(DAY + minute * MINUTE, minute % 60 < 30 ? 4 : 1);
      }
    },
    expected: {},
  },
  {
    title: 'A hundred orders arrive every two hours: each time, Collect is throttled for half an hour.',
    days: 3,
    record(story) {
      usualDays(story, 3);
      for (let minute = 0; minute < 24 * 60; minute += 1) {
        if (minute % 120 < 30) {
          story.throttles(DAY + minute * MINUTE, 10);
          for (let check = 0; check < 4; check += 1) {
            story.check(DAY + minute * MINUTE + check * 15);
          }
        }
      }
    },
    expected: {},
  },
  {
    title: 'Collect is overloaded for two days, and two hours in between have fewer refusals: one message.',
    days: 6,
    record(story) {
      usualDays(story, 6);
      for (let minute = 0; minute < 2 * 24 * 60; minute += 1) {
        const isQuiet = [12, 24].includes(Math.floor(minute / 60));
        story.throttles(2 * DAY + minute * MINUTE, isQuiet ? 1 : 20);
        story.check(2 * DAY + minute * MINUTE);
      }
    },
    expected: {
      CollectThrottled: [
        { fires: [2 * DAY + 3 * HOUR, 2 * DAY + 4.2 * HOUR], ok: [4 * DAY + 2 * HOUR, 4 * DAY + 5.1 * HOUR] },
      ],
    },
  },
  {
    title: 'There are more orders than Collect can check: it is throttled for a day, and again two days later.',
    days: 8,
    record(story) {
      usualDays(story, 8);
      for (const day of [3, 5]) {
        for (let minute = 0; minute < 24 * 60; minute += 1) {
          story.throttles(day * DAY + minute * MINUTE, 10);
        }
      }
    },
    expected: {
      CollectThrottled: [3, 5].map((day) => ({
        fires: [day * DAY + 3 * HOUR, day * DAY + 4.2 * HOUR],
        ok: [(day + 1) * DAY + 4 * HOUR, (day + 1) * DAY + 5.1 * HOUR],
      })),
    },
  },
  {
    title: 'Collect is throttled a few times every day.',
    days: 30,
    record(story) {
      usualDays(story, 30);
      for (let day = 1; day < 30; day += 1) {
        story.throttles(day * DAY + 10 * HOUR, 150);
      }
    },
    expected: {},
  },
  {
    title: 'A certificate is not published, a second one 20 minutes later, and a third one in another week.',
    settings: { publish: 'true' },
    days: 20,
    record(story) {
      usualDays(story, 20);
      story.publish(2 * DAY, 0);
      story.publish(3 * DAY, 1);
      story.publish(3 * DAY + 20 * MINUTE, 2);
      story.publish(10 * DAY, 1);
    },
    expected: {
      PublicationRefused: [3 * DAY, 3 * DAY + 20 * MINUTE, 10 * DAY].map((at) => ({
        fires: [at, at + 5 * MINUTE],
        ok: [at + 14 * MINUTE, at + 17 * MINUTE],
      })),
    },
  },
  {
    title: 'The push URL answers with one server error, and in another week with three.',
    settings: { push: 'true' },
    days: 20,
    record(story) {
      usualDays(story, 20);
      for (let day = 1; day < 20; day += 1) {
        story.push(day * DAY);
      }
      story.push(3 * DAY, { failed: true });
      for (const minute of [0, 5, 15]) {
        story.push(10 * DAY + minute * MINUTE, { failed: true });
      }
    },
    expected: {
      PushErrors: [
        { fires: [10 * DAY + 15 * MINUTE, 10 * DAY + 20 * MINUTE], ok: [10 * DAY + HOUR, 10 * DAY + 65 * MINUTE] },
      ],
    },
  },
  {
    title:
      'A scanner finds the push URL, later the CA repeats a push with an old login. Single pushes are not understood or limited.',
    settings: { push: 'true' },
    days: 20,
    record(story) {
      usualDays(story, 20);
      for (const minute of [0, 25, 55]) {
        story.push(2 * DAY + 2 * minute * MINUTE, { refused: true });
        story.push(10 * DAY + minute * MINUTE, { refused: true });
      }
      story.push(4 * DAY, { notUnderstood: true });
      story.push(6 * DAY, { notUnderstood: true });
      story.push(12 * DAY, { limited: true });
    },
    expected: {
      PushRefused: [
        { fires: [10 * DAY + 55 * MINUTE, 10 * DAY + HOUR], ok: [10 * DAY + HOUR, 10 * DAY + 65 * MINUTE] },
      ],
      PushNotUnderstood: [4 * DAY, 6 * DAY].map((at) => ({
        fires: [at, at + 5 * MINUTE],
        ok: [at + HOUR, at + 65 * MINUTE],
      })),
      PushLimited: [{ fires: [12 * DAY, 12 * DAY + 5 * MINUTE], ok: [12 * DAY + HOUR, 12 * DAY + 65 * MINUTE] }],
    },
  },
  {
    title: 'One message is sent at the second attempt, and in another week one fails three times.',
    days: 20,
    record(story) {
      usualDays(story, 20);
      story.notify(3 * DAY, { failed: true });
      story.notify(3 * DAY + MINUTE, { failed: false });
      for (const minute of [0, 1, 3]) {
        story.notify(10 * DAY + minute * MINUTE, { failed: true });
      }
    },
    expected: {
      NotifyErrors: [
        { fires: [10 * DAY + 3 * MINUTE, 10 * DAY + 8 * MINUTE], ok: [10 * DAY + HOUR, 10 * DAY + 65 * MINUTE] },
      ],
    },
  },
];

const recorded = new Map<StoryCase, MetricData>();
afterAll(() => recorded.clear());

/** The samples of a story. Two tests read them, and some stories have a million. */
function dataOf(story: StoryCase): MetricData {
  const known = recorded.get(story);
  if (known) {
    return known;
  }
  const recording = createStory();
  story.record(recording);
  const data = recording.data();
  recorded.set(story, data);
  return data;
}

describe('the synthesized alarms', () => {
  test.each(STORIES)('$title', (story) => {
    const { settings = {}, days, expected } = story;
    const data = dataOf(story);
    for (const [id, alarm] of Object.entries(alarmsOf(synthesize(settings)))) {
      for (const assumptions of assumptionsFor(alarm)) {
        const run = { createdAt: DEPLOYED, until: days * DAY, assumptions };
        const transitions = simulate(alarm, data, run);
        const fired = transitions.filter(({ to }) => to === 'ALARM');
        const episodes = expected[id] ?? [];
        if (fired.length === 0 && episodes.length === 0) {
          continue;
        }
        const at = `${id} with ${JSON.stringify(assumptions)}: ${describeTimes(transitions)}`;
        expect(fired.length, at).toBe(episodes.length);
        for (const [index, { fires, ok }] of episodes.entries()) {
          const firedAt = fired[index]?.at ?? Number.NaN;
          const okAt = transitions.find(({ to, at: time }) => to !== 'ALARM' && time > firedAt);
          expectWithin(firedAt, fires, at);
          expect(okAt === undefined, at).toBe(ok === undefined);
          if (okAt && ok) {
            expectWithin(okAt.at, ok, at);
            expect(okAt, at).toMatchObject({ to: 'OK', actions: ['<AlarmTopic>'] });
          }
        }
        expect(fired.flatMap(({ actions }) => actions)).toEqual(episodes.map(() => '<AlarmTopic>'));
      }
    }
  });

  test('Every alarm has a story in which it fires, and every metric of an alarm is in a story.', () => {
    const alarms = Object.entries(alarmsOf(synthesize({ publish: 'true', push: 'true' })));
    const firing = new Set(STORIES.flatMap(({ expected }) => Object.keys(expected)));
    expect([...firing].toSorted()).toEqual(alarms.map(([id]) => id).toSorted());
    const written = new Set(STORIES.flatMap((story) => [...dataOf(story).keys()]));
    const read = alarms.flatMap(([, alarm]) => queryOf(alarm).metrics.map(({ identity }) => identity));
    expect(read.filter((identity) => !written.has(identity))).toEqual([]);
  });
});

function expectWithin(time: number, [from, until]: readonly [number, number], message: string): void {
  expect(time, message).toBeGreaterThanOrEqual(from);
  expect(time, message).toBeLessThanOrEqual(until);
}

/** Days and hours of each transition, for the message of a failed assertion. */
function describeTimes(transitions: readonly Transition[]): string {
  return transitions.map(({ at, to }) => `${to} at ${(at / DAY).toFixed(3)} d`).join(', ');
}
