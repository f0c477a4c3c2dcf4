import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { isOverviewFile, renderOnePage, renderOverview } from '../../../functions/pages/overview.ts';
import { overviewSchema } from '../../../functions/pages/overview-json.ts';
import { type BrokenAddress, OrderCollection, type OverviewOrder } from '../../../functions/pages/overview-order.ts';
import { headingsOf, read } from '../../infra/markdown.ts';
import { PROJECT } from '../../infra/synthesized.ts';
import { failureOf, later, manifestOf, NOON, statusOf } from '../survey/samples.ts';
import { type MadeFile, makeAll } from './made.ts';
import { AT, manyOrders } from './many-orders.ts';
import { attribute, elementsOf, shapesOf, textOf } from './parsed.ts';

const OPTIONS = {
  collector: 'acme',
  bucket: 'certificates',
  writtenAt: new Date(NOON),
  writtenBy: 'the survey',
  endingSoonDays: 30,
  logos: new Map<string, Uint8Array>(),
};

const render = (orders: readonly OverviewOrder[], options: Partial<typeof OPTIONS> = {}) =>
  new Map(makeAll(renderOverview(orders, { ...OPTIONS, ...options })).map((file) => [file.name, file]));
const bodyOf = (files: ReadonlyMap<string, MadeFile>, name: string) => files.get(name)?.body ?? '';
const pagesOf = (files: ReadonlyMap<string, MadeFile>) =>
  [...files.values()].filter(({ name }) => name.endsWith('.html'));

