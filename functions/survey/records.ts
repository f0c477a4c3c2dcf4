import { type OverviewRecord, overviewRecord } from '../pages/overview-order.ts';
import { parseJson } from '../store/json.ts';
import { type Bucket, type Listing, listKeys, type Parsed, readKeys, readObjects } from '../store/listing.ts';
import {
  MANIFEST_KEY,
  parseManifest,
  type RevocationReport,
  type StoredFinding,
  type StoredManifest,
  SUPERSEDED_MANIFEST_KEY,
} from '../store/manifest.ts';
import { PUBLICATION_KEY, PUBLISHED, type Publication, parsePublication, publishedKeys } from '../store/publication.ts';
import { revokedIn } from '../store/revocation.ts';
import { type OrderStatus, parseStatus, STATUS_KEY, statusKey } from '../store/status.ts';

/**
 * What a survey keeps of the objects that it reads. A bucket can contain 50,000 certificates, and all of them together must
 * fit into Lambda's 512 MB, so each object is reduced to a record while it is read.
 */

/** What is known of the revocation of a certificate, and what is needed to look it up in CRLs. */
export interface CrlRecord {
  /**
   * What it has in common with other certificates: a {@link crlSource}, which is one text in memory for all of them. Missing
   * if the manifest does not say it, and the chain must be read.
   */
  readonly source?: string | undefined;
  /** The serial number in hex; missing like `source`. */
  readonly serialNumber?: string | undefined;
  /** The certificates of the chain that are revoked, and the reasons. Empty if none is. */
  readonly revoked: readonly Pick<CertificateRevocation, 'fingerprintSha256' | 'reason'>[];
  /** Whether and when the event of the revocation was sent. */
  readonly report?: RevocationReport | undefined;
}

type CertificateRevocation = NonNullable<StoredManifest['revocation']>['certificates'][number];

/** The part of a manifest that the survey needs: some 900 bytes of memory instead of 6 kilobytes of text. */
export interface CertificateRecord extends OverviewRecord, Pick<StoredManifest, 'collector'> {
  readonly markType: string | null;
  /** The findings that are errors. */
  readonly findings: readonly Pick<StoredFinding, 'id' | 'severity'>[];
  /** Every record of a manifest has it. */
  readonly crls?: CrlRecord | undefined;
  /** The names of the stored files, in the folder of the manifest. */
  readonly files: Readonly<Record<string, string>>;
}

/** All certificates that were received. */
export interface Certificates extends Listing<CertificateRecord> {
  /** The manifests of the current certificates; `damaged` contains the damaged ones of all. */
  readonly read: Listing<CertificateRecord>['read'];
  /** Those of the certificates that were received and are not current. */
  readonly superseded: Listing<CertificateRecord>['read'];
}

/** The part of a description of a publication that the survey needs. */
export interface PublicationRecord extends Pick<Publication, 'domain' | 'selector' | 'revokedAt' | 'revokedBy'> {
  readonly live: Omit<Publication['live'], 'domains'>;
  /** The pairs that were live before, if caches may still serve them. */
  readonly previous: readonly Pick<Publication['live'], 'objects'>[];
  /** Whether people received the message about the revocation since the survey began. */
  readonly isRevocationNews?: boolean;
}

/** All publications that are served, and all descriptions that cannot be read. */
export interface Published {
  readonly served: readonly PublicationRecord[];
  readonly damaged: Listing<Publication>['damaged'];
}

/**
 * How long caches may serve the previous objects after a renewal. Those of release 0.1.0, which CloudFront's two layers of
 * caches kept for half an hour each, are the longest.
 */
const RENEWAL_MILLISECONDS = 3_600_000;

/** Whether caches may still serve the objects that were live before a publication. */
export function mayServePrevious({ since }: Pick<Publication['live'], 'since'>, now: Date): boolean {
  return now.getTime() - Date.parse(since) < RENEWAL_MILLISECONDS;
}

/** Matches the manifests of all certificates that were received. */
const ANY_MANIFEST_KEY = new RegExp(`${MANIFEST_KEY.source}|${SUPERSEDED_MANIFEST_KEY.source}`);
const MANIFEST_OR_STATUS_KEY = new RegExp(`${ANY_MANIFEST_KEY.source}|${STATUS_KEY.source}`);

