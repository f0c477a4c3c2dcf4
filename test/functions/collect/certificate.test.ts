import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import { openLongstandingAuthority } from '../../authority.ts';
import { startDirectS3Server } from '../../s3-direct.ts';
import type { S3Server } from '../../s3-server.ts';
import { collect, NOW } from './collected.ts';

let authority: CertificateAuthority;
let server: S3Server;

beforeAll(async () => {
  authority = await openLongstandingAuthority();
});

beforeEach(async () => {
  server = await startDirectS3Server();
});

afterEach(() => server.close());

/** Collects a certificate that becomes valid after so many seconds. */
function collectAhead(seconds: number) {
  const notBefore = new Date(NOW.getTime() + seconds * 1000);
  return collect(authority.issue({ domains: ['example.com'], notBefore }), server.url);
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
