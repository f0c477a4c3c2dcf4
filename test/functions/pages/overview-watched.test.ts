import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { renderOverview } from '../../../functions/pages/overview.ts';
import { overviewSchema } from '../../../functions/pages/overview-json.ts';
import { type OverviewWatched, watchedRows } from '../../../functions/pages/overview-watched.ts';
import type { WatchedDomain } from '../../../functions/store/watched.ts';
import type { WatchedCheck } from '../../../functions/store/watched-checks.ts';
import { COLLECTOR, later, NOON } from '../survey/samples.ts';
import { WATCHED, watchedOf } from './findings-samples.ts';
import { makeAll } from './made.ts';

function render(watched: readonly OverviewWatched[] | undefined, writtenAt = new Date(NOON)) {
  const logos = new Map<string, Uint8Array>();
  const options = { collector: COLLECTOR, bucket: 'certificates', writtenAt, writtenBy: 'the survey', logos };
  const files = new Map(
    makeAll(renderOverview([], { ...options, endingSoonDays: 30, watched })).map((file) => [file.name, file]),
  );
  return { index: files.get('index.html')?.body ?? '', json: files.get('orders.json') };
}

/** The texts of the rows. */
const rowsOf = (html: string) =>
  (
    html
      .split('<h2 id="watched">')[1]
      ?.split('<h2')[0]
      ?.match(/<tr><th scope="row">.*?<\/tr>/gs) ?? []
  ).map((row) =>
    row
      .replaceAll(/<\/t[hd]>/g, '|')
      .replaceAll(/<[^>]+>/g, '')
      .trim(),
  );

describe('The watched domains', () => {
  test('are listed with state, certificate, last check and what to do.', () => {
    const { index } = render(WATCHED);
    expect(rowsOf(index)).toEqual([
      'broken.example|broken: record-differs, dmarc-weak|Example Limited, expired 2027-06-11|2026-11-23|ask the people who manage its DNS or serve its files (runbook: "A watched domain has a problem")|',
      'damaged.example|unreadable|none|never|watch the domain again|',
      'new.example|not checked yet|none|never||',
      'today.example|in order|Example Limited, expires 2027-06-11, today|2026-11-23||',
      'brand.example, selector winter|in order|Example Limited, expires 2027-06-11, 1 day left|2026-11-23||',
      'own.example|published by this collector|none|never||',
    ]);
    expect(index).toContain('<li><a href="#watched">Watched domains</a>: 6</li>');
  });

  test('are not on a page that knows none.', () => {
    for (const watched of [undefined, []]) {
      expect(render(watched).index).not.toContain('atched');
    }
    expect(render(undefined).json?.body).not.toContain('watched');
  });

  test('are all in orders.json, and only the first ones on the page.', () => {
    const many = Array.from({ length: 320 }, (_, index) => watchedOf({ domain: `brand-${index}.example` }));
    const { index, json } = render(many);
    expect(rowsOf(index)).toHaveLength(300);
    expect(index).toContain('<p>20 more domains: see orders.json.</p>');
    expect(v.parse(overviewSchema, JSON.parse(json?.body ?? '')).watched).toEqual(many);
  });

  test('change the digest of orders.json.', () => {
    const digests = [WATCHED, WATCHED.slice(1), undefined].map((watched) => render(watched).json?.digest);
    expect(new Set(digests).size).toBe(3);
    const laterToday = new Date(later(NOON, { seconds: 60 }));
    expect(render(WATCHED, laterToday).json?.digest).toBe(digests[0]);
  });
});

describe('watchedRows', () => {
  const domainOf = (domain: string, changes: Partial<WatchedDomain> = {}) => ({
    key: `watched/${domain}/default.json`,
    content: { schemaVersion: 1, collector: COLLECTOR, domain, selector: 'default', since: NOON, ...changes } as const,
  });
  const checkOf = (notAfter: string, differences: string[] = []): WatchedCheck => ({
    checkedAt: NOON,
    differences,
    certificate: { fingerprintSha256: 'ab', owner: null, notAfter },
  });

  test('has those with a problem first, then those that end first, and leaves out those of other collectors.', () => {
    const read = ['a.example', 'b.example', 'c.example', 'd.example', 'e.example'].map((domain) => domainOf(domain));
    const rows = watchedRows(
      {
        listing: {
          read: [...read, domainOf('other.example', { collector: 'other' })],
          damaged: [{ key: 'watched/z.example/winter.json', problem: 'it is not JSON' }],
        },
        checks: new Map([
          ['a.example/default', checkOf('2027-05-01T00:00:00.000Z')],
          ['b.example/default', checkOf('2027-04-01T00:00:00.000Z')],
          ['c.example/default', checkOf('2027-06-01T00:00:00.000Z', ['dmarc-weak'])],
          ['d.example/default', checkOf('2027-06-01T00:00:00.000Z')],
        ]),
        published: new Set(['d.example/default']),
      },
      COLLECTOR,
      new Date(NOON),
    );
    expect(rows.map(({ domain, selector, state }) => [domain, selector, state])).toEqual([
      ['c.example', 'default', 'broken'],
      ['z.example', 'winter', 'unreadable'],
      ['e.example', 'default', 'unchecked'],
      ['b.example', 'default', 'good'],
      ['a.example', 'default', 'good'],
      ['d.example', 'default', 'published'],
    ]);
    expect(rows[3]?.certificate).toMatchObject({ daysLeft: 129 });
    expect(rows[5]).toMatchObject({ checkedAt: null, certificate: null });
  });
});
