import { assertionName, covers, coversName } from '../bimi.ts';
import { CLOCK_TOLERANCE_MILLISECONDS } from '../days.ts';
import type { StoredManifest } from '../store/manifest.ts';
import { type Publication, type PublishedPair, publishedKeys } from '../store/publication.ts';
import { joinWithLimit, STATE_BUDGET, truncate } from '../text.ts';

/**
 * Bytes of a quoted text, and of a list before a next step. They are limited so that the next step is never truncated.
 */
const QUOTE_BYTES = 100;
const LIST_BYTES = 350;

const SEND_AGAIN = 'send the event again with "replace": true and another "request"';
const IF_INTENDED = `if the replacement is intended, ${SEND_AGAIN}`;

/** A certificate that is to be published, and the address. */
export interface Candidate {
  readonly manifest: StoredManifest;
  readonly domain: string;
  readonly selector: string;
  /** Whether it may replace a certificate of another owner, or one that covers more. */
  readonly replace: boolean;
  /** The current description of the address. */
  readonly current: Publication | undefined;
  /**
   * Why it is unknown which certificate is live, as a clause after the key of the description; undefined if it is
   * known.
   */
  readonly damage: string | undefined;
  /** When the collector learned that the CA revoked the certificate; undefined if it is not known to be revoked. */
  readonly revokedSince: string | undefined;
  readonly at: Date;
}

/** Returns the message if the certificate must not be published. */
type Check = (candidate: Candidate) => string | false | undefined;

/** Every reason not to publish, in the order of the checks. docs/publishing.md lists them. */
export const REFUSALS = {
  'not-yet-valid': ({ manifest: { notBefore }, at }) =>
    Date.parse(notBefore) - at.getTime() > CLOCK_TOLERANCE_MILLISECONDS &&
    `the certificate is not valid before ${notBefore}; the collector asks the CA for it again when it is valid`,
  'not-publishable': ({ manifest }) => {
    // The finding domain-coverage is about all domains of the first event. The next check is about this domain only.
    const errors = manifest.findings.filter(({ id, severity }) => severity === 'error' && id !== 'domain-coverage');
    const named = errors.map(({ id, message }) => `${id} (${message})`);
    return named.length > 0 && `the certificate has findings that are errors: ${joinWithLimit(named, '; ')}`;
  },
  'not-covered': ({ manifest: { domains }, domain, selector }) =>
    !covers(domains, domain, selector) &&
    `the certificate covers neither ${quote(domain)} nor ${quote(assertionName(domain, selector))}; it covers ${joinWithLimit(domains)}`,
  expired: ({ manifest: { notAfter }, at }) =>
    at.getTime() > Date.parse(notAfter) && `the certificate expired on ${notAfter}`,
  // The remaining checks need the description. Without it, any certificate would replace any other.
  damaged: ({ damage, domain, selector, replace }) =>
    !replace &&
    damage !== undefined &&
    `the live certificate is unknown: ${publishedKeys(domain, selector).description} ${quote(damage)}; restore an earlier version of this object, or ${SEND_AGAIN}`,
  revoked: ({ manifest, current, revokedSince }) => {
    if (current?.live.fingerprintSha256 === manifest.fingerprintSha256) {
      return (
        !current.served &&
        !hasHoldEnded(manifest, current, revokedSince) &&
        `the CA revoked this certificate (known since ${current.revokedAt}), and it was taken down`
      );
    }
    return revokedSince !== undefined && `the CA revoked this certificate (known since ${revokedSince})`;
  },
  older: ({ manifest, current, at }) => {
    if (!current || at.getTime() > Date.parse(current.live.notAfter)) {
      return false;
    }
    const { notBefore } = manifest;
    const { live } = current;
    const later = Date.parse(notBefore) - Date.parse(live.notBefore);
    if (later < 0) {
      return `the live certificate (order ${live.orderNumber}) is newer: it is valid from ${live.notBefore}, this one from ${notBefore}`;
    }
    // If both certificates are valid from the same second, the one that was live before is the older one.
    return (
      later === 0 &&
      wasLive(manifest, current) &&
      `the live certificate (order ${live.orderNumber}) has already replaced this one: both are valid from ${notBefore}`
    );
  },
  'other-owner': ({ manifest, current, replace }) =>
    !replace &&
    current &&
    !haveSameOwner(manifest, current.live) &&
    `the certificate belongs to ${quoteName(ownerOf(manifest))}, but the live certificate (order ${current.live.orderNumber}) belongs to ${quoteName(current.live.owner)}; ${IF_INTENDED}`,
  'less-coverage': ({ manifest: { domains }, current, replace }) => {
    const lost = replace || !current ? [] : current.live.domains.filter((name) => !coversName(domains, name));
    return (
      lost.length > 0 &&
      `the live certificate (order ${current?.live.orderNumber}) covers names that this one does not cover: ${truncate(joinWithLimit(lost), LIST_BYTES)}; ${IF_INTENDED}`
    );
  },
} as const satisfies Record<string, Check>;

