import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { isOverviewFile, type OverviewOptions, renderOverview } from '../../../functions/pages/overview.ts';
import { overviewSchema } from '../../../functions/pages/overview-json.ts';
import { OrderCollection, type OverviewFindings } from '../../../functions/pages/overview-order.ts';
import { failureOf, later, manifestOf, NOON, statusOf } from '../survey/samples.ts';
import { caaOf, FETCHED, fetchesOf, warningOf } from './findings-samples.ts';
import { makeAll } from './made.ts';
import { attribute, elementsOf } from './parsed.ts';

const OPTIONS = {
  collector: 'acme',
  bucket: 'certificates',
  writtenAt: new Date(NOON),
  writtenBy: 'the survey',
  endingSoonDays: 30,
  logos: new Map<string, Uint8Array>(),
};

const IN_A_YEAR = { notAfter: later(NOON, { days: 300 }) };

/** A waiting order, an issued one, and a failed one. */
function ordersWith(findings: OverviewFindings) {
  const orders = new OrderCollection({ endingSoonDays: 30, publishes: true });
  orders.addStatus(statusOf('1', { domains: ['waiting.example'] }));
  orders.addStatus(statusOf('2', { state: 'issued', domains: ['Issued.example'] }));
  orders.addManifest(manifestOf('2', { ...IN_A_YEAR, domains: ['issued.example', 'more.example'] }));
  orders.addStatus(failureOf('3', { domains: ['failed.example'] }));
  const live = { orderNumber: '2', fingerprintSha256: 'c0ffee' };
  orders.addPublication({ domain: 'issued.example', selector: 'default', live, revokedAt: null });
  return orders.orders(new Date(NOON), findings);
}

function render(findings: OverviewFindings, options: Partial<OverviewOptions> = {}) {
  const files = makeAll(renderOverview(ordersWith(findings), { ...OPTIONS, ...options }));
  return {
    files,
    names: files.map(({ name }) => name),
    body: (name: string) => files.find((file) => file.name === name)?.body ?? '',
  };
}

/** The texts of the rows of a table with this caption. */
const rowsOf = (html: string, caption: string) =>
  (html.match(/<table.*?<\/table>/gs) ?? [])
    .filter((table) => table.includes(caption))
    .flatMap((table) => table.match(/<tr>.*?<\/tr>/gs) ?? [])
    .map((row) => row.replaceAll(/<[^>]+>/g, '').replaceAll('&quot;', '"'));

describe('CAA records in the overview', () => {
  test('that forbid a certificate need someone, behind everything else that does.', () => {
    const { warnings } = caaOf(
      ['issued.example', 'waiting.example', 'failed.example'].map((domain) => warningOf(domain)),
    );
    expect(
      ordersWith({ caa: warnings }).map(({ orderNumber, section, nextStep }) => [orderNumber, section, nextStep]),
    ).toEqual([
      ['3', 'needs-someone', 'ask the CA why it rejected the order, then place a new order'],
      [
        '1',
        'needs-someone',
        'correct the CAA records of waiting.example (runbook: "CAA records forbid a certificate")',
      ],
      ['2', 'needs-someone', 'correct the CAA records of issued.example (runbook: "CAA records forbid a certificate")'],
    ]);
  });

  test('that are unknown need nobody, and are listed.', () => {
    const caa = caaOf([
      warningOf('more.example', { verdict: 'unknown', name: null, records: [], message: 'No answer.' }),
    ]);
    const { body } = render({ caa: caa.warnings }, { caa });
    expect(ordersWith({ caa: caa.warnings }).find(({ orderNumber }) => orderNumber === '2')).toMatchObject({
      section: 'other',
      caa: [{ domain: 'more.example', verdict: 'unknown' }],
    });
    expect(rowsOf(body('index.html'), 'Domains whose CAA records')[1]).toContain('unknown');
  });

  test('are of no interest for a certificate that another order has replaced.', () => {
    const orders = new OrderCollection({ endingSoonDays: 30, publishes: false });
    orders.addManifest(manifestOf('1', { ...IN_A_YEAR, fingerprintSha256: 'aa' }));
    orders.addManifest(
      manifestOf('2', {
        notAfter: later(NOON, { days: 330 }),
        notBefore: later(NOON, { days: -2 }),
        fingerprintSha256: 'bb',
      }),
    );
    const { warnings } = caaOf([warningOf('example.com')]);
    const found = orders.orders(new Date(NOON), { caa: warnings });
    expect(found.map(({ orderNumber, needsSomeone, caa }) => [orderNumber, needsSomeone, caa.length])).toEqual([
      ['2', true, 1],
      ['1', false, 0],
    ]);
  });

  test('are in a section with the record, the name at which it is, the orders and what to do.', () => {
    const caa = caaOf([warningOf('issued.example', { name: 'example' }), warningOf('published-only.example')], 7);
    const { body } = render({ caa: caa.warnings }, { caa });
    const [, first, second] = rowsOf(body('index.html'), 'Domains whose CAA records');
    for (const text of [
      'issued.example',
      '2',
      'at example',
      '0 issuevmc "digicert.com"',
      'Add the record',
      '2026-11-20',
    ]) {
      expect(first).toContain(text);
    }
    expect(second).toContain('none');
    expect(body('index.html')).toContain('7 more domains');
    expect(body('index.html')).toContain('<a href="#caa">CAA records</a>: 9');
    const json = v.parse(overviewSchema, JSON.parse(body('orders.json')));
    expect(json.orders.find(({ orderNumber }) => orderNumber === '2')?.caa).toMatchObject([
      { domain: 'issued.example', verdict: 'forbidden', name: 'example', records: ['0 issuevmc "digicert.com"'] },
    ]);
    expect(body('orders.csv')).toContain('issued.example:forbidden');
  });

  test('have no section if none prevents a certificate, or if nobody has looked yet.', () => {
    for (const caa of [undefined, caaOf([])]) {
      expect(render({}, { caa }).body('index.html')).not.toContain('id="caa"');
    }
  });

  test('of a thousand domains with long records add less than 300 KB to the first page.', () => {
    const long = 'x'.repeat(190);
    const caa = caaOf(
      Array.from({ length: 1000 }, (_, index) =>
        warningOf(`brand${index}.example`, {
          records: Array.from({ length: 10 }, () => long),
          message: long.repeat(4),
        }),
      ),
    );
    const size = (options: Partial<OverviewOptions>) => render({}, options).body('index.html').length;
    expect(size({ caa }) - size({})).toBeLessThan(300_000);
  });

  test.each(['<script>alert(1)</script>', '"><img src=x>', '\u202egnp.exe\u0007', 'x'.repeat(65_000)])(
    'are escaped, printable and cut: %j.',
    (text) => {
      const hostile = { name: text, records: [text], message: text };
      const caa = caaOf([warningOf('issued.example', hostile), warningOf(text, hostile)]);
      const { body } = render({ caa: caa.warnings }, { caa });
      const page = body('index.html');
      expect(elementsOf(page).filter(({ tagName }) => tagName === 'script' || tagName === 'img')).toEqual([]);
      expect(['\u202e', '\u0007'].filter((character) => page.includes(character))).toEqual([]);
      expect(page.length).toBeLessThan(60_000);
    },
  );
});

