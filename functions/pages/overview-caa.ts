import type { Caa, CaaWarning, CaaWarnings } from '../store/caa.ts';
import { day, type Html, html, moment, outside } from './html.ts';
import type { OverviewOrder } from './overview-order.ts';
import { rowText } from './overview-rows.ts';

/** The number of domains that the first page lists. */
const ROWS = 100;

/** The limits of a row, in bytes: a hundred rows of long records stay below 150 KB. */
const BYTES = { domain: 260, record: 210, message: 1000, number: 40 } as const;

/** How many records and orders a row names. */
const RECORDS = 3;
const ORDERS = 5;

/** What the overview shows of CAA records. */
export interface OverviewCaa {
  readonly warnings: CaaWarnings;
  readonly omitted: Caa['omitted'];
  /** When the records were looked up. */
  readonly checkedAt: string;
}

/** How many domains have a warning. */
export function caaCount({ warnings, omitted }: OverviewCaa): number {
  return warnings.size + omitted.forbidden;
}

/** The domains whose CAA records forbid a mark certificate, or are unknown. */
export function caaSection(orders: readonly OverviewOrder[], caa: OverviewCaa): Html {
  const shown = [...caa.warnings.values()].slice(0, ROWS);
  const more = caaCount(caa) - shown.length;
  const names = new Set(shown.map(({ domain }) => domain));
  const numbers = Map.groupBy(
    orders.flatMap((order) =>
      order.caa.flatMap(({ domain }) => (names.has(domain) ? [[domain, order.orderNumber] as const] : [])),
    ),
    ([domain]) => domain,
  );
  return html`<h2 id="caa">CAA records</h2>
<p>The CA looks up these records before it issues. A certificate that was issued already stays good. Last lookup: ${moment(caa.checkedAt)}.</p>
<table class="findings caa">
<caption>Domains whose CAA records prevent a certificate, or are unknown</caption>
<thead><tr><th scope="col">Domain</th><th scope="col">Orders</th><th scope="col">Found</th><th scope="col">What to do</th></tr></thead>
<tbody>
${shown.map((warning) =>
  row(
    warning,
    (numbers.get(warning.domain) ?? []).map(([, orderNumber]) => orderNumber),
  ),
)}</tbody>
</table>
${more > 0 && html`<p>${more} more ${more === 1 ? 'domain' : 'domains'}: see the orders in orders.json.</p>\n`}`;
}

function row({ domain, verdict, name, records, message, since }: CaaWarning, orders: readonly string[]): Html {
  const named = orders
    .slice(0, ORDERS)
    .map((orderNumber, index) => [index > 0 && ', ', rowText(orderNumber, BYTES.number)]);
  const more = orders.length - named.length;
  const found =
    verdict === 'unknown'
      ? 'unknown'
      : [
          html`<b class="warning">forbids</b>`,
          name !== null && [' at ', rowText(name, BYTES.domain)],
          records.slice(0, RECORDS).map((record) => html`<br><code>${outside(record, BYTES.record)}</code>`),
          records.length > RECORDS && html`<br>and ${records.length - RECORDS} more`,
        ];
  return html`<tr><th scope="row">${rowText(domain, BYTES.domain)}</th><td data-label="Orders">${named.length === 0 ? 'none' : named}${more > 0 && ` and ${more} more`}</td><td data-label="Found">${found}<br>since ${day(since)}</td><td data-label="What to do">${outside(message, BYTES.message)}</td></tr>
`;
}
