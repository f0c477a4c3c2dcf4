/** A bucket on loopback with the folder of one order, and helpers that store certificates in it and verify them. */
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
import { openArchive, type ReceivedResponse } from '../../../functions/store/archive.ts';
import { type Provenance, parseManifest, type StoredManifest } from '../../../functions/store/manifest.ts';
import type { StoredObject } from '../../../functions/store/objects.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import { pkcs7 } from '../../../infra/local/ca/containers.ts';
import { openAuthority } from '../../authority.ts';
import { startDirectS3Server } from '../../s3-direct.ts';
import type { S3Request, S3Server } from '../../s3-server.ts';

export const BUCKET = 'certificates';
export const ORDER_NUMBER = '1378973013';
export const FOLDER = `orders/${ORDER_NUMBER}/`;
export const MANIFEST = `${FOLDER}certificate.json`;
export const CHAIN = `${FOLDER}chain.pem`;
export const LOGO = `${FOLDER}logo.svg`;
export const RESPONSE = `${FOLDER}response.p7b`;

export const FIRST: Provenance = { execution: 'order-1378973013', collectedAt: '2026-03-02T08:00:00.000Z' };
export const SECOND: Provenance = { execution: 'order-1378973013-again', collectedAt: '2026-03-02T11:00:00.000Z' };

/** The response of the CA, and the certificate that was read from it. */
export interface Issue {
  readonly response: ReceivedResponse;
  readonly certificate: MarkCertificate;
}

export const BROKEN: ReceivedResponse = { container: 'pkcs7', body: Buffer.from('a chain without its leaf') };

type Certificates = Readonly<Record<'older' | 'newer' | 'twin', Issue>>;

let issued: Promise<Certificates> | undefined;

/** Issues the certificates once for all files of a worker. `twin` is issued in the same second as `newer`. */
export function issueCertificates(): Promise<Certificates> {
  issued ??= issueAll();
  return issued;
}

async function issueAll(): Promise<Certificates> {
  const authority = await openAuthority();
  const issue = async (date: string, owner: string): Promise<Issue> => {
    const { chain } = authority.issue({ domains: ['example.com'], notBefore: new Date(date), owner });
    const body = pkcs7(chain);
    const certificate = await readMarkCertificate(body, { at: new Date('2026-03-02T00:00:00Z') });
    return { response: { container: 'pkcs7', body }, certificate };
  };
  return {
    older: await issue('2026-01-01T00:00:00Z', 'Example Brand'),
    newer: await issue('2026-03-01T00:00:00Z', 'Example Brand and Sons'),
    twin: await issue('2026-03-01T00:00:00Z', 'Example Brand and Daughters'),
  };
}

/** The same certificate as the CA sends it in PEM. */
export function inPem({ certificate }: Issue): Issue {
  return { response: { container: 'pem', body: Buffer.from(`\n${certificate.chainPem}`) }, certificate };
}

/** The folder of a certificate that is not current. */
export const supersededOf = ({ certificate }: Issue) => `${FOLDER}superseded/${certificate.report.fingerprintSha256}/`;

/** The objects of a certificate in its folder under `superseded/`, in the order in which they are written. */
export const supersededKeys = (issue: Issue) =>
  ['response.p7b', 'chain.pem', 'logo.svg', 'certificate.json'].map((name) => supersededOf(issue) + name);

/** The same certificate with another assessment or validity. */
export function assessed(
  { response, certificate }: Issue,
  changes: Partial<Pick<MarkCertificate['report'], 'publishable' | 'notBefore' | 'notAfter' | 'findings'>>,
): Issue {
  return { response, certificate: { ...certificate, report: { ...certificate.report, ...changes } } };
}

export function logoOf({ logo }: MarkCertificate): Uint8Array {
  expect(logo).toBeDefined();
  return logo ?? Buffer.alloc(0);
}

export function sha256(bytes: Uint8Array | string, encoding: 'hex' | 'base64' = 'hex'): string {
  return createHash('sha256').update(bytes).digest(encoding);
}

export const isWrite = ({ method }: S3Request) => method === 'PUT';

/** An S3 client of a server. The access key id identifies it in the requests of the server. */
export function clientOf(accessKeyId: string, endpoint: string, maxAttempts = 1): S3Client {
  const credentials = { accessKeyId, secretAccessKey: 'x' };
  return new S3Client({ endpoint, region: 'us-east-1', credentials, forcePathStyle: true, maxAttempts });
}

/** Reads and changes the objects of the folder without any condition. */
export function objectsOf(s3: S3Client) {
  return {
    async read(Key: string, VersionId?: string) {
      const { Body, ContentType } = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key, VersionId }));
      return { body: Buffer.from((await Body?.transformToByteArray()) ?? []), type: ContentType };
    },
    async keys() {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: FOLDER }));
      return Contents.map(({ Key }) => Key);
    },
    remove: (Key: string) => s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key })),
    purge: (Key: string, VersionId: string | undefined) =>
      s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key, VersionId })),
    overwrite: (Key: string, body: string) =>
      s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: Buffer.from(body) })),
  };
}

