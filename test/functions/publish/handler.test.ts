import type { Context } from 'aws-lambda';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createHandler as createPublish } from '../../../functions/publish/handler.ts';
import { createHandler as createRevoke } from '../../../functions/revoke/handler.ts';
import type { PublishedBucket } from './published-bucket.ts';
import {
  BASE,
  BUCKET,
  DOMAIN,
  type Issue,
  issueBy,
  longstandingAuthority,
  NOW,
  startBucket,
} from './published-bucket.ts';

let issue: Issue;
let bucket: PublishedBucket;
let written: string;

beforeAll(async () => {
  issue = await issueBy(await longstandingAuthority(), '2026-03-01T00:00:00Z');
});

beforeEach(async () => {
  bucket = await startBucket();
  written = '';
  // The logger writes to a console of its own.
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      written += text;
      return true;
    });
  }
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(NOW) });
  for (const [name, value] of Object.entries({
    AWS_ENDPOINT_URL_S3: bucket.server.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  })) {
    vi.stubEnv(name, value);
  }
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  vi.unstubAllEnvs();
  await bucket.close();
});

const context: Context = {
  functionName: 'publish',
  functionVersion: '$LATEST',
  invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:publish',
  memoryLimitInMB: '512',
  awsRequestId: '6ff5c4ad-0c1c-4d29-b1c7-a5be50e3cd4b',
  logGroupName: 'publish',
  logStreamName: 'local',
  callbackWaitsForEmptyEventLoop: false,
  getRemainingTimeInMillis: () => 60_000,
  done: () => {},
  fail: () => {},
  succeed: () => {},
};

/** Log lines, and the metrics in their own lines. */
function output() {
  const lines: Record<string, unknown>[] = written
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  const metrics = Object.assign({}, ...lines.filter((line) => '_aws' in line));
  return { logged: lines.filter((line) => 'message' in line), metrics };
}

describe('the function publish', () => {
  const variables = { BUCKET_NAME: BUCKET, PUBLISHED_URL: BASE };

  test('answers with what became of each domain, and writes a line for each', async () => {
    await bucket.store('1002', issue);
    const event = { order: { orderNumber: '1002', domains: [DOMAIN, 'example.net'] } };
    expect(await createPublish(variables)(event, context)).toMatchObject({
      published: [{ domain: DOMAIN, changed: true }],
      notPublished: [{ domain: 'example.net', reason: 'not-covered' }],
    });
    await createPublish(variables)(event, context);
    const { fingerprintSha256 } = issue.certificate.report;
    const line = { message: 'publication', service: 'publish', orderNumber: '1002', selector: 'default' };
    const text = expect.stringContaining('covers neither example.net');
    const refused = { ...line, level: 'WARN', domain: 'example.net', outcome: 'refused', reason: 'not-covered', text };
    expect(output().logged).toMatchObject([
      { ...line, level: 'INFO', domain: DOMAIN, outcome: 'published', fingerprintSha256 },
      refused,
      { ...line, level: 'INFO', domain: DOMAIN, outcome: 'unchanged', fingerprintSha256 },
      refused,
    ]);
    await bucket.expectLive(issue, '1002');
  });

  test('counts what it did not publish, and nothing where it published all', async () => {
    await bucket.store('1002', issue);
    const handler = createPublish(variables);
    await handler({ order: { orderNumber: '1002', domains: [DOMAIN] } }, context);
    expect(output().metrics).toMatchObject({
      service: 'publish',
      PublicationsRefused: 0,
      _aws: { CloudWatchMetrics: [{ Namespace: 'MarkCertificateCollector', Dimensions: [['service']] }] },
    });
    await handler({ order: { orderNumber: '1002', domains: [DOMAIN, 'example.net', 'example.org'] } }, context);
    expect(output().metrics).toMatchObject({ PublicationsRefused: [0, 1, 1] });
  });

  test('counts one that is older than what is live, but not where it had been live before', async () => {
    const renewal = await issueBy(await longstandingAuthority(), '2026-05-01T00:00:00Z');
    await bucket.store('1002', issue);
    await bucket.store('1003', renewal);
    await bucket.publish('1002');
    await bucket.publish('1003');
    const handler = createPublish(variables);
    await handler({ order: { orderNumber: '1002', domains: [DOMAIN] } }, context);
    expect(output().metrics).toMatchObject({ PublicationsRefused: 0 });
    expect(output().logged).toMatchObject([{ outcome: 'refused', reason: 'older', superseded: true }]);
    await bucket.publish('1003', { domains: [DOMAIN], selector: 'brand' });
    await handler({ order: { orderNumber: '1002', domains: [DOMAIN], selector: 'brand' } }, context);
    expect(output().metrics).toMatchObject({ PublicationsRefused: [0, 1] });
  });

  test.each(Object.keys(variables))('does not start without %s', (name) => {
    expect(() => createPublish({ ...variables, [name]: undefined })).toThrow(`${name}: is missing`);
  });

  test('does not start with an address that is none', () => {
    expect(() => createPublish({ ...variables, PUBLISHED_URL: 'd111.cloudfront.net' })).toThrow('PUBLISHED_URL');
  });
});

