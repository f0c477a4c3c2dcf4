/** Certificates that look like genuine ones, down to names and key identifiers, but that no CA signed. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import * as asn1 from '@peculiar/asn1-x509';
import type { Extension } from '../../infra/local/ca/mark-extensions.ts';

const EC_PUBLIC_KEY = '1.2.840.10045.2.1';
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const SHA256_WITH_RSA = '1.2.840.113549.1.1.11';

/** The certificate (DER) with one bit of its signature flipped. The signature is at the end of a certificate. */
export function flipSignatureBit(certificate: Uint8Array): Uint8Array {
  const flipped = Buffer.from(certificate);
  // Not in the first bytes of the signature: the integers of an ECDSA signature stay well-formed.
  const position = flipped.length - 5;
  flipped.writeUInt8(flipped.readUInt8(position) ^ 1, position);
  return flipped;
}

/** The certificate (DER) with another value in one of its extensions, under its old signature. */
export function replaceExtension(certificate: Uint8Array, { oid, value }: Extension): Uint8Array {
  const forged = parse(certificate);
  const replaced = extensionOf(forged, oid);
  if (!replaced) {
    throw new Error(`The certificate has no extension ${oid}.`);
  }
  replaced.extnValue = new OctetString(value);
  return serialize(forged);
}

/**
 * Copies of the certificates of a chain, each signed by the copy of its issuer. Names, key identifiers and all other
 * fields are those of the originals; the keys of all issuers are new. The leaf keeps its key.
 *
 * @param chain DER, leaf first. The copy of the last one signs itself.
 */
export function copyWithOtherKeys(chain: readonly Uint8Array[]): Uint8Array[] {
  return signAgain(chain.map(parse));
}

/**
 * The leaf and the issuing CA of a chain under a copy of another root, which has the name, the key identifier and all
 * other fields of that root, but another key.
 */
export function copyUnderRoot(chain: readonly Uint8Array[], root: Uint8Array): Uint8Array[] {
  const [leaf, issuing] = chain.map(parse);
  const copy = parse(root);
  if (!leaf || !issuing) {
    throw new Error('The chain has no issuing CA.');
  }
  issuing.tbsCertificate.issuer = copy.tbsCertificate.subject;
  const keyIdentifier = extensionOf(copy, asn1.id_ce_subjectKeyIdentifier)?.extnValue.buffer;
  const issuerKeyIdentifier = extensionOf(issuing, asn1.id_ce_authorityKeyIdentifier);
  if (keyIdentifier && issuerKeyIdentifier) {
    const value = new asn1.AuthorityKeyIdentifier({
      keyIdentifier: AsnConvert.parse(keyIdentifier, asn1.KeyIdentifier),
    });
    issuerKeyIdentifier.extnValue = new OctetString(AsnConvert.serialize(value));
  }
  return signAgain([leaf, issuing, copy]);
}

/** Gives the issuers new keys of the same kind, and signs each certificate with the key of the next one. */
function signAgain(chain: readonly asn1.Certificate[]): Uint8Array[] {
  const keys = chain.map(newKey);
  return chain.map((certificate, index) => {
    const { tbsCertificate } = certificate;
    const own = keys[index];
    const issuer = keys[index + 1] ?? own;
    if (!own || !issuer) {
      throw new Error(`The certificate ${index} has no key.`);
    }
    if (index > 0) {
      const spki = own.publicKey.export({ type: 'spki', format: 'der' });
      tbsCertificate.subjectPublicKeyInfo = AsnConvert.parse(spki, asn1.SubjectPublicKeyInfo);
    }
    tbsCertificate.signature = issuer.algorithm;
    certificate.signatureAlgorithm = issuer.algorithm;
    const signature = sign('sha256', new Uint8Array(AsnConvert.serialize(tbsCertificate)), issuer.privateKey);
    certificate.signatureValue = new Uint8Array(signature).buffer;
    return serialize(certificate);
  });
}

function newKey({ tbsCertificate }: asn1.Certificate) {
  return tbsCertificate.subjectPublicKeyInfo.algorithm.algorithm === EC_PUBLIC_KEY
    ? {
        ...generateKeyPairSync('ec', { namedCurve: 'P-384' }),
        algorithm: new asn1.AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 }),
      }
    : {
        ...generateKeyPairSync('rsa', { modulusLength: 2048 }),
        algorithm: new asn1.AlgorithmIdentifier({ algorithm: SHA256_WITH_RSA, parameters: null }),
      };
}

function extensionOf({ tbsCertificate }: asn1.Certificate, oid: string): asn1.Extension | undefined {
  return tbsCertificate.extensions?.find(({ extnID }) => extnID === oid);
}

/** @throws {Error} if writing the certificate again would change it, so that a forgery differs in more than it states. */
function parse(certificate: Uint8Array): asn1.Certificate {
  const parsed = AsnConvert.parse(certificate, asn1.Certificate);
  if (Buffer.compare(serialize(parsed), certificate) !== 0) {
    throw new Error('The certificate cannot be written again without a change.');
  }
  return parsed;
}

function serialize(certificate: asn1.Certificate): Uint8Array {
  return new Uint8Array(AsnConvert.serialize(certificate));
}
