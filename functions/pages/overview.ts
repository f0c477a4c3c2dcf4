import { type Cell, csvFile } from './csv.ts';
import { type Content, type Html, html, moment, outside, plainText } from './html.ts';
import { ACCOUNT_PAGE, type AccountPage, accountPages, groupByAccount, pageOf, rangeOf } from './overview-accounts.ts';
import { caaCount, caaSection, type OverviewCaa } from './overview-caa.ts';
import { crlsSection, type OverviewCrl } from './overview-crls.ts';
import { FETCHES_PAGE, fetchesPages, fetchesSection, type OverviewFetches } from './overview-fetches.ts';
import { beginDigest, fileOfPieces, type OverviewFile } from './overview-file.ts';
import { INDEX_PAGE, OVERVIEW } from './overview-folder.ts';
import { overviewJson } from './overview-json.ts';
import { byName, type OverviewOrder, SECTIONS, type SectionName } from './overview-order.ts';
import { accountText, rowText, table } from './overview-rows.ts';
import { type OverviewWatched, watchedSection } from './overview-watched.ts';
import { renderPage } from './page.ts';

const CSV_FILE = 'orders.csv';
const JSON_FILE = 'orders.json';

/** The number of orders that a section of the first page shows. */
const INDEX_ROWS = 100;

/** Bytes of the name of an account, or of a domain in a list of pages. */
const ACCOUNT_BYTES = 80;

/** The sections that the first page shows one after the other. The others are only in the list of all orders. */
const URGENT = SECTIONS.filter((section) => section !== 'other');

const LOGO_NOTE =
  'Logos of at most 16 KB are shown, for the orders at the top first, as far as the size of the page allows. The report of an order shows its logo.';

/**
 * The heading above a table names it for the eye, its caption for a screen reader. On a narrow screen, each order is a
 * block, and each cell begins with what it is.
 */
const STYLES = `
nav ul, details ul { padding-left: 1.25rem; }
.orders, .findings { font-size: .875rem; }
.findings th, .findings td { overflow-wrap: anywhere; }
.orders .logo { float: left; margin: 0 .5rem .25rem 0; }
.orders caption { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; white-space: nowrap; }
@media (min-width: 60.0625rem) {
  .orders { table-layout: fixed; }
  .orders th:first-child { width: 7.25rem; }
  .orders.accounts th:nth-child(2) { width: 7rem; }
  .orders th:nth-last-child(3) { width: 9.5rem; }
}
@media (min-width: 40.0625rem) {
  .findings { table-layout: fixed; }
  .findings th:first-child { width: 22%; }
  .caa th:nth-child(2) { width: 7rem; }
  .caa th:nth-child(3) { width: 26%; }
}
@media (max-width: 60rem) {
  .orders thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; white-space: nowrap; }
  .orders, .orders tbody, .orders tr, .orders th, .orders td { display: block; }
  .orders tr { border-bottom: 2px solid var(--line); padding: .5rem 0; }
  .orders th, .orders td { border: 0; padding: .125rem 0; }
  .orders td::after { content: ""; display: block; clear: both; }
  .orders td:empty { display: none; }
  .orders td::before { color: var(--quiet); }
  .orders td:nth-last-child(3) br { display: none; }
  .orders td:nth-last-child(5)::before { content: "Account: "; }
  .orders td:nth-last-child(3)::before { content: "State: "; }
  .orders td:nth-last-child(2)::before { content: "Certificate: "; }
  .orders td:last-child::before { content: "To do: "; }
}
@media (max-width: 40rem) {
  .findings thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; white-space: nowrap; }
  .findings, .findings caption, .findings tbody, .findings tr, .findings th, .findings td { display: block; }
  .findings tr { border-bottom: 1px solid var(--line); padding: .5rem 0; }
  .findings th, .findings td { border: 0; padding: 0; }
  .findings td::before { content: attr(data-label) ": "; color: var(--quiet); }
  .fetches td:nth-child(2)::before { content: "Gmail: "; }
  .fetches td:nth-child(3)::before { content: "Yahoo and AOL: "; }
  .fetches td:nth-child(4)::before { content: "Apple: "; }
  .fetches td:nth-child(5)::before { content: "Others: "; }
  .fetches td:nth-child(6)::before { content: "First to fetch the live chain: "; }
  .account-list thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; white-space: nowrap; }
  .account-list, .account-list caption, .account-list tbody, .account-list tr, .account-list th { display: block; }
  .account-list tr { border-bottom: 1px solid var(--line); padding: .5rem 0; }
  .account-list th, .account-list td { border: 0; padding: 0; }
  .account-list td { display: inline-block; margin-right: 1rem; }
  .account-list td::before { content: attr(data-label) ": "; color: var(--quiet); }
}
`;

