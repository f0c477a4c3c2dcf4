import { isDeepStrictEqual } from 'node:util';
import type { S3Client } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import type { CertificateReport, MarkCertificate } from '../certificate/report.ts';
import type { Container } from '../collectmc/reply.ts';
import { toJsonBytes } from './json.ts';
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
import { openObjects, retryOnConflict, undefinedIfNotFound } from './objects.ts';

/** The CA's response to a call for an issued certificate: the container and exactly the bytes received. */
export interface ReceivedResponse {
  readonly container: Container;
  readonly body: Uint8Array;
}

/** The folder of one order. Every method can be repeated and leads to the same state. */
export interface Archive {
  /** Stores a response before it is read. If the folder has a certificate, only {@link store} stores the response. */
  storeResponse(response: ReceivedResponse): Promise<void>;
  /**
   * Stores a validated chain, unless the folder has the same certificate or a newer one.
   *
   * @returns the manifest that is current afterwards.
   */
  store(
    response: ReceivedResponse,
    certificate: MarkCertificate,
    provenance: Provenance,
    bimiRecords?: readonly string[],
  ): Promise<StoredManifest>;
  /**
   * Stores a response from which no chain can be built, and the reason. A certificate in the folder stays as it is.
   *
   * @param response undefined if the response must not be stored.
   */
  reject(response: ReceivedResponse | undefined, reason: string, provenance: Provenance): Promise<void>;
}

const RESPONSE_NAMES = { pkcs7: 'response.p7b', zip: 'response.zip', pem: 'response.pem' } as const;
const RESPONSE_TYPES = {
  pkcs7: 'application/pkcs7-mime',
  zip: 'application/zip',
  pem: 'application/pem-certificate-chain',
} as const;
const JSON_HEADERS = { type: 'application/json' };

/** Opens the folder `orders/<orderNumber>/`. */
export function openArchive(s3: S3Client, bucket: string, orderNumber: string): Archive {
  const keyOf = (name: string) => `orders/${orderNumber}/${name}`;
  const ownManifestKey = manifestKey(orderNumber);

  const { read, write, put, findMismatched, reconcile } = openObjects(s3, bucket);

  /** The current manifest with its entity tag; no manifest if it is missing or damaged. */
  async function readManifest(): Promise<{ etag?: string | undefined; current?: StoredManifest }> {
    const object = await read(ownManifestKey).catch(undefinedIfNotFound);
    if (!object) {
      return {};
    }
    const result = parseManifest(object.body);
    return { etag: object.etag, ...(result.success && { current: result.output }) };
  }

  const putResponse = (name: string, { container, body }: ReceivedResponse) =>
    put(keyOf(name), body, { type: RESPONSE_TYPES[container] });

  const reconcileManifest = () => reconcile(async () => (await readManifest()).current, listedObjects);

  return {
    storeResponse: (response) =>
      retryOnConflict(async () => {
        const { current } = await readManifest();
        if (!current) {
          await putResponse(RESPONSE_NAMES[response.container], response);
        }
      }),

    async store(response, { report, chainPem, logo }, provenance, bimiRecords) {
      const manifest = await retryOnConflict(async () => {
        const { etag, current } = await readManifest();
        const same = current?.fingerprintSha256 === report.fingerprintSha256 ? current : undefined;
        const intact = same && (await findMismatched(listedObjects(same))).length === 0 ? same : undefined;
        const records = bimiRecords?.length ? bimiRecords : same?.bimiRecords;
        if (current && (isNewer(current, report) || (intact && isUnchanged(intact, report, records)))) {
          return current;
        }
        const { execution, collectedAt } = same ?? provenance;
        const next: Manifest = {
          schemaVersion: 1,
          orderNumber,
          execution,
          collectedAt,
          ...report,
          ...(records && { bimiRecords: records }),
          objects: intact?.objects ?? {
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
        const { current } = await readManifest();
        const name = response && RESPONSE_NAMES[response.container];
        const stored = name && (await putResponse(current ? name.replace('response', 'rejected') : name, response));
        const rejection = { schemaVersion: 1, orderNumber, execution, collectedAt, reason, response: stored ?? null };
        await put(keyOf('rejected.json'), toJsonBytes(rejection), JSON_HEADERS);
      });
      await reconcileManifest();
    },
  };
}

const listedObjects = ({ objects }: StoredManifest) => Object.values(objects);

/**
 * Whether the next manifest would be the same. The assessment of a certificate changes with the settings, for example
 * with an additional trust anchor or another public address.
 */
function isUnchanged(
  current: StoredManifest,
  { publishable, findings }: CertificateReport,
  bimiRecords: readonly string[] | undefined,
): boolean {
  const assessment = (of: Pick<StoredManifest, 'publishable'> & { readonly findings: readonly StoredFinding[] }) => [
    of.publishable,
    ...of.findings.flatMap(({ id, severity, message }) => [id, severity, message]),
  ];
  return isDeepStrictEqual(
    [assessment(current), current.bimiRecords],
    [assessment({ publishable, findings }), bimiRecords],
  );
}

/** A replacement has a later notBefore than the certificate that it replaces. */
function isNewer(current: StoredManifest, report: CertificateReport): boolean {
  return current.notBefore > report.notBefore;
}
