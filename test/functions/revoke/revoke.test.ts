import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RevokedRecord, revoke } from '../../../functions/revoke/revoke.ts';
import { by, interleave } from '../../interleave.ts';
import type { S3Request } from '../../s3-server.ts';
import {
  BUCKET,
  DOMAIN,
  type Issue,
  issueBy,
  isWrite,
  longstandingAuthority,
  NOW,
  type PublishedBucket,
  startBucket,
} from '../publish/published-bucket.ts';

const SVG = `published/${DOMAIN}/default.svg`;
const PEM = `published/${DOMAIN}/default.pem`;
const JSON_KEY = `published/${DOMAIN}/default.json`;

const ORDER = '1002';
const RENEWAL = '1003';
/** A day after the publication: when the execution failed that saw -21. */
const REVOKED_AT = '2026-06-02T08:00:00.000Z';
const LATER = '2026-06-09T08:00:00.000Z';
const DOMAINS = [DOMAIN, 'example.net'];

let issue: Issue;
let renewal: Issue;
let bucket: PublishedBucket;

beforeAll(async () => {
  const authority = await longstandingAuthority();
  issue = await issueBy(authority, '2026-03-01T00:00:00Z', { domains: DOMAINS });
  renewal = await issueBy(authority, '2026-05-01T00:00:00Z', { domains: DOMAINS });
});

beforeEach(async () => {
  bucket = await startBucket();
});

afterEach(() => bucket.close());

/** A status-change event of Step Functions, as EventBridge hands it over. */
const failed = (detail: object = {}) => ({
  version: '0',
  id: '315c1398-40ff-a850-213b-158f73e60175',
  'detail-type': 'Step Functions Execution Status Change',
  source: 'aws.states',
  account: '000000000000',
  time: '2026-06-02T08:00:00Z',
  region: 'us-east-1',
  detail: {
    executionArn: `arn:aws:states:us-east-1:000000000000:execution:Collector:order-${ORDER}-push-8-20260602`,
    stateMachineArn: 'arn:aws:states:us-east-1:000000000000:stateMachine:Collector',
    name: `order-${ORDER}-push-8-20260602`,
    status: 'FAILED',
    startDate: Date.parse(REVOKED_AT) - 2000,
    stopDate: Date.parse(REVOKED_AT),
    input: JSON.stringify({ orderNumber: ORDER, request: 'push-8-20260602' }),
    inputDetails: { included: true },
    output: null,
    error: 'CertificateRevoked',
    cause: `Order ${ORDER}: the CA answered -21 (the certificate was revoked).`,
    ...detail,
  },
});

/** Runs revoke once, and gives back what it told. */
async function run(event: unknown = failed(), { unpublish = false, client = 'revoker', at = LATER } = {}) {
  const records: RevokedRecord[] = [];
  const damaged: { key: string; problem: string }[] = [];
  await revoke(event, {
    s3: bucket.clientOf(client),
    bucket: BUCKET,
    unpublish,
    observe: {
      revoked: (record) => records.push(record),
      damaged: (key, problem) => damaged.push({ key, problem }),
    },
    now: () => new Date(at),
  });
  return { records, damaged };
}

async function publishOrder(orderNumber = ORDER, certificate = issue, wishes: object = { domains: [DOMAIN] }) {
  await bucket.store(orderNumber, certificate);
  return bucket.publish(orderNumber, wishes);
}

