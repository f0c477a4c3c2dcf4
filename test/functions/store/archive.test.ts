import { createHash } from 'node:crypto';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { startFauxqs } from 'fauxqs';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type MarkCertificate, readMarkCertificate } from '../../../functions/certificate/report.ts';
import { openArchive, type ReceivedResponse } from '../../../functions/store/archive.ts';
import type { Provenance, StoredManifest } from '../../../functions/store/manifest.ts';
import { createCertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import { pkcs7 } from '../../../infra/local/ca/containers.ts';
import { by, interleave } from '../../interleave.ts';
import { type InjectedError, type S3Request, type S3Server, startS3Server } from '../../s3-server.ts';

const BUCKET = 'certificates';
const FOLDER = 'orders/1378973013/';
const MANIFEST = `${FOLDER}certificate.json`;
const CHAIN = `${FOLDER}chain.pem`;
const LOGO = `${FOLDER}logo.svg`;
const RESPONSE = `${FOLDER}response.p7b`;

const first: Provenance = { execution: 'order-1378973013', collectedAt: '2026-03-02T08:00:00.000Z' };
const second: Provenance = { execution: 'order-1378973013-again', collectedAt: '2026-03-02T11:00:00.000Z' };

/** What the CA sent, and what was read in it. */
interface Issue {
  readonly response: ReceivedResponse;
  readonly certificate: MarkCertificate;
}

let older: Issue;
let newer: Issue;
/** Issued in the same second as `newer`. */
let twin: Issue;
const broken: ReceivedResponse = { container: 'pkcs7', body: Buffer.from('a chain without its leaf') };

let server: S3Server;
let reader: S3Client;

beforeAll(async () => {
  const authority = await createCertificateAuthority();
  const issue = async (date: string, owner: string): Promise<Issue> => {
    const { chain } = authority.issue({ domains: ['example.com'], notBefore: new Date(date), owner });
    const body = pkcs7(chain);
    const certificate = await readMarkCertificate(body, { at: new Date('2026-03-02T00:00:00Z') });
    return { response: { container: 'pkcs7', body }, certificate };
  };
  older = await issue('2026-01-01T00:00:00Z', 'Example Brand');
  newer = await issue('2026-03-01T00:00:00Z', 'Example Brand and Sons');
  twin = await issue('2026-03-01T00:00:00Z', 'Example Brand and Daughters');
});

beforeEach(async () => {
  server = await startS3Server();
  reader = clientOf('reader');
});

afterEach(() => server.close());

function clientOf(accessKeyId: string, endpoint = server.url): S3Client {
  const credentials = { accessKeyId, secretAccessKey: 'x' };
  return new S3Client({ endpoint, region: 'us-east-1', credentials, forcePathStyle: true, maxAttempts: 1 });
}

function archiveOf(client: string) {
  return openArchive(clientOf(client), BUCKET, '1378973013');
}

/** What the check does with a certificate. */
async function collect(issue: Issue, provenance: Provenance, client: string = provenance.execution) {
  const archive = archiveOf(client);
  await archive.keep(issue.response);
  return archive.store(issue.response, issue.certificate, provenance);
}

/** What the check does with a chain that cannot be proved. */
async function collectBroken(provenance: Provenance, client: string = provenance.execution) {
  const archive = archiveOf(client);
  await archive.keep(broken);
  await archive.reject(broken, 'the chain has no leaf', provenance);
}

/** The same certificate as the CA sends it when asked for PEM. */
function inPem({ certificate }: Issue): Issue {
  return { response: { container: 'pem', body: Buffer.from(`\n${certificate.chainPem}`) }, certificate };
}

async function read(Key: string, VersionId?: string, s3 = reader) {
  const { Body, ContentType } = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key, VersionId }));
  return { body: Buffer.from((await Body?.transformToByteArray()) ?? []), type: ContentType };
}

async function readJson(key: string) {
  return JSON.parse((await read(key)).body.toString());
}

async function keys(s3 = reader) {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: FOLDER }));
  return Contents.map(({ Key }) => Key);
}

