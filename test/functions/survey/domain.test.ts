import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { InvalidChainError, readMarkCertificate } from '../../../functions/certificate/report.ts';
import { createDownload } from '../../../functions/download.ts';
import { checkDomain } from '../../../functions/survey/domain.ts';
import { FILE_RULES } from '../../../functions/survey/look-up.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { openLongstandingAuthority } from '../../authority.ts';
import { type NameServer, type Records, startNameServer } from './name-server.ts';
import { type Page, type PublicSite, page, startPublicSite } from './public-site.ts';

const CHAIN_TYPE = 'application/pem-certificate-chain';
const SVG_TYPE = 'image/svg+xml';
const NOON = new Date('2026-06-01T12:00:00Z');

const authority = await openLongstandingAuthority();
const ISSUED = { domains: ['example.com'], notBefore: new Date('2026-01-01T00:00:00Z'), nullParameters: true };
const { chain, svg } = authority.issue(ISSUED);
const PEM = Buffer.from(pem(chain));
const SVG = Buffer.from(svg);

let site: PublicSite;
let ca: PublicSite;
let zone: Record<string, Records>;
let server: NameServer;

beforeAll(async () => {
  [site, ca] = await Promise.all([startPublicSite(), startPublicSite()]);
});

afterAll(() => Promise.all([site.close(), ca.close()]));

beforeEach(async () => {
  site.pages.clear();
  ca.pages.clear();
  zone = { '_dmarc.example.com': { TXT: ['v=DMARC1; p=reject'] } };
  record(`v=BIMI1; l=${site.url}/logo.svg; a=${site.url}/chain.pem`);
  serve('/chain.pem', page(200, CHAIN_TYPE, PEM));
  serve('/logo.svg', page(200, SVG_TYPE, SVG));
  server = await startNameServer(zone);
});

afterEach(() => server.close());

function record(...texts: readonly (string | readonly string[])[]): void {
  zone['default._bimi.example.com'] = { TXT: texts };
}

const serve = (path: string, answer: Page) => site.pages.set(path, answer);

interface Options {
  readonly limitMilliseconds?: number;
  readonly trusted?: boolean;
  readonly at?: Date;
}

async function look(
  domain = 'example.com',
  selector = 'default',
  { limitMilliseconds = 5_000, trusted = true, at = NOON }: Options = {},
) {
  const checked = await checkDomain(domain, selector, {
    resolver: server.resolver(),
    limitMilliseconds,
    allowLoopback: true,
    download: createDownload(FILE_RULES, { allowLoopback: true }),
    expectations: {
      at,
      trustAnchors: trusted ? [createHash('sha256').update(authority.root).digest('hex')] : [],
      ctLogs: [authority.log.key],
    },
    checkCrls: undefined,
  });
  const { lookup, chain: served, logo } = checked;
  return {
    ...checked,
    ids: lookup.findings.map(({ id }) => id),
    text: lookup.findings.map(({ message }) => message).join('\n'),
    errors:
      served === undefined
        ? ['none']
        : served instanceof InvalidChainError
          ? [served.message]
          : served.report.findings.flatMap(({ id, severity }) => (severity === 'error' ? [id] : [])),
    sha256: logo?.logo.sha256,
  };
}

