import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type SctStatus, sctsOf } from '../../../../functions/certificate/transparency/sct.ts';
import { readFields } from '../../../../functions/certificate/x509/fields.ts';

// The project does not distribute the certificates of others, so the folder is outside the project.
const FOLDER = process.env.MARK_CERTIFICATES ?? '';
const present = FOLDER !== '' && existsSync(FOLDER);

/** The leaves whose SCT is not a valid one of DigiCert Gorgon, with the statuses of their SCTs. */
const OTHERS: Readonly<Record<string, readonly SctStatus[]>> = {
  // A log of 2020 that the table does not contain.
  'phpseclib-ebay-entrust-2020.pem': ['unknown-log'],
  // A precertificate, which is what a log signs.
  'pyasn1alt-jpmorgan-entrust-precert-2019.pem': [],
};

function certificatesIn(folder: string): readonly (readonly [file: string, certificate: X509Certificate])[] {
  return readdirSync(path.join(FOLDER, folder)).flatMap((file) => {
    const text = readFileSync(path.join(FOLDER, folder, file), 'latin1');
    const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    return blocks.map((block) => [file, new X509Certificate(block)] as const);
  });
}

/** The leaves whose issuer is in the folder, and every issuer. */
const ALL = present ? [...certificatesIn('real'), ...certificatesIn('roots')] : [];
const ISSUERS = ALL.map(([, certificate]) => certificate).filter(({ ca }) => ca);
const LEAVES = ALL.flatMap(([file, leaf]) => {
  const issuer = ISSUERS.find((each) => leaf.issuer === each.subject && leaf.verify(each.publicKey));
  return leaf.ca || !issuer ? [] : [{ file, leaf, issuer }];
});

function sctsIn(leaf: X509Certificate, issuer: X509Certificate) {
  const { der: issuerKey } = readFields(issuer).publicKeyInfo;
  return sctsOf(readFields(leaf), { issuerKey, at: new Date('2026-11-01'), ctLogs: [] });
}

describe.skipIf(!present)(`Real leaves${present ? '' : ' (skipped: MARK_CERTIFICATES names no folder)'}`, () => {
  test('with a known issuer are at least 17, apart from those below.', () => {
    const files = new Set(LEAVES.map(({ file }) => file));
    expect(files.size - Object.keys(OTHERS).length).toBeGreaterThanOrEqual(17);
    expect([...files]).toEqual(expect.arrayContaining(Object.keys(OTHERS)));
  });

  test.each(LEAVES)('contain the SCT that DigiCert Gorgon signed: $file', ({ file, leaf, issuer }) => {
    const scts = sctsIn(leaf, issuer);
    const { [file]: expected = ['valid'] } = OTHERS;
    expect(scts.map(({ status }) => status)).toEqual(expected);
    for (const { log, status } of scts) {
      expect(log).toBe(status === 'valid' ? 'DigiCert Gorgon' : null);
    }
  });

  test('do not have a valid SCT with the key of another issuer.', () => {
    for (const { file, leaf, issuer } of LEAVES.filter((each) => !(each.file in OTHERS))) {
      const other = ISSUERS.find((each) => each.subject !== issuer.subject) ?? issuer;
      expect([file, sctsIn(leaf, other).map(({ status }) => status)]).toEqual([file, ['invalid']]);
    }
  });
});
