/** A bucket on loopback with collected orders in it, and eyes for what is published there. */
import { createHash } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import { type MarkCertificate, readMarkCertificate } from '../../../functions/certificate/report.ts';
import { type PublicationRecord, publish } from '../../../functions/publish/publish.ts';
import { openArchive } from '../../../functions/store/archive.ts';
import { type Publication, type PublishedPair, parsePublication } from '../../../functions/store/publication.ts';
import {
  type CertificateAuthority,
  createCertificateAuthority,
  type MarkCertificateRequest,
} from '../../../infra/local/ca/certificate-authority.ts';
import { pkcs7 } from '../../../infra/local/ca/containers.ts';
import { type S3Request, type S3Server, startS3Server } from '../../s3-server.ts';

export const BUCKET = 'certificates';
export const BASE = 'https://d111.cloudfront.net';
export const DOMAIN = 'example.com';
export const NOW = '2026-06-01T08:00:00.000Z';

/** What the CA sent, and what was read in it. */
export interface Issue {
  readonly body: Uint8Array;
  readonly certificate: MarkCertificate;
}

/** An authority that was there before anything it issues here. */
export async function longstandingAuthority(): Promise<CertificateAuthority> {
  const since = { notBefore: new Date('2020-01-01T00:00:00Z') };
  return (await createCertificateAuthority()).with({ root: since, issuing: since });
}

/** Has a certificate signed and reads it as Collect does, on the morning of {@link NOW}. */
export async function issueBy(
  authority: CertificateAuthority,
  notBefore: string,
  changes: Partial<MarkCertificateRequest> = {},
  orderedDomains?: readonly string[],
): Promise<Issue> {
  const { chain } = authority.issue({ domains: [DOMAIN], notBefore: new Date(notBefore), ...changes });
  const body = pkcs7(chain);
  const trustAnchors = [sha256(authority.root)];
  const certificate = await readMarkCertificate(body, { at: new Date(NOW), trustAnchors, domains: orderedDomains });
  return { body, certificate };
}

export interface PublishCall {
  readonly client?: string;
  readonly at?: string;
  readonly publishedUrl?: string;
  readonly observe?: (record: PublicationRecord) => void;
}