/** Up to this number, the first page contains all orders. */
const SMALL = 200;

/** What the overview shows besides the orders. */
export interface OverviewOptions {
  /** The name of the collector. */
  readonly collector: string;
  /** The name of its bucket. */
  readonly bucket: string;
  readonly writtenAt: Date;
  /** What writes it, such as `the survey`. */
  readonly writtenBy: string;
  /** Certificates with at most this number of days left are in the section of those that end soon. */
  readonly endingSoonDays: number;
  /** The logos that are shown, by order number. */
  readonly logos: ReadonlyMap<string, Uint8Array>;
  /** What the last lookups of CAA records found; undefined before the first ones. */
  readonly caa?: OverviewCaa | undefined;
  /** The revocation lists that could not be used for days. */
  readonly crls?: readonly OverviewCrl[] | undefined;
  /** Who fetches what is published; undefined if no logs are read. */
  readonly fetches?: OverviewFetches | undefined;
  /** The watched domains; undefined if they are not known. */
  readonly watched?: readonly OverviewWatched[] | undefined;
}

/** Whether a name in the folder is one that {@link renderOverview} can give to a file. */
export function isOverviewFile(name: string): boolean {
  return [INDEX_PAGE, CSV_FILE, JSON_FILE].includes(name) || ACCOUNT_PAGE.test(name) || FETCHES_PAGE.test(name);
}

/**
 * Writes the overview of all orders: pages of the accounts if the orders are many or of several accounts, a table for
 * spreadsheets, the same as JSON, and the first page. Each file is made when it is needed, so that only one is in memory.
 *
 * @param orders in the order in which `OrderCollection` returns them.
 */
export function* renderOverview(orders: readonly OverviewOrder[], options: OverviewOptions): Generator<OverviewFile> {
  const accounts = groupByAccount(orders);
  const hasPages = orders.length > SMALL || accounts.size > 1;
  const accountLists = hasPages ? [...accounts].map(([account, each]) => accountPages(account, each)) : [];
  // Of many orders, only the first page shows logos.
  const logos: OverviewOptions['logos'] = orders.length > SMALL ? new Map() : options.logos;
  for (const pages of accountLists) {
    for (const page of pages) {
      yield pageFile(page.name, renderAccount(page, pages, { ...options, logos }), options);
    }
  }
  for (const { name, title, body } of options.fetches ? fetchesPages(options.fetches) : []) {
    yield pageFile(name, { title, heading: title, body, note: copyNote(options) }, options);
  }
  const { writtenAt } = options;
  const csv = { name: CSV_FILE, type: 'text/csv; charset=utf-8' };
  yield fileOfPieces(csv, writtenAt, () => csvFile(CSV_HEAD, orders, csvRow), { withFirst: true });
  const json = { name: JSON_FILE, type: 'application/json' };
  yield fileOfPieces(json, writtenAt, () => overviewJson(orders, options), { withFirst: false });
  // Last, because it links to the others.
  yield pageFile(INDEX_PAGE, renderIndex(orders, accountLists, options), options);
}

/** All orders on one page, without further files. */
export function renderOnePage(orders: readonly OverviewOrder[], options: OverviewOptions): string {
  return renderPage(pageOfContent(renderIndex(orders, undefined, options), options));
}

/** A page without its shell. */
interface Rendered {
  /** The title of the document. */
  readonly title: string;
  /** The same as a heading. */
  readonly heading: Content;
  readonly body: Html;
  readonly note: Content;
}

function pageFile(name: string, rendered: Rendered, options: OverviewOptions): OverviewFile {
  const { title, body } = rendered;
  return {
    name,
    type: 'text/html; charset=utf-8',
    digest: beginDigest(options.writtenAt).update(`${title}\n${body}`).digest('hex'),
    bytes: () => Buffer.from(renderPage(pageOfContent(rendered, options))),
  };
}

function pageOfContent({ title, heading, body, note }: Rendered, { collector, writtenAt, writtenBy }: OverviewOptions) {
  const content = html`<h1>${heading}</h1>
<p class="quiet">As of ${moment(writtenAt)}.</p>
${body}`;
  return { title: `${title} (${collector})`, content, collector, writtenAt, writtenBy, note, styles: STYLES };
}

