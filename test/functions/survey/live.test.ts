import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sendHttp } from '../../../functions/http.ts';
import type { StoredManifest } from '../../../functions/store/manifest.ts';
import type { Publication } from '../../../functions/store/publication.ts';
import type { Difference } from '../../../functions/survey/differences.ts';
import { findDifferences } from '../../../functions/survey/live.ts';
import type { TxtResolver } from '../../../functions/survey/txt.ts';
import { type PublicSite, page, startPublicSite, unfinishedLogo } from './public-site.ts';
import {
  chainOf,
  logoOf,
  manifestOf,
  NOON,
  ORDER,
  pairOf,
  publicationOf,
  recordText,
  servePublication,
  sha256Of,
} from './samples.ts';
import { resolverOf, type Zone } from './zone.ts';

const KIBIBYTE = 1024;
const EXAMPLE = 'example.com';
const CHAIN_PATH = '/example.com/default.pem';
const LOGO_PATH = '/example.com/default.svg';

let site: PublicSite;
let zone: Zone;

/** In Lambda an unhandled rejection ends the process after the answer. Vitest would report it too late. */
const unhandled: unknown[] = [];
const remember = (reason: unknown) => unhandled.push(reason);

beforeEach(async () => {
  unhandled.length = 0;
  process.on('unhandledRejection', remember);
  process.on('uncaughtException', remember);
  site = await startPublicSite();
  zone = {};
});

afterEach(async () => {
  await site.close();
  process.off('unhandledRejection', remember);
  process.off('uncaughtException', remember);
  expect(unhandled).toEqual([]);
});

/** Makes a publication that is as it should be. A test then changes something. */
function publish(domain = EXAMPLE, changes: Partial<Publication> = {}): Publication {
  const publication = publicationOf(site.url, domain, changes);
  servePublication(site, zone, publication);
  return publication;
}

interface CheckOptions {
  readonly at?: string;
  readonly stored?: StoredManifest | undefined;
  readonly resolver?: TxtResolver;
  readonly limitMilliseconds?: number;
}

const check = (
  publication: Publication,
  { at = NOON, stored, resolver = resolverOf(zone), limitMilliseconds = 10_000 }: CheckOptions = {},
) =>
  findDifferences(publication, stored, {
    url: site.url,
    http: sendHttp,
    resolver,
    limitMilliseconds,
    now: () => new Date(at),
  });

const idsOf = (differences: readonly Difference[]) => differences.map(({ id }) => id);

