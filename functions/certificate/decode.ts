import { X509Certificate } from 'node:crypto';
import { type BaseBlock, Constructed, fromBER, ObjectIdentifier, Sequence } from 'asn1js';
import { InvalidChain } from './invalid-chain.ts';

/** A chain has three or four certificates; a file with cross-signed and surplus ones stays far below this. */
const CERTIFICATE_LIMIT = 20;

/** PKCS#7 signedData (RFC 2315, 14). */
const SIGNED_DATA = '1.2.840.113549.1.7.2';

/** One armoured block, read tolerantly: the CA's documentation prints inner spaces and, once, four dashes. */
const BLOCK = /-{4,5} *BEGIN ([A-Z0-9# ]+?) *-{4,5}([^-]*)-{4,5} *END \1 *-{4,5}/g;

/**
 * Takes the certificates out of a container: PKCS#7 (with or without a signer, DER, BER or armoured), PEM, or one
 * certificate in DER. Duplicates are dropped; the order of the container is kept, and means nothing.
 *
 * @throws {InvalidChain} where there are none, too many, or bytes that are no certificate.
 */
export function decodeCertificates(bytes: Uint8Array): X509Certificate[] {
  const ders = bytes[0] === 0x30 ? fromDer(bytes) : fromArmour(Buffer.from(bytes).toString('latin1'));
  if (ders.length > CERTIFICATE_LIMIT) {
    throw new InvalidChain(`more than ${CERTIFICATE_LIMIT} certificates in one answer`);
  }
  const distinct = new Map(ders.map(parseCertificate).map((certificate) => [certificate.fingerprint256, certificate]));
  return [...distinct.values()];
}

function fromArmour(text: string): Uint8Array[] {
  return [...text.matchAll(BLOCK)].flatMap(([, label = '', base64 = '']) => {
    if (label.includes('PRIVATE KEY')) {
      throw new InvalidChain('a private key lies among the certificates');
    }
    const der = Buffer.from(base64, 'base64');
    return /^PKCS ?#?7/.test(label) ? fromDer(der) : [der];
  });
}

function fromDer(der: Uint8Array): Uint8Array[] {
  const { result, offset } = parse(der);
  const [type, content] = result instanceof Sequence ? result.valueBlock.value : [];
  if (offset === -1 || !content) {
    throw new InvalidChain('the bytes are neither PKCS#7 nor a certificate');
  }
  if (!(type instanceof ObjectIdentifier)) {
    return [der];
  }
  if (type.valueBlock.toString() !== SIGNED_DATA) {
    throw new InvalidChain(`a PKCS#7 of the type ${type.valueBlock.toString()} holds no certificates`);
  }
  return certificatesOf(content);
}

/** SignedData.certificates: [0] IMPLICIT SET OF. The bytes of each are taken as they stand: encoding them anew could differ. */
function certificatesOf(content: BaseBlock): Uint8Array[] {
  const signedData = children(content)[0];
  const certificates =
    signedData && children(signedData).find(({ idBlock }) => idBlock.tagClass === 3 && idBlock.tagNumber === 0);
  return (certificates ? children(certificates) : [])
    .filter((choice) => choice instanceof Sequence)
    .map((certificate) => certificate.valueBeforeDecodeView);
}

function children(block: BaseBlock): BaseBlock[] {
  return block instanceof Constructed ? block.valueBlock.value : [];
}

function parse(der: Uint8Array): ReturnType<typeof fromBER> {
  try {
    return fromBER(der);
  } catch (cause) {
    throw new InvalidChain('the bytes are no ASN.1', { cause });
  }
}

function parseCertificate(der: Uint8Array): X509Certificate {
  try {
    // Given text, the constructor would look for armour in it.
    if (der[0] !== 0x30) {
      throw new TypeError('not a SEQUENCE');
    }
    return new X509Certificate(der);
  } catch (cause) {
    throw new InvalidChain('one of the certificates cannot be read', { cause });
  }
}
