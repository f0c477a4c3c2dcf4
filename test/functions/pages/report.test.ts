import { beforeAll, describe, expect, test } from 'vitest';
import { RECEIVERS } from '../../../functions/certificate/receivers.ts';
import { REPORT_BYTES, renderReport } from '../../../functions/pages/report.ts';
import type { CertificateSubject, Subject } from '../../../functions/pages/report-view.ts';
import { attribute, type Element, elementsOf, shapesOf, textOf } from './parsed.ts';
import { certificateSubject, NOW, withTexts } from './subjects.ts';

let subject: CertificateSubject;

beforeAll(async () => {
  subject = await certificateSubject();
});

const render = (...subjects: readonly Subject[]) =>
  renderReport(subjects, { writtenAt: NOW, writtenBy: 'Collect', collector: 'acme' });
const named = (page: string, ...names: readonly string[]): readonly Element[] =>
  elementsOf(page).filter(({ tagName }) => names.includes(tagName));
const texts = (page: string, ...names: readonly string[]) =>
  named(page, ...names).map((element) => textOf(element).trim().replaceAll(/\s+/g, ' '));

const FINDINGS = [
  { id: 'svg-profile', severity: 'error', message: 'the logo has a script' },
  { id: 'lifetime', severity: 'warning', message: 'it is valid for 400 days' },
  { id: 'finding-of-another-release', severity: 'notice', message: 'nothing' },
] as const;

