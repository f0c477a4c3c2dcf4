import type { CheckedChain } from './checked-chain.ts';
import type { Finding, FindingId } from './findings.ts';
import { otherNameKinds, PRODUCTS, type Product } from './mark/mark.ts';
import { PILOT_EXTENSION } from './path/rules.ts';
import { type KnownAnchor, TRUST_ANCHORS } from './path/trust-anchors.ts';
import { fingerprintOf } from './x509/fingerprint.ts';

/** Whether one receiver displays the logo. */
export interface ReceiverVerdict {
  readonly id: string;
  /** Null if it is not known. */
  readonly shows: boolean | null;
  /** The ids of the findings and facts that decide. A verdict that is true can have facts that qualify it. */
  readonly because: readonly string[];
}

/** What decides a verdict beside the findings, each with its meaning. docs/findings.md lists them. */
export const RECEIVER_FACTS = {
  'cmc-without-check-mark': 'The logo of a CMC is displayed without the check mark that a VMC gets.',
  'check-mark-unknown': 'The certificate has no mark type, so it is not known whether the logo gets a check mark.',
  'mark-type-unknown': 'The mark type is unknown.',
  'mark-type-not-displayed': 'The receiver displays Registered Marks and Government Marks only.',
  'no-certificate-needed': 'The receiver displays logos without a certificate too.',
  reputation: 'The reputation of the sender decides too.',
  'rules-not-published': 'The receiver does not publish its rules.',
  'san-not-dns': 'The certificate contains a name that is not a DNS name.',
  'root-unknown-to-receiver': 'The receiver does not trust the root of the chain.',
  'root-not-tested': 'It is not known whether the receiver trusts the root of the chain.',
  'own-trust-anchor':
    'Only your settings trust the root of the chain. The verdict is right only if the receiver trusts this root too.',
  'no-bimi': 'The receiver does not support BIMI.',
} as const satisfies Readonly<Record<string, string>>;

export type ReceiverFact = keyof typeof RECEIVER_FACTS;

/** A finding or a fact, and the verdict to which it leads. */
interface Rule {
  readonly because: FindingId | ReceiverFact;
  readonly shows: boolean | null;
  /** When it applies; default: always. A finding must also be one of the chain. */
  readonly when?: (checked: CheckedChain) => boolean;
}

interface Receiver {
  readonly id: string;
  readonly name: string;
  /** Where its rules are published. */
  readonly source: string;
  /** Whether every error is a reason not to display the logo. */
  readonly needsValidChain: boolean;
  readonly rules: readonly Rule[];
}

/** The table of receivers, as of November 2026. */
export const RECEIVERS = [
  {
    id: 'gmail',
    name: 'Gmail',
    // A VMC gets a check mark, a CMC does not. Before there were mark types, every certificate was a VMC.
    source: 'https://support.google.com/a/answer/10911320',
    needsValidChain: true,
    rules: [
      { because: 'mark-type-unknown', shows: null, when: (checked) => markTypeOf(checked) === 'unknown' },
      { because: 'cmc-without-check-mark', shows: true, when: (checked) => productOf(checked) === 'CMC' },
      { because: 'check-mark-unknown', shows: true, when: (checked) => markTypeOf(checked) === 'missing' },
    ],
  },
  {
    id: 'apple',
    name: 'Apple Mail',
    // https://support.apple.com/121668 lists Entrust's roots.
    source: 'https://developer.apple.com/support/bimi/',
    needsValidChain: true,
    rules: [
      { because: 'entrust-cutoff', shows: false },
      { because: 'mark-type-not-displayed', shows: false, when: (checked) => productOf(checked) !== 'VMC' },
    ],
  },
  {
    id: 'yahoo',
    name: 'Yahoo with AOL',
    source: 'https://senders.yahooinc.com/bimi/',
    needsValidChain: false,
    rules: [
      { because: 'svg-profile', shows: false },
      { because: 'svg-size', shows: false },
      { because: 'logotype', shows: null },
      { because: 'no-certificate-needed', shows: true },
      { because: 'reputation', shows: true },
    ],
  },
  {
    id: 'fastmail',
    name: 'Fastmail',
    // Mail::BIMI compares the domain itself (is_valid_alt_name), validates the logo against the schema and requires
    // exactly the BIMI usage.
    source: 'https://metacpan.org/dist/Mail-BIMI/source/lib/Mail/BIMI/VMC.pm',
    needsValidChain: true,
    rules: [{ because: 'selector-san', shows: false }],
  },
  unpublished('laposte', 'La Poste'),
  unpublished('gmx', 'GMX'),
  unpublished('zoho', 'Zoho Mail'),
  {
    id: 'rspamd',
    name: 'a server with rspamd',
    // The helper takes the root from the file, if its fingerprint is trusted. OpenSSL refuses an unknown critical
    // extension. A selector is not considered, and a name that is no DNS name ends the search for the domain. The
    // parameters of a hash algorithm must be NULL, but there may be several hashes. data/bimi_ca.pem has the roots.
    source: 'https://github.com/rspamd/bimi-helper/blob/master/src/cert.rs',
    needsValidChain: true,
    rules: [
      { because: 'root-absent', shows: false },
      {
        because: 'receiver-asn1',
        shows: false,
        when: ({ logo }) => typeof logo !== 'string' && logo.hashes.some(({ hasNull }) => !hasNull),
      },
      {
        because: 'pilot-extension',
        shows: false,
        when: ({ leaf }) => leaf.criticalExtensions.includes(PILOT_EXTENSION),
      },
      { because: 'selector-san', shows: false },
      { because: 'san-not-dns', shows: false, when: ({ leaf }) => otherNameKinds(leaf).length > 0 },
      {
        because: 'root-not-tested',
        shows: null,
        when: (checked) => rootOf(checked)?.notTestedWith?.includes('rspamd') ?? false,
      },
    ],
  },
  {
    id: 'halon',
    name: "a server with Halon's plugin",
    // The logotype must have exactly 15 elements: one hash, with NULL parameters. A selector is not considered, because
    // a dot is missing in the name that the plugin compares.
    source: 'https://github.com/halon-extras/bimi/blob/main/bimi.hsl',
    needsValidChain: true,
    rules: [
      { because: 'receiver-asn1', shows: false },
      { because: 'selector-san', shows: false },
      {
        because: 'root-unknown-to-receiver',
        shows: false,
        when: (checked) => rootOf(checked)?.unknownTo?.includes('halon') ?? false,
      },
      {
        because: 'root-not-tested',
        shows: null,
        when: (checked) => rootOf(checked)?.notTestedWith?.includes('halon') ?? false,
      },
    ],
  },
  {
    id: 'microsoft',
    name: 'Microsoft Outlook',
    source: 'https://www.encryptionconsulting.com/bimi-with-vmc-and-cmc/',
    needsValidChain: false,
    rules: [{ because: 'no-bimi', shows: false }],
  },
] as const satisfies readonly Receiver[];