describe('A file', () => {
  test('at the host of the CA is used like one at the domain.', async () => {
    ca.pages.set('/bimi/1.pem', page(200, CHAIN_TYPE, PEM));
    ca.pages.set('/bimi/1.svg', page(200, SVG_TYPE, SVG));
    record(`v=BIMI1; l=${ca.url}/bimi/1.svg; a=${ca.url}/bimi/1.pem;`);
    const { ids, errors, lookup } = await look();
    expect({ ids, errors }).toEqual({ ids: [], errors: [] });
    expect(lookup).toMatchObject({ chainUrl: `${ca.url}/bimi/1.pem`, logoUrl: `${ca.url}/bimi/1.svg` });
  });

  test.each<[how: string, send: (response: ServerResponse, body: Buffer) => void]>([
    [
      'in chunks',
      (response, body) => {
        response.write(body.subarray(0, 100));
        response.end(body.subarray(100));
      },
    ],
    ['compressed with gzip', (response, body) => response.setHeader('content-encoding', 'gzip').end(gzipSync(body))],
    [
      'compressed with x-gzip',
      (response, body) => response.setHeader('content-encoding', 'X-GZIP').end(gzipSync(body)),
    ],
    [
      'compressed with deflate',
      (response, body) => response.setHeader('content-encoding', 'deflate').end(deflateSync(body)),
    ],
    [
      'compressed with br',
      (response, body) => response.setHeader('content-encoding', 'br').end(brotliCompressSync(body)),
    ],
    ['with the coding identity', (response, body) => response.setHeader('content-encoding', 'identity').end(body)],
  ])('that is sent %s is the same file.', async (_, send) => {
    serve('/chain.pem', (response) => send(response.setHeader('content-type', CHAIN_TYPE), PEM));
    serve('/logo.svg', (response) => send(response.setHeader('content-type', `${SVG_TYPE}; charset=utf-8`), SVG));
    const { ids, errors } = await look();
    expect({ ids, errors }).toEqual({ ids: [], errors: [] });
  });

  test.each<[problem: RegExp, how: string, answer: Page]>([
    [
      /Content-Encoding zstd, which was not requested/,
      'in an unknown coding',
      page(200, SVG_TYPE, SVG, { 'content-encoding': 'zstd' }),
    ],
    [
      /Content-Encoding gzip, but it cannot be decoded/,
      'in another coding than it names',
      page(200, SVG_TYPE, SVG, { 'content-encoding': 'gzip' }),
    ],
    [/more than 262144 bytes/, 'with a huge body', page(200, SVG_TYPE, Buffer.alloc(262_145, ' '))],
    [
      /more than 262144 bytes/,
      'with a body that is huge when inflated',
      page(200, SVG_TYPE, gzipSync(Buffer.alloc(50_000_000)), { 'content-encoding': 'gzip' }),
    ],
    [/HTTP 500/, 'with another status', page(500, SVG_TYPE, SVG)],
    [/HTTP 204/, 'without a body', page(204, SVG_TYPE, '')],
    [/HTTP 301/, 'with a redirect without a target', page(301, 'text/plain', '')],
    [/more than 3 redirects/, 'in a circle', page(302, 'text/plain', '', { location: '/logo.svg' })],
    [
      /a redirect leads to ftp:/,
      'with a redirect to another protocol',
      page(308, 'text/plain', '', { location: 'ftp://example.com/logo.svg' }),
    ],
    [
      /a redirect leads to http:/,
      'with a redirect to plain http',
      page(301, 'text/plain', '', { location: 'http://example.com/logo.svg' }),
    ],
    [
      /10\.0\.0\.1, which is not on the public internet/,
      'with a redirect to a private address',
      page(307, 'text/plain', '', { location: 'https://10.0.0.1/logo.svg' }),
    ],
    [
      /169\.254\.169\.254, which is not/,
      'with a redirect to the metadata of a cloud',
      page(302, 'text/plain', '', { location: 'https://169.254.169.254/latest' }),
    ],
    [
      /the URL contains credentials/,
      'with a redirect with a password',
      page(302, 'text/plain', '', { location: 'https://a:b@example.com/' }),
    ],
    [
      /the connection was closed/,
      'with a body that breaks off',
      (response) => response.writeHead(200, { 'content-length': 9 }).write('<svg', () => response.destroy()),
    ],
  ])('fails with %s: it is served %s.', async (problem, _, answer) => {
    serve('/logo.svg', answer);
    const { ids, text, errors } = await look();
    expect(ids).toEqual(['logo-unreachable']);
    expect(text).toMatch(problem);
    expect(errors).toEqual([]);
  });

  test('that does not arrive in time fails.', async () => {
    serve('/chain.pem', async (response) => {
      response.writeHead(200, { 'content-type': CHAIN_TYPE });
      for (const byte of PEM) {
        if (!response.writable) {
          return;
        }
        response.write(Buffer.of(byte));
        await wait(20);
      }
    });
    const { ids, text } = await look('example.com', 'default', { limitMilliseconds: 300 });
    expect(ids).toEqual(['chain-unreachable']);
    expect(text).toContain('no complete answer in time');
  });

  test.each([301, 302, 303, 307, 308])(
    'behind redirects with the status %i is used, with a warning.',
    async (status) => {
      ca.pages.set('/there.pem', page(status, 'text/plain', '', { location: 'final.pem' }));
      ca.pages.set('/final.pem', page(200, CHAIN_TYPE, PEM));
      serve('/chain.pem', page(status, 'text/plain', '', { location: '../here.pem?v=1' }));
      serve('/here.pem?v=1', page(status, 'text/plain', '', { location: `${ca.url}/there.pem` }));
      const { ids, errors, text, lookup } = await look();
      expect({ ids, errors }).toEqual({ ids: ['chain-redirect'], errors: [] });
      expect(text).toContain(`"${site.url}/chain.pem" redirects to "${ca.url}/final.pem"`);
      expect(lookup.chainUrl).toBe(`${site.url}/chain.pem`);
    },
  );

  test('over TLS with a certificate that is not trusted fails, and the reason is named.', async () => {
    const certificate = execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
        ...['-keyout', '-', '-out', '-', '-days', '1', '-subj', '/CN=other.example'],
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const secure = await startPublicSite({ key: certificate, cert: certificate });
    onTestFinished(() => secure.close());
    secure.pages.set('/chain.pem', page(200, CHAIN_TYPE, PEM));
    serve('/chain.pem', page(302, 'text/plain', '', { location: `${secure.url}/chain.pem` }));
    const { ids, text } = await look();
    expect(ids).toEqual(['chain-unreachable']);
    expect(text).toMatch(/the TLS certificate of the server is not trusted \((DEPTH_ZERO_)?SELF_SIGNED_CERT/);
  });

  test('of a host without TLS fails.', async () => {
    const location = site.url.replace('http:', 'https:');
    serve('/logo.svg', page(302, 'text/plain', '', { location: `${location}/logo.svg` }));
    const { ids, text } = await look();
    expect(ids).toEqual(['logo-unreachable']);
    expect(text).toMatch(/the TLS connection failed|violates the TLS protocol/);
  });
});

describe('The chain', () => {
  test('of an unknown root is an error.', async () => {
    expect((await look('example.com', 'default', { trusted: false })).errors).toEqual(['untrusted-root']);
  });

  test('without its issuing certificate is not a chain.', async () => {
    serve('/chain.pem', page(200, CHAIN_TYPE, pem(chain.slice(0, 1))));
    const { errors } = await look();
    expect(errors).toEqual([expect.stringContaining('issuing certificate is missing')]);
  });

  test.each(['<html>Not found</html>', '', 'v=BIMI1', '{}'])('may not be %j.', async (body) => {
    serve('/chain.pem', page(200, CHAIN_TYPE, body));
    const { ids, chain: served } = await look();
    expect(ids).toEqual([]);
    expect(served).toBeInstanceOf(InvalidChainError);
  });

  test('must cover the domain of the record.', async () => {
    zone['default._bimi.example.org'] = zone['default._bimi.example.com'] ?? {};
    zone['_dmarc.example.org'] = { TXT: ['v=DMARC1; p=quarantine'] };
    expect((await look('example.org')).errors).toEqual(['domain-coverage']);
  });
});

describe('The logo', () => {
  test.each([
    ['with a byte-order mark', Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), SVG])],
    ['with a newline at its end', Buffer.concat([SVG, Buffer.of(10)])],
    ['with other line ends', Buffer.from(`${SVG.toString().replaceAll('\n', '\r\n')}\r\n`)],
  ])('%s is not the one in the certificate.', async (_, body) => {
    serve('/logo.svg', page(200, SVG_TYPE, body));
    const { ids, logo } = await look();
    expect(ids).toEqual(['logo-differs']);
    expect(logo?.publishable).toBe(true);
  });

  test('as SVGZ is the one that it contains.', async () => {
    record(`v=BIMI1; l=${site.url}/logo.svgz; a=${site.url}/chain.pem`);
    serve('/logo.svgz', page(200, SVG_TYPE, gzipSync(SVG)));
    const { ids, sha256 } = await look();
    expect(ids).toEqual([]);
    expect(sha256).toBe(createHash('sha256').update(SVG).digest('hex'));
  });

  test('that breaks the profile is an error.', async () => {
    serve('/logo.svg', page(200, SVG_TYPE, '<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'));
    const { ids, logo } = await look();
    expect(ids).toEqual(['logo-differs']);
    expect(logo).toMatchObject({ publishable: false });
  });

  test('that is not XML is an error.', async () => {
    serve('/logo.svg', page(200, SVG_TYPE, Buffer.of(0x1f, 0x8b, 8, 0, 1, 2, 3)));
    expect((await look()).logo).toMatchObject({ publishable: false });
  });
});

