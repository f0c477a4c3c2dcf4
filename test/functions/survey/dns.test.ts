import dgram from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { readBimiRecords, readDmarcPolicies } from '../../../functions/survey/dns.ts';
import { resolverOf, type Zone } from './zone.ts';

const LOGO = 'https://brand.example/example.com/default.svg';
const CHAIN = 'https://brand.example/example.com/default.pem';

describe('the BIMI records', () => {
  const name = 'default._bimi.example.com';
  const read = (zone: Zone) => readBimiRecords(resolverOf(zone), 'example.com', 'default');

  test.each([
    ['as the collector writes it', `v=BIMI1; l=${LOGO}; a=${CHAIN}`],
    ['the other way round', `v=BIMI1;a=${CHAIN};l=${LOGO};`],
    ['with white space around everything', `  v = BIMI1 ;\tl =  ${LOGO} ;\r\n a= ${CHAIN}  ; `],
    ['with tags of later versions', `v=BIMI1; avp=brand; l=${LOGO}; lps=; a=${CHAIN}`],
  ])('are read %s', async (_, text) => {
    expect(await read({ [name]: [text] })).toEqual({
      name,
      records: [{ text, logo: LOGO, chain: CHAIN }],
      others: [],
    });
  });

  test('are joined of their pieces without a space, wherever they were cut', async () => {
    const text = `v=BIMI1; l=${LOGO}; a=${CHAIN}`;
    const cut = [text.slice(0, 3), text.slice(3, 20), text.slice(20)];

    expect(await read({ [name]: [cut] })).toMatchObject({ records: [{ text, logo: LOGO, chain: CHAIN }] });
  });

  test('may decline both addresses', async () => {
    expect(await read({ [name]: ['v=BIMI1; l=; a=;'] })).toMatchObject({ records: [{ logo: '', chain: '' }] });
    expect(await read({ [name]: ['v=BIMI1'] })).toMatchObject({ records: [{ logo: '', chain: '' }] });
  });

  test('keep an equals sign in an address', async () => {
    expect(await read({ [name]: ['v=BIMI1; l=https://a.example/?a=b=c'] })).toMatchObject({
      records: [{ logo: 'https://a.example/?a=b=c' }],
    });
  });

  test('show both values of a tag that comes twice', async () => {
    expect(await read({ [name]: [`v=BIMI1; l=${LOGO}; l=https://old.example/logo.svg; a=${CHAIN}`] })).toMatchObject({
      records: [{ logo: `${LOGO} and https://old.example/logo.svg`, chain: CHAIN }],
    });
  });

  test.each([
    'v=spf1 -all',
    'v=bimi1; l=; a=',
    'v=BIMI2; l=; a=',
    'v=BIMI10; l=; a=',
    'l=; a=; v=BIMI1',
    'V=BIMI1; l=; a=',
    'BIMI1',
    '',
  ])('are not %j', async (text) => {
    expect(await read({ [name]: [text] })).toEqual({ name, records: [], others: [text] });
  });

  test('are all given, beside what is none', async () => {
    expect(await read({ [name]: ['v=BIMI1; l=a', 'hello', 'v=BIMI1; l=b'] })).toMatchObject({
      records: [{ logo: 'a' }, { logo: 'b' }],
      others: ['hello'],
    });
  });

  test('are those of the selector', async () => {
    const resolver = resolverOf({ 'winter._bimi.example.com': ['v=BIMI1; l=w'] });

    expect(await readBimiRecords(resolver, 'example.com', 'winter')).toMatchObject({ records: [{ logo: 'w' }] });
    expect(resolver.asked).toEqual(['winter._bimi.example.com']);
  });

  test.each(['ENOTFOUND', 'ENODATA'])('are none at all after %s', async (code) => {
    expect(await read({ [name]: code })).toEqual({ name, records: [], others: [] });
  });

  test.each(['ESERVFAIL', 'ETIMEOUT', 'EREFUSED', 'ECONNREFUSED'])('are not known after %s', async (code) => {
    await expect(read({ [name]: code })).rejects.toMatchObject({ code });
  });
});

