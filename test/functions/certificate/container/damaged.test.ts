import { X509Certificate } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeAll, expect, test, vi } from 'vitest';
import { searchForPrivateKey } from '../../../../functions/certificate/container/private-key.ts';
import { InvalidChainError, readMarkCertificate } from '../../../../functions/certificate/report.ts';
import { armouredPkcs7, base64Lines, pem, pkcs7, zip } from '../../../../infra/local/ca/containers.ts';
import { openAuthority } from '../../../authority.ts';

const RUNS = 300;

/** A chain in every form. */
let containers: readonly Buffer[];

beforeAll(async () => {
  const { chain } = (await openAuthority()).issue({ domains: ['example.com'] });
  containers = [
    pkcs7(chain),
    pkcs7(chain, 'signed-empty'),
    armouredPkcs7(chain),
    `2\n${base64Lines(pkcs7(chain))}`,
    pem(chain),
    zip(chain),
    `2\n${base64Lines(zip(chain))}`,
    gzipSync(pem(chain)),
    Buffer.concat(chain),
  ].map((form) => Buffer.from(form));
});

const place = fc.double({ min: 0, max: 1, noNaN: true });
const octets = fc.uint8Array({ minLength: 1, maxLength: 40 });

/** One damage. Places are parts of the length, so that they fit into every container. */
const damage = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: place, bit: fc.nat(7) }),
  fc.record({ kind: fc.constant('cut' as const), at: place, to: place }),
  fc.record({ kind: fc.constant('insert' as const), at: place, octets }),
  fc.record({ kind: fc.constant('overwrite' as const), at: place, octets }),
  fc.record({ kind: fc.constant('duplicate' as const), at: place, to: place }),
  fc.record({ kind: fc.constant('splice' as const), at: place, other: fc.nat(), to: place }),
);

type Damage = typeof damage extends fc.Arbitrary<infer Value> ? Value : never;

function damaged(bytes: Buffer, change: Damage): Buffer {
  const at = Math.floor(change.at * bytes.length);
  const before = bytes.subarray(0, at);
  const behind = bytes.subarray(at);
  switch (change.kind) {
    case 'flip': {
      const octet = Buffer.of((bytes[at] ?? 0) ^ (1 << change.bit));
      return Buffer.concat([before, octet, behind.subarray(1)]);
    }
    case 'cut':
      return Buffer.concat([before, behind.subarray(Math.floor(change.to * behind.length))]);
    case 'insert':
      return Buffer.concat([before, change.octets, behind]);
    case 'overwrite':
      return Buffer.concat([before, change.octets, behind.subarray(change.octets.length)]);
    case 'duplicate':
      return Buffer.concat([before, behind.subarray(0, Math.floor(change.to * behind.length)), behind]);
    case 'splice': {
      const other = containers[change.other % containers.length] ?? Buffer.alloc(0);
      return Buffer.concat([before, other.subarray(Math.floor(change.to * other.length))]);
    }
  }
}

test('A damaged container has a report or is an InvalidChainError, and the search for keys never throws.', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.array(damage, { minLength: 1, maxLength: 4 }), async (form, changes) => {
      const bytes = changes.reduce(damaged, containers[form % containers.length] ?? Buffer.alloc(0));
      expect(['none', 'found', 'unfinished']).toContain(searchForPrivateKey(bytes));
      const error: unknown = await readMarkCertificate(bytes, { at: new Date('2026-11-01T00:00:00Z') }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      // This is the reason if the code throws another error.
      expect(error === undefined || error instanceof InvalidChainError).toBe(true);
      expect(String(error)).not.toContain('the file cannot be read: ');
    }),
    { numRuns: RUNS },
  );
});

/** A UTCTime of the usual length whose moment does not exist, or that is no time. */
const UNREADABLE = [
  'zzzzzzzzzzzzZ',
  '26130100:000Z',
  '260230000000Z',
  '261301000000Z',
  '260101240000Z',
  '260101006000Z',
];

test.each(UNREADABLE)('A certificate with the date %s cannot be read, whatever moment Node states.', async (date) => {
  const [leaf = Buffer.alloc(0)] = (await openAuthority()).issue({ domains: ['example.com'] }).chain;
  const der = Buffer.from(leaf);
  // The first UTCTime is that of notBefore.
  der.write(date, der.indexOf(Buffer.of(0x17, date.length)) + 2, 'latin1');
  // Node reads the date from memory that OpenSSL did not write, so the date is NaN, or any moment at random.
  const stated = vi.spyOn(X509Certificate.prototype, 'validFromDate', 'get').mockReturnValue(new Date());
  try {
    await expect(readMarkCertificate(der, { at: new Date() })).rejects.toThrow(
      'one of the certificates cannot be read',
    );
  } finally {
    stated.mockRestore();
  }
});
