import { createHash } from 'node:crypto';
import {
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import * as v from 'valibot';
import type { CertificateReport, MarkCertificate } from './certificate/report.ts';
import type { Container } from './collectmc/reply.ts';

/** What the CA sent when it issued: the container and exactly the bytes received. */
export interface Response {
  readonly container: Container;
  readonly body: Uint8Array;
}

/** `certificate.json`: written last, so what it lists is complete; readers trust it before any key. */
interface Manifest extends CertificateReport, Provenance {
  readonly schemaVersion: 1;
  readonly orderNumber: string;
  readonly objects: { readonly response: StoredObject; readonly chain: StoredObject; readonly logo?: StoredObject };
}

/** Which execution stored a certificate, and when: ISO 8601 UTC. */
export interface Provenance {
  readonly execution: string;
  readonly collectedAt: string;
}

/** One order's folder in the bucket. Every method can be repeated and ends in the same state. */
export interface Archive {
  /** Keeps a response before anybody reads it. Where a certificate stands already, {@link store} keeps it instead. */
  keep(response: Response): Promise<void>;
  /** Stores a proved chain, unless the same certificate or a newer one stands. Returns the manifest that stands then. */
  store(response: Response, certificate: MarkCertificate, provenance: Provenance): Promise<StandingManifest>;
  /**
   * Leaves the response of which no chain can be made, with the reason, beside whatever good set stands. Without a response
   * only the reason: what came was not to be kept.
   */
  reject(response: Response | undefined, reason: string, provenance: Provenance): Promise<void>;
}

const RESPONSE_NAMES = { pkcs7: 'response.p7b', zip: 'response.zip', pem: 'response.pem' } as const;
const RESPONSE_TYPES = {
  pkcs7: 'application/pkcs7-mime',
  zip: 'application/zip',
  pem: 'application/pem-certificate-chain',
} as const;

/** Rounds of one step against executions of the same order that write at the same time. Each loss means another advanced. */
const ROUNDS = 8;

/** How S3 says that a key no longer holds what a write was meant to replace. */
const OVERTAKEN: ReadonlySet<string> = new Set(['PreconditionFailed', 'ConditionalRequestConflict', 'NoSuchKey']);

/** One stored object, as the manifest lists it. `versionId` is missing only on servers that keep no versions. */
type StoredObject = v.InferOutput<typeof storedObjectSchema>;
const storedObjectSchema = v.object({
  key: v.string(),
  size: v.number(),
  sha256: v.string(),
  versionId: v.optional(v.string()),
});

/** Only with "Z" does the order of the texts tell the order of the dates. */
const dateSchema = v.pipe(v.string(), v.isoTimestamp(), v.endsWith('Z'));

const standingSchema = v.object({
  schemaVersion: v.literal(1),
  orderNumber: v.string(),
  execution: v.string(),
  collectedAt: v.string(),
  product: v.nullable(v.string()),
  markType: v.nullable(v.string()),
  domains: v.array(v.string()),
  fingerprintSha256: v.string(),
  notBefore: dateSchema,
  notAfter: dateSchema,
  publishable: v.boolean(),
  findings: v.array(v.object({ id: v.string(), severity: v.picklist(['error', 'warning']), message: v.string() })),
  objects: v.record(v.string(), storedObjectSchema),
});

/** What is read back of a manifest. Anything less under its key is damage, to be replaced. */
export type StandingManifest = v.InferOutput<typeof standingSchema>;
export type Finding = StandingManifest['findings'][number];

/** The key of any order's manifest, and of nothing else. */
export const MANIFEST_KEY = /^orders\/[^/]+\/certificate\.json$/;

/** Reads the bytes of a manifest. Issues, never an error, where they are damaged. */
export function parseManifest(bytes: Uint8Array): v.SafeParseResult<typeof standingSchema> {
  return v.safeParse(standingSchema, parseJson(Buffer.from(bytes).toString()));
}

/** Another execution wrote in between: look again. */
class Overtaken extends Error {
  override name = 'Overtaken';
}

/** Opens the folder `orders/<orderNumber>/`. */
export function openArchive(s3: S3Client, bucket: string, orderNumber: string): Archive {
  const keyOf = (name: string) => `orders/${orderNumber}/${name}`;
  const manifestKey = keyOf('certificate.json');

  /** What stands under a key now; undefined for nothing. Where the server gives no checksum, the bytes are read. */
  async function look(key: string) {
    try {
      const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: 'ENABLED' }));
      const sha256 = head.ChecksumSHA256
        ? Buffer.from(head.ChecksumSHA256, 'base64')
        : digest((await read(key, head.VersionId)).body);
      return { etag: head.ETag, versionId: head.VersionId, sha256: sha256.toString('hex') };
    } catch (error) {
      return absent(error);
    }
  }

  async function read(key: string, versionId?: string) {
    const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }));
    const body = (await object.Body?.transformToByteArray()) ?? new Uint8Array();
    return { body, etag: object.ETag, type: object.ContentType ?? 'application/octet-stream' };
  }

  /** The standing manifest with its entity tag; no manifest where it is missing or damaged. */
  async function readManifest(): Promise<{ etag?: string | undefined; standing?: StandingManifest }> {
    const object = await read(manifestKey).catch(absent);
    if (!object) {
      return {};
    }
    const result = parseManifest(object.body);
    return { etag: object.etag, ...(result.success && { standing: result.output }) };
  }

  /** Writes over exactly what was seen under the key: over nothing (no `etag`), or over that one entity. */
  async function write(
    key: string,
    bytes: Uint8Array,
    type: string,
    seen: { etag?: string | undefined },
  ): Promise<StoredObject> {
    const sha256 = digest(bytes);
    try {
      const { VersionId: versionId } = await s3.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: key,
          Body: bytes,
          ContentType: type,
          ChecksumSHA256: sha256.toString('base64'),
          ...(seen.etag === undefined ? { IfNoneMatch: '*' } : { IfMatch: seen.etag }),
        }),
      );
      return { key, size: bytes.length, sha256: sha256.toString('hex'), versionId };
    } catch (error) {
      throw error instanceof S3ServiceException && OVERTAKEN.has(error.name)
        ? new Overtaken(`${key} was written by somebody else`, { cause: error })
        : error;
    }
  }

  /** Makes a key hold these bytes; writes nothing where it does already. */
  async function put(key: string, bytes: Uint8Array, type: string): Promise<StoredObject> {
    const seen = await look(key);
    const sha256 = digest(bytes).toString('hex');
    return seen?.sha256 === sha256
      ? { key, size: bytes.length, sha256, versionId: seen.versionId }
      : write(key, bytes, type, seen ?? {});
  }

  const putResponse = (name: string, { container, body }: Response) =>
    put(keyOf(name), body, RESPONSE_TYPES[container]);

  /** What the manifest lists and its key does not hold. */
  async function findAstray({ objects }: StandingManifest): Promise<StoredObject[]> {
    const astray: StoredObject[] = [];
    for (const object of Object.values(objects)) {
      if ((await look(object.key))?.sha256 !== object.sha256) {
        astray.push(object);
      }
    }
    return astray;
  }

  /**
   * Ends everything that writes: puts back what the standing manifest lists, until nothing is astray, and returns it. A
   * manifest's condition guards the manifest alone; a slower writer may overwrite an object beside it, before or after. It
   * comes here itself, after its last write, and so does the manifest's own writer: whichever is last finds all in place.
   */
  const settle = () =>
    untilSettled(async () => {
      const { standing } = await readManifest();
      const astray = standing ? await findAstray(standing) : [];
      for (const { key, versionId } of astray) {
        const { body, type } = await read(key, versionId);
        await put(key, body, type);
      }
      if (astray.length > 0) {
        throw new Overtaken(`${astray.map(({ key }) => key).join(', ')} held what the manifest does not list`);
      }
      return standing;
    });

  return {
    keep: (response) =>
      untilSettled(async () => {
        const { standing } = await readManifest();
        if (!standing) {
          await putResponse(RESPONSE_NAMES[response.container], response);
        }
      }),

    async store(response, { report, chainPem, logo }, provenance) {
      const manifest = await untilSettled(async () => {
        const { etag, standing } = await readManifest();
        const same = standing?.fingerprintSha256 === report.fingerprintSha256 ? standing : undefined;
        if (standing && (isNewer(standing, report) || (same && (await findAstray(same)).length === 0))) {
          return standing;
        }
        const { execution, collectedAt } = same ?? provenance;
        const next: Manifest = {
          schemaVersion: 1,
          orderNumber,
          execution,
          collectedAt,
          ...report,
          objects: {
            response: await putResponse(RESPONSE_NAMES[response.container], response),
            chain: await put(keyOf('chain.pem'), Buffer.from(chainPem), CHAIN_TYPE),
            ...(logo && { logo: await put(keyOf('logo.svg'), logo, 'image/svg+xml') }),
          },
        };
        await write(manifestKey, json(next), 'application/json', { etag });
        return v.parse(standingSchema, next);
      });
      return (await settle()) ?? manifest;
    },

    async reject(response, reason, { execution, collectedAt }) {
      await untilSettled(async () => {
        const { standing } = await readManifest();
        const name = response && RESPONSE_NAMES[response.container];
        const kept = name && (await putResponse(standing ? name.replace('response', 'rejected') : name, response));
        const rejection = { schemaVersion: 1, orderNumber, execution, collectedAt, reason, response: kept ?? null };
        await put(keyOf('rejected.json'), json(rejection), 'application/json');
      });
      await settle();
    },
  };
}

const CHAIN_TYPE = 'application/pem-certificate-chain';

/** By date of issue: a replacement is issued later than what it replaces. */
function isNewer(standing: StandingManifest, report: CertificateReport): boolean {
  return standing.notBefore > report.notBefore;
}

/** Looks again and writes again whenever another execution was quicker. */
async function untilSettled<T>(attempt: () => Promise<T>): Promise<T> {
  for (let round = 1; ; round++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Overtaken) || round === ROUNDS) {
        throw error;
      }
    }
  }
}

/** Nothing under the key is an answer; every other error stays one. HEAD has no body and so no error code but its status. */
function absent(error: unknown): undefined {
  if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404) {
    return undefined;
  }
  throw error;
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function json(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}