/** The keys of all manifests and of all statuses. */
export interface OrderKeys {
  readonly manifests: readonly string[];
  readonly statuses: readonly string[];
}

/**
 * Lists what will be read of all orders. One list for both, because the objects of 50,000 orders are hundreds of pages.
 *
 * @throws {S3ServiceException} if S3 does not return the list.
 */
export async function listOrderKeys(bucket: Bucket): Promise<OrderKeys> {
  const manifests: string[] = [];
  const statuses: string[] = [];
  for await (const key of listKeys(bucket, 'orders/', MANIFEST_OR_STATUS_KEY)) {
    (STATUS_KEY.test(key) ? statuses : manifests).push(key);
  }
  return { manifests, statuses };
}

/**
 * Reads every manifest.
 *
 * @throws {S3ServiceException} if S3 does not return a manifest.
 */
export async function readCertificates(bucket: Bucket, { manifests }: OrderKeys): Promise<Certificates> {
  const share = sharingEqual();
  const parse = (bytes: Uint8Array, key: string): Parsed<CertificateRecord> => {
    const result = parseManifest(bytes, key);
    return result.success ? { success: true, output: certificateRecord(result.output, share) } : result;
  };
  const { read, damaged } = await readKeys(bucket, manifests, parse);
  const { current = [], superseded = [] } = Object.groupBy(read, ({ key }) =>
    MANIFEST_KEY.test(key) ? 'current' : 'superseded',
  );
  return { read: current, damaged, superseded };
}

/** A copy without spare capacity. A list from the parser has room for 17 items: some 120 unused bytes a record. */
const trim = <T>(list: readonly T[]): T[] => [...list];

/**
 * Reduces a manifest to what the survey needs.
 *
 * @param share returns the same value for equal ones.
 */
