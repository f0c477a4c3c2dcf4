import { describe, expect, test } from 'vitest';
import { readBimiRecords, readDmarcPolicies } from '../../../functions/survey/dns.ts';
import { resolverOf, type Zone } from './zone.ts';

const LOGO = 'https://brand.example/example.com/default.svg';
const CHAIN = 'https://brand.example/example.com/default.pem';

describe('readBimiRecords', () => {
  const name = 'default._bimi.example.com';
  const read = (zone: Zone) => readBimiRecords(resolverOf(zone), 'example.com', 'default');

  test.each([
    ['as the collector writes it', `v=BIMI1; l=${LOGO}; a=${CHAIN}`],
    ['with the tags in another order', `v=BIMI1;a=${CHAIN};l=${LOGO};`],
    ['with white space around everything', `  v = BIMI1 ;\tl =  ${LOGO} ;\r\n a= ${CHAIN}  ; `],
    ['with unknown tags', `v=BIMI1; avp=brand; l=${LOGO}; lps=; a=${CHAIN}`],
    ['with empty tags', `v=BIMI1;; l=${LOGO}; ; a=${CHAIN};`],
  ])('A record %s is read.', async (_, text) => {
    expect(await read({ [name]: [text] })).toEqual({
      name,
      records: [{ text, logo: LOGO, chain: CHAIN }],
      others: [],
    });
  });

  test('The strings of a record are joined without a space.', async () => {
    const text = `v=BIMI1; l=${LOGO}; a=${CHAIN}`;
    const strings = [text.slice(0, 3), text.slice(3, 20), text.slice(20)];

    expect(await read({ [name]: [strings] })).toMatchObject({ records: [{ text, logo: LOGO, chain: CHAIN }] });
  });

  test('Both addresses of a record may be empty or missing.', async () => {
    expect(await read({ [name]: ['v=BIMI1; l=; a=;'] })).toMatchObject({ records: [{ logo: '', chain: '' }] });
    expect(await read({ [name]: ['v=BIMI1'] })).toMatchObject({ records: [{ logo: '', chain: '' }] });
  });

  test('An address may contain an equals sign.', async () => {
    expect(await read({ [name]: ['v=BIMI1; l=https://a.example/?a=b=c'] })).toMatchObject({
      records: [{ logo: 'https://a.example/?a=b=c' }],
    });
  });

  test('Both values of a duplicate tag are returned.', async () => {
    expect(await read({ [name]: [`v=BIMI1; l=${LOGO}; l=https://old.example/logo.svg; a=${CHAIN}`] })).toMatchObject({
      records: [{ logo: `${LOGO} and https://old.example/logo.svg`, chain: CHAIN }],
    });
  });

  test.each([
    'v=spf1 -all',
    'v=bimi1; l=; a=',
    'V=BIMI1; l=; a=',
    'v=BIMI2; l=; a=',
    'v=BIMI10; l=; a=',
    'l=; a=; v=BIMI1',
    'v=Bimi1; l=; a=',
    'v=BIMI1 l=; a=',
    'v=BIMI1, l=; a=',
    '"v=BIMI1; l=; a="',
    'BIMI1',
    '',
  ])('%j is not a BIMI record.', async (text) => {
    expect(await read({ [name]: [text] })).toEqual({ name, records: [], others: [text] });
  });

  test('All BIMI records are returned, and all other records apart from them.', async () => {
    expect(await read({ [name]: ['v=BIMI1; l=a', 'hello', 'v=BIMI1; l=b'] })).toMatchObject({
      records: [{ logo: 'a' }, { logo: 'b' }],
      others: ['hello'],
    });
  });

  test('The records of another selector have another name.', async () => {
    const resolver = resolverOf({ 'winter._bimi.example.com': ['v=BIMI1; l=w'] });

    expect(await readBimiRecords(resolver, 'example.com', 'winter')).toMatchObject({ records: [{ logo: 'w' }] });
    expect(resolver.asked).toEqual(['winter._bimi.example.com']);
  });

  test.each(['ENOTFOUND', 'ENODATA'])('After %s there are no records.', async (code) => {
    expect(await read({ [name]: code })).toEqual({ name, records: [], others: [] });
  });

  test.each(['ESERVFAIL', 'ETIMEOUT', 'EREFUSED', 'ECONNREFUSED'])(
    'After %s the records are unknown, and the error is thrown.',
    async (code) => {
      await expect(read({ [name]: code })).rejects.toMatchObject({ code });
    },
  );
});

