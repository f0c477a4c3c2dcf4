/** The pages of the overview that the browser opens. */
import { type OverviewOptions, renderOnePage, renderOverview } from '../../functions/pages/overview.ts';
import { INDEX_PAGE } from '../../functions/pages/overview-folder.ts';
import { OrderCollection, type OverviewOrder } from '../../functions/pages/overview-order.ts';
import { caaOf, fetchesOf, WATCHED, warningOf, watchedOf } from '../functions/pages/findings-samples.ts';
import { makeAll } from '../functions/pages/made.ts';
import { AT as MANY_AT, manyOrders } from '../functions/pages/many-orders.ts';
import { failureOf, later, manifestOf, NOON, statusOf } from '../functions/survey/samples.ts';
import { type CorpusPage, nameOfPage } from './corpus-page.ts';
import { HOSTILE_LOGOS } from './logos.ts';
import { HOSTILE_TEXTS, withText } from './texts.ts';

const OPTIONS = {
  collector: 'mark-certificate-collector',
  bucket: 'mark-certificate-collector-bucket-1a2b3c',
  writtenAt: new Date(NOON),
  writtenBy: 'the survey',
  endingSoonDays: 45,
  logos: new Map<string, Uint8Array>(),
};

const logoOf = (colour: string) =>
  Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" fill="${colour}"/><circle cx="32" cy="32" r="18" fill="#ffffff"/></svg>`,
  );

/** What an issued order of the samples has beside its certificate. */
interface Issued {
  readonly orderNumber: string;
  readonly owner: string;
  readonly domains: readonly string[];
  /** Days until the certificate expires. */
  readonly daysLeft: number;
  readonly account?: string;
  readonly publishable?: boolean;
  /** Where the certificate is served. */
  readonly served?: readonly string[];
}

/** A collector with orders in every state, of several accounts unless they have none. */
class SampleOrders {
  readonly collection = new OrderCollection({ endingSoonDays: OPTIONS.endingSoonDays, publishes: true });
  readonly logos = new Map<string, Uint8Array>();

  addIssued({ orderNumber, owner, domains, daysLeft, account, publishable = true, served = [] }: Issued): void {
    const since = later(NOON, { days: daysLeft - 364 });
    const ordered = { account: account ?? null, domains: [...domains] };
    this.collection.addStatus(
      statusOf(orderNumber, { ...ordered, state: 'issued', reason: undefined, text: 'it was issued', since }),
    );
    const manifest = manifestOf(orderNumber, {
      ...ordered,
      attributes: { organizationName: [owner] },
      fingerprintSha256: orderNumber.padStart(64, 'a'),
      notBefore: since,
      notAfter: later(NOON, { days: daysLeft }),
      publishable,
      findings: publishable
        ? []
        : [
            {
              id: 'domain-not-covered',
              severity: 'error',
              message: 'A domain of the order is not in the certificate.',
            },
          ],
      receivers: [true, true, true, publishable, false].map((shows) => ({ id: 'gmail', shows, because: [] })),
    });
    this.collection.addManifest(manifest);
    for (const domain of served) {
      const { fingerprintSha256 } = manifest;
      this.collection.addPublication({
        domain,
        selector: 'default',
        live: { orderNumber, fingerprintSha256 },
        revokedAt: null,
      });
    }
    this.logos.set(orderNumber, logoOf(`hsl(${Number(orderNumber) % 360} 60% 35%)`));
  }
}

