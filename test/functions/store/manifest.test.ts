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
    const { older, newer } = await issueCertificates();
    const provenance = {
      ...FIRST,
      collector: 'acme',
      account: null,
      ordered: { domains: [], selector: null, product: null },
    };
    // The field `replaces` needs a certificate that was current before.
    await bucket.collect(older, FIRST);
    const archive = bucket.archiveOf('x');
    const stored = await archive.store(newer.response, newer.certificate, provenance, ['a record']);
    // The field `revocationReport` needs a revocation that somebody reports.
    const { report } = newer.certificate;
    const revocation = { checkedAt: FIRST.collectedAt, status: 'revoked', certificates: [] } as const;
    const finder = { reporter: FIRST.execution, at: new Date(FIRST.collectedAt) };
    await archive.reassess(stored, { ...report, revocation }, undefined, finder);
    // The field `revokedAt` comes from CollectMC.
    await archive.markRevoked(finder.at);
    expect(names.toSorted()).toEqual(Object.keys(await bucket.readJson(MANIFEST)).sort());
  } finally {
    await bucket.close();
  }
});
