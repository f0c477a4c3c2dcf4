import { hash } from 'node:crypto';
import { assertionName, publishedUrls } from '../bimi.ts';
import { BodyTooLargeError, connectionProblem, type HttpClient, type HttpResponse } from '../http.ts';
import { CHAIN_TYPE, type StoredManifest, SVG_TYPE } from '../store/manifest.ts';
import type { Publication, PublishedPair } from '../store/publication.ts';
import { readBimiRecords, readDmarcPolicies, type TxtResolver } from './dns.ts';

/** The ids of all differences; docs/events.md and docs/runbook.md list them. */
export const DIFFERENCE_IDS = [
  'chain-unreachable',
  'chain-differs',
  'chain-type',
  'logo-unreachable',
  'logo-differs',
  'logo-type',
  'ended',
  'revoked',
  'outdated',
  'record-missing',
  'record-differs',
  'record-unreachable',
  'dmarc-missing',
  'dmarc-weak',
  'dmarc-unreachable',
  'description-damaged',
] as const;

/** One way in which a publication differs from what it should be. */
export interface Difference {
  readonly id: (typeof DIFFERENCE_IDS)[number];
  /** A sentence. */
  readonly message: string;
}

export interface LiveDependencies {
  /** Serves the folder `published/`: https, or plain http on a loopback address. */
  readonly url: string;
  readonly http: HttpClient;
  readonly resolver: TxtResolver;
  /** How long one object, one record or one policy may take. */
  readonly limitMilliseconds: number;
  readonly now: () => Date;
}

/** A logo may have 256 KiB, and no chain comes near. */
const BODY_LIMIT = 256 * 1024;

/** How long caches may show what was there before a renewal: twice the `max-age` that objects are served with. */
const RENEWAL_MILLISECONDS = 3_600_000;

/** The most that a message quotes of what others wrote: ten events share the size of one call of PutEvents. */
const QUOTE_LIMIT = 300;

/**
 * Looks at a publication as a receiver of mail does: chain and logo at their public addresses, BIMI record, DMARC policy.
 * One after the other, so that no more is open at once than there are publications being looked at. Never throws: what
 * cannot be reached is a difference.
 *
 * @param stored the manifest of the order whose certificate is live; undefined where it is not known.
 */
export async function findDifferences(
  publication: Publication,
  stored: StoredManifest | undefined,
  dependencies: LiveDependencies,
): Promise<Difference[]> {
  const { domain, selector, live, previous, revokedAt } = publication;
  const urls = publishedUrls(dependencies.url, domain, selector);
  const time = dependencies.now().getTime();
  const pairs = time - Date.parse(live.since) < RENEWAL_MILLISECONDS ? [live, ...previous] : [live];
  const digestsOf = (what: 'chain' | 'logo') => pairs.map(({ objects }) => objects[what].sha256);
  return [
    ...(await compareServed('chain', urls.chain, CHAIN_TYPE, digestsOf('chain'), dependencies)),
    ...(await compareServed('logo', urls.logo, SVG_TYPE, digestsOf('logo'), dependencies)),
    ...(Date.parse(live.notAfter) < time ? [different('ended', `The certificate ended at ${live.notAfter}.`)] : []),
    ...(revokedAt === null
      ? []
      : [
          different(
            'revoked',
            `The CA was seen at ${revokedAt} to have revoked the certificate, and it is still served.`,
          ),
        ]),
    ...compareStored(live, stored),
    ...(await compareRecord(publication, urls, dependencies)),
    ...(await compareDmarc(publication, dependencies)),
  ];
}

function different(id: Difference['id'], message: string): Difference {
  return { id, message };
}

/** Status, bytes and content type of one object. What cannot be reached is compared no further. */
async function compareServed(
  what: 'chain' | 'logo',
  url: string,
  type: string,
  digests: readonly string[],
  { http, limitMilliseconds }: LiveDependencies,
): Promise<Difference[]> {
  const unreachable = (problem: string) => [different(`${what}-unreachable`, `${url} ${problem}.`)];
  const limit = AbortSignal.timeout(limitMilliseconds);
  try {
    const response = await http({ url: new URL(url), signal: limit });
    const { status, headers } = response;
    if (status !== 200) {
      response.discard();
      const target = headers.location === undefined ? '' : ` to ${quote(headers.location)}`;
      return unreachable(`answers ${status}${target}, not 200`);
    }
    const served = await digestOf(response);
    const servedType = headers['content-type'];
    return [
      ...(digests.includes(served)
        ? []
        : [different(`${what}-differs`, `${url} serves ${served}, not what was published: ${digests[0]} (SHA-256).`)]),
      ...(mediaType(servedType) === type
        ? []
        : [different(`${what}-type`, `${url} is served as ${quote(servedType ?? '')}, not as ${type}.`)]),
    ];
  } catch (error) {
    // A body that is cut off by the limit looks like a connection that broke.
    return unreachable(`does not answer: ${connectionProblem(limit.aborted ? limit.reason : error)}`);
  }
}

