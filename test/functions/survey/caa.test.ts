import { afterEach, describe, expect, test } from 'vitest';
import { checkCaa, SECTIGO_NAMES } from '../../../functions/survey/caa.ts';
import { printable } from '../../../functions/text.ts';
import { type NameServer, type Records, startNameServer } from './name-server.ts';

let server: NameServer | undefined;

afterEach(() => {
  server?.close();
  server = undefined;
});

async function check(domain: string, zone: Record<string, Records>, react?: NameServer['react']) {
  server = await startNameServer(zone);
  server.react = react ?? server.react;
  return checkCaa(domain, { resolver: server.resolver({ timeout: 300 }), limitMilliseconds: 2_000 });
}

const asked = () => server?.asked.filter(({ type }) => type === 'CAA').map(({ name }) => name);

describe('A domain without CAA records', () => {
  test.each(['example.com', 'mail.shop.example.com', 'com'])('allows the CA to issue: %s.', async (domain) => {
    const verdict = await check(domain, { 'example.com': { TXT: ['v=spf1 -all'] } });
    expect(verdict).toEqual({ domain, verdict: 'allowed', name: null, records: [], message: null });
  });

  test('The names above it are asked up to the top-level domain, and not the root.', async () => {
    await check('mail.shop.example.com', {});
    expect(asked()).toEqual(['mail.shop.example.com', 'shop.example.com', 'example.com', 'com']);
  });
});

describe('The records of the first name that has some apply', () => {
  test('Those of the domain hide those above it.', async () => {
    const zone = {
      'shop.example.com': { CAA: [[0, 'issuevmc', 'sectigo.com']] },
      'example.com': { CAA: [[0, 'issuevmc', 'digicert.com']] },
    } satisfies Record<string, Records>;
    expect(await check('shop.example.com', zone)).toMatchObject({ verdict: 'allowed', name: 'shop.example.com' });
    expect(asked()).toEqual(['shop.example.com']);
  });

  test('Without records about mark certificates, they still end the search.', async () => {
    const zone = {
      'shop.example.com': { CAA: [[0, 'issue', 'letsencrypt.org']] },
      'example.com': { CAA: [[0, 'issuevmc', ';']] },
    } satisfies Record<string, Records>;
    expect(await check('shop.example.com', zone)).toMatchObject({ verdict: 'allowed', name: 'shop.example.com' });
  });

  test('Those above a domain forbid, and the message names where they are and what to add.', async () => {
    const zone = { 'example.com': { CAA: [[0, 'issuevmc', 'digicert.com']] } } satisfies Record<string, Records>;
    expect(await check('mail.example.com', zone)).toEqual({
      domain: 'mail.example.com',
      verdict: 'forbidden',
      name: 'example.com',
      records: ['0 issuevmc "digicert.com"'],
      message:
        'The CAA records of example.com, which also apply to mail.example.com, do not let Sectigo issue a mark ' +
        'certificate: issuevmc "digicert.com". Add the record: example.com. CAA 0 issuevmc "sectigo.com"',
    });
  });

  test('An alias leads to the records of its target.', async () => {
    const zone = {
      'shop.example.com': { CNAME: 'host.example.net' },
      'host.example.net': { CAA: [[0, 'issuevmc', ';']] },
    } satisfies Record<string, Records>;
    expect(await check('shop.example.com', zone)).toMatchObject({
      verdict: 'forbidden',
      name: 'shop.example.com',
      message: expect.stringMatching(
        /^The CAA records of shop\.example\.com \(an alias of host\.example\.net\) .* Add the record: host\.example\.net\. CAA 0 issuevmc "sectigo\.com"$/,
      ),
    });
  });

  test('An alias without records at its target leads to the name above the alias, and not above the target.', async () => {
    const zone = {
      'shop.example.com': { CNAME: 'host.example.net' },
      'host.example.net': { TXT: ['x'] },
      'example.net': { CAA: [[0, 'issuevmc', ';']] },
      'example.com': { CAA: [[0, 'issuevmc', 'sectigo.com']] },
    } satisfies Record<string, Records>;
    expect(await check('shop.example.com', zone)).toMatchObject({ verdict: 'allowed', name: 'example.com' });
  });

  test('A wildcard record applies to the names below it.', async () => {
    const zone = { '*.example.com': { CAA: [[0, 'issuevmc', ';']] } } satisfies Record<string, Records>;
    expect(await check('shop.example.com', zone)).toMatchObject({ verdict: 'forbidden', name: 'shop.example.com' });
  });
});

test('The records that decide are listed, however many others there are.', async () => {
  const others = Array.from({ length: 40 }, (_, index) => [0, 'issue', `ca${index}.example`] as const);
  const { records } = await check('example.com', {
    'example.com': { CAA: [...others, [0, 'issuevmc', ';'], [128, 'tbs', 'x']] },
  });
  expect(records.slice(0, 2)).toEqual(['0 issuevmc ";"', '128 tbs "x"']);
  expect(records).toHaveLength(10);
});

