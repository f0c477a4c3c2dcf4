import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createHandler } from '../../../functions/publish/handler.ts';
import { type CapturedOutput, captureOutput, lambdaContext, logsAndMetrics, stubAwsEnvironment } from '../../lambda.ts';
import { issueCertificates, NEWER, NEWEST } from './certificates.ts';
import { BASE, BUCKET, DOMAIN, type Issue, NOW, type PublishedBucket, startBucket } from './published-bucket.ts';

const variables = { BUCKET_NAME: BUCKET, PUBLISHED_URL: BASE };
const context = lambdaContext('publish', 60_000);

let newer: Issue;
let newest: Issue;
let bucket: PublishedBucket;
let output: CapturedOutput;

beforeAll(async () => {
  ({ newer, newest } = await issueCertificates());
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

test('Publish returns the result for each domain and writes a log line for each.', async () => {
  await bucket.store(NEWER, newer);
  const event = { order: { orderNumber: NEWER, domains: [DOMAIN, 'example.net'] } };
  expect(await createHandler(variables)(event, context)).toMatchObject({
    published: [{ domain: DOMAIN, changed: true }],
    notPublished: [{ domain: 'example.net', reason: 'not-covered' }],
  });
  await createHandler(variables)(event, context);
  const { fingerprintSha256 } = newer.certificate.report;
  const line = { message: 'publication', service: 'publish', orderNumber: NEWER, selector: 'default' };
  const text = expect.stringContaining('covers neither example.net');
  const refused = { ...line, level: 'WARN', domain: 'example.net', outcome: 'refused', reason: 'not-covered', text };
  expect(logsAndMetrics(output).logs).toMatchObject([
    { ...line, level: 'INFO', domain: DOMAIN, outcome: 'published', fingerprintSha256 },
    refused,
    { ...line, level: 'INFO', domain: DOMAIN, outcome: 'unchanged', fingerprintSha256 },
    refused,
  ]);
  await bucket.expectLive(newer, NEWER);
});

test('Publish counts refusals, and zero if there are none.', async () => {
  await bucket.store(NEWER, newer);
  const handler = createHandler(variables);
  await handler({ order: { orderNumber: NEWER, domains: [DOMAIN] } }, context);
  expect(logsAndMetrics(output).metrics).toMatchObject({
    service: 'publish',
    PublicationsRefused: 0,
    _aws: { CloudWatchMetrics: [{ Namespace: 'MarkCertificateCollector', Dimensions: [['service', 'collector']] }] },
  });
  await handler({ order: { orderNumber: NEWER, domains: [DOMAIN, 'example.net', 'example.org'] } }, context);
  expect(logsAndMetrics(output).metrics).toMatchObject({ PublicationsRefused: [0, 1, 1] });
});

test('Publish counts an older certificate, unless it was live at the address before.', async () => {
  await bucket.publishOrder(NEWER, newer);
  await bucket.publishOrder(NEWEST, newest);
  const handler = createHandler(variables);
  await handler({ order: { orderNumber: NEWER, domains: [DOMAIN] } }, context);
  expect(logsAndMetrics(output).metrics).toMatchObject({ PublicationsRefused: 0 });
  expect(logsAndMetrics(output).logs).toMatchObject([{ outcome: 'refused', reason: 'older', superseded: true }]);
  await bucket.publish(NEWEST, { domains: [DOMAIN], selector: 'brand' });
  await handler({ order: { orderNumber: NEWER, domains: [DOMAIN], selector: 'brand' } }, context);
  expect(logsAndMetrics(output).metrics).toMatchObject({ PublicationsRefused: [0, 1] });
});

test.each(Object.keys(variables))('Publish does not start without %s.', (name) => {
  expect(() => createHandler({ ...variables, [name]: undefined })).toThrow(`${name} is missing`);
});

test('Publish does not start with a public address that is not a URL.', () => {
  expect(() => createHandler({ ...variables, PUBLISHED_URL: 'd111.cloudfront.net' })).toThrow('PUBLISHED_URL');
});
