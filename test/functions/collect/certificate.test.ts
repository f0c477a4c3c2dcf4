import { createHash } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { collectCertificate } from '../../../functions/collect/certificate.ts';
import { createCheckedOrder } from '../../../functions/collect/options.ts';
import { openArchive } from '../../../functions/store/archive.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import { pkcs7 } from '../../../infra/local/ca/containers.ts';
import { openLongstandingAuthority } from '../../authority.ts';
import { crlDownload } from '../../crls.ts';
import { type S3Server, startS3Server } from '../../s3-server.ts';
import { BUCKET, clientOf, ORDER_NUMBER } from '../store/archive-bucket.ts';

const NOW = new Date('2026-06-01T08:00:00.000Z');

let authority: CertificateAuthority;
let server: S3Server;

beforeAll(async () => {
  authority = await openLongstandingAuthority();
});

beforeEach(async () => {
  server = await startS3Server();
});

afterEach(() => server.close());

/** Collects a certificate that becomes valid after so many seconds. */
async function collectAhead(seconds: number) {
  const { chain } = authority.issue({
    domains: ['example.com'],
    notBefore: new Date(NOW.getTime() + seconds * 1000),
  });
  const body = pkcs7(chain);
  const outcome = await collectCertificate(
    createCheckedOrder(
      { order: { orderNumber: ORDER_NUMBER }, execution: 'order-1', startedAt: NOW.toISOString() },
      { readOptions: async (_, { options }) => options },
    ),
    {
      reply: { kind: 'issued', status: 2, container: 'pkcs7', payload: body },
      body,
      execution: 'order-1',
      once: false,
      remainingMilliseconds: () => 30_000,
    },
    {
      collector: 'acme',
      bucket: BUCKET,
      trustAnchors: [createHash('sha256').update(authority.root).digest('hex')],
      ctLogs: [authority.log.key],
      publishedUrl: undefined,
      archive: async (orderNumber) => openArchive(s3Storage(clientOf('x', server.url), BUCKET), orderNumber),
      downloadCrls: crlDownload(),
      revocationNotStored: (_, error) => expect.unreachable(String(error)),
      now: () => NOW,
    },
  );
  return 'invalid' in outcome ? expect.unreachable(outcome.invalid) : outcome.certificate;
}

test.each([
  [-60, true],
  [0, true],
  [1, true],
  [300, true],
  [301, false],
  [86_400, false],
])('A certificate that becomes valid after %i s is publishable: %s.', async (seconds, publishable) => {
  const { findings, ...certificate } = await collectAhead(seconds);
  expect(certificate).toMatchObject({ publishable, changed: true });
  expect(findings.flatMap(({ id, severity }) => (severity === 'notice' ? [] : [id]))).toEqual(
    publishable ? [] : ['validity'],
  );
});
