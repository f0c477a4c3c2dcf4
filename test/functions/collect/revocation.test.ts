import { createHash } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CrlDownload } from '../../../functions/crl-download.ts';
import type { CertificateAuthority, IssuedMarkCertificate } from '../../../infra/local/ca/certificate-authority.ts';
import { openLongstandingAuthority } from '../../authority.ts';
import { crlDownload } from '../../crls.ts';
import { startDirectS3Server } from '../../s3-direct.ts';
import type { S3Server } from '../../s3-server.ts';
import { CHAIN, FOLDER, MANIFEST, RESPONSE } from '../store/archive-bucket.ts';
import { type Collection, collect as collectInto } from './collected.ts';

const SINCE = new Date('2026-05-30T00:00:00.000Z');

let authority: CertificateAuthority;
let server: S3Server;
let problems: unknown[];

beforeAll(async () => {
  authority = await openLongstandingAuthority();
});

beforeEach(async () => {
  problems = [];
  server = await startDirectS3Server();
});

afterEach(() => server.close());

const issue = (notBefore = '2026-05-01T00:00:00Z') =>
  authority.issue({ domains: ['example.com'], notBefore: new Date(notBefore) });

const collect = (issued: IssuedMarkCertificate, collection: Collection = {}) =>
  collectInto(issued, server.url, { revocationNotChecked: (_, error) => problems.push(error), ...collection });

function manifest(folder = '') {
  return JSON.parse(String(server.peek(`${FOLDER}${folder}certificate.json`)?.body));
}

const ids = (findings: readonly { readonly id: string }[]) =>
  findings.map(({ id }) => id).filter((id) => id === 'revoked' || id === 'crl-unknown');

const revokes = (...issued: readonly IssuedMarkCertificate[]) =>
  crlDownload(issued.map(({ leaf: certificate }) => ({ certificate, since: SINCE, reason: 'keyCompromise' as const })));