/** The text of each section of a page, by the id of its heading. */
function sectionsOf(page: string): Record<string, string> {
  const [, ...parts] = page.split('<h2 ');
  return Object.fromEntries(parts.map((part) => [/^id="([^"]+)"/.exec(part)?.[1] ?? '', part]));
}

/** Orders in every state. */
function someOrders(): OverviewOrder[] {
  const orders = new OrderCollection({ endingSoonDays: 30, publishes: true });
  const issued = { state: 'issued', reason: undefined } as const;
  orders.addStatus(statusOf('1'));
  orders.addStatus(failureOf('2'));
  orders.addStatus(statusOf('3', { reason: 'payment', nextStep: 'pay the order at the CA', account: 'brand-a' }));
  orders.addStatus(statusOf('4', issued));
  orders.addManifest(manifestOf('4', { domains: ['soon.example'] }));
  orders.addStatus(statusOf('5', { ...issued, account: 'brand-a' }));
  orders.addManifest(manifestOf('5', { domains: ['late.example'], notAfter: later(NOON, { days: 200 }) }));
  orders.addDamaged('orders/7/status.json', 'schemaVersion: missing');
  orders.addManifest(manifestOf('10', { domains: ['ended.example'], notAfter: later(NOON, { days: -2 }) }));
  return orders.orders(new Date(NOON));
}

describe('the first page', () => {
  test('An order is in the first section that applies: needs someone, ends soon, waits.', () => {
    const bySection = Object.groupBy(someOrders(), ({ section }) => section);
    const numbers = Object.fromEntries(
      Object.entries(bySection).map(([section, orders]) => [section, orders.map(({ orderNumber }) => orderNumber)]),
    );
    expect(numbers).toEqual({
      'needs-someone': ['7', '2', '3', '10'],
      'ending-soon': ['4'],
      waiting: ['1'],
      other: ['5'],
    });
  });

  test('It shows every order with its state, reason, account and next step, and alone contains all of a small collector.', () => {
    const sections = sectionsOf(bodyOf(render(someOrders()), 'index.html'));
    expect(Object.keys(sections)).toEqual(['needs-someone', 'ending-soon', 'waiting', 'all']);
    expect(sections['needs-someone']).toContain('waiting: payment, <br>since 2026-11-22');
    expect(sections['needs-someone']).toContain('pay the order at the CA');
    expect(sections['needs-someone']).toContain('brand-a');
    expect(sections['ending-soon']).toContain('expires 2026-12-23, 30 days left');
    for (const { orderNumber } of someOrders()) {
      expect(sections.all).toContain(`id="o${orderNumber}"`);
    }
  });

  test('Every page names when it was written and by what.', () => {
    const pages = pagesOf(render(someOrders()));
    expect(pages.length).toBeGreaterThan(2);
    for (const { body } of pages) {
      expect(body).toContain('As of <time datetime="2026-11-23T12:00:00.000Z">2026-11-23 12:00 UTC</time>');
      expect(body).toMatch(/Written <time[^>]*>2026-11-23 12:00 UTC<\/time> by <bdi>the survey<\/bdi>/);
    }
  });

  test('A collector without orders has a page that says so.', () => {
    const files = render([]);
    expect([...files.keys()]).toEqual(['orders.csv', 'orders.json', 'index.html']);
    expect(bodyOf(files, 'index.html')).toContain('The collector has no orders.');
  });

  test('Each text from outside is isolated, and its hidden characters are shown as numbers.', () => {
    const text = '\u05d7\u05d1\u05e8\u05d4 \u202egnp.exe';
    const orders = new OrderCollection({ endingSoonDays: 30, publishes: true });
    orders.addStatus(failureOf('1', { account: text, domains: [text], error: text, text, nextStep: text }));
    orders.addManifest(
      manifestOf('2', {
        domains: [text],
        attributes: { organizationName: [text] },
        publishable: false,
        findings: [{ id: text, severity: 'error', message: text }],
      }),
    );
    orders.addManifest(manifestOf('3', { account: text, domains: [text], notAfter: later(NOON, { days: 300 }) }));
    const address = { domain: text, selector: text };
    const live = { orderNumber: '3', fingerprintSha256: 'c0ffee' };
    orders.addPublication({ ...address, live, revokedAt: null });
    const broken = { ...address, fingerprintSha256: 'c0ffee', differences: [text] };
    for (const { body } of pagesOf(render(orders.orders(new Date(NOON), { broken: [broken] })))) {
      const elements = elementsOf(body).filter(({ tagName }) => tagName !== 'bdi' && tagName !== 'title');
      const own = elements.flatMap(({ childNodes }) =>
        childNodes.flatMap((node) => ('value' in node ? node.value : [])),
      );
      expect(body).toContain('<bdi>\u05d7\u05d1\u05e8\u05d4 \\u{202E}gnp.exe</bdi>');
      expect(own.join('')).not.toContain('\u05d7');
      expect(body).not.toContain('\u202e');
    }
  });

  test('Each logo is shown once on a page, as an image in it.', () => {
    const logos = new Map([['4', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')]]);
    const images = elementsOf(bodyOf(render(someOrders(), { logos }), 'index.html')).filter(
      ({ tagName }) => tagName === 'img',
    );
    expect(images.map((image) => attribute(image, 'src'))).toEqual([
      `data:image/svg+xml;base64,${logos.get('4')?.toString('base64')}`,
    ]);
    expect(images.map((image) => attribute(image, 'alt'))).toEqual(['']);
  });

  test.each([
    [2, 'expires 2026-11-25, 2 days left'],
    [1, 'expires 2026-11-24, 1 day left'],
    [0, 'expires 2026-11-23, today'],
    [-1, 'expired 2026-11-22'],
  ])('A certificate with %i days left has the text "%s".', (days, text) => {
    const orders = new OrderCollection({ endingSoonDays: 30, publishes: false });
    orders.addManifest(manifestOf('1', { notAfter: later(NOON, { days }) }));
    expect(bodyOf(render(orders.orders(new Date(NOON))), 'index.html')).toContain(`<td>${text}<br>`);
  });

  test('A receiver whose verdict is not known is not counted.', () => {
    const orders = new OrderCollection({ endingSoonDays: 30, publishes: false });
    const receivers = [true, true, false, null].map((shows, index) => ({ id: `r${index}`, shows, because: [] }));
    orders.addManifest(manifestOf('1', { receivers }));
    expect(bodyOf(render(orders.orders(new Date(NOON))), 'index.html')).toContain('shown by 2 of 3 receivers');
  });
});

describe('a certificate that another one replaces', () => {
  const ended = { notBefore: later(NOON, { days: -400 }), notAfter: later(NOON, { days: -3 }) };
  const stateOf = (newer: Partial<ReturnType<typeof manifestOf>>) => {
    const orders = new OrderCollection({ endingSoonDays: 30, publishes: false });
    orders.addManifest(manifestOf('1', ended));
    orders.addManifest(manifestOf('2', { notAfter: later(NOON, { days: 300 }), ...newer }));
    return orders.orders(new Date(NOON)).find(({ orderNumber }) => orderNumber === '1');
  };

  test('needs nobody after its end.', () => {
    expect(stateOf({})).toMatchObject({ needsSomeone: false, section: 'other', certificate: { isReplaced: true } });
  });

  test.each([{ publishable: false }, { domains: ['other.example'] }, { notBefore: later(NOON, { days: -401 }) }])(
    'is none if the other one has %j.',
    (newer) => {
      expect(stateOf(newer)).toMatchObject({ needsSomeone: true, section: 'needs-someone' });
    },
  );
});

describe('a published certificate', () => {
  const live = { orderNumber: '1', fingerprintSha256: 'c0ffee' } as Parameters<
    OrderCollection['addPublication']
  >[0]['live'];
  const orderWith = (
    publication: Partial<Parameters<OrderCollection['addPublication']>[0]>,
    broken: readonly BrokenAddress[] = [],
  ) => {
    const orders = new OrderCollection({ endingSoonDays: 30, publishes: true });
    orders.addManifest(manifestOf('1', { notAfter: later(NOON, { days: 200 }) }));
    orders.addPublication({ domain: 'example.com', selector: 'default', live, revokedAt: null, ...publication });
    return orders.orders(new Date(NOON), { broken })[0];
  };
  const difference = {
    domain: 'example.com',
    selector: 'default',
    fingerprintSha256: 'c0ffee',
    differences: ['record-missing'],
  };

  test('is published if nothing differs.', () => {
    expect(orderWith({})).toMatchObject({ section: 'other', addresses: [{ state: 'published' }] });
  });

  test('needs someone if its address is broken, with what differs.', () => {
    const order = orderWith({}, [difference]);
    expect(order).toMatchObject({ section: 'needs-someone', addresses: [{ state: 'broken' }] });
    expect(bodyOf(render(order ? [order] : []), 'index.html')).toContain('record-missing');
    expect(order?.text).toMatch(/; but what is published for example\.com is broken$/);
  });

  test.each([
    ['A publication is broken', {}, [difference]],
    ['A published certificate was revoked', { revokedAt: NOON }, []],
    ['A published certificate was revoked', { revokedAt: NOON }, [difference]],
  ])('has a next step that names the section "%s" of the runbook.', (section, publication, broken) => {
    const order = orderWith(publication, broken);
    expect(headingsOf(read('docs/runbook.md'))).toContain(section);
    expect(order?.nextStep).toContain(`(runbook: "${section}")`);
    const rows = elementsOf(bodyOf(render(order ? [order] : []), 'index.html')).filter(
      ({ tagName }) => tagName === 'tr',
    );
    const named = rows.filter((row) => textOf(row).includes(`(runbook: "${section}")`));
    // Also the row without its text, in the table of all orders, has the whole step.
    expect(named).toHaveLength(2);
  });

  test.each([
    ['is not replaced by a newer one that is published for another selector', 'default', 'ending-soon', false],
    ['is replaced if its addresses have a newer one', 'brand', 'other', true],
  ])('%s.', (_, selector, section, isReplaced) => {
    const orders = new OrderCollection({ endingSoonDays: 30, publishes: true });
    orders.addManifest(manifestOf('1', { notAfter: later(NOON, { days: 20 }), fingerprintSha256: 'c0ffee' }));
    const newer = { notBefore: later(NOON, { days: -2 }), notAfter: later(NOON, { days: 300 }) };
    orders.addManifest(manifestOf('2', { ...newer, fingerprintSha256: 'beef' }));
    const other = { ...live, orderNumber: '2', fingerprintSha256: 'beef' };
    orders.addPublication({ domain: 'example.com', selector: 'brand', live: other, revokedAt: null });
    if (selector !== 'brand') {
      orders.addPublication({ domain: 'example.com', selector, live, revokedAt: null });
    }
    const order = orders.orders(new Date(NOON)).find(({ orderNumber }) => orderNumber === '1');
    expect(order).toMatchObject({ section, certificate: { isReplaced } });
  });

  test('has no difference of an earlier certificate.', () => {
    expect(orderWith({}, [{ ...difference, fingerprintSha256: 'another' }])).toMatchObject({ section: 'other' });
  });

  test('is outdated if its order has another certificate, and needs someone if it is revoked.', () => {
    const other = { ...live, fingerprintSha256: 'another' };
    expect(orderWith({ live: other })).toMatchObject({ addresses: [{ state: 'outdated' }] });
    expect(orderWith({ revokedAt: NOON })).toMatchObject({ needsSomeone: true, addresses: [{ state: 'revoked' }] });
  });
});

describe.each(['usual', 'thousand-accounts'] as const)('many orders: %s', (mix) => {
  const orders = manyOrders(1500, mix);
  const files = render(orders, { writtenAt: AT });
  /** The elements of each page, by its name. Parsing a page takes longer than rendering it. */
  const elements = new Map(pagesOf(files).map(({ name, body }) => [name, elementsOf(body)]));
  const ids = new Map([...elements].map(([name, all]) => [name, all.flatMap((each) => attribute(each, 'id') ?? [])]));

  test('Each order is on exactly one page about an account, and no page has more than some hundred of them.', () => {
    const rows = [...elements].flatMap(([name, all]) =>
      all.flatMap((element) => {
        const id = attribute(element, 'id') ?? '';
        return element.tagName === 'tr' && id !== '' ? [`${name} ${id}`] : [];
      }),
    );
    expect(rows.map((row) => row.split(' ')[1]).toSorted()).toEqual(
      orders.map(({ orderNumber }) => `o${orderNumber}`).toSorted(),
    );
    expect(
      Math.max(
        ...Object.values(Object.groupBy(rows, (row) => row.split(' ')[0] ?? '')).map((each) => each?.length ?? 0),
      ),
    ).toBe(200);
  });

  test('Every link leads to a file of the overview and to a heading in it.', () => {
    for (const [name, all] of elements) {
      const links = all.flatMap((element) => (element.tagName === 'a' ? [attribute(element, 'href') ?? ''] : []));
      expect(links.length).toBeGreaterThanOrEqual(2);
      for (const link of links) {
        const [file = '', anchor] = link.split('#');
        expect(file === '' || bodyOf(files, file) !== '', `${link} on ${name}`).toBe(true);
        if (anchor !== undefined) {
          expect(ids.get(file || name), `${link} on ${name}`).toContain(anchor);
        }
      }
    }
  });

  test('Every page is reached from the first one.', () => {
    const reached = new Set<string>();
    const visit = (name: string) => {
      if (!reached.has(name)) {
        reached.add(name);
        for (const element of elements.get(name)?.filter(({ tagName }) => tagName === 'a') ?? []) {
          const [file = ''] = (attribute(element, 'href') ?? '').split('#');
          if (file.endsWith('.html')) {
            visit(file);
          }
        }
      }
    };
    visit('index.html');
    expect([...reached].toSorted()).toEqual(
      pagesOf(files)
        .map(({ name }) => name)
        .toSorted(),
    );
  });

  test('The names of all files are known as those of the overview, and no id is repeated on a page.', () => {
    expect([...files.keys()].filter((name) => !isOverviewFile(name))).toEqual([]);
    expect(['state.json', 'notes.html', 'account-.html', 'account-A.html'].filter(isOverviewFile)).toEqual([]);
    for (const [name, all] of ids) {
      expect(new Set(all).size, name).toBe(all.length);
    }
  });

  test('One page without further files contains all of them.', () => {
    const page = renderOnePage(orders, OPTIONS);
    expect(elementsOf(page).filter(({ tagName }) => tagName === 'tr').length).toBeGreaterThan(orders.length);
    expect(page).not.toContain('.html"');
  });

  test('The same orders at another time of the day have the same digests; on another day they have not.', () => {
    const digests = (writtenAt: Date) =>
      [...renderOverview(orders, { ...OPTIONS, writtenAt })].map(({ digest }) => digest);
    const evening = new Date(AT.getTime() + 6 * 3_600_000);
    const present = [...files.values()].map(({ digest }) => digest);
    expect(digests(evening)).toEqual(present);
    const tomorrow = digests(new Date(AT.getTime() + 86_400_000));
    expect(tomorrow.filter((digest) => present.includes(digest))).toEqual([]);
  });
});

describe('the files for programs', () => {
  test('orders.json has the form of its schema, each order once, those that need someone first.', () => {
    const json = v.parse(overviewSchema, JSON.parse(bodyOf(render(someOrders()), 'orders.json')));
    expect(json).toMatchObject({ schemaVersion: 1, collector: 'acme', writtenAt: NOON });
    expect(json.orders.map(({ orderNumber }) => orderNumber)).toEqual(['7', '2', '3', '10', '4', '1', '5']);
    expect(json.orders[4]).toMatchObject({ certificate: { owner: 'Example', daysLeft: 30, isReplaced: false } });
  });

  test('The architecture names the columns of orders.csv, in their order.', async () => {
    const [head = ''] = bodyOf(render([]), 'orders.csv').trim().split('\r\n');
    const page = await readFile(join(PROJECT, 'docs', 'architecture.md'), 'utf8');
    const [, text = ''] = /^\| `orders\.csv` \|.* The columns are (.*?)\. A space/m.exec(page) ?? [];
    const names = [...text.replaceAll(/\(.*?\)/g, '').matchAll(/`(\w+)`/g)].map(([, name]) => name);
    expect(names).toEqual(head.replace('\u{FEFF}', '').split(','));
  });

  test('orders.csv has a line for each order.', () => {
    const lines = bodyOf(render(someOrders()), 'orders.csv').split('\r\n');
    expect(lines[0]).toMatch(/^\u{FEFF}order,account,section,state,reason,/u);
    expect(lines.slice(1, -1).map((line) => line.split(',')[0])).toEqual(['7', '2', '3', '10', '4', '1', '5']);
  });
});

test('The files for programs contain each of many orders once, in the order of the list.', () => {
  const orders = manyOrders(1_234);
  const numbers = orders.map(({ orderNumber }) => orderNumber);
  const files = render(orders);
  const json = v.parse(overviewSchema, JSON.parse(bodyOf(files, 'orders.json')));
  expect(json.orders.map(({ orderNumber }) => orderNumber)).toEqual(numbers);
  const lines = bodyOf(files, 'orders.csv').split('\r\n');
  expect(lines.slice(1, -1).map((line) => line.split(',')[0])).toEqual(numbers);
});

describe('hostile texts', () => {
  const HOSTILE = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '</title></style><script>alert(1)</script>',
    '\u{202E}gnp.exe\u{2066}',
    'a\u{0}b\u{1B}[31m\u{9B}c\r\nd',
    '{{constructor}} $&{alert(1)} &lt;b&gt;',
    '=HYPERLINK("http://evil.example")',
    '\u{D800}',
    '*/ body{} </style>',
    'A'.repeat(10_000),
    '<b>'.repeat(5_000),
    'مثال شركة',
  ];

  test.each(HOSTILE.map((text) => [text.slice(0, 30), text]))(
    '%j adds no element and no attribute to a page.',
    (_, text) => {
      const orders = (value: string) => {
        const collection = new OrderCollection({ endingSoonDays: 30, publishes: true });
        const hostile = { domains: [value], account: value, product: value };
        collection.addStatus(
          statusOf('1', { ...hostile, reason: value, text: value, nextStep: value, since: '2026-11-22T12:00:00.000Z' }),
        );
        collection.addStatus(statusOf('2', { ...hostile, state: 'failed', error: value, text: value }));
        collection.addManifest(manifestOf('3', { ...hostile, attributes: { organizationName: [value] } }));
        collection.addManifest(
          manifestOf('4', { publishable: false, findings: [{ id: value, severity: 'error', message: value }] }),
        );
        collection.addDamaged('orders/5/status.json', value);
        collection.addDamaged(`orders/${value.replaceAll('/', '')}/status.json`, value);
        return collection.orders(new Date(NOON));
      };
      const shapesOfAll = (pages: readonly MadeFile[]) => [...new Set(pages.flatMap(({ body }) => shapesOf(body)))];
      const pages = pagesOf(render(orders(text)));
      const harmless = pagesOf(render(orders('harmless')));
      expect(shapesOfAll(pages).toSorted()).toEqual(shapesOfAll(harmless).toSorted());
      for (const { body } of pages) {
        expect(Buffer.byteLength(body)).toBeLessThan(50_000);
        expect(body.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cs}\u{202A}-\u{202E}\u{2066}-\u{2069}]/u);
        const [document] = elementsOf(body);
        expect(document && textOf(document)).toContain('Written');
      }
    },
  );
});

test('The overview of 10,000 orders is below 5 MB, and is made in less than 10 s and 256 MB.', {
  timeout: 60_000,
}, async () => {
  const mixes = ['usual', 'locked-out', 'thousand-accounts'];
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--max-old-space-size=256',
    `${import.meta.dirname}/measure-overview.ts`,
    '10000',
    ...mixes,
  ]);
  const lines = stdout.trim().split('\n');
  expect(lines).toHaveLength(mixes.length);
  for (const line of lines) {
    const { pageBytes, largestPage, milliseconds } = JSON.parse(line);
    expect(pageBytes).toBeGreaterThan(2_000_000);
    expect(pageBytes).toBeLessThan(5_000_000);
    expect(largestPage).toBeLessThan(600_000);
    expect(milliseconds).toBeLessThan(10_000);
  }
});
