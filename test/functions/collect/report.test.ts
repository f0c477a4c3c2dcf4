import { createHash } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { manifestSchema } from '../../../functions/store/manifest.ts';
import type { CertificateAuthority, IssuedMarkCertificate } from '../../../infra/local/ca/certificate-authority.ts';
import { openLongstandingAuthority } from '../../authority.ts';
import { crlDownload } from '../../crls.ts';
import { startDirectS3Server } from '../../s3-direct.ts';
import type { S3Server } from '../../s3-server.ts';
import { CHAIN, clientOf, FOLDER, isWrite, LOGO, MANIFEST, objectsOf, RESPONSE } from '../store/archive-bucket.ts';
import { type Collection, collect as collectInto, NOW } from './collected.ts';

const REPORT = `${FOLDER}report.html`;

let authority: CertificateAuthority;
let server: S3Server;

beforeAll(async () => {
  authority = await openLongstandingAuthority();
});

beforeEach(async () => {
  server = await startDirectS3Server();
});

afterEach(() => server.close());

const issue = (notBefore = '2026-05-01T00:00:00Z') =>
  authority.issue({ domains: ['example.com'], notBefore: new Date(notBefore) });

const collect = (issued: IssuedMarkCertificate, collection: Collection = {}) =>
  collectInto(issued, server.url, collection);

const text = (key: string) => String(server.peek(key)?.body);
const manifest = (folder = FOLDER) => JSON.parse(text(`${folder}certificate.json`));
const revokes = (...issued: readonly IssuedMarkCertificate[]) =>
  crlDownload(issued.map(({ leaf: certificate }) => ({ certificate, since: NOW, reason: 'keyCompromise' as const })));
const withoutCrls = async () => [];

/** Expects that a manifest lists the report in its folder, with its bytes. */
function expectListed(folder = FOLDER) {
  const body = server.peek(`${folder}report.html`)?.body ?? expect.fail('there is no report');
  expect(manifest(folder).objects.report).toMatchObject({
    key: `${folder}report.html`,
    size: body.length,
    sha256: createHash('sha256').update(body).digest('hex'),
  });
}

describe('The report of a collected certificate', () => {
  test('is written before the manifest, which lists it, and announced with the other objects.', async () => {
    const certificate = await collect(issue(), { downloadCrls: withoutCrls });
    const written = server.requests.filter(isWrite).map(({ key }) => key);
    expect(written.slice(0, 5)).toEqual([RESPONSE, CHAIN, LOGO, REPORT, MANIFEST]);
    expect(server.peek(REPORT)?.contentType).toBe('text/html; charset=utf-8');
    expectListed();
    expect(certificate.keys).toMatchObject({ report: REPORT });
  });

  test('names the order, the objects, the collector and the moment of the check.', async () => {
    await collect(issue());
    const page = text(REPORT);
    const { response, chain, logo } = manifest().objects;
    for (const expected of ['1378973013', 'order-1', response.sha256, chain.sha256, logo.sha256, 'acme']) {
      expect(page).toContain(`<bdi>${expected}</bdi>`);
    }
    expect(page).toContain('Written <time datetime="2026-06-01T08:00:00.000Z">2026-06-01 08:00 UTC</time> by');
  });

  test('states a revocation that the CRLs of the chain show.', async () => {
    const issued = issue();
    await collect(issued, { downloadCrls: revokes(issued) });
    expect(text(REPORT)).toContain('<strong>Revoked.</strong>');
    expectListed();
  });

  test('changes with the verdict of a later check, and only then.', async () => {
    const issued = issue();
    await collect(issued);
    const [first, firstManifest] = [text(REPORT), text(MANIFEST)];
    const later = () => new Date('2026-06-02T08:00:00.000Z');
    await collect(issued, { execution: 'order-1-2', now: later });
    expect([text(REPORT), text(MANIFEST)]).toEqual([first, firstManifest]);
    await collect(issued, { execution: 'order-1-3', now: later, downloadCrls: revokes(issued) });
    expect(text(REPORT)).toContain('<strong>Revoked.</strong>');
    expect(text(REPORT)).toContain('2026-06-02 08:00 UTC');
    expectListed();
  });

  test('is kept with a certificate that is superseded, and there is one again when it becomes the current one.', async () => {
    const [older, newer] = [issue(), issue('2026-05-15T00:00:00Z')];
    await collect(older);
    const first = text(REPORT);
    await collect(newer, { execution: 'order-1-2', downloadCrls: withoutCrls });
    const folder = `${FOLDER}superseded/${createHash('sha256').update(older.leaf).digest('hex')}/`;
    expect(text(REPORT)).not.toBe(first);
    expect(text(`${folder}report.html`)).toBe(first);
    expectListed(folder);
    // It is revoked later, and the CA returns the older one.
    await collect(newer, { execution: 'order-1-2', downloadCrls: revokes(newer) });
    await collect(older, { execution: 'order-1-3' });
    expect(text(REPORT)).toContain('<strong>Publishable.</strong>');
    expect(text(REPORT)).toContain(createHash('sha256').update(older.leaf).digest('hex'));
    expectListed();
  });

  test('is restored if somebody overwrote it.', async () => {
    const issued = issue();
    await collect(issued);
    const first = text(REPORT);
    await objectsOf(clientOf('x', server.url)).overwrite(REPORT, '<script>');
    await collect(issued, { execution: 'order-1-2' });
    expect(text(REPORT)).toBe(first);
  });

  test.each([
    ['cannot be made', async () => ({ renderStoredReport: () => expect.fail('no page today') })],
    ['cannot be loaded', () => Promise.reject(new Error('no page today'))],
  ])('does not stop the certificate from being stored if it %s, and the reason is reported.', async (_, loadPages) => {
    const problems: string[] = [];
    const certificate = await collect(issue(), {
      loadPages,
      reportNotMade: (orderNumber, error) => problems.push(`${orderNumber}: ${(error as Error).message}`),
    });
    expect(certificate).toMatchObject({ publishable: true, changed: true });
    expect(Object.keys(manifest().objects)).toEqual(['response', 'chain', 'logo']);
    expect(server.peek(REPORT)).toBeUndefined();
    expect(new Set(problems)).toEqual(new Set(['1378973013: no page today']));
  });

  test('is listed in a manifest that has the form of all manifests.', async () => {
    await collect(issue());
    expect(Object.keys(manifest().objects)).toEqual(['response', 'chain', 'logo', 'report']);
    expect(manifestSchema['~standard'].validate(manifest())).not.toHaveProperty('issues');
  });
});
