import { createHash, type KeyObject } from 'node:crypto';
import { truncate } from '../../text.ts';
import { fitsKeyIdentifiers, isSelfIssued } from '../path/links.ts';
import { attempt } from '../x509/der.ts';
import { ALL_REASONS, shareName } from '../x509/distribution-points.ts';
import type { CertificateFields } from '../x509/fields.ts';
import { fingerprintOf } from '../x509/fingerprint.ts';
import { type CanonicalName, sameCanonical, sameName } from '../x509/names.ts';
import {
  CRL_OID,
  type Crl,
  type CrlEntry,
  type CrlScope,
  type FetchedCrl,
  findEntries,
  readCrl,
  scopeOf,
} from './crl.ts';
import { UnknownAlgorithmError, verifySignature } from './signature.ts';

/** Whether the certificates of a chain are revoked. */
export interface Revocation {
  /** The moment of the check, ISO 8601 UTC. */
  readonly checkedAt: string;
  /** `revoked` if a certificate is revoked; else `unknown` if the status of a certificate is not known. */
  readonly status: 'good' | 'revoked' | 'unknown';
  /** One entry for each certificate below the trust anchor, leaf first. */
  readonly certificates: readonly CertificateRevocation[];
}

/** The result for one certificate. */
export interface CertificateRevocation {
  readonly fingerprintSha256: string;
  readonly status: 'good' | 'revoked' | 'unknown';
  /** The URL of the CRL that decided; null if none did. */
  readonly url: string | null;
  /** ISO 8601 UTC; null if no CRL decided. */
  readonly thisUpdate: string | null;
  readonly nextUpdate: string | null;
  /** Since when the certificate is revoked, ISO 8601 UTC; null if it is not, or if the date cannot be read. */
  readonly revokedAt: string | null;
  /** The reason of RFC 5280, 5.3.1, for example `keyCompromise`; null if none is given. */
  readonly reason: string | null;
  /** Why the status is unknown; null if it is known. */
  readonly problem: string | null;
}

/** A certificate of the chain that CRLs can revoke, and who signs these CRLs. */
interface Subject {
  readonly fields: CertificateFields;
  readonly isLeaf: boolean;
  /** Undefined if the issuer is neither in the chain nor a trust anchor. */
  readonly issuer: Issuer | undefined;
}

/** The name and the key that a CRL must have. */
export interface Issuer {
  readonly name: CanonicalName;
  readonly key: KeyObject;
  /** False if the key usage of its certificate excludes CRLs. */
  readonly maySignCrls: boolean;
  /** Undefined if it is a trust anchor that was not delivered. */
  readonly certificate?: CertificateFields | undefined;
}

/** The entries of a CRL that counts for a certificate, or why it does not count. */
type SearchedCrl =
  | {
      readonly crl: Crl;
      /** By the serial number in hex: the entries of the certificates that were searched. */
      readonly entries: ReadonlyMap<string, CrlEntry>;
      /** The reasons for which the CRL would list the certificate. */
      readonly reasons: number;
      readonly problem?: never;
    }
  | { readonly problem: string };

/** What a CRL says about one certificate, or why it does not count. */
type Statement =
  | {
      readonly crl: Crl;
      readonly entry: CrlEntry | undefined;
      /** The reasons for which the CRL would list the certificate. */
      readonly reasons: number;
      readonly problem?: never;
    }
  | { readonly problem: string };

/** The critical extensions of a CRL that are evaluated. */
const KNOWN_CRITICAL_EXTENSIONS: ReadonlySet<string> = new Set([
  CRL_OID.issuingDistributionPoint,
  CRL_OID.authorityKeyIdentifier,
]);

/** The reason of an entry that only a delta CRL may contain (RFC 5280, 5.3.1). */
const REMOVED = 'removeFromCRL';

/** With how many keys a CRL is verified. A CRL has one issuer, and hashing one of 10 MiB takes some 20 ms. */
const KEYS_LIMIT = 3;

/** How many URLs of a certificate are considered, and how long the problem of each is in bytes. */
const URLS_LIMIT = 4;
const PROBLEM_BYTES = 240;

/** What is known of the issuer of the last certificate of a chain that was delivered without its root. */
export interface RevocationOptions {
  /** The moment at which a CRL must be valid. */
  readonly at: Date;
  readonly crls: readonly FetchedCrl[];
  /** The trust anchor above the last certificate, if it was not delivered. */
  readonly anchor?: Issuer | undefined;
  /** The SHA-256 of the trust anchor in the chain, if it was delivered. No CRL can revoke it. */
  readonly deliveredAnchor?: string | undefined;
}