describe('The record', () => {
  const files = () => `l=${site.url}/logo.svg; a=${site.url}/chain.pem`;

  test.each<[what: string, texts: () => readonly (string | readonly string[])[]]>([
    ['in several strings', () => [['v=BI', 'MI1; ', ...(files().match(/.{1,9}/g) ?? [])]]],
    ['with white space', () => [`  v  =  BIMI1 ;  ${files().replaceAll('=', ' = ')} ; `]],
    ['beside others', () => ['v=spf1 -all', `v=BIMI1; ${files()}`, 'v=bimi1; l=; a=', 'v=BIMI2; l=; a=']],
    ['with unknown tags', () => [`v=BIMI1; x=1; ${files()}; s=foo; L=https://other.example/; z`]],
  ])('%s is read.', async (_, texts) => {
    record(...texts());
    const { ids, errors } = await look();
    expect({ ids, errors }).toEqual({ ids: [], errors: [] });
  });

  test.each(['v=bimi1; ', 'V=BIMI1; ', 'v=BIMI1 ', 'l=; v=BIMI1; ', 'v=BIMI1.0; '])(
    'that begins with %j is none.',
    async (beginning) => {
      record(`${beginning}${files()}`);
      expect((await look()).ids).toEqual(['record-missing']);
    },
  );

  test('that is one of several is not used.', async () => {
    record(`v=BIMI1; ${files()}`, 'v=BIMI1; l=; a=');
    const { ids, lookup } = await look();
    expect(ids).toEqual(['record-differs']);
    expect(lookup.record).toBeNull();
  });

  test('of an alias is used.', async () => {
    zone['default._bimi.brand.example'] = zone['default._bimi.example.com'] ?? {};
    zone['default._bimi.example.com'] = { CNAME: 'default._bimi.brand.example' };
    expect((await look()).ids).toEqual([]);
  });

  test('of a wildcard is used.', async () => {
    zone['*._bimi.example.com'] = zone['default._bimi.example.com'] ?? {};
    delete zone['default._bimi.example.com'];
    expect((await look('example.com', 'news')).ids).toEqual([]);
  });

  test('of the organization applies to a subdomain without one, but not to one that declines.', async () => {
    expect((await look('a.news.example.com')).lookup).toMatchObject({ domain: 'example.com', findings: [] });
    zone['default._bimi.news.example.com'] = { TXT: ['v=BIMI1; l=; a=;'] };
    expect((await look('news.example.com')).ids).toEqual(['record-declines']);
  });

  test('of the organization is named if it is not one record.', async () => {
    record('v=BIMI1; l=; a=', 'v=BIMI1; l=; a=');
    const { ids, text, lookup } = await look('news.example.com');
    expect(ids).toEqual(['record-differs']);
    expect(text).toContain('default._bimi.example.com has 2 BIMI records');
    expect(lookup.domain).toBe('example.com');
  });

  test('of a domain in other letters is that of its A-label.', async () => {
    zone['default._bimi.xn--bcher-kva.example'] = zone['default._bimi.example.com'] ?? {};
    zone['_dmarc.xn--bcher-kva.example'] = { TXT: ['v=DMARC1; p=reject'] };
    expect((await look('xn--bcher-kva.example')).errors).toEqual(['domain-coverage']);
  });

  test.each<[id: string, text: () => string]>([
    ['record-declines', () => 'v=BIMI1; l=; a=;'],
    ['record-declines', () => 'v=BIMI1; l=;'],
    ['record-declines', () => 'v=BIMI1; a=; l=; lps=news'],
    ['record-incomplete', () => 'v=BIMI1'],
    ['record-incomplete', () => 'v=BIMI1; a=;'],
    ['record-incomplete', () => `v=BIMI1; l=${site.url}/logo.svg`],
    ['record-incomplete', () => `v=BIMI1; l=; a=${site.url}/chain.pem`],
    ['record-invalid', () => `v=BIMI1; ${files()}; l=${site.url}/logo.svg`],
    ['record-invalid', () => `v=BIMI1; a=${site.url}/chain.pem; l=http://example.com/logo.svg`],
    ['record-invalid', () => `v=BIMI1; a=${site.url}/chain.pem; l=example.com/logo.svg`],
    ['record-invalid', () => `v=BIMI1; a=${site.url}/chain.pem; l=https://logos/logo.svg`],
    ['record-invalid', () => `v=BIMI1; a=${site.url}/chain.pem; l=https://192.0.2.1/logo.svg`],
    ['record-invalid', () => `v=BIMI1; a=${site.url}/chain.pem; l=https://[2001:db8::1]/logo.svg`],
    ['record-invalid', () => `v=BIMI1; a=${site.url}/chain.pem; l=https://example.com/logo.PNG?size=1`],
    ['record-invalid', () => `v=BIMI1; a=${site.url}/chain.pem; l=https://example.com/my logo.svg`],
    ['record-invalid', () => `v=BIMI1; a=${site.url}/chain.pem; l=https://example.com/a.svg,https://example.com/b.svg`],
  ])('has the only error %s: %o', async (id, text) => {
    record(text());
    const { ids, lookup } = await look();
    expect(ids).toEqual([id]);
    expect(lookup.record).toBe(text());
  });

  test.each([
    ['', null, 'brand'],
    ['lps=', [], 'brand'],
    ['lps=news', ['news'], 'brand'],
    ['lps = news , team- , X1', ['news', 'team-', 'X1'], 'brand'],
    ['avp=personal', null, 'personal'],
    ['avp = brand; lps=a', ['a'], 'brand'],
  ] as const)('with %j requests what receivers read.', async (tags, localParts, avatar) => {
    record(`v=BIMI1; ${files()}; ${tags}`);
    const { ids, lookup } = await look();
    expect(ids).toEqual([]);
    expect(lookup).toMatchObject({ localParts, avatar });
  });

  test.each([
    ['lps=news.letter', null, 'brand', '"news.letter" in the tag lps='],
    ['lps=a,,b', null, 'brand', '"" in the tag lps='],
    [`lps=${'a'.repeat(64)}`, null, 'brand', 'in the tag lps='],
    ['lps=a; lps=b', null, 'brand', 'the tag lps= several times'],
    ['lps=true', ['true'], 'brand', 'a switch in earlier drafts'],
    ['avp=Brand', null, 'brand', '"Brand" in the tag avp='],
    ['avp=', null, 'brand', '"" in the tag avp='],
    ['avp=bimi', null, 'brand', '"bimi" in the tag avp='],
    ['avp=personal; avp=brand', null, 'brand', 'the tag avp= several times'],
  ] as const)('with %j has a warning.', async (tags, localParts, avatar, message) => {
    record(`v=BIMI1; ${files()}; ${tags}`);
    const { lookup, text, errors } = await look();
    expect(lookup.findings).toMatchObject([{ id: 'record-tag', severity: 'warning' }]);
    expect(text).toContain(message);
    expect(lookup).toMatchObject({ localParts, avatar });
    expect(errors).toEqual([]);
  });
});

