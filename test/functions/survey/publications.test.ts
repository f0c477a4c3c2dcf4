import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http, { type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import type { Context } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { sendHttp } from '../../../functions/http.ts';
import { type Publication, publishedKeys } from '../../../functions/store/publication.ts';
import { createHandler } from '../../../functions/survey/handler.ts';
import {
  type BrokenPublication,
  type PublicationSummary,
  PublicationsNotReportedError,
} from '../../../functions/survey/publications.ts';
import { type Reminder, RemindersNotSentError, type SurveySummary } from '../../../functions/survey/reminders.ts';
import { survey } from '../../../functions/survey/survey.ts';
import { type S3Server, startS3Server } from '../../s3-server.ts';
import { type EventBus, startEventBus } from './event-bus.ts';
import { resolverOf, type Zone } from './zone.ts';

const BUCKET = 'certificates';
const BUS = 'brand-events';
const NOON = '2026-11-23T12:00:00.000Z';
const KIBIBYTE = 1024;

/** What the public address answers to one path. */
type Page = (response: ServerResponse) => void;

/** A rejection nobody handles would end a Lambda's process after its answer; the tests' own runner reports it late. */
const unhandled: unknown[] = [];
const remember = (reason: unknown) => unhandled.push(reason);

let server: S3Server;
let bus: EventBus;
let s3: S3Client;
let eventBridge: EventBridgeClient;
let listener: http.Server | https.Server;
/** The URL of the public address, its pages by path, and each request as it came. */
let url: string;
let site: Map<string, Page>;
let requests: { method: string | undefined; path: string | undefined }[];
let zone: Zone;

beforeEach(async () => {
  unhandled.length = 0;
  process.on('unhandledRejection', remember);
  process.on('uncaughtException', remember);
  site = new Map();
  requests = [];
  zone = {};
  server = await startS3Server();
  bus = await startEventBus();
  listener = http.createServer(serve);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  const config = { region: 'us-east-1', credentials: { accessKeyId: 'x', secretAccessKey: 'x' }, maxAttempts: 1 };
  s3 = new S3Client({ ...config, endpoint: server.url, forcePathStyle: true });
  eventBridge = new EventBridgeClient({ ...config, endpoint: bus.url });
});

afterEach(async () => {
  s3.destroy();
  eventBridge.destroy();
  await Promise.all([server.close(), bus.close(), closeSite()]);
  process.off('unhandledRejection', remember);
  process.off('uncaughtException', remember);
  expect(unhandled).toEqual([]);
});

const serve: http.RequestListener = ({ method, url: path = '' }, response) => {
  requests.push({ method, path });
  const answer = site.get(path) ?? page(404, 'text/plain', 'nothing');
  answer(response);
};

async function closeSite(): Promise<void> {
  if (listener.listening) {
    const closed = once(listener, 'close');
    listener.close();
    listener.closeAllConnections();
    await closed;
  }
}

function page(status: number, type: string, body: string | Buffer, headers: http.OutgoingHttpHeaders = {}): Page {
  return (response) => response.writeHead(status, { 'content-type': type, ...headers }).end(body);
}

/** A logo that begins and does not go on. */
const unfinished: Page = (response) => {
  response.writeHead(200, { 'content-type': 'image/svg+xml', 'content-length': 10 }).write('<svg');
};

const sha256Of = (body: string) => createHash('sha256').update(body).digest('hex');
const chainOf = (domain: string) => `chain of ${domain}`;
const logoOf = (domain: string) => `logo of ${domain}`;

function pairOf(domain: string, bodies = { chain: chainOf(domain), logo: logoOf(domain) }) {
  const object = (key: string, body: string) => ({ key, size: body.length, sha256: sha256Of(body) });
  const keys = publishedKeys(domain, 'default');
  return {
    orderNumber: '1378973013',
    since: '2026-11-01T08:00:00.000Z',
    fingerprintSha256: 'c0ffee',
    notBefore: '2026-10-01T00:00:00.000Z',
    notAfter: '2027-10-01T00:00:00.000Z',
    owner: 'Example',
    domains: [domain],
    objects: { logo: object(keys.logo, bodies.logo), chain: object(keys.chain, bodies.chain) },
  };
}

function descriptionOf(domain: string, changes: Partial<Publication> = {}): Publication {
  return {
    schemaVersion: 1,
    domain,
    selector: 'default',
    bimiRecord: recordOf(domain),
    live: pairOf(domain),
    revokedAt: null,
    served: true,
    previous: [],
    ...changes,
  };
}

const textOf = (domain: string, selector = 'default') =>
  `v=BIMI1; l=${url}/${domain}/${selector}.svg; a=${url}/${domain}/${selector}.pem`;
const recordOf = (domain: string, selector = 'default') =>
  `${selector}._bimi.${domain}. TXT "${textOf(domain, selector)}"`;

async function put(key: string, body: string): Promise<void> {
  await fetch(`${server.url}/${BUCKET}/${key}`, { method: 'PUT', body });
}

/** Makes a publication that is as it should be everywhere: bucket, public address, DNS. A test then breaks something. */
async function publish(domain = 'example.com', changes: Partial<Publication> = {}): Promise<void> {
  const description = descriptionOf(domain, changes);
  const { selector } = description;
  await put(publishedKeys(domain, selector).description, JSON.stringify(description));
  site.set(`/${domain}/${selector}.pem`, page(200, 'application/pem-certificate-chain', chainOf(domain)));
  site.set(`/${domain}/${selector}.svg`, page(200, 'image/svg+xml', logoOf(domain)));
  zone[`${selector}._bimi.${domain}`] = [textOf(domain, selector)];
  zone[`_dmarc.${domain}`] = ['v=DMARC1; p=reject'];
}

/** A certificate that ends in two weeks; a test changes what it is about. */
async function keep(orderNumber: string, changes: object = {}): Promise<void> {
  const manifest = {
    schemaVersion: 1,
    orderNumber,
    execution: `order-${orderNumber}`,
    collectedAt: '2025-12-07T08:00:00.000Z',
    product: 'VMC',
    markType: 'Registered Mark',
    attributes: {},
    domains: [`${orderNumber}.example`],
    fingerprintSha256: 'c0ffee',
    notBefore: '2025-12-07T00:00:00.000Z',
    notAfter: '2026-12-07T23:59:59.000Z',
    publishable: true,
    findings: [],
    objects: {},
    ...changes,
  };
  await put(`orders/${orderNumber}/certificate.json`, JSON.stringify(manifest));
}

interface RunOptions {
  readonly now?: () => Date;
  readonly resolver?: ReturnType<typeof resolverOf>;
  readonly limitMilliseconds?: number;
  readonly totalMilliseconds?: number;
}

/** Runs one survey and tells what it found. The error is given back, for what was seen until then. */
async function run({ now = () => new Date(NOON), resolver = resolverOf(zone), ...limits }: RunOptions = {}) {
  const damaged: { key: string; problem: string }[] = [];
  const summaries: PublicationSummary[] = [];
  const broken: BrokenPublication[] = [];
  const surveyed: SurveySummary[] = [];
  const reminded: Reminder[] = [];
  const error = await survey({
    s3,
    bucket: BUCKET,
    eventBridge,
    eventBusName: BUS,
    remindBeforeDays: 30,
    publications: { url, http: sendHttp, resolver, limitMilliseconds: 10_000, totalMilliseconds: 60_000, ...limits },
    observe: {
      damaged: () => {},
      surveyed: (summary) => surveyed.push(summary),
      reminded: (reminder) => reminded.push(reminder),
      publicationDamaged: (key, problem) => damaged.push({ key, problem }),
      publicationsChecked: (summary) => summaries.push(summary),
      broken: (publication) => broken.push(publication),
    },
    now,
  }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { damaged, summaries, broken, surveyed, reminded, error };
}

/** The details of all events of one kind so far. */
function sent<T>(detailType: string): T[] {
  return bus.calls
    .flat()
    .filter(({ DetailType }) => DetailType === detailType)
    .map(({ Detail }) => JSON.parse(Detail));
}

const told = () => sent<BrokenPublication>('Mark Certificate Publication Broken');
const reminders = () => sent<Reminder>('Mark Certificate Expiring');
const idsOf = ({ differences }: BrokenPublication) => differences.map(({ id }) => id);

describe('a publication that is as it should be', () => {
  test('is counted, and nothing is sent', async () => {
    await publish();
    const resolver = resolverOf(zone);

    expect(await run({ resolver })).toEqual({
      damaged: [],
      summaries: [{ live: 1, broken: 0, unchecked: 0 }],
      broken: [],
      surveyed: [{ kept: 0, superseded: 0, damaged: 0, reminders: 0 }],
      reminded: [],
      error: undefined,
    });
    expect(bus.calls).toEqual([]);
    expect(requests).toEqual([
      { method: 'GET', path: '/example.com/default.pem' },
      { method: 'GET', path: '/example.com/default.svg' },
    ]);
    expect(resolver.asked).toEqual(['default._bimi.example.com', '_dmarc.example.com']);
  });

  test.each<[string, () => void]>([
    [
      'with parameters and capitals in its content types',
      () => {
        site.set('/example.com/default.svg', page(200, 'Image/SVG+XML; charset=utf-8', logoOf('example.com')));
      },
    ],
    [
      'sent in chunks',
      () => {
        site.set('/example.com/default.pem', (response) => {
          response.writeHead(200, { 'content-type': 'application/pem-certificate-chain' });
          response.write('chain of ');
          response.end('example.com');
        });
      },
    ],
    [
      'with a record in pieces, and the host in capitals',
      () => {
        const text = textOf('example.com').replace('v=BIMI1; l=http', 'v=BIMI1; l=HTTP');
        zone['default._bimi.example.com'] = [[text.slice(0, 15), text.slice(15)]];
      },
    ],
    [
      'with a policy from above',
      () => {
        delete zone['_dmarc.mail.example.com'];
        zone['_dmarc.example.com'] = ['v=DMARC1; p=quarantine; sp=reject'];
      },
    ],
  ])('also %s', async (_, change) => {
    await publish();
    await publish('mail.example.com');
    change();

    expect((await run()).summaries).toEqual([{ live: 2, broken: 0, unchecked: 0 }]);
  });

  test('also of 256 KiB', async () => {
    const logo = 'x'.repeat(256 * KIBIBYTE);
    await publish('example.com', { live: pairOf('example.com', { chain: chainOf('example.com'), logo }) });
    site.set('/example.com/default.svg', page(200, 'image/svg+xml', logo));

    expect((await run()).summaries).toEqual([{ live: 1, broken: 0, unchecked: 0 }]);
  });

  test('also on the last second of its certificate', async () => {
    await publish();

    const { summaries } = await run({ now: () => new Date('2027-10-01T00:00:00.000Z') });

    expect(summaries).toEqual([{ live: 1, broken: 0, unchecked: 0 }]);
  });

  test.each([
    [59, []],
    [60, ['chain-differs', 'logo-differs']],
  ])('may be shown as it was before for an hour after a renewal: after %i minutes %j', async (minutes, ids) => {
    const renewed = pairOf('example.com', { chain: 'new chain', logo: 'new logo' });
    const since = new Date(Date.parse(NOON) - minutes * 60_000).toISOString();
    await publish('example.com', { live: { ...renewed, since }, previous: [pairOf('example.com')] });

    await run();

    expect(told().flatMap(idsOf)).toEqual(ids);
  });

  test('is that of its own selector', async () => {
    await publish('example.com', { selector: 'winter' });

    expect((await run()).summaries).toEqual([{ live: 1, broken: 0, unchecked: 0 }]);
  });
});

describe('a difference', () => {
  const example = 'example.com';
  const later = { ...pairOf(example), notAfter: '2026-11-23T11:59:59.000Z' };

  test.each<[id: string, when: string, message: RegExp, changes: Partial<Publication>, spoil: () => void]>([
    [
      'chain-unreachable',
      'the chain is redirected',
      /^The chain of example\.com is unreachable\. http.*example\.com\/default\.pem answers 301 to "\/moved\.pem", expected 200\.$/,
      {},
      () => {
        site.set('/example.com/default.pem', page(301, 'text/html', '', { location: '/moved.pem' }));
        site.set('/moved.pem', page(200, 'application/pem-certificate-chain', chainOf(example)));
      },
    ],
    [
      'chain-unreachable',
      'the chain is refused, whatever comes with it',
      /default\.pem answers 403, expected 200\.$/,
      {},
      () => site.set('/example.com/default.pem', page(403, 'application/pem-certificate-chain', chainOf(example))),
    ],
    [
      'chain-unreachable',
      'only a part of the chain comes',
      /default\.pem answers 206, expected 200\.$/,
      {},
      () => site.set('/example.com/default.pem', page(206, 'application/pem-certificate-chain', chainOf(example))),
    ],
    [
      'chain-unreachable',
      'the connection breaks before the chain',
      /The request to http.*default\.pem failed: ECONNRESET\.$/,
      {},
      () => site.set('/example.com/default.pem', (response) => response.destroy()),
    ],
    [
      'logo-unreachable',
      'the logo is not there',
      /^The logo of example\.com is unreachable\. http.*default\.svg answers 404, expected 200\.$/,
      {},
      () => site.delete('/example.com/default.svg'),
    ],
    [
      'logo-unreachable',
      'the connection breaks within the logo',
      /The request to http.*default\.svg failed: ECONNRESET\.$/,
      {},
      () =>
        site.set('/example.com/default.svg', (response) => {
          unfinished(response);
          setImmediate(() => response.destroy());
        }),
    ],
    [
      'logo-unreachable',
      'the logo breaks off in what is no HTTP',
      /The request to http.*default\.svg failed: \w+\.$/,
      {},
      () =>
        site.set('/example.com/default.svg', ({ socket }) => {
          socket?.write('HTTP/1.1 200 OK\r\nContent-Type: image/svg+xml\r\nTransfer-Encoding: chunked\r\n\r\n');
          setTimeout(() => socket?.write('no size\r\n'), 20);
        }),
    ],
    [
      'chain-differs',
      'another chain is served',
      new RegExp(`serves ${sha256Of('another')}, expected ${sha256Of(chainOf(example))} \\(SHA-256\\)`),
      {},
      () => site.set('/example.com/default.pem', page(200, 'application/pem-certificate-chain', 'another')),
    ],
    [
      'logo-differs',
      'another logo is served',
      new RegExp(`serves ${sha256Of('another')}, expected ${sha256Of(logoOf(example))} \\(SHA-256\\)`),
      {},
      () => site.set('/example.com/default.svg', page(200, 'image/svg+xml', 'another')),
    ],
    [
      'logo-differs',
      'more is served than any logo has',
      /^The logo of example\.com is not the published one\. http.* serves more than 262144 bytes, expected /,
      {},
      () =>
        site.set('/example.com/default.svg', (response) => {
          // Never ends: only a reader that stops by itself gets away.
          response.writeHead(200, { 'content-type': 'image/svg+xml' }).write(Buffer.alloc(256 * KIBIBYTE + 1));
        }),
    ],
    [
      'chain-type',
      'the chain has another content type',
      /is served as "application\/octet-stream; charset=binary", expected application\/pem-certificate-chain\.$/,
      {},
      () =>
        site.set('/example.com/default.pem', page(200, 'application/octet-stream; charset=binary', chainOf(example))),
    ],
    [
      'logo-type',
      'the logo has no content type',
      /^The logo of example\.com has a wrong content type\. http.* is served as "", expected image\/svg\+xml\.$/,
      {},
      () => site.set('/example.com/default.svg', (response) => response.writeHead(200).end(logoOf(example))),
    ],
    [
      'expired',
      'the certificate has expired',
      /^The certificate of example\.com expired at 2026-11-23T11:59:59\.000Z\.$/,
      { live: later },
      () => {},
    ],
    [
      'revoked',
      'the CA has revoked the certificate',
      /^The CA revoked the certificate of example\.com, which is still served\. The revocation was found at 2026-11-20T00:00:00\.000Z\.$/,
      { revokedAt: '2026-11-20T00:00:00.000Z' },
      () => {},
    ],
    [
      'record-missing',
      'there is no record',
      /^default\._bimi\.example\.com has no TXT record that begins with v=BIMI1\.$/,
      {},
      () => delete zone['default._bimi.example.com'],
    ],
    [
      'record-missing',
      'there are only other records',
      /begins with v=BIMI1\. Found: "v=bimi1; l=x \| v=spf1"\.$/,
      {},
      () => {
        zone['default._bimi.example.com'] = ['v=bimi1; l=x', 'v=spf1'];
      },
    ],
    [
      'record-differs',
      'the record points at another logo',
      /^default\._bimi\.example\.com has the BIMI record "v=BIMI1; l=.*example\.org\/default\.svg; a=.*", expected l=http.*example\.com\/default\.svg and a=http/,
      {},
      () => {
        zone['default._bimi.example.com'] = [
          `v=BIMI1; l=${url}/example.org/default.svg; a=${url}/example.com/default.pem`,
        ];
      },
    ],
    [
      'record-differs',
      'the record has no address of the chain',
      /, expected l=/,
      {},
      () => {
        zone['default._bimi.example.com'] = [`v=BIMI1; l=${url}/example.com/default.svg; a=`];
      },
    ],
    [
      'record-differs',
      'there are two records',
      /^default\._bimi\.example\.com has 2 BIMI records, expected one\. Found: /,
      {},
      () => {
        zone['default._bimi.example.com'] = [textOf(example), textOf(example)];
      },
    ],
    [
      'record-unreachable',
      'the DNS fails for the record',
      /^The DNS lookup of the BIMI record default\._bimi\.example\.com failed: ESERVFAIL\.$/,
      {},
      () => {
        zone['default._bimi.example.com'] = 'ESERVFAIL';
      },
    ],
    [
      'dmarc-missing',
      'there is no policy',
      /^Neither example\.com nor a domain above it has exactly one DMARC record\.$/,
      {},
      () => delete zone['_dmarc.example.com'],
    ],
    [
      'dmarc-weak',
      'the policy of the domain is not for all messages',
      /^The DMARC record _dmarc\.example\.com has pct=50; BIMI needs quarantine or reject for all messages\.$/,
      {},
      () => {
        zone['_dmarc.example.com'] = ['v=DMARC1; p=quarantine; pct=50'];
      },
    ],
    [
      'dmarc-unreachable',
      'the DNS fails for the policy',
      /^The DNS lookup of the DMARC policy of example\.com failed: ETIMEOUT\.$/,
      {},
      () => {
        zone['_dmarc.example.com'] = 'ETIMEOUT';
      },
    ],
  ])('%s comes alone when %s', async (id, _, message, changes, spoil) => {
    await publish(example, changes);
    spoil();

    const { summaries, error } = await run();

    expect(error).toBeUndefined();
    expect(summaries).toEqual([{ live: 1, broken: 1, unchecked: 0 }]);
    expect(told().map(({ differences }) => differences)).toEqual([[{ id, message: expect.stringMatching(message) }]]);
  });

  test('comes with all others in one event, which says what the publication is', async () => {
    await publish(example, { live: later, revokedAt: '2026-11-20T00:00:00.000Z' });
    site.set('/example.com/default.pem', page(200, 'text/plain', 'another'));
    site.set('/example.com/default.svg', page(200, 'text/plain', 'another'));
    delete zone['default._bimi.example.com'];
    delete zone['_dmarc.example.com'];

    const { broken } = await run();

    expect(bus.calls).toEqual([
      [
        {
          EventBusName: BUS,
          Source: 'mark-certificate-collector',
          DetailType: 'Mark Certificate Publication Broken',
          Detail: expect.any(String),
        },
      ],
    ]);
    expect(told()).toEqual([
      {
        domain: example,
        selector: 'default',
        orderNumber: '1378973013',
        fingerprintSha256: 'c0ffee',
        bimiRecord: recordOf(example),
        differences: [
          'chain-differs',
          'chain-type',
          'logo-differs',
          'logo-type',
          'expired',
          'revoked',
          'record-missing',
          'dmarc-missing',
        ].map((id) => ({ id, message: expect.any(String) })),
      },
    ]);
    expect(broken).toEqual(told());
  });

  test('of a server that is not there does not hide the others', async () => {
    await publish();
    zone['_dmarc.example.com'] = ['v=DMARC1; p=none'];
    await closeSite();

    await run();

    expect(told().map(idsOf)).toEqual([['chain-unreachable', 'logo-unreachable', 'dmarc-weak']]);
    expect(told()[0]?.differences[0]?.message).toMatch(/failed: ECONNREFUSED\.$/);
  });

  test('is an https server that nobody vouches for, whatever it would serve', async () => {
    const selfSigned = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const made = execFileSync('openssl', [...selfSigned, '-subj', '/CN=127.0.0.1', '-keyout', '-', '-out', '-'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await closeSite();
    listener = https.createServer({ key: made, cert: made }, serve);
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    url = `https://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    await publish();

    await run();

    expect(requests).toEqual([]);
    expect(told().map(idsOf)).toEqual([['chain-unreachable', 'logo-unreachable']]);
    expect(told()[0]?.differences[0]?.message).toBe(
      `The chain of example.com is unreachable. The request to ${url}/example.com/default.pem failed: DEPTH_ZERO_SELF_SIGNED_CERT.`,
    );
  });

  test('quotes no more of what others wrote than an event can bear', async () => {
    await publish();
    zone['default._bimi.example.com'] = [`v=BIMI1; l=${'x'.repeat(60_000)}`];
    zone['_dmarc.example.com'] = [`v=DMARC1; p=${'x'.repeat(60_000)}`];
    site.set('/example.com/default.pem', page(301, 'text/html', '', { location: 'x'.repeat(10_000) }));
    site.set('/example.com/default.svg', page(200, 'x'.repeat(10_000), logoOf(example)));

    await run();

    expect(told().map(idsOf)).toEqual([['chain-unreachable', 'logo-type', 'record-differs', 'dmarc-weak']]);
    expect(bus.calls[0]?.[0]?.Detail.length).toBeLessThan(3000);
  });
});

describe('a DMARC policy that is weak', () => {
  test.each([
    ['v=DMARC1; p=reject', 'v=DMARC1; p=none', ['_dmarc.example.com has p=none;']],
    ['v=DMARC1; p=none', 'v=DMARC1; p=reject', ['_dmarc.mail.example.com has p=none;']],
    [
      'v=DMARC1; p=none',
      'v=DMARC1; p=reject; sp=none',
      ['_dmarc.mail.example.com has p=none;', '_dmarc.example.com has sp=none;'],
    ],
  ])('is told of with its record: %j below %j', async (own, higher, clauses) => {
    await publish('mail.example.com');
    zone['_dmarc.mail.example.com'] = [own];
    zone['_dmarc.example.com'] = [higher];

    await run();

    expect(told().map(({ differences }) => differences)).toEqual([
      clauses.map((clause) => ({ id: 'dmarc-weak', message: expect.stringContaining(` ${clause}`) })),
    ]);
  });
});

describe('a certificate that is stored and not published', () => {
  const newer = { domains: ['example.com'], fingerprintSha256: 'beef', notBefore: '2026-11-10T00:00:00.000Z' };
  const order = pairOf('example.com').orderNumber;

  test('is told of as outdated: which it is, and what to do', async () => {
    await publish();
    await keep(order, newer);

    const { summaries } = await run();

    expect(summaries).toEqual([{ live: 1, broken: 1, unchecked: 0 }]);
    expect(told()).toMatchObject([{ orderNumber: order, fingerprintSha256: 'c0ffee' }]);
    expect(told().map(({ differences }) => differences)).toEqual([
      [
        {
          id: 'outdated',
          message:
            `The certificate of example.com is outdated. Order ${order} has a newer one, beef (SHA-256), ` +
            "which is not published. Send the order's event again with its domains, its selector and a new request.",
        },
      ],
    ]);
  });

  test.each([
    ['issued in the same second', order, { notBefore: pairOf('example.com').notBefore }, ['outdated']],
    ['issued a second before', order, { notBefore: '2026-09-30T23:59:59.000Z' }, []],
    ['that is not publishable', order, { publishable: false }, []],
    ['that is the live one', order, { fingerprintSha256: 'c0ffee' }, []],
    ['of another order', '2', {}, []],
  ])('%s', async (_, orderNumber, changes, ids) => {
    await publish();
    await keep(orderNumber, { ...newer, ...changes });

    await run();

    expect(told().flatMap(idsOf)).toEqual(ids);
  });

  test('is told of at every address of the order that shows the old one', async () => {
    await publish('example.com');
    await publish('example.org', { live: { ...pairOf('example.org'), fingerprintSha256: 'beef' } });
    await publish('example.net');
    await keep(order, newer);

    await run();

    expect(told().map((each) => [each.domain, ...idsOf(each)])).toEqual([
      ['example.com', 'outdated'],
      ['example.net', 'outdated'],
    ]);
  });

  test('is not known where the manifest is damaged', async () => {
    await publish();
    await put(`orders/${order}/certificate.json`, '{}');

    expect((await run()).summaries).toEqual([{ live: 1, broken: 0, unchecked: 0 }]);
  });
});

describe('what does not end is ended by the limit', () => {
  const never = new Promise<never>(() => {});

  test.each<[id: string, hang: () => Partial<RunOptions>]>([
    [
      'chain-unreachable',
      () => {
        site.set('/example.com/default.pem', () => {});
        return {};
      },
    ],
    [
      'logo-unreachable',
      () => {
        site.set('/example.com/default.svg', unfinished);
        return {};
      },
    ],
    ...(['default._bimi.example.com', '_dmarc.example.com'] as const).map(
      (hanging): [string, () => Partial<RunOptions>] => [
        hanging.startsWith('_dmarc') ? 'dmarc-unreachable' : 'record-unreachable',
        () => {
          const { asked, resolveTxt } = resolverOf(zone);
          return { resolver: { asked, resolveTxt: (name) => (name === hanging ? never : resolveTxt(name)) } };
        },
      ],
    ),
  ])('%s', async (id, hang) => {
    await publish('example.com');
    await publish('example.org');

    const { error, summaries } = await run({ limitMilliseconds: 250, ...hang() });

    expect(error).toBeUndefined();
    expect(summaries).toEqual([{ live: 2, broken: 1, unchecked: 0 }]);
    expect(told()).toMatchObject([{ domain: 'example.com', differences: [{ id }] }]);
    expect(told()[0]?.differences[0]?.message).toMatch(/: no answer in time\.$/);
  });
});

describe('of several publications', () => {
  const domains = (count: number) => Array.from({ length: count }, (_, index) => `brand${100 + index}.example`);

  test('only those that are broken are told of, in the order of their keys', async () => {
    for (const domain of domains(4)) {
      await publish(domain);
    }
    delete zone['_dmarc.brand103.example'];
    site.delete('/brand101.example/default.svg');

    const { summaries } = await run();

    expect(summaries).toEqual([{ live: 4, broken: 2, unchecked: 0 }]);
    expect(told().map((each) => [each.domain, ...idsOf(each)])).toEqual([
      ['brand101.example', 'logo-unreachable'],
      ['brand103.example', 'dmarc-missing'],
    ]);
  });

  test('those that are not served are neither looked at nor counted', async () => {
    await publish('brand100.example');
    await publish('brand101.example', { served: false, revokedAt: '2026-11-20T00:00:00.000Z' });
    site.delete('/brand101.example/default.pem');

    const { summaries } = await run();

    expect(summaries).toEqual([{ live: 1, broken: 0, unchecked: 0 }]);
    expect(requests.map(({ path }) => path)).toEqual([
      '/brand100.example/default.pem',
      '/brand100.example/default.svg',
    ]);
  });

  test('ten are looked at at once, with one question each', async () => {
    for (const domain of domains(25)) {
      await publish(domain);
    }
    let open = 0;
    let most = 0;
    const ten = Promise.withResolvers<void>();
    const hold = async () => {
      most = Math.max(most, ++open);
      if (open === 10) {
        ten.resolve();
      }
      await ten.promise;
      await new Promise(setImmediate);
      open -= 1;
    };
    for (const [path, answer] of site) {
      site.set(path, (response) => void hold().then(() => answer(response)));
    }
    const { asked, resolveTxt } = resolverOf(zone);

    const { summaries } = await run({
      resolver: { asked, resolveTxt: (name) => hold().then(() => resolveTxt(name)) },
    });

    expect(summaries).toEqual([{ live: 25, broken: 0, unchecked: 0 }]);
    expect(requests).toHaveLength(50);
    expect(most).toBe(10);
  });

  test('nothing but descriptions is read', async () => {
    await publish();
    await put('published/example.com/default.pem', 'chain');
    await put('published/example.com/old/default.json', '{}');
    await put('published/default.json', '{}');

    const { damaged, summaries } = await run();

    expect({ damaged, summaries }).toEqual({ damaged: [], summaries: [{ live: 1, broken: 0, unchecked: 0 }] });
    expect(server.requests.filter(({ method, key }) => method === 'GET' && key).map(({ key }) => key)).toEqual([
      'published/example.com/default.json',
    ]);
  });

  test.each<[string, () => unknown, string]>([
    ['is empty', () => '', 'the whole object: '],
    ['is of a later kind', () => ({ ...descriptionOf('brand101.example'), schemaVersion: 2 }), 'schemaVersion: '],
    ['is another one', () => descriptionOf('brand100.example'), 'describes published/brand100.example/default.json'],
  ])('one whose description %s is broken, and the others are looked at', async (_, damage, problem) => {
    await publish('brand100.example');
    await publish('brand102.example');
    const content = damage();
    const key = 'published/brand101.example/default.json';
    await put(key, typeof content === 'string' ? content : JSON.stringify(content));

    const { damaged, summaries, error } = await run();

    expect(error).toBeUndefined();
    expect(damaged).toEqual([{ key, problem: expect.stringContaining(problem) }]);
    expect(summaries).toEqual([{ live: 2, broken: 1, unchecked: 0 }]);
    expect(told()).toEqual([
      {
        domain: 'brand101.example',
        selector: 'default',
        bimiRecord: recordOf('brand101.example'),
        differences: [
          { id: 'description-damaged', message: expect.stringContaining(`${key} cannot be read: ${problem}`) },
        ],
      },
    ]);
    expect(requests.map(({ path }) => path?.split('/')[1]).toSorted()).toEqual([
      'brand100.example',
      'brand100.example',
      'brand102.example',
      'brand102.example',
    ]);
  });

  test('ten events are sent a call; those that EventBridge does not take are named after all others are sent', async () => {
    for (const domain of domains(12)) {
      await publish(domain);
    }
    await closeSite();
    bus.refuse = ({ Detail }) =>
      ['brand103.example', 'brand111.example'].includes(JSON.parse(Detail).domain)
        ? { ErrorCode: 'InternalFailure', ErrorMessage: 'try again' }
        : undefined;

    const { error, broken } = await run();

    expect(bus.calls.map((entries) => entries.length)).toEqual([10, 2]);
    expect(error).toBeInstanceOf(PublicationsNotReportedError);
    expect(error).toMatchObject({
      name: 'PublicationsNotReportedError',
      message:
        'EventBridge did not accept the event of default._bimi.brand103.example (InternalFailure: try again); ' +
        'EventBridge did not accept the event of default._bimi.brand111.example (InternalFailure: try again)',
    });
    expect(broken.map(({ domain }) => domain)).toEqual(
      domains(12).filter((domain) => domain !== 'brand103.example' && domain !== 'brand111.example'),
    );
  });

  test('those for which no time is left are named, after all that was found is told', async () => {
    for (const domain of domains(11)) {
      await publish(domain);
    }
    delete zone['_dmarc.brand100.example'];
    let time = Date.parse(NOON);
    const { asked, resolveTxt } = resolverOf(zone);
    const resolver = {
      asked,
      resolveTxt: (name: string) => {
        time += 60_000;
        return resolveTxt(name);
      },
    };

    const { error, summaries } = await run({ resolver, now: () => new Date(time), totalMilliseconds: 60_000 });

    expect(summaries).toEqual([{ live: 11, broken: 1, unchecked: 1 }]);
    expect(told().map(idsOf)).toEqual([['dmarc-missing']]);
    expect(error).toMatchObject({
      name: 'PublicationsNotReportedError',
      message: 'no time was left to check default._bimi.brand110.example',
    });
  });
});

describe('a certificate that a newer one would supersede', () => {
  const domains = ['example.com'];
  const reminded = { kept: 2, superseded: 0, reminders: 1, daysToExpiry: 14 };
  const silent = { kept: 2, superseded: 1, reminders: 0, daysToExpiry: 379 };

  beforeEach(async () => {
    await keep('1', { domains, fingerprintSha256: 'live' });
    await keep('2', {
      domains,
      fingerprintSha256: 'newer',
      notBefore: '2026-11-20T00:00:00.000Z',
      notAfter: '2027-12-07T23:59:59.000Z',
    });
  });

  test.each([
    ['is reminded of and measured while it is live', { fingerprintSha256: 'live' }, true, reminded],
    ['is silent where the newer one is live', { fingerprintSha256: 'newer' }, true, silent],
    ['is silent where it was taken down', { fingerprintSha256: 'live' }, false, silent],
  ])('%s', async (_, live, served, summary) => {
    await publish('example.com', { live: { ...pairOf('example.com'), orderNumber: '1', ...live }, served });

    const { surveyed } = await run();

    expect(surveyed).toMatchObject([summary]);
    expect(reminders().map(({ orderNumber }) => orderNumber)).toEqual(summary === reminded ? ['1'] : []);
  });

  test('is silent where the descriptions cannot be read, and others are not', async () => {
    await publish('example.com', { live: { ...pairOf('example.com'), fingerprintSha256: 'live' } });
    await keep('3');
    server.before = ({ key }) => (key.startsWith('published/') ? { status: 503, code: 'SlowDown' } : undefined);

    const { surveyed, error } = await run();

    expect(error).toMatchObject({ name: 'SlowDown' });
    expect(surveyed).toMatchObject([{ kept: 3, superseded: 1, reminders: 1 }]);
    expect(reminders().map(({ orderNumber }) => orderNumber)).toEqual(['3']);
  });
});

describe('reminders and publications do not keep each other from being told', () => {
  beforeEach(async () => {
    await keep('1');
    await publish();
    zone['_dmarc.example.com'] = ['v=DMARC1; p=none'];
  });

  const ordersOf = (all: readonly Reminder[]) => all.map(({ orderNumber }) => orderNumber);

  test('both are', async () => {
    expect((await run()).error).toBeUndefined();
    expect(ordersOf(reminders())).toEqual(['1']);
    expect(told().map(idsOf)).toEqual([['dmarc-weak']]);
  });

  test('all is told when neither public address nor DNS answers', async () => {
    await closeSite();
    const resolver = {
      asked: [],
      resolveTxt: () => Promise.reject(Object.assign(new Error(), { code: 'ECONNREFUSED' })),
    };

    const { error, reminded } = await run({ resolver });

    expect(error).toBeUndefined();
    expect(ordersOf(reminded)).toEqual(['1']);
    expect(told().map(idsOf)).toEqual([
      ['chain-unreachable', 'logo-unreachable', 'record-unreachable', 'dmarc-unreachable'],
    ]);
  });

  test('reminders are sent when S3 does not give a description', async () => {
    server.before = ({ key }) => (key.startsWith('published/') ? { status: 503, code: 'SlowDown' } : undefined);

    const { error, summaries } = await run();

    expect(error).toMatchObject({ name: 'SlowDown' });
    expect(summaries).toEqual([]);
    expect(ordersOf(reminders())).toEqual(['1']);
  });

  test('publications are told of when S3 does not give a manifest', async () => {
    server.before = ({ key }) => (key.startsWith('orders/') ? { status: 503, code: 'SlowDown' } : undefined);

    const { error } = await run();

    expect(error).toMatchObject({ name: 'SlowDown' });
    expect(reminders()).toEqual([]);
    expect(told().map(idsOf)).toEqual([['dmarc-weak']]);
  });

  test('both errors are thrown where both fail', async () => {
    bus.refuse = () => ({ ErrorCode: 'InternalFailure', ErrorMessage: 'try again' });

    const { error } = await run();

    expect(error).toBeInstanceOf(AggregateError);
    expect(error).toMatchObject({
      message:
        'RemindersNotSentError: EventBridge did not accept the reminder of order 1 (InternalFailure: try again); ' +
        'PublicationsNotReportedError: EventBridge did not accept the event of default._bimi.example.com (InternalFailure: try again)',
      errors: [expect.any(RemindersNotSentError), expect.any(PublicationsNotReportedError)],
    });
  });
});

describe('the function', () => {
  let written: string;

  beforeEach(() => {
    written = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      written += String(chunk);
      return true;
    });
    vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
      written += String(chunk);
      return true;
    });
    vi.useFakeTimers({ toFake: ['Date'], now: new Date(NOON) });
    for (const [name, value] of Object.entries({
      AWS_ENDPOINT_URL_S3: server.url,
      AWS_ENDPOINT_URL_EVENTBRIDGE: bus.url,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
    })) {
      vi.stubEnv(name, value);
    }
  });

  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
    vi.unstubAllEnvs();
  });

  const variables = { BUCKET_NAME: BUCKET, EVENT_BUS_NAME: BUS, REMIND_BEFORE_DAYS: '30' };
  const context: Context = {
    functionName: 'survey',
    functionVersion: '$LATEST',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:survey',
    memoryLimitInMB: '512',
    awsRequestId: '6ff5c4ad-0c1c-4d29-b1c7-a5be50e3cd4b',
    logGroupName: 'survey',
    logStreamName: 'local',
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => 60_000,
    done: () => {},
    fail: () => {},
    succeed: () => {},
  };

  /** Log lines, and the metrics in their own lines. */
  function output() {
    const lines: Record<string, unknown>[] = written
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
    const logged = lines.filter((line) => 'message' in line);
    const metrics = Object.assign({}, ...lines.filter((line) => '_aws' in line));
    return { logged, metrics };
  }

  test('writes a line for each damaged description, for each broken publication, one in all, and the metrics', async () => {
    await publish('example.com');
    await publish('example.net');
    await put('published/example.org/default.json', '{}');
    zone['_dmarc.example.net'] = ['v=DMARC1; p=none'];

    await createHandler({ ...variables, PUBLISHED_URL: url }, resolverOf(zone))({}, context);

    const { logged, metrics } = output();
    expect(logged).toMatchObject([
      { level: 'INFO', message: 'survey', kept: 0 },
      { level: 'ERROR', message: 'publication damaged', key: 'published/example.org/default.json' },
      { level: 'INFO', message: 'publications', live: 2, broken: 2, unchecked: 0 },
      {
        level: 'WARN',
        message: 'publication broken',
        domain: 'example.org',
        differences: [{ id: 'description-damaged' }],
      },
      { level: 'WARN', message: 'publication broken', domain: 'example.net', differences: [{ id: 'dmarc-weak' }] },
    ]);
    expect(metrics).toMatchObject({
      service: 'survey',
      PublicationsLive: 2,
      PublicationsBroken: 2,
      CertificatesKept: 0,
      SurveyRuns: 1,
    });
  });

  test('measures what is broken even when EventBridge does not take the event, but not a run', async () => {
    await publish();
    await closeSite();
    bus.refuse = () => ({ ErrorCode: 'InternalFailure', ErrorMessage: 'try again' });

    const handler = createHandler({ ...variables, PUBLISHED_URL: url }, resolverOf(zone));

    await expect(handler({}, context)).rejects.toThrow('default._bimi.example.com (InternalFailure: try again)');
    const { metrics } = output();
    expect(metrics).toMatchObject({ PublicationsLive: 1, PublicationsBroken: 1 });
    expect(metrics).not.toHaveProperty('SurveyRuns');
  });

  test.each([undefined, ''])('looks at nothing published where PUBLISHED_URL is %j', async (PUBLISHED_URL) => {
    await publish();
    const resolver = resolverOf(zone);

    await createHandler({ ...variables, PUBLISHED_URL }, resolver)({}, context);

    expect(server.requests.filter(({ method }) => method === 'GET').map(({ query }) => query.get('prefix'))).toEqual([
      'orders/',
    ]);
    expect([requests, resolver.asked]).toEqual([[], []]);
    const { logged, metrics } = output();
    expect(logged.map(({ message }) => message)).toEqual(['survey']);
    expect(metrics).not.toHaveProperty('PublicationsLive');
    expect(metrics).not.toHaveProperty('PublicationsBroken');
  });

  test.each(['http://d111.cloudfront.net', 'd111.cloudfront.net', 'ftp://127.0.0.1'])(
    'does not start with PUBLISHED_URL %j',
    (PUBLISHED_URL) => {
      expect(() => createHandler({ ...variables, PUBLISHED_URL })).toThrow('PUBLISHED_URL');
    },
  );

  test.each(['https://d111.cloudfront.net', 'http://localhost:8080'])(
    'starts with PUBLISHED_URL %j',
    (PUBLISHED_URL) => {
      expect(() => createHandler({ ...variables, PUBLISHED_URL })).not.toThrow();
    },
  );
});
