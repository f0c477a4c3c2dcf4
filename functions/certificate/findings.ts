import type { X509Certificate } from 'node:crypto';
import { covers } from '../bimi.ts';
import { DAY_MILLISECONDS } from '../days.ts';
import { joinWithLimit, STATE_BUDGET, truncate } from '../text.ts';
import type { Logo } from './logo/logotype.ts';
import { svgProblems } from './logo/svg.ts';
import { BIMI_USAGE, type NamedAttributes, PRODUCTS, type Product, type Sct } from './mark/mark.ts';
import { oneLine } from './path/chain.ts';
import { attempt, type CertificateFields } from './x509/fields.ts';

/**
 * Something wrong or unusual about a validated chain. An error means that some mailbox provider would not display the
 * logo.
 */
export interface Finding {
  readonly id: FindingId;
  readonly severity: 'error' | 'warning';
  /** At most `STATE_BUDGET.message` bytes. */
  readonly message: string;
}

/** A validated chain and what is expected of it. */
export interface CheckedChain {
  /** Leaf first. */
  readonly chain: readonly CertificateFields[];
  readonly leaf: CertificateFields;
  readonly attributes: NamedAttributes;
  readonly domains: readonly string[];
  /** The logo, or the reason why it cannot be read. */
  readonly logo: Logo | string;
  readonly scts: readonly Sct[];
  readonly trustAnchor: object | null;
  readonly rootDelivered: boolean;
  readonly pemBytes: number;
  /** The moment at which the chain must be valid. */
  readonly at: Date;
  /** A-labels in lower case. */
  readonly orderedDomains: readonly string[];
  readonly selector: string;
  readonly orderedProduct: Product | undefined;
}

/** Returns the message of a finding if its condition is met. */
type Check = (checked: CheckedChain) => string | false | undefined;

const GENERAL_POLICY = '1.3.6.1.4.1.53087.1.1';
/** Key usage and basic constraints: every verifier knows them. */
const KNOWN_CRITICAL_EXTENSIONS = new Set(['2.5.29.15', '2.5.29.19']);
/** The longest validity that the Mark Certificate Requirements allow. */
const LIFETIME_LIMIT_DAYS = 398;
/** The PEM file must have fewer bytes. */
const PEM_LIMIT = 65_536;
/** Bytes of the name of a certificate. A detail has at most 100 bytes, and the problem follows the name. */
const NAME_BYTES = 52;
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
/** sha1WithRSAEncryption, ecdsa-with-SHA1. */
const SHA1_SIGNATURES = new Set(['1.2.840.113549.1.1.5', '1.2.840.10045.4.1']);
/** The Mark Certificate Requirements demand the source URL of a prior use since this day. */
const SOURCE_URL_SINCE = new Date('2025-04-15T00:00:00Z');

