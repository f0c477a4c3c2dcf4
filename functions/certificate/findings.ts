import type { X509Certificate } from 'node:crypto';
import { covers } from '../bimi.ts';
import { joinWithLimit, STATE_BUDGET, truncate } from '../text.ts';
import { attempt, type Fields } from './fields.ts';
import type { Logo } from './logotype.ts';
import { type NamedAttributes, PRODUCTS, type Product, type Sct } from './mark.ts';
import { svgProblems } from './svg.ts';

/** Something wrong or odd about a chain that was proved. An error: some mailbox provider would not display the logo. */
export interface Finding {
  readonly id: FindingId;
  readonly severity: 'error' | 'warning';
  readonly message: string;
}

/** A proved chain and what its reader expects of it. */
export interface CheckedChain {
  /** Leaf first. */
  readonly chain: readonly Fields[];
  readonly leaf: Fields;
  readonly attributes: NamedAttributes;
  readonly domains: readonly string[];
  /** The logo, or why there is none. */
  readonly logo: Logo | string;
  readonly scts: readonly Sct[];
  readonly trustAnchor: object | null;
  readonly rootDelivered: boolean;
  readonly pemBytes: number;
  readonly at: Date;
  readonly orderedDomains: readonly string[];
  readonly selector: string;
  readonly orderedProduct: Product | undefined;
}

/** A sentence where the condition of a finding holds. */
type Check = (checked: CheckedChain) => string | false | undefined;

const BIMI_USAGE = '1.3.6.1.5.5.7.3.31';
const GENERAL_POLICY = '1.3.6.1.4.1.53087.1.1';
const HARMLESS_WHEN_CRITICAL = new Set(['2.5.29.15', '2.5.29.19']);
const DAY = 86_400_000;
const LONGEST_LIFE = 398 * DAY;
const PEM_LIMIT = 65_536;
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
/** sha1WithRSAEncryption, ecdsa-with-SHA1. */
const SHA1_SIGNATURES = new Set(['1.2.840.113549.1.1.5', '1.2.840.10045.4.1']);
/** The requirements ask for the source of a prior use from this day on. */
const SOURCE_URL_SINCE = new Date('2025-04-15T00:00:00Z');

