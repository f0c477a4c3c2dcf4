import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { pem } from '../../../infra/local/ca/containers.ts';
import { openLongstandingAuthority } from '../../authority.ts';
import { type Records, startNameServer } from '../../functions/survey/name-server.ts';
import { page, startPublicSite } from '../../functions/survey/public-site.ts';
import type { S3Server } from '../../s3-server.ts';
import { deployed, put, stackNamed } from './deployed.ts';
import { undocumentedFields } from './page.ts';
import { run } from './run.ts';

const NOW = '2026-06-01T12:00:00.000Z';
const KEY = 'watched/example.com/default.json';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(NOW) });
  onTestFinished(() => {
    vi.useRealTimers();
  });
});

/** A collector that trusts the shared authority, and a name server of a domain that is as it should be. */
async function seeded(change: (zone: Record<string, Records>) => void = () => {}) {
  const authority = await openLongstandingAuthority();
  const { chain, svg } = authority.issue({
    domains: ['example.com'],
    notBefore: new Date('2026-01-01T00:00:00Z'),
    nullParameters: true,
  });
  const site = await startPublicSite();
  site.pages.set('/chain.pem', page(200, 'application/pem-certificate-chain', pem(chain)));
  site.pages.set('/logo.svg', page(200, 'image/svg+xml', Buffer.from(svg)));
  const record = `v=BIMI1; l=${site.url}/logo.svg; a=${site.url}/chain.pem`;
  const zone: Record<string, Records> = {
    'default._bimi.example.com': { TXT: [record] },
    'brand._bimi.xn--bcher-kva.example': { TXT: [record] },
    '_dmarc.example.com': { TXT: ['v=DMARC1; p=reject'] },
  };
  change(zone);
  const server = await startNameServer(zone);
  onTestFinished(async () => {
    await Promise.all([server.close(), site.close()]);
  });
  const settings = {
    name: 'mark-certificate-collector',
    eventSource: 'mark-certificates',
    trustAnchors: createHash('sha256').update(authority.root).digest('hex'),
    ctLogs: authority.log.key,
  };
  const s3 = await deployed({
    stacks: [stackNamed('mark-certificate-collector', { Settings: JSON.stringify(settings) })],
  });
  return { s3, watch: (...args: string[]) => run(['watch', ...args, '--name-server', server.address]) };
}

const stored = (s3: S3Server, key = KEY) => JSON.parse(String(s3.peek(key)?.body));