export async function startArchiveBucket() {
  const server: S3Server = await startDirectS3Server();
  const clients = new Map<string, S3Client>();
  const objects = objectsOf(client('reader'));

  /** One client for each name, because a new client and its connection cost more than a request. */
  function client(name: string, maxAttempts = 1): S3Client {
    const id = `${name} ${maxAttempts}`;
    const s3 = clients.get(id) ?? clientOf(name, server.url, maxAttempts);
    clients.set(id, s3);
    return s3;
  }

  return {
    server,

    /** Empties the bucket, so that one test can repeat a scene. */
    clear: server.snapshot(),

    close() {
      for (const s3 of clients.values()) {
        s3.destroy();
      }
      return server.close();
    },

    async read(key: string, versionId?: string) {
      const { body, contentType } = server.peek(key, versionId) ?? expect.fail(`${key} does not exist`);
      return { body, type: contentType };
    },

    keys: async () => server.keys(FOLDER),

    remove: (key: string) => objects.remove(key),
    overwrite: (key: string, body: string) => objects.overwrite(key, body),

    async readJson(key: string) {
      return JSON.parse((await this.read(key)).body.toString());
    },

    archiveOf(name: string, maxAttempts = 1, orderNumber = ORDER_NUMBER) {
      return openArchive(s3Storage(client(name, maxAttempts), BUCKET), orderNumber);
    },

    /** Stores a certificate as a check does. */
    async receive(issue: Issue, provenance: Provenance, name: string = provenance.execution, maxAttempts = 1) {
      const archive = this.archiveOf(name, maxAttempts);
      await archive.storeResponse(issue.response);
      return archive.store(issue.response, issue.certificate, provenance);
    },

    /** Stores a certificate as a check does, and returns the manifest that is current afterwards. */
    async collect(issue: Issue, provenance: Provenance, name: string = provenance.execution) {
      return (await this.receive(issue, provenance, name)).current;
    },

    /** Stores a response without a valid chain as a check does. */
    async collectBroken(provenance: Provenance, name: string = provenance.execution) {
      const archive = this.archiveOf(name);
      await archive.storeResponse(BROKEN);
      await archive.reject(BROKEN, { reason: 'the chain has no leaf' }, provenance);
    },

    /** The manifest, if there is one. Expects that the versions that it lists exist and contain what it lists. */
    async manifest(): Promise<StoredManifest | undefined> {
      if (!(await this.keys()).includes(MANIFEST)) {
        return undefined;
      }
      const manifest: StoredManifest = await this.readJson(MANIFEST);
      for (const { key, versionId, ...listed } of Object.values(manifest.objects)) {
        expect(versionId, key).toBeDefined();
        const { body } = await this.read(key, versionId);
        expect({ size: body.length, sha256: sha256(body) }, key).toEqual(listed);
      }
      return manifest;
    },

    /** Expects that the folder contains this certificate: the manifest, and under each key the object that it lists. */
    async expectStored({ response, certificate }: Issue, provenance: Partial<Provenance> = {}) {
      const manifest = await this.manifest();
      expect(manifest).toMatchObject({ fingerprintSha256: certificate.report.fingerprintSha256, ...provenance });
      const listed = Object.values(manifest?.objects ?? {});
      const digests = await Promise.all(listed.map(async ({ key }) => sha256((await this.read(key)).body)));
      expect(digests).toEqual(listed.map((object) => object.sha256));
      expect(digests).toEqual([response.body, certificate.chainPem, logoOf(certificate)].map((bytes) => sha256(bytes)));
    },

    /** Expects that a certificate is kept under `superseded/`, with everything that was received. */
    async expectSuperseded({ response, certificate }: Issue, expected: object = {}) {
      const folder = `${FOLDER}superseded/${certificate.report.fingerprintSha256}/`;
      const key = `${folder}certificate.json`;
      const result = parseManifest((await this.read(key)).body, key);
      expect(result.issues).toBeUndefined();
      const manifest = await this.readJson(key);
      expect(manifest).toMatchObject({ fingerprintSha256: certificate.report.fingerprintSha256, ...expected });
      const parts = Object.entries<StoredObject>(manifest.objects);
      expect(parts.map(([part]) => part)).toEqual(['response', 'chain', 'logo']);
      const bytes = [response.body, Buffer.from(certificate.chainPem), logoOf(certificate)];
      for (const [index, [part, listed]] of parts.entries()) {
        for (const versionId of [listed.versionId, undefined]) {
          const { body } = await this.read(listed.key, versionId);
          // `toEqual` compares each byte.
          expect(body.equals(bytes[index] ?? new Uint8Array()), part).toBe(true);
        }
      }
      return manifest;
    },

    /** Deletes one version of an object, as a lifecycle rule does. */
    purge: (key: string, versionId: string | undefined) => objects.purge(key, versionId),

    async requestsOf(work: () => Promise<unknown>): Promise<readonly S3Request[]> {
      const before = server.requests.length;
      await work();
      return server.requests.slice(before);
    },

    /** The keys that were written during the work, in order. */
    async writesOf(work: () => Promise<unknown>): Promise<string[]> {
      return (await this.requestsOf(work)).filter(isWrite).map(({ key }) => key);
    },
  };
}

export type ArchiveBucket = Awaited<ReturnType<typeof startArchiveBucket>>;
