import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CAA_KEY, readCaa } from '../../../functions/store/caa.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import { caaDomains, surveyCaa } from '../../../functions/survey/caa-survey.ts';
import { type NameServer, type Records, startNameServer } from './name-server.ts';
import { COLLECTOR, later, NOON, publicationOf, recordOf, statusOf } from './samples.ts';
import { BUCKET, recordingObserver, runSurvey, type SurveyServers, startSurveyServers } from './survey-run.ts';

const FORBIDS = { CAA: [[0, 'issuevmc', 'digicert.com']] } satisfies Records;
const TOMORROW = later(NOON, { days: 1 });

let servers: SurveyServers;
let nameServer: NameServer;
let zone: Record<string, Records>;

beforeAll(async () => {
  servers = await startSurveyServers();
});

beforeEach(async () => {
  zone = {};
  nameServer = await startNameServer(zone);
});

afterEach(() => {
  nameServer.close();
  servers.clear();
});

afterAll(() => servers.close());

const checksOf = (totalMilliseconds = 60_000) => ({
  resolver: nameServer.resolver({ timeout: 4_000 }),
  limitMilliseconds: 5_000,
  totalMilliseconds,
});

/** Checks domains at a time. `steps` is how many questions about the time pass before none is left. */
async function check(
  domains: readonly string[],
  { at = NOON, after = undefined as string | undefined, steps = Infinity } = {},
) {
  const { observe, records } = recordingObserver();
  let asked = 0;
  const now = () => new Date(Date.parse(at) + (++asked > steps ? 120_000 : 0));
  const result = await surveyCaa(domains, after, checksOf(), { s3: servers.s3, bucket: BUCKET, now, observe });
  return { ...result, summary: records.caaChecked[0] };
}

const stored = () => readCaa(s3Storage(servers.s3, BUCKET));
const problems = async () => (await stored())?.problems.map(({ domain, verdict }) => `${domain} ${verdict}`);
const asked = (name: string) => nameServer.asked.filter((each) => each.type === 'CAA' && each.name === name).length;

