import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Progress } from '../../../functions/survey/parts.ts';
import { newProgress, survey } from '../../../functions/survey/survey.ts';
import type { BrokenWatchedDomain, WatchedSurvey } from '../../../functions/survey/watched.ts';
import { COLLECTOR, later, NOON } from './samples.ts';
import { BUCKET, BUS, recordingObserver, type SurveyServers, startSurveyServers } from './survey-run.ts';
import { resolverOf } from './zone.ts';

/** More than are checked at the same time. */
const DOMAINS = Array.from({ length: 50 }, (_, index) => `brand${100 + index}.example`);

let servers: SurveyServers;

beforeAll(async () => {
  servers = await startSurveyServers();
});

beforeEach(async () => {
  for (const domain of DOMAINS) {
    const watched = { schemaVersion: 1, collector: COLLECTOR, domain, selector: 'default', since: NOON };
    await servers.put(`watched/${domain}/default.json`, JSON.stringify(watched));
  }
});

afterEach(() => servers.clear());

afterAll(() => servers.close());

/**
 * Runs the invocations of a survey until it is complete, each with the progress that the one before stored.
 *
 * @param timePasses is called while an invocation works, with what makes its time end.
 */
async function runToEnd(timePasses: (invocation: number, event: 'damaged' | 'lookup', end: () => void) => void) {
  let stored: Progress = newProgress(new Date(NOON));
  for (let invocation = 1; ; invocation += 1) {
    let at = new Date(NOON);
    const end = () => {
      at = new Date(later(NOON, { seconds: 3600 }));
    };
    const zone = resolverOf({});
    const { observe } = recordingObserver();
    const watched: WatchedSurvey = {
      resolver: {
        resolveTxt(name) {
          timePasses(invocation, 'lookup', end);
          return zone.resolveTxt(name);
        },
      },
      limitMilliseconds: 5_000,
      totalMilliseconds: 60_000,
      allowLoopback: false,
      download: () => Promise.reject(new Error('no network')),
      downloadCrls: async () => [],
      trustAnchors: [],
      ctLogs: [],
    };
    const isComplete = await survey(
      {
        collector: COLLECTOR,
        s3: servers.s3,
        bucket: BUCKET,
        eventBridge: servers.eventBridge,
        eventBusName: BUS,
        remindBeforeDays: 30,
        askAgainDays: 0,
        sendDailyEvents: true,
        publications: undefined,
        executions: undefined,
        topics: undefined,
        writesOverview: false,
        watched,
        observe: { ...observe, watchedDamaged: () => timePasses(invocation, 'damaged', end) },
        now: () => at,
      },
      {
        progress: stored,
        canContinue: true,
        async save(progress) {
          stored = structuredClone(progress);
        },
        failed() {},
      },
    );
    if (isComplete) {
      return invocation;
    }
  }
}

const reported = () =>
  servers.detailsOf<BrokenWatchedDomain>('Mark Certificate Publication Broken').map(({ domain }) => domain);

test('Each watched domain is checked once, although a survey needs several invocations.', async () => {
  let lookups = 0;
  const invocations = await runToEnd((_, event, end) => {
    if (event === 'lookup' && ++lookups % 60 === 0) {
      end();
    }
  });
  expect(invocations).toBeGreaterThan(1);
  expect(reported()).toEqual(DOMAINS);
});

test('An invocation whose time ends before its first check leaves all domains to the next one.', async () => {
  await servers.put('watched/brand000.example/default.json', '{');
  const invocations = await runToEnd((invocation, event, end) => {
    if (invocation === 1 && event === 'damaged') {
      end();
    }
  });
  expect(invocations).toBe(2);
  expect(reported()).toEqual(DOMAINS);
});
