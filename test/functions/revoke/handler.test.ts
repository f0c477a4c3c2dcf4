import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createHandler } from '../../../functions/revoke/handler.ts';
import { type CapturedOutput, captureOutput, lambdaContext, logsAndMetrics, stubAwsEnvironment } from '../../lambda.ts';
import { BUCKET, DOMAIN, type Issue, NOW, type PublishedBucket, startBucket } from '../publish/published-bucket.ts';
import { COLLECTOR, issueCertificates, ORDER, revoked } from './revocation.ts';

const variables = { COLLECTOR, BUCKET_NAME: BUCKET };
const context = lambdaContext('revoke', 60_000);
const event = revoked({ knownSince: NOW });

let issue: Issue;
let bucket: PublishedBucket;
let output: CapturedOutput;

beforeAll(async () => {
  ({ issue } = await issueCertificates());
});

beforeEach(async () => {
  bucket = await startBucket();
  stubAwsEnvironment({ AWS_ENDPOINT_URL_S3: bucket.server.url });
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(NOW) });
  output = captureOutput();
});

afterEach(async () => {
  vi.useRealTimers();
  await bucket.close();
});

test('Revoke writes a line for each publication and each damaged description, and counts the publications.', async () => {
  await bucket.publishOrder(ORDER, issue);
  await bucket.publish(ORDER, { domains: [DOMAIN], selector: 'brand' });
  await bucket.overwrite('published/example.net/default.json', '{}');
  await createHandler(variables)(event, context);
  const { logs, metrics } = logsAndMetrics(output);
  const { fingerprintSha256 } = issue.certificate.report;
  const line = { level: 'ERROR', message: 'published certificate revoked', orderNumber: ORDER, domain: DOMAIN };
  expect(logs).toMatchObject([
    { ...line, selector: 'brand', fingerprintSha256, revokedAt: NOW, served: true },
    { ...line, selector: 'default', fingerprintSha256, revokedAt: NOW, served: true },
    { level: 'ERROR', message: 'publication damaged', key: 'published/example.net/default.json' },
  ]);
  expect(metrics).toMatchObject({
    service: 'revoke',
    PublishedRevoked: [0, 1, 1],
    _aws: { CloudWatchMetrics: [{ Namespace: 'MarkCertificateCollector', Dimensions: [['service', 'collector']] }] },
  });
  await bucket.expectLive(issue, ORDER);
});

test('Revoke counts zero if the order has no publication.', async () => {
  await createHandler(variables)(event, context);
  const { logs, metrics } = logsAndMetrics(output);
  expect(metrics).toMatchObject({ PublishedRevoked: 0 });
  expect(logs).toEqual([]);
});

test('Revoke counts a publication before it fails, so that the alarm does not wait for the repetition.', async () => {
  await bucket.publishOrder(ORDER, issue);
  bucket.server.before = ({ method }) => (method === 'DELETE' ? { status: 403, code: 'AccessDenied' } : undefined);
  const handler = createHandler({ ...variables, UNPUBLISH_REVOKED: 'true' });
  await expect(handler(event, context)).rejects.toMatchObject({ name: 'AccessDenied' });
  expect(logsAndMetrics(output).metrics).toMatchObject({ PublishedRevoked: [0, 1] });
});

test.each([
  ['true', false],
  ['false', true],
  [undefined, true],
])('With UNPUBLISH_REVOKED %s, a revoked certificate is served afterwards: %s.', async (UNPUBLISH_REVOKED, served) => {
  await bucket.publishOrder(ORDER, issue);
  await createHandler({ ...variables, UNPUBLISH_REVOKED })(event, context);
  expect(await bucket.description()).toMatchObject({ revokedAt: NOW, served });
  expect(await bucket.keys()).toHaveLength(served ? 3 : 1);
});

test('Revoke does not start without a bucket, or with a setting that is neither true nor false.', () => {
  expect(() => createHandler({})).toThrow('BUCKET_NAME is missing');
  expect(() => createHandler({ ...variables, UNPUBLISH_REVOKED: 'yes' })).toThrow('UNPUBLISH_REVOKED: "yes"');
});
