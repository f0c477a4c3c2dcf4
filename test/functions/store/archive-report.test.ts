import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ReportRenderer } from '../../../functions/store/certificate-folder.ts';
import type { Provenance } from '../../../functions/store/manifest.ts';
import { openRevocation } from '../../../functions/store/revocation.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import { chooseBy, interleave } from '../../interleave.ts';
import {
  type ArchiveBucket,
  assessed,
  BUCKET,
  clientOf,
  FIRST,
  FOLDER,
  type Issue,
  issueCertificates,
  isWrite,
  MANIFEST,
  SECOND,
  startArchiveBucket,
  supersededOf,
} from './archive-bucket.ts';

const REPORT = `${FOLDER}report.html`;
const THIRD: Provenance = { execution: 'order-1378973013-third', collectedAt: '2026-03-02T14:00:00.000Z' };

/** A report that says exactly what its manifest says. */
const render: ReportRenderer = (manifest) => Buffer.from(JSON.stringify(manifest));

let older: Issue;
let newer: Issue;
let bucket: ArchiveBucket;

beforeAll(async () => {
  ({ older, newer } = await issueCertificates());
});

beforeEach(async () => {
  bucket = await startArchiveBucket();
});

afterEach(() => bucket.close());

const good = (issue: Issue) => assessed(issue, { publishable: true, findings: [] });
const revoked = (issue: Issue) =>
  assessed(issue, { publishable: false, findings: [{ id: 'revoked', severity: 'error', message: 'revoked' }] });

/** Stores a certificate as a check does. */
async function receive(
  { response, certificate }: Issue,
  provenance: Provenance,
  { renderer }: { readonly renderer: ReportRenderer | undefined } = { renderer: render },
) {
  const archive = bucket.archiveOf(provenance.execution);
  await archive.storeResponse(response);
  return archive.store(response, certificate, provenance, [], renderer);
}

/** Writes what the CRLs of the current certificate say, as the survey does. */
async function reassess({ certificate: { report } }: Issue, renderer: ReportRenderer = render) {
  const finder = { reporter: 'survey', at: new Date(FIRST.collectedAt) };
  const storage = s3Storage(clientOf('survey', bucket.server.url), BUCKET);
  return openRevocation(storage, MANIFEST, report.fingerprintSha256).write(() => report, finder, renderer);
}

/** Expects that each manifest lists a report that says what the manifest says, under its key and in the listed version. */
async function expectReports(): Promise<void> {
  const manifests = (await bucket.keys()).filter((key) => key.endsWith('/certificate.json'));
  expect(manifests).toContain(MANIFEST);
  for (const key of manifests) {
    const { objects, ...manifest } = await bucket.readJson(key);
    for (const versionId of [objects.report.versionId, undefined]) {
      const { body } = await bucket.read(objects.report.key, versionId);
      const { objects: _, ...said } = JSON.parse(body.toString());
      expect(said, `${key}, version ${versionId}`).toEqual(manifest);
    }
  }
}

describe('The report of two executions at the same time says what the manifest says', { timeout: 120_000 }, () => {
  const choices = fc.array(fc.nat(5), { minLength: 10, maxLength: 60 });

  test.each<[string, () => Record<string, () => Promise<unknown>>]>([
    [
      'of different certificates',
      () => ({ older: () => receive(good(older), FIRST), newer: () => receive(good(newer), SECOND) }),
    ],
    ['of the same certificate', () => ({ a: () => receive(newer, FIRST), b: () => receive(newer, SECOND) })],
    [
      'of the same certificate with different assessments',
      () => ({ a: () => receive(good(newer), FIRST), b: () => receive(newer, SECOND) }),
    ],
  ])('%s.', async (_, writers) => {
    const runOnce = async (numbers: readonly number[]) => {
      bucket.clear();
      const results = await interleave(bucket.server, writers(), chooseBy(numbers));
      expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
      await expectReports();
    };
    await fc.assert(fc.asyncProperty(choices, runOnce), { numRuns: 25 });
  });

  test('of which one learns that its certificate is revoked.', async () => {
    const runOnce = async (numbers: readonly number[]) => {
      bucket.clear();
      await receive(good(older), FIRST);
      const writers = {
        newer: () => receive(good(newer), SECOND).then(() => reassess(revoked(newer))),
        older: () => receive(good(older), THIRD),
      };
      await interleave<unknown>(bucket.server, writers, chooseBy(numbers));
      await expectReports();
    };
    await fc.assert(fc.asyncProperty(choices, runOnce), { numRuns: 25 });
  });
});

test('After a crash at any request, the repeated check leaves a report that says what the manifest says.', {
  timeout: 60_000,
}, async () => {
  await receive(good(older), FIRST);
  const { length } = await bucket.requestsOf(() => receive(good(newer), SECOND));
  for (let nth = 0; nth < length; nth++) {
    bucket.clear();
    await receive(good(older), FIRST);
    let count = 0;
    bucket.server.before = () => (count++ >= nth ? { status: 403, code: 'AccessDenied' } : undefined);
    await expect(receive(good(newer), SECOND)).rejects.toThrow();
    bucket.server.before = () => undefined;
    await receive(good(newer), SECOND);
    await expectReports();
  }
});

describe('The report of a certificate that is not current', () => {
  test('is that of its last assessment, also if the certificate was kept before.', async () => {
    await receive(good(older), FIRST);
    // The newer certificate is revoked later, so the older one becomes current again, and is assessed in another way.
    await receive(good(newer), SECOND);
    await reassess(revoked(newer));
    await receive(good(older), FIRST);
    expect(await bucket.readJson(MANIFEST)).toMatchObject(FIRST);
    await expectReports();
    const finding = { id: 'san', severity: 'warning', message: 'another assessment' } as const;
    await receive(assessed(older, { publishable: true, findings: [finding] }), FIRST);
    await receive(good(newer), THIRD);
    await expectReports();
  });

  test('is kept with it, and returns with it.', async () => {
    await receive(good(older), FIRST);
    const before = await bucket.read(REPORT);
    await receive(good(newer), SECOND);
    expect((await bucket.read(`${supersededOf(older)}report.html`)).body).toEqual(before.body);
  });
});

describe('A report that cannot be made', () => {
  test.each<[string, ReportRenderer | undefined]>([
    ['because its code cannot be loaded', undefined],
    ['because it fails', () => undefined],
  ])('%s is not listed: an earlier one says something else.', async (_, renderer) => {
    await receive(good(newer), FIRST);
    await receive(revoked(newer), FIRST, { renderer });
    const { objects, publishable } = await bucket.readJson(MANIFEST);
    expect(publishable).toBe(false);
    expect(Object.keys(objects)).toEqual(['response', 'chain', 'logo']);
  });
});

test('A report whose bytes are lost does not make an older certificate current: it can be made again.', async () => {
  await receive(good(newer), FIRST);
  const { report } = (await bucket.readJson(MANIFEST)).objects;
  await bucket.purge(REPORT, report.versionId);
  expect(await receive(good(older), SECOND)).toMatchObject({ isCurrent: false, current: FIRST });
});

test('The same certificate with the same assessment writes no report again.', async () => {
  await receive(good(newer), FIRST);
  const requests = await bucket.requestsOf(() => receive(good(newer), SECOND));
  expect(requests.filter(isWrite)).toEqual([]);
});
