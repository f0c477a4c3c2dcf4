import { AsnConvert } from '@peculiar/asn1-schema';
import type { AlgorithmIdentifier } from '@peculiar/asn1-x509';
import { BIT_STRING, element, SEQUENCE } from './der.ts';

/**
 * The bytes that were signed with their signature: a certificate or a CRL (RFC 5280, 4.1 and 5.1). The signed bytes stay
 * as they are.
 */
export function withSignature(signed: Uint8Array, algorithm: AlgorithmIdentifier, signature: Uint8Array): Uint8Array {
  const identifier = new Uint8Array(AsnConvert.serialize(algorithm));
  const noUnusedBits = Buffer.of(0);
  // Not a Buffer, whose small ones share their memory.
  return new Uint8Array(element(SEQUENCE, signed, identifier, element(BIT_STRING, noUnusedBits, signature)));
}
