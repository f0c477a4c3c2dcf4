import type { X509Certificate } from 'node:crypto';
import { joinWithLimit, truncate } from '../text.ts';
import type { Logo } from './logo/logotype.ts';
import type { NamedAttributes, Product } from './mark/mark.ts';
import { oneLine } from './path/chain.ts';
import type { TrustAnchor } from './path/trust-anchors.ts';
import type { Revocation } from './revocation/revocation.ts';
import type { Sct } from './transparency/sct.ts';
import type { CertificateFields } from './x509/fields.ts';

/**
 * - `error`: some mailbox provider would not display the logo.
 * - `warning`: the chain is publishable, but the owner should know this.
 * - `notice`: a peculiarity of a receiver; nothing has to be done.
 */
export type Severity = 'error' | 'warning' | 'notice';

/** A validated chain and what is expected of it. */
export interface CheckedChain {
  /** Leaf first. */
  readonly chain: readonly CertificateFields[];
  /** The part of the chain that is validated: the certificates above a trust anchor are left out. */
  readonly path: readonly CertificateFields[];
  readonly leaf: CertificateFields;
  /** The trust anchor that validates the chain; null if there is none. */
  readonly trustAnchor: TrustAnchor | null;
  readonly rootDelivered: boolean;
  readonly attributes: NamedAttributes;
  readonly domains: readonly string[];
  /** The logo, or the reason why it cannot be read. */
  readonly logo: Logo | string;
  readonly scts: readonly Sct[];
  /** The result of the CRLs; null if none were given. */
  readonly revocation: Revocation | null;
  /** The parts of the container that do not belong to the chain and were ignored, one description each. */
  readonly ignored: readonly string[];
  readonly pemBytes: number;
  /** The moment at which the chain must be valid. */
  readonly at: Date;
  /** A-labels in lower case. */
  readonly orderedDomains: readonly string[];
  readonly selector: string;
  readonly orderedProduct: Product | undefined;
}

/** The message of a finding, or nothing if its condition is not met. A check can lower the severity of its row. */
export type Check = (
  checked: CheckedChain,
) => string | { readonly severity: Severity; readonly message: string } | false | undefined;

/** The findings of one subject: the id, the severity and the check of each. */
export type FindingTable = Readonly<Record<string, { readonly severity: Severity; readonly check: Check }>>;

/** Bytes of the name of a certificate. A detail has at most 100 bytes, and the problem follows the name. */
const NAME_BYTES = 52;

/** The common name, the organization or the whole subject. OpenSSL escapes commas. */
export function nameOf({ subject }: X509Certificate): string {
  const name = /^CN=(.*)$/m.exec(subject)?.[1] ?? /^O=(.*)$/m.exec(subject)?.[1] ?? oneLine(subject);
  if (name === '') {
    return 'a certificate without a name';
  }
  return truncate(name.replaceAll(/\\(.)/g, '$1'), NAME_BYTES);
}

/** A message that ends with details, each once; undefined if there are none. */
export function withDetails(beginning: string, details: readonly string[]): string | undefined {
  return details.length > 0 ? `${beginning}: ${joinWithLimit([...new Set(details)], '; ')}` : undefined;
}