/** @param accountLists the pages of each account; undefined for a page that contains everything. */
function renderIndex(
  orders: readonly OverviewOrder[],
  accountLists: readonly (readonly AccountPage[])[] | undefined,
  options: OverviewOptions,
): Rendered {
  const logos = new Map(options.logos);
  const { caa, fetches } = options;
  const hasCaa = caa !== undefined && caaCount(caa) > 0;
  const sections = Map.groupBy(orders, ({ section }) => section);
  const withAccount = orders.some(({ account }) => account !== null);
  const hasAll = accountLists === undefined || orders.length <= SMALL;
  const limit = accountLists === undefined ? Number.POSITIVE_INFINITY : INDEX_ROWS;
  const parts = URGENT.map((section) => {
    const all = sections.get(section) ?? [];
    const shown = all.slice(0, limit);
    const heading = headingOf(section, options);
    const more = all.length - shown.length;
    return html`<h2 id="${section}">${heading}</h2>
${shown.length === 0 ? html`<p>None.</p>\n` : table(heading, shown, { withAccount, withId: false, withText: true, logos })}${more > 0 && html`<p>${counted(more, 'more order')}: see <a href="#all">all orders</a>.</p>\n`}`;
  });
  const { watched = [], crls = [] } = options;
  const body = html`<nav aria-label="Sections"><ul>
${URGENT.map((section) => html`<li><a href="#${section}">${headingOf(section, options)}</a>: ${sections.get(section)?.length ?? 0}</li>\n`)}${watched.length > 0 && html`<li><a href="#watched">Watched domains</a>: ${watched.length}</li>\n`}${hasCaa && html`<li><a href="#caa">CAA records</a>: ${caaCount(caa)}</li>\n`}${crls.length > 0 && html`<li><a href="#crls">Revocation lists</a>: ${crls.length}</li>\n`}${fetches && html`<li><a href="#fetches">Who fetches chain and logo</a></li>\n`}<li><a href="#all">All orders</a>: ${orders.length}</li>
</ul></nav>
${parts}${watched.length > 0 && watchedSection(watched)}${hasCaa && caaSection(orders, caa)}${crls.length > 0 && crlsSection(crls)}${fetches && fetchesSection(fetches)}<h2 id="all">All orders</h2>
${orders.length === 0 && html`<p>The collector has no orders.</p>\n`}${accountLists !== undefined && accountLists.length > 0 && accountTable(accountLists, options)}${hasAll && orders.length > 0 && table('All orders by name', orders.toSorted(byName), { withAccount, withId: true, withText: false, logos })}${accountLists !== undefined && html`<p>As files: <a href="${CSV_FILE}">${CSV_FILE}</a> for a spreadsheet, <a href="${JSON_FILE}">${JSON_FILE}</a> for a program.</p>\n`}<p class="quiet">The report of one order: <code>mark-certificates open ORDER</code>. ${LOGO_NOTE}</p>
`;
  const note = accountLists !== undefined && copyNote(options);
  return { title: 'Orders', heading: 'Orders', body, note };
}

/** The accounts, with links to their sections. */
function accountTable(accountLists: readonly (readonly AccountPage[])[], options: OverviewOptions): Html {
  const cell = (pages: readonly AccountPage[], section: SectionName) => {
    const count = pages
      .flatMap(({ parts }) => parts)
      .reduce((sum, part) => sum + (part.section === section ? part.orders.length : 0), 0);
    const page = pageOf(pages, section);
    return html`<td data-label="${headingOf(section, options)}">${page === undefined ? '0' : html`<a href="${page.name}#${section}">${count}</a>`}</td>`;
  };
  return html`<table class="account-list">
<caption>The orders of each account at the CA</caption>
<thead><tr><th scope="col">Account</th><th scope="col">All</th>${SECTIONS.map((section) => html`<th scope="col">${headingOf(section, options)}</th>`)}</tr></thead>
<tbody>
${accountLists.map((pages) => {
  const [first] = pages;
  return (
    first &&
    html`<tr><th scope="row"><a href="${first.name}">${first.account === undefined ? 'all other accounts' : accountText(first.account)}</a></th><td data-label="All">${first.total}</td>${SECTIONS.map((section) => cell(pages, section))}</tr>
`
  );
})}</tbody>
</table>
`;
}

