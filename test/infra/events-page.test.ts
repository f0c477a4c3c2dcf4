import { describe, expect, test } from 'vitest';
import { COLLECTOR_REMOVED } from '../../functions/ended-execution.ts';
import { NEXT_STEPS } from '../../functions/errors.ts';
import {
  EVENT_SOURCE,
  EXPIRING,
  FAILED,
  type FailedDetail,
  ISSUED,
  ORDERED,
  PUBLICATION_BROKEN,
  REVOKED,
  type RevokedDetail,
  WAITING,
  type WaitingDetail,
} from '../../functions/events.ts';
import { orderSchema } from '../../functions/order.ts';
import { DIFFERENCES } from '../../functions/survey/differences.ts';
import type { BrokenPublication } from '../../functions/survey/publications.ts';
import type { Reminder } from '../../functions/survey/reminders.ts';
import type { BrokenWatchedDomain, WatchedReminder, WatchedRevocation } from '../../functions/survey/watched.ts';
import { WATCHED_DIFFERENCES } from '../../functions/survey/watched-differences.ts';
import { codesIn, read, tableBelow } from './markdown.ts';

const PAGE = read('docs/events.md');

/** The text below a heading of the second level, up to the next one. */
function sectionOf(heading: string): string {
  return PAGE.split(/^## /m).find((section) => section.startsWith(`${heading}\n`)) ?? '';
}

/** The names in the first column of a section's table of fields. */
function fieldsOf(heading: string): string[] {
  const rows = tableBelow(sectionOf(heading), '| field | type | meaning |');
  return rows.flatMap(([names = '']) => codesIn(names));
}

/** All blocks of JSON in a text. */
function jsonIn(text: string): Record<string, unknown>[] {
  return [...text.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, json = '']) => JSON.parse(json));
}