describe('A collected certificate', () => {
  test('is good if the CRLs of the chain do not list it.', async () => {
    const certificate = await collect(issue());
    expect(certificate).toMatchObject({ publishable: true, changed: true });
    const { publishable, revocation } = manifest();
    expect(publishable).toBe(true);
    expect(revocation).toMatchObject({ status: 'good', certificates: [{ status: 'good' }, { status: 'good' }] });
    expect(problems).toEqual([]);
  });

  test('is not publishable if it is revoked, in the manifest and in the state.', async () => {
    const issued = issue();
    const certificate = await collect(issued, { downloadCrls: revokes(issued) });
    expect(certificate).toMatchObject({ publishable: false, changed: true });
    expect(ids(certificate.findings)).toEqual(['revoked']);
    expect(certificate.findings[0]?.message).toBe(
      'a certificate is revoked according to the CRL of its issuer: ' +
        'Example Brand Limited since 2026-05-30T00:00:00.000Z (keyCompromise)',
    );
    const { publishable, findings, revocation } = manifest();
    expect([publishable, ids(findings), revocation.status]).toEqual([false, ['revoked'], 'revoked']);
    expect(revocation.certificates[0]).toMatchObject({ revokedAt: SINCE.toISOString(), reason: 'keyCompromise' });
  });

  test('has its response stored before its CRLs are downloaded, and stays publishable if they cannot be.', async () => {
    let stored: readonly boolean[] = [];
    const certificate = await collect(issue(), {
      async downloadCrls(urls) {
        stored = [RESPONSE, MANIFEST].map((key) => server.peek(key) !== undefined);
        return unavailable(urls);
      },
    });
    expect(stored).toEqual([true, false]);
    expect(certificate.publishable).toBe(true);
    expect(ids(certificate.findings)).toEqual(['crl-unknown']);
    expect(manifest().revocation.status).toBe('unknown');
  });

  test('is stored even if the download fails in an unexpected way.', async () => {
    const certificate = await collect(issue(), { downloadCrls: () => Promise.reject(new Error('a fault')) });
    expect(certificate).toMatchObject({ publishable: true, changed: true });
    expect(manifest()).toMatchObject({ publishable: true, revocation: null });
    expect(problems).toMatchObject([{ message: 'a fault' }]);
  });

  test('is kept beside a newer one that another execution stores while its CRLs are downloaded.', async () => {
    const issued = issue();
    const other = issue('2026-05-15T00:00:00Z');
    const certificate = await collect(issued, {
      async downloadCrls(urls) {
        await collect(other, { execution: 'order-2' });
        return revokes(issued)(urls);
      },
    });
    expect(certificate).toMatchObject({ changed: false, publishable: true });
    expect(manifest()).toMatchObject({ execution: 'order-2', publishable: true });
    const fingerprint = createHash('sha256').update(issued.leaf).digest('hex');
    expect(manifest(`superseded/${fingerprint}/`)).toMatchObject({ execution: 'order-1', publishable: false });
  });

  test.each([
    ['all URLs get the time that is left', 8_000, 3_000],
    ['no URL is asked if no time is left', 5_000, undefined],
  ])('never delays the check: %s.', async (_, remaining, expected) => {
    let given: number | undefined;
    await collect(issue(), {
      remainingMilliseconds: () => remaining,
      async downloadCrls(urls, milliseconds) {
        given = milliseconds;
        return crlDownload()(urls);
      },
    });
    expect(given).toBe(expected);
  });

  test('stays revoked if the same certificate comes again beside another execution, which downloads no CRL.', async () => {
    const issued = issue();
    await collect(issued, { downloadCrls: revokes(issued) });
    const before = manifest();
    const certificate = await collect(issued, {
      execution: 'order-1-renewal-20260602',
      once: true,
      downloadCrls: () => expect.unreachable('a CRL was downloaded'),
    });
    expect(certificate).toMatchObject({ publishable: false, changed: false });
    expect(manifest()).toEqual(before);
  });

  test('stays revoked if its CRL cannot be downloaded later.', async () => {
    const issued = issue();
    await collect(issued, { downloadCrls: revokes(issued) });
    const before = manifest();
    const certificate = await collect(issued, { execution: 'order-1-again', downloadCrls: unavailable });
    expect(certificate).toMatchObject({ publishable: false, changed: false });
    expect(ids(certificate.findings)).toEqual(['revoked']);
    expect(manifest()).toEqual(before);
  });

  test('is good again if the order is collected again after a hold.', async () => {
    const issued = issue();
    await collect(issued, { downloadCrls: revokes(issued) });
    const certificate = await collect(issued, { execution: 'order-1-again' });
    expect(certificate).toMatchObject({ publishable: true, changed: false });
    expect(manifest()).toMatchObject({ publishable: true, revocation: { status: 'good' } });
  });

  test('needs no request to S3 for what its CRLs say.', async () => {
    const requestsOf = async (issued: IssuedMarkCertificate) => {
      const before = server.requests.length;
      await collect(issued);
      return server.requests.slice(before).map(({ method }) => method);
    };
    const without = await requestsOf(withoutCrls());
    await server.close();
    server = await startDirectS3Server();
    expect(await requestsOf(issue())).toEqual(without);
  });
});

function withoutCrls(): IssuedMarkCertificate {
  const extensions = (usual: readonly { readonly oid: string; readonly value: Uint8Array }[]) =>
    usual.filter(({ oid }) => oid !== '2.5.29.31');
  return authority
    .with({ issuing: { notBefore: new Date('2020-01-01T00:00:00Z'), extensions } })
    .issue({ domains: ['example.com'], notBefore: new Date('2026-05-01T00:00:00Z'), extensions });
}

/** In place of a network that is down. */
const unavailable: CrlDownload = async (urls) =>
  urls.map((url) => ({ url, problem: 'the server answered with HTTP 503' }));

const firstLineOf = ({ leaf }: IssuedMarkCertificate) => Buffer.from(leaf).toString('base64').slice(0, 64);

