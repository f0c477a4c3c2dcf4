import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sendHttp } from '../../../functions/http.ts';
import { readBimiRecords, readDmarcPolicies } from '../../../functions/survey/dns.ts';
import { findDifferences } from '../../../functions/survey/live.ts';
import { type NameServer, type Reaction, type Records, startNameServer } from './name-server.ts';
import { type PublicSite, startPublicSite } from './public-site.ts';
import { NOON, publicationOf, servePublication } from './samples.ts';
import type { Zone } from './zone.ts';

const NAME = 'default._bimi.example.com';
const DMARC = '_dmarc.example.com';

let site: PublicSite;
let zone: Record<string, Records>;
let server: NameServer;

/** The text of the BIMI record as it should be. */
let right: string;

beforeEach(async () => {
  site = await startPublicSite();
  const texts: Zone = {};
  servePublication(site, texts, publicationOf(site.url, 'example.com'));
  right = String(texts[NAME]);
  zone = { 'example.com': {}, [NAME]: { TXT: [right] }, [DMARC]: { TXT: ['v=DMARC1; p=reject'] } };
  server = await startNameServer(zone);
});
afterEach(async () => {
  server.close();
  await site.close();
});

/** The differences of the publication for example.com, with the resolver of Node.js. */
async function check({ limitMilliseconds = 10_000, timeout = 2000, tries = 1 } = {}) {
  return findDifferences(publicationOf(site.url, 'example.com'), undefined, {
    url: site.url,
    http: sendHttp,
    resolver: server.resolver({ timeout, tries }),
    limitMilliseconds,
    now: () => new Date(NOON),
  });
}

/** Lets the server react to every question for a name. */
function reactTo(name: string, reaction: Reaction | ((count: number) => Reaction | undefined)): void {
  let count = 0;
  server.react = (asked) => {
    if (asked.name !== name) {
      return undefined;
    }
    count += 1;
    return typeof reaction === 'function' ? reaction(count) : reaction;
  };
}

describe('A record is as it should be', () => {
  test.each<readonly [title: string, arrange: () => void]>([
    ['in one string', () => {}],
    [
      'in several strings, one of them empty',
      () => {
        zone[NAME] = { TXT: [[right.slice(0, 20), '', right.slice(20)]] };
      },
    ],
    [
      'behind an alias that the server follows',
      () => {
        zone[NAME] = { CNAME: 'brand.hosting.example' };
        zone['brand.hosting.example'] = { TXT: [right] };
      },
    ],
    [
      'behind two aliases that the server does not follow',
      () => {
        server.followsAliases = false;
        zone[NAME] = { CNAME: 'brand.hosting.example' };
        zone['brand.hosting.example'] = { CNAME: 'brand.other.example' };
        zone['brand.other.example'] = { TXT: [right] };
      },
    ],
    [
      'in an answer that is too large for UDP',
      () => {
        zone[NAME] = { TXT: [right, ...Array.from({ length: 20 }, (_, index) => `${index} ${'x'.repeat(200)}`)] };
      },
    ],
    [
      'from a wildcard',
      () => {
        delete zone[NAME];
        zone['*._bimi.example.com'] = { TXT: [right] };
      },
    ],
    [
      'while a wildcard answers for all other names',
      () => {
        zone['*.example.com'] = { TXT: ['v=spf1 -all'] };
      },
    ],
    ['from a server that answers slowly', () => reactTo(NAME, { delayMilliseconds: 300 })],
    ['from a server that loses the first question', () => reactTo(NAME, (count) => ({ silent: count === 1 }))],
  ])('%s.', async (_, arrange) => {
    arrange();
    expect(await check({ timeout: 500, tries: 3 })).toEqual([]);
  });

  test('after an answer over TCP, because the answer over UDP was truncated.', async () => {
    zone[NAME] = {
      TXT: [right, 'x'.repeat(200), ...Array.from({ length: 10 }, (_, index) => `${index}${'y'.repeat(200)}`)],
    };
    await check();
    expect(server.asked.filter(({ name }) => name === NAME).map(({ transport }) => transport)).toEqual(['udp', 'tcp']);
  });
});