/** Whether a URL is one from which CRLs are fetched: a receiver must be able to use it without TLS. */
export function isCrlUrl(url: string): boolean {
  return /^http:\/\//i.test(url);
}

/**
 * The URLs from which the CRLs of a chain are fetched: the first of each certificate, then the second of each, and so on.
 * Downloads are limited, and a certificate with many URLs must not use up the limit of the others.
 */
export function crlUrlsOf(chain: readonly { readonly crlUrls: readonly string[] }[]): string[] {
  const lists = chain.map(({ crlUrls }) => [...new Set(crlUrls.filter(isCrlUrl))]);
  const ranks = Array.from({ length: URLS_LIMIT }, (_, rank) => lists.flatMap((urls) => urls[rank] ?? []));
  return [...new Set(ranks.flat())];
}

/** Whether the certificates of a chain are revoked, according to CRLs that are verified here. */
export function revocationOf(chain: readonly CertificateFields[], options: RevocationOptions): Revocation {
  const { at, crls } = options;
  const subjects = subjectsOf(chain, options);
  const serials = subjects.map(({ fields }) => fields.serialNumber);
  const lists = new Map(crls.map((fetched) => [fetched.url, createReader(fetched, at, serials)]));
  const certificates = subjects.map((subject) => judge(subject, lists));
  const has = (status: Revocation['status']) => certificates.some((each) => each.status === status);
  return {
    checkedAt: at.toISOString(),
    status: has('revoked') ? 'revoked' : has('unknown') ? 'unknown' : 'good',
    certificates,
  };
}

/**
 * The certificates beside the leaf of a chain that its CRLs list: those of the same issuer with the same URLs of CRLs. A CRL
 * is verified once for all of them. What the status of a certificate is, only {@link revocationOf} decides; one that is
 * not listed here is not revoked.
 *
 * @param serials the contents of the INTEGERs of their serial numbers.
 * @returns the entries by serial number in hex.
 */
export function listedBeside(
  chain: readonly CertificateFields[],
  options: RevocationOptions,
  serials: readonly Buffer[],
): ReadonlyMap<string, CrlEntry> {
  const [leaf] = subjectsOf(chain, options);
  const listed = new Map<string, CrlEntry>();
  if (!leaf?.isLeaf || !leaf.issuer) {
    return listed;
  }
  for (const url of urlsOf(leaf)) {
    const fetched = options.crls.find((crl) => crl.url === url);
    const searched = fetched && createReader(fetched, options.at, serials)(leaf, leaf.issuer);
    for (const [serial, entry] of searched?.problem === undefined ? (searched?.entries ?? []) : []) {
      // As in the judgement of a single certificate, the first list decides.
      if (!listed.has(serial) && entry.reason !== REMOVED) {
        listed.set(serial, entry);
      }
    }
  }
  return listed;
}

function subjectsOf(
  chain: readonly CertificateFields[],
  { anchor, deliveredAnchor }: Pick<RevocationOptions, 'anchor' | 'deliveredAnchor'>,
): readonly Subject[] {
  return chain.flatMap((fields, index): Subject[] => {
    const above = chain[index + 1];
    const isTop = above === undefined;
    const isRoot = isTop && isSelfIssued(fields);
    if (isRoot || (isTop && fingerprintOf(fields.certificate) === deliveredAnchor)) {
      return [];
    }
    const issuer = above ? issuerOf(above) : anchor;
    return [{ fields, isLeaf: index === 0, issuer }];
  });
}

/** The URLs of the CRLs that are considered for a certificate. */
function urlsOf({ fields }: Subject): readonly string[] {
  return [...new Set(fields.crlUrls.filter(isCrlUrl))].slice(0, URLS_LIMIT);
}

/**
 * The contents of the INTEGER of a serial number (X.690, 8.3).
 *
 * @param hex the number in hexadecimal digits, as Node and a manifest have it.
 * @returns undefined for any other text, such as that of a negative number.
 */
export function serialContents(hex: string): Buffer | undefined {
  if (!/^[0-9a-f]+$/i.test(hex)) {
    return undefined;
  }
  const digits = hex.replace(/^0+(?=.)/, '');
  const octets = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
  return (octets[0] ?? 0) < 0x80 ? octets : Buffer.concat([Buffer.of(0), octets]);
}

type Reader = ReturnType<typeof createReader>;

