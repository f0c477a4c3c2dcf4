import type { X509Certificate } from 'node:crypto';
import { nameOf } from './checked-chain.ts';
import { InvalidChainError } from './invalid-chain.ts';
import { describeLeaf } from './leaf.ts';
import { LOGOTYPE, readLogo } from './logo/logotype.ts';
import { isMarkCertificate } from './mark/mark.ts';
import { oneLine } from './path/chain.ts';
import { attempt } from './x509/der.ts';
import { type CertificateFields, readFields } from './x509/fields.ts';

/** RFC 5280, 4.2.1.12: what other certificates than mark certificates are for. */
const OTHER_USAGES: readonly (readonly [oid: string, name: string])[] = [
  ['1.3.6.1.5.5.7.3.1', 'a TLS certificate'],
  ['1.3.6.1.5.5.7.3.4', 'an S/MIME certificate'],
  ['1.3.6.1.5.5.7.3.3', 'a code signing certificate'],
  ['1.3.6.1.5.5.7.3.2', 'a client certificate'],
];

/** How many certificates a reason names. */
const NAMED_LIMIT = 3;

/**
 * Completes the reason why no chain can be made: what the certificates are, which parts of the file are damaged, and what
 * can be read of the leaf.
 *
 * @param damages what is wrong with parts that should be certificates.
 */
export function explainWithoutChain(
  error: InvalidChainError,
  certificates: readonly X509Certificate[],
  damages: readonly string[],
): InvalidChainError {
  const fields = certificates.flatMap((certificate) => attempt(() => readFields(certificate)) ?? []);
  const marks = fields.filter(isMarkCertificate);
  const reasons = [reasonOf(error, certificates, fields, marks), ...damages.slice(0, NAMED_LIMIT)];
  const leaf = leafIn(fields, marks);
  return new InvalidChainError(reasons.join('; '), {
    cause: error.cause ?? error,
    leaf: leaf && attempt(() => describeLeaf(leaf, readLogo(leaf))),
  });
}

function reasonOf(
  error: InvalidChainError,
  certificates: readonly X509Certificate[],
  fields: readonly CertificateFields[],
  marks: readonly CertificateFields[],
): string {
  const [only, ...others] = certificates;
  if (marks.length === 0 && fields.length > 0) {
    const named = fields.slice(0, NAMED_LIMIT).map(describeCertificate);
    const more = fields.length > named.length ? [`${fields.length - named.length} more`] : [];
    const alone = fields.length === 1 ? ' alone' : '';
    return `the file contains ${[...named, ...more].join(' and ')}${alone}, but no mark certificate`;
  }
  if (only && others.length === 0 && marks.length === 1) {
    return isSelfIssued(only)
      ? `the mark certificate (${nameOf(only)}) is self-signed: no CA issued it`
      : `the file contains a leaf alone: its issuing certificate is missing (issuer ${oneLine(only.issuer)})`;
  }
  return error.message;
}

function isSelfIssued({ subject, issuer }: X509Certificate): boolean {
  return subject === issuer;
}

/** What a certificate is that is no mark certificate. */
function describeCertificate({ certificate, extendedKeyUsage, basicConstraints, dnsNames }: CertificateFields): string {
  const name = nameOf(certificate);
  if (basicConstraints?.cA) {
    return isSelfIssued(certificate) ? `a root certificate (${name})` : `an issuing CA's certificate (${name})`;
  }
  const [, usage] = OTHER_USAGES.find(([oid]) => extendedKeyUsage.includes(oid)) ?? [];
  const kind = usage ?? (isSelfIssued(certificate) ? 'a self-signed certificate' : 'a certificate of another kind');
  return `${kind} for ${dnsNames[0] ?? name}`;
}

/** The only mark certificate, else the only one with a logo, else the only one that is not a CA. */
function leafIn(
  fields: readonly CertificateFields[],
  marks: readonly CertificateFields[],
): CertificateFields | undefined {
  const withLogo = fields.filter((each) => each.extension(LOGOTYPE) !== undefined);
  const candidates = [marks, withLogo, fields.filter(({ basicConstraints }) => !basicConstraints?.cA)];
  const [leaf, ...others] = candidates.find(({ length }) => length > 0) ?? [];
  return others.length === 0 ? leaf : undefined;
}