describe('A revoked certificate that is newer than a good one', () => {
  test('does not replace it, and is reported.', async () => {
    const good = issue();
    const revoked = issue('2026-05-15T00:00:00Z');
    const { fingerprintSha256 } = await collect(good);
    const certificate = await collect(revoked, { execution: 'order-2', downloadCrls: revokes(revoked) });
    expect(certificate).toMatchObject({ publishable: false, changed: true });
    expect(ids(certificate.findings)).toEqual(['revoked']);
    expect(manifest()).toMatchObject({ fingerprintSha256, execution: 'order-1', publishable: true });
    expect(manifest(`superseded/${certificate.fingerprintSha256}/`)).toMatchObject({
      publishable: false,
      revocation: { status: 'revoked' },
    });
    expect(String(server.peek(CHAIN)?.body)).toContain(firstLineOf(good));
  });

  test('does not become the current one when the order is collected again.', async () => {
    const good = issue();
    const revoked = issue('2026-05-15T00:00:00Z');
    await collect(good);
    await collect(revoked, { execution: 'order-2', downloadCrls: revokes(revoked) });
    await collect(revoked, { execution: 'order-3', downloadCrls: revokes(revoked) });
    expect(manifest()).toMatchObject({ execution: 'order-1', publishable: true });
  });

  test('does not become the current one while its CRL cannot be downloaded.', async () => {
    const good = issue();
    const revoked = issue('2026-05-15T00:00:00Z');
    const { fingerprintSha256 } = await collect(good);
    await collect(revoked, { execution: 'order-2', downloadCrls: revokes(revoked) });
    const certificate = await collect(revoked, { execution: 'order-3', downloadCrls: unavailable });
    expect(certificate).toMatchObject({ publishable: false });
    expect(ids(certificate.findings)).toEqual(['revoked']);
    expect(manifest()).toMatchObject({ fingerprintSha256, execution: 'order-1', publishable: true });
  });

  test('is reported once, although checks beside other executions receive it every day.', async () => {
    const [good, revoked] = [issue(), issue('2026-05-15T00:00:00Z')];
    await collect(good);
    await collect(revoked, { execution: 'order-2', downloadCrls: revokes(revoked) });
    const before = server.requests.length;
    const certificate = await collect(revoked, {
      execution: 'order-1-renewal-20260602',
      once: true,
      downloadCrls: () => expect.unreachable('a CRL was downloaded'),
    });
    expect(certificate).toMatchObject({ publishable: false, changed: false });
    expect(server.requests.slice(before).filter(({ method }) => method === 'PUT')).toEqual([]);
  });

  test('becomes the current one when it is good again after a hold.', async () => {
    const [good, held] = [issue(), issue('2026-05-15T00:00:00Z')];
    await collect(good);
    const { fingerprintSha256 } = await collect(held, { execution: 'order-2', downloadCrls: revokes(held) });
    const certificate = await collect(held, { execution: 'order-3' });
    expect(certificate).toMatchObject({ fingerprintSha256, publishable: true });
    expect(manifest()).toMatchObject({ fingerprintSha256, publishable: true, revocation: { status: 'good' } });
  });

  test('does not replace it, wherever the process ends.', async () => {
    const [good, revoked] = [issue(), issue('2026-05-15T00:00:00Z')];
    const { fingerprintSha256 } = await collect(good);
    const restore = server.snapshot();
    const check = { execution: 'order-2', downloadCrls: revokes(revoked) };
    const start = server.requests.length;
    await collect(revoked, check);
    const writes = server.requests.slice(start).filter(({ method }) => method === 'PUT').length;
    // Its response, chain, logo, report and manifest.
    expect(writes).toBe(5);
    for (let count = 0; count < writes; count++) {
      restore();
      let left = count;
      server.before = ({ method }) => {
        left -= method === 'PUT' ? 1 : 0;
        return left < 0 ? { status: 403, code: 'AccessDenied' } : undefined;
      };
      await collect(revoked, check).catch(() => {});
      server.before = () => undefined;
      const certificate = await collect(revoked, check);
      const place = `after ${count} writes`;
      expect(certificate, place).toMatchObject({ publishable: false, changed: true });
      expect(manifest(), place).toMatchObject({ fingerprintSha256, execution: 'order-1', publishable: true });
      expect(manifest(`superseded/${certificate.fingerprintSha256}/`), place).toMatchObject({
        publishable: false,
        revocation: { status: 'revoked' },
      });
      expect(String(server.peek(CHAIN)?.body), place).toContain(firstLineOf(good));
    }
  });

  test('stays if both are revoked.', async () => {
    const [older, newer] = [issue(), issue('2026-05-15T00:00:00Z')];
    await collect(older, { downloadCrls: revokes(older) });
    await collect(newer, { execution: 'order-2', downloadCrls: revokes(older, newer) });
    expect(manifest()).toMatchObject({ execution: 'order-2', publishable: false });
  });
});
