import * as v from 'valibot';
import type { CertificateReport } from '../certificate/report.ts';
import { parseJson } from './json.ts';
import { type StoredObject, storedObjectSchema } from './objects.ts';

/** The media type of a chain in PEM (RFC 8555, 9.1). */
export const CHAIN_TYPE = 'application/pem-certificate-chain';
export const SVG_TYPE = 'image/svg+xml';
export const REPORT_TYPE = 'text/html; charset=utf-8';

/**
 * `certificate.json`. It is written last, so everything that it lists is complete. Readers read it before any other
 * key.
 */
export interface Manifest extends CertificateReport, Provenance {
  readonly schemaVersion: 1;
  readonly orderNumber: string;
  /** The complete BIMI records, one for each domain of the order, if the stack publishes. */
  readonly bimiRecords?: readonly string[] | undefined;
  /** Who reports a revocation that a CRL states; missing if none does. Releases before 0.2.0 reported none. */
  readonly revocationReport?: RevocationReport | undefined;
  /** `response`, `chain`, and `logo` and `report` if there are any. Release 0.1.0 wrote no report. */
  readonly objects: Readonly<Record<string, StoredObject>>;
}

/** Which execution stored a certificate, when, and for which order. Release 0.1.0 stored the first two only. */
export interface Provenance {
  readonly execution: string;
  /** The time of the check, ISO 8601 UTC. At this time a certificate must be valid to become the current one. */
  readonly collectedAt: string;
  /** The name of the collector. */
  readonly collector?: string | undefined;
  /** The account at the CA; null for the default account. */
  readonly account?: string | null | undefined;
  readonly ordered?: Ordered | undefined;
}

/** What the event of an order named. A later collection of the same order inherits what its own event lacks. */
export interface Ordered {
  /** Empty if the event had none. */
  readonly domains: readonly string[];
  readonly selector: string | null;
  readonly product: string | null;
}

/** All dates end in "Z", so that comparing the texts compares the dates. */
export const dateSchema = v.pipe(v.string(), v.isoTimestamp(), v.endsWith('Z'));

const revocationReportSchema = v.object({
  /** When the collector learned of the revocation. */
  knownSince: dateSchema,
  /** The execution or the survey that sends the event. */
  reporter: v.string(),
  /** Since when it is the one that does. */
  claimedAt: dateSchema,
  /** When EventBridge had accepted the event; missing before. */
  sentAt: v.optional(dateSchema),
});

/** What was reported of a revocation that a CRL states. */
export type RevocationReport = v.InferOutput<typeof revocationReportSchema>;

const revocationStatusSchema = v.picklist(['good', 'revoked', 'unknown']);

