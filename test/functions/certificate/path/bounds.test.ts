import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { expect, test } from 'vitest';
import { InvalidChainError, readMarkCertificate } from '../../../../functions/certificate/report.ts';
import { pem } from '../../../../infra/local/ca/containers.ts';
import { basicConstraints, type Extension } from '../../../../infra/local/ca/mark-extensions.ts';
import { nameConstraints } from '../certificate-changes.ts';
import { AT } from '../finding-case.ts';
import {
  certify,
  commonName,
  ISSUING_EXTENSIONS,
  LEAF_EXTENSIONS,
  newKey,
  publicHalf,
  rsa,
  type Signing,
} from './hand-made.ts';

/** They take less than 500 ms of a processor that does nothing else. */
const LIMIT_MILLISECONDS = 2000;
const NAME = commonName('Same Name');
const SHA256_WITH_RSA = rsa('1.2.840.113549.1.1.11', 'sha256');
const pathLength = (limit: number) => basicConstraints({ cA: true, pathLenConstraint: limit });

interface Clones {
  /** The keys of the CAs, used in turn. */
  readonly keys: readonly KeyObject[];
  readonly extensions: readonly Extension[];
  readonly signing?: Signing;
}

/** A leaf and 19 CAs, all of one name, each signed with the key of the CA before it. */
function clones({ keys, extensions, signing }: Clones): Buffer {
  const keyAt = (index: number) => keys[index % keys.length] ?? newKey();
  const common = { subject: NAME, issuer: NAME, ...(signing && { signing }) };
  const issuers = Array.from({ length: 19 }, (_, index) =>
    certify({
      ...common,
      publicKey: publicHalf(keyAt(index)),
      signedBy: keyAt(index + 1),
      serialNumber: index + 1,
      extensions,
    }),
  );
  const leaf = certify({
    ...common,
    subject: commonName('Leaf'),
    publicKey: publicHalf(newKey()),
    signedBy: keyAt(0),
    extensions: LEAF_EXTENSIONS,
  });
  return Buffer.from(pem([leaf, ...issuers]));
}

const rsaKey = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey;

test.each([
  ['one key', () => ({ keys: [newKey()], extensions: ISSUING_EXTENSIONS })],
  ['two keys', () => ({ keys: [newKey(), newKey()], extensions: ISSUING_EXTENSIONS })],
  ['19 keys', () => ({ keys: Array.from({ length: 19 }, newKey), extensions: ISSUING_EXTENSIONS })],
  [
    '19 RSA keys',
    () => ({
      keys: Array.from({ length: 19 }, () => rsaKey(1024)),
      extensions: ISSUING_EXTENSIONS,
      signing: SHA256_WITH_RSA,
    }),
  ],
  [
    'one key, and name constraints',
    () => ({
      keys: [newKey()],
      extensions: [
        ...ISSUING_EXTENSIONS,
        nameConstraints({ permitted: Array.from({ length: 2000 }, (_, index) => `${index}.example.com`) }),
      ],
    }),
  ],
  [
    'one key, and path lengths',
    () => ({ keys: [newKey()], extensions: [...ISSUING_EXTENSIONS.slice(1), pathLength(3)] }),
  ],
] as const satisfies readonly (readonly [string, () => Clones])[])(
  'Twenty certificates that share one name take bounded work: %s.',
  async (_, make) => {
    const bytes = clones(make());
    const before = process.cpuUsage();

    const found = await readMarkCertificate(bytes, { at: AT }).catch((error: unknown) => error);

    // The time of the processor, because other tests run at the same time.
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(LIMIT_MILLISECONDS);
    expect(found instanceof InvalidChainError || (found as { report?: unknown }).report !== undefined).toBe(true);
  },
);
