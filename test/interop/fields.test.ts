import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { nameAttributes } from '../../functions/certificate/mark/mark.ts';
import { type CertificateReport, readMarkCertificate } from '../../functions/certificate/report.ts';
import { pem } from '../../infra/local/ca/containers.ts';
import { oid } from '../../infra/local/ca/mark-extensions.ts';
import { openLongstandingAuthority } from '../authority.ts';
import { realFolder, realInputs, realRoots } from './inputs.ts';
import { base64, installPackages, runScript } from './python.ts';
import { SEED } from './random.ts';

/** What pyca/cryptography and checkdmarc read of a leaf. */
interface Description {
  /** OIDs and values. */
  readonly subject: readonly (readonly [string, string])[];
  readonly serialNumber: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly fingerprintSha256: string;
  readonly domains: readonly string[];
  readonly policies: readonly string[];
  readonly crlUrls: readonly string[];
  readonly logoSha256: string | null;
}

const folder = realFolder();

beforeAll(installPackages);

/** The fields of a report that a description has. */
function described(report: CertificateReport) {
  const { serialNumber, notBefore, notAfter, fingerprintSha256, domains, policies, crlUrls } = report;
  return {
    attributes: report.attributes,
    serialNumber: serialNumber.replace(/^0+/, ''),
    notBefore,
    notAfter,
    fingerprintSha256,
    domains,
    policies,
    crlUrls,
    logoSha256: report.logo?.sha256 ?? null,
  };
}

async function expectSameFields(chains: readonly (readonly Uint8Array[])[], at: readonly Date[]): Promise<void> {
  const leaves = chains.flatMap(([leaf]) => (leaf ? [base64(leaf)] : []));
  const descriptions = (await runScript('fields.py', [], leaves)) as readonly Description[];
  const reports = await Promise.all(
    chains.map(async (chain, index) => {
      const moment = at[index] ?? new Date(0);
      return described((await readMarkCertificate(Buffer.from(pem(chain)), { at: moment })).report);
    }),
  );
  expect(reports).toEqual(
    descriptions.map(({ subject, ...others }) => ({
      attributes: nameAttributes(subject.map(([id, value]) => ({ oid: id, value }))),
      ...others,
    })),
  );
}

test('The report of a real chain has the fields that pyca/cryptography reads.', async ({ skip }) => {
  skip(folder === undefined, 'MARK_CERTIFICATES names no folder');
  const genuine = realInputs(folder ?? '', realRoots(folder ?? '')).filter(({ fault }) => fault === null);
  expect(genuine.length).toBeGreaterThan(10);
  await expectSameFields(
    genuine.map(({ chain }) => chain),
    genuine.map(({ at }) => at),
  );
});

test(`The report of a random chain has the fields that pyca/cryptography reads (INTEROP_SEED=${SEED}).`, async () => {
  const authority = await openLongstandingAuthority();
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
  const requests = fc.sample(
    fc.record({
      domains: fc.uniqueArray(fc.domain(), { minLength: 1, maxLength: 8 }),
      owner: text,
      streets: fc.array(text, { maxLength: 3 }),
      days: fc.integer({ min: 1, max: 400 }),
    }),
    { numRuns: 100, seed: SEED },
  );
  const notBefore = new Date('2026-06-01T00:00:00Z');
  const chains = requests.map(({ domains, owner, streets, days }) => {
    const notAfter = new Date(notBefore.getTime() + days * 86_400_000 - 1000);
    const attributes = streets.map((value) => ({ oid: oid.streetAddress, value }));
    const { chain } = authority.issue({
      domains,
      owner,
      notBefore,
      notAfter,
      attributes: (defaults) => [...defaults, ...attributes],
    });
    return chain;
  });
  await expectSameFields(
    chains,
    chains.map(() => notBefore),
  );
});
