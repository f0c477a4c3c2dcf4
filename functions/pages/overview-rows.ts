import { type Content, type Html, html, logoImage, outside, plainText } from './html.ts';
import type { OverviewAddress, OverviewCertificate, OverviewOrder } from './overview-order.ts';

/** How many domains a row names. */
const DOMAINS = 3;

/** The limits of texts in a row, in bytes: the rows of 10,000 orders must stay below 5 MB. */
const BYTES = { number: 40, name: 80, domain: 80, reason: 60, step: 240, shortStep: 80, text: 240 } as const;

/** The size of a logo, in CSS pixels. */
const LOGO_SIZE = 40;

/** How the rows of a table are written. */
export interface RowStyle {
  /** Whether the row names the account. A page about one account names it once. */
  readonly withAccount: boolean;
  /** Whether the row can be linked to. An order has one such row on a page. */
  readonly withId: boolean;
  /** Whether the row of an order that needs someone contains what happened last, and the whole next step. */
  readonly withText: boolean;
  /** The logos by order number. One that a row shows is removed: a page contains each logo once. */
  readonly logos: Map<string, Uint8Array>;
}

/** A table of orders, with the name that a screen reader reads first. */
export function table(caption: string, orders: readonly OverviewOrder[], style: RowStyle): Html {
  return html`<table class="orders${style.withAccount && ' accounts'}">
<caption>${caption}</caption>
<thead><tr><th scope="col">Order</th>${style.withAccount && html`<th scope="col">Account</th>`}<th scope="col">Owner and domains</th><th scope="col">State</th><th scope="col">Certificate</th><th scope="col">To do</th></tr></thead>
<tbody>
${orders.map((order) => row(order, style))}</tbody>
</table>
`;
}

function row(order: OverviewOrder, { withAccount, withId, withText, logos }: RowStyle): Html {
  const { orderNumber, account } = order;
  const id = withId && /^\d+$/.test(orderNumber) && html` id="o${orderNumber}"`;
  return html`<tr${id}><th scope="row">${rowText(orderNumber, BYTES.number)}</th>${withAccount && html`<td>${accountText(account)}</td>`}<td>${owner(order, logos)}</td><td>${state(order)}</td><td>${certificate(order)}</td><td>${toDo(order, withText)}</td></tr>
`;
}

/** A text from outside. In most rows it is in ASCII, which needs no isolation: the rows of 10,000 orders must stay small. */
export function rowText(text: string, bytes: number): Content {
  return /^[\x20-\x7e]*$/.test(text) ? plainText(text, bytes) : outside(text, bytes);
}

/** Texts from outside, with a comma between them. */
function rowTexts(texts: readonly string[], bytes: number): Content {
  return texts.map((text, index) => [index > 0 && ', ', rowText(text, bytes)]);
}

/** The account of an order. */
export function accountText(account: string | null): Content {
  return account === null ? 'default' : outside(account, BYTES.name);
}

function owner({ orderNumber, certificate: current, domains }: OverviewOrder, logos: Map<string, Uint8Array>): Content {
  const svg = logos.get(orderNumber);
  logos.delete(orderNumber);
  const name = current?.owner ?? undefined;
  // The owner or the domains beside the logo name it.
  const image = svg && logoImage(svg, { alt: '', size: LOGO_SIZE });
  const more = domains.length > DOMAINS && ` and ${domains.length - DOMAINS} more`;
  const named = domains.slice(0, DOMAINS);
  return [
    image,
    name !== undefined && outside(name, BYTES.name),
    name !== undefined && named.length > 0 && html`<br>`,
    rowTexts(named, BYTES.domain),
    more,
  ];
}

/** "waiting: credentials, since 2026-11-22". The break keeps the date in one line. */
function state({ state: name, reason, error, since }: OverviewOrder): Content {
  const why = reason ?? error;
  const isBad = name === 'failed' || name === 'unreadable';
  const text = why === null ? name : [name, ': ', rowText(why, BYTES.reason)];
  return [
    isBad ? html`<b class="error">${text}</b>` : text,
    since !== null && [', ', html`<br>`, `since ${since.slice(0, 10)}`],
  ];
}

function certificate({ certificate: current, addresses }: OverviewOrder): Content {
  if (current === null) {
    return 'none';
  }
  return [end(current), html`<br>`, verdict(current), addresses !== null && ['; ', publication(addresses)]];
}

function end({ notAfter, daysLeft, isReplaced }: OverviewCertificate): string {
  const date = notAfter.slice(0, 10);
  const replaced = isReplaced ? ', replaced by a newer certificate' : '';
  if (daysLeft < 0) {
    return `expired ${date}${replaced}`;
  }
  const left = daysLeft === 0 ? 'today' : `${daysLeft === 1 ? '1 day' : `${daysLeft} days`} left`;
  return `expires ${date}, ${left}${replaced}`;
}

function verdict({ publishable, errors, receivers }: OverviewCertificate): Content {
  const shown = receivers === null ? '' : `, shown by ${receivers.showing} of ${receivers.assessed} receivers`;
  return publishable
    ? `publishable${shown}`
    : [html`<b class="error">not publishable</b>`, errors.length > 0 && [': ', rowText(errors.join(', '), BYTES.text)]];
}

/** The addresses of an order at which its certificate is served. */
function publication(addresses: readonly OverviewAddress[]): Content {
  const wrong = addresses.filter(({ state: name }) => name !== 'published');
  if (wrong.length > 0) {
    return wrong
      .slice(0, DOMAINS)
      .map(({ domain, state: name, differences }, index) => [
        index > 0 && '; ',
        html`<b class="error">${name}</b>`,
        ' at ',
        rowText(domain, BYTES.domain),
        differences.length > 0 && [' (', rowText(differences.join(', '), BYTES.text), ')'],
      ]);
  }
  return addresses.length === 0
    ? 'not published'
    : `published${addresses.length > 1 ? ` for ${addresses.length} addresses` : ''}`;
}

function toDo({ needsSomeone, nextStep, text }: OverviewOrder, withText: boolean): Content {
  if (!needsSomeone) {
    return '';
  }
  const step = nextStep === null ? 'read what happened' : rowText(nextStep, withText ? BYTES.step : BYTES.shortStep);
  return [html`<b>${step}</b>`, withText && html`<br>${outside(text, BYTES.text)}`];
}