/**
 * Every CRL that counts can revoke a certificate. One is enough for the status `good`, or several that together cover all
 * reasons (RFC 5280, 6.3.3).
 */
function judge(subject: Subject, lists: ReadonlyMap<string, Reader>): CertificateRevocation {
  const { fields, issuer } = subject;
  const urls = urlsOf(subject);
  const problems: string[] = [];
  const addProblem = (url: string, problem: string) => {
    problems.push(truncate(`the CRL at ${url} ${problem}`, PROBLEM_BYTES));
  };
  const statements = urls.flatMap((url) => {
    const read = lists.get(url);
    const statement: Statement = !issuer
      ? { problem: 'cannot be verified: the certificate of its issuer is missing' }
      : read
        ? statementOf(read(subject, issuer), subject)
        : { problem: 'was not fetched' };
    if (statement.problem !== undefined) {
      addProblem(url, statement.problem);
      return [];
    }
    if (statement.reasons !== ALL_REASONS && !statement.entry) {
      addProblem(url, 'lists only certificates that were revoked for certain reasons');
    }
    return [{ url, ...statement }];
  });
  const covered = statements.reduce((sum, { reasons }) => sum | reasons, 0);
  const decisive =
    statements.find(({ entry }) => entry) ??
    (covered === ALL_REASONS ? (statements.find(({ reasons }) => reasons === covered) ?? statements[0]) : undefined);
  const { crl, entry } = decisive ?? {};
  return {
    fingerprintSha256: fingerprintOf(fields.certificate),
    status: !decisive ? 'unknown' : entry ? 'revoked' : 'good',
    url: decisive?.url ?? null,
    thisUpdate: crl?.thisUpdate.toISOString() ?? null,
    nextUpdate: crl?.nextUpdate?.toISOString() ?? null,
    revokedAt: entry?.revokedAt?.toISOString() ?? null,
    reason: entry?.reason ?? null,
    problem: decisive ? null : problems.join('; ') || 'the certificate contains no http URL of a CRL',
  };
}

/** What a CRL says about one of the certificates that were searched. */
function statementOf(searched: SearchedCrl, { fields }: Subject): Statement {
  if (searched.problem !== undefined) {
    return searched;
  }
  const { crl, entries, reasons } = searched;
  const entry = entries.get(fields.serialNumber.toString('hex'));
  if (entry?.reason === REMOVED) {
    return { problem: `contains the reason ${REMOVED}, which only a delta CRL may contain` };
  }
  // Such a list can prove that a certificate is revoked, but not that it is good.
  return !entry && !crl.nextUpdate
    ? { problem: 'does not state until when it is valid (nextUpdate)' }
    : { crl, entry, reasons };
}

/**
 * Returns whether a fetched CRL counts for a certificate, and its entries. The CRL is read and searched once, whatever the number of
 * certificates that name it.
 */
function createReader({ bytes, problem }: FetchedCrl, at: Date, serials: readonly Buffer[]) {
  const read = once((): { readonly crl: Crl; readonly scope: CrlScope } | { readonly problem: string } => {
    if (!bytes) {
      return { problem: `could not be fetched: ${problem ?? 'there are no bytes'}` };
    }
    try {
      const crl = readCrl(bytes);
      const refusal = refusalOf(crl, at);
      return refusal === undefined ? { crl, scope: scopeOf(crl) } : { problem: refusal };
    } catch (error) {
      return {
        problem: `cannot be read: ${isPem(bytes) ? 'it is PEM, but must be DER (RFC 2585)' : messageOf(error)}`,
      };
    }
  });
  const search = once(
    (crl: Crl): { readonly entries: ReadonlyMap<string, CrlEntry> } | { readonly problem: string } => {
      try {
        return { entries: findEntries(crl, serials) };
      } catch (error) {
        return { problem: `cannot be read: ${messageOf(error)}` };
      }
    },
  );
  const verified = new Map<string, string | undefined>();

  /** Why the signature does not count; undefined if it does. */
  function verify({ signatureAlgorithm, signedBytes, signature }: Crl, { key }: Issuer): string | undefined {
    const id = createHash('sha256')
      .update(key.export({ type: 'spki', format: 'der' }))
      .digest('hex');
    if (verified.has(id)) {
      return verified.get(id);
    }
    const refusal = ((): string | undefined => {
      if (verified.size >= KEYS_LIMIT) {
        return 'is not signed by any of the keys that were tried';
      }
      try {
        return verifySignature(signatureAlgorithm, signedBytes, key, signature)
          ? undefined
          : 'is not signed by the issuer of the certificate';
      } catch (error) {
        if (error instanceof UnknownAlgorithmError) {
          return `is signed with an algorithm that is not accepted: ${error.message}`;
        }
        throw error;
      }
    })();
    verified.set(id, refusal);
    return refusal;
  }

  return (subject: Subject, issuer: Issuer): SearchedCrl => {
    const list = read();
    if ('problem' in list) {
      return list;
    }
    const { crl, scope } = list;
    const refusal =
      (!sameCanonical(crl.issuer.canonical, issuer.name) && 'is a list of another issuer') ||
      (issuer.certificate &&
        !fitsKeyIdentifiers(crl, issuer.certificate) &&
        'names another key than that of its issuer') ||
      (!issuer.maySignCrls && 'is signed by an issuer whose key usage excludes CRLs') ||
      outOfScope(scope, subject);
    const reasons = refusal ? undefined : coveredReasons(scope, subject);
    if (reasons === undefined) {
      return { problem: refusal || 'is the list of another distribution point' };
    }
    const unverified = verify(crl, issuer);
    if (unverified) {
      return { problem: unverified };
    }
    const searched = search(crl);
    return 'problem' in searched ? searched : { crl, entries: searched.entries, reasons };
  };
}