describe('A publication that is as it should be', () => {
  test('has no difference after one request and one lookup each.', async () => {
    const publication = publish();
    const resolver = resolverOf(zone);

    expect(await check(publication, { resolver })).toEqual([]);
    expect(site.requests).toEqual([
      { method: 'GET', path: CHAIN_PATH },
      { method: 'GET', path: LOGO_PATH },
    ]);
    expect(resolver.asked).toEqual(['default._bimi.example.com', '_dmarc.example.com']);
  });

  test.each<[string, () => void]>([
    [
      'its content type has parameters and capitals',
      () => {
        site.pages.set(
          '/mail.example.com/default.svg',
          page(200, 'Image/SVG+XML; charset=utf-8', logoOf('mail.example.com')),
        );
      },
    ],
    [
      'its chain is sent in chunks',
      () => {
        site.pages.set('/mail.example.com/default.pem', (response) => {
          response.writeHead(200, { 'content-type': 'application/pem-certificate-chain' });
          response.write('chain of ');
          response.end('mail.example.com');
        });
      },
    ],
    [
      'its record has several strings and a scheme in capitals',
      () => {
        const text = recordText(site.url, 'mail.example.com').replace('v=BIMI1; l=http', 'v=BIMI1; l=HTTP');
        zone['default._bimi.mail.example.com'] = [[text.slice(0, 15), text.slice(15)]];
      },
    ],
    [
      'it inherits its DMARC policy',
      () => {
        delete zone['_dmarc.mail.example.com'];
        zone['_dmarc.example.com'] = ['v=DMARC1; p=quarantine; sp=reject'];
      },
    ],
    [
      'its DMARC policy is reject for a part of the messages',
      () => {
        zone['_dmarc.mail.example.com'] = ['V=dmarc1; P=Reject; PCT=50'];
      },
    ],
  ])('has no difference if %s.', async (_, change) => {
    const publication = publish('mail.example.com');
    change();

    expect(await check(publication)).toEqual([]);
  });

  test('has no difference if its logo has 256 KiB.', async () => {
    const logo = 'x'.repeat(256 * KIBIBYTE);
    const publication = publish(EXAMPLE, { live: pairOf(EXAMPLE, { chain: chainOf(EXAMPLE), logo }) });
    site.pages.set(LOGO_PATH, page(200, 'image/svg+xml', logo));

    expect(await check(publication)).toEqual([]);
  });

  test('has no difference with another selector.', async () => {
    expect(await check(publish(EXAMPLE, { selector: 'winter' }))).toEqual([]);
  });

  test.each([
    ['2027-10-01T00:00:00.000Z', []],
    ['2027-10-01T00:00:00.001Z', ['expired']],
  ])('expires after the last moment of its certificate: at %s its differences are %j.', async (at, ids) => {
    expect(idsOf(await check(publish(), { at }))).toEqual(ids);
  });

  test.each([
    [59, []],
    [60, ['chain-differs', 'logo-differs']],
  ])(
    'may be served from caches for an hour after a renewal: after %i minutes its differences are %j.',
    async (minutes, ids) => {
      const renewed = pairOf(EXAMPLE, { chain: 'new chain', logo: 'new logo' });
      const since = new Date(Date.parse(NOON) - minutes * 60_000).toISOString();
      const publication = publish(EXAMPLE, { live: { ...renewed, since }, previous: [pairOf(EXAMPLE)] });

      expect(idsOf(await check(publication))).toEqual(ids);
    },
  );
});