describe('A lookup that fails is not a missing record', () => {
  const CASES: readonly (readonly [title: string, problem: string, arrange: (name: string) => void])[] = [
    [
      'no server answers in time',
      'the name servers did not answer in time (ETIMEOUT)',
      (name) => reactTo(name, { silent: true }),
    ],
    [
      'the server answers another question',
      'the name servers did not answer in time (ETIMEOUT)',
      (name) => reactTo(name, { question: 'default._bimi.example.org' }),
    ],
    [
      'the server refuses',
      'the name servers refuse to answer (EREFUSED)',
      (name) => reactTo(name, { code: 'REFUSED' }),
    ],
    [
      'the server fails',
      'the name servers report a failure, for example because the delegation or the DNSSEC signatures are wrong (ESERVFAIL)',
      (name) => reactTo(name, { code: 'SERVFAIL' }),
    ],
    [
      'the server does not support the question',
      'the name servers do not support the question (ENOTIMP)',
      (name) => reactTo(name, { code: 'NOTIMP' }),
    ],
    [
      'the server does not understand the question',
      'the name servers do not understand the question (EFORMERR)',
      (name) => reactTo(name, { code: 'FORMERR' }),
    ],
    [
      'the answer is not a DNS message',
      'the answer of the name servers cannot be read (EBADRESP)',
      (name) => reactTo(name, { bytes: Buffer.from('hello') }),
    ],
    [
      'the answer is truncated and the server has no TCP',
      'no name server can be reached (ECONNREFUSED)',
      (name) => {
        zone[name] = { TXT: Array.from({ length: 20 }, () => 'x'.repeat(200)) };
        server.hasTcp = false;
      },
    ],
    [
      'the alias leads to a name whose servers fail',
      'the name is an alias (CNAME) of brand.hosting.example: the name servers refuse to answer (EREFUSED)',
      (name) => {
        server.followsAliases = false;
        zone[name] = { CNAME: 'brand.hosting.example' };
        reactTo('brand.hosting.example', { code: 'REFUSED' });
      },
    ],
    [
      'the server reports the failure of the servers to which the alias leads',
      'the name is an alias (CNAME) of brand.hosting.example: the name servers report a failure, for example because the delegation or the DNSSEC signatures are wrong (ESERVFAIL)',
      (name) => {
        zone[name] = { CNAME: 'brand.hosting.example' };
        server.react = ({ type, name: asked }) =>
          (asked === name && type === 'TXT') || asked === 'brand.hosting.example' ? { code: 'SERVFAIL' } : undefined;
      },
    ],
  ];

  test.each(CASES)('if %s.', async (_, problem, arrange) => {
    arrange(NAME);
    expect(await check({ timeout: 200 })).toEqual([
      { id: 'record-unreachable', message: `The DNS lookup of the BIMI record ${NAME} failed: ${problem}.` },
    ]);
  });

  test.each(CASES)('of DMARC, if %s.', async (_, problem, arrange) => {
    arrange(DMARC);
    expect(await check({ timeout: 200 })).toEqual([
      { id: 'dmarc-unreachable', message: `The DNS lookup of the DMARC policy of example.com failed: ${problem}.` },
    ]);
  });

  test('if the time limit ends before the resolver stops.', async () => {
    reactTo(NAME, { silent: true });
    const message = `The DNS lookup of the BIMI record ${NAME} failed: the name servers did not answer in time.`;
    expect(await check({ limitMilliseconds: 300, timeout: 2000 })).toEqual([{ id: 'record-unreachable', message }]);
  });

  test('if it is unknown whether the name without records is an alias.', async () => {
    server.followsAliases = false;
    zone[NAME] = { CNAME: 'brand.hosting.example' };
    server.react = ({ name, type }) => (name === NAME && type === 'CNAME' ? { code: 'SERVFAIL' } : undefined);
    expect(await check()).toMatchObject([{ id: 'record-unreachable', message: expect.stringContaining('ESERVFAIL') }]);
  });
});

