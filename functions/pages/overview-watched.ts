import { DEFAULT_SELECTOR } from '../bimi.ts';
import { daysLeft } from '../days.ts';
import type { Listing } from '../store/listing.ts';
import { WATCHED_KEY, type WatchedDomain } from '../store/watched.ts';
import { type WatchedCheck, type WatchedChecks, watchedName } from '../store/watched-checks.ts';
import { type Content, type Html, html, outside } from './html.ts';
import { rowText } from './overview-rows.ts';

/** A watched domain in the overview: a domain whose BIMI record and files someone else serves. */
export interface OverviewWatched {
  readonly domain: string;
  readonly selector: string;
  /** Since when it is watched, ISO 8601 UTC; null if the object cannot be read. */
  readonly since: string | null;
  /**
   * `unchecked`: no survey has checked it yet. `published`: this collector publishes it, so the check of the publication
   * covers it. `unreadable`: the object of the watched domain is damaged.
   */
  readonly state: 'good' | 'broken' | 'unchecked' | 'published' | 'unreadable';
  /** When it was checked last; null if it never was. */
  readonly checkedAt: string | null;
  /** The ids of the differences. */
  readonly differences: readonly string[];
  /** The served certificate; null if none can be read. */
  readonly certificate: (WatchedCheck['certificate'] & { readonly daysLeft: number }) | null;
}

/** What is known of the watched domains. */
export interface WatchedSources {
  readonly listing: Listing<WatchedDomain>;
  readonly checks: WatchedChecks;
  /** The addresses that this collector publishes, as `<domain>/<selector>`. */
  readonly published: ReadonlySet<string>;
}

/** How many watched domains the first page shows. `orders.json` contains all. */
const ROWS = 300;

/** The limits of texts in a row, in bytes. */
const BYTES = { domain: 260, owner: 80, differences: 240 } as const;

const STATE_RANKS: Readonly<Record<OverviewWatched['state'], number>> = {
  broken: 0,
  unreadable: 1,
  unchecked: 2,
  good: 3,
  published: 4,
};

/** The watched domains of a collector, those with a problem first, then by the end of their certificates. */
export function watchedRows(
  { listing, checks, published }: WatchedSources,
  collector: string,
  now: Date,
): OverviewWatched[] {
  const read = listing.read.flatMap(({ content }): OverviewWatched[] => {
    if (content.collector !== collector) {
      return [];
    }
    const { domain, selector, since } = content;
    const name = watchedName(content);
    const check = published.has(name) ? undefined : checks.get(name);
    const checked = check ? (check.differences.length > 0 ? 'broken' : 'good') : 'unchecked';
    const { certificate = null } = check ?? {};
    return [
      {
        domain,
        selector,
        since,
        state: published.has(name) ? 'published' : checked,
        checkedAt: check?.checkedAt ?? null,
        differences: check?.differences ?? [],
        certificate: certificate && { ...certificate, daysLeft: daysLeft(certificate.notAfter, now) },
      },
    ];
  });
  const damaged = listing.damaged.map(({ key }): OverviewWatched => {
    const [, domain = key, selector = ''] = WATCHED_KEY.exec(key) ?? [];
    return { domain, selector, since: null, state: 'unreadable', checkedAt: null, differences: [], certificate: null };
  });
  return [...read, ...damaged].toSorted(byUrgency);
}

function byUrgency(a: OverviewWatched, b: OverviewWatched): number {
  return (
    STATE_RANKS[a.state] - STATE_RANKS[b.state] ||
    compare(a.certificate?.notAfter ?? '', b.certificate?.notAfter ?? '') ||
    compare(watchedName(a), watchedName(b))
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The section of the watched domains. */
export function watchedSection(watched: readonly OverviewWatched[]): Html {
  const more = watched.length - ROWS;
  return html`<h2 id="watched">Watched domains</h2>
<table class="findings">
<caption>Domains whose BIMI record and files someone else serves</caption>
<thead><tr><th scope="col">Domain</th><th scope="col">State</th><th scope="col">Certificate</th><th scope="col">Checked</th><th scope="col">To do</th></tr></thead>
<tbody>
${watched.slice(0, ROWS).map(row)}</tbody>
</table>
${more > 0 && html`<p>${more === 1 ? '1 more domain' : `${more} more domains`}: see orders.json.</p>\n`}`;
}

function row(watched: OverviewWatched): Html {
  const { domain, selector, checkedAt } = watched;
  const named = [
    rowText(domain, BYTES.domain),
    selector !== DEFAULT_SELECTOR && [', selector ', rowText(selector, BYTES.domain)],
  ];
  return html`<tr><th scope="row">${named}</th><td data-label="State">${state(watched)}</td><td data-label="Certificate">${certificate(watched)}</td><td data-label="Checked">${checkedAt?.slice(0, 10) ?? 'never'}</td><td data-label="To do">${toDo(watched)}</td></tr>
`;
}

function state({ state: name, differences }: OverviewWatched): Content {
  switch (name) {
    case 'good':
      return 'in order';
    case 'broken':
      return [html`<b class="error">broken</b>`, ': ', rowText(differences.join(', '), BYTES.differences)];
    case 'unchecked':
      return 'not checked yet';
    case 'published':
      return 'published by this collector';
    case 'unreadable':
      return html`<b class="error">unreadable</b>`;
  }
}

function certificate({ certificate: served }: OverviewWatched): Content {
  if (!served) {
    return 'none';
  }
  const { owner, notAfter, daysLeft: left } = served;
  const days = left === 0 ? 'today' : `${left === 1 ? '1 day' : `${left} days`} left`;
  const end = left < 0 ? `expired ${notAfter.slice(0, 10)}` : `expires ${notAfter.slice(0, 10)}, ${days}`;
  return [owner !== null && [outside(owner, BYTES.owner), ', '], end];
}

function toDo({ state: name }: OverviewWatched): Content {
  switch (name) {
    case 'broken':
      return html`<b>ask the people who manage its DNS or serve its files (runbook: "A watched domain has a problem")</b>`;
    case 'unreadable':
      return html`<b>watch the domain again</b>`;
    default:
      return '';
  }
}
