import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createHandler } from '../../../functions/survey/handler.ts';
import { type CapturedOutput, captureOutput, lambdaContext, stubAwsEnvironment } from '../../lambda.ts';
import { STATE_MACHINE_ARN } from './executions.ts';
import { type PublicSite, startPublicSite } from './public-site.ts';
import { COLLECTOR, later, NOON, pairOf, publicationOf, servePublication } from './samples.ts';
import { BUCKET, BUS, type SurveyServers, startSurveyServers } from './survey-run.ts';
import { resolverOf, type Zone } from './zone.ts';

/** More than are checked at the same time (functions/survey/publications.ts). */
const DOMAINS = Array.from({ length: 130 }, (_, index) => `brand${100 + index}.example`);
/** So many lookups that a survey needs three invocations. */
const LOOKUPS = 50;
/** A few of them are broken: at least one in each invocation. */
const BROKEN = DOMAINS.filter((_, index) => index % 30 === 3);
const DEPLOYED = { source: 'aws.cloudformation', 'detail-type': 'CloudFormation Stack Status Change', detail: {} };
const REFUSAL = { ErrorCode: 'InternalFailure', ErrorMessage: 'try again' };

let servers: SurveyServers;
let site: PublicSite;
let zone: Zone;
let output: CapturedOutput;
let requests = 0;

beforeAll(async () => {
  [servers, site] = await Promise.all([startSurveyServers(), startPublicSite()]);
});

beforeEach(async () => {
  stubAwsEnvironment({
    AWS_ENDPOINT_URL_S3: servers.server.url,
    AWS_ENDPOINT_URL_EVENTBRIDGE: servers.bus.url,
    AWS_ENDPOINT_URL_SFN: servers.executions.url,
  });
  zone = {};
  await Promise.all(
    DOMAINS.map((domain) => {
      const publication = publicationOf(site.url, domain, { live: { ...pairOf(domain), orderNumber: '1' } });
      servePublication(site, zone, publication);
      return servers.put(`published/${domain}/default.json`, JSON.stringify(publication));
    }),
  );
  for (const domain of BROKEN) {
    zone[`_dmarc.${domain}`] = ['v=DMARC1; p=none'];
  }
  await servers.store('1', { domains: ['brand.example'], notAfter: later(NOON, { days: 7 }) });
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(NOON) });
  output = captureOutput();
  requests = 0;
});

afterEach(() => {
  vi.useRealTimers();
  servers.clear();
  site.clear();
});

afterAll(() => Promise.all([servers.close(), site.close()]));

/** How the time of an invocation passes: after so many lookups of BIMI records, none is left. */
function createSurvey(lookups: number) {
  const { resolveTxt } = resolverOf(zone);
  let left = lookups;
  const resolver = {
    resolveTxt(name: string) {
      if (name.includes('._bimi.') && --left === 0) {
        vi.setSystemTime(Date.now() + 20 * 60_000);
        left = lookups;
      }
      return resolveTxt(name);
    },
  };
  const variables = {
    BUCKET_NAME: BUCKET,
    COLLECTOR,
    CONTINUES: 'true',
    EVENT_BUS_NAME: BUS,
    PUBLISHED_URL: site.url,
    REMIND_BEFORE_DAYS: '30',
    STATE_MACHINE_ARN,
  };
  // A new process for each invocation, so that nothing is left in memory.
  return (event: object, awsRequestId = `request-${++requests}`) =>
    createHandler(variables, resolver)(event, { ...lambdaContext('survey', 900_000), awsRequestId });
}

type Invoke = ReturnType<typeof createSurvey>;

const continuations = () =>
  servers.bus.calls
    .flat()
    .flatMap(({ Source, DetailType, Detail }) =>
      DetailType === 'Survey Continues' ? [{ source: Source, detail: JSON.parse(Detail) as { step: number } }] : [],
    );

/** Invokes the function with each event with which the survey continues, as the rule does. Returns the invocations. */
async function runToEnd(invoke: Invoke, event: object): Promise<number> {
  await invoke(event);
  let invocations = 1;
  for (let next = continuations().at(0); next; next = continuations().at(invocations - 1)) {
    await invoke(next);
    invocations += 1;
  }
  return invocations;
}

const completed = () => output.lines().filter((line) => 'SurveyRuns' in line).length;
const checkedDomains = () => site.requests.filter(({ path }) => path?.endsWith('.pem')).map(({ path }) => path);
const reported = () => servers.reports().map(({ domain }) => domain);