describe('docs/events.md', () => {
  test.each([ORDERED, ISSUED, WAITING, FAILED, EXPIRING, REVOKED, PUBLICATION_BROKEN])(
    'has a sample of the event "%s".',
    (detailType) => {
      const [sample] = jsonIn(sectionOf(detailType));

      expect(sample).toMatchObject({
        source: detailType === ORDERED ? 'mark-certificates' : EVENT_SOURCE,
        'detail-type': detailType,
      });
    },
  );

  test.each([ISSUED, WAITING, FAILED, EXPIRING, REVOKED, PUBLICATION_BROKEN])(
    'has a rule for the event "%s".',
    (detailType) => {
      const [, ...rules] = jsonIn(sectionOf(detailType));

      expect(rules).not.toEqual([]);
      for (const rule of rules) {
        expect(rule).toMatchObject({ source: [EVENT_SOURCE], 'detail-type': [detailType] });
      }
    },
  );

  test('lists the fields of an order.', () => {
    expect(fieldsOf(ORDERED)).toEqual(Object.keys(orderSchema.entries));
  });

  test('lists the fields of a waiting and of a failed order.', () => {
    const common = {
      collector: true,
      orderNumber: true,
      account: true,
      domains: true,
      execution: true,
      startedAt: true,
    } as const;
    const waiting = {
      ...common,
      reason: true,
      text: true,
      since: true,
      nextStep: true,
      updatedAt: true,
    } satisfies Record<keyof WaitingDetail, true>;
    const failed = { ...common, error: true, text: true, nextStep: true, updatedAt: true } satisfies Record<
      keyof FailedDetail,
      true
    >;

    for (const [detailType, fields] of [
      [WAITING, waiting],
      [FAILED, failed],
    ] as const) {
      expect(fieldsOf(detailType)).toEqual(Object.keys(fields));
      expect(Object.keys(jsonIn(sectionOf(detailType))[0]?.detail ?? {})).toEqual(Object.keys(fields));
    }
  });

  test('lists the fields of a reminder.', () => {
    const fields = {
      collector: true,
      orderNumber: true,
      account: true,
      domains: true,
      daysLeft: true,
      notAfter: true,
      orderBy: true,
      caa: true,
      owner: true,
      product: true,
      markType: true,
      fingerprintSha256: true,
      bucket: true,
      keys: true,
    } satisfies Record<keyof Reminder, true>;

    expect(fieldsOf(EXPIRING)).toEqual(Object.keys(fields));
    expect(Object.keys(jsonIn(sectionOf(EXPIRING))[0]?.detail ?? {})).toEqual(Object.keys(fields));
  });

  test('lists the fields of a revocation.', () => {
    const fields = {
      collector: true,
      orderNumber: true,
      account: true,
      domains: true,
      confirmed: true,
      source: true,
      text: true,
      knownSince: true,
      execution: true,
      fingerprintSha256: true,
      revokedAt: true,
      reason: true,
      issuer: true,
    } satisfies Record<keyof RevokedDetail, true>;

    expect(fieldsOf(REVOKED)).toEqual(Object.keys(fields));
    expect(Object.keys(jsonIn(sectionOf(REVOKED))[0]?.detail ?? {})).toEqual(Object.keys(fields));
  });

  test('lists the fields of a broken publication.', () => {
    const fields = {
      collector: true,
      domains: true,
      domain: true,
      selector: true,
      orderNumber: true,
      account: true,
      owner: true,
      fingerprintSha256: true,
      bimiRecord: true,
      differences: true,
    } satisfies Record<keyof BrokenPublication, true>;

    expect(fieldsOf(PUBLICATION_BROKEN)).toEqual(Object.keys(fields));
    expect(Object.keys(jsonIn(sectionOf(PUBLICATION_BROKEN))[0]?.detail ?? {})).toEqual(Object.keys(fields));
  });

  test('lists the fields of the events about watched domains.', () => {
    const fields = {
      collector: true,
      domains: true,
      watched: true,
      domain: true,
      selector: true,
      owner: true,
      fingerprintSha256: true,
      record: true,
      chainUrl: true,
      logoUrl: true,
      differences: true,
      daysLeft: true,
      notAfter: true,
      confirmed: true,
      source: true,
      text: true,
      knownSince: true,
    } satisfies Record<keyof BrokenWatchedDomain | keyof WatchedReminder | keyof WatchedRevocation, true>;

    expect(fieldsOf('Watched domains')).toEqual(Object.keys(fields));
    const [sample, rule] = jsonIn(sectionOf('Watched domains'));
    expect(sample).toMatchObject({ source: EVENT_SOURCE, 'detail-type': PUBLICATION_BROKEN });
    expect(Object.keys(fields)).toEqual(expect.arrayContaining(Object.keys(Object(sample?.detail))));
    expect(rule).toEqual({ source: [EVENT_SOURCE], detail: { watched: [true] } });
  });

  test('lists the differences of watched domains as the code does.', () => {
    const rows = tableBelow(PAGE, '| id | difference of a watched domain |');
    expect(rows.map(([id, meaning]) => [codesIn(id ?? '')[0], meaning])).toEqual(Object.entries(WATCHED_DIFFERENCES));
  });

  test('uses only ids of differences that exist.', () => {
    const used = [...sectionOf(PUBLICATION_BROKEN).matchAll(/"((?:record|chain|logo|dmarc)-[a-z]+)"/g)];

    expect(used).not.toEqual([]);
    expect(Object.keys(DIFFERENCES)).toEqual(expect.arrayContaining(used.map(([, id]) => id)));
  });

  test('lists the errors that end a collection.', () => {
    const row =
      sectionOf('Failed collections')
        .split('\n')
        .find((line) => line.startsWith('| `error` |')) ?? '';
    const names = [...row.matchAll(/`([A-Z]\w+)`/g)].map(([, name]) => name);

    expect(names.toSorted()).toEqual([...Object.keys(NEXT_STEPS), COLLECTOR_REMOVED].toSorted());
  });
});