describe('the DMARC policy', () => {
  const read = (zone: Zone, domain = 'example.com') => readDmarcPolicies(resolverOf(zone), domain);

  test.each([
    ['v=DMARC1; p=reject', undefined],
    ['v=DMARC1; p=quarantine; pct=100', undefined],
    ['v=DMARC1;p=REJECT;sp=Quarantine;rua=mailto:a@example.com;', undefined],
    [' v = DMARC1 ; p = reject ', undefined],
    ['v=DMARC1; rua=mailto:a@example.com; p=reject', undefined],
    ['v=DMARC1; p=reject; pct=all', undefined],
    ['v=DMARC1; p=reject; t=n', undefined],
    ['v=DMARC1; p=none', 'has p=none'],
    ['v=DMARC1; p=', 'has p='],
    ['v=DMARC1; p=monitor', 'has p=monitor'],
    ['v=DMARC1; rua=mailto:a@example.com', 'has no p='],
    ['v=DMARC1; p=reject; sp=none', 'has sp=none'],
    ['v=DMARC1; p=none; sp=reject', 'has p=none'],
    ['v=DMARC1; p=none; p=reject', 'has p=none and reject'],
    ['v=DMARC1; p=quarantine; pct=99', 'has pct=99'],
    ['v=DMARC1; p=reject; pct=0', 'has pct=0'],
    ['v=DMARC1; p=quarantine; t=y', 'has t=y'],
  ])('of %j: %s', async (record, weakness) => {
    expect(await read({ '_dmarc.example.com': [record] })).toEqual([{ name: '_dmarc.example.com', weakness }]);
  });

  test('is joined of its pieces', async () => {
    expect(await read({ '_dmarc.example.com': [['v=DMARC1; p=rej', 'ect']] })).toMatchObject([{ weakness: undefined }]);
  });

  test.each([
    ['there is no record', {}],
    [
      'a record is of another kind',
      { '_dmarc.example.com': ['v=spf1 -all', 'p=reject; v=DMARC1', 'v=dmarc1; p=reject'] },
    ],
    ['there are two', { '_dmarc.example.com': ['v=DMARC1; p=reject', 'v=DMARC1; p=reject'] }],
    ['only the top-level domain has one', { '_dmarc.com': ['v=DMARC1; p=reject'] }],
  ])('is missing where %s', async (_, zone) => {
    expect(await read(zone)).toEqual([]);
  });

  test('is read beside records of other kinds', async () => {
    expect(await read({ '_dmarc.example.com': ['hello', 'v=DMARC1; p=none'] })).toMatchObject([
      { weakness: 'has p=none' },
    ]);
  });

  test.each(['y', 'n'])('of the domain itself ends the search with psd=%s', async (psd) => {
    const resolver = resolverOf({
      '_dmarc.mail.example.com': [`v=DMARC1; p=reject; psd=${psd}`],
      '_dmarc.example.com': ['v=DMARC1; p=none'],
    });

    expect(await readDmarcPolicies(resolver, 'mail.example.com')).toEqual([
      { name: '_dmarc.mail.example.com', weakness: undefined },
    ]);
    expect(resolver.asked).toEqual(['_dmarc.mail.example.com']);
  });

  test.each([
    ['v=DMARC1; p=reject', undefined, 'v=DMARC1; p=quarantine; sp=reject', undefined],
    ['v=DMARC1; p=reject', undefined, 'v=DMARC1; p=none', 'has p=none'],
    ['v=DMARC1; p=reject', undefined, 'v=DMARC1; p=reject; sp=none', 'has sp=none'],
    ['v=DMARC1; p=reject', undefined, 'v=DMARC1; p=none; sp=reject', 'has p=none'],
    ['v=DMARC1; p=reject', undefined, 'v=DMARC1; p=quarantine; pct=50', 'has pct=50'],
    ['v=DMARC1; p=reject', undefined, 'v=DMARC1; p=reject; t=y', 'has t=y'],
    ['v=DMARC1; p=none', 'has p=none', 'v=DMARC1; p=reject', undefined],
    ['v=DMARC1; p=none', 'has p=none', 'v=DMARC1; p=reject; pct=0', 'has pct=0'],
  ])('of the domain counts beside that of the organization: %j %s, %j %s', async (own, weakness, higher, other) => {
    const zone = { '_dmarc.mail.example.com': [own], '_dmarc.example.com': [higher] };

    expect(await read(zone, 'mail.example.com')).toEqual([
      { name: '_dmarc.mail.example.com', weakness },
      { name: '_dmarc.example.com', weakness: other },
    ]);
  });

  test('between that of the domain and that of the organization does not count', async () => {
    const zone = {
      '_dmarc.a.b.example.com': ['v=DMARC1; p=reject'],
      '_dmarc.b.example.com': ['v=DMARC1; p=none'],
      '_dmarc.example.com': ['v=DMARC1; p=reject'],
    };

    expect((await read(zone, 'a.b.example.com')).map(({ name }) => name)).toEqual([
      '_dmarc.a.b.example.com',
      '_dmarc.example.com',
    ]);
  });

  test('of a public suffix does not count for an organization that has a record', async () => {
    const zone = {
      '_dmarc.brand.example.com': ['v=DMARC1; p=reject'],
      '_dmarc.example.com': ['v=DMARC1; p=none; psd=y'],
    };

    expect(await read(zone, 'brand.example.com')).toEqual([{ name: '_dmarc.brand.example.com', weakness: undefined }]);
  });

  test.each([
    ['v=DMARC1; p=reject', undefined],
    ['v=DMARC1; p=none', 'has p=none'],
    ['v=DMARC1; p=reject; sp=none', 'has sp=none'],
    ['v=DMARC1; p=none; sp=quarantine', 'has p=none'],
    ['v=DMARC1; p=quarantine; sp=reject; pct=20', 'has pct=20'],
    ['v=DMARC1; sp=reject', 'has no p='],
  ])('inherited of %j: %s', async (record, weakness) => {
    expect(await read({ '_dmarc.example.com': [record] }, 'mail.example.com')).toEqual([
      { name: '_dmarc.example.com', weakness },
    ]);
  });

  test('is looked for up to the domain below the top-level one, and no higher', async () => {
    const resolver = resolverOf({ '_dmarc.com': ['v=DMARC1; p=reject'] });

    expect(await readDmarcPolicies(resolver, 'a.b.example.com')).toEqual([]);
    expect(resolver.asked).toEqual(['_dmarc.a.b.example.com', '_dmarc.b.example.com', '_dmarc.example.com']);
  });

  test('of a name of many labels is looked for with eight queries at most', async () => {
    const resolver = resolverOf({});

    await readDmarcPolicies(resolver, 'a.b.c.d.e.f.g.h.i.example.com');

    expect(resolver.asked).toEqual([
      '_dmarc.a.b.c.d.e.f.g.h.i.example.com',
      '_dmarc.e.f.g.h.i.example.com',
      '_dmarc.f.g.h.i.example.com',
      '_dmarc.g.h.i.example.com',
      '_dmarc.h.i.example.com',
      '_dmarc.i.example.com',
      '_dmarc.example.com',
    ]);
  });

  test.each([
    ['the highest one', 'v=DMARC1; p=none', 'v=DMARC1; p=reject', '_dmarc.example.com'],
    ['one that ends the organization', 'v=DMARC1; p=none; psd=n', 'v=DMARC1; p=reject', '_dmarc.b.example.com'],
    ['the one below a public suffix', 'v=DMARC1; p=none', 'v=DMARC1; p=reject; psd=y', '_dmarc.b.example.com'],
    ['the public suffix itself, where there is no other', 'v=spf1', 'v=DMARC1; p=reject; psd=y', '_dmarc.example.com'],
  ])('of two parents is that of %s', async (_, lower, higher, name) => {
    const zone = { '_dmarc.b.example.com': [lower], '_dmarc.example.com': [higher] };

    expect(await read(zone, 'a.b.example.com')).toMatchObject([{ name }]);
  });

  test('is inherited where the domain has two records of its own', async () => {
    const zone = {
      '_dmarc.mail.example.com': ['v=DMARC1; p=none', 'v=DMARC1; p=none'],
      '_dmarc.example.com': ['v=DMARC1; p=reject'],
    };

    expect(await read(zone, 'mail.example.com')).toEqual([{ name: '_dmarc.example.com', weakness: undefined }]);
  });

  test.each(['_dmarc.mail.example.com', '_dmarc.example.com'])('is not known when %s cannot be asked', async (name) => {
    const record = ['v=DMARC1; p=reject'];
    const zone = { '_dmarc.mail.example.com': record, '_dmarc.example.com': record, [name]: 'ESERVFAIL' };

    await expect(read(zone, 'mail.example.com')).rejects.toMatchObject({ code: 'ESERVFAIL' });
  });
});

