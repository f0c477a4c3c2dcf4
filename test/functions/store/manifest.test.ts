import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { FIRST, issueCertificates, MANIFEST, startArchiveBucket } from './archive-bucket.ts';

const PAGE = path.join(import.meta.dirname, '../../../docs/architecture.md');

test('The page about the architecture lists every field of a manifest.', async () => {
  const page = readFileSync(PAGE, 'utf8');
  const [, section = ''] = /^## The manifest$([\s\S]*?)^## /m.exec(page) ?? [];
  const names = [...section.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = '']) => cell.match(/(?<=`)\w+(?=`)/g) ?? []);

  const bucket = await startArchiveBucket();
  try {
    const { newer } = await issueCertificates();
    const provenance = {
      ...FIRST,
      collector: 'acme',
      account: null,
      ordered: { domains: [], selector: null, product: null },
    };
    const archive = bucket.archiveOf('x');
    // The field `revocationReport` needs a revocation that somebody reports.
    const { report } = newer.certificate;
    const revocation = { checkedAt: FIRST.collectedAt, status: 'revoked', certificates: [] } as const;
    const certificate = { ...newer.certificate, report: { ...report, revocation } };
    const finder = { reporter: FIRST.execution, at: new Date(FIRST.collectedAt) };
    await archive.store(newer.response, certificate, provenance, ['a record'], undefined, finder);
    // The field `revokedAt` comes from CollectMC.
    await archive.markRevoked(finder.at);
    expect(names.toSorted()).toEqual(Object.keys(await bucket.readJson(MANIFEST)).sort());
  } finally {
    await bucket.close();
  }
});