describe('findDifferences', () => {
  const expired = { ...pairOf(EXAMPLE), notAfter: '2026-11-23T11:59:59.000Z' };
  const revokedAt = '2026-11-20T00:00:00.000Z';

  test.each<[id: string, when: string, message: RegExp, changes: Partial<Publication>, spoil: () => void]>([
    [
      'chain-unreachable',
      'the chain is redirected',
      /^The chain of example\.com is unreachable\. http.*example\.com\/default\.pem responds with 301 to "\/moved\.pem", expected 200\.$/,
      {},
      () => {
        site.pages.set(CHAIN_PATH, page(301, 'text/html', '', { location: '/moved.pem' }));
        site.pages.set('/moved.pem', page(200, 'application/pem-certificate-chain', chainOf(EXAMPLE)));
      },
    ],
    [
      'chain-unreachable',
      'the chain is forbidden, whatever its body is',
      /default\.pem responds with 403, expected 200\.$/,
      {},
      () => site.pages.set(CHAIN_PATH, page(403, 'application/pem-certificate-chain', chainOf(EXAMPLE))),
    ],
    [
      'chain-unreachable',
      'only a part of the chain is served',
      /default\.pem responds with 206, expected 200\.$/,
      {},
      () => site.pages.set(CHAIN_PATH, page(206, 'application/pem-certificate-chain', chainOf(EXAMPLE))),
    ],
    [
      'chain-unreachable',
      'the connection breaks before the chain',
      /The request to http.*default\.pem failed: the connection was closed before the end of the response \(ECONNRESET\)\.$/,
      {},
      () => site.pages.set(CHAIN_PATH, (response) => response.destroy()),
    ],
    [
      'logo-unreachable',
      'the logo does not exist',
      /^The logo of example\.com is unreachable\. http.*default\.svg responds with 404, expected 200\.$/,
      {},
      () => site.pages.delete(LOGO_PATH),
    ],
    [
      'logo-unreachable',
      'the connection breaks during the logo',
      /The request to http.*default\.svg failed: the connection was closed before the end of the response \(ECONNRESET\)\.$/,
      {},
      () =>
        site.pages.set(LOGO_PATH, (response) => {
          unfinishedLogo(response);
          setImmediate(() => response.destroy());
        }),
    ],
    [
      'logo-unreachable',
      'the body of the logo violates HTTP',
      /The request to http.*default\.svg failed: .+ \((?:HPE_\w+|ECONNRESET)\)\.$/,
      {},
      () =>
        site.pages.set(LOGO_PATH, ({ socket }) => {
          socket?.write('HTTP/1.1 200 OK\r\nContent-Type: image/svg+xml\r\nTransfer-Encoding: chunked\r\n\r\n');
          setTimeout(() => socket?.write('no size\r\n'), 20);
        }),
    ],
    [
      'chain-differs',
      'another chain is served',
      new RegExp(`serves ${sha256Of('another')}, expected ${sha256Of(chainOf(EXAMPLE))} \\(SHA-256\\)`),
      {},
      () => site.pages.set(CHAIN_PATH, page(200, 'application/pem-certificate-chain', 'another')),
    ],
    [
      'logo-differs',
      'another logo is served',
      new RegExp(`serves ${sha256Of('another')}, expected ${sha256Of(logoOf(EXAMPLE))} \\(SHA-256\\)`),
      {},
      () => site.pages.set(LOGO_PATH, page(200, 'image/svg+xml', 'another')),
    ],
    [
      'logo-differs',
      'the served logo is larger than any logo',
      /^The logo of example\.com is not the published one\. http.* serves more than 262144 bytes, expected /,
      {},
      () =>
        site.pages.set(LOGO_PATH, (response) => {
          // The body never ends, so the reader must stop by itself.
          response.writeHead(200, { 'content-type': 'image/svg+xml' }).write(Buffer.alloc(256 * KIBIBYTE + 1));
        }),
    ],
    [
      'chain-type',
      'the chain has another content type',
      /is served as "application\/octet-stream; charset=binary", expected application\/pem-certificate-chain\.$/,
      {},
      () => site.pages.set(CHAIN_PATH, page(200, 'application/octet-stream; charset=binary', chainOf(EXAMPLE))),
    ],
    [
      'logo-type',
      'the logo has no content type',
      /^The logo of example\.com has a wrong content type\. http.* is served as "", expected image\/svg\+xml\.$/,
      {},
      () => site.pages.set(LOGO_PATH, (response) => response.writeHead(200).end(logoOf(EXAMPLE))),
    ],
    [
      'expired',
      'the certificate has expired',
      /^The certificate of example\.com expired on 2026-11-23T11:59:59\.000Z\.$/,
      { live: expired },
      () => {},
    ],
    [
      'revoked',
      'the CA has revoked the certificate',
      /^The CA revoked the certificate of example\.com, which is still served\. The revocation has been known since 2026-11-20T00:00:00\.000Z\.$/,
      { revokedAt },
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
      'all TXT records are of other kinds',
      /begins with v=BIMI1\. Found: "v=bimi1; l=x \| v=spf1"\.$/,
      {},
      () => {
        zone['default._bimi.example.com'] = ['v=bimi1; l=x', 'v=spf1'];
      },
    ],
    [
      'record-differs',
      'the record has the address of another logo',
      /^default\._bimi\.example\.com has the BIMI record "v=BIMI1; l=.*example\.org\/default\.svg; a=.*", expected l=http.*example\.com\/default\.svg and a=http/,
      {},
      () => {
        zone['default._bimi.example.com'] = [
          `v=BIMI1; l=${site.url}/example.org/default.svg; a=${site.url}/example.com/default.pem`,
        ];
      },
    ],
    [
      'record-differs',
      'the address of the chain is empty',
      /, expected l=/,
      {},
      () => {
        zone['default._bimi.example.com'] = [`v=BIMI1; l=${site.url}/example.com/default.svg; a=`];
      },
    ],
    [
      'record-differs',
      'there are two records',
      /^default\._bimi\.example\.com has 2 BIMI records, expected one\. Found: /,
      {},
      () => {
        zone['default._bimi.example.com'] = [recordText(site.url, EXAMPLE), recordText(site.url, EXAMPLE)];
      },
    ],
    [
      'record-unreachable',
      'the lookup of the record fails',
      /^The DNS lookup of the BIMI record default\._bimi\.example\.com failed: the name servers report a failure, .* \(ESERVFAIL\)\.$/,
      {},
      () => {
        zone['default._bimi.example.com'] = 'ESERVFAIL';
      },
    ],
    [
      'dmarc-missing',
      'there is no DMARC record',
      /^Neither example\.com nor a domain above it has exactly one DMARC record\.$/,
      {},
      () => delete zone['_dmarc.example.com'],
    ],
    [
      'dmarc-weak',
      'the policy is quarantine for half of the messages',
      /^The DMARC record _dmarc\.example\.com has pct=50; BIMI needs quarantine or reject for all messages\.$/,
      {},
      () => {
        zone['_dmarc.example.com'] = ['v=DMARC1; p=quarantine; pct=50'];
      },
    ],
    [
      'dmarc-unreachable',
      'the lookup of the policy fails',
      /^The DNS lookup of the DMARC policy of example\.com failed: the name servers did not answer in time \(ETIMEOUT\)\.$/,
      {},
      () => {
        zone['_dmarc.example.com'] = 'ETIMEOUT';
      },
    ],
  ])('returns only %s if %s.', async (id, _, message, changes, spoil) => {
    const publication = publish(EXAMPLE, changes);
    spoil();

    expect(await check(publication)).toEqual([{ id, message: expect.stringMatching(message) }]);
  });

  test('returns all differences in a fixed order.', async () => {
    const publication = publish(EXAMPLE, { live: expired, revokedAt });
    site.pages.set(CHAIN_PATH, page(200, 'text/plain', 'another'));
    site.pages.set(LOGO_PATH, page(200, 'text/plain', 'another'));
    delete zone['default._bimi.example.com'];
    delete zone['_dmarc.example.com'];

    expect(idsOf(await check(publication))).toEqual([
      'chain-differs',
      'chain-type',
      'logo-differs',
      'logo-type',
      'expired',
      'revoked',
      'record-missing',
      'dmarc-missing',
    ]);
  });

  test('checks the DNS even if the server does not exist.', async () => {
    const publication = publish();
    zone['_dmarc.example.com'] = ['v=DMARC1; p=none'];
    await site.close();

    const differences = await check(publication);

    expect(idsOf(differences)).toEqual(['chain-unreachable', 'logo-unreachable', 'dmarc-weak']);
    expect(differences[0]?.message).toMatch(/failed: the server refused the connection \(ECONNREFUSED\)\.$/);
  });

  test('sends no request to a server with a certificate that is not trusted.', async () => {
    const selfSigned = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const pem = execFileSync('openssl', [...selfSigned, '-subj', '/CN=127.0.0.1', '-keyout', '-', '-out', '-'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await site.close();
    site = await startPublicSite({ key: pem, cert: pem });
    const publication = publish();

    const differences = await check(publication);

    expect(site.requests).toEqual([]);
    expect(idsOf(differences)).toEqual(['chain-unreachable', 'logo-unreachable']);
    expect(differences[0]?.message).toBe(
      `The chain of example.com is unreachable. The request to ${site.url}${CHAIN_PATH} failed: the TLS certificate of the server is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT).`,
    );
  });

  test('quotes a limited part of what others wrote.', async () => {
    const publication = publish();
    zone['default._bimi.example.com'] = [`v=BIMI1; l=${'x'.repeat(60_000)}`];
    zone['_dmarc.example.com'] = [`v=DMARC1; p=${'x'.repeat(60_000)}`];
    site.pages.set(CHAIN_PATH, page(301, 'text/html', '', { location: 'x'.repeat(10_000) }));
    site.pages.set(LOGO_PATH, page(200, 'x'.repeat(10_000), logoOf(EXAMPLE)));

    const differences = await check(publication);

    expect(idsOf(differences)).toEqual(['chain-unreachable', 'logo-type', 'record-differs', 'dmarc-weak']);
    expect(JSON.stringify(differences).length).toBeLessThan(2500);
  });

  test.each([
    ['v=DMARC1; p=reject', 'v=DMARC1; p=none', ['_dmarc.example.com has p=none;']],
    ['v=DMARC1; p=none', 'v=DMARC1; p=reject', ['_dmarc.mail.example.com has p=none;']],
    [
      'v=DMARC1; p=none',
      'v=DMARC1; p=reject; sp=none',
      ['_dmarc.mail.example.com has p=none;', '_dmarc.example.com has sp=none;'],
    ],
  ])('names each weak DMARC record: %j and, above it, %j.', async (own, higher, clauses) => {
    const publication = publish('mail.example.com');
    zone['_dmarc.mail.example.com'] = [own];
    zone['_dmarc.example.com'] = [higher];

    expect(await check(publication)).toEqual(
      clauses.map((clause) => ({ id: 'dmarc-weak', message: expect.stringContaining(` ${clause}`) })),
    );
  });
});

describe('A stored certificate that is newer than the published one', () => {
  const newer = { fingerprintSha256: 'beef', notBefore: '2026-11-10T00:00:00.000Z' };

  test('makes the publication outdated, and the message contains the next step.', async () => {
    expect(await check(publish(), { stored: manifestOf(ORDER, newer) })).toEqual([
      {
        id: 'outdated',
        message:
          `The certificate of example.com is outdated. Order ${ORDER} has a newer one, beef (SHA-256), ` +
          "which is not published. Send the order's event again with its domains, its selector and a new request.",
      },
    ]);
  });

  test.each([
    ['issued in the same second', { notBefore: pairOf(EXAMPLE).notBefore }, ['outdated']],
    ['issued a second before the published one', { notBefore: '2026-09-30T23:59:59.000Z' }, []],
    ['that is not publishable', { publishable: false }, []],
    ['that is the published one', { fingerprintSha256: 'c0ffee' }, []],
  ])('is compared by its date and its fingerprint: one %s.', async (_, changes, ids) => {
    const stored = manifestOf(ORDER, { ...newer, ...changes });

    expect(idsOf(await check(publish(), { stored }))).toEqual(ids);
  });

  test('is unknown without a manifest.', async () => {
    expect(await check(publish(), { stored: undefined })).toEqual([]);
  });
});

describe('The time limit', () => {
  const never = new Promise<never>(() => {});
  const hangingResolver = (hanging: string): TxtResolver => {
    const { resolveTxt } = resolverOf(zone);
    return { resolveTxt: (name) => (name === hanging ? never : resolveTxt(name)) };
  };

  test.each<[id: string, hang: () => CheckOptions]>([
    [
      'chain-unreachable',
      () => {
        site.pages.set(CHAIN_PATH, () => {});
        return {};
      },
    ],
    [
      'logo-unreachable',
      () => {
        site.pages.set(LOGO_PATH, unfinishedLogo);
        return {};
      },
    ],
    ['record-unreachable', () => ({ resolver: hangingResolver('default._bimi.example.com') })],
    ['dmarc-unreachable', () => ({ resolver: hangingResolver('_dmarc.example.com') })],
  ])('ends a request or lookup that hangs: %s.', async (id, hang) => {
    const publication = publish();

    const differences = await check(publication, { limitMilliseconds: 1000, ...hang() });

    expect(differences).toEqual([
      { id, message: expect.stringMatching(/ failed: (no answer|the name servers did not answer) in time\.$/) },
    ]);
  });
});