describe('The report of a certificate', () => {
  test('begins with the owner and one sentence that is the verdict.', () => {
    const page = render(subject);
    expect(texts(page, 'h1')).toEqual(['Example Brand Limited']);
    const [first = ''] = texts(page, 'p');
    expect(first).toMatch(/^Publishable\. [^.]*\.$/);
    expect(texts(page, 'title')).toEqual(['Example Brand Limited: mark certificate']);
  });

  test('has headings without a gap, and only one of the first level.', () => {
    for (const page of [render(subject), render(subject, subject)]) {
      const levels = named(page, 'h1', 'h2', 'h3', 'h4').map(({ tagName }) => Number(tagName[1]));
      expect(levels.filter((level) => level === 1)).toHaveLength(1);
      expect(levels.every((level, index) => level <= (levels[index - 1] ?? 0) + 1)).toBe(true);
      expect(levels.length).toBeGreaterThan(9);
    }
  });

  test('shows the logo round and square, from 32 to 128 pixels, on white and on dark, with the brand beside it.', () => {
    const page = render(subject);
    const images = named(page, 'img');
    expect(
      images.map((image) => [attribute(image, 'class'), attribute(image, 'width'), attribute(image, 'height')]),
    ).toEqual(
      [
        ['logo round', '64'],
        ['logo square', '128'],
        ['logo round', '32'],
      ].flatMap(([name, size]) => [1, 2].map(() => [name, size, size])),
    );
    const uri = `data:image/svg+xml;base64,${Buffer.from(subject.logo ?? '').toString('base64')}`;
    expect(new Set(images.map((image) => attribute(image, 'src')))).toEqual(new Set([uri]));
    expect(new Set(images.map((image) => attribute(image, 'alt')))).toEqual(new Set(['Logo of Example Brand Limited']));
    expect(texts(page, 'figure').map((text) => text.split(' pixels, ')[1])).toEqual(
      [1, 2, 3].flatMap(() => ['on white', 'on dark']),
    );
    expect(texts(page, 'figure').every((text) => text.startsWith('Example Brand Limited'))).toBe(true);
  });

  test('says of each receiver whether it shows the logo, and why.', () => {
    const page = render({
      ...subject,
      findings: FINDINGS,
      receivers: [
        { id: 'gmail', shows: false, because: ['svg-profile'] },
        { id: 'yahoo', shows: true, because: ['reputation'] },
        { id: 'gmx', shows: null, because: ['rules-not-published'] },
        { id: 'apple', shows: true, because: [] },
        { id: 'receiver-of-another-release', shows: true, because: ['reason-of-another-release'] },
      ],
    });
    const rows = texts(page, 'tr');
    expect(rows).toEqual(
      expect.arrayContaining(
        [
          'Receiver Logo Because',
          'Gmail does not show Finding: svg-profile.',
          'Yahoo with AOL shows The reputation of the sender decides too.',
          'GMX not known The receiver does not publish its rules.',
          'Apple Mail shows The chain satisfies the rules of this receiver.',
          'receiver-of-another-release shows Finding: reason-of-another-release.',
        ].map((text) =>
          text.replaceAll(
            /(shows|show|known|Logo) (?=[A-Z])|^(Gmail|GMX|Apple Mail|Yahoo with AOL|Receiver) |^(receiver-\S+) /g,
            (match) => match.trim(),
          ),
        ),
      ),
    );
    expect(texts(render(subject), 'th').filter((text) => RECEIVERS.some(({ name }) => name === text))).toHaveLength(
      RECEIVERS.length,
    );
  });

  test('says what to do about each finding.', () => {
    const page = render({ ...subject, findings: FINDINGS });
    const [profile, lifetime, other] = named(page, 'li')
      .filter((item) => attribute(item, 'class')?.startsWith('finding'))
      .map((item) => textOf(item).replaceAll('\n', ' ').trim());
    expect(profile).toMatch(
      /^Error svg-profile: the logo has a script What to do: Correct the logo and order a certificate with it\./,
    );
    expect(lifetime).toBe('Warning lifetime: it is valid for 400 days What to do: Ask the CA.');
    expect(other).toBe('Notice finding-of-another-release: nothing');
  });

  test('has each DNS record in fields with labels, from which it can be copied.', () => {
    const page = render(subject);
    const fields = named(page, 'textarea');
    expect(fields.map(textOf)).toEqual(
      ['example.com', 'www.example.com'].flatMap((domain) => [
        `default._bimi.${domain}`,
        `v=BIMI1; l=https://bimi.example.net/${domain}/default.svg; a=https://bimi.example.net/${domain}/default.pem`,
      ]),
    );
    expect(fields.map((field) => attribute(field, 'readonly'))).toEqual(['', '', '', '']);
    expect(named(page, 'label').map((label) => attribute(label, 'for'))).toEqual(
      fields.map((field) => attribute(field, 'id')),
    );
  });

  test('has a record to complete if it is not known where the files are published.', () => {
    const { order: _, ...without } = subject;
    expect(named(render(without), 'textarea').map(textOf)).toEqual([
      'default._bimi.example.com',
      'v=BIMI1; l=https://HOST/logo.svg; a=https://HOST/chain.pem',
    ]);
  });

  test.each([
    ['2026-06-01T08:00:00Z', '214 days left', '2026-06-01 (today)'],
    ['2027-01-11T08:00:00Z', 'expired 10 days ago', '2027-01-11 (today)'],
    ['2025-12-22T08:00:00Z', 'not valid for another 10 days', '2025-12-22 (today)'],
    ['2025-12-31T08:00:00Z', 'not valid for another 1 day', '2025-12-31 (today)'],
  ])('draws the validity as a line with %s as today, and states the same.', (date, state, mark) => {
    const page = renderReport([subject], { writtenAt: new Date(date), writtenBy: 'Collect' });
    const [line] = named(page, 'svg');
    expect(line && attribute(line, 'aria-label')).toContain(state);
    expect(texts(page, 'text')).toEqual([mark, '2026-01-01', '2027-01-01']);
    expect(texts(page, 'p').join(' ')).toContain(`Today on this page is ${date.slice(0, 10)}: ${state}.`);
    const places = named(page, 'rect', 'line', 'text').map((element) =>
      Number.parseFloat(attribute(element, 'x') ?? attribute(element, 'x1') ?? ''),
    );
    expect(places.every((place) => place >= 0 && place <= 100)).toBe(true);
  });

  test('names each row of a table by a header.', () => {
    const rows = named(render(subject), 'tr');
    const headers = named(render(subject), 'th');
    expect(headers.filter((header) => attribute(header, 'scope') === 'row')).toHaveLength(
      rows.length - headers.filter((header) => attribute(header, 'scope') === 'col').length / 3,
    );
  });

  test.each([
    ['Nothing is wrong with the certificate, so mail receivers can show the logo when it is published.', []],
    [
      'The certificate has 1 warning, and mail receivers can show the logo when it is published.',
      FINDINGS.filter(({ severity }) => severity === 'warning'),
    ],
    ['Some or all mail receivers do not show the logo, because of 1 error.', FINDINGS],
  ])('states first whether the logo is shown: %s', (sentence, findings) => {
    expect(texts(render({ ...subject, findings }), 'p')[0]).toContain(sentence);
  });

  test.each([
    [{ findings: [{ id: 'revoked', severity: 'error', message: 'x' }] }, '2026-06-01'],
    [{}, '2027-06-01'],
  ] as const)('does not deny that receivers show logos without a certificate: %j at %s.', (changes, date) => {
    const page = renderReport([{ ...subject, ...changes }], { writtenAt: new Date(date), writtenBy: 'Collect' });
    expect(texts(page, 'p')[0]).toContain('so mail receivers that require a certificate do not show the logo.');
  });

  test('warns at the DNS record only if the certificate must not be published.', () => {
    const WARNING = 'Do not publish this certificate.';
    const { order: _, ...without } = subject;
    for (const each of [subject, without]) {
      const { report } = each;
      expect(texts(render(each), 'p').join(' ')).not.toContain(WARNING);
      expect(texts(render({ ...each, report: { ...report, publishable: false } }), 'p').join(' ')).toContain(WARNING);
    }
  });

  test('contains the order, the chain, the timestamps, the revocation and the objects.', () => {
    const page = render(subject);
    const all = textOf({ childNodes: elementsOf(page).filter(({ tagName }) => tagName === 'main') } as never);
    for (const expected of [
      '1378973013',
      'brand-a',
      'order-1378973013',
      'aa'.repeat(32),
      'bb'.repeat(32),
      'cc'.repeat(32),
      ...subject.report.chain.map(({ fingerprintSha256 }) => fingerprintSha256),
      subject.report.scts[0]?.logId ?? 'no SCT',
      'not revoked',
      subject.report.serialNumber,
      'Registered Mark',
      'www.example.com',
    ]) {
      expect(all).toContain(expected);
    }
  });

  test.each([
    ['Revoked', { findings: [{ id: 'revoked', severity: 'error', message: 'x' }] }, '2026-06-01'],
    ['Expired', {}, '2027-06-01'],
    ['Not publishable', { findings: FINDINGS }, '2026-06-01'],
    ['Not valid yet', {}, '2025-06-01'],
    ['Publishable', { findings: FINDINGS.slice(1) }, '2026-06-01'],
    ['Not sufficient', { failures: ['10 days are left'] }, '2026-06-01'],
    [
      'Not displayed',
      {
        lookup: {
          domain: 'example.com',
          selector: 'default',
          record: null,
          findings: [{ id: 'record-missing', severity: 'error', message: 'x' }],
        },
      },
      '2026-06-01',
    ],
  ] as const)('has the verdict "%s".', (word, changes, date) => {
    const page = renderReport([{ ...subject, findings: [], ...changes }], {
      writtenAt: new Date(date),
      writtenBy: 'Collect',
    });
    expect(texts(page, 'p')[0]).toMatch(new RegExp(`^${word}\\. [A-Z].*\\.$`));
  });
});