describe('DMARC', () => {
  test.each<[ids: readonly string[], records: Record<string, string>]>([
    [[], { '_dmarc.example.com': 'v=DMARC1; p=quarantine; pct=100; np=none' }],
    [
      [],
      { '_dmarc.news.example.com': 'v=DMARC1; p=reject', '_dmarc.example.com': 'v=DMARC1; p=quarantine; sp=reject' },
    ],
    [['dmarc-weak'], { '_dmarc.example.com': 'v=DMARC1; p=reject; sp=none' }],
    [['dmarc-weak'], { '_dmarc.news.example.com': 'v=DMARC1; p=none', '_dmarc.example.com': 'v=DMARC1; p=reject' }],
    [['dmarc-weak'], { '_dmarc.example.com': 'v=DMARC1; p=quarantine; pct=20' }],
    [['dmarc-weak'], { '_dmarc.example.com': 'v=DMARC1; p=reject; t=y' }],
    [['dmarc-missing'], { '_dmarc.example.com': 'v=spf1 -all' }],
  ])('leads to %j with %j, and the records are in the result.', async (ids, records) => {
    zone['default._bimi.news.example.com'] = zone['default._bimi.example.com'] ?? {};
    delete zone['_dmarc.example.com'];
    for (const [name, text] of Object.entries(records)) {
      zone[name] = { TXT: [text] };
    }
    const found = await look('news.example.com');
    expect(found.ids).toEqual(ids);
    const expected = ids.includes('dmarc-missing') ? [] : Object.entries(records);
    expect(found.lookup.dmarc).toEqual(expected.map(([name, text]) => ({ name, record: text })));
  });
});

