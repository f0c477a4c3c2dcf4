import { hash } from 'node:crypto';
import type { Limit } from '../batches.ts';
import { assertionName, covers, publishedUrls } from '../bimi.ts';
import { BodyTooLargeError, connectionProblem, type HttpClient, type HttpResponse } from '../http.ts';
import { CHAIN_TYPE, SVG_TYPE } from '../store/manifest.ts';
import type { Difference } from './differences.ts';
import { checkDmarc, type DnsChecks, findRecord, quote, withHints } from './dns-checks.ts';
import { type CertificateRecord, mayServePrevious, type PublicationRecord } from './records.ts';

/** What the check of a publication needs. */
export interface LiveDependencies extends DnsChecks {
  /** The URL that serves the folder `published/`: https, or plain http on a loopback address. */
  readonly url: string;
  readonly http: HttpClient;
  readonly now: () => Date;
  /** The limits for all publications that are checked at the same time; default: none. */
  readonly limits?: { readonly http: Limit; readonly dns: Limit };
}

/** What the check needs of the certificate that is stored for an order. */
type StoredCertificate = Pick<CertificateRecord, 'domains' | 'fingerprintSha256' | 'notBefore' | 'publishable'>;

/** The maximum size of a body, in bytes. A logo may have this size; every chain is much smaller. */
const BODY_LIMIT = 256 * 1024;

/**
 * Checks a publication as a mail receiver does: the chain and the logo at their public addresses, the BIMI record,
 * the DMARC policy. The requests run one after the other, so that each publication has at most one open connection, and
 * beside the lookups. Never throws: a failed request is a difference.
 *
 * @param stored the manifest of the order whose certificate is published; undefined if it cannot be read.
 */
export async function findDifferences(
  publication: PublicationRecord,
  stored: StoredCertificate | undefined,
  dependencies: LiveDependencies,
): Promise<Difference[]> {
  const { domain, selector, live, previous } = publication;
  const urls = publishedUrls(dependencies.url, domain, selector);
  const now = dependencies.now();
  const pairs = mayServePrevious(live, now) ? [live, ...previous] : [live];
  const expected = (what: 'chain' | 'logo', type: string) => ({
    what,
    domain,
    url: urls[what],
    type,
    digests: pairs.map(({ objects }) => objects[what].sha256),
  });
  const { http, dns } = dependencies.limits ?? UNLIMITED;
  // The time limits of the requests and lookups begin inside, so that waiting for one's turn does not count.
  const [served, resolved] = await Promise.all([
    http(async () => [
      ...(await checkServed(expected('chain', CHAIN_TYPE), dependencies)),
      ...(await checkServed(expected('logo', SVG_TYPE), dependencies)),
    ]),
    dns(async () => [
      ...(await checkRecord(publication, urls, dependencies)),
      ...(await checkDmarc(domain, dependencies)),
    ]),
  ]);
  return [...served, ...checkCertificate(publication, now.getTime()), ...checkStored(publication, stored), ...resolved];
}

const UNLIMITED = { http: (work) => work(), dns: (work) => work() } satisfies Record<string, Limit>;

interface ExpectedObject {
  readonly what: 'chain' | 'logo';
  readonly domain: string;
  readonly url: string;
  readonly type: string;
  /** The SHA-256 of the published object, then those of its predecessors that caches may still serve. */
  readonly digests: readonly string[];
}