function remove(key: string, s3 = reader) {
  return s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: key }));
}

function overwrite(key: string, body: string, s3 = reader) {
  return s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: Buffer.from(body) }));
}

/** The manifest, if there is one. Whatever happened: the versions it lists are there and hold what it says. */
async function provedManifest(): Promise<StoredManifest | undefined> {
  if (!(await keys()).includes(MANIFEST)) {
    return undefined;
  }
  const manifest: StoredManifest = await readJson(MANIFEST);
  for (const { key, versionId, ...listed } of Object.values(manifest.objects)) {
    expect(versionId, key).toBeDefined();
    const { body } = await read(key, versionId);
    expect({ size: body.length, sha256: sha256(body) }, key).toEqual(listed);
  }
  return manifest;
}

/** At rest, also the keys themselves hold what the manifest lists, and all of it is this certificate's. */
async function expectStanding({ response, certificate }: Issue, provenance: Partial<Provenance> = {}) {
  const manifest = await provedManifest();
  expect(manifest).toMatchObject({ fingerprintSha256: certificate.report.fingerprintSha256, ...provenance });
  const objects = Object.values(manifest?.objects ?? {});
  const held = await Promise.all(objects.map(async ({ key }) => sha256((await read(key)).body)));
  expect(held).toEqual(objects.map((object) => object.sha256));
  expect(held).toEqual([response.body, certificate.chainPem, logoOf(certificate)].map((bytes) => sha256(bytes)));
}

function logoOf({ logo }: MarkCertificate): Uint8Array {
  expect(logo).toBeDefined();
  return logo ?? Buffer.alloc(0);
}

function sha256(bytes: Uint8Array | string, encoding: 'hex' | 'base64' = 'hex'): string {
  return createHash('sha256').update(bytes).digest(encoding);
}

const isWrite = ({ method }: S3Request) => method === 'PUT';

/** What was written while the work ran, in order. */
async function writesOf(work: () => Promise<unknown>): Promise<string[]> {
  const before = server.requests.length;
  await work();
  return server.requests
    .slice(before)
    .filter(isWrite)
    .map(({ key }) => key);
}

async function requestsOf(work: () => Promise<unknown>): Promise<readonly S3Request[]> {
  const before = server.requests.length;
  await work();
  return server.requests.slice(before);
}

/** A fresh server, so that one test can play the same scene many times. */
async function afresh() {
  await server.close();
  server = await startS3Server();
  reader = clientOf('reader');
}

describe('a certificate in an empty folder', () => {
  test('is kept as it was received before anything else is written', async () => {
    const body = Uint8Array.from({ length: 512 }, (_, index) => index % 256);
    expect(await writesOf(() => archiveOf('x').keep({ container: 'pkcs7', body }))).toEqual([RESPONSE]);
    expect(await keys()).toEqual([RESPONSE]);
    expect((await read(RESPONSE)).body).toEqual(Buffer.from(body));
  });

  test('is stored object by object, each once, the manifest last', async () => {
    expect(await writesOf(() => collect(newer, first))).toEqual([RESPONSE, CHAIN, LOGO, MANIFEST]);
  });

  test('is listed in the manifest with key, size, hash and version of each object', async () => {
    await collect(newer, first);
    await expectStanding(newer, first);
    expect((await provedManifest())?.objects).toMatchObject({
      response: { key: RESPONSE, size: newer.response.body.length },
      chain: { key: CHAIN, size: newer.certificate.chainPem.length },
      logo: { key: LOGO, size: logoOf(newer.certificate).length },
    });
  });

  test('is stored without a logo where none could be read', async () => {
    const certificate = { ...newer.certificate, logo: undefined };
    await collect({ ...newer, certificate }, first);
    expect(Object.keys((await provedManifest())?.objects ?? {})).toEqual(['response', 'chain']);
    expect(await keys()).toEqual([MANIFEST, CHAIN, RESPONSE]);
  });

  test('is described in the manifest as its report does, with the order and what stored it', async () => {
    await collect(newer, first);
    const manifest = await readJson(MANIFEST);
    expect(manifest).toMatchObject({ schemaVersion: 1, orderNumber: '1378973013', ...first });
    expect(manifest).toMatchObject(newer.certificate.report);
  });

  test('is returned as the manifest tells it', async () => {
    const stored = await collect(newer, first);
    expect(await readJson(MANIFEST)).toMatchObject(stored);
    expect(stored).toMatchObject({ ...first, fingerprintSha256: newer.certificate.report.fingerprintSha256 });
  });

  test.each([
    ['pkcs7', 'response.p7b', 'application/pkcs7-mime'],
    ['zip', 'response.zip', 'application/zip'],
    ['pem', 'response.pem', 'application/pem-certificate-chain'],
  ] as const)('is served with the types of its objects: %s as %s, %s', async (container, name, type) => {
    await collect({ ...newer, response: { container, body: newer.response.body } }, first);
    expect((await read(`${FOLDER}${name}`)).type).toBe(type);
    expect((await read(CHAIN)).type).toBe('application/pem-certificate-chain');
    expect((await read(LOGO)).type).toBe('image/svg+xml');
    expect((await read(MANIFEST)).type).toBe('application/json');
  });
});