function unpublished(id: string, name: string): Receiver {
  return {
    id,
    name,
    source: 'https://www.spamresource.com/2024/11/bimi-mailbox-provider-support-in.html',
    needsValidChain: false,
    rules: [{ because: 'rules-not-published', shows: null }],
  };
}

/** The name of a receiver; its id if this release does not know it. */
export function receiverName(id: string): string {
  return RECEIVERS.find((receiver) => receiver.id === id)?.name ?? id;
}

/** What decides a verdict: the ids of findings, and facts as sentences. */
export function reasonsOf(because: readonly string[]): {
  readonly findings: readonly string[];
  readonly facts: readonly string[];
} {
  return {
    findings: because.filter((id) => !isFact(id)),
    facts: because.filter(isFact).map((fact) => RECEIVER_FACTS[fact]),
  };
}

function isFact(id: string): id is ReceiverFact {
  return Object.hasOwn(RECEIVER_FACTS, id);
}

/** The verdict of each receiver. A reason not to display the logo outweighs one that makes the verdict unknown. */
export function receiversOf(checked: CheckedChain, findings: readonly Finding[]): readonly ReceiverVerdict[] {
  return RECEIVERS.map(({ id, needsValidChain, rules }: Receiver) => {
    const errors = needsValidChain ? findings.filter(({ severity }) => severity === 'error') : [];
    const decided: readonly Rule[] = [
      ...errors.map((error): Rule => ({ because: error.id, shows: false })),
      ...rules.filter(({ because, when }) => applies(because, findings) && (!when || when(checked))),
      ...(needsValidChain && checked.trustAnchor?.source === 'settings' && !rootOf(checked) ? [OWN_TRUST_ANCHOR] : []),
    ];
    const shows = strongest(decided.map((rule) => rule.shows));
    const because = decided.filter((rule) => rule.shows === shows).map((rule) => rule.because);
    return { id, shows, because: [...new Set(because)] };
  });
}

const OWN_TRUST_ANCHOR: Rule = { because: 'own-trust-anchor', shows: true };

function strongest(verdicts: readonly (boolean | null)[]): boolean | null {
  if (verdicts.includes(false)) {
    return false;
  }
  return verdicts.includes(null) ? null : true;
}

function applies(because: Rule['because'], findings: readonly Finding[]): boolean {
  return because in RECEIVER_FACTS || findings.some(({ id }) => id === because);
}

/** The mark type; `missing`, or `unknown` if it is not a known one or there are several. */
function markTypeOf({ attributes }: CheckedChain): string {
  const [type = 'missing', ...others] = new Set(attributes.markType);
  return type === 'missing' || (PRODUCTS.has(type) && others.length === 0) ? type : 'unknown';
}

function productOf(checked: CheckedChain): Product | undefined {
  return PRODUCTS.get(markTypeOf(checked));
}

/**
 * The known root, also if the settings trust a CA below it. A trust anchor of the settings alone is the user's choice, so
 * nothing is known about it.
 */
function rootOf({ trustAnchor, chain }: CheckedChain): KnownAnchor | undefined {
  const fingerprints = [trustAnchor?.fingerprintSha256, ...chain.map(({ certificate }) => fingerprintOf(certificate))];
  return TRUST_ANCHORS.find(({ fingerprintSha256 }) => fingerprints.includes(fingerprintSha256));
}