export function certificateRecord(manifest: StoredManifest, share = <T>(value: T): T => value): CertificateRecord {
  const { collector, markType, objects } = manifest;
  const record = overviewRecord(manifest);
  const { findings, receivers, ordered } = record;
  const files = ['chain', 'logo', 'report'].flatMap((name) => {
    const { key } = objects[name] ?? {};
    return key === undefined ? [] : [[name, key.replace(/^.*\//, '')]];
  });
  return {
    ...record,
    domains: trim(record.domains),
    findings: share(findings),
    receivers: share(receivers),
    ordered: ordered && ordered.domains.length > 0 ? { domains: trim(ordered.domains) } : undefined,
    collector: share(collector),
    markType: share(markType),
    files: share(Object.fromEntries(files)),
    crls: crlRecord(manifest, share),
  };
}

/** Changes a record after the survey has changed its manifest. */
export function updateRecord(record: CertificateRecord, manifest: StoredManifest): void {
  Object.assign(record, certificateRecord(manifest));
}

/**
 * The CRLs that can list a certificate: the URLs in it, its issuers, and what validates them. Certificates with the same
 * source have the same CRLs.
 */
export interface CrlSource {
  readonly crlUrls: readonly string[];
  /** The fingerprints of the issuers in the chain, the nearest to the leaf first. */
  readonly issuers: readonly string[];
  readonly trustAnchor: string | null;
}

/** A source as a text, by which certificates are grouped. */
export function crlSource({
  crlUrls,
  chain,
  trustAnchor,
}: {
  readonly crlUrls?: readonly string[] | undefined;
  readonly chain?: readonly { readonly fingerprintSha256: string }[] | undefined;
  readonly trustAnchor?: { readonly fingerprintSha256: string } | null | undefined;
}): string | undefined {
  if (!crlUrls || !chain || trustAnchor === undefined) {
    return undefined;
  }
  const issuers = chain.slice(1).map(({ fingerprintSha256 }) => fingerprintSha256);
  const source: CrlSource = { crlUrls, issuers, trustAnchor: trustAnchor?.fingerprintSha256 ?? null };
  return JSON.stringify(source);
}

function crlRecord(manifest: StoredManifest, share: <T>(value: T) => T): CrlRecord {
  const { serialNumber, revocationReport } = manifest;
  return {
    source: share(crlSource(manifest)),
    serialNumber,
    revoked: share(revokedIn(manifest).map(({ fingerprintSha256, reason }) => ({ fingerprintSha256, reason }))),
    report: revocationReport,
  };
}

/** Returns the same value for equal ones. Most certificates have the same findings, verdicts and files. */
function sharingEqual(): <T>(value: T) => T {
  const values = new Map<string, unknown>();
  return <T>(value: T) => {
    const text = JSON.stringify(value) ?? '';
    if (!values.has(text)) {
      values.set(text, value);
    }
    return values.get(text) as T;
  };
}

/**
 * The publications with what is known of their certificates: a revocation counts although revoke has not marked the
 * publication yet, and a hold that has ended does not, although the mark is still there.
 *
 * @param begun when the survey began.
 */
export function withRevocations(
  { served, damaged }: Published,
  certificates: readonly CertificateRecord[],
  begun: Date,
): Published {
  const known = new Map(certificates.map(({ fingerprintSha256, crls }) => [fingerprintSha256, crls]));
  return {
    served: served.map((publication) => {
      const { live, revokedAt, revokedBy } = publication;
      const crls = known.get(live.fingerprintSha256);
      const isListed = crls !== undefined && crls.revoked.length > 0;
      if (isListed) {
        const { knownSince = live.since, sentAt } = crls.report ?? {};
        const isRevocationNews = sentAt !== undefined && Date.parse(sentAt) >= begun.getTime();
        return { ...publication, revokedAt: revokedAt ?? knownSince, isRevocationNews };
      }
      return crls && revokedBy === 'crl' ? { ...publication, revokedAt: null } : publication;
    }),
    damaged,
  };
}

/**
 * Reads every status. A status whose content is about another order than its key counts as damaged.
 *
 * @throws {S3ServiceException} if S3 does not return a status.
 */
export async function readStatuses(bucket: Bucket, { statuses }: OrderKeys): Promise<Listing<OrderStatus>> {
  const parse = (bytes: Uint8Array): Parsed<OrderStatus> => {
    const result = parseStatus(bytes);
    return result.success
      ? { success: true, output: { ...result.output, domains: trim(result.output.domains) } }
      : result;
  };
  const { read, damaged } = await readKeys(bucket, statuses, parse);
  const isOwn = ({ key, content }: (typeof read)[number]) => statusKey(content.orderNumber) === key;
  const mismatched = read.filter((each) => !isOwn(each));
  return {
    read: read.filter(isOwn),
    damaged: [
      ...damaged,
      ...mismatched.map(({ key, content }) => ({ key, problem: `is about order ${content.orderNumber}` })),
    ],
  };
}

/**
 * Reads every description. A description whose content is about another address than its key counts as damaged:
 * otherwise no check would cover the address of the key.
 *
 * @throws {S3ServiceException} if S3 does not return a description.
 */
export async function readPublications(bucket: Bucket, now: Date): Promise<Published> {
  const parse = (bytes: Uint8Array): Parsed<PublicationRecord & { readonly served: boolean }> => {
    const result = parsePublication(parseJson(Buffer.from(bytes).toString()));
    return result.success ? { success: true, output: publicationRecord(result.output, now) } : result;
  };
  const { read, damaged } = await readObjects(bucket, PUBLISHED, PUBLICATION_KEY, parse);
  const keyOf = ({ domain, selector }: PublicationRecord) => publishedKeys(domain, selector).description;
  const mismatched = read.filter(({ key, content }) => keyOf(content) !== key);
  return {
    served: read.flatMap(({ key, content }) => (content.served && keyOf(content) === key ? [content] : [])),
    damaged: [...damaged, ...mismatched.map(({ key, content }) => ({ key, problem: `describes ${keyOf(content)}` }))],
  };
}

function publicationRecord({ domain, selector, revokedAt, revokedBy, served, live, previous }: Publication, now: Date) {
  const { domains: _, ...pair } = live;
  return {
    domain,
    selector,
    revokedAt,
    ...(revokedBy !== undefined && { revokedBy }),
    served,
    live: pair,
    previous: mayServePrevious(live, now) ? previous.map(({ objects }) => ({ objects })) : [],
  };
}