describe('readDmarcPolicies', () => {
  const read = async (zone: Zone, domain = 'example.com') =>
    (await readDmarcPolicies(resolverOf(zone), domain)).map(({ name, weakness }) => ({ name, weakness }));

  test('A policy contains the text of its record.', async () => {
    const text = 'v=DMARC1; p=reject; rua=mailto:dmarc@example.com';
    expect(await readDmarcPolicies(resolverOf({ '_dmarc.example.com': [text] }), 'mail.example.com')).toEqual([
      { name: '_dmarc.example.com', text, weakness: undefined },
    ]);
  });

  test.each([
    // Accepted policies, with the tags in any order and white space around everything.
    ['v=DMARC1; p=reject', undefined],
    ['v=DMARC1; p=quarantine', undefined],
    [' v = DMARC1 ; p = reject ', undefined],
    ['\tv\t=\tDMARC1\t;\tp\t=\tquarantine\t', undefined],
    ['v=DMARC1;; p=reject; ;', undefined],
    ['v=DMARC1; rua=mailto:a@example.com; p=reject', undefined],
    ['v=DMARC1; p=reject; sp=quarantine', undefined],
    // Version, tag names and values in any case.
    ['v=DMARC1;p=REJECT;sp=Quarantine;rua=mailto:a@example.com;', undefined],
    ['v=dmarc1; p=reject', undefined],
    ['V=DMARC1; P=reject', undefined],
    ['V=Dmarc1; P=Reject; SP=REJECT; PCT=100; T=N', undefined],
    ['V=DMARC1; P=NONE', 'has p=none'],
    ['v=DMARC1; p=reject; SP=None', 'has sp=none'],
    ['v=DMARC1; P=Quarantine; PCT=50', 'has pct=50'],
    ['v=DMARC1; p=quarantine; T=Y', 'has t=Y'],
    // Missing and unknown values.
    ['v=DMARC1; p=none', 'has p=none'],
    ['v=DMARC1', 'has no p='],
    ['v=DMARC1; p', 'has p='],
    ['v=DMARC1; p=', 'has p='],
    ['v=DMARC1; p="reject"', 'has p="reject"'],
    ['v=DMARC1; p=monitor', 'has p=monitor'],
    ['v=DMARC1; rua=mailto:a@example.com', 'has no p='],
    ['v=DMARC1; p=reject; sp=', 'has sp='],
    ['v=DMARC1; p=reject; sp=monitor', 'has sp=monitor'],
    ['v=DMARC1; p=reject; sp=none', 'has sp=none'],
    ['v=DMARC1; p=none; sp=reject', 'has p=none'],
    // A percentage matters with p=quarantine only.
    ['v=DMARC1; p=quarantine; pct=100', undefined],
    ['v=DMARC1; p=quarantine; pct=99', 'has pct=99'],
    ['v=DMARC1; p=quarantine; pct=0', 'has pct=0'],
    ['v=DMARC1; p=quarantine; pct = 050', 'has pct=050'],
    ['v=DMARC1; p=quarantine; sp=reject; pct=50', 'has pct=50'],
    ['v=DMARC1; p=reject; pct=0', undefined],
    ['v=DMARC1; p=reject; pct=50', undefined],
    ['v=DMARC1; p=reject; sp=quarantine; pct=50', undefined],
    ['v=DMARC1; p=reject; sp=none; pct=50', 'has sp=none'],
    ['v=DMARC1; p=reject; pct=all', undefined],
    ['v=DMARC1; p=quarantine; pct=all', undefined],
    ['v=DMARC1; p=quarantine; pct=', undefined],
    ['v=DMARC1; p=quarantine; pct=-1', undefined],
    // The test mode weakens every policy.
    ['v=DMARC1; p=reject; t=n', undefined],
    ['v=DMARC1; p=reject; t=y', 'has t=y'],
    ['v=DMARC1; p=quarantine; t=y', 'has t=y'],
    ['v=DMARC1; p=reject; pct=50; t=y', 'has t=y'],
    // The policy for domains that do not exist does not matter.
    ['v=DMARC1; p=reject; np=none', undefined],
    ['v=DMARC1; p=reject; np=monitor', undefined],
    // Of a duplicate tag, some receivers use the first value and some the last.
    ['v=DMARC1; p=none; p=reject', 'has p=none and reject'],
    ['v=DMARC1; P=reject; p=none', 'has p=reject and none'],
    ['v=DMARC1; p=reject; sp=reject; sp=none', 'has sp=reject and none'],
    ['v=DMARC1; p=quarantine; pct=100; pct=50', 'has pct=100 and 50'],
    ['v=DMARC1; p=quarantine; pct=100; pct=100', undefined],
    ['v=DMARC1; p=reject; t=n; t=y', 'has t=n and y'],
    ['v=DMARC1; p=reject; v=DMARC1', undefined],
  ])('The weakness of %j is: %s.', async (record, weakness) => {
    expect(await read({ '_dmarc.example.com': [record] })).toEqual([{ name: '_dmarc.example.com', weakness }]);
  });

  test('The strings of a record are joined.', async () => {
    expect(await read({ '_dmarc.example.com': [['v=DMARC1; p=rej', 'ect']] })).toMatchObject([{ weakness: undefined }]);
  });

  test.each([
    ['there is no record', {}],
    [
      'no record begins with the version',
      { '_dmarc.example.com': ['v=spf1 -all', 'p=reject; v=DMARC1', 'DMARC1; p=reject', ''] },
    ],
    [
      'the version is another one',
      {
        '_dmarc.example.com': [
          'v=DMARC2; p=reject',
          'v=DMARC10; p=reject',
          'v=DMARC1 p=reject',
          'v="DMARC1"; p=reject',
        ],
      },
    ],
    ['there are two records, in whatever case', { '_dmarc.example.com': ['v=DMARC1; p=reject', 'V=dmarc1; p=reject'] }],
    ['there are two records', { '_dmarc.example.com': ['v=DMARC1; p=reject', 'v=DMARC1; p=reject'] }],
    ['only the top-level domain has one', { '_dmarc.com': ['v=DMARC1; p=reject'] }],
  ])('There is no policy if %s.', async (_, zone) => {
    expect(await read(zone)).toEqual([]);
  });

  test('A DMARC record is read among records of other kinds.', async () => {
    expect(await read({ '_dmarc.example.com': ['hello', 'v=DMARC1; p=none'] })).toMatchObject([
      { weakness: 'has p=none' },
    ]);
  });

  test.each(['y', 'n', 'Y', 'N'])('The search ends at the domain itself if its record has psd=%s.', async (psd) => {
    const resolver = resolverOf({
      '_dmarc.mail.example.com': [`v=DMARC1; p=reject; psd=${psd}`],
      '_dmarc.example.com': ['v=DMARC1; p=none'],
    });

    expect(await readDmarcPolicies(resolver, 'mail.example.com')).toMatchObject([
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
    ['v=DMARC1; p=none', 'has p=none', 'v=DMARC1; p=quarantine; pct=0', 'has pct=0'],
    ['v=DMARC1; p=none', 'has p=none', 'v=DMARC1; p=reject; pct=0', undefined],
  ])(
    'The policy of the domain and that of its organization both count: %j: %s, %j: %s.',
    async (own, weakness, higher, other) => {
      const zone = { '_dmarc.mail.example.com': [own], '_dmarc.example.com': [higher] };

      expect(await read(zone, 'mail.example.com')).toEqual([
        { name: '_dmarc.mail.example.com', weakness },
        { name: '_dmarc.example.com', weakness: other },
      ]);
    },
  );

  test('A policy between the domain and its organization does not count.', async () => {
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

  test.each(['y', 'Y'])(
    'The policy of a public suffix (psd=%s) does not count if its organization has a record.',
    async (psd) => {
      const zone = {
        '_dmarc.brand.example.com': ['v=DMARC1; p=reject'],
        '_dmarc.example.com': [`v=DMARC1; p=none; psd=${psd}`],
      };

      expect(await read(zone, 'brand.example.com')).toEqual([
        { name: '_dmarc.brand.example.com', weakness: undefined },
      ]);
    },
  );

  test.each([
    ['v=DMARC1; p=reject', undefined],
    ['v=DMARC1; p=none', 'has p=none'],
    ['v=DMARC1; p=reject; sp=none', 'has sp=none'],
    ['v=DMARC1; p=none; sp=quarantine', 'has p=none'],
    ['v=DMARC1; p=quarantine; sp=reject; pct=20', 'has pct=20'],
    ['v=DMARC1; sp=reject', 'has no p='],
  ])('The weakness of the inherited record %j is: %s.', async (record, weakness) => {
    expect(await read({ '_dmarc.example.com': [record] }, 'mail.example.com')).toEqual([
      { name: '_dmarc.example.com', weakness },
    ]);
  });

  test('The search ends below the top-level domain.', async () => {
    const resolver = resolverOf({ '_dmarc.com': ['v=DMARC1; p=reject'] });

    expect(await readDmarcPolicies(resolver, 'a.b.example.com')).toEqual([]);
    expect(resolver.asked).toEqual(['_dmarc.a.b.example.com', '_dmarc.b.example.com', '_dmarc.example.com']);
  });

  test('The search for a domain of many labels takes at most eight queries.', async () => {
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
    ['one with psd=n', 'v=DMARC1; p=none; psd=n', 'v=DMARC1; p=reject', '_dmarc.b.example.com'],
    ['the one below a public suffix', 'v=DMARC1; p=none', 'v=DMARC1; p=reject; psd=y', '_dmarc.b.example.com'],
    ['the public suffix itself if there is no other', 'v=spf1', 'v=DMARC1; p=reject; psd=y', '_dmarc.example.com'],
  ])('Of two parents with a record, the policy is that of %s.', async (_, lower, higher, name) => {
    const zone = { '_dmarc.b.example.com': [lower], '_dmarc.example.com': [higher] };

    expect(await read(zone, 'a.b.example.com')).toMatchObject([{ name }]);
  });

  test('The policy is inherited if the domain itself has two records.', async () => {
    const zone = {
      '_dmarc.mail.example.com': ['v=DMARC1; p=none', 'v=DMARC1; p=none'],
      '_dmarc.example.com': ['v=DMARC1; p=reject'],
    };

    expect(await read(zone, 'mail.example.com')).toEqual([{ name: '_dmarc.example.com', weakness: undefined }]);
  });

  test.each(['_dmarc.mail.example.com', '_dmarc.example.com'])(
    'The policy is unknown if the lookup of %s fails, and the error is thrown.',
    async (name) => {
      const record = ['v=DMARC1; p=reject'];
      const zone = { '_dmarc.mail.example.com': record, '_dmarc.example.com': record, [name]: 'ESERVFAIL' };

      await expect(read(zone, 'mail.example.com')).rejects.toMatchObject({ code: 'ESERVFAIL' });
    },
  );
});