describe('every write', () => {
  test('carries the SHA-256 of its bytes and a condition', async () => {
    await collect(older, first);
    await collect(newer, second);
    await overwrite(CHAIN, 'damage');
    const checked: object[] = [];
    server.before = (request) => {
      if (isWrite(request)) {
        const { 'if-match': match, 'if-none-match': noneMatch, 'x-amz-checksum-sha256': checksum } = request.headers;
        checked.push({ conditions: [match, noneMatch].filter(Boolean).length, checksum });
      }
      return undefined;
    };
    await collect(older, first);
    await collectBroken(first);
    await remove(MANIFEST);
    await collect(inPem(twin), second);
    const bodies = [
      newer.certificate.chainPem,
      broken.body,
      (await read(`${FOLDER}rejected.json`)).body,
      inPem(twin).response.body,
      twin.certificate.chainPem,
      logoOf(twin.certificate),
      (await read(MANIFEST)).body,
    ];
    expect(checked).toEqual(bodies.map((body) => ({ conditions: 1, checksum: sha256(body, 'base64') })));
  });

  test('goes over nothing or over exactly what was seen there', async () => {
    const puts = async (issue: Issue) =>
      (await requestsOf(() => collect(issue, first)))
        .filter(isWrite)
        .map(({ key, headers }) => [key, headers['if-match'] ?? headers['if-none-match']]);
    expect(await puts(older)).toEqual([RESPONSE, CHAIN, LOGO, MANIFEST].map((key) => [key, '*']));
    const seen = await Promise.all(
      [RESPONSE, CHAIN, LOGO, MANIFEST].map(async (Key) => {
        const { ETag } = await reader.send(new HeadObjectCommand({ Bucket: BUCKET, Key }));
        return [Key, ETag];
      }),
    );
    expect(await puts(newer)).toEqual(seen);
  });
});

