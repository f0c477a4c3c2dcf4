import type { StandingManifest } from '../archive.ts';
import type { Publication } from '../publication.ts';

/** A message travels in the state of an execution, once a domain: what it names, and characters of each. */
const DETAILS_LIMIT = 5;
const DETAIL_LIMIT = 200;

/** A certificate before an address. */
export interface Candidate {
  readonly manifest: StandingManifest;
  readonly domain: string;
  readonly selector: string;
  /** Whether it may follow a certificate of another owner, or one that covers more. */
  readonly replace: boolean;
  /** What is live at the address. */
  readonly standing: Publication | undefined;
  readonly at: Date;
}

/** A sentence where the condition of a refusal holds. */
type Check = (candidate: Candidate) => string | false | undefined;

/** Every reason not to publish, in the order in which they are looked for. */
const REFUSALS = {
  'not-publishable': ({ manifest }) => {
    // Coverage was asked of all domains of the event that came first; here it is asked of this one domain.
    const errors = manifest.findings.filter(({ id, severity }) => severity === 'error' && id !== 'domain-coverage');
    const named = errors.map(({ id, message }) => `${id} (${message})`);
    return named.length > 0 && `the certificate has findings that are errors: ${list(named, '; ')}`;
  },
  'not-covered': ({ manifest: { domains }, domain, selector }) =>
    !covers(domains, `${selector}._bimi.${domain}`) &&
    `the certificate covers neither ${domain} nor ${selector}._bimi.${domain}, but ${list(domains)}`,
  ended: ({ manifest: { notAfter }, at }) =>
    at.getTime() > Date.parse(notAfter) && `the certificate ended at ${notAfter}`,
  revoked: ({ manifest, standing }) =>
    standing &&
    !standing.served &&
    standing.live.fingerprintSha256 === manifest.fingerprintSha256 &&
    `the CA revoked this certificate, seen at ${standing.revokedAt}, and it was taken down`,
  older: ({ manifest: { notBefore }, standing }) =>
    standing &&
    Date.parse(notBefore) < Date.parse(standing.live.notBefore) &&
    `the certificate is of ${notBefore}, and the live one, of order ${standing.live.orderNumber}, is of ${standing.live.notBefore}`,
  'other-owner': ({ manifest, standing, replace }) =>
    !replace &&
    standing &&
    comparable(ownerOf(manifest)) !== comparable(standing.live.owner) &&
    `the certificate belongs to ${quoted(ownerOf(manifest))}, and the live one, of order ${standing.live.orderNumber}, to ${quoted(standing.live.owner)}; ${OVERRIDE}`,
  'less-coverage': ({ manifest: { domains }, standing, replace }) => {
    const lost = replace || !standing ? [] : standing.live.domains.filter((name) => !covers(domains, name));
    return (
      lost.length > 0 &&
      `the live certificate, of order ${standing?.live.orderNumber}, covers what this one does not: ${list(lost)}; ${OVERRIDE}`
    );
  },
} as const satisfies Record<string, Check>;

const OVERRIDE = 'where that is meant, send the event again with "replace": true and another "request"';

export type RefusalReason = keyof typeof REFUSALS;

/** The first reason not to publish a certificate at an address; undefined where there is none. */
export function refusalOf(candidate: Candidate): { reason: RefusalReason; message: string } | undefined {
  for (const [reason, check] of Object.entries<Check>(REFUSALS)) {
    const message = check(candidate);
    if (message) {
      return { reason: reason as RefusalReason, message };
    }
  }
  return undefined;
}

/** Whose mark it is: the organization of the subject; where it names none, the whole subject. */
export function ownerOf({ attributes }: StandingManifest): string {
  const { organizationName = [] } = attributes;
  return organizationName.length > 0
    ? organizationName.join(', ')
    : Object.entries(attributes)
        .map(([name, values]) => `${name}=${values.join('+')}`)
        .join(', ');
}

/** Whether a certificate of these names covers a name: as it stands there, or, where it is a selector's, by its domain. */
function covers(names: readonly string[], name: string): boolean {
  const domain = /^[^.]+\._bimi\.(.+)$/.exec(name)?.[1];
  return names.includes(name) || (domain !== undefined && names.includes(domain));
}

/** As people compare names. Upper case, because only that makes ß and SS the same. */
function comparable(owner: string): string {
  return owner.normalize('NFKC').toUpperCase().replaceAll(/\s+/g, ' ').trim();
}

const quoted = (text: string) => JSON.stringify(text.slice(0, DETAIL_LIMIT));

function list(details: readonly string[], separator = ', '): string {
  const named = details.slice(0, DETAILS_LIMIT).map((detail) => detail.slice(0, DETAIL_LIMIT));
  const more = details.length > named.length ? [`and ${details.length - named.length} more`] : [];
  return [...named, ...more].join(separator);
}