// The project does not distribute the certificates of others, so the folder is outside the project.
const FOLDER = process.env.MARK_CERTIFICATES ?? '';
const present = existsSync(FOLDER);

describe.skipIf(!present)(`A real chain${present ? '' : ' (skipped: MARK_CERTIFICATES names no folder)'}`, () => {
  test.each([
    ['infinitum-globalsign-2026-07.pem', 'infinitum-nihil.com', '2026-10-01', []],
    ['infinitum-globalsign-2026-07.pem', 'infinitum.example', '2026-10-01', ['domain-coverage']],
    ['infinitum-globalsign-2026-07.pem', 'infinitum-nihil.com', '2028-10-01', ['validity']],
    ['infinitum-globalsign-2026-04-asfirst.pem', 'infinitum-nihil.com', '2026-10-01', ['svg-size']],
    ['provectus-2025.pem', 'provectus.com', '2026-06-01', []],
  ] as const)('%s for %s on %s has the errors %j.', async (file, domain, at, errors) => {
    const bytes = readFileSync(join(FOLDER, 'real', file));
    const { logo } = await readMarkCertificate(bytes, { at: NOON });
    serve('/real.pem', page(200, CHAIN_TYPE, bytes));
    serve('/real.svg', page(200, SVG_TYPE, Buffer.from(logo ?? [])));
    zone[`default._bimi.${domain}`] = { TXT: [`v=BIMI1; l=${site.url}/real.svg; a=${site.url}/real.pem`] };
    zone[`_dmarc.${domain}`] = { TXT: ['v=DMARC1; p=reject'] };
    const found = await look(domain, 'default', { trusted: false, at: new Date(at) });
    expect({ ids: found.ids, errors: found.errors }).toEqual({ ids: [], errors });
  });
});
