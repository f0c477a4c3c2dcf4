import * as v from 'valibot';
import type { CertificateReport } from '../certificate/report.ts';
import { parseJson, type StoredObject, storedObjectSchema } from './objects.ts';

/** RFC 8555, 9.1. */
export const CHAIN_TYPE = 'application/pem-certificate-chain';
export const SVG_TYPE = 'image/svg+xml';

/** `certificate.json`: written last, so what it lists is complete; readers trust it before any key. */
export interface Manifest extends CertificateReport, Provenance {
  readonly schemaVersion: 1;
  readonly orderNumber: string;
  /** The finished records of the DNS, where the stack publishes: one for each domain that was ordered. */
  readonly bimiRecords?: readonly string[] | undefined;
  /** response, chain, and logo where there is one. */
  readonly objects: Readonly<Record<string, StoredObject>>;
}

/** Which execution stored a certificate, and when: ISO 8601 UTC. */
export interface Provenance {
  readonly execution: string;
  readonly collectedAt: string;
}

/** Only with "Z" does the order of the texts tell the order of the dates. */
export const dateSchema = v.pipe(v.string(), v.isoTimestamp(), v.endsWith('Z'));

export const manifestSchema = v.object({
  schemaVersion: v.literal(1),
  orderNumber: v.string(),
  execution: v.string(),
  collectedAt: v.string(),
  product: v.nullable(v.string()),
  markType: v.nullable(v.string()),
  /** The subject by the names of its attributes. */
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

/** What is read back of a manifest. Anything less under its key is damage, to be replaced. */
export type StoredManifest = v.InferOutput<typeof manifestSchema>;
export type StoredFinding = StoredManifest['findings'][number];

/** The key of any order's manifest, and of nothing else. */
export const MANIFEST_KEY = /^orders\/[^/]+\/certificate\.json$/;

/** The key of one order's manifest. */
export function manifestKey(orderNumber: string): string {
  return `orders/${orderNumber}/certificate.json`;
}

/** Reads the bytes of a manifest. Issues, never an error, where they are damaged. */
export function parseManifest(bytes: Uint8Array): v.SafeParseResult<typeof manifestSchema> {
  return v.safeParse(manifestSchema, parseJson(Buffer.from(bytes).toString()));
}
