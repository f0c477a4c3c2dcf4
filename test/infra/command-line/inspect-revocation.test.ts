import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { CertificateAuthority, IssuedMarkCertificate } from '../../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import type { CrlContent } from '../../../infra/local/ca/crls.ts';
import { serveCrls } from '../../../infra/local/cloud/crl-server.ts';
import type { Endpoint } from '../../../infra/local/cloud/loopback.ts';
import { openAuthority } from '../../authority.ts';
import { run } from './run.ts';

let folder: string;
let server: Endpoint;
let authority: CertificateAuthority;
let issued: IssuedMarkCertificate;
let file: string;
let content: CrlContent;
let requests: number;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'inspect-revocation-'));
  file = path.join(folder, 'chain.pem');
});

afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(async () => {
  content = {};
  requests = 0;
  server = await serveCrls(() => {
    requests += 1;
    return authority.crls(content);
  });
  authority = (await openAuthority()).with({ crlServer: server.url });
  issued = authority.issue({ domains: ['example.com'] });
  writeFileSync(file, pem(issued.chain));
});

afterEach(async () => {
  await server.close();
});

async function inspect(...options: readonly string[]) {
  const { exitCode, out } = await run(['inspect', ...options, '--log', authority.log.key, file]);
  return { status: exitCode, stdout: out };
}

const trust = () => ['--trust', createHash('sha256').update(authority.root).digest('hex')];

test('Without --revocation no CRL is downloaded.', async () => {
  const { status, stdout } = await inspect(...trust());
  expect([status, requests]).toEqual([0, 0]);
  expect(stdout).toContain('not checked (--revocation checks it)');
});

test('A chain is good if the CRLs do not list it.', async () => {
  const { status, stdout } = await inspect('--revocation', ...trust());
  expect([status, requests]).toEqual([0, 2]);
  expect(stdout).toMatch(/revoked +no, according to the CRLs/);
});

test('A revoked certificate is an error, with its date and reason.', async () => {
  const since = new Date('2026-05-30T00:00:00Z');
  content = { revoked: [{ certificate: issued.leaf, since, reason: 'keyCompromise' }] };
  const { status, stdout } = await inspect('--revocation', ...trust());
  expect(status).toBe(1);
  expect(stdout).toMatch(/revoked +yes, since 2026-05-30T00:00:00\.000Z \(keyCompromise\)/);
  expect(stdout).toMatch(/✗ revoked: .*Example Brand Limited since 2026-05-30T00:00:00\.000Z \(keyCompromise\)/);

  const { stdout: json } = await inspect('--json', '--revocation', ...trust());
  expect(JSON.parse(json)).toMatchObject({
    publishable: false,
    revocation: { status: 'revoked', certificates: [{ reason: 'keyCompromise' }, { status: 'good' }] },
  });
});

test('A CRL that cannot be downloaded is a warning, with the reason.', async () => {
  await server.close();
  const { status, stdout } = await inspect('--revocation', ...trust());
  server = await serveCrls(() => []);
  expect(status).toBe(0);
  expect(stdout).toMatch(/revoked +not known/);
  expect(stdout).toMatch(/! crl-unknown: .*could not be fetched: the server refused the connection \(ECONNREFUSED\)/);
});

test('No server on this machine is requested for a chain that no certificate of --trust validates.', async () => {
  const { status, stdout } = await inspect('--revocation');
  expect([status, requests]).toEqual([1, 0]);
  expect(stdout).toContain('which is not on the public internet');
});
