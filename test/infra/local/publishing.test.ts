import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tls from 'node:tls';
import type { VMCValidationResult } from 'mailauth';
import { bimi, validateVMC } from 'mailauth/lib/bimi/index.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { recordText } from '../../../functions/bimi.ts';
import type { PublishResult } from '../../../functions/publish/publish.ts';
import type { Publication } from '../../../functions/store/publication.ts';
import type {
  CertificateAuthority,
  IssuedMarkCertificate,
  MarkCertificateRequest,
} from '../../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { type LocalCloud, startLocalCloud } from '../../../infra/local/cloud/local-cloud.ts';
import type { TlsIdentity } from '../../../infra/local/cloud/published-server.ts';
import { openAuthority } from '../../authority.ts';
import { withoutHttp } from '../../aws-json-direct.ts';
import { crlDownload } from '../../crls.ts';
import { startDirectS3Server } from '../../s3-direct.ts';

const credentials = { loginName: 'brand@example.com', loginPassword: 'correct+horse battery%staple' };
const DOMAIN = 'example.com';
const DAY = 86_400_000;

/** The trust store of the verifier, in a package that only the verifier depends on. */
const { RootStore } = createRequire(import.meta.resolve('mailauth/lib/bimi/index.js'))(
  '@postalsys/vmc/lib/root-store',
) as { readonly RootStore: new () => { addCert(pem: string): boolean } };

let authority: CertificateAuthority;
let cloud: LocalCloud;
let identity: TlsIdentity;
let trusted: string[];