/**
 * Whether a publication is marked although its certificate is good again: a CRL listed it, and a later one does not, because
 * a hold has ended. What CollectMC reports does not end.
 */
export function hasHoldEnded(
  { revocation, publishable }: StoredManifest,
  { revokedAt, revokedBy }: Publication,
  revokedSince: string | undefined,
): boolean {
  return (
    revokedAt !== null &&
    revokedBy === 'crl' &&
    revokedSince === undefined &&
    publishable &&
    revocation?.status === 'good' &&
    Date.parse(revocation.checkedAt) > Date.parse(revokedAt)
  );
}

/** The id of a reason, in the result of publish and in the log. */
export type RefusalReason = keyof typeof REFUSALS;

/** Why a certificate is not published at an address. */
export interface PublicationRefusal {
  readonly reason: RefusalReason;
  /** The reason as a sentence of at most {@link STATE_BUDGET}.message bytes, with the next step if there is one. */
  readonly message: string;
  /**
   * Whether the certificate was live at the address before the current one. A refusal of a repeated old execution needs
   * no action.
   */
  readonly superseded: boolean;
}

/** Finds the first reason not to publish a certificate at an address; undefined if there is none. */
export function findRefusal(candidate: Candidate): PublicationRefusal | undefined {
  const { manifest, current } = candidate;
  for (const [reason, check] of Object.entries<Check>(REFUSALS)) {
    const message = check(candidate);
    if (message) {
      return {
        reason: reason as RefusalReason,
        message: truncate(message, STATE_BUDGET.message),
        superseded: reason === 'older' && current !== undefined && wasLive(manifest, current),
      };
    }
  }
  return undefined;
}

/** Whether a certificate was live at the address before the current one. */
function wasLive({ fingerprintSha256 }: StoredManifest, { live, previous }: Publication): boolean {
  // A certificate can be live again, and then it is in `previous` too.
  return (
    live.fingerprintSha256 !== fingerprintSha256 &&
    previous.some((pair) => pair.fingerprintSha256 === fingerprintSha256)
  );
}

/** The owner of the mark: the organization of the subject, or the whole subject if it names no organization. */
export function ownerOf({ attributes }: Pick<StoredManifest, 'attributes'>): string {
  const { organizationName = [] } = attributes;
  return organizationName.length > 0
    ? organizationName.join(', ')
    : Object.entries(attributes)
        .map(([name, values]) => `${name}=${values.join('+')}`)
        .join(', ');
}

/** Whether a certificate belongs to the owner of a published one. */
export function haveSameOwner(manifest: Pick<StoredManifest, 'attributes'>, { owner }: PublishedPair): boolean {
  return comparableName(ownerOf(manifest)) === comparableName(owner);
}

/**
 * A name without differences in case, width and white space. It is in upper case, because only this makes ß and SS
 * equal.
 */
function comparableName(owner: string): string {
  return owner.normalize('NFKC').toUpperCase().replaceAll(/\s+/g, ' ').trim();
}

const quote = (text: string) => truncate(text, QUOTE_BYTES);

const quoteName = (owner: string) => JSON.stringify(quote(owner));