/** Orders as an operator has them. The survey found that one publication is broken. */
function fewOrders(accounts: readonly [string | undefined, string | undefined] = ['brand-a', 'brand-b']) {
  const samples = new SampleOrders();
  const { collection, logos } = samples;
  const [a, b] = accounts;
  collection.addStatus(failureOf('1378973001', { account: a ?? null, domains: ['rejected.example'] }));
  collection.addStatus(
    statusOf('1378973002', {
      account: b ?? null,
      domains: ['payment.example', 'payment.test', 'payment.example.net', 'pay.example.org', 'pay.example.net'],
      reason: 'payment',
      text: 'the CA waits for the payment of the order (status -35)',
      nextStep: 'pay the order at the CA, or ask the person who ordered it to do so',
    }),
  );
  collection.addStatus(
    statusOf('1378973003', {
      reason: 'credentials',
      text: 'the CA rejected the login (status -16)',
      nextStep:
        'store a login that the CA accepts in the secret of the account, even if it is the same login as before',
    }),
  );
  collection.addDamaged('orders/1378973004/status.json', 'schemaVersion: missing, but an integer is needed');
  samples.addIssued({
    orderNumber: '1378973105',
    owner: 'Ended Example Ltd',
    domains: ['ended.example'],
    daysLeft: -2,
    ...(a && { account: a }),
  });
  samples.addIssued({
    orderNumber: '1378973206',
    owner: 'Unpublishable Example GmbH & Co. KG',
    domains: ['uncovered.example'],
    daysLeft: 200,
    publishable: false,
  });
  samples.addIssued({
    orderNumber: '1378973307',
    owner: 'Broken Example Inc.',
    domains: ['broken.example'],
    daysLeft: 150,
    served: ['broken.example'],
  });
  samples.addIssued({
    orderNumber: '1378973408',
    owner: 'Soon Example S.A.',
    domains: ['soon.example', 'mail.soon.example'],
    daysLeft: 12,
    served: ['soon.example', 'mail.soon.example'],
  });
  samples.addIssued({ orderNumber: '1378973509', owner: 'Müller & Söhne', domains: ['söhne.example'], daysLeft: 40 });
  collection.addStatus(statusOf('1378973010', { domains: ['processing.example'] }));
  collection.addStatus(
    statusOf('1378973011', { account: b ?? null, domains: ['outage.example'], reason: 'outage', text: 'no response' }),
  );
  samples.addIssued({
    orderNumber: '1378973612',
    owner: 'Example Brands International Holding Aktiengesellschaft',
    domains: ['example.com', 'example.net', 'example.org', 'example.edu', 'example.info'],
    daysLeft: 320,
    served: ['example.com'],
    ...(b && { account: b }),
  });
  const broken = {
    domain: 'broken.example',
    selector: 'default',
    fingerprintSha256: '1378973307'.padStart(64, 'a'),
    differences: ['record-missing'],
  };
  return { orders: collection.orders(new Date(NOON), { broken: [broken] }), logos };
}

const overviewPage = (name: string, html: string, isTypical = false): CorpusPage => ({
  name: nameOfPage('overview', name),
  html,
  isTypical,
});

/** Some of the pages of an overview, by their names in the folder; default: the first page. */
function pagesOfOverview(
  name: string,
  orders: readonly OverviewOrder[],
  options: Partial<OverviewOptions> = {},
  { files = [INDEX_PAGE], isTypical = false }: { files?: readonly string[]; isTypical?: boolean } = {},
): readonly CorpusPage[] {
  const rendered = new Map(
    makeAll(renderOverview(orders, { ...OPTIONS, ...options })).map((file) => [file.name, file.body]),
  );
  return files.map((file) => {
    const html = rendered.get(file);
    if (html === undefined) {
      throw new Error(`The overview "${name}" has no page ${file}, but ${[...rendered.keys()].join(', ')}`);
    }
    return overviewPage(file === INDEX_PAGE ? name : `${name} ${file}`, html, isTypical);
  });
}

/** The texts in the names of accounts for which a page is opened. The first page contains all texts. */
const ACCOUNT_TEXTS = ['a closed title', 'letters from right to left', 'a word of 10,000 characters'];

/** Orders that show each field that comes from outside: one in each section, and one in each state that needs someone. */
const TEXT_ORDERS = ['1378973001', '1378973002', '1378973004', '1378973307', '1378973408', '1378973010'];

/** Each hostile text in all fields of some orders, and as the name of their account. */
function textPages(): readonly CorpusPage[] {
  const orders = fewOrders().orders.filter(({ orderNumber }) => TEXT_ORDERS.includes(orderNumber));
  const hostile = (text: string) => withText(orders, text).map((order) => ({ ...order, account: text }));
  const accounts = ACCOUNT_TEXTS.flatMap((name) => {
    const files = renderOverview([...orders, ...hostile(HOSTILE_TEXTS[name] ?? '')], OPTIONS);
    const pages = makeAll(files).filter((file) => file.name.startsWith('other-account'));
    return pages.map(({ body }) => overviewPage(`account ${name}`, body));
  });
  return [...pagesOfOverview('texts', Object.values(HOSTILE_TEXTS).flatMap(hostile)), ...accounts];
}