describe('A survey that has too little time', () => {
  test('continues until every publication is checked once, and sends every event once.', async () => {
    const invocations = await runToEnd(createSurvey(LOOKUPS), {});

    expect(invocations).toBeGreaterThan(2);
    expect(checkedDomains().toSorted()).toEqual(DOMAINS.map((domain) => `/${domain}/default.pem`));
    expect(reported()).toEqual(BROKEN);
    expect(servers.reminders()).toMatchObject([{ orderNumber: '1', daysLeft: 7 }]);
    expect(completed()).toBe(1);
  });

  test('measures the broken publications of all invocations.', async () => {
    await runToEnd(createSurvey(LOOKUPS), {});

    const counted = output.lines().flatMap((line) => ('PublicationsBroken' in line ? [line.PublicationsBroken] : []));
    expect(counted.at(-1)).toBe(BROKEN.length);
  });

  test('sends no event of the day if it runs after a deployment, however often it continues.', async () => {
    expect(await runToEnd(createSurvey(LOOKUPS), DEPLOYED)).toBeGreaterThan(2);

    expect([reported(), servers.reminders()]).toEqual([[], []]);
    expect(completed()).toBe(1);
  });

  test('is not disturbed by one after a deployment at the same time.', async () => {
    const [daily, deployment] = [createSurvey(LOOKUPS), createSurvey(LOOKUPS)];
    await daily({});
    await deployment(DEPLOYED);
    for (let index = 0; index < continuations().length; index++) {
      await daily(continuations()[index] ?? {});
    }

    expect(reported()).toEqual(BROKEN);
    expect(servers.reminders()).toHaveLength(1);
    expect(completed()).toBe(2);
  });

  test('ends if a later one has begun.', async () => {
    const invoke = createSurvey(LOOKUPS);
    await invoke({});
    await invoke({});
    const [first] = continuations();
    const before = checkedDomains().length;

    await invoke(first ?? {});

    expect(checkedDomains()).toHaveLength(before);
    expect(output.lines()).toContainEqual(expect.objectContaining({ message: 'survey not continued' }));
  });

  test('does a step once, although its event arrives twice.', async () => {
    const invoke = createSurvey(LOOKUPS);
    await invoke({});
    const [first] = continuations();

    await invoke(first ?? {});
    const before = checkedDomains().length;
    await invoke(first ?? {});

    expect(checkedDomains()).toHaveLength(before);
    expect(continuations().map(({ detail }) => detail.step)).toEqual([1, 2]);
  });

  test('sends its event again if EventBridge did not accept it, and repeats nothing.', async () => {
    const invoke = createSurvey(LOOKUPS);
    servers.bus.refuse = ({ DetailType }) => (DetailType === 'Survey Continues' ? REFUSAL : undefined);
    await expect(invoke({}, 'repeated')).rejects.toThrow('"Survey Continues" (InternalFailure: try again)');
    const before = checkedDomains().length;
    servers.bus.refuse = () => undefined;
    const refused = continuations().length;

    await invoke({}, 'repeated');

    expect(checkedDomains()).toHaveLength(before);
    expect(continuations()).toHaveLength(refused + 1);
    await invoke(continuations().at(-1) ?? {});
    expect(servers.reminders()).toHaveLength(1);
  });

  test('repeats a part that failed, without the events that were sent, in another process too.', async () => {
    await servers.store('2', { domains: ['other.example'], notAfter: later(NOON, { days: 6 }) });
    servers.bus.refuse = ({ DetailType, Detail }) =>
      DetailType === 'Mark Certificate Expiring' && JSON.parse(Detail).orderNumber === '2' ? REFUSAL : undefined;
    const invoke = createSurvey(LOOKUPS);
    await invoke({});
    servers.bus.refuse = () => undefined;

    for (let index = 0; index < continuations().length; index++) {
      await invoke(continuations()[index] ?? {});
    }

    const accepted = servers.reminders().map(({ orderNumber }) => orderNumber);
    // The bus records the entry of order 2 twice: refused at first, then accepted.
    expect(accepted).toEqual(['1', '2', '2']);
    expect(reported()).toEqual(BROKEN);
    expect(completed()).toBe(1);
  });

  test('fails if it has no time for a single publication, and does not run forever.', async () => {
    const invoke = createSurvey(1000);
    let calls = 0;
    // Reading takes longer than the invocation.
    servers.server.before = ({ key }) => {
      if (key === `published/${DOMAINS[0]}/default.json` && calls++ === 0) {
        vi.setSystemTime(Date.now() + 20 * 60_000);
      }
      return undefined;
    };

    await expect(invoke({})).rejects.toThrow('no time was left to check default._bimi.brand100.example');

    expect(continuations()).toEqual([]);
    expect(servers.reminders()).toHaveLength(1);
  });
});

describe('A survey in the stack of release 0.1.0', () => {
  test('reports the publications for which no time was left, and stores nothing.', async () => {
    const { resolveTxt } = resolverOf(zone);
    const resolver = {
      resolveTxt(name: string) {
        vi.setSystemTime(Date.now() + 60_000);
        return resolveTxt(name);
      },
    };
    const variables = { BUCKET_NAME: BUCKET, EVENT_BUS_NAME: BUS, PUBLISHED_URL: site.url, REMIND_BEFORE_DAYS: '30' };

    const invocation = createHandler(variables, resolver)({}, lambdaContext('survey', 300_000));

    await expect(invocation).rejects.toThrow('no time was left to check');
    expect(continuations()).toEqual([]);
    expect(servers.server.requests.filter(({ method, key }) => method === 'PUT' && key.startsWith('survey/'))).toEqual(
      [],
    );
  });
});
