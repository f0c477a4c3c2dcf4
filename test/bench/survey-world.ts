/**
 * A separate process with everything that a survey calls, so that its CPU does not count as the survey's: S3, EventBridge,
 * Step Functions, the public address of the publications, and a name server. It answers from numbers and stores nothing,
 * so it can be of any size. survey.ts starts it, and it ends with its parent.
 */
import { createHash, hash } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import packet from 'dns-packet';
import { readMarkCertificate } from '../../functions/certificate/report.ts';
import { DAY_MILLISECONDS } from '../../functions/days.ts';
import { createCertificateAuthority } from '../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../infra/local/ca/containers.ts';
import { startAwsJsonEndpoint } from '../../infra/local/cloud/aws-json-endpoint.ts';
import {
  chainOf,
  logoOf,
  manifestOf,
  pairOf,
  publicationOf,
  recordText,
  statusOf,
} from '../functions/survey/samples.ts';
import type { SurveyAnswer, SurveyWorld, SurveyWorldSize } from './survey.ts';

const { certificates, publications, s3Milliseconds, remoteMilliseconds } = JSON.parse(
  process.argv[2] ?? '{}',
) as SurveyWorldSize;

/** The objects of an order, in the order of their keys. */
const OBJECTS = ['certificate.json', 'chain.pem', 'logo.svg', 'report.html', 'response.p7b', 'status.json'];
const PAGE_SIZE = 1000;
/** Of everything that the survey only reads. */
const ETAG = '"1"';
const FIRST_ORDER = 1_000_000_000;
/** Issuing CAs. The certificates of each are one group, whose CRLs are searched together. */
const ISSUING_CAS = 4;

/** Two orders of each brand: the second is the renewal of the first. */
const brandOf = (order: number) => `brand-${Math.floor(order / 2)}.example`;
const publishedDomain = (index: number) => brandOf(2 * index);
const orderNumberOf = (order: number) => String(FIRST_ORDER + order);
const now = Date.now();
const daysFromNow = (days: number) => new Date(now + days * DAY_MILLISECONDS).toISOString();

const authority = await createCertificateAuthority({ keyBits: { root: 2048, issuing: 2048 } });
/** By path: no CRL lists a certificate. */
const crls = new Map(authority.crls().map(({ url, bytes }) => [new URL(url).pathname, bytes]));
/** A real chain for each issuing CA, which all of its certificates share. */
const groups = await Promise.all(
  Array.from({ length: ISSUING_CAS }, async (_, index) => {
    const notBefore = new Date(now - (30 + index) * DAY_MILLISECONDS);
    const { chain, root } = authority.with({ issuing: { notBefore } }).issue({ domains: ['example.com'] });
    const body = Buffer.from(pem(chain));
    const trustAnchors = [createHash('sha256').update(root).digest('hex')];
    const { chainPem, report } = await readMarkCertificate(body, { at: new Date(now), trustAnchors, ctLogs: [] });
    return { chainPem, report };
  }),
);

function groupOf(order: number) {
  const group = groups[order % ISSUING_CAS];
  if (!group) {
    throw new RangeError(`order ${order} has no issuing CA`);
  }
  return group;
}

/** A manifest with as many bytes as that of a real certificate, which has some six kilobytes. */
function manifest(order: number): string {
  const orderNumber = orderNumberOf(order);
  const isRenewal = order % 2 === 1;
  const domain = brandOf(order);
  const { objects, ...sample } = manifestOf(orderNumber, {
    domains: [domain, `news.${domain}`, `default._bimi.${domain}`],
    fingerprintSha256: fingerprintOf(order),
    notBefore: daysFromNow(isRenewal ? -10 : -370),
    // One in a hundred of the latest certificates is due for a reminder.
    notAfter: daysFromNow(isRenewal ? (order % 200 === 1 ? 30 : 387) : 27),
    receivers: ['gmail', 'apple', 'yahoo', 'fastmail'].map((id) => ({ id, shows: true, because: [] })),
  });
  const { chainPem, report } = groupOf(order);
  const { crlUrls, trustAnchor } = report;
  const chain = report.chain.map((each, index) => ({
    ...each,
    ...(index === 0 && { subject: `CN=${domain}, O=Example ${order}, C=US`, fingerprintSha256: fingerprintOf(order) }),
    extensions: Array.from({ length: 10 }, (_, each) => `1.3.6.1.4.1.53087.1.${each}: ${'ab'.repeat(50)}`),
  }));
  const key = `orders/${orderNumber}/chain.pem`;
  const listed = { key, size: chainPem.length, sha256: createHash('sha256').update(chainPem).digest('hex') };
  const described = { serialNumber: fingerprintOf(order).slice(32), crlUrls, chain, trustAnchor };
  return JSON.stringify(
    { ...sample, ...described, collector: 'bench', account: null, objects: { ...objects, chain: listed } },
    null,
    2,
  );
}

