import type { KeyObject } from 'node:crypto';
import { attempt } from '../x509/der.ts';
import type { CertificateFields } from '../x509/fields.ts';
import { type CanonicalName, sameCanonical, sameName } from '../x509/names.ts';
import { EC_KEY, type PublicKeyInfo, RSA_BITS_LIMIT, RSA_EXPONENT_BITS_LIMIT } from '../x509/public-key.ts';
import { anchorKey, anchorKeyInfo, anchorName, type KnownAnchor } from './trust-anchors.ts';

/** A chain needs two or three verifications. Certificates that all have one name could need 400. */
const VERIFICATION_LIMIT = 100;

/** Ed25519 and Ed448 (RFC 8410). */
const EDWARDS_KEYS: ReadonlySet<string> = new Set(['1.3.101.112', '1.3.101.113']);

/** A name and a key, which can have signed a certificate. */
interface Signer {
  readonly keyInfo: Buffer;
  readonly key: () => KeyObject | undefined;
}

interface PreparedAnchor extends Signer {
  readonly name: CanonicalName;
}

/** The names and keys of the known roots, prepared when a chain first needs them. */
const prepared = new WeakMap<KnownAnchor, PreparedAnchor>();

/**
 * Finds out who issued which certificate. Each pair of a certificate and a key is verified at most once, and only if
 * the names are equal and no key identifier contradicts.
 */
export class Links {
  readonly #keys = new Map<string, { readonly key: KeyObject | undefined }>();
  readonly #verified = new Map<CertificateFields, Map<string, boolean>>();
  #verifications = 0;

  /** Whether one certificate issued another: name, key identifiers and signature. */
  isIssuedBy(certificate: CertificateFields, issuer: CertificateFields): boolean {
    return canHaveIssued(issuer, certificate) && this.#isSignedBy(certificate, signerOf(issuer));
  }

  /** Whether a known root issued a certificate: name and signature. */
  isIssuedByAnchor(certificate: CertificateFields, anchor: KnownAnchor): boolean {
    const signer = prepare(anchor);
    return sameCanonical(certificate.issuerName.canonical, signer.name) && this.#isSignedBy(certificate, signer);
  }

  #isSignedBy(certificate: CertificateFields, signer: Signer): boolean {
    const id = signer.keyInfo.toString('latin1');
    const results = this.#verified.get(certificate) ?? new Map<string, boolean>();
    this.#verified.set(certificate, results);
    const result = results.get(id) ?? this.#verify(certificate, id, signer);
    results.set(id, result);
    return result;
  }

  #verify({ certificate, signatureAlgorithm }: CertificateFields, id: string, signer: Signer): boolean {
    if (signatureAlgorithm.hash === undefined || this.#verifications === VERIFICATION_LIMIT) {
      return false;
    }
    const { key } = this.#keys.get(id) ?? { key: signer.key() };
    this.#keys.set(id, { key });
    if (!key) {
      return false;
    }
    this.#verifications += 1;
    // OpenSSL throws if the algorithm of the signature does not fit the key.
    return attempt(() => certificate.verify(key)) ?? false;
  }
}

/** Whether the name of the issuer in a certificate is the subject of another one. */
export function namesIssuer(certificate: CertificateFields, issuer: CertificateFields): boolean {
  return sameName(certificate.issuerName, issuer.subjectName);
}

/**
 * Whether a certificate can have issued another one by its key identifiers, which are compared faster, and by its name. The
 * signature is not verified.
 */
export function canHaveIssued(issuer: CertificateFields, certificate: CertificateFields): boolean {
  return fitsKeyIdentifiers(certificate, issuer) && namesIssuer(certificate, issuer);
}

/** Whether issuer and subject of a certificate are equal. Self-issued certificates do not count for path lengths. */
export function isSelfIssued(certificate: CertificateFields): boolean {
  return namesIssuer(certificate, certificate);
}

/** Whether the root can have issued the certificate by its name. */
export function namesAnchor(certificate: CertificateFields, anchor: KnownAnchor): boolean {
  return sameCanonical(certificate.issuerName.canonical, prepare(anchor).name);
}

/** RFC 5280, 4.2.1.1: what a certificate or a CRL says about the certificate of its issuer must not contradict it. */
export function fitsKeyIdentifiers(
  { authorityKeyIdentifier }: Pick<CertificateFields, 'authorityKeyIdentifier'>,
  issuer: CertificateFields,
): boolean {
  const { keyIdentifier, issuer: name, serialNumber } = authorityKeyIdentifier ?? {};
  const { subjectKeyIdentifier } = issuer;
  return (
    (!keyIdentifier || !subjectKeyIdentifier || keyIdentifier.equals(subjectKeyIdentifier)) &&
    (!serialNumber || serialNumber.equals(issuer.serialNumber)) &&
    (!name || sameName(name, issuer.issuerName))
  );
}

function signerOf({ certificate, publicKeyInfo }: CertificateFields): Signer {
  return {
    keyInfo: publicKeyInfo.der,
    // OpenSSL cannot read every key.
    key: () => (isUsable(publicKeyInfo) ? attempt(() => certificate.publicKey) : undefined),
  };
}

function isUsable({ algorithm, curve, rsa }: PublicKeyInfo): boolean {
  if (rsa) {
    return rsa.modulus <= RSA_BITS_LIMIT && rsa.exponent <= RSA_EXPONENT_BITS_LIMIT;
  }
  return algorithm === EC_KEY ? curve !== undefined : EDWARDS_KEYS.has(algorithm);
}

function prepare(anchor: KnownAnchor): PreparedAnchor {
  const found = prepared.get(anchor);
  if (found) {
    return found;
  }
  const key = anchorKey(anchor);
  const made = { name: anchorName(anchor), keyInfo: anchorKeyInfo(anchor), key: () => key };
  prepared.set(anchor, made);
  return made;
}
