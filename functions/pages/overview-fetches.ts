import { type FetchedAddress, RECEIVER_TITLES, RECEIVERS, type Receiver } from '../store/fetches.ts';
import { type Content, day, type Html, html, moment } from './html.ts';
import { INDEX_PAGE } from './overview-folder.ts';
import { rowText } from './overview-rows.ts';

/** Up to this number, the first page lists the addresses. More of them are on other pages. */
const SMALL = 100;

/** The addresses of one page: some 60 KB, which a phone opens at once. */
const PAGE_ROWS = 200;

const DOMAIN_BYTES = 260;

/** Matches the names of the pages, and no other names. */
export const FETCHES_PAGE = /^fetches(?:_\d+)?\.html$/;

/** What the overview shows of the logs of CloudFront. */
export interface OverviewFetches {
  /** By `<domain>/<selector>`. */
  readonly addresses: ReadonlyMap<string, FetchedAddress>;
  /** When the first and the last log file that was read had been delivered; null if there was none yet. */
  readonly readSince: string | null;
  readonly readUntil: string | null;
}

/** A page about some of the addresses. */
export interface FetchesPage {
  readonly name: string;
  readonly title: string;
  readonly body: Html;
}

type Row = readonly [address: string, fetched: FetchedAddress];

/** The addresses by name. */
function rowsOf({ addresses }: OverviewFetches): Row[] {
  return [...addresses].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** The pages of the addresses; none if the first page lists them. */
export function fetchesPages(fetches: OverviewFetches): FetchesPage[] {
  const all = rowsOf(fetches);
  const count = all.length > SMALL ? Math.ceil(all.length / PAGE_ROWS) : 0;
  return Array.from({ length: count }, (_, index) => {
    const rows = all.slice(index * PAGE_ROWS, (index + 1) * PAGE_ROWS);
    const end = index === 0 ? '' : `, page ${index + 1}`;
    return {
      name: pageName(index),
      title: `Who fetches chain and logo${end}`,
      body: html`<nav aria-label="Pages"><ul>
<li><a href="${INDEX_PAGE}#fetches">Orders of all accounts</a></li>
${index > 0 && html`<li><a href="${pageName(index - 1)}">Previous page</a></li>\n`}${index + 1 < count && html`<li><a href="${pageName(index + 1)}">Next page</a></li>\n`}</ul></nav>
${readText(fetches)}${addressTable(rows)}`,
    };
  });
}

/** The section of the first page. */
export function fetchesSection(fetches: OverviewFetches): Html {
  const rows = rowsOf(fetches);
  const pages = rows.length > SMALL ? Math.ceil(rows.length / PAGE_ROWS) : 0;
  const links = Array.from({ length: pages }, (_, index) => {
    const [first] = rows[index * PAGE_ROWS] ?? [''];
    const [last] = rows.slice(index * PAGE_ROWS, (index + 1) * PAGE_ROWS).at(-1) ?? [''];
    return html`<li><a href="${pageName(index)}">Page ${index + 1}</a>: ${addressText(first)} to ${addressText(last)}</li>\n`;
  });
  return html`<h2 id="fetches">Who fetches chain and logo</h2>
${readText(fetches)}${receiverTable(rows)}${pages === 0 && rows.length > 0 && addressTable(rows)}${
  pages > 0 &&
  html`<details><summary>All addresses</summary><ul>
${links}</ul></details>\n`
}`;
}

function pageName(index: number): string {
  return `fetches${index > 0 ? `_${index + 1}` : ''}.html`;
}

function readText({ readSince, readUntil }: OverviewFetches): Html {
  const since = readSince === null ? '' : html`, which the collector has read since ${moment(readSince)}`;
  const last =
    readUntil === null
      ? 'CloudFront has delivered no log yet, which can take a day'
      : html`The last log is of ${moment(readUntil)}`;
  return html`<p>This comes from the logs of CloudFront${since}. ${last}. CloudFront can lose a log, and anybody can use the name of a receiver, so this is a hint and no proof.</p>
`;
}

/** What each receiver fetched of all addresses. */
function receiverTable(rows: readonly Row[]): Html {
  const firsts = Map.groupBy(rows, ([, fetched]) => firstOf(fetched)?.receiver);
  const cells = (receiver: Receiver) => {
    const fetched = rows.flatMap(([, each]) => each[receiver] ?? []);
    return html`<tr><th scope="row">${RECEIVER_TITLES[receiver]}</th><td data-label="Addresses">${fetched.length}</td><td data-label="Last chain">${dayOf(latest(fetched.map(({ chain }) => chain)))}</td><td data-label="Last logo">${dayOf(latest(fetched.map(({ logo }) => logo)))}</td><td data-label="First to fetch the live chain">${firsts.get(receiver)?.length ?? 0}</td></tr>
`;
  };
  return html`<table class="account-list">
<caption>What each receiver fetched of ${rows.length} ${rows.length === 1 ? 'address' : 'addresses'}</caption>
<thead><tr><th scope="col">Receiver</th><th scope="col">Addresses</th><th scope="col">Last chain</th><th scope="col">Last logo</th><th scope="col">First to fetch the live chain</th></tr></thead>
<tbody>
${RECEIVERS.map(cells)}</tbody>
</table>
`;
}

function addressTable(rows: readonly Row[]): Html {
  return html`<table class="findings fetches">
<caption>What each receiver fetched last, and who fetched the live chain first</caption>
<thead><tr><th scope="col">Address</th>${RECEIVERS.map((receiver) => html`<th scope="col">${RECEIVER_TITLES[receiver]}</th>`)}<th scope="col">First to fetch the live chain</th></tr></thead>
<tbody>
${rows.map(([address, fetched]) => addressRow(address, fetched))}</tbody>
</table>
`;
}

function addressRow(address: string, fetched: FetchedAddress): Html {
  const first = firstOf(fetched);
  const firstText = first === undefined ? 'nobody yet' : [RECEIVER_TITLES[first.receiver], ', ', minute(first.at)];
  return html`<tr><th scope="row">${addressText(address)}</th>${RECEIVERS.map((receiver) => html`<td>${lastText(fetched[receiver])}</td>`)}<td>${firstText}</td></tr>
`;
}

/** `example.com`, with the selector if it is not the default. */
function addressText(address: string): Content {
  const [domain = '', selector = ''] = address.split('/');
  return [rowText(domain, DOMAIN_BYTES), selector !== 'default' && [' (', rowText(selector, DOMAIN_BYTES), ')']];
}

/** The days of the last fetches. Without elements for times: the pages of 10,000 addresses must stay small. */
function lastText(fetched: FetchedAddress[Receiver]): Content {
  const parts = (['chain', 'logo'] as const).flatMap((part) =>
    fetched?.[part] === undefined ? [] : [`${part} ${fetched[part].slice(0, 10)}`],
  );
  return parts.length === 0 ? 'never' : parts.join(', ');
}

/** The receiver that fetched the live chain first; undefined if nobody is known to have fetched it. */
function firstOf(fetched: FetchedAddress): { readonly receiver: Receiver; readonly at: string } | undefined {
  const [first] = RECEIVERS.flatMap((receiver) => {
    const at = fetched[receiver]?.first;
    return at === undefined ? [] : [{ receiver, at }];
  }).toSorted((a, b) => (a.at < b.at ? -1 : 1));
  return first;
}

function latest(times: readonly (string | undefined)[]): string | undefined {
  return times.reduce(
    (last, time) => (last === undefined || (time !== undefined && time > last) ? time : last),
    undefined,
  );
}

function dayOf(time: string | undefined): Content {
  return time === undefined ? 'never' : day(time);
}

function minute(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
}