describe("with node's own resolver", () => {
  const NO_ERROR = 0;
  const SERVER_FAILURE = 2;
  const NO_SUCH_NAME = 3;
  let close = () => {};

  afterEach(() => close());

  /** A resolver that asks a name server on loopback, which gives every question the same answer (RFC 1035, 4). */
  async function resolverAt(code: number, records: readonly (readonly string[])[] = []): Promise<Resolver> {
    const socket = dgram.createSocket('udp4');
    socket.on('message', (query, { port, address }) => {
      // The question ends four bytes after the empty label.
      const question = query.subarray(12, query.indexOf(0, 12) + 5);
      const header = Buffer.from([0, 0, 0x81, 0x80 | code, 0, 1, 0, records.length, 0, 0, 0, 0]);
      query.copy(header, 0, 0, 2);
      const answers = records.map((pieces) => {
        const data = Buffer.concat(pieces.map((piece) => Buffer.from([piece.length, ...Buffer.from(piece)])));
        return Buffer.concat([Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, 0, data.length]), data]);
      });
      socket.send(Buffer.concat([header, question, ...answers]), port, address);
    });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    close = () => socket.close();
    const resolver = new Resolver({ timeout: 2000, tries: 1 });
    resolver.setServers([`127.0.0.1:${socket.address().port}`]);
    return resolver;
  }

  test('records come in the pieces that they are stored in', async () => {
    const resolver = await resolverAt(NO_ERROR, [['v=BIMI1; l=https://a', '.example/'], ['hello']]);

    expect(await readBimiRecords(resolver, 'example.com', 'default')).toMatchObject({
      records: [{ text: 'v=BIMI1; l=https://a.example/', logo: 'https://a.example/' }],
      others: ['hello'],
    });
  });

  test.each([
    ['no such name', NO_SUCH_NAME],
    ['a name without TXT records', NO_ERROR],
  ])('%s has no record', async (_, code) => {
    expect(await readDmarcPolicies(await resolverAt(code), 'example.com')).toEqual([]);
  });

  test('a server that fails says nothing of the record', async () => {
    const resolver = await resolverAt(SERVER_FAILURE);

    await expect(readDmarcPolicies(resolver, 'example.com')).rejects.toMatchObject({ code: 'ESERVFAIL' });
  });
});