describe('a revoked certificate', () => {
  test('is marked where it is live, and stays up', async () => {
    await publishOrder();
    const before = await bucket.description();
    expect(await bucket.writesOf(() => run())).toEqual([JSON_KEY]);
    expect(await bucket.description()).toEqual({ ...before, revokedAt: REVOKED_AT });
    await bucket.expectLive(issue, ORDER);
  });

  test('is told once for each publication', async () => {
    await publishOrder(ORDER, issue, { domains: DOMAINS });
    await bucket.publish(ORDER, { domains: [DOMAIN], selector: 'brand' });
    const { fingerprintSha256 } = issue.certificate.report;
    const told = { orderNumber: ORDER, fingerprintSha256, revokedAt: REVOKED_AT, served: true };
    expect(await run()).toEqual({
      records: [
        { ...told, domain: DOMAIN, selector: 'brand' },
        { ...told, domain: DOMAIN, selector: 'default' },
        { ...told, domain: 'example.net', selector: 'default' },
      ],
      damaged: [],
    });
  });

  test('is marked once, and told each time', async () => {
    await publishOrder();
    await run();
    let told: RevokedRecord[] = [];
    const again = failed({ stopDate: Date.parse(LATER) });
    expect(await bucket.writesOf(async () => ({ records: told } = await run(again)))).toEqual([]);
    expect(told).toMatchObject([{ domain: DOMAIN, revokedAt: REVOKED_AT }]);
    expect((await bucket.description()).revokedAt).toBe(REVOKED_AT);
  });

  test('is marked with the time of the function where the event has none', async () => {
    await publishOrder();
    await run(failed({ stopDate: null }));
    expect((await bucket.description()).revokedAt).toBe(LATER);
  });

  test('keeps its mark when its order is published again', async () => {
    await publishOrder();
    await run();
    expect((await bucket.publish(ORDER)).published).toMatchObject([{ changed: false }]);
    expect((await bucket.description()).revokedAt).toBe(REVOKED_AT);
  });

  test('is nothing to the publications of other orders', async () => {
    await publishOrder();
    await publishOrder(RENEWAL, renewal, { domains: ['example.net'] });
    await bucket.overwrite('published/example.org/notes.txt', 'not a description');
    await bucket.overwrite('published/stray.json', '{}');
    const { records, damaged } = await run();
    expect(records.map(({ domain }) => domain)).toEqual([DOMAIN]);
    expect(damaged).toEqual([]);
    expect(await bucket.description('example.net')).toMatchObject({ revokedAt: null, served: true });
  });

  test('is nothing to the renewal that is live in its place', async () => {
    await publishOrder();
    await publishOrder(RENEWAL, renewal);
    const before = await bucket.description();
    expect(await bucket.writesOf(async () => expect((await run()).records).toEqual([]))).toEqual([]);
    expect(await run(failed(), { unpublish: true })).toEqual({ records: [], damaged: [] });
    expect(await bucket.expectLive(renewal, RENEWAL)).toEqual(before);
  });

  test('is nothing to what its own order brought after that', async () => {
    await publishOrder();
    await bucket.store(ORDER, renewal);
    await bucket.publish(ORDER, { domains: [DOMAIN] }, { at: LATER });
    expect((await run(failed(), { unpublish: true })).records).toEqual([]);
    expect(await bucket.expectLive(renewal, ORDER)).toMatchObject({ revokedAt: null });
    const { records } = await run(failed({ stopDate: Date.parse(LATER) }), { unpublish: true });
    expect(records).toMatchObject([{ served: false }]);
  });

  test('is found also beyond the first page of a thousand', async () => {
    for (let index = 0; index < 1001; index++) {
      await fetch(`${bucket.server.url}/x/published/a${index}.example/notes.txt`, { method: 'PUT', body: 'x' });
    }
    await publishOrder();
    expect((await run()).records).toHaveLength(1);
  });

  test('passes by a description that cannot be read, and says so', async () => {
    await publishOrder(ORDER, issue, { domains: DOMAINS });
    await bucket.overwrite(JSON_KEY, '{"schemaVersion": 1}');
    const { records, damaged } = await run(failed(), { unpublish: true });
    expect(records).toMatchObject([{ domain: 'example.net', served: false }]);
    expect(damaged).toEqual([{ key: JSON_KEY, problem: expect.stringMatching(/^domain: .*live: /) }]);
    expect(await bucket.keys()).toEqual([JSON_KEY, PEM, SVG, 'published/example.net/default.json']);
  });
});

describe('a revoked certificate that shall be taken down', () => {
  const down = (event: unknown = failed(), client = 'revoker') => run(event, { unpublish: true, client });

  test('is described so first, then its chain and its logo are taken away, and their versions stay', async () => {
    await publishOrder();
    const before = await bucket.description();
    expect(await bucket.writesOf(() => down())).toEqual([JSON_KEY, `DELETE ${PEM}`, `DELETE ${SVG}`]);
    expect(await bucket.keys()).toEqual([JSON_KEY]);
    expect(await bucket.description()).toEqual({ ...before, revokedAt: REVOKED_AT, served: false });
    await bucket.expectPair(before.live, issue);
  });

  test('is taken away only as it was seen', async () => {
    await publishOrder();
    const etags = await Promise.all(
      [JSON_KEY, PEM, SVG].map(async (key) => (await fetch(`${bucket.server.url}/x/${key}`)).headers.get('etag')),
    );
    const requests = await bucket.requestsOf(() => down());
    expect(requests.filter(isWrite).map(({ headers }) => headers['if-match'])).toEqual(etags);
  });

  test('is taken down also when it was marked before', async () => {
    await publishOrder();
    await run();
    const { records } = await down(failed({ stopDate: Date.parse(LATER) }));
    expect(records).toMatchObject([{ revokedAt: REVOKED_AT, served: false }]);
    expect(await bucket.keys()).toEqual([JSON_KEY]);
  });

  test('stays down, whatever the setting says later', async () => {
    await publishOrder();
    await down();
    expect(await bucket.writesOf(() => run())).toEqual([]);
    expect(await bucket.description()).toMatchObject({ served: false });
  });

  test('is not published again, and a newer one is', async () => {
    await publishOrder();
    await down();
    expect((await bucket.publish(ORDER)).notPublished).toMatchObject([{ reason: 'revoked' }]);
    expect(await bucket.keys()).toEqual([JSON_KEY]);
    expect((await publishOrder(RENEWAL, renewal)).published).toMatchObject([{ changed: true }]);
    expect(await bucket.expectLive(renewal, RENEWAL)).toMatchObject({ revokedAt: null });
  });
});

