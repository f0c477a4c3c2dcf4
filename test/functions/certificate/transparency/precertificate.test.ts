import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import * as asn1 from '@peculiar/asn1-x509';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { precertificateOf, SCT_LIST } from '../../../../functions/certificate/transparency/precertificate.ts';
import { openAuthority } from '../../../authority.ts';
import { bitString, der, extension, identifier, integer, NULL, octetString, sequence, tagged } from '../der.ts';

let template: Uint8Array;

beforeAll(async () => {
  template = (await openAuthority()).issue({ domains: ['example.com'] }).leaf;
});

type Extension = readonly [oid: string, critical: boolean, value: Uint8Array];

/** A certificate with these extensions; its signature is that of another one. */
function certificateWith(extensions: readonly Extension[]): asn1.Certificate {
  const certificate = AsnConvert.parse(template, asn1.Certificate);
  certificate.tbsCertificate.extensions = new asn1.Extensions(
    extensions.map(
      ([extnID, critical, value]) =>
        new asn1.Extension({ extnID, critical, extnValue: new OctetString(new Uint8Array(value)) }),
    ),
  );
  return certificate;
}

function serialize(value: unknown): Buffer<ArrayBuffer> {
  return Buffer.from(AsnConvert.serialize(value));
}

const LIST: Extension = [SCT_LIST, false, Buffer.of(4, 2, 0, 0)];

/** Sizes on both sides of the limits at which a length needs another byte. */
const size = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.constantFrom(100, 110, 120, 127, 128, 240, 255, 256),
  fc.constantFrom(64_000, 65_000, 65_500, 65_535, 65_536),
);
const other: fc.Arbitrary<Extension> = fc.tuple(
  fc.constantFrom('2.5.29.17', '2.5.29.19', '1.3.6.1.4.1.11129.2.4.3', '1.3.6.1.4.1.11129.2.4.22', '2.999.1'),
  fc.boolean(),
  size.map((bytes) => Buffer.alloc(bytes, 0x30)),
);

describe('The precertificate of a certificate', () => {
  test('is what an ASN.1 library encodes without the list of SCTs.', () => {
    fc.assert(
      fc.property(
        fc.array(other, { minLength: 1, maxLength: 6 }),
        fc.nat(6),
        size.map((bytes): Extension => [SCT_LIST, false, Buffer.alloc(bytes, 4)]),
        (others, place, list) => {
          const raw = serialize(certificateWith(others.toSpliced(place, 0, list)));
          const expected = serialize(certificateWith(others).tbsCertificate);
          expect(precertificateOf({ raw }).equals(expected)).toBe(true);
        },
      ),
    );
  });

  test.each([
    ['no list', []],
    ['two lists', [LIST, LIST]],
    ['two lists, one of which is critical', [LIST, [SCT_LIST, true, Buffer.of(4, 0)] as const]],
  ])('does not exist if there are %s of SCTs.', (_, lists) => {
    const raw = serialize(certificateWith([['2.5.29.17', false, Buffer.of(0x30, 0)], ...lists]));
    expect(() => precertificateOf({ raw })).toThrow(/exactly one list of SCTs/);
  });

  // A library would read it and write another encoding, for which the log's signature is wrong.
  test('keeps an encoding that is not DER in the fields that the report does not read.', () => {
    const explicitFalse = sequence(identifier('2.5.29.17'), der(1, Buffer.of(0)), octetString(sequence()));
    const list = extension(SCT_LIST, LIST[2]);
    // Its second length is not in the shortest form.
    const names = sequence(Buffer.of(0x31, 0x81, 1, 0));
    const spki = sequence(Buffer.of(0x30, 0x81, 2), NULL, bitString(Buffer.of()));
    const before = [tagged(0, integer(2)), integer(1), sequence(), names, sequence(), names, spki];
    const tbs = (...extensions: readonly Buffer[]) => sequence(...before, tagged(3, sequence(...extensions)));
    const raw = sequence(tbs(explicitFalse, list), NULL, bitString(Buffer.of()));
    expect(precertificateOf({ raw }).toString('hex')).toBe(tbs(explicitFalse).toString('hex'));
  });
});