/** Why a CRL cannot decide about any certificate. */
function refusalOf({ thisUpdate, nextUpdate, extensions }: Crl, at: Date): string | undefined {
  // Like OpenSSL, without a tolerance for clocks, and not valid any more at the moment of nextUpdate.
  if (thisUpdate > at) {
    return `is not valid before ${thisUpdate.toISOString()}`;
  }
  if (nextUpdate && nextUpdate <= at) {
    return `is out of date: it was valid until ${nextUpdate.toISOString()}`;
  }
  if (extensions.some(({ id }) => id === CRL_OID.deltaCrlIndicator)) {
    return 'is a delta CRL, which contains only the changes to another list';
  }
  const unknown = extensions.find(({ id, critical }) => critical && !KNOWN_CRITICAL_EXTENSIONS.has(id));
  return unknown && `contains the unknown critical extension ${unknown.id}`;
}

/** Why a CRL does not list a certificate (RFC 5280, 5.2.5). */
function outOfScope(scope: CrlScope, { fields, isLeaf }: Subject): string | undefined {
  const isCa = fields.basicConstraints?.cA ?? !isLeaf;
  return (
    (scope.indirect && 'is an indirect CRL, which contains certificates of several issuers') ||
    (scope.onlyAttributeCertificates && 'contains attribute certificates only') ||
    (scope.onlyUserCertificates && isCa && 'contains no CA certificates') ||
    (scope.onlyCaCertificates && !isCa && 'contains CA certificates only') ||
    undefined
  );
}

/**
 * The reasons for which a CRL of the certificate's issuer would list a certificate: those of the CRL that are also those
 * of its distribution point in the certificate. If several points fit, the first one decides, as in OpenSSL. A CRL without
 * a name counts even if no point fits (RFC 5280, 6.3.3).
 *
 * @returns undefined if the CRL belongs to another distribution point.
 */
function coveredReasons(scope: CrlScope, { fields }: Subject): number | undefined {
  const point = fields.crlDistributionPoints.find(
    ({ names, crlIssuers }) =>
      (!crlIssuers || crlIssuers.some((issuer) => sameName(issuer, fields.issuerName))) &&
      (!scope.names || !names || shareName(scope.names, names)),
  );
  return point ? scope.reasons & point.reasons : scope.names ? undefined : scope.reasons;
}

function issuerOf(fields: CertificateFields): Issuer | undefined {
  const key = attempt(() => fields.certificate.publicKey);
  return key && { name: fields.subjectName.canonical, key, maySignCrls: fields.crlSign, certificate: fields };
}

function isPem(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 11)).toString('latin1') === '-----BEGIN ';
}

/** Only errors of the reader are expected here. Any other is a fault of this code. */
function messageOf(error: unknown): string {
  if (error instanceof SyntaxError) {
    return error.message;
  }
  throw error;
}

/** A function that computes its result at its first call only. */
function once<Arguments extends readonly unknown[], Result>(compute: (...given: Arguments) => Result) {
  let result: { readonly value: Result } | undefined;
  return (...given: Arguments): Result => {
    result ??= { value: compute(...given) };
    return result.value;
  };
}