describe('the order of the event', () => {
  test.each([
    ['in the input, as text', { input: JSON.stringify({ orderNumber: ORDER }), name: 'by-hand' }],
    ['in the input, as a number', { input: JSON.stringify({ orderNumber: Number(ORDER) }), name: 'by-hand' }],
    ['in the input, whatever the name says', { name: 'order-999' }],
    ['in the name, where the input is left out', { input: null, name: `order-${ORDER}` }],
    ['in the name, where there is no input at all', { input: undefined, name: `order-${ORDER}-20260602` }],
    ['in the name, with a request', { input: undefined, name: `order-${ORDER}-replacement-1` }],
    ['in the name, where the input is no JSON', { input: '{', name: `order-${ORDER}` }],
    ['in the name, where the input has none', { input: '{}', name: `order-${ORDER}` }],
  ])('is found %s', async (_, detail) => {
    await publishOrder();
    expect((await run(failed(detail))).records).toMatchObject([{ orderNumber: ORDER }]);
  });

  test.each([
    ['tells no order', { input: null, name: 'by-hand' }, 'the name of the execution, by-hand, is wrong: orderNumber'],
    ['has a name that only resembles one', { input: null, name: `order-${ORDER}x` }, 'orderNumber: is missing'],
    ['has an order number that is none', { input: null, name: 'order-0' }, 'orderNumber: "0" is not accepted'],
    ['is of another error', { error: 'OrderRejected' }, 'detail.error: "OrderRejected" is not accepted'],
    ['is of an execution without an error', { error: undefined }, 'detail.error: is missing'],
  ])('is missed where the event %s, and nothing is touched', async (_, detail, problem) => {
    await publishOrder();
    const requests = await bucket.requestsOf(() =>
      expect(run(failed(detail), { unpublish: true })).rejects.toMatchObject({
        name: 'InvalidInput',
        message: expect.stringContaining(problem),
      }),
    );
    expect(requests).toEqual([]);
  });
});

