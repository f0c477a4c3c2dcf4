import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pem } from '../../../infra/local/ca/containers.ts';
import { type NameServer, type Records, startNameServer } from '../../functions/survey/name-server.ts';
import { type PublicSite, page, startPublicSite } from '../../functions/survey/public-site.ts';
import { ISSUED, openFiles } from './inspected-files.ts';

const CHAIN_TYPE = 'application/pem-certificate-chain';
const SVG_TYPE = 'image/svg+xml';

const { authority, clean, close, trusting } = await openFiles();
let site: PublicSite;
let zone: Record<string, Records>;
let server: NameServer;

beforeAll(async () => {
  site = await startPublicSite();
});

afterAll(async () => {
  await site.close();
  close();
});

beforeEach(async () => {
  zone = {
    'default._bimi.example.com': { TXT: [`v=BIMI1; l=${site.url}/logo.svg; a=${site.url}/chain.pem`] },
    '_dmarc.example.com': { TXT: ['v=DMARC1; p=reject'] },
  };
  site.pages.set('/chain.pem', page(200, CHAIN_TYPE, pem(clean.chain)));
  site.pages.set('/logo.svg', page(200, SVG_TYPE, Buffer.from(clean.svg)));
  server = await startNameServer(zone);
});

afterEach(() => server.close());

const look = (...args: readonly string[]) => trusting(['--name-server', server.address, ...args]);

async function lookUp(...args: readonly string[]) {
  const { status, stdout } = await look('--json', ...args);
  const result = JSON.parse(stdout);
  return { status, result, ids: result.lookup.findings.map(({ id }: { id: string }) => id) };
}

test('A domain that is as it should be has no finding, with the record, the chain and the logo.', async () => {
  const { status, result } = await lookUp('example.com');
  expect(result).toMatchObject({
    file: 'example.com',
    publishable: true,
    findings: [],
    failures: [],
    lookup: {
      domain: 'example.com',
      selector: 'default',
      record: `v=BIMI1; l=${site.url}/logo.svg; a=${site.url}/chain.pem`,
      chainUrl: `${site.url}/chain.pem`,
      logoUrl: `${site.url}/logo.svg`,
      localParts: null,
      avatar: 'brand',
      dmarc: [{ name: '_dmarc.example.com', record: 'v=DMARC1; p=reject' }],
      findings: [],
      logo: { publishable: true, logo: { sha256: createHash('sha256').update(clean.svg).digest('hex') } },
    },
  });
  expect(status).toBe(0);
});

test('The text contains the record before the certificate.', async () => {
  const { stdout } = await look('EXAMPLE.com.');
  expect(stdout.split('\n').slice(0, 6)).toEqual([
    'EXAMPLE.com.',
    `  record   v=BIMI1; l=${site.url}/logo.svg; a=${site.url}/chain.pem`,
    '  name     default._bimi.example.com',
    `  served   by ${new URL(site.url).host}`,
    '  dmarc    v=DMARC1; p=reject (_dmarc.example.com)',
    '  mark     Registered Mark (VMC)',
  ]);
  expect(stdout).toMatch(/✓ publishable\n$/);
});

test('The text explains what the optional tags of the record mean for a receiver.', async () => {
  const files = `l=${site.url}/logo.svg; a=${site.url}/chain.pem`;
  zone['default._bimi.example.com'] = { TXT: [`v=BIMI1; ${files}; lps=news,offers; avp=personal`] };
  const { stdout, status } = await look('example.com');
  expect(stdout).toContain(
    '  lps      for senders whose address begins with "news" or "offers", mailboxes that support it use the record LOCAL-PART._bimi.example.com',
  );
  expect(stdout).toContain("  avp      personal: a mailbox that knows the sender's own picture shows it");
  expect(status).toBe(0);
  zone['default._bimi.example.com'] = { TXT: [`v=BIMI1; ${files}; lps=; avp=Personal`] };
  const second = await look('example.com');
  expect(second.stdout).toContain('  lps      for every sender, mailboxes');
  expect(second.stdout).toContain('! record-tag: The BIMI record');
});

