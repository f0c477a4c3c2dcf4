import { afterEach, describe, expect, test } from 'vitest';
import { checkCaa, SECTIGO_NAMES } from '../../../functions/survey/caa.ts';
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
    expect(await check('shop.example.com', zone)).toMatchObject({ verdict: 'forbidden', name: 'shop.example.com' });
  });
});

describe('The values of issuevmc', () => {
  test.each([
    ...SECTIGO_NAMES,
    'SECTIGO.com',
    ' sectigo.com ',
    'sectigo.com;',
    'sectigo.com; account=12345',
    'sectigo.com ;policy=ev ; account=1',
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

  test('They do not answer.', async () => {
    const { verdict, message } = await check('example.com', {}, () => ({ silent: true }));
    expect({ verdict, message }).toEqual({ verdict: 'unknown', message: expect.stringContaining('in time') });
  });
});

test('Hostile records are quoted and cut in the message.', async () => {
  const value = `${'a"\u0007'.repeat(60)}`;
  const zone = { 'example.com': { CAA: Array.from({ length: 30 }, () => [0, 'issuevmc', value] as const) } };
  const { records, message } = await check('example.com', zone);
  expect(records).toHaveLength(10);
  expect(message?.length).toBeLessThan(600);
  expect(message).not.toContain('\u0007');
});