describe('trouble while a certificate is taken down', { timeout: 120_000 }, () => {
  async function prepare() {
    await bucket.afresh();
    await publishOrder(ORDER, issue, { domains: DOMAINS });
  }

  async function rehearse(): Promise<readonly S3Request[]> {
    await prepare();
    return bucket.requestsOf(() => run(failed(), { unpublish: true }));
  }

  async function expectDown() {
    expect(await bucket.keys()).toEqual([JSON_KEY, 'published/example.net/default.json']);
    for (const domain of DOMAINS) {
      expect(await bucket.description(domain)).toMatchObject({ revokedAt: REVOKED_AT, served: false });
    }
  }

  test.each([
    [500, 'InternalError'],
    [503, 'SlowDown'],
    [403, 'AccessDenied'],
  ])('with %i at any request: it ends with that error, and its repetition completes it', async (status, code) => {
    const requests = await rehearse();
    for (const [index, { method, key }] of requests.entries()) {
      const place = `${method} ${key}, request ${index + 1}`;
      await prepare();
      let count = 0;
      bucket.server.before = () => (count++ === index ? { status, code } : undefined);
      const $metadata = expect.objectContaining({ httpStatusCode: status });
      await expect(run(failed(), { unpublish: true }), place).rejects.toMatchObject({ $metadata });
      expect(count, place).toBe(index + 1);
      bucket.server.before = () => undefined;
      expect((await run(failed(), { unpublish: true })).records, place).toHaveLength(2);
      await expectDown();
    }
  });

  test('as the process dies between any two requests, its repetition completes it, and tells all again', async () => {
    const { length } = await rehearse();
    for (let answered = 0; answered < length; answered++) {
      await prepare();
      let count = 0;
      bucket.server.before = ({ client }) => {
        if (client === 'mortal' && count++ >= answered) {
          throw new Error('the process is dead');
        }
        return undefined;
      };
      await expect(run(failed(), { unpublish: true, client: 'mortal' })).rejects.toThrow();
      expect((await run(failed(), { unpublish: true })).records, `dead after ${answered}`).toHaveLength(2);
      await expectDown();
    }
  });

  test.each([
    { status: 412, code: 'PreconditionFailed' },
    { status: 409, code: 'ConditionalRequestConflict' },
    { status: 404, code: 'NoSuchKey' },
  ])('at any write, before which somebody else was quicker, it is looked at again: $status $code', async (conflict) => {
    const writes = (await rehearse()).filter(isWrite).length;
    expect(writes).toBe(6);
    for (let nth = 0; nth < writes; nth++) {
      await prepare();
      let count = 0;
      bucket.server.before = (request) => (isWrite(request) && count++ === nth ? conflict : undefined);
      expect((await run(failed(), { unpublish: true })).records).toHaveLength(2);
      expect(count).toBe(writes + 1);
      await expectDown();
    }
  });

  test('a repetition puts back of a newer one what the first run took away before it died', async () => {
    await publishOrder();
    let deletes = 0;
    // It dies where it would look again, after it took away what the renewal has just written.
    bucket.server.before = async ({ client, method }) => {
      if (client === 'mortal' && method === 'DELETE' && deletes++ === 0) {
        await publishOrder(RENEWAL, renewal);
      } else if (client === 'mortal' && deletes > 0) {
        throw new Error('the process is dead');
      }
      return undefined;
    };
    await expect(run(failed(), { unpublish: true, client: 'mortal' })).rejects.toThrow();
    // The server of the tests takes away without a condition, as an older S3 would.
    expect(await bucket.keys()).toEqual([JSON_KEY, SVG]);
    bucket.server.before = () => undefined;
    expect((await run(failed(), { unpublish: true })).records).toEqual([]);
    await bucket.expectLive(renewal, RENEWAL);
  });
});

const choices = fc.array(fc.nat(5), { minLength: 10, maxLength: 60 });

describe('at the same time as others', { timeout: 120_000 }, () => {
  const down = (client: string) => () => run(failed(), { unpublish: true, client });
  const publishing = (orderNumber: string, client: string) => () =>
    bucket.publish(orderNumber, { domains: [DOMAIN] }, { client });

  test('a newer certificate is published: it is live and whole in the end', async () => {
    const course = async (numbers: readonly number[]) => {
      await bucket.afresh();
      await publishOrder();
      await bucket.store(RENEWAL, renewal);
      const writers = { a: down('a'), b: publishing(RENEWAL, 'b') };
      const results = await interleave<unknown>(bucket.server, writers, by(numbers));
      expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
      expect(await bucket.expectLive(renewal, RENEWAL)).toMatchObject({ revokedAt: null });
    };
    await fc.assert(fc.asyncProperty(choices, course), { numRuns: 60 });
  });

  test('the same certificate is put back in place: it is down in the end', async () => {
    const course = async (numbers: readonly number[]) => {
      await bucket.afresh();
      await publishOrder();
      await bucket.remove(PEM);
      await bucket.overwrite(SVG, 'damage');
      const writers = { a: down('a'), b: publishing(ORDER, 'b') };
      const results = await interleave<unknown>(bucket.server, writers, by(numbers));
      expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
      expect(await bucket.description()).toMatchObject({ revokedAt: REVOKED_AT, served: false });
      expect(await bucket.keys()).toEqual([JSON_KEY]);
    };
    await fc.assert(fc.asyncProperty(choices, course), { numRuns: 60 });
  });

  test('the same event is handled twice: it is down in the end, marked once', async () => {
    const course = async (numbers: readonly number[]) => {
      await bucket.afresh();
      await publishOrder();
      const results = await interleave<unknown>(bucket.server, { a: down('a'), b: down('b') }, by(numbers));
      expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
      expect(await bucket.description()).toMatchObject({ revokedAt: REVOKED_AT, served: false, live: { since: NOW } });
      expect(await bucket.keys()).toEqual([JSON_KEY]);
    };
    await fc.assert(fc.asyncProperty(choices, course), { numRuns: 40 });
  });
});