describe('watch', () => {
  test('It checks a domain, prints the result, stores that it is watched, and announces the daily checks.', async () => {
    const { s3, watch } = await seeded();
    const { exitCode, out, err } = await watch('EXAMPLE.com.');
    expect(out).toContain('publishable');
    expect(out).toContain('example.com is now watched, with the selector default.');
    expect(err).toContain('The collector checks the domain every day');
    expect(exitCode).toBe(0);
    expect(stored(s3)).toEqual({
      schemaVersion: 1,
      collector: 'mark-certificate-collector',
      domain: 'example.com',
      selector: 'default',
      since: NOW,
    });
  });

  test('Its JSON contains the check, and whether the domain is new.', async () => {
    const { watch } = await seeded();
    const first = JSON.parse((await watch('example.com', '--json')).out);
    expect(first).toMatchObject({
      domain: 'example.com',
      selector: 'default',
      since: NOW,
      isNew: true,
      isCheckedDaily: true,
      check: { publishable: true, lookup: { domain: 'example.com', findings: [] } },
    });
    const { check: _, ...fields } = first;
    expect(undocumentedFields(fields, 'watch and unwatch')).toEqual([]);
    vi.setSystemTime(new Date('2026-06-02T12:00:00.000Z'));
    expect(JSON.parse((await watch('example.com', '--json')).out)).toMatchObject({ since: NOW, isNew: false });
    expect((await watch('example.com')).out).toContain('example.com is watched since 2026-06-01');
  });

  test('A domain with a problem is watched too, and the exit code is that of the check.', async () => {
    const { s3, watch } = await seeded((zone) => {
      delete zone['_dmarc.example.com'];
    });
    const { exitCode, out } = await watch('example.com');
    expect(exitCode).toBe(1);
    expect(out).toContain('dmarc-missing');
    expect(stored(s3)).toMatchObject({ domain: 'example.com' });
  });

  test('A domain in other letters and another selector have a separate object.', async () => {
    const { s3, watch } = await seeded();
    await watch('bücher.example', '--selector', 'brand');
    expect(s3.keys('watched/')).toEqual(['watched/xn--bcher-kva.example/brand.json']);
  });

  test.each([
    [['https://example.com/'], 'DOMAIN: https://example.com/ is not accepted; accepted: a domain name'],
    [['../orders'], 'DOMAIN'],
    [['example.com', '--selector', 'A/B'], '--selector: A/B is not accepted'],
    [['example.com', '--name-server', 'ns.example'], '--name-server'],
    [['--selector', 'brand'], '--selector is accepted only with a domain'],
  ])('%j is wrong usage, and nothing is stored.', async (args, message) => {
    const s3 = await deployed();
    const { exitCode, err } = await run(['watch', ...args]);
    expect(exitCode).toBe(64);
    expect(err).toContain(message);
    expect(s3.requests).toEqual([]);
  });

  test('Without a domain it lists the watched ones.', async () => {
    const { s3, watch } = await seeded();
    expect(await run(['watch'])).toMatchObject({
      exitCode: 0,
      out: '',
      err: expect.stringContaining('has no watched domains'),
    });
    await watch('example.com');
    expect((await run(['watch'])).out).toMatch(
      /^DOMAIN {7}SELECTOR .*\nexample\.com {2}default {3}2026-06-01 {2}not yet\s*$/,
    );
    const { out } = await run(['watch', '--json']);
    const watched = { domain: 'example.com', selector: 'default', since: NOW };
    expect(JSON.parse(out)).toEqual([{ ...watched, checkedAt: null, differences: [], certificate: null }]);
    const certificate = { fingerprintSha256: 'c0ffee', owner: 'Example', notAfter: '2026-09-01T00:00:00.000Z' };
    const check = { checkedAt: '2026-06-02T05:17:00.000Z', differences: ['dmarc-weak', 'logo-differs'], certificate };
    await put(
      s3,
      'overview/watched.json',
      JSON.stringify({ schemaVersion: 1, domains: { 'example.com/default': check } }),
    );
    expect((await run(['watch'])).out).toMatch(/2026-06-02 {2}dmarc-weak, logo-differs {2}2026-09-01/);
    expect(JSON.parse((await run(['watch', '--json'])).out)).toEqual([{ ...watched, ...check }]);
    await put(s3, 'watched/example.org/default.json', '{');
    const damaged = await run(['watch']);
    expect(damaged.exitCode).toBe(1);
    expect(damaged.err).toContain('watched/example.org/default.json cannot be read');
  });
});

describe('unwatch', () => {
  test('It deletes the object, and only once.', async () => {
    const { s3, watch } = await seeded();
    await watch('example.com');
    expect(await run(['unwatch', 'Example.COM'])).toEqual({
      exitCode: 0,
      out: 'example.com is no longer watched with the selector default.\n',
      err: '',
    });
    expect(s3.keys('watched/')).toEqual([]);
    const again = await run(['unwatch', 'example.com', '--json']);
    expect(again.exitCode).toBe(2);
    expect(JSON.parse(again.out).error.next).toContain('mark-certificates watch');
  });

  test('Another selector stays.', async () => {
    const { s3, watch } = await seeded();
    await watch('example.com');
    expect((await run(['unwatch', 'example.com', '--selector', 'brand'])).exitCode).toBe(2);
    expect(s3.keys('watched/')).toEqual([KEY]);
  });
});