describe('The domains that are checked', () => {
  const content = <T>(each: T) => ({ key: '', content: each });

  test('are those of waiting orders, of certificates that have not expired, and of publications, each once.', () => {
    const statuses = [
      statusOf('1', { domains: ['Waiting.example', '*.example.com', 'example.com.'] }),
      statusOf('2', { state: 'failed', domains: ['failed.example'] }),
      statusOf('3', { collector: 'other', domains: ['other.example'] }),
    ].map(content);
    const certificates = [
      recordOf('4', { domains: ['default._bimi.example.com', 'example.com'] }),
      recordOf('5', { domains: ['expired.example'], notAfter: later(NOON, { days: -1 }) }),
      recordOf('3', { domains: ['other.example'] }),
    ];
    const served = [
      publicationOf('https://x.example', 'published.example'),
      publicationOf('https://x.example', 'example.com'),
    ];
    expect(caaDomains({ certificates, statuses, served }, COLLECTOR, new Date(NOON))).toEqual([
      'example.com',
      'default._bimi.example.com',
      'published.example',
      'waiting.example',
    ]);
  });

  test('of 50,000 certificates are listed in less than two seconds.', () => {
    const certificates = Array.from({ length: 50_000 }, (_, index) =>
      recordOf(String(index), { domains: [`brand${index}.example`, `www.brand${index}.example`] }),
    );
    const start = performance.now();
    expect(caaDomains({ certificates, statuses: [], served: [] }, COLLECTOR, new Date(NOON))).toHaveLength(100_000);
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});

describe('The lookups', () => {
  test('store what forbids and what is unknown, and nothing else.', async () => {
    zone['bad.example'] = FORBIDS;
    nameServer.react = ({ name }) => (name === 'lame.example' ? { code: 'SERVFAIL' } : undefined);
    const { after, hasNews, summary } = await check([
      'bad.example',
      'good.example',
      'lame.example',
      'shop.bad.example',
    ]);
    expect({ after, hasNews, summary }).toEqual({
      after: undefined,
      hasNews: true,
      summary: { domains: 4, checked: 4, forbidden: 2, unknown: 1 },
    });
    expect(await stored()).toMatchObject({
      checkedAt: NOON,
      omitted: { forbidden: 0, unknown: 0 },
      problems: [
        {
          domain: 'bad.example',
          verdict: 'forbidden',
          name: 'bad.example',
          records: ['0 issuevmc "digicert.com"'],
          message: expect.stringContaining('Add the record'),
          since: NOON,
        },
        { domain: 'shop.bad.example', verdict: 'forbidden', name: 'bad.example' },
        { domain: 'lame.example', verdict: 'unknown', name: null },
      ],
    });
  });

  test('ask a parent of many domains once.', async () => {
    const domains = Array.from({ length: 300 }, (_, index) => `shop${1000 + index}.brand.example`);
    await check(domains);
    expect([asked('brand.example'), asked('example'), asked('shop1000.brand.example')]).toEqual([1, 1, 1]);
  });

  test('ask a parent without an answer at most three times.', async () => {
    nameServer.react = ({ name }) => (name === 'brand.example' ? { code: 'REFUSED' } : undefined);
    const domains = Array.from({ length: 300 }, (_, index) => `shop${1000 + index}.brand.example`);
    expect((await check(domains)).summary).toMatchObject({ unknown: 300 });
    expect(asked('brand.example')).toBe(3);
  });

  test('repeat a lookup of a parent that failed once.', async () => {
    nameServer.react = ({ name }) => (name === 'example' && asked('example') === 1 ? { code: 'SERVFAIL' } : undefined);
    await check(Array.from({ length: 100 }, (_, index) => `brand${100 + index}.example`));
    expect((await stored())?.problems.length).toBeLessThanOrEqual(80);
    expect(asked('example')).toBe(2);
  });

  test('are at most 80 at the same time.', async () => {
    let open = 0;
    let peak = 0;
    const resolveCaa = async () => {
      peak = Math.max(peak, ++open);
      await wait(2);
      open -= 1;
      throw Object.assign(new Error('none'), { code: 'ENODATA' });
    };
    const { observe } = recordingObserver();
    const domains = Array.from({ length: 200 }, (_, index) => `brand${index}.example`);
    const dependencies = { s3: servers.s3, bucket: BUCKET, now: () => new Date(), observe };
    await surveyCaa(domains, undefined, { ...checksOf(), resolver: { resolveCaa } }, dependencies);
    expect(peak).toBe(80);
  });

  test('continue after the last domain if their time ends, and keep what was found.', async () => {
    const domains = caaDomains(
      {
        certificates: [
          recordOf('1', { domains: Array.from({ length: 90 }, (_, index) => `brand${10 + index}.example`) }),
        ],
        statuses: [],
        served: [],
      },
      COLLECTOR,
      new Date(NOON),
    );
    for (const domain of domains) {
      zone[domain] = FORBIDS;
    }
    const first = await check(domains, { steps: 30 });
    expect(first).toMatchObject({ after: expect.stringMatching(/^example\.brand\d\d$/), summary: { domains: 90 } });
    expect(first.summary?.checked).toBeLessThan(90);
    const second = await check(domains, { after: first.after });
    expect(second).toMatchObject({ after: undefined, summary: { forbidden: 90 } });
    expect((first.summary?.checked ?? 0) + (second.summary?.checked ?? 0)).toBe(90);
    expect((await stored())?.problems).toHaveLength(90);
  });

  test('fail if no time was left for a single domain.', async () => {
    await expect(check(['example.com'], { steps: 1 })).rejects.toMatchObject({ name: 'CaaNotCheckedError' });
  });
});

describe('From day to day', () => {
  test('a problem keeps the day since when it exists, and disappears with the problem or the domain.', async () => {
    zone['bad.example'] = FORBIDS;
    zone['gone.example'] = FORBIDS;
    await check(['bad.example', 'gone.example']);
    expect(await check(['bad.example'], { at: TOMORROW })).toMatchObject({ hasNews: true });
    expect((await stored())?.problems).toMatchObject([{ domain: 'bad.example', since: NOON, checkedAt: TOMORROW }]);
    expect(await check(['bad.example'], { at: TOMORROW })).toMatchObject({ hasNews: false });
    zone['bad.example'] = {};
    await check(['bad.example'], { at: TOMORROW });
    expect(await problems()).toEqual([]);
  });

  test('records that forbid stay while the name servers give no answer.', async () => {
    zone['bad.example'] = FORBIDS;
    await check(['bad.example']);
    nameServer.react = () => ({ code: 'SERVFAIL' });
    await check(['bad.example'], { at: TOMORROW });
    expect((await stored())?.problems).toMatchObject([{ verdict: 'forbidden', checkedAt: NOON }]);
  });

  test('an unknown answer is news only on the second day.', async () => {
    nameServer.react = () => ({ code: 'SERVFAIL' });
    expect(await check(['lame.example'])).toMatchObject({ hasNews: false });
    expect(await check(['lame.example'], { at: TOMORROW })).toMatchObject({ hasNews: true });
  });
});

test('Of more than a thousand domains with a problem, the others are counted.', async () => {
  zone['brand.example'] = FORBIDS;
  await check(Array.from({ length: 1_200 }, (_, index) => `shop${1000 + index}.brand.example`));
  const { problems: listed, omitted } = (await stored()) ?? {};
  expect([listed?.length, omitted]).toEqual([1000, { forbidden: 200, unknown: 0 }]);
});

test.each(['', '{', '{"schemaVersion":2}'])('A stored object with the content %j is replaced.', async (body) => {
  zone['bad.example'] = FORBIDS;
  await servers.put(CAA_KEY, body);
  await check(['bad.example']);
  expect(await problems()).toEqual(['bad.example forbidden']);
});

describe('The survey', () => {
  test('looks up CAA records in a stack without publications.', async () => {
    zone['waiting.example'] = FORBIDS;
    await servers.storeStatus(statusOf('1', { domains: ['waiting.example'] }));
    const { error, caaChecked } = await runSurvey(servers, { caa: checksOf(), writesOverview: true });
    expect([error, caaChecked]).toEqual([undefined, [{ domains: 1, checked: 1, forbidden: 1, unknown: 0 }]]);
    expect(await problems()).toEqual(['waiting.example forbidden']);
  });

  test.each([
    [45, -10, ['late.example forbidden']],
    [45, -46, []],
    [0, -10, []],
  ])(
    'that asks for renewals until %i days after the end looks up the domains of one that ended %i days ago: %j.',
    async (askAgainDays, days, expected) => {
      zone['late.example'] = FORBIDS;
      await servers.store('1', { domains: ['late.example'], notAfter: later(NOON, { days }) });
      const { error } = await runSurvey(servers, { caa: checksOf(), writesOverview: true, askAgainDays });
      expect([error, await problems()]).toEqual([undefined, expected]);
    },
  );

  test('looks up nothing in a stack that writes no overview.', async () => {
    await servers.store('1');
    const { caaChecked } = await runSurvey(servers, { caa: checksOf() });
    expect([caaChecked, nameServer.asked]).toEqual([[], []]);
  });
});