function renderAccount(page: AccountPage, pages: readonly AccountPage[], options: OverviewOptions): Rendered {
  const { account, number, total } = page;
  const logos = new Map(options.logos);
  const parts = page.parts.map(({ section, isContinued, orders }) => {
    const heading = `${headingOf(section, options)}${isContinued ? ' (continued)' : ''}`;
    return html`<h2 id="${section}">${heading}</h2>
${table(heading, orders, { withAccount: account === undefined, withId: true, withText: false, logos })}`;
  });
  const links = [
    html`<li><a href="${INDEX_PAGE}">Orders of all accounts</a></li>\n`,
    number > 1 && html`<li><a href="${pages[0]?.name}">First page of these orders</a></li>\n`,
    number > 1 && html`<li><a href="${pages[number - 2]?.name}">Previous page</a></li>\n`,
    number < pages.length && html`<li><a href="${pages[number]?.name}">Next page</a></li>\n`,
  ];
  const body = html`<nav aria-label="Pages"><ul>
${links}</ul></nav>
<p>${counted(total, 'order')}${pages.length > 1 && `, page ${number} of ${pages.length}`}. On this page:</p>
<ul>
${page.parts.map(({ section, orders }) => html`<li><a href="#${section}">${headingOf(section, options)}</a>: ${orders.length}</li>\n`)}</ul>
${number === 1 && pages.length > 1 && pageIndex(pages, options)}${parts}`;
  const what =
    account === null
      ? 'Orders of the default account'
      : account === undefined
        ? 'Orders of all other accounts'
        : 'Orders of the account ';
  const name = account ?? undefined;
  const end = number === 1 ? '' : `, page ${number}`;
  return {
    title: `${what}${name === undefined ? '' : plainText(name, ACCOUNT_BYTES)}${end}`,
    heading: [what, name !== undefined && outside(name, ACCOUNT_BYTES), end],
    body,
    note: copyNote(options),
  };
}

/** What is on each page of an account, so that a person finds an order by its first domain. */
function pageIndex(pages: readonly AccountPage[], options: OverviewOptions): Html {
  return html`<details open><summary>Pages</summary><ul>
${pages.map((page) => {
  const sections = page.parts.flatMap(({ section }) => (section === 'other' ? [] : [headingOf(section, options)]));
  const { first, last } = rangeOf(page);
  const range = first !== '' && [
    sections.length > 0 && '; ',
    rowText(first, ACCOUNT_BYTES),
    ' to ',
    rowText(last, ACCOUNT_BYTES),
  ];
  return html`<li><a href="${page.name}">Page ${page.number}</a>: ${sections.join('; ')}${range}</li>
`;
})}</ul></details>
`;
}

function copyNote({ bucket }: OverviewOptions): Content {
  return html`The links between the pages work in a copy of the folder: <code>aws s3 sync s3://${bucket}/${OVERVIEW} overview</code>.`;
}

function headingOf(section: SectionName, { endingSoonDays }: OverviewOptions): string {
  const headings: Readonly<Record<SectionName, string>> = {
    'needs-someone': 'Needs someone',
    'ending-soon': `Expires within ${counted(endingSoonDays, 'day')}`,
    waiting: 'Waiting',
    other: 'All others',
  };
  return headings[section];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** The columns of `orders.csv`, with the names that `orders --csv` has too. */
const CSV_COLUMNS = {
  order: ({ orderNumber }) => orderNumber,
  account: ({ account }) => account,
  section: ({ section }) => section,
  state: ({ state }) => state,
  reason: ({ reason }) => reason,
  error: ({ error }) => error,
  since: ({ since }) => since,
  text: ({ text }) => text,
  needs_someone: ({ needsSomeone }) => needsSomeone,
  next_step: ({ nextStep }) => nextStep,
  domains: ({ domains }) => domains.join(' '),
  product: ({ product }) => product,
  owner: ({ certificate }) => certificate?.owner,
  publishable: ({ certificate }) => certificate?.publishable,
  errors: ({ certificate }) => certificate?.errors.join(' '),
  not_before: ({ certificate }) => certificate?.notBefore,
  not_after: ({ certificate }) => certificate?.notAfter,
  days_left: ({ certificate }) => certificate?.daysLeft,
  replaced: ({ certificate }) => certificate?.isReplaced,
  receivers_showing: ({ certificate }) => certificate?.receivers?.showing,
  published: ({ addresses }) => addresses?.map(({ domain, state }) => `${domain}:${state}`).join(' '),
  caa: ({ caa }) => caa.map(({ domain, verdict }) => `${domain}:${verdict}`).join(' '),
} satisfies Readonly<Record<string, (order: OverviewOrder) => Cell>>;

const CSV_HEAD = Object.keys(CSV_COLUMNS) as (keyof typeof CSV_COLUMNS)[];

function csvRow(order: OverviewOrder): Cell[] {
  return CSV_HEAD.map((column) => CSV_COLUMNS[column](order));
}
