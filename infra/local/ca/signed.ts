import { AsnConvert } from '@peculiar/asn1-schema';
import type { AlgorithmIdentifier } from '@peculiar/asn1-x509';

const SEQUENCE = 0x30;
const BIT_STRING = 0x03;

/**
 * The bytes that were signed with their signature: a certificate or a CRL (RFC 5280, 4.1 and 5.1). The signed bytes stay
 * as they are.
 */
export function withSignature(signed: Uint8Array, algorithm: AlgorithmIdentifier, signature: Uint8Array): Uint8Array {
  const identifier = new Uint8Array(AsnConvert.serialize(algorithm));
  const noUnusedBits = Buffer.of(0);
  return element(SEQUENCE, signed, identifier, element(BIT_STRING, noUnusedBits, signature));
}

/** X.690, 8.1.3: the length in one octet below 128; otherwise the number of its octets, and then these. */
function element(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents);
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(content.length);
  const length = octets.subarray(octets.findIndex((octet) => octet !== 0));
  const header = content.length < 0x80 ? [tag, content.length] : [tag, 0x80 | length.length, ...length];
  // Not a Buffer, whose small ones share their memory.
  return new Uint8Array([...header, ...content]);
}