test.each<[id: string, status: number, change: () => void]>([
  ['record-missing', 1, () => delete zone['default._bimi.example.com']],
  ['record-missing', 1, () => Object.assign(zone, { 'default._bimi.example.com': { TXT: ['v=spf1 -all'] } })],
  [
    'record-differs',
    1,
    () => Object.assign(zone, { 'default._bimi.example.com': { TXT: ['v=BIMI1; l=; a=', 'v=BIMI1; l=; a='] } }),
  ],
  ['record-declines', 1, () => Object.assign(zone, { 'default._bimi.example.com': { TXT: ['v=BIMI1; l=; a=;'] } })],
  [
    'record-incomplete',
    1,
    () => Object.assign(zone, { 'default._bimi.example.com': { TXT: [`v=BIMI1; l=${site.url}/logo.svg; a=`] } }),
  ],
  [
    'record-incomplete',
    1,
    () => Object.assign(zone, { 'default._bimi.example.com': { TXT: [`v=BIMI1; a=${site.url}/chain.pem`] } }),
  ],
  ['dmarc-missing', 1, () => delete zone['_dmarc.example.com']],
  ['dmarc-weak', 1, () => Object.assign(zone, { '_dmarc.example.com': { TXT: ['v=DMARC1; p=none'] } })],
  ['chain-unreachable', 2, () => site.pages.delete('/chain.pem')],
  ['chain-unreachable', 2, () => site.pages.set('/chain.pem', page(301, 'text/plain', '', { location: '/other.pem' }))],
  ['chain-type', 0, () => site.pages.set('/chain.pem', page(200, 'text/plain', pem(clean.chain)))],
  ['logo-unreachable', 2, () => site.pages.delete('/logo.svg')],
  ['logo-type', 0, () => site.pages.set('/logo.svg', page(200, 'text/plain', Buffer.from(clean.svg)))],
  ['logo-differs', 1, () => site.pages.set('/logo.svg', page(200, SVG_TYPE, Buffer.from(`${clean.svg}\n`)))],
])('The only finding of the look-up is %s, with exit code %i. (%#)', async (id, status, change) => {
  change();
  const found = await lookUp('example.com');
  expect(found.ids).toEqual([id]);
  expect(found.status).toBe(status);
  const { stdout } = await look('example.com');
  expect(stdout).toMatch(new RegExp(`^  [✗!] ${id}: \\w.*\\.$`, 'm'));
  const [{ message }] = found.result.lookup.findings;
  expect(stdout.split(message)).toHaveLength(2);
});

test.each([
  ['record-unreachable', 'default._bimi.example.com'],
  ['dmarc-unreachable', '_dmarc.example.com'],
])('A failure of the name server is %s, with exit code 2.', async (id, name) => {
  server.react = (asked) => (asked.name === name ? { code: 'SERVFAIL' } : undefined);
  const { ids, status } = await lookUp('example.com');
  expect(ids).toEqual([id]);
  expect(status).toBe(2);
});

test('A warning fails with --fail-on warning, and is then named.', async () => {
  site.pages.set('/chain.pem', page(200, 'text/plain', pem(clean.chain)));
  const { status, result } = await lookUp('--fail-on', 'warning', 'example.com');
  expect(result.failures).toEqual(['a warning counts as an error: chain-type (--fail-on warning)']);
  expect(status).toBe(1);
});

test('A certificate that does not cover the domain is an error.', async () => {
  const { chain } = authority.issue({ domains: ['example.org'], notBefore: ISSUED, nullParameters: true });
  site.pages.set('/chain.pem', page(200, CHAIN_TYPE, pem(chain)));
  const { status, result } = await lookUp('example.com');
  expect(result.findings).toMatchObject([{ id: 'domain-coverage' }]);
  expect(status).toBe(1);
});

test('A file that is no chain is exit code 2, with the look-up.', async () => {
  site.pages.set('/chain.pem', page(200, CHAIN_TYPE, 'no chain'));
  const { status, result } = await lookUp('example.com');
  expect(result).toMatchObject({ error: { name: 'InvalidChain' }, lookup: { domain: 'example.com', findings: [] } });
  expect(status).toBe(2);
});

describe('The record', () => {
  test('is that of --selector.', async () => {
    zone['brand._bimi.example.com'] = zone['default._bimi.example.com'] ?? {};
    delete zone['default._bimi.example.com'];
    const { status, result } = await lookUp('--selector', 'brand', 'example.com');
    expect(result.lookup).toMatchObject({ selector: 'brand', findings: [] });
    expect(status).toBe(0);
  });

  test('of a subdomain without one is that of its organization.', async () => {
    const { status, result } = await lookUp('mail.news.example.com');
    expect(result.lookup).toMatchObject({ domain: 'example.com', findings: [] });
    expect(result.publishable).toBe(true);
    expect(status).toBe(0);
  });

  test('does not lead to a server on this machine if its name server is elsewhere.', async () => {
    const { createDownload } = await import('../../../functions/download.ts');
    const download = createDownload({ schemes: ['https:'], bytesLimit: 10, redirectsLimit: 0 });
    for (const url of [`${site.url}/chain.pem`, 'https://127.0.0.1/chain.pem', 'https://10.0.0.1/chain.pem']) {
      await expect(download(url, 1000)).rejects.toThrow(/not on the public internet|only https/);
    }
  });
});

test.each(['example.com', '127.0.0.1:0', '127.0.0.1:99999', '::1:53:', '[127.0.0.1'])(
  'The option --name-server does not accept %s.',
  async (address) => {
    const { status, stderr } = await trusting(['--name-server', address, 'example.com']);
    expect(stderr).toContain(`--name-server: ${address} is not accepted; accepted: an IP address`);
    expect(status).toBe(64);
  },
);
