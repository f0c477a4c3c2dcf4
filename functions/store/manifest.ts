import * as v from 'valibot';
import type { CertificateReport } from '../certificate/report.ts';
import { parseJson } from './json.ts';
import { type StoredObject, storedObjectSchema } from './objects.ts';

/** The media type of a chain in PEM (RFC 8555, 9.1). */
export const CHAIN_TYPE = 'application/pem-certificate-chain';
export const SVG_TYPE = 'image/svg+xml';

/**
 * `certificate.json`. It is written last, so everything that it lists is complete. Readers read it before any other
 * key.
 */
export interface Manifest extends CertificateReport, Provenance {
  readonly schemaVersion: 1;
  readonly orderNumber: string;
  /** The complete BIMI records, one for each domain of the order, if the stack publishes. */
  readonly bimiRecords?: readonly string[] | undefined;
  /** `response`, `chain`, and `logo` if there is one. */
  readonly objects: Readonly<Record<string, StoredObject>>;
}

/** Which execution stored a certificate, and when: ISO 8601 UTC. */
export interface Provenance {
  readonly execution: string;
  readonly collectedAt: string;
}

/** All dates end in "Z", so that comparing the texts compares the dates. */
export const dateSchema = v.pipe(v.string(), v.isoTimestamp(), v.endsWith('Z'));

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
  findings: v.array(v.object({ id: v.string(), severity: v.picklist(['error', 'warning']), message: v.string() })),
  bimiRecords: v.optional(v.array(v.string())),
  objects: v.record(v.string(), storedObjectSchema),
});

/** The fields of a manifest that are read back. A manifest without one of them is damaged and is replaced. */
export type StoredManifest = v.InferOutput<typeof manifestSchema>;
export type StoredFinding = StoredManifest['findings'][number];

/** Matches the keys of all manifests and no other keys. */
export const MANIFEST_KEY = /^orders\/[^/]+\/certificate\.json$/;

/** The key of an order's manifest. */
export function manifestKey(orderNumber: string): string {
  return `orders/${orderNumber}/certificate.json`;
}

/** Parses the bytes of a manifest. A damaged manifest results in issues, never in an error. */
export function parseManifest(bytes: Uint8Array): v.SafeParseResult<typeof manifestSchema> {
  return v.safeParse(manifestSchema, parseJson(Buffer.from(bytes).toString()));
}