const fingerprintOf = (order: number) => order.toString(16).padStart(64, 'c0ffee');

/** One in twenty orders waits, and its execution runs. */
const isWaiting = (order: number) => order % 20 === 0;

function status(order: number): string {
  const changes = {
    collector: 'bench',
    domains: [brandOf(order)],
    state: isWaiting(order) ? 'waiting' : 'issued',
    since: daysFromNow(-10),
    startedAt: daysFromNow(-12),
    updatedAt: daysFromNow(-10),
  } satisfies Parameters<typeof statusOf>[1];
  return JSON.stringify(statusOf(orderNumberOf(order), changes), null, 2);
}

function publication(index: number): string {
  const domain = publishedDomain(index);
  const order = 2 * index + 1;
  const live = {
    ...pairOf(domain),
    orderNumber: orderNumberOf(order),
    fingerprintSha256: fingerprintOf(order),
    since: daysFromNow(-9),
    notBefore: daysFromNow(-10),
    notAfter: daysFromNow(387),
  };
  return JSON.stringify({ ...publicationOf(site.url, domain), live, previous: [pairOf(domain)] }, null, 2);
}

const site = await listen(async (path, response) => {
  await wait(remoteMilliseconds);
  const crl = crls.get(path);
  if (crl) {
    response.writeHead(200, { 'content-type': 'application/pkix-crl' }).end(crl);
    return;
  }
  const [, domain = '', file = ''] = path.split('/');
  const isChain = file.endsWith('.pem');
  response
    .writeHead(200, { 'content-type': isChain ? 'application/pem-certificate-chain' : 'image/svg+xml' })
    .end(isChain ? chainOf(domain) : logoOf(domain));
});

/** Chains that the survey has read: one for each issuing CA is enough. */
let chainReads = 0;
const written = new Map<string, Buffer>();
const s3 = await listen(async (path, response, { method, search, body }) => {
  await wait(s3Milliseconds);
  const [, , ...segments] = path.split('/');
  const key = segments.join('/');
  if (method === 'PUT') {
    written.set(key, body);
    response.writeHead(200, { etag: etagOf(body) }).end();
    return;
  }
  if (key === '') {
    response.writeHead(200, { 'content-type': 'application/xml' }).end(page(search));
    return;
  }
  const text = contentOf(key);
  if (text === undefined) {
    response
      .writeHead(404, { 'content-type': 'application/xml' })
      .end('<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>');
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json', etag: etagOf(text) }).end(text);
});

/** Of what the survey has written, the digest: it compares it with the one before. */
function etagOf(content: string | Buffer): string {
  return Buffer.isBuffer(content) ? `"${hash('md5', content)}"` : ETAG;
}

function contentOf(key: string): string | Buffer | undefined {
  const [folder, name = '', file] = key.split('/');
  const order = Number(name) - FIRST_ORDER;
  if (folder === 'orders' && file === 'certificate.json') {
    return manifest(order);
  }
  if (folder === 'orders' && file === 'chain.pem') {
    chainReads += 1;
    return groupOf(order).chainPem;
  }
  if (folder === 'orders' && file === 'status.json') {
    return status(order);
  }
  if (folder === 'published' && file?.endsWith('.json')) {
    return publication(Number(/\d+/.exec(name)?.[0]));
  }
  return written.get(key);
}

/** One page of ListObjectsV2. The token is the number of the first object. */
function page(query: URLSearchParams): string {
  const prefix = query.get('prefix') ?? '';
  const first = Number(query.get('continuation-token') ?? 0);
  const { count, objectAt } = folderOf(prefix);
  const next = Math.min(first + PAGE_SIZE, count);
  const objects = Array.from({ length: next - first }, (_, index) => objectAt(first + index));
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
    `<Prefix>${prefix}</Prefix><KeyCount>${objects.length}</KeyCount><MaxKeys>${PAGE_SIZE}</MaxKeys>`,
    `<IsTruncated>${next < count}</IsTruncated>`,
    ...(next < count ? [`<NextContinuationToken>${next}</NextContinuationToken>`] : []),
    ...objects.map(
      ({ key, etag }) =>
        `<Contents><Key>${key}</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified>` +
        `<ETag>${etag.replaceAll('"', '&quot;')}</ETag><ChecksumAlgorithm>SHA256</ChecksumAlgorithm>` +
        '<Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>',
    ),
    '</ListBucketResult>',
  ].join('');
}

interface Listed {
  readonly key: string;
  readonly etag: string;
}

