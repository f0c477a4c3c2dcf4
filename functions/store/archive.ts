import { isDeepStrictEqual } from 'node:util';
import type { S3Client } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import type { CertificateReport, MarkCertificate } from '../certificate/report.ts';
import type { Container } from '../collectmc/reply.ts';
import {
  CHAIN_TYPE,
  type Manifest,
  manifestKey,
  manifestSchema,
  type Provenance,
  parseManifest,
  type StoredFinding,
  type StoredManifest,
  SVG_TYPE,
} from './manifest.ts';
import { openObjects, retryOnConflict, toJsonBytes, undefinedIfNotFound } from './objects.ts';

/** What the CA sent when it issued: the container and exactly the bytes received. */
export interface ReceivedResponse {
  readonly container: Container;
  readonly body: Uint8Array;
}

/** One order's folder in the bucket. Every method can be repeated and ends in the same state. */
export interface Archive {
  /** Keeps a response before anybody reads it. Where a certificate stands already, {@link store} keeps it instead. */
  keep(response: ReceivedResponse): Promise<void>;
  /** Stores a proved chain, unless the same certificate or a newer one stands. Returns the manifest that stands then. */
  store(
    response: ReceivedResponse,
    certificate: MarkCertificate,
    provenance: Provenance,
    bimiRecords?: readonly string[],
  ): Promise<StoredManifest>;
  /**
   * Leaves the response of which no chain can be made, with the reason, beside whatever good set stands. Without a response
   * only the reason: what came was not to be kept.
   */
  reject(response: ReceivedResponse | undefined, reason: string, provenance: Provenance): Promise<void>;
}

const RESPONSE_NAMES = { pkcs7: 'response.p7b', zip: 'response.zip', pem: 'response.pem' } as const;
const RESPONSE_TYPES = {
  pkcs7: 'application/pkcs7-mime',
  zip: 'application/zip',
  pem: 'application/pem-certificate-chain',
} as const;

/** Opens the folder `orders/<orderNumber>/`. */
export function openArchive(s3: S3Client, bucket: string, orderNumber: string): Archive {
  const keyOf = (name: string) => `orders/${orderNumber}/${name}`;
  const ownManifestKey = manifestKey(orderNumber);

  const { read, write, put, findMismatched, reconcile } = openObjects(s3, bucket);

  /** The standing manifest with its entity tag; no manifest where it is missing or damaged. */
  async function readManifest(): Promise<{ etag?: string | undefined; standing?: StoredManifest }> {
    const object = await read(ownManifestKey).catch(undefinedIfNotFound);
    if (!object) {
      return {};
    }
    const result = parseManifest(object.body);
    return { etag: object.etag, ...(result.success && { standing: result.output }) };
  }

  const putResponse = (name: string, { container, body }: ReceivedResponse) =>
    put(keyOf(name), body, { type: RESPONSE_TYPES[container] });

  const reconcileManifest = () => reconcile(async () => (await readManifest()).standing, listedIn);

  return {
    keep: (response) =>
      retryOnConflict(async () => {
        const { standing } = await readManifest();
        if (!standing) {
          await putResponse(RESPONSE_NAMES[response.container], response);
        }
      }),

    async store(response, { report, chainPem, logo }, provenance, bimiRecords) {
      const manifest = await retryOnConflict(async () => {
        const { etag, standing } = await readManifest();
        const same = standing?.fingerprintSha256 === report.fingerprintSha256 ? standing : undefined;
        const inPlace = same && (await findMismatched(listedIn(same))).length === 0 ? same : undefined;
        const records = bimiRecords?.length ? bimiRecords : same?.bimiRecords;
        if (standing && (isNewer(standing, report) || (inPlace && saysTheSame(inPlace, report, records)))) {
          return standing;
        }
        const { execution, collectedAt } = same ?? provenance;
        const next: Manifest = {
          schemaVersion: 1,
          orderNumber,
          execution,
          collectedAt,
          ...report,
          ...(records && { bimiRecords: records }),
          objects: inPlace?.objects ?? {
            response: await putResponse(RESPONSE_NAMES[response.container], response),
            chain: await put(keyOf('chain.pem'), Buffer.from(chainPem), { type: CHAIN_TYPE }),
            ...(logo && { logo: await put(keyOf('logo.svg'), logo, { type: SVG_TYPE }) }),
          },
        };
        await write(ownManifestKey, toJsonBytes(next), JSON_HEADERS, { etag });
        return v.parse(manifestSchema, next);
      });
      return (await reconcileManifest()) ?? manifest;
    },

    async reject(response, reason, { execution, collectedAt }) {
      await retryOnConflict(async () => {
        const { standing } = await readManifest();
        const name = response && RESPONSE_NAMES[response.container];
        const kept = name && (await putResponse(standing ? name.replace('response', 'rejected') : name, response));
        const rejection = { schemaVersion: 1, orderNumber, execution, collectedAt, reason, response: kept ?? null };
        await put(keyOf('rejected.json'), toJsonBytes(rejection), JSON_HEADERS);
      });
      await reconcileManifest();
    },
  };
}

const JSON_HEADERS = { type: 'application/json' };

const listedIn = ({ objects }: StoredManifest) => Object.values(objects);

/**
 * Whether a manifest would be the same again. The same certificate is judged anew under other settings: a trust anchor more, say,
 * or another public address.
 */
function saysTheSame(
  standing: StoredManifest,
  { publishable, findings }: CertificateReport,
  bimiRecords: readonly string[] | undefined,
): boolean {
  const judgement = (of: Pick<StoredManifest, 'publishable'> & { readonly findings: readonly StoredFinding[] }) => [
    of.publishable,
    ...of.findings.flatMap(({ id, severity, message }) => [id, severity, message]),
  ];
  return isDeepStrictEqual(
    [judgement(standing), standing.bimiRecords],
    [judgement({ publishable, findings }), bimiRecords],
  );
}

/** By date of issue: a replacement is issued later than what it replaces. */
function isNewer(standing: StoredManifest, report: CertificateReport): boolean {
  return standing.notBefore > report.notBefore;
}