/** Compares status, bytes and content type of one object. */
async function checkServed(
  { what, domain, url, type, digests }: ExpectedObject,
  { http, limitMilliseconds }: LiveDependencies,
): Promise<Difference[]> {
  const unreachable = (problem: string): Difference[] => [
    { id: `${what}-unreachable`, message: `The ${what} of ${domain} is unreachable. ${problem}.` },
  ];
  const limit = AbortSignal.timeout(limitMilliseconds);
  try {
    const response = await http({ url: new URL(url), signal: limit });
    const { status, headers } = response;
    if (status !== 200) {
      response.discard();
      const target = headers.location === undefined ? '' : ` to ${quote(headers.location)}`;
      return unreachable(`${url} responds with ${status}${target}, expected 200`);
    }
    const differences: Difference[] = [];
    const digest = await readDigest(response);
    if (!digests.includes(digest)) {
      const message = `The ${what} of ${domain} is not the published one. ${url} serves ${digest}, expected ${digests[0]} (SHA-256).`;
      differences.push({ id: `${what}-differs`, message });
    }
    const servedType = headers['content-type'];
    if (mediaType(servedType) !== type) {
      const message = `The ${what} of ${domain} has a wrong content type. ${url} is served as ${quote(servedType ?? '')}, expected ${type}.`;
      differences.push({ id: `${what}-type`, message });
    }
    return differences;
  } catch (error) {
    // When the limit interrupts the body, the error looks like a broken connection.
    return unreachable(`The request to ${url} failed: ${connectionProblem(limit.aborted ? limit.reason : error)}`);
  }
}

/** Reports whether the published certificate has expired or was revoked. */
function checkCertificate({ domain, live, revokedAt }: PublicationRecord, time: number): Difference[] {
  const differences: Difference[] = [];
  if (Date.parse(live.notAfter) < time) {
    differences.push({ id: 'expired', message: `The certificate of ${domain} expired on ${live.notAfter}.` });
  }
  if (revokedAt !== null) {
    const message = `The CA revoked the certificate of ${domain}, which is still served. The revocation has been known since ${revokedAt}.`;
    differences.push({ id: 'revoked', message });
  }
  return differences;
}

/**
 * A replacement stays unpublished if its event had no domains, or if it was refused when it should have been published.
 */
function checkStored(
  { domain, selector, live }: PublicationRecord,
  stored: StoredCertificate | undefined,
): Difference[] {
  if (!stored || !isReplacement(stored, live)) {
    return [];
  }
  const next = covers(stored.domains, domain, selector)
    ? "Send the order's event again with its domains, its selector and a new request."
    : `It does not cover ${domain}: ask the CA for a certificate that does.`;
  const message =
    `The certificate of ${domain} is outdated. Order ${live.orderNumber} has a newer one, ${stored.fingerprintSha256} (SHA-256), ` +
    `which is not published. ${next}`;
  return [{ id: 'outdated', message }];
}

function isReplacement(stored: StoredCertificate, live: PublicationRecord['live']): boolean {
  return (
    stored.fingerprintSha256 !== live.fingerprintSha256 && stored.publishable && stored.notBefore >= live.notBefore
  );
}

async function checkRecord(
  { domain, selector }: PublicationRecord,
  urls: { readonly chain: string; readonly logo: string },
  dependencies: DnsChecks,
): Promise<Difference[]> {
  const found = await findRecord(domain, selector, dependencies);
  if ('id' in found) {
    return [found];
  }
  if (isSameUrl(found.logo, urls.logo) && isSameUrl(found.chain, urls.chain)) {
    return [];
  }
  const name = assertionName(domain, selector);
  const message = `${name} has the BIMI record ${quote(found.text)}, expected l=${urls.logo} and a=${urls.chain}.`;
  return [await withHints({ id: 'record-differs', message }, domain, selector, dependencies)];
}

/** The SHA-256 of a body in lower-case hex; a text that states the problem if the body is too large. */
async function readDigest(response: HttpResponse): Promise<string> {
  try {
    return hash('sha256', await response.read(BODY_LIMIT));
  } catch (error) {
    if (error instanceof BodyTooLargeError) {
      return `more than ${BODY_LIMIT} bytes`;
    }
    throw error;
  }
}

/** The media type in a header, without parameters and in lower case (RFC 9110, 8.3.1). */
function mediaType(header: string | undefined): string | undefined {
  return header?.split(';')[0]?.trim().toLowerCase();
}

/** Whether the value of a tag is this URL. Its host may be in any case. */
function isSameUrl(value: string, url: string): boolean {
  return URL.parse(value)?.href === url;
}