describe('the function revoke', () => {
  const variables = { BUCKET_NAME: BUCKET };
  const event = { detail: { name: 'order-1002', error: 'CertificateRevoked', stopDate: Date.parse(NOW) } };

  test('writes a line for each publication and for each description that is damaged, and counts the first', async () => {
    await bucket.store('1002', issue);
    await bucket.publish('1002');
    await bucket.publish('1002', { domains: [DOMAIN], selector: 'brand' });
    await bucket.overwrite('published/example.net/default.json', '{}');
    await createRevoke(variables)(event, context);
    const { logged, metrics } = output();
    const { fingerprintSha256 } = issue.certificate.report;
    const line = { level: 'ERROR', message: 'published certificate revoked', orderNumber: '1002', domain: DOMAIN };
    expect(logged).toMatchObject([
      { ...line, selector: 'brand', fingerprintSha256, revokedAt: NOW, served: true },
      { ...line, selector: 'default', fingerprintSha256, revokedAt: NOW, served: true },
      { level: 'ERROR', message: 'publication damaged', key: 'published/example.net/default.json' },
    ]);
    expect(metrics).toMatchObject({
      service: 'revoke',
      PublishedRevoked: [0, 1, 1],
      _aws: { CloudWatchMetrics: [{ Namespace: 'MarkCertificateCollector', Dimensions: [['service']] }] },
    });
    await bucket.expectLive(issue, '1002');
  });

  test('counts nothing where nothing of the order is published', async () => {
    await createRevoke(variables)(event, context);
    expect(output().metrics).toMatchObject({ PublishedRevoked: 0 });
    expect(output().logged).toEqual([]);
  });

  test('counts what it found also when it fails then, for the alarm not to wait for the repetition', async () => {
    await bucket.store('1002', issue);
    await bucket.publish('1002');
    bucket.server.before = ({ method }) => (method === 'DELETE' ? { status: 403, code: 'AccessDenied' } : undefined);
    const handler = createRevoke({ ...variables, UNPUBLISH_REVOKED: 'true' });
    await expect(handler(event, context)).rejects.toMatchObject({ name: 'AccessDenied' });
    expect(output().metrics).toMatchObject({ PublishedRevoked: [0, 1] });
  });

  test.each([
    ['true', false],
    ['false', true],
    [undefined, true],
  ])('with UNPUBLISH_REVOKED %s leaves it served: %s', async (UNPUBLISH_REVOKED, served) => {
    await bucket.store('1002', issue);
    await bucket.publish('1002');
    await createRevoke({ ...variables, UNPUBLISH_REVOKED })(event, context);
    expect(await bucket.description()).toMatchObject({ revokedAt: NOW, served });
    expect(await bucket.keys()).toHaveLength(served ? 3 : 1);
  });

  test('does not start without a bucket, nor with a setting that is neither true nor false', () => {
    expect(() => createRevoke({})).toThrow('BUCKET_NAME: is missing');
    expect(() => createRevoke({ ...variables, UNPUBLISH_REVOKED: 'yes' })).toThrow('UNPUBLISH_REVOKED: "yes"');
  });
});