describe('A missing record', () => {
  const MISSING = `${NAME} has no TXT record that begins with v=BIMI1.`;

  test.each<readonly [title: string, hints: string, arrange: () => void]>([
    ['at a name that does not exist', '', () => delete zone[NAME]],
    [
      'at a name with other records',
      '',
      () => {
        zone[NAME] = {};
      },
    ],
    [
      'with a server that fails for the names of the hints',
      '',
      () => {
        delete zone[NAME];
        server.react = ({ name, type }) =>
          type === 'CNAME' || name.startsWith('_mark') ? { code: 'SERVFAIL' } : undefined;
      },
    ],
    [
      'behind an alias of a name that does not exist',
      ` ${NAME} is an alias (CNAME) of brand.hosting.example, which does not exist.`,
      () => {
        zone[NAME] = { CNAME: 'brand.hosting.example' };
      },
    ],
    [
      'behind an alias of a name without records',
      ` ${NAME} is an alias (CNAME) of brand.hosting.example.`,
      () => {
        zone[NAME] = { CNAME: 'brand.hosting.example' };
        zone['brand.hosting.example'] = {};
      },
    ],
    [
      'behind an alias that leads back',
      ` ${NAME} is an alias (CNAME) of brand.hosting.example, then ${NAME}: the aliases lead in a circle.`,
      () => {
        server.followsAliases = false;
        zone[NAME] = { CNAME: 'brand.hosting.example' };
        zone['brand.hosting.example'] = { CNAME: NAME };
      },
    ],
    [
      'below an alias at _bimi',
      ` _bimi.example.com is an alias (CNAME) of bimi.hosting.example. An alias at _bimi.example.com does not apply to ${NAME}.`,
      () => {
        delete zone[NAME];
        zone['_bimi.example.com'] = { CNAME: 'bimi.hosting.example' };
        zone['default.bimi.hosting.example'] = { TXT: [right] };
      },
    ],
    [
      'below an alias at _bimi that leads nowhere',
      ` _bimi.example.com is an alias (CNAME) of bimi.hosting.example, which does not exist. An alias at _bimi.example.com does not apply to ${NAME}.`,
      () => {
        delete zone[NAME];
        zone['_bimi.example.com'] = { CNAME: 'bimi.hosting.example' };
      },
    ],
    [
      'where a wildcard answers with something else',
      ` Found: "v=spf1 -all". Names that nobody uses have the same records, so a wildcard (*) answers. A record at ${NAME} takes its place.`,
      () => {
        delete zone[NAME];
        zone['*.example.com'] = { TXT: ['v=spf1 -all'] };
      },
    ],
    [
      'beside another record of the same name',
      ' Found: "v=spf1 -all".',
      () => {
        zone[NAME] = { TXT: ['v=spf1 -all'] };
        zone['*._bimi.example.com'] = { TXT: ['something else'] };
      },
    ],
  ])('%s is reported with what the DNS contains.', async (_, hints, arrange) => {
    arrange();
    expect(await check()).toEqual([{ id: 'record-missing', message: `${MISSING}${hints}` }]);
  });

  test('is reported at its time limit, without what a slow server would add.', async () => {
    delete zone[NAME];
    server.react = ({ name, type }) => (type === 'CNAME' || name.startsWith('_mark') ? { silent: true } : undefined);
    expect(await check({ limitMilliseconds: 500, timeout: 5000 })).toEqual([
      { id: 'record-missing', message: MISSING },
    ]);
  });

  test('is reported as different if a wildcard has another BIMI record.', async () => {
    delete zone[NAME];
    zone['*._bimi.example.com'] = { TXT: ['v=BIMI1; l=https://old.example/logo.svg; a='] };
    expect(await check()).toMatchObject([
      { id: 'record-differs', message: expect.stringMatching(/ expected l=.*\. Names that nobody uses have the same/) },
    ]);
  });

  test('is reported as different, with the alias, if the record behind the alias differs.', async () => {
    zone[NAME] = { CNAME: 'brand.hosting.example' };
    zone['brand.hosting.example'] = { TXT: ['v=BIMI1; l=https://old.example/logo.svg; a='] };
    expect(await check()).toMatchObject([
      {
        id: 'record-differs',
        message: expect.stringMatching(
          /default\._bimi\.example\.com is an alias \(CNAME\) of brand\.hosting\.example\.$/,
        ),
      },
    ]);
  });

  test('of DMARC is reported with what the DNS contains.', async () => {
    const missing = 'Neither example.com nor a domain above it has exactly one DMARC record.';
    const messageWith = async (records: Record<string, Records>) => {
      delete zone[DMARC];
      Object.assign(zone, records);
      const [difference, ...others] = await check();
      expect(others).toEqual([]);
      expect(difference?.id).toBe('dmarc-missing');
      return difference?.message;
    };
    expect(await messageWith({})).toBe(missing);
    expect(await messageWith({ [DMARC]: { CNAME: 'dmarc.hosting.example' } })).toBe(
      `${missing} ${DMARC} is an alias (CNAME) of dmarc.hosting.example, which does not exist.`,
    );
    expect(await messageWith({ [DMARC]: { TXT: ['v=DMARC1; p=none', 'v=DMARC1; p=reject'] } })).toBe(
      `${missing} Found at ${DMARC}: "v=DMARC1; p=none | v=DMARC1; p=reject".`,
    );
    expect(await messageWith({ '*.example.com': { TXT: ['v=spf1 -all'] } })).toBe(
      `${missing} Found at ${DMARC}: "v=spf1 -all". Names that nobody uses have the same records, so a wildcard (*) answers. A record at ${DMARC} takes its place.`,
    );
  });

  test('of DMARC is not reported if a wildcard answers with something else, but the domain above has one.', async () => {
    zone['*.mail.example.com'] = { TXT: ['v=spf1 -all'] };
    expect(await readDmarcPolicies(server.resolver(), 'mail.example.com')).toMatchObject([
      { name: DMARC, weakness: undefined },
    ]);
  });
});

test('The resolver of Node.js asks again at every lookup.', async () => {
  const resolver = server.resolver();
  const read = async () => (await readBimiRecords(resolver, 'example.com', 'default')).records.length;
  expect(await read()).toBe(1);
  delete zone[NAME];
  expect(await read()).toBe(0);
});