export async function startBucket() {
  let server: S3Server = await startS3Server();
  let reader = clientOf('reader');

  function clientOf(accessKeyId: string): S3Client {
    const credentials = { accessKeyId, secretAccessKey: 'x' };
    const { url: endpoint } = server;
    const s3 = new S3Client({ endpoint, region: 'us-east-1', credentials, forcePathStyle: true, maxAttempts: 1 });
    return showDeleteMarkers(keepCacheControl(s3), server);
  }

  async function read(Key: string, VersionId?: string) {
    const { Body, ContentType } = await reader.send(new GetObjectCommand({ Bucket: BUCKET, Key, VersionId }));
    return { body: Buffer.from((await Body?.transformToByteArray()) ?? []), type: ContentType };
  }

  async function keys(Prefix = 'published/') {
    const { Contents = [] } = await reader.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix }));
    return Contents.map(({ Key }) => Key ?? '');
  }

  async function description(domain = DOMAIN, selector = 'default'): Promise<Publication> {
    const { body } = await read(`published/${domain}/${selector}.json`);
    const result = parsePublication(JSON.parse(body.toString()));
    expect(result.issues).toBeUndefined();
    return result.output as Publication;
  }

  /** The versions that a pair lists are there, and are this certificate's. */
  async function expectPair({ objects, fingerprintSha256 }: PublishedPair, { certificate }: Issue) {
    expect(fingerprintSha256).toBe(certificate.report.fingerprintSha256);
    for (const [listed, bytes] of [
      [objects.logo, logoOf(certificate)],
      [objects.chain, Buffer.from(certificate.chainPem)],
    ] as const) {
      expect(listed.versionId, listed.key).toBeDefined();
      expect(listed).toMatchObject({ size: bytes.length, sha256: sha256(bytes) });
      expect((await read(listed.key, listed.versionId)).body.equals(bytes), listed.key).toBe(true);
    }
  }

  return {
    get server() {
      return server;
    },
    clientOf,
    read,
    keys,
    description,
    expectPair,

    /** A fresh server, so that one test can play the same scene many times. */
    async afresh() {
      await server.close();
      server = await startS3Server();
      reader = clientOf('reader');
    },

    close: () => server.close(),

    /** What Collect leaves of an order. */
    store(orderNumber: string, { body, certificate }: Issue) {
      const provenance = { execution: `order-${orderNumber}`, collectedAt: NOW };
      return openArchive(reader, BUCKET, orderNumber).store({ container: 'pkcs7', body }, certificate, provenance);
    },

    publish(
      orderNumber: string,
      wishes: object = { domains: [DOMAIN] },
      { client = 'publisher', at = NOW, publishedUrl = BASE, observe = () => undefined }: PublishCall = {},
    ) {
      // All that Step Functions hands over; what it says of the certificate is not to be believed.
      const certificate = { fingerprintSha256: 'c0ffee', domains: ['elsewhere.example'], publishable: false };
      const collection = { outcome: 'issued', checks: 3, waitSeconds: 0, certificate };
      const event = { order: { orderNumber, ...wishes, collection } };
      return publish(event, { s3: clientOf(client), bucket: BUCKET, publishedUrl, observe, now: () => new Date(at) });
    },

    remove: (Key: string) => reader.send(new DeleteObjectCommand({ Bucket: BUCKET, Key })),

    overwrite: (Key: string, body: string | Uint8Array, ContentType?: string) =>
      reader.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: Buffer.from(body), ContentType })),

    /** At rest, an address holds this certificate whole: chain, logo and description. */
    async expectLive(issue: Issue, orderNumber: string, domain = DOMAIN, selector = 'default') {
      const publication = await description(domain, selector);
      expect(publication).toMatchObject({ domain, selector, served: true, live: { orderNumber } });
      await expectPair(publication.live, issue);
      const base = `published/${domain}/${selector}`;
      const [logo, chain] = [await read(`${base}.svg`), await read(`${base}.pem`)];
      expect(sha256(logo.body), 'logo').toBe(sha256(logoOf(issue.certificate)));
      expect(sha256(chain.body), 'chain').toBe(sha256(issue.certificate.chainPem));
      expect([logo.type, chain.type]).toEqual(['image/svg+xml', 'application/pem-certificate-chain']);
      return publication;
    },

    async requestsOf(work: () => Promise<unknown>): Promise<readonly S3Request[]> {
      const before = server.requests.length;
      await work();
      return server.requests.slice(before);
    },

    /** What was written and taken away while the work ran, in order. */
    async writesOf(work: () => Promise<unknown>): Promise<string[]> {
      const requests = await this.requestsOf(work);
      return requests.filter(isWrite).map(({ method, key }) => (method === 'PUT' ? key : `${method} ${key}`));
    },
  };
}

export type PublishedBucket = Awaited<ReturnType<typeof startBucket>>;

export const isWrite = ({ method }: S3Request) => method === 'PUT' || method === 'DELETE';

export function logoOf({ logo }: MarkCertificate): Buffer {
  expect(logo).toBeDefined();
  return Buffer.from(logo ?? []);
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const cacheControls = new Map<string, string | undefined>();

/** S3 keeps Cache-Control with a version and gives it back; the server of the tests does not, so the clients do for it. */
function keepCacheControl(s3: S3Client): S3Client {
  s3.middlewareStack.add(
    (next, { commandName }) =>
      async (call) => {
        const result = await next(call);
        const { Key, CacheControl, VersionId: asked } = call.input as Record<string, string | undefined>;
        const output = result.output as { VersionId?: string; CacheControl?: string | undefined };
        const version = `${Key} ${output.VersionId ?? asked}`;
        if (commandName === 'PutObjectCommand') {
          cacheControls.set(version, CacheControl);
        } else if (commandName === 'GetObjectCommand') {
          output.CacheControl = cacheControls.get(version);
        }
        return result;
      },
    { step: 'initialize' },
  );
  return s3;
}

/** S3 says of a missing object whether it was deleted; the server of the tests does not, so the clients do for it. */
function showDeleteMarkers(s3: S3Client, server: S3Server): S3Client {
  s3.middlewareStack.add(
    (next) => async (call) => {
      const result = await next(call);
      const { statusCode, headers } = result.response as { statusCode: number; headers: Record<string, string> };
      const { path } = call.request as { path: string };
      const written = server.requests.findLast((request) => isWrite(request) && path.endsWith(`/${request.key}`));
      if (statusCode === 404 && written?.method === 'DELETE') {
        headers['x-amz-delete-marker'] = 'true';
      }
      return result;
    },
    { step: 'deserialize', priority: 'low' },
  );
  return s3;
}