describe('The report of several subjects', () => {
  const others: readonly Subject[] = [
    { kind: 'unreadable', source: 'note.txt', problem: 'the file contains no certificate' },
    { kind: 'logo', source: 'logo.svg', logo: Buffer.from('<svg/>'), sha256: 'dd'.repeat(32), findings: [] },
  ];

  test('names each with its verdict first, and has ids that are unique.', () => {
    const page = render(
      { ...subject, source: 'a.pem', findings: FINDINGS },
      { ...subject, source: 'b.pem', findings: FINDINGS },
      ...others,
    );
    const [list = ''] = texts(page, 'ul');
    expect(list).toContain('Example Brand Limited (a.pem): Not publishable');
    expect(list).toContain('note.txt: Not readable');
    expect(list).toContain('logo.svg: Accepted');
    expect(list).not.toMatch(/(\S+) \(\1\)/);
    expect(texts(page, 'title')).toEqual(texts(page, 'h1'));
    const ids = elementsOf(page).flatMap((element) => attribute(element, 'id') ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    for (const link of named(page, 'a')) {
      expect(ids).toContain(attribute(link, 'href')?.slice(1));
    }
    expect(named(page, 'h1')).toHaveLength(1);
  });

  test.each(others)('can be one without a certificate: $kind.', (other) => {
    expect(texts(render(other), 'h1')).toEqual([other.source]);
  });
});

describe('A text from outside', () => {
  const HOSTILE: readonly (readonly [string, string])[] = [
    ['a script', '<script>alert(1)</script><img src=x onerror=alert(1)>'],
    ['quotes', `"'><svg onload="alert(1)">\` onmouseover='alert(1)'`],
    ['the ends of elements', '</textarea></title></style></bdi></p></main></body></html><script>'],
    ['character references', '&lt;script&gt;&#60;script&#62;&quot;'],
    ['right-to-left marks', '\u202Etxt.exe\u2066\u200F'],
    ['control characters', '\0\u0007\u001B[31m\u007F\u0085\r\n\t'],
    ['lone surrogates', '\uD800 \uDFFF'],
    ['10,000 characters', 'x'.repeat(10_000)],
    ['10,000 characters to escape', '"'.repeat(10_000)],
    ['a URL that runs', 'javascript:alert(1)'],
    ['a comment and a declaration', '<!-- --!> <![CDATA[ ]]> <?xml ?>'],
    ['nothing', ''],
  ];

  /** What the template writes for harmless texts. */
  let harmless: ReadonlySet<string>;

  beforeAll(() => {
    harmless = new Set([
      ...shapesOf(render({ ...withTexts(subject, 'x'), findings: FINDINGS })),
      ...shapesOf(render(subject)),
      ...shapesOf(render(...LIST('x'))),
    ]);
  });

  const LIST = (text: string): readonly Subject[] => [
    {
      ...withTexts(subject, text),
      source: text,
      failures: [text],
      lookup: {
        domain: text,
        selector: text,
        record: text,
        findings: [{ id: text, severity: 'error', message: text }],
      },
    },
    { kind: 'unreadable', source: text, problem: text, leaf: withTexts(subject.report, text) },
    {
      kind: 'logo',
      source: text,
      logo: Buffer.from('<svg/>'),
      sha256: text,
      findings: [{ id: text, severity: 'error', message: text }],
    },
  ];

  test.each(HOSTILE)('adds no element and no attribute to the page if it is or contains %s.', (_, text) => {
    for (const page of [
      render(withTexts(subject, text)),
      render({ ...withTexts(subject, text), findings: FINDINGS }),
      render(...LIST(text)),
    ]) {
      expect(shapesOf(page).filter((shape) => !harmless.has(shape))).toEqual([]);
      const elements = elementsOf(page);
      expect(
        elements.flatMap(({ attrs }) => attrs.map(({ name }) => name)).filter((name) => /^(on|style$)/.test(name)),
      ).toEqual([]);
      expect(
        elements.filter(({ tagName }) => ['script', 'iframe', 'object', 'embed', 'base', 'form'].includes(tagName)),
      ).toEqual([]);
      for (const element of elements) {
        expect(attribute(element, 'href') ?? '#').toMatch(/^(?:#|data:,$)/);
        expect(attribute(element, 'src') ?? 'data:image/svg+xml;base64,').toMatch(
          /^data:image\/svg\+xml;base64,[A-Za-z0-9+/=]*$/,
        );
      }
    }
  });

  test.each(HOSTILE)(
    'leaves no character in the page that is invisible or changes the direction if it has %s.',
    (_, text) => {
      expect(render(withTexts(subject, text)).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
    },
  );

  test.each(HOSTILE)('keeps the page below its size if it has %s.', (_, text) => {
    expect(Buffer.byteLength(render(withTexts(subject, text)))).toBeLessThan(REPORT_BYTES);
  });
});

describe('The logo', () => {
  test.each([
    ['a script', '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(2)</script></svg>'],
    [
      'requests',
      '<!DOCTYPE svg SYSTEM "http://x/"><svg xmlns="http://www.w3.org/2000/svg"><image href="http://x/"/></svg>',
    ],
    ['the end of an attribute', '"><script>alert(1)</script>'],
  ])('is only ever the source of an image, whatever it contains: %s.', (_, svg) => {
    const page = render({ ...subject, logo: Buffer.from(svg) });
    expect(shapesOf(page)).toEqual(shapesOf(render(subject)));
    expect(page).not.toContain('alert(');
    expect(page).not.toContain('http://x/');
  });

  test('is shown at every place if it is the largest that receivers accept, and the page stays below 300 KB.', () => {
    const page = render({ ...subject, logo: Buffer.alloc(32_768, '<') });
    expect(named(page, 'img')).toHaveLength(6);
    expect(Buffer.byteLength(page)).toBeLessThan(300_000);
  });

  test('is shown at fewer places if it is larger, or if the order has a hundred domains.', () => {
    const domains = Array.from({ length: 100 }, (_, index) => `${index}.${'x'.repeat(60)}.example`);
    const [record = ''] = subject.order?.bimiRecords ?? [];
    const order = subject.order && {
      ...subject.order,
      bimiRecords: domains.map((domain) => record.replaceAll('example.com', domain)),
    };
    for (const [changes, count] of [
      [{ logo: Buffer.alloc(65_536) }, 2],
      [{ logo: Buffer.alloc(262_144) }, 0],
      [{ logo: Buffer.alloc(32_768), order, report: { ...subject.report, domains } }, 4],
    ] as const) {
      const page = render({ ...subject, ...changes });
      expect(named(page, 'img')).toHaveLength(count);
      expect(Buffer.byteLength(page)).toBeLessThan(REPORT_BYTES);
      expect(texts(page, 'p').join(' ')).toContain('so this page does not show it');
    }
  });
});
