/** A bucket on loopback with collected orders, and helpers that read and verify what is published in it. */
import { createHash } from 'node:crypto';
import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import { type MarkCertificate, readMarkCertificate } from '../../../functions/certificate/report.ts';
import { type PublicationRecord, type PublishResult, publish } from '../../../functions/publish/publish.ts';
import { openArchive } from '../../../functions/store/archive.ts';
import type { Provenance } from '../../../functions/store/manifest.ts';
import {
  type Publication,
  type PublishedPair,
  parsePublication,
  publishedKeys,
} from '../../../functions/store/publication.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import type { CertificateAuthority, MarkCertificateRequest } from '../../../infra/local/ca/certificate-authority.ts';
import { pkcs7 } from '../../../infra/local/ca/containers.ts';
import { startDirectS3Server } from '../../s3-direct.ts';
import type { S3Request, S3Server } from '../../s3-server.ts';

export const BUCKET = 'certificates';
export const BASE = 'https://d111.cloudfront.net';
export const DOMAIN = 'example.com';
export const NOW = '2026-06-01T08:00:00.000Z';

export const RECORD = `default._bimi.${DOMAIN}. TXT "v=BIMI1; l=${BASE}/${DOMAIN}/default.svg; a=${BASE}/${DOMAIN}/default.pem"`;

/** The keys of the domain with the default selector. */
export const { logo: SVG, chain: PEM, description: JSON_KEY } = publishedKeys(DOMAIN, 'default');

/** The response of the CA, and the certificate that was read from it. */
export interface Issue {
  readonly body: Uint8Array;
  readonly certificate: MarkCertificate;
}

/** Issues a certificate and reads it as Collect does, at the time {@link NOW}. */
export async function issueBy(
  authority: CertificateAuthority,
  notBefore: string,
  changes: Partial<MarkCertificateRequest> = {},
  orderedDomains?: readonly string[],
): Promise<Issue> {
  const { chain } = authority.issue({ domains: [DOMAIN], notBefore: new Date(notBefore), ...changes });
  const body = pkcs7(chain);
  const trustAnchors = [sha256(authority.root)];
  const ctLogs = [authority.log.key];
  const certificate = await readMarkCertificate(body, {
    at: new Date(NOW),
    trustAnchors,
    ctLogs,
    domains: orderedDomains,
  });
  return { body, certificate };
}

export interface PublishCall {
  readonly client?: string;
  readonly at?: string;
  /** The start of the execution; missing in executions of release 0.1.0. */
  readonly startedAt?: string;
  /** The corrected options at `$.collection.order`. */
  readonly corrected?: object;
  readonly publishedUrl?: string;
  readonly observe?: (record: PublicationRecord) => void;
}

export async function startBucket() {
  const server: S3Server = await startDirectS3Server();
  const clients = new Map<string, S3Client>();
  const reader = clientOf('reader');

  /** One client for each name, because a new client and its connection cost more than a request. */
  function clientOf(accessKeyId: string): S3Client {
    const client = clients.get(accessKeyId) ?? newClient(accessKeyId);
    clients.set(accessKeyId, client);
    return client;
  }

  function newClient(accessKeyId: string): S3Client {
    const credentials = { accessKeyId, secretAccessKey: 'x' };
    const { url: endpoint } = server;
    return new S3Client({ endpoint, region: 'us-east-1', credentials, forcePathStyle: true, maxAttempts: 1 });
  }

  async function read(key: string, versionId?: string) {
    const { body, contentType } = server.peek(key, versionId) ?? expect.fail(`${key} does not exist`);
    return { body, type: contentType };
  }

  async function keys(prefix = 'published/') {
    return server.keys(prefix);
  }

  async function description(domain = DOMAIN, selector = 'default'): Promise<Publication> {
    const { body } = await read(`published/${domain}/${selector}.json`);
    const result = parsePublication(JSON.parse(body.toString()));
    expect(result.issues).toBeUndefined();
    return result.output as Publication;
  }

  /** Expects that the versions that a pair lists exist and contain this certificate. */
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
    server,
    clientOf,
    read,
    keys,
    description,
    expectPair,

    /** Empties the bucket, so that one test can repeat a scene. */
    clear: server.snapshot(),

    close() {
      for (const client of clients.values()) {
        client.destroy();
      }
      return server.close();
    },

    /** Stores the certificate of an order, as Collect does. */
    store(orderNumber: string, { body, certificate }: Issue, given: Partial<Provenance> = {}) {
      const provenance = { execution: `order-${orderNumber}`, collectedAt: NOW, ...given };
      return openArchive(s3Storage(reader, BUCKET), orderNumber).store(
        { container: 'pkcs7', body },
        certificate,
        provenance,
      );
    },

    publish(
      orderNumber: string,
      options: object = { domains: [DOMAIN] },
      {
        client = 'publisher',
        at = NOW,
        publishedUrl = BASE,
        observe = () => undefined,
        startedAt,
        corrected,
      }: PublishCall = {},
    ) {
      // The whole state, as Step Functions passes it. What it contains about the certificate is wrong and must be
      // ignored.
      const certificate = { fingerprintSha256: 'c0ffee', domains: ['elsewhere.example'], publishable: false };
      const collection = { outcome: 'issued', checks: 3, waitSeconds: 0, certificate, order: corrected };
      const execution = startedAt && `order-${orderNumber}`;
      const event = { order: { orderNumber, ...options, collection }, execution, startedAt };
      return publish(event, { s3: clientOf(client), bucket: BUCKET, publishedUrl, observe, now: () => new Date(at) });
    },

    /** Stores and publishes the certificate of an order. */
    async publishOrder(orderNumber: string, issue: Issue, options?: object) {
      await this.store(orderNumber, issue);
      return this.publish(orderNumber, options);
    },

    remove: (Key: string) => reader.send(new DeleteObjectCommand({ Bucket: BUCKET, Key })),

    /** Deletes one version of an object, as a lifecycle rule does. */
    purge: (Key: string, VersionId: string) => reader.send(new DeleteObjectCommand({ Bucket: BUCKET, Key, VersionId })),

    overwrite: (Key: string, body: string | Uint8Array, ContentType?: string) =>
      reader.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: Buffer.from(body), ContentType })),

    /** Expects that an address contains all of this certificate: chain, logo and description. */
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

    /** The keys that were written and deleted during the work, in order. */
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

/** The options of an order for the test's domain. */
export const options = (changes: object = {}) => ({ domains: [DOMAIN], ...changes });

/** The result of publish for the test's domain, if its certificate is live. */
export const publishedResult = (changed: boolean): PublishResult => ({
  published: [{ domain: DOMAIN, selector: 'default', bimiRecord: RECORD, changed }],
  notPublished: [],
  ...(changed && { announce: true }),
});

/**
 * The result of publish for the test's domain, if its certificate is refused.
 *
 * @param announce whether a person must know the reason.
 */
export const refusedResult = (reason: string, message: string | RegExp, announce = true) => ({
  published: [],
  ...(announce && { announce }),
  notPublished: [
    {
      domain: DOMAIN,
      selector: 'default',
      reason,
      message: message instanceof RegExp ? expect.stringMatching(message) : message,
    },
  ],
});

/** Leaves an address as revoke does when it takes a certificate down. */
export async function takeDown(bucket: PublishedBucket) {
  const description = await bucket.description();
  const revoked = { ...description, revokedAt: '2026-06-02T00:00:00.000Z', served: false };
  await bucket.overwrite(JSON_KEY, JSON.stringify(revoked));
  await bucket.remove(PEM);
  await bucket.remove(SVG);
}
