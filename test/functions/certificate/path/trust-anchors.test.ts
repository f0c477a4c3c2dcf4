import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { oneLine } from '../../../../functions/certificate/path/chain.ts';
import {
  anchorKey,
  anchorName,
  subjectOf,
  TRUST_ANCHORS,
} from '../../../../functions/certificate/path/trust-anchors.ts';
import { readFields } from '../../../../functions/certificate/x509/fields.ts';

// The project does not distribute the certificates of others, so the folder is outside the project.
const FOLDER = process.env.MARK_CERTIFICATES;
const present = FOLDER !== undefined && existsSync(FOLDER);

test('Every trust anchor has another name, key and fingerprint, and its key can be read.', () => {
  for (const field of ['displayName', 'key', 'fingerprintSha256'] as const) {
    expect(new Set(TRUST_ANCHORS.map((anchor) => anchor[field])).size).toBe(TRUST_ANCHORS.length);
  }
  for (const anchor of TRUST_ANCHORS) {
    expect(anchorKey(anchor).type).toBe('public');
    expect(anchor.fingerprintSha256).toMatch(/^[0-9a-f]{64}$/);
  }
});

test.runIf(present)('Every trust anchor is a root certificate of the folder: name, key and fingerprint.', () => {
  const roots = readdirSync(path.join(FOLDER ?? '', 'roots')).map(
    (file) => new X509Certificate(readFileSync(path.join(FOLDER ?? '', 'roots', file))),
  );
  const root = (fingerprint: string) =>
    roots.find(({ raw }) => createHash('sha256').update(raw).digest('hex') === fingerprint);
  for (const anchor of TRUST_ANCHORS) {
    const certificate = root(anchor.fingerprintSha256);
    expect(certificate).toBeDefined();
    if (certificate) {
      expect(subjectOf(anchor)).toBe(oneLine(certificate.subject));
      expect(anchorName(anchor)).toEqual(readFields(certificate).subjectName.canonical);
      expect(certificate.verify(anchorKey(anchor))).toBe(true);
    }
  }
});