describe('Who fetches chain and logo', () => {
  const addresses = (count: number) =>
    Array.from({ length: count }, (_, index) => `brand${10_000 + index}.example/default`);

  test('is a table of the addresses, each with the last fetches, and with who fetched the live chain first.', () => {
    const fetches = fetchesOf(['issued.example/default', 'issued.example/news']);
    const page = render({}, { fetches }).body('index.html');
    const [, first, second] = rowsOf(page, 'who fetched the live chain first');
    expect(first).toMatch(
      /^issued\.example.*chain 2026-11-22, logo 2026-11-23.*never.*chain 2026-11-21.*Gmail, 2026-11-01 09:30 UTC$/,
    );
    expect(second).toContain('issued.example (news)');
    expect(rowsOf(page, 'What each receiver fetched of 2 addresses')[1]).toMatch(/^Gmail2.*2026-11-22.*2026-11-23.*2$/);
    expect(page).toContain('2026-10-01 05:20 UTC');
  });

  test('is in orders.json for each address, and null if no logs are read.', () => {
    const fetches = fetchesOf(['issued.example/default']);
    const jsonOf = (findings: OverviewFindings) =>
      v
        .parse(overviewSchema, JSON.parse(render(findings).body('orders.json')))
        .orders.flatMap(({ addresses: each }) => each?.map((address) => address.fetches) ?? []);
    expect(jsonOf({ fetches: fetches.addresses })).toEqual([FETCHED]);
    expect(jsonOf({ fetches: new Map() })).toEqual([{}]);
    expect(jsonOf({})).toEqual([null]);
  });

  test('has no section if no logs are read, and one that says so before the first log.', () => {
    expect(render({}).body('index.html')).not.toContain('id="fetches"');
    const empty = { addresses: new Map(), readSince: NOON, readUntil: null };
    const page = render({}, { fetches: empty }).body('index.html');
    expect(page).toContain('CloudFront has delivered no log yet');
    expect(rowsOf(page, 'What each receiver fetched of 0 addresses')).toHaveLength(5);
  });

  test('of 10,000 addresses has pages of at most 100 KB, 4 MB together, each address on one of them.', () => {
    const { files, names, body } = render({}, { fetches: fetchesOf(addresses(10_000)) });
    const pages = files.filter(({ name }) => name.startsWith('fetches'));
    expect(pages).toHaveLength(50);
    expect(names.filter((name) => !isOverviewFile(name))).toEqual([]);
    expect(Math.max(...pages.map((page) => page.body.length))).toBeLessThan(100_000);
    expect(pages.reduce((sum, page) => sum + page.body.length, 0)).toBeLessThan(4_000_000);
    const found = pages.flatMap((page) => [...page.body.matchAll(/brand\d+\.example/g)].map(([name]) => name));
    expect(new Set(found).size).toBe(10_000);
    expect(found).toHaveLength(10_000);
    for (const page of ['index.html', ...pages.map(({ name }) => name)]) {
      for (const element of elementsOf(body(page)).filter(({ tagName }) => tagName === 'a')) {
        const [file = ''] = (attribute(element, 'href') ?? '').split('#');
        expect(names.includes(file) || file === '', `${file} on ${page}`).toBe(true);
      }
    }
  });

  test('is sorted by address, with the first and the last one of each page.', () => {
    const page = render({}, { fetches: fetchesOf(addresses(300).toReversed()) }).body('index.html');
    expect(page).toContain('<a href="fetches_2.html">Page 2</a>: brand10200.example to brand10299.example');
  });

  test.each(['<script>alert(1)</script>/default', '\u202ecom.elpmaxe/x'])('escapes the address %j.', (address) => {
    const page = render({}, { fetches: fetchesOf([address]) }).body('index.html');
    expect(elementsOf(page).some(({ tagName }) => tagName === 'script')).toBe(false);
    expect(page).not.toContain('\u202e');
  });
});