/** An order for each hostile logo. */
function logoPages(): readonly CorpusPage[] {
  const samples = new SampleOrders();
  for (const [index, [name, svg]] of Object.entries(HOSTILE_LOGOS).entries()) {
    const orderNumber = String(1_378_974_000 + index);
    samples.addIssued({ orderNumber, owner: name, domains: [`logo-${index}.example`], daysLeft: 10 });
    samples.logos.set(orderNumber, Buffer.from(svg));
  }
  return pagesOfOverview('logos', samples.collection.orders(new Date(NOON)), { logos: samples.logos });
}

/** The first pages of the overview of 10,000 orders, and the second page of an account. The others look like these. */
function manyPages(): readonly CorpusPage[] {
  const files = [INDEX_PAGE, 'default-account.html', 'default-account_2.html'];
  return pagesOfOverview('many', manyOrders(10_000), { writtenAt: MANY_AT }, { files });
}

/** The orders in the picture of the documentation. */
const EXAMPLE_ORDERS = ['1378973002', '1378973307', '1378973408', '1378973010', '1378973612'];

/** The overview that the documentation shows. */
export function exampleOverview(): string {
  const { orders, logos } = fewOrders([undefined, undefined]);
  const shown = orders.filter(({ orderNumber }) => EXAMPLE_ORDERS.includes(orderNumber));
  return renderOnePage(shown, { ...OPTIONS, logos });
}

/** Watched domains in every state, and many of them with hostile texts. */
function watchedPages(): readonly CorpusPage[] {
  const { orders, logos } = fewOrders();
  const texts = Object.values(HOSTILE_TEXTS).map((text) =>
    watchedOf({ domain: text, selector: text, state: 'broken', differences: [text], owner: text }),
  );
  const many = Array.from({ length: 350 }, (_, index) => watchedOf({ domain: `brand-${index}.example` }));
  return [
    ...pagesOfOverview('watched', orders, { logos, watched: WATCHED }, { isTypical: true }),
    ...pagesOfOverview('watched texts', [], { watched: [...texts, ...many] }),
  ];
}

/** What surveys found besides the orders: CAA records, and who fetches what, also with each hostile text. */
function findingPages(): readonly CorpusPage[] {
  const { orders, logos } = fewOrders();
  const unknown = { verdict: 'unknown', name: null, records: [], message: 'The name servers do not answer.' } as const;
  const caa = caaOf([warningOf('broken.example'), warningOf('www.brand.example', { name: 'brand.example' })]);
  const texts = Object.values(HOSTILE_TEXTS).map((text) =>
    warningOf(text, { name: text, records: [text], message: text }),
  );
  const addresses = Array.from({ length: 250 }, (_, index) => `mail.brand-${index}.example.com/default`);
  return [
    ...pagesOfOverview(
      'findings',
      orders,
      {
        logos,
        caa: { ...caa, warnings: new Map([...caa.warnings, ['lame.example', warningOf('lame.example', unknown)]]) },
        fetches: fetchesOf(['broken.example/default', 'example.com/news']),
      },
      { isTypical: true },
    ),
    ...pagesOfOverview('findings texts', [], {
      caa: caaOf(texts, 3),
      fetches: fetchesOf(Object.values(HOSTILE_TEXTS).map((text) => `${text}/default`)),
    }),
    ...pagesOfOverview(
      'many fetches',
      [],
      { fetches: fetchesOf(addresses) },
      { files: [INDEX_PAGE, 'fetches_2.html'] },
    ),
  ];
}

/** All pages of overviews. */
export function overviewPages(): readonly CorpusPage[] {
  const several = fewOrders();
  const accounts = [INDEX_PAGE, 'default-account.html'];
  return [
    ...pagesOfOverview('few', several.orders, several, { files: accounts, isTypical: true }),
    ...pagesOfOverview('nothing', [], {}, { isTypical: true }),
    ...pagesOfOverview('accounts', manyOrders(150), { writtenAt: MANY_AT }),
    ...textPages(),
    ...logoPages(),
    ...manyPages(),
    ...findingPages(),
    ...watchedPages(),
  ];
}