/** Every finding, in the order of a report. */
export const FINDINGS = {
  'untrusted-root': {
    severity: 'error',
    check: ({ trustAnchor }) => !trustAnchor && 'no issuer in the chain is a known trust anchor',
  },
  'ca-flags': { severity: 'error', check: checkIssuers },
  'leaf-eku': {
    severity: 'error',
    check: checkLeafUsage,
  },
  validity: { severity: 'error', check: checkValidity },
  logotype: { severity: 'error', check: ({ logo }) => typeof logo === 'string' && logo },
  'logo-hash': {
    severity: 'error',
    check: ({ logo }) => typeof logo !== 'string' && checkHashes(logo),
  },
  'svg-profile': {
    severity: 'error',
    check: ({ logo }) => typeof logo !== 'string' && withDetails('the logo is no SVG Tiny PS', svgProblems(logo.svg)),
  },
  'domain-coverage': {
    severity: 'error',
    check: ({ orderedDomains, selector, domains }) =>
      withDetails(
        'the certificate does not cover',
        orderedDomains.filter((domain) => !covers(domains, domain, selector)),
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
      pemBytes >= PEM_LIMIT && `the PEM file has ${pemBytes} bytes, and less than ${PEM_LIMIT} are accepted`,
  },
  'mark-type': { severity: 'warning', check: checkMarkType },
  policy: {
    severity: 'warning',
    check: ({ leaf }) =>
      !leaf.policies.includes(GENERAL_POLICY) && 'the leaf does not name the general policy of mark certificates',
  },
  'mark-fields': { severity: 'warning', check: checkMarkFields },
  'critical-extension': {
    severity: 'warning',
    check: ({ chain }) =>
      withDetails(
        'some verifiers refuse critical extensions that they do not know',
        chain.flatMap(({ criticalExtensions }) => criticalExtensions.filter((oid) => !HARMLESS_WHEN_CRITICAL.has(oid))),
      ),
  },
  lifetime: {
    severity: 'warning',
    check: ({ leaf: { certificate } }) => {
      const life = certificate.validToDate.getTime() - certificate.validFromDate.getTime();
      return life > LONGEST_LIFE && `the leaf lives ${Math.ceil(life / DAY)} days, more than 398`;
    },
  },
  'key-strength': { severity: 'warning', check: checkStrength },
  'root-absent': {
    severity: 'warning',
    check: ({ rootDelivered }) =>
      !rootDelivered && 'the chain ends below its root, which one receiver wants to see in the file',
  },
} as const satisfies Record<string, { readonly severity: Finding['severity']; readonly check: Check }>;

export type FindingId = keyof typeof FINDINGS;

/** What is wrong or odd about a chain. It is publishable where none of these is an error. */
export function findingsOf(checked: CheckedChain): Finding[] {
  return Object.entries<{ readonly severity: Finding['severity']; readonly check: Check }>(FINDINGS).flatMap(
    ([id, { severity, check }]) => {
      const message = check(checked);
      // A crafted certificate can quote hundreds of kilobytes, and findings travel in the state of an execution.
      return message ? [{ id: id as FindingId, severity, message: truncate(message, STATE_BUDGET.message) }] : [];
    },
  );
}

function checkLeafUsage({ leaf: { extendedKeyUsage } }: CheckedChain): string | undefined {
  if (extendedKeyUsage.length === 0) {
    return 'the extended key usage of the leaf is not DER';
  }
  const others = extendedKeyUsage.filter((oid) => oid !== BIMI_USAGE);
  return withDetails('the leaf is not only for mark certificates but also for', others);
}

/** RFC 5280, 4.2.1.3 and 4.2.1.9: every issuer may sign, and has at most as many issuers below it as it allows. */
function checkIssuers({ chain }: CheckedChain): string | undefined {
  const problems = chain.slice(1).flatMap(({ certificate, basicConstraints, mayCertify, extendedKeyUsage }, below) => {
    const { pathLength } = basicConstraints ?? {};
    return [
      !basicConstraints?.cA && 'is no CA',
      !mayCertify && 'may not sign certificates',
      pathLength !== undefined && pathLength < below && `allows ${pathLength} issuers below it, and has ${below}`,
      below === 0 && !extendedKeyUsage.includes(BIMI_USAGE) && 'is not for mark certificates',
    ].flatMap((problem) => (problem ? [`${nameOf(certificate)} ${problem}`] : []));
  });
  return withDetails('an issuer lacks what an issuer needs', problems);
}

function checkValidity({ chain, at }: CheckedChain): string | undefined {
  const problems = chain.flatMap(({ certificate }) => {
    const { validFromDate, validToDate } = certificate;
    if (at < validFromDate) {
      return [`${nameOf(certificate)} is valid from ${validFromDate.toISOString()} on`];
    }
    return at > validToDate ? [`${nameOf(certificate)} was valid until ${validToDate.toISOString()}`] : [];
  });
  return withDetails(`at ${at.toISOString()} the chain is not valid`, problems);
}

function checkHashes({ hashes }: Logo): string | undefined {
  const different = hashes.filter(({ matches }) => !matches).map(({ algorithm }) => algorithm);
  if (hashes.length === 0) {
    return 'the logotype has no hash of a known algorithm';
  }
  return withDetails('the logo does not have the hash that the logotype names', different);
}

function checkMarkType({ attributes: { markType = [] }, orderedProduct }: CheckedChain): string | undefined {
  const [type, ...others] = markType;
  if (type === undefined || others.length > 0) {
    return type === undefined
      ? 'the certificate names no mark type'
      : `the certificate names ${markType.length} mark types`;
  }
  const product = PRODUCTS.get(type);
  if (product === undefined) {
    return `the mark type ${JSON.stringify(type)} is not known`;
  }
  return orderedProduct && orderedProduct !== product
    ? `the mark type ${JSON.stringify(type)} is a ${product}, and a ${orderedProduct} was ordered`
    : undefined;
}

function checkMarkFields({ attributes, leaf }: CheckedChain): string | undefined {
  const registered = ['trademarkCountryOrRegionName', 'trademarkIdentifier'];
  const needed: ReadonlyMap<string, readonly string[]> = new Map([
    ['Registered Mark', registered],
    ['Modified Registered Mark', registered],
    ['Government Mark', ['statuteCountryName', 'statuteCitation']],
    ['Prior Use Mark', leaf.certificate.validFromDate >= SOURCE_URL_SINCE ? ['priorUseMarkSourceURL'] : []],
  ]);
  const missing = (attributes.markType ?? [])
    .flatMap((type) => needed.get(type) ?? [])
    .filter((name) => !attributes[name]);
  return withDetails('the subject lacks', missing);
}

function checkStrength({ chain, rootDelivered }: CheckedChain): string | undefined {
  const problems = chain.flatMap(({ certificate, signatureAlgorithm }, index) => {
    const key = attempt(() => certificate.publicKey);
    const { asymmetricKeyType: type = '', asymmetricKeyDetails: { modulusLength = 0, namedCurve = '' } = {} } =
      key ?? {};
    const weakKey =
      (!key && 'a key that OpenSSL cannot read') ||
      (type.startsWith('rsa') && modulusLength < 2048 && `RSA of ${modulusLength} bits`) ||
      (type === 'ec' && !CURVES.has(namedCurve) && `the curve ${namedCurve}`) ||
      (key && !type.startsWith('rsa') && type !== 'ec' && `a key of the type ${type}`);
    // Nobody relies on a root's signature upon itself.
    const isRoot = rootDelivered && index === chain.length - 1;
    const weakSignature = !isRoot && SHA1_SIGNATURES.has(signatureAlgorithm) && 'a SHA-1 signature';
    return [weakKey, weakSignature].flatMap((weakness) => (weakness ? [`${nameOf(certificate)} has ${weakness}`] : []));
  });
  return withDetails('the chain is weak', problems);
}

/** What a person calls it. OpenSSL escapes commas. */
function nameOf({ subject }: X509Certificate): string {
  const name = /^CN=(.*)$/m.exec(subject)?.[1] ?? /^O=(.*)$/m.exec(subject)?.[1] ?? subject.replaceAll('\n', ', ');
  return name.replaceAll(/\\(.)/g, '$1');
}

/** A message that ends with details, each once; undefined if there are none. */
function withDetails(beginning: string, details: readonly string[]): string | undefined {
  return details.length > 0 ? `${beginning}: ${joinWithLimit([...new Set(details)], '; ')}` : undefined;
}