/** How many objects a folder has, and which. */
function folderOf(prefix: string): { readonly count: number; readonly objectAt: (index: number) => Listed } {
  switch (prefix) {
    case 'orders/':
      return { count: certificates * OBJECTS.length, objectAt: (index) => ({ key: orderKey(index), etag: ETAG }) };
    case 'published/':
      return { count: publications * 3, objectAt: (index) => ({ key: publishedKey(index), etag: ETAG }) };
    default: {
      const objects = [...written].flatMap(([key, body]) =>
        key.startsWith(prefix) ? [{ key, etag: etagOf(body) }] : [],
      );
      return { count: objects.length, objectAt: (index) => objects[index] ?? { key: '', etag: '' } };
    }
  }
}

function orderKey(index: number): string {
  return `orders/${orderNumberOf(Math.floor(index / OBJECTS.length))}/${OBJECTS[index % OBJECTS.length]}`;
}

function publishedKey(index: number): string {
  return `published/${publishedDomain(Math.floor(index / 3))}/default.${['json', 'pem', 'svg'][index % 3]}`;
}

/** The events by which a survey continues itself, which the survey's process takes. */
let continuations: unknown[] = [];
let events = 0;
const eventBridge = await startAwsJsonEndpoint({
  'AWSEvents.PutEvents': async ({ Entries }) => {
    await wait(s3Milliseconds);
    const entries = Entries as readonly { readonly DetailType: string; readonly Detail: string }[];
    events += entries.length;
    continuations.push(
      ...entries.flatMap((each) =>
        each.DetailType === 'Survey Continues'
          ? [{ source: 'mark-certificate-collector', detail: JSON.parse(each.Detail) }]
          : [],
      ),
    );
    return { FailedEntryCount: 0, Entries: entries.map((_, index) => ({ EventId: String(events + index) })) };
  },
});

const waitingOrders = Math.ceil(certificates / 20);
const stepFunctions = await startAwsJsonEndpoint({
  'AWSStepFunctions.ListExecutions': async ({ stateMachineArn, statusFilter, maxResults, nextToken }) => {
    await wait(s3Milliseconds);
    const first = Number(nextToken ?? 0);
    const count = statusFilter === 'RUNNING' ? waitingOrders : 0;
    const next = Math.min(first + Number(maxResults), count);
    const executions = Array.from({ length: next - first }, (_, index) => {
      const name = `order-${orderNumberOf((first + index) * 20)}`;
      return { executionArn: name, stateMachineArn, name, status: 'RUNNING', startDate: 1_790_000_000 };
    });
    return { executions, ...(next < count && { nextToken: String(next) }) };
  },
});

const dns = dgram.createSocket('udp4').bind(0, '127.0.0.1');
await once(dns, 'listening');
dns.on('message', async (bytes, client) => {
  const query = packet.decode(bytes);
  await wait(remoteMilliseconds);
  const answers = (query.questions ?? []).flatMap(({ name, type }) => {
    const [, kind, domain = ''] = /^(default\._bimi|_dmarc)\.(.+)$/.exec(name.toLowerCase()) ?? [];
    if (type !== 'TXT' || kind === undefined) {
      return [];
    }
    const text = kind === '_dmarc' ? 'v=DMARC1; p=reject' : recordText(site.url, domain);
    return [{ type: 'TXT' as const, name, ttl: 60, data: text.match(/.{1,255}/g) ?? [] }];
  });
  const { id = 0, questions = [] } = query;
  // Every name exists, and none has a CAA record.
  const isKnown = answers.length > 0 || query.questions?.[0]?.type === 'CAA';
  const flags = packet.RECURSION_AVAILABLE | (isKnown ? 0 : 3);
  dns.send(packet.encode({ type: 'response', id, questions, answers, flags }), client.port, client.address);
});

process.on('message', () => {
  process.send?.({ continuations, chainReads } satisfies SurveyAnswer);
  continuations = [];
});
process.on('disconnect', () => process.exit());
process.send?.({
  s3Url: s3.url,
  eventBridgeUrl: eventBridge.url,
  stepFunctionsUrl: stepFunctions.url,
  siteUrl: site.url,
  nameServer: `127.0.0.1:${(dns.address() as AddressInfo).port}`,
} satisfies SurveyWorld);

interface Incoming {
  readonly method: string | undefined;
  readonly search: URLSearchParams;
  readonly body: Buffer;
}

/** An HTTP server on a free loopback port. */
async function listen(
  respond: (path: string, response: ServerResponse, incoming: Incoming) => Promise<void>,
): Promise<{ readonly url: string }> {
  const server = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
    }
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    await respond(decodeURIComponent(pathname), response, {
      method: request.method,
      search: searchParams,
      body: Buffer.concat(chunks),
    });
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 2000 });
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