export const manifestSchema = v.object({
  schemaVersion: v.literal(1),
  orderNumber: v.string(),
  execution: v.string(),
  collectedAt: v.string(),
  /** Release 0.1.0 did not store the next three. */
  collector: v.optional(v.string()),
  /** The account at the CA; null for the default account. */
  account: v.optional(v.nullable(v.string())),
  /** What the event of the order named. */
  ordered: v.optional(
    v.object({
      domains: v.array(v.string()),
      selector: v.nullable(v.string()),
      product: v.nullable(v.string()),
    }),
  ),
  product: v.nullable(v.string()),
  markType: v.nullable(v.string()),
  /** The values of the subject by the names of its attributes. */
  attributes: v.record(v.string(), v.array(v.string())),
  domains: v.array(v.string()),
  fingerprintSha256: v.string(),
  notBefore: dateSchema,
  notAfter: dateSchema,
  publishable: v.boolean(),
  findings: v.array(
    v.object({ id: v.string(), severity: v.picklist(['error', 'warning', 'notice']), message: v.string() }),
  ),
  /** Releases before 0.2.0 stored none; null if no CRLs were checked. */
  revocation: v.optional(
    v.nullable(
      v.object({
        checkedAt: v.string(),
        status: revocationStatusSchema,
        certificates: v.array(
          v.object({
            fingerprintSha256: v.string(),
            status: revocationStatusSchema,
            url: v.nullable(v.string()),
            thisUpdate: v.nullable(v.string()),
            nextUpdate: v.nullable(v.string()),
            revokedAt: v.nullable(v.string()),
            reason: v.nullable(v.string()),
            problem: v.nullable(v.string()),
          }),
        ),
      }),
    ),
  ),
  /** When CollectMC answered a check beside others that the certificate is revoked. */
  revokedAt: v.optional(dateSchema),
  revocationReport: v.optional(revocationReportSchema),
  /** The serial number of the leaf in lower-case hex, the URLs of its CRLs, its chain, and what validates the chain. */
  serialNumber: v.optional(v.string()),
  crlUrls: v.optional(v.array(v.string())),
  chain: v.optional(v.array(v.object({ subject: v.optional(v.string()), fingerprintSha256: v.string() }))),
  trustAnchor: v.optional(v.nullable(v.object({ fingerprintSha256: v.string() }))),
  /** Whether each receiver displays the logo. Releases before 0.2.0 stored none. */
  receivers: v.optional(
    v.array(v.object({ id: v.string(), shows: v.nullable(v.boolean()), because: v.array(v.string()) })),
  ),
  bimiRecords: v.optional(v.array(v.string())),
  objects: v.record(v.string(), storedObjectSchema),
});

/** The fields of a manifest that are read back. A manifest without one of them is damaged and is replaced. */
export type StoredManifest = v.InferOutput<typeof manifestSchema>;
export type StoredFinding = StoredManifest['findings'][number];
export type StoredVerdict = NonNullable<StoredManifest['receivers']>[number];

/** Matches the keys of all current manifests and no other keys. */
export const MANIFEST_KEY = /^orders\/[^/]+\/certificate\.json$/;

/** Matches the keys of the manifests of all certificates that were received and did not stay current. */
export const SUPERSEDED_MANIFEST_KEY = /^orders\/[^/]+\/superseded\/[^/]+\/certificate\.json$/;

/** The key of an order's manifest. */
export function manifestKey(orderNumber: string): string {
  return `orders/${orderNumber}/certificate.json`;
}

/** The folder of a certificate that was received and is not current. It has the same names as the order's folder. */
export function supersededFolder(orderNumber: string, fingerprintSha256: string): string {
  return `orders/${orderNumber}/superseded/${fingerprintSha256}/`;
}

/**
 * Parses the bytes of a manifest. A damaged manifest results in issues, never in an error. A manifest about another
 * order or another folder than its key counts as damaged: a copy by hand would restore or publish the objects of the
 * order from which it was copied.
 *
 * @param key the key under which the manifest is stored.
 */
export function parseManifest(bytes: Uint8Array, key: string): v.SafeParseResult<ReturnType<typeof schemaFor>> {
  return v.safeParse(schemaFor(key), parseJson(Buffer.from(bytes).toString()));
}

function schemaFor(key: string) {
  const [folder = '', orderNumber, fingerprint] = /^orders\/([^/]+)\/(?:superseded\/([^/]+)\/)?/.exec(key) ?? [];
  const isInFolder = (object: StoredObject) =>
    object.key.startsWith(folder) && !object.key.slice(folder.length).includes('/');
  return v.pipe(
    manifestSchema,
    v.check(
      (manifest) => manifest.orderNumber === orderNumber,
      ({ input }) => `it describes order ${input.orderNumber}`,
    ),
    v.check(
      ({ fingerprintSha256 }) => fingerprint === undefined || fingerprintSha256 === fingerprint,
      ({ input }) => `it describes the certificate ${input.fingerprintSha256}`,
    ),
    v.check(
      ({ objects }) => Object.values(objects).every(isInFolder),
      ({ input }) =>
        `it lists ${Object.values(input.objects).find((object) => !isInFolder(object))?.key}, which is in another folder`,
    ),
  );
}