/** A replacement that was collected by an event without domains, or refused when it was to be published, leaves the old one live. */
function compareStored(
  { orderNumber, fingerprintSha256, notBefore }: PublishedPair,
  stored: StoredManifest | undefined,
): Difference[] {
  if (stored?.fingerprintSha256 === fingerprintSha256 || !stored?.publishable || stored.notBefore < notBefore) {
    return [];
  }
  return [
    different(
      'outdated',
      `Order ${orderNumber} has a replacement stored, ${stored.fingerprintSha256} (SHA-256), which is not published; ` +
        "send the order's event again, with its domains, its selector and a request of its own.",
    ),
  ];
}

async function compareRecord(
  { domain, selector }: Publication,
  urls: { readonly chain: string; readonly logo: string },
  { resolver, limitMilliseconds }: LiveDependencies,
): Promise<Difference[]> {
  try {
    const { name, records, others } = await within(limitMilliseconds, readBimiRecords(resolver, domain, selector));
    const [record, ...more] = records;
    if (!record) {
      const instead = others.length > 0 ? `; what there is: ${quote(others.join(' | '))}` : '';
      return [different('record-missing', `${name} has no TXT record that begins with v=BIMI1${instead}.`)];
    }
    if (more.length > 0) {
      const texts = records.map(({ text }) => text).join(' | ');
      return [
        different('record-differs', `${name} has ${records.length} BIMI records, and may have one: ${quote(texts)}.`),
      ];
    }
    return isAddress(record.logo, urls.logo) && isAddress(record.chain, urls.chain)
      ? []
      : [different('record-differs', `${name} is ${quote(record.text)}, not with l=${urls.logo} and a=${urls.chain}.`)];
  } catch (error) {
    const name = assertionName(domain, selector);
    return [
      different('record-unreachable', `The DNS did not tell the BIMI record of ${name}: ${connectionProblem(error)}.`),
    ];
  }
}

async function compareDmarc(
  { domain }: Publication,
  { resolver, limitMilliseconds }: LiveDependencies,
): Promise<Difference[]> {
  try {
    const policies = await within(limitMilliseconds, readDmarcPolicies(resolver, domain));
    if (policies.length === 0) {
      return [different('dmarc-missing', `Neither ${domain} nor a domain above it has one DMARC record.`)];
    }
    return policies.flatMap(({ name, weakness }) =>
      weakness === undefined
        ? []
        : [
            different(
              'dmarc-weak',
              `The DMARC record ${name} ${clip(weakness)}; BIMI needs quarantine or reject for all messages.`,
            ),
          ],
    );
  } catch (error) {
    return [
      different(
        'dmarc-unreachable',
        `The DNS did not tell the DMARC policy of ${domain}: ${connectionProblem(error)}.`,
      ),
    ];
  }
}

/** The SHA-256 of a body, in lower-case hex; the problem instead if it is too large to be read to its end. */
async function digestOf(response: HttpResponse): Promise<string> {
  try {
    return hash('sha256', await response.read(BODY_LIMIT));
  } catch (error) {
    if (error instanceof BodyTooLargeError) {
      return `more than ${BODY_LIMIT} bytes`;
    }
    throw error;
  }
}

/** Without parameters, in lower case (RFC 9110, 8.3.1). */
function mediaType(header: string | undefined): string | undefined {
  return header?.split(';')[0]?.trim().toLowerCase();
}

/** Whether a tag's value is an address, however its host is written. */
function isAddress(value: string, address: string): boolean {
  return URL.parse(value)?.href === address;
}

/** Ends with the limit, whatever the work does: a resolver cannot be told to stop. */
function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const limit = AbortSignal.timeout(milliseconds);
  const overdue = new Promise<never>((_, reject) => {
    limit.addEventListener('abort', () => reject(limit.reason), { once: true });
  });
  return Promise.race([work, overdue]);
}

function quote(text: string): string {
  return JSON.stringify(clip(text));
}

function clip(text: string): string {
  return text.length > QUOTE_LIMIT ? `${text.slice(0, QUOTE_LIMIT)}…` : text;
}