describe('the same certificate again', () => {
  beforeEach(() => collect(newer, first));

  test('writes nothing', async () => {
    expect(await writesOf(() => collect(newer, second))).toEqual([]);
  });

  test('writes nothing in another container either', async () => {
    expect(await writesOf(() => collect(inPem(newer), second))).toEqual([]);
  });

  test('is told with the execution and the time that stored it first', async () => {
    expect(await collect(newer, second)).toMatchObject(first);
  });

  test('is judged anew where the settings changed: only the manifest is written, and it names who stored it', async () => {
    const finding = { id: 'untrusted-root', severity: 'error', message: 'no issuer is a known trust anchor' } as const;
    const { report } = newer.certificate;
    const distrusted = {
      ...newer,
      certificate: { ...newer.certificate, report: { ...report, publishable: false, findings: [finding] } },
    };
    expect(await writesOf(() => collect(distrusted, second))).toEqual([MANIFEST]);
    expect(await readJson(MANIFEST)).toMatchObject({ ...first, publishable: false, findings: [finding] });
    expect(await writesOf(() => collect(newer, second))).toEqual([MANIFEST]);
    await expectStanding(newer, first);
  });

  test('gets the records of the DNS that were not known at first, and keeps them where nobody says any', async () => {
    const { response, certificate } = newer;
    const records = ['default._bimi.example.com. TXT "v=BIMI1; l=https://a.example/l; a=https://a.example/a"'];
    const archive = archiveOf('records');
    expect((await archive.store(response, certificate, second, records)).bimiRecords).toEqual(records);
    expect((await archive.store(response, certificate, second, [])).bimiRecords).toEqual(records);
    expect(await writesOf(() => archive.store(response, certificate, second))).toEqual([]);
  });

  test.each([
    ['missing', (key: string) => remove(key)],
    ['damaged', (key: string) => overwrite(key, 'damage')],
  ])('puts back each object that is %s, and leaves provenance as it was', async (_, harm) => {
    for (const key of [RESPONSE, CHAIN, LOGO]) {
      await harm(key);
      expect(await collect(newer, second)).toMatchObject(first);
      await expectStanding(newer, first);
    }
  });

  test('lists the version it looked into, also when a stranger writes meanwhile', async () => {
    await remove(MANIFEST);
    await overwrite(CHAIN, 'damage');
    let strangers = 0;
    server.before = async ({ client, method, key }) => {
      if (client === second.execution && method === 'GET' && key === CHAIN && strangers++ === 0) {
        await overwrite(CHAIN, newer.certificate.chainPem);
      }
      return undefined;
    };
    await collect(newer, second);
    expect(strangers).toBeGreaterThan(0);
    await expectStanding(newer, second);
  });

  test('puts back an object of the same size and other bytes', async () => {
    await overwrite(CHAIN, newer.certificate.chainPem.toLowerCase());
    await collect(newer, second);
    await expectStanding(newer, first);
  });

  test.each([
    ['no JSON', () => '{"schemaVersion":1,'],
    ['empty', () => ''],
    ['of another schema', (text: string) => text.replace('"schemaVersion": 1', '"schemaVersion": 0')],
    ['without its objects', (text: string) => JSON.stringify({ ...JSON.parse(text), objects: undefined })],
    ['without a date that can be compared', (text: string) => text.replace(/"notBefore": "[^"]+"/, '"notBefore": "z"')],
  ])('replaces a manifest that is %s', async (_, damage) => {
    await overwrite(MANIFEST, damage((await read(MANIFEST)).body.toString()));
    await collect(newer, second);
    await expectStanding(newer, second);
  });
});

describe('another certificate', () => {
  test('replaces everything when it is newer, and the old versions stay readable', async () => {
    await collect(older, first);
    const old = await provedManifest();
    expect(await collect(newer, second)).toMatchObject(second);
    await expectStanding(newer, second);
    const { response, chain } = old?.objects ?? {};
    expect((await read(RESPONSE, response?.versionId)).body).toEqual(Buffer.from(older.response.body));
    expect((await read(CHAIN, chain?.versionId)).body.toString()).toBe(older.certificate.chainPem);
  });

  test('replaces one in another container without touching what that left', async () => {
    await collect(inPem(older), first);
    await collect(newer, second);
    await expectStanding(newer, second);
    expect((await read(`${FOLDER}response.pem`)).body).toEqual(inPem(older).response.body);
  });

  test('replaces one of the same second: it is the one the CA gives now', async () => {
    await collect(twin, first);
    await collect(newer, second);
    await expectStanding(newer, second);
  });

  test('writes nothing when it is older, not even for a moment, and is told what stands', async () => {
    await collect(newer, first);
    expect(await writesOf(async () => expect(await collect(older, second)).toMatchObject(first))).toEqual([]);
    await expectStanding(newer, first);
  });

  test('puts back what is astray under a newer one, with its types', async () => {
    await collect(newer, first);
    await overwrite(RESPONSE, 'damage');
    await remove(CHAIN);
    await remove(LOGO);
    expect(await writesOf(() => collect(older, second))).toEqual([RESPONSE, CHAIN, LOGO]);
    await expectStanding(newer, first);
    expect((await read(RESPONSE)).type).toBe('application/pkcs7-mime');
    expect((await read(CHAIN)).type).toBe('application/pem-certificate-chain');
    expect((await read(LOGO)).type).toBe('image/svg+xml');
  });
});

describe('a broken chain', () => {
  test('leaves the response as received and the reason, and no manifest', async () => {
    await collectBroken(first);
    expect(await keys()).toEqual([`${FOLDER}rejected.json`, RESPONSE]);
    expect((await read(RESPONSE)).body).toEqual(broken.body);
    const { response, ...rejection } = await readJson(`${FOLDER}rejected.json`);
    expect(rejection).toEqual({
      schemaVersion: 1,
      orderNumber: '1378973013',
      ...first,
      reason: 'the chain has no leaf',
    });
    expect(response).toMatchObject({ key: RESPONSE, size: broken.body.length, sha256: sha256(broken.body) });
    expect((await read(RESPONSE, response.versionId)).body).toEqual(broken.body);
    expect((await read(`${FOLDER}rejected.json`)).type).toBe('application/json');
  });

  test('leaves them beside a good set, which is untouched', async () => {
    await collect(newer, first);
    const written = await writesOf(() => collectBroken(second));
    expect(written).toEqual([`${FOLDER}rejected.p7b`, `${FOLDER}rejected.json`]);
    expect((await read(`${FOLDER}rejected.p7b`)).body).toEqual(broken.body);
    expect((await readJson(`${FOLDER}rejected.json`)).response.key).toBe(`${FOLDER}rejected.p7b`);
    await expectStanding(newer, first);
  });

  test('puts a good set back where something of it is astray', async () => {
    await collect(newer, first);
    await overwrite(RESPONSE, 'damage');
    await collectBroken(second);
    await expectStanding(newer, first);
  });

  test('leaves the reason alone where the response is not to be kept', async () => {
    const archive = archiveOf('x');
    await archive.reject(undefined, 'a private key lies among the certificates', first);
    expect(await keys()).toEqual([`${FOLDER}rejected.json`]);
    const rejection = await readJson(`${FOLDER}rejected.json`);
    expect(rejection).toMatchObject({ ...first, reason: 'a private key lies among the certificates', response: null });
  });

  test('writes nothing a second time', async () => {
    await collectBroken(first);
    expect(await writesOf(() => collectBroken(first))).toEqual([]);
  });

  test('is followed by a good one, which is stored over it', async () => {
    await collectBroken(first);
    await collect(newer, second);
    await expectStanding(newer, second);
  });
});

/** What may stand when a certificate comes; and it is the newer one that comes. */
const scenes = [
  ['in an empty folder', async () => undefined],
  ['over an older certificate', () => collect(older, { ...first, execution: 'order-1' })],
  ['over a broken chain', () => collectBroken({ ...first, execution: 'order-1' })],
  [
    'over a damaged set of itself',
    async () => {
      await collect(newer, first);
      await remove(CHAIN);
    },
  ],
] as const;

/** The requests of the scene, played once without trouble. */
async function rehearse(prepare: () => Promise<unknown>): Promise<readonly S3Request[]> {
  await prepare();
  const requests = await requestsOf(() => collect(newer, first));
  await afresh();
  return requests;
}

describe.each(scenes)('trouble while a certificate is stored %s', (_, prepare) => {
  test.each([
    [500, 'InternalError'],
    [503, 'SlowDown'],
    [403, 'AccessDenied'],
  ])(
    'with %i at any request: the call ends with that error, and its repetition completes the set',
    async (status, code) => {
      const requests = await rehearse(prepare);
      for (const [index, { method, key }] of requests.entries()) {
        const place = `${method} ${key}, request ${index + 1}`;
        await prepare();
        let count = 0;
        server.before = () => (count++ === index ? { status, code } : undefined);
        const $metadata = expect.objectContaining({ httpStatusCode: status });
        await expect(collect(newer, first), place).rejects.toMatchObject({ $metadata });
        expect(count, place).toBe(index + 1);
        server.before = () => undefined;
        await provedManifest();
        expect(await collect(newer, first), place).toMatchObject(first);
        await expectStanding(newer, first);
        await afresh();
      }
    },
  );

  test.each([
    ['the same execution, which is still the one that stored it', first],
    ['another execution, which stored it unless the manifest was written', { ...second }],
  ])('as the process dies between any two requests: all is completed by %s', async (_, repeating) => {
    const requests = await rehearse(prepare);
    for (let answered = 0; answered <= requests.length; answered++) {
      const place = `dead after ${answered} of ${requests.length} requests`;
      await prepare();
      const stood = await provedManifest();
      let count = 0;
      server.before = ({ client }) => {
        if (client === 'mortal' && count++ >= answered) {
          throw new Error('the process is dead');
        }
        return undefined;
      };
      const died = await collect(newer, first, 'mortal').then(
        () => false,
        () => true,
      );
      expect(died, place).toBe(answered < requests.length);
      const standing = await provedManifest();
      const written = standing?.fingerprintSha256 === newer.certificate.report.fingerprintSha256;
      expect(written || standing?.fingerprintSha256 === stood?.fingerprintSha256, place).toBe(true);
      const provenance = written ? first : repeating;
      expect(await collect(newer, repeating), place).toMatchObject(provenance);
      await expectStanding(newer, provenance);
      await afresh();
    }
  });
});

const choices = fc.array(fc.nat(5), { minLength: 10, maxLength: 60 });

describe('two executions of one order at the same time', () => {
  /** Lets one writer run up to each of its requests in turn, there the other one to its end, and then the rest. */
  async function interruptEverywhere<Name extends string>(
    name: Name,
    writers: Readonly<Record<Name, () => Promise<unknown>>>,
    prove: () => Promise<void>,
  ) {
    const { length } = await requestsOf(writers[name]);
    for (let n = 0; n <= length; n++) {
      await afresh();
      let turn = 0;
      const results = await interleave<unknown>(server, writers, (waiting) =>
        turn++ < n ? name : (waiting.find((other) => other !== name) ?? name),
      );
      const statuses = results.map(({ status }) => status);
      expect(statuses, `interrupted at request ${n}`).toEqual(['fulfilled', 'fulfilled']);
      await prove();
    }
  }

  const olderAndNewer = {
    older: () => collect(older, first, 'older'),
    newer: () => collect(newer, second, 'newer'),
  };
  const interrupted = ['older', 'newer'] as const;

  test.each(interrupted)('end with the newer certificate, wherever the %s writer is interrupted', async (name) => {
    await interruptEverywhere(name, olderAndNewer, () => expectStanding(newer, second));
  });

  test.each(['broken', 'newer'] as const)('end with the good set, wherever the %s one is interrupted', async (name) => {
    const writers = { broken: () => collectBroken(first, 'broken'), newer: () => collect(newer, second, 'newer') };
    await interruptEverywhere(name, writers, async () => {
      await expectStanding(newer, second);
      const { response } = await readJson(`${FOLDER}rejected.json`);
      expect((await read(response.key, response.versionId)).body).toEqual(broken.body);
    });
  });

  test('put back themselves what they wrote under the manifest of a newer one', async () => {
    let looks = 0;
    server.before = async ({ client, method, key }) => {
      if (client === 'older' && method === 'HEAD' && key === RESPONSE && ++looks === 2) {
        await collect(newer, second, 'newer');
      }
      return undefined;
    };
    expect(await collect(older, first, 'older')).toMatchObject(second);
    const writes = server.requests.filter((request) => isWrite(request) && request.client === 'older');
    expect(writes.map(({ key }) => key)).toEqual([RESPONSE, RESPONSE, CHAIN, LOGO, MANIFEST, RESPONSE, CHAIN, LOGO]);
    await expectStanding(newer, second);
  });

  test('are told what stands at their end, not what they wrote', async () => {
    let overtaken = false;
    server.before = async ({ client, method, key }) => {
      const wrote = server.requests.some((past) => isWrite(past) && past.client === 'older' && past.key === MANIFEST);
      if (client === 'older' && method === 'GET' && key === MANIFEST && wrote && !overtaken) {
        overtaken = true;
        await collect(newer, second, 'newer');
      }
      return undefined;
    };
    expect(await collect(older, first, 'older')).toMatchObject(second);
    expect(overtaken).toBe(true);
  });

  test('end with the newer certificate in whatever order their requests come', { timeout: 60_000 }, async () => {
    const course = async (numbers: readonly number[]) => {
      await afresh();
      const results = await interleave(server, olderAndNewer, by(numbers));
      const outcomes = results.map((result) =>
        result.status === 'fulfilled' ? result.value.execution : result.reason,
      );
      expect(outcomes[1]).toBe(second.execution);
      expect([first.execution, second.execution]).toContain(outcomes[0]);
      await expectStanding(newer, second);
    };
    await fc.assert(fc.asyncProperty(choices, course), { numRuns: 150 });
  });

  test('end with the newest of three, also when a broken chain comes between', { timeout: 60_000 }, async () => {
    const writers = {
      broken: async () => collectBroken(first, 'broken'),
      newer: () => collect(newer, second, 'newer'),
      older: () => collect(older, first, 'older'),
    };
    const course = async (numbers: readonly number[]) => {
      await afresh();
      const results = await interleave<unknown>(server, writers, by(numbers));
      expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
      await expectStanding(newer, second);
    };
    await fc.assert(fc.asyncProperty(choices, course), { numRuns: 150 });
  });

  test('with the same certificate store it once, and only one of them is named', { timeout: 60_000 }, async () => {
    const writers = { a: () => collect(newer, first, 'a'), b: () => collect(newer, second, 'b') };
    const course = async (numbers: readonly number[]) => {
      await afresh();
      const results = await interleave(server, writers, by(numbers));
      const manifest = await provedManifest();
      await expectStanding(newer);
      const { execution, collectedAt } = manifest ?? {};
      const value = expect.objectContaining({ execution, collectedAt });
      expect(results).toEqual([
        { status: 'fulfilled', value },
        { status: 'fulfilled', value },
      ]);
    };
    await fc.assert(fc.asyncProperty(choices, course), { numRuns: 100 });
  });

  test('with certificates of the same second end with one of them, whole', { timeout: 60_000 }, async () => {
    const writers = { newer: () => collect(newer, first, 'newer'), twin: () => collect(twin, second, 'twin') };
    const course = async (numbers: readonly number[]) => {
      await afresh();
      const results = await interleave(server, writers, by(numbers));
      expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
      const stands = (await provedManifest())?.execution === first.execution;
      await expectStanding(stands ? newer : twin, stands ? first : second);
    };
    await fc.assert(fc.asyncProperty(choices, course), { numRuns: 100 });
  });
});

describe('contention', () => {
  const conflicts = [
    { status: 412, code: 'PreconditionFailed' },
    { status: 409, code: 'ConditionalRequestConflict' },
    { status: 404, code: 'NoSuchKey' },
  ] satisfies InjectedError[];

  test.each(conflicts)('lost once at any write, by $status $code, is looked at again', async (conflict) => {
    for (let nth = 0; nth < 4; nth++) {
      let writes = 0;
      server.before = (request) => (isWrite(request) && writes++ === nth ? conflict : undefined);
      await collect(newer, first);
      expect(writes).toBe(5);
      await expectStanding(newer, first);
      await afresh();
    }
  });

  test.each(conflicts)('without an end ends in an error: $status $code', async (conflict) => {
    server.before = (request) => (isWrite(request) && request.key === MANIFEST ? conflict : undefined);
    await expect(collect(newer, first)).rejects.toThrow(`Another execution changed ${MANIFEST}`);
    expect(server.requests.filter(({ key, method }) => key === MANIFEST && method === 'PUT')).toHaveLength(8);
  });

  test('without an end about an object ends in an error too', async () => {
    await collect(newer, first);
    let stranger = 0;
    server.before = async ({ client, method, key }) => {
      if (client === 'x' && method === 'HEAD' && key === CHAIN) {
        await overwrite(CHAIN, `written for the ${++stranger}th time`);
      }
      return undefined;
    };
    await expect(collect(older, second, 'x')).rejects.toThrow(CHAIN);
    expect(await provedManifest()).toMatchObject(first);
  });

  test('is not what a missing bucket is taken for', async () => {
    server.before = () => ({ status: 404, code: 'NoSuchBucket' });
    await expect(collect(newer, first)).rejects.toMatchObject({ name: 'NoSuchBucket' });
    expect(server.requests.filter(isWrite)).toHaveLength(1);
  });
});

describe.each([
  ['S3', async () => ({ url: server.url, close: async () => undefined })],
  ['a server without checksums', async () => startS3Server({ checksums: false })],
  ['a server without versions and checksums', async () => startS3Server({ versions: false, checksums: false })],
  [
    'fauxqs, which knows no conditions either',
    async () => {
      const fauxqs = await startFauxqs({ port: 0, host: '127.0.0.1', logger: false });
      return { url: `http://127.0.0.1:${fauxqs.port}`, close: () => fauxqs.stop() };
    },
  ],
])('on %s', (_, start) => {
  let s3: S3Client;
  let writes: number;
  let close: () => Promise<unknown>;

  beforeEach(async () => {
    const started = await start();
    close = () => started.close();
    s3 = clientOf('x', started.url);
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    writes = 0;
    s3.middlewareStack.add(
      (next, { commandName }) =>
        (call) => {
          writes += commandName === 'PutObjectCommand' ? 1 : 0;
          return next(call);
        },
      { step: 'initialize' },
    );
  });

  afterEach(() => close());

  async function collectThere(issue: Issue, provenance: Provenance) {
    const archive = openArchive(s3, BUCKET, '1378973013');
    writes = 0;
    await archive.keep(issue.response);
    return archive.store(issue.response, issue.certificate, provenance);
  }

  async function chainThere() {
    return (await read(CHAIN, undefined, s3)).body.toString();
  }

  test('a certificate is stored, with its manifest', async () => {
    await collectThere(newer, first);
    expect(await keys(s3)).toEqual([MANIFEST, CHAIN, LOGO, RESPONSE]);
    expect((await read(RESPONSE, undefined, s3)).body).toEqual(Buffer.from(newer.response.body));
    expect(await chainThere()).toBe(newer.certificate.chainPem);
  });

  test('the same certificate is recognised by its manifest, and nothing is written', async () => {
    await collectThere(newer, first);
    expect(await collectThere(newer, second)).toMatchObject(first);
    expect(writes).toBe(0);
  });

  test('an older certificate writes nothing, a newer one replaces it', async () => {
    await collectThere(older, first);
    expect(await collectThere(newer, second)).toMatchObject(second);
    expect(await chainThere()).toBe(newer.certificate.chainPem);
    expect(await collectThere(older, first)).toMatchObject(second);
    expect(writes).toBe(0);
    expect(await chainThere()).toBe(newer.certificate.chainPem);
  });

  test.each([
    ['missing', () => remove(CHAIN, s3)],
    ['damaged', () => overwrite(CHAIN, newer.certificate.chainPem.toLowerCase(), s3)],
  ])('a chain that is %s is put back from what the CA sent, and provenance stays', async (_, harm) => {
    await collectThere(newer, first);
    await harm();
    expect(await collectThere(newer, second)).toMatchObject(first);
    expect(await chainThere()).toBe(newer.certificate.chainPem);
  });
});