describe('The values of issuevmc', () => {
  test.each([
    ...SECTIGO_NAMES,
    'SECTIGO.com',
    ' sectigo.com ',
    'sectigo.com;',
    'sectigo.com; account=12345',
    'sectigo.com ;policy=ev ; account=1',
    'sectigo.com; a--b=1',
    '\tsectigo.com\t;\taccount\t=\t1',
  ])('%j lets the CA issue, beside those of others.', async (value) => {
    const zone = {
      'example.com': { CAA: [[0, 'issuevmc', 'digicert.com'] as const, [0, 'issuevmc', value] as const] },
    };
    expect((await check('example.com', zone)).verdict).toBe('allowed');
  });

  test.each([
    ';',
    'digicert.com',
    'xsectigo.com',
    'sectigo.com.example',
    'www.sectigo.com',
    'sectigo.com; account',
    'sectigo.com; -a=1',
    'sectigo.com\u00a0',
    'sectigo.com.',
    ' ',
    '; sectigo.com',
  ])('%j does not let it issue.', async (value) => {
    expect((await check('example.com', { 'example.com': { CAA: [[0, 'issuevmc', value]] } })).verdict).toBe(
      'forbidden',
    );
  });

  test('Tags are compared without regard to case.', async () => {
    const zone = { 'example.com': { CAA: [[128, 'IssueVMC', 'digicert.com'] as const] } };
    expect(await check('example.com', zone)).toMatchObject({
      verdict: 'forbidden',
      records: ['128 issuevmc "digicert.com"'],
    });
  });

  test.each(['issue', 'issuewild', 'issuemail', 'iodef', 'contactemail', 'tbs'])(
    'The property %s restricts no mark certificate.',
    async (tag) => {
      expect((await check('example.com', { 'example.com': { CAA: [[0, tag, ';']] } })).verdict).toBe('allowed');
    },
  );
});

test.each(['tbs', 'critical', 'type'])('An unknown critical property, %s, forbids every certificate.', async (tag) => {
  const zone = { 'example.com': { CAA: [[0, 'issuevmc', 'sectigo.com'] as const, [128, tag, 'x'] as const] } };
  const { verdict, message } = await check('example.com', zone);
  expect(verdict).toBe('forbidden');
  expect(message).toContain('critical property');
});

describe('Without a usable answer, the verdict is unknown', () => {
  test.each(['SERVFAIL', 'REFUSED', 'NOTIMP'] as const)('The name servers answer %s.', async (code) => {
    const verdict = await check('shop.example.com', {}, ({ name }) => (name === 'example.com' ? { code } : undefined));
    expect(verdict).toMatchObject({ domain: 'shop.example.com', verdict: 'unknown', name: null, records: [] });
    expect(verdict.message).toContain('the lookup of example.com failed');
    expect(asked()).toContain('example.com');
    expect(asked()).not.toContain('com');
  });

  test('The resolver of Node.js cannot read an empty value, and the message names that reason.', async () => {
    const verdict = await check('example.com', { 'example.com': { CAA: [[0, 'issuevmc', '']] } });
    expect(verdict).toMatchObject({ verdict: 'unknown', message: expect.stringContaining('an empty value') });
  });

  test.each(['a..example.com', `${'a'.repeat(64)}.example.com`])('%s is no name.', async (domain) => {
    expect(await check(domain, {})).toMatchObject({ verdict: 'unknown', message: expect.stringContaining('EBADNAME') });
  });

  test('They do not answer within the time limit about a name above the domain.', async () => {
    server = await startNameServer({});
    server.react = ({ name }) => (name === 'com' ? { silent: true } : undefined);
    const start = performance.now();
    const verdict = await checkCaa('example.com', { resolver: server.resolver(), limitMilliseconds: 200 });
    expect(verdict).toMatchObject({ verdict: 'unknown', message: expect.stringContaining('in time (ETIMEOUT)') });
    expect(performance.now() - start).toBeLessThan(1_400);
  });

  test('They do not answer.', async () => {
    const { verdict, message } = await check('example.com', {}, () => ({ silent: true }));
    expect({ verdict, message }).toEqual({ verdict: 'unknown', message: expect.stringContaining('in time') });
  });
});

test.each([
  ['control characters', 'a"\u0007\u0085'.repeat(60)],
  ['HTML and right-to-left text', '<script>alert(1)</script>\u202e\u2066'],
  ['30 KB each', 'x'.repeat(30_000)],
])('Hostile records are quoted, printable and cut: %s.', async (_, value) => {
  const zone = { 'example.com': { CAA: [[0, 'issuevmc', value] as const, [128, 'tbs', value] as const] } };
  const { records, message } = await check('example.com', zone);
  expect(records).toHaveLength(2);
  for (const text of [...records, message ?? '']) {
    expect(text).toBe(printable(text));
    expect(text.length).toBeLessThan(600);
  }
});

test('Thirty long records fit into a message.', async () => {
  const value = `${'a"\u0007'.repeat(60)}`;
  const zone = { 'example.com': { CAA: Array.from({ length: 30 }, () => [0, 'issuevmc', value] as const) } };
  const { records, message } = await check('example.com', zone);
  expect(records).toHaveLength(10);
  expect(message?.length).toBeLessThan(600);
});