/** All findings, in the order of a report. docs/findings.md explains each. */
export const FINDINGS = {
  'untrusted-root': {
    severity: 'error',
    check: ({ trustAnchor }) => !trustAnchor && 'no issuer in the chain is a known trust anchor',
  },
  'ca-flags': { severity: 'error', check: checkIssuers },
  'leaf-eku': { severity: 'error', check: checkLeafUsage },
  validity: { severity: 'error', check: checkValidity },
  logotype: { severity: 'error', check: ({ logo }) => typeof logo === 'string' && logo },
  'logo-hash': {
    severity: 'error',
    check: ({ logo }) => typeof logo !== 'string' && checkHashes(logo),
  },
  'svg-profile': {
    severity: 'error',
    check: ({ logo }) =>
      typeof logo !== 'string' && withDetails('the logo does not conform to SVG Tiny PS', svgProblems(logo.svg)),
  },
  'domain-coverage': {
    severity: 'error',
    check: ({ orderedDomains, selector, domains }) =>
      withDetails(
        'the certificate does not cover these ordered domains',
        orderedDomains.filter((domain) => !covers(domains, domain, selector)),
      ),
  },
  'duplicate-extension': {
    severity: 'error',
    check: ({ chain }) =>
      withDetails(
        'a certificate contains the same extension more than once',
        chain.flatMap(({ certificate, duplicateExtensions }) =>
          duplicateExtensions.map((oid) => `${nameOf(certificate)} repeats ${oid}`),
        ),
      ),
  },
  'crl-missing': {
    severity: 'error',
    check: ({ leaf }) => !leaf.crlUrls.some((url) => /^http:\/\//i.test(url)) && 'the leaf names no CRL at an http URL',
  },
  'sct-missing': {
    severity: 'error',
    check: ({ scts }) => scts.length === 0 && 'the leaf has no signed certificate timestamp',
  },
  size: {
    severity: 'error',
    check: ({ pemBytes }) =>
      pemBytes >= PEM_LIMIT && `the PEM file has ${pemBytes} bytes, but must have less than ${PEM_LIMIT}`,
  },
  'mark-type': { severity: 'warning', check: checkMarkType },
  policy: {
    severity: 'warning',
    check: ({ leaf }) =>
      !leaf.policies.includes(GENERAL_POLICY) &&
      `the leaf does not contain the general policy of mark certificates (${GENERAL_POLICY})`,
  },
  'mark-fields': { severity: 'warning', check: checkMarkFields },
  'critical-extension': {
    severity: 'warning',
    check: ({ chain }) =>
      withDetails(
        'some verifiers refuse the chain, because they do not know these critical extensions',
        chain.flatMap(({ criticalExtensions }) =>
          criticalExtensions.filter((oid) => !KNOWN_CRITICAL_EXTENSIONS.has(oid)),
        ),
      ),
  },
  lifetime: {
    severity: 'warning',
    check: ({ leaf: { certificate } }) => {
      const days = (certificate.validToDate.getTime() - certificate.validFromDate.getTime()) / DAY_MILLISECONDS;
      return (
        days > LIFETIME_LIMIT_DAYS &&
        `the leaf is valid for ${Math.ceil(days)} days, but at most ${LIFETIME_LIMIT_DAYS} are allowed`
      );
    },
  },
  'key-strength': { severity: 'warning', check: checkStrength },
  'root-absent': {
    severity: 'warning',
    check: ({ rootDelivered }) =>
      !rootDelivered && 'the file does not contain the root of the chain, which one mailbox provider requires',
  },
} as const satisfies Record<string, { readonly severity: Finding['severity']; readonly check: Check }>;

export type FindingId = keyof typeof FINDINGS;

/** The findings of a chain. The chain is publishable if none of them is an error. */
export function findingsOf(checked: CheckedChain): Finding[] {
  return Object.entries<{ readonly severity: Finding['severity']; readonly check: Check }>(FINDINGS).flatMap(
    ([id, { severity, check }]) => {
      const message = check(checked);
      // The state of an execution contains the messages, and a crafted certificate could make one of 500 KB.
      return message ? [{ id: id as FindingId, severity, message: truncate(message, STATE_BUDGET.message) }] : [];
    },
  );
}

function checkLeafUsage({ leaf: { extendedKeyUsage } }: CheckedChain): string | undefined {
  if (extendedKeyUsage.length === 0) {
    return 'the extended key usage of the leaf cannot be read';
  }
  const others = extendedKeyUsage.filter((oid) => oid !== BIMI_USAGE);
  return withDetails('the leaf may be used not only as a mark certificate but also for', others);
}

/** RFC 5280, 4.2.1.3 and 4.2.1.9: an issuer may sign certificates, and its path length limits the CAs below it. */
function checkIssuers({ chain }: CheckedChain): string | undefined {
  const problems = chain.slice(1).flatMap(({ certificate, basicConstraints, keyCertSign, extendedKeyUsage }, below) => {
    const { pathLength } = basicConstraints ?? {};
    return [
      !basicConstraints?.cA && 'is not a CA certificate',
      !keyCertSign && 'may not sign certificates',
      pathLength !== undefined &&
        pathLength < below &&
        `has more CAs below it (${below}) than its path length allows (${pathLength})`,
      below === 0 && !extendedKeyUsage.includes(BIMI_USAGE) && 'may not issue mark certificates',
    ].flatMap((problem) => (problem ? [`${nameOf(certificate)} ${problem}`] : []));
  });
  return withDetails('an issuer does not meet the requirements for a CA', problems);
}

function checkValidity({ chain, at }: CheckedChain): string | undefined {
  const problems = chain.flatMap(({ certificate }) => {
    const { validFromDate, validToDate } = certificate;
    if (at < validFromDate) {
      return [`${nameOf(certificate)} is not valid before ${validFromDate.toISOString()}`];
    }
    return at > validToDate ? [`${nameOf(certificate)} was valid until ${validToDate.toISOString()}`] : [];
  });
  return withDetails(`the chain is not valid at ${at.toISOString()}`, problems);
}

function checkHashes({ hashes }: Logo): string | undefined {
  const different = hashes.filter(({ matches }) => !matches).map(({ algorithm }) => algorithm);
  if (hashes.length === 0) {
    return 'the logotype contains no hash of a known algorithm';
  }
  return withDetails('the logo does not match the hash in the logotype', different);
}

function checkMarkType({ attributes: { markType = [] }, orderedProduct }: CheckedChain): string | undefined {
  const [type, ...others] = markType;
  if (type === undefined || others.length > 0) {
    return type === undefined
      ? 'the certificate contains no mark type'
      : `the certificate contains ${markType.length} mark types, but exactly one is allowed`;
  }
  const product = PRODUCTS.get(type);
  if (product === undefined) {
    return `the mark type ${JSON.stringify(type)} is unknown`;
  }
  return orderedProduct && orderedProduct !== product
    ? `a certificate with the mark type ${JSON.stringify(type)} is a ${product}, but a ${orderedProduct} was ordered`
    : undefined;
}

function checkMarkFields({ attributes, leaf }: CheckedChain): string | undefined {
  const registered = ['trademarkCountryOrRegionName', 'trademarkIdentifier'];
  const required: ReadonlyMap<string, readonly string[]> = new Map([
    ['Registered Mark', registered],
    ['Modified Registered Mark', registered],
    ['Government Mark', ['statuteCountryName', 'statuteCitation']],
    ['Prior Use Mark', leaf.certificate.validFromDate >= SOURCE_URL_SINCE ? ['priorUseMarkSourceURL'] : []],
  ]);
  const missing = (attributes.markType ?? [])
    .flatMap((type) => required.get(type) ?? [])
    .filter((name) => !attributes[name]);
  return withDetails('the subject lacks attributes that its mark type requires', missing);
}

function checkStrength({ chain, rootDelivered }: CheckedChain): string | undefined {
  const problems = chain.flatMap(({ certificate, signatureAlgorithm }, index) => {
    const key = attempt(() => certificate.publicKey);
    const { asymmetricKeyType: type = '', asymmetricKeyDetails: { modulusLength = 0, namedCurve = '' } = {} } =
      key ?? {};
    const weakKey =
      (!key && 'a key that OpenSSL cannot read') ||
      (type.startsWith('rsa') && modulusLength < 2048 && `an RSA key of ${modulusLength} bits`) ||
      (type === 'ec' && !CURVES.has(namedCurve) && `a key on the curve ${namedCurve}`) ||
      (key && !type.startsWith('rsa') && type !== 'ec' && `a key of the type ${type}`);
    // No verifier relies on a root's own signature.
    const isRoot = rootDelivered && index === chain.length - 1;
    const weakSignature = !isRoot && SHA1_SIGNATURES.has(signatureAlgorithm) && 'a SHA-1 signature';
    return [weakKey, weakSignature].flatMap((weakness) => (weakness ? [`${nameOf(certificate)} has ${weakness}`] : []));
  });
  return withDetails('the chain contains weak keys or signatures', problems);
}

/** The common name, the organization or the whole subject. OpenSSL escapes commas. */
function nameOf({ subject }: X509Certificate): string {
  const name = /^CN=(.*)$/m.exec(subject)?.[1] ?? /^O=(.*)$/m.exec(subject)?.[1] ?? oneLine(subject);
  if (name === '') {
    return 'a certificate without a name';
  }
  return truncate(name.replaceAll(/\\(.)/g, '$1'), NAME_BYTES);
}

/** A message that ends with details, each once; undefined if there are none. */
function withDetails(beginning: string, details: readonly string[]): string | undefined {
  return details.length > 0 ? `${beginning}: ${joinWithLimit([...new Set(details)], '; ')}` : undefined;
}
