import { hash, type X509Certificate } from 'node:crypto';

/** The SHA-256 of a certificate, lower-case hex. */
export function fingerprintOf(certificate: X509Certificate): string {
  const fingerprint = fingerprints.get(certificate) ?? hash('sha256', certificate.raw);
  fingerprints.set(certificate, fingerprint);
  return fingerprint;
}

/** A report needs each fingerprint several times. */
const fingerprints = new WeakMap<X509Certificate, string>();