beforeAll(async () => {
  authority = await openAuthority();
  identity = createIdentity();
  trusted = tls.getCACertificates('default');
  // The verifier accepts https only, so it must trust the certificate of the local server.
  tls.setDefaultCACertificates([...trusted, identity.cert]);
});
afterAll(() => tls.setDefaultCACertificates(trusted));
beforeEach(async () => {
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockReturnValue(true);
  }
  // One attempt, because clients that retry use HTTP.
  vi.stubEnv('AWS_MAX_ATTEMPTS', '1');
  cloud = await startLocalCloud({
    credentials,
    downloadCrls: crlDownload(),
    startS3: startDirectS3Server,
    prepareEndpoint: withoutHttp,
    tls: identity,
    settings: { publish: true, trustAnchors: sha256(authority.root), ctLogs: authority.log.key },
  });
});
afterEach(async () => {
  await cloud.close();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe('An independent verifier', () => {
  test('accepts the published files with the record for the DNS.', async () => {
    const certificate = issue();
    const { published, notPublished } = await collect('1', certificate);
    expect(notPublished).toEqual([]);

    const verdict = await verify(published[0]?.bimiRecord);

    expect(verdict).toMatchObject({
      location: { success: true },
      authority: { success: true, domainVerified: true, hashMatch: true, vmc: { type: 'VMC' } },
    });
    expect(Buffer.from(verdict.location?.logoFile ?? '', 'base64').equals(certificate.svg)).toBe(true);
  });

  test('rejects them if it does not trust the root.', async () => {
    const { published } = await collect('1', issue());

    const verdict = await verify(published[0]?.bimiRecord, []);

    expect(verdict).toMatchObject({ authority: { success: false, error: { code: 'SELF_SIGNED_CERT_IN_CHAIN' } } });
  });
});

describe('The renewal of a published certificate', () => {
  test('keeps the addresses, replaces the content at once, and keeps a description of the previous certificate.', async () => {
    const first = issue({ notBefore: daysAgo(300) });
    const [before] = (await collect('1', first)).published;
    const old = await describedAt();
    const renewed = issue();

    const [after] = (await collect('2', renewed)).published;

    expect(after).toEqual({ ...before, changed: true });
    expect(await fetchText(old.live.objects.chain.key)).toBe(pem(renewed.chain));
    const now = await describedAt();
    expect(now.live).toMatchObject({ orderNumber: '2', fingerprintSha256: sha256(renewed.leaf) });
    expect(now.previous).toEqual([old.live]);
    expect(await verify(after?.bimiRecord)).toMatchObject({ authority: { success: true, hashMatch: true } });
  });
});

describe('A certificate is not published', () => {
  test.each<[reason: string, request: Partial<MarkCertificateRequest>]>([
    ['older', { notBefore: daysAgo(10) }],
    ['other-owner', { owner: 'Somebody Else Limited' }],
    ['not-publishable', { svg: '<svg xmlns="http://www.w3.org/2000/svg"/>' }],
    ['not-covered', { domains: ['example.org'] }],
    ['not-publishable', { notBefore: daysAgo(1), notAfter: new Date(Math.floor(Date.now() / 1000) * 1000 - 1000) }],
  ])('for the reason %s.', async (reason, request) => {
    const current = issue();
    await collect('1', current);

    const { published, notPublished } = await collect('2', issue(request));

    expect(published).toEqual([]);
    expect(notPublished).toMatchObject([{ domain: DOMAIN, selector: 'default', reason }]);
    expect(notPublished[0]?.message).not.toBe('');
    expect((await describedAt()).live.orderNumber).toBe('1');
    expect(await fetchText(`published/${DOMAIN}/default.pem`)).toBe(pem(current.chain));
  });

  test('if its chain is broken.', async () => {
    const { leaf, root } = issue();
    cloud.ca.order('1', [{ kind: 'issued', certificates: [leaf, root] }]);

    await announce('1');

    expect(cloud.executions.get('order-1')).toMatchObject({ status: 'FAILED', error: 'InvalidChain' });
    expect((await fetch(publicUrl('pem'))).status).toBe(403);
  });
});

describe('An option of the order', () => {
  test('can replace the certificate of another owner: "replace": true.', async () => {
    await collect('1', issue());
    const other = issue({ owner: 'Somebody Else Limited' });

    const { published } = await collect('2', other, { replace: true });

    expect(published).toMatchObject([{ domain: DOMAIN, changed: true }]);
    expect(await fetchText(`published/${DOMAIN}/default.pem`)).toBe(pem(other.chain));
  });

  test('can select other addresses: "selector".', async () => {
    const { published } = await collect('1', issue(), { selector: 'summer' });

    expect(published[0]?.bimiRecord).toMatch(
      /^summer\._bimi\.example\.com\. TXT "v=BIMI1; l=https:.*\/summer\.svg; a=/,
    );
  });
});

describe('The event and the manifest', () => {
  test('contain the complete record.', async () => {
    const { published } = await collect('1', issue());
    const record = published[0]?.bimiRecord;

    expect(cloud.announced).toMatchObject([
      { detail: { certificate: { bimiRecords: [record] }, publication: { published: [{ bimiRecord: record }] } } },
    ]);
    const manifest = JSON.parse(await fetchText('orders/1/certificate.json')) as { readonly bimiRecords: unknown };
    expect(manifest.bimiRecords).toEqual([record]);
  });
});

function issue(request: Partial<MarkCertificateRequest> = {}): IssuedMarkCertificate {
  return authority.issue({ domains: [DOMAIN], ...request });
}

async function announce(orderNumber: string, detail: object = {}): Promise<void> {
  await cloud.send({
    source: 'mark-certificates',
    'detail-type': 'Mark Certificate Ordered',
    detail: { orderNumber, domains: [DOMAIN], ...detail },
  });
  await cloud.executions.get(`order-${orderNumber}`)?.ended;
}

/** Runs an order from its event to its end. @returns the result of the state Publish. */
async function collect(
  orderNumber: string,
  { chain }: IssuedMarkCertificate,
  detail: object = {},
): Promise<PublishResult> {
  cloud.ca.order(orderNumber, [{ kind: 'issued', certificates: chain }]);
  await announce(orderNumber, detail);
  const { output } = cloud.executions.get(`order-${orderNumber}`) ?? {};
  return (output as { readonly publication: PublishResult }).publication;
}

/** The verdict of mailauth on a domain with this record and an enforcing DMARC policy. Its resolver is local. */
async function verify(bimiRecord = '', roots = [authority.root]): Promise<VMCValidationResult> {
  const [, name = ''] = /^(\S+)\. TXT "/.exec(bimiRecord) ?? [];
  const zone: Readonly<Record<string, string>> = {
    [name]: recordText(bimiRecord),
    [`_dmarc.${DOMAIN}`]: 'v=DMARC1; p=reject',
  };
  const rootStore = new RootStore();
  for (const root of roots) {
    rootStore.addCert(pem([root]));
  }
  const found = await bimi({
    dmarc: {
      status: { result: 'pass', header: { from: DOMAIN, d: DOMAIN } },
      domain: DOMAIN,
      policy: 'reject',
      p: 'reject',
      sp: 'reject',
      testMode: false,
      alignment: { spf: { result: DOMAIN, strict: false }, dkim: { result: DOMAIN, strict: false } },
      info: '',
      rr: zone[`_dmarc.${DOMAIN}`] ?? '',
    },
    headers: { parsed: [] },
    resolver: async (queried: string) => {
      const answer = zone[queried];
      if (answer === undefined) {
        throw Object.assign(new Error(`no ${queried} here`), { code: 'ENOTFOUND' });
      }
      return [[answer]];
    },
  });
  expect(found).toMatchObject({ status: { result: 'pass' } });
  const verdict = await validateVMC(found || null, { rootStore });
  if (!verdict) {
    throw new Error('mailauth returned no verdict');
  }
  return verdict;
}

function publicUrl(extension: string): string {
  return `${cloud.publishedUrl}${DOMAIN}/default.${extension}`;
}

/** Reads a published chain from its public address, and every other object from the bucket. */
async function fetchText(key: string): Promise<string> {
  if (/^published\/.*\.pem$/.test(key)) {
    const response = await fetch(`${cloud.publishedUrl}${key.slice('published/'.length)}`, { redirect: 'error' });
    expect(response.status).toBe(200);
    return response.text();
  }
  return (await fetch(`${cloud.s3Url}/${cloud.bucket}/${key}`)).text();
}

async function describedAt(): Promise<Publication> {
  return JSON.parse(await fetchText(`published/${DOMAIN}/default.json`)) as Publication;
}

/** A self-signed certificate for the host localhost. */
function createIdentity(): TlsIdentity {
  const directory = mkdtempSync(join(tmpdir(), 'mark-certificate-collector-'));
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  try {
    execFileSync('openssl', [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        key,
        '-out',
        cert,
        '-days',
        '2',
      ],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
    ]);
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Whole seconds, because dates in certificates have no fractions. */
function daysAgo(days: number): Date {
  return new Date(Math.floor((Date.now() - days * DAY) / 1000) * 1000);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
