import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createHandler } from '../../../functions/collect/handler.ts';
import type { CertificateAuthority, IssuedMarkCertificate } from '../../../infra/local/ca/certificate-authority.ts';
import { startCollectMcSimulator } from '../../../infra/local/ca/collectmc-simulator.ts';
import { startSecretsEndpoint } from '../../../infra/local/cloud/secrets.ts';
import { openAuthority } from '../../authority.ts';
import { crlDownload } from '../../crls.ts';
import { captureOutput, lambdaContext, stubAwsEnvironment } from '../../lambda.ts';
import { type S3Server, startS3Server } from '../../s3-server.ts';

const LOGIN = { loginName: 'brand', loginPassword: 'kestrel:at:dawn' };

let authority: CertificateAuthority;
let root: Uint8Array | undefined;
let ca: Awaited<ReturnType<typeof startCollectMcSimulator>>;
let secrets: Awaited<ReturnType<typeof startSecretsEndpoint>>;
let s3: S3Server;
let orders = 0;
let orderNumber: string;

beforeAll(async () => {
  authority = await openAuthority();
  [ca, secrets, s3] = await Promise.all([
    startCollectMcSimulator({ credentials: LOGIN }),
    startSecretsEndpoint({ login: JSON.stringify(LOGIN) }),
    startS3Server(),
  ]);
});

afterAll(async () => {
  await Promise.all([ca.close(), secrets.close(), s3.close()]);
});

beforeEach(() => {
  orderNumber = String(++orders);
  captureOutput();
  stubAwsEnvironment({ AWS_ENDPOINT_URL_S3: s3.url, AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url });
});

const issue = (notBefore: string) => {
  const issued = authority.issue({ domains: ['example.com'], notBefore: new Date(notBefore) });
  root = issued.root;
  return issued;
};

/** What a check of the order, which finds a certificate, asks S3, in a new process. */
function requestsOf({ chain }: IssuedMarkCertificate, execution?: string): Promise<string[]> {
  ca.order(orderNumber, [{ kind: 'issued', certificates: chain }]);
  return requestsTo('issued', execution);
}

/** What a check of the order with this outcome asks S3, in a new process. */
async function requestsTo(outcome: string, execution = `order-${orderNumber}`): Promise<string[]> {
  const handler = createHandler(
    {
      COLLECTOR: 'acme',
      BUCKET_NAME: 'bucket',
      COLLECT_URL: ca.url,
      CREDENTIALS_SECRET_ARN: 'login',
      CT_LOGS: authority.log.key,
      GIVE_UP_SECONDS: '86400',
      POLL_SECONDS: '60',
      RESPONSE_FORMAT: 'pkcs7',
      ...(root && { TRUST_ANCHORS: createHash('sha256').update(root).digest('hex') }),
    },
    { downloadCrls: crlDownload() },
  );
  const before = s3.requests.length;
  const event = { order: { orderNumber }, execution, startedAt: new Date().toISOString() };
  expect(await handler(event, lambdaContext('collect', 60_000))).toMatchObject({ outcome });
  const prefix = `orders/${orderNumber}/`;
  return s3.requests
    .slice(before)
    .map(({ method, key, query }) => (query.has('list-type') ? 'LIST' : `${method} ${key.replace(prefix, '')}`));
}

test('The first check of an order that waits asks whether the order was corrected, and creates the status.', async () => {
  ca.order(orderNumber, [{ kind: 'status', status: 0 }]);
  expect(await requestsTo('waiting')).toEqual(['GET order.json', 'PUT status.json']);
});

describe('The requests to S3 of a check that finds a certificate', () => {
  test('The first certificate of an order needs ten.', async () => {
    expect(await requestsOf(issue('2026-05-01T00:00:00Z'))).toEqual([
      'GET certificate.json',
      'PUT response.p7b',
      'GET order.json',
      'PUT chain.pem',
      'PUT logo.svg',
      'PUT report.html',
      'PUT certificate.json',
      // Whether another execution replaced an object meanwhile.
      'LIST',
      'GET status.json',
      'PUT status.json',
    ]);
  });

  test.each([
    ['of the same execution', undefined],
    ['of another execution', 'order-again'],
  ])('The same certificate again needs eight, and writes only the status: a check %s.', async (_, execution) => {
    const issued = issue('2026-05-01T00:00:00Z');
    await requestsOf(issued);
    expect(await requestsOf(issued, execution)).toEqual([
      'GET certificate.json',
      'GET order.json',
      'HEAD response.p7b',
      'HEAD chain.pem',
      'HEAD logo.svg',
      'HEAD report.html',
      'GET status.json',
      'PUT status.json',
    ]);
  });

  test('A renewal needs nineteen: it also keeps the certificate that it replaces.', async () => {
    await requestsOf(issue('2026-05-01T00:00:00Z'));
    const requests = await requestsOf(issue('2026-06-01T00:00:00Z'));
    expect(requests.map((request) => request.replace(/[0-9a-f]{64}/, '…'))).toEqual([
      'GET certificate.json',
      'GET order.json',
      // Whether the new certificate was received before.
      'GET superseded/…/certificate.json',
      'GET response.p7b',
      'GET chain.pem',
      'GET logo.svg',
      'GET report.html',
      'PUT superseded/…/response.p7b',
      'PUT superseded/…/chain.pem',
      'PUT superseded/…/logo.svg',
      'PUT superseded/…/report.html',
      'PUT superseded/…/certificate.json',
      'PUT response.p7b',
      'PUT chain.pem',
      // The logo is the same.
      'PUT report.html',
      'PUT certificate.json',
      'LIST',
      'GET status.json',
      'PUT status.json',
    ]);
  });
});
