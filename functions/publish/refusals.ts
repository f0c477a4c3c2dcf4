import { assertionName, covers, coversName } from '../bimi.ts';
import type { StoredManifest } from '../store/manifest.ts';
import { type Publication, publishedKeys } from '../store/publication.ts';

/**
 * A message travels in the state of an execution (256 KiB) once a domain: with the longest domain and selector (316 bytes)
 * beside it, those of an order's 100 domains stay below 100 KB. Bytes are those of the JSON.
 */
const MESSAGE_LIMIT = 600;
/** What a message names, and the bytes of each. */
const DETAILS_LIMIT = 3;
const DETAIL_LIMIT = 100;

/** A certificate before an address. */
export interface Candidate {
  readonly manifest: StoredManifest;
  readonly domain: string;
  readonly selector: string;
  /** Whether it may follow a certificate of another owner, or one that covers more. */
  readonly replace: boolean;
  /** What is live at the address. */
  readonly current: Publication | undefined;
  /** What is wrong with the description of what is live, where nobody can tell that: the end of a sentence about it. */
  readonly damage: string | undefined;
  readonly at: Date;
}

/** A sentence where the condition of a refusal holds. */
type Check = (candidate: Candidate) => string | false | undefined;

/** Every reason not to publish, in the order in which they are looked for. */
export const REFUSALS = {
  'not-publishable': ({ manifest }) => {
    // Coverage was asked of all domains of the event that came first; here it is asked of this one domain.
    const errors = manifest.findings.filter(({ id, severity }) => severity === 'error' && id !== 'domain-coverage');
    const named = errors.map(({ id, message }) => `${id} (${message})`);
    return named.length > 0 && `the certificate has findings that are errors: ${joinWithLimit(named, '; ')}`;
  },
  'not-covered': ({ manifest: { domains }, domain, selector }) =>
    !covers(domains, domain, selector) &&
    `the certificate covers neither ${truncate(domain)} nor ${truncate(assertionName(domain, selector))}, but ${joinWithLimit(domains)}`,
  ended: ({ manifest: { notAfter }, at }) =>
    at.getTime() > Date.parse(notAfter) && `the certificate ended at ${notAfter}`,
  // Without it nothing of what follows could be asked: whatever came would go over whatever is there.
  damaged: ({ damage, domain, selector, replace }) =>
    !replace &&
    damage !== undefined &&
    `what is live is not known: ${publishedKeys(domain, selector).description} ${truncate(damage)}; put an earlier version of it back, or ${AGAIN}`,
  revoked: ({ manifest, current }) =>
    current &&
    !current.served &&
    current.live.fingerprintSha256 === manifest.fingerprintSha256 &&
    `the CA revoked this certificate, seen at ${current.revokedAt}, and it was taken down`,
  older: ({ manifest, current }) => {
    if (!current) {
      return false;
    }
    const { notBefore } = manifest;
    const { live } = current;
    const later = Date.parse(notBefore) - Date.parse(live.notBefore);
    // Two of the same second have an order where one was live before the other.
    return later < 0 || (later === 0 && wasLive(manifest, current))
      ? `the certificate is of ${notBefore}, and the live one, of order ${live.orderNumber}, ${later < 0 ? `is of ${live.notBefore}` : 'of the same second, came after it'}`
      : false;
  },
  'other-owner': ({ manifest, current, replace }) =>
    !replace &&
    current &&
    comparable(ownerOf(manifest)) !== comparable(current.live.owner) &&
    `the certificate belongs to ${quoted(ownerOf(manifest))}, and the live one, of order ${current.live.orderNumber}, to ${quoted(current.live.owner)}; ${OVERRIDE}`,
  'less-coverage': ({ manifest: { domains }, current, replace }) => {
    const lost = replace || !current ? [] : current.live.domains.filter((name) => !coversName(domains, name));
    return (
      lost.length > 0 &&
      `the live certificate, of order ${current?.live.orderNumber}, covers what this one does not: ${joinWithLimit(lost)}; ${OVERRIDE}`
    );
  },
} as const satisfies Record<string, Check>;

const AGAIN = 'send the event again with "replace": true and another "request"';
const OVERRIDE = `where that is meant, ${AGAIN}`;

export type RefusalReason = keyof typeof REFUSALS;

export interface PublicationRefusal {
  readonly reason: RefusalReason;
  readonly message: string;
  /** The address had this certificate and has moved on: an old execution was repeated, and nobody has to know. */
  readonly superseded: boolean;
}

/** The first reason not to publish a certificate at an address; undefined where there is none. */
export function refusalOf(candidate: Candidate): PublicationRefusal | undefined {
  const { manifest, current } = candidate;
  for (const [reason, check] of Object.entries<Check>(REFUSALS)) {
    const message = check(candidate);
    if (message) {
      return {
        reason: reason as RefusalReason,
        message: truncate(message, MESSAGE_LIMIT),
        superseded: reason === 'older' && current !== undefined && wasLive(manifest, current),
      };
    }
  }
  return undefined;
}

/** Whether the address had this certificate before the one that is live. */
function wasLive({ fingerprintSha256 }: StoredManifest, { live, previous }: Publication): boolean {
  // What is live again is not past, though it may have been before.
  return (
    live.fingerprintSha256 !== fingerprintSha256 &&
    previous.some((pair) => pair.fingerprintSha256 === fingerprintSha256)
  );
}

/** Whose mark it is: the organization of the subject; where it names none, the whole subject. */
export function ownerOf({ attributes }: StoredManifest): string {
  const { organizationName = [] } = attributes;
  return organizationName.length > 0
    ? organizationName.join(', ')
    : Object.entries(attributes)
        .map(([name, values]) => `${name}=${values.join('+')}`)
        .join(', ');
}

/** As people compare names. Upper case, because only that makes ß and SS the same. */
function comparable(owner: string): string {
  return owner.normalize('NFKC').toUpperCase().replaceAll(/\s+/g, ' ').trim();
}

const quoted = (text: string) => JSON.stringify(truncate(text));

function joinWithLimit(details: readonly string[], separator = ', '): string {
  const named = details.slice(0, DETAILS_LIMIT).map((detail) => truncate(detail));
  const more = details.length > named.length ? [`and ${details.length - named.length} more`] : [];
  return [...named, ...more].join(separator);
}

/** As much of a text as fits into so many bytes of JSON, in whole characters. */
function truncate(text: string, limit = DETAIL_LIMIT): string {
  const fits = (part: string) => Buffer.byteLength(JSON.stringify(part)) <= limit;
  if (fits(text)) {
    return text;
  }
  let kept = '';
  for (const character of text) {
    if (!fits(`${kept}${character}…`)) {
      break;
    }
    kept += character;
  }
  return `${kept}…`;
}
