import * as v from 'valibot';
import { beforeEach, describe, expect, test } from 'vitest';
import { createNotify, type NotifyDependencies } from '../../../functions/notify/notify.ts';
import { type Order, orderSchema } from '../../../functions/order.ts';
import type { OrderFile, OrderRecords } from '../../../functions/store/order-file.ts';
import { MANIFEST } from '../start/prepare.ts';
import { orderInMessage } from './commands-in-messages.ts';
import {
  broken,
  COLLECTOR,
  DEPLOYMENT,
  EXECUTION,
  ended,
  expiring,
  failed,
  issued,
  ORDER_NUMBER,
  RUNBOOK_URL,
} from './event-samples.ts';

/** What was ordered last: a correction. */
const FILE: OrderFile = {
  schemaVersion: 1,
  collector: COLLECTOR,
  orderNumber: ORDER_NUMBER,
  options: { domains: ['corrected.example'], account: 'brand-a', selector: 'brand', product: 'CMC', replace: true },
  execution: EXECUTION,
  orderedAt: '2026-11-20T10:00:00.000Z',
  updatedAt: '2026-11-20T10:00:01.000Z',
};
const INPUT: Order = { orderNumber: ORDER_NUMBER, domains: ['wrong.example'], account: 'brnad-a', product: 'VMC' };

let records: OrderRecords;
let problems: string[];

beforeEach(() => {
  records = { file: FILE, manifest: undefined, status: undefined };
  problems = [];
});

/** The order in the command of the message about an event. */
async function commandedBy(
  event: unknown,
  changes: Partial<NotifyDependencies> = {},
): Promise<Record<string, unknown>> {
  let body = '';
  await createNotify({
    deployment: DEPLOYMENT,
    runbookUrl: RUNBOOK_URL,
    publish: async (_, message) => {
      body = message.body;
    },
    status: () => ({ read: async () => ({}), update: async () => undefined }),
    readRecords: async () => records,
    readOrder: async () => INPUT,
    readReason: async () => ({}),
    observe: { handled: () => {}, problem: (what) => problems.push(what) },
    now: () => new Date('2026-11-26T05:17:05.000Z'),
    ...changes,
  })(event);
  return orderInMessage(body);
}

const refused = issued({
  publishable: false,
  findings: [{ id: 'logo-profile', severity: 'error', message: 'the logo contains a script' }],
});
const outdated = broken([{ id: 'outdated', message: 'The old certificate is published.' }]);
const crashed = (name = EXECUTION) => ended({ status: 'TIMED_OUT', name, input: JSON.stringify(INPUT) });

describe('The command that orders again', () => {
  test.each<[string, object, object]>([
    ['a failed order, with the permission of its execution', failed('InvalidChain'), FILE.options],
    ['an execution that AWS ended', crashed(), FILE.options],
    ['a certificate that cannot be published', refused, { ...FILE.options, replace: undefined }],
    ['a broken publication', outdated, { ...FILE.options, replace: undefined }],
  ])('contains what was ordered last, and a new request, for %s.', async (_, event, options) => {
    const ordered = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    expect(await commandedBy(event)).toEqual({
      orderNumber: ORDER_NUMBER,
      ...ordered,
      request: 'again-26nov-0517',
    });
  });

  test('is another one in the next minute.', async () => {
    const next = failed('InvalidChain', { updatedAt: '2026-11-26T05:18:00.000Z' });
    expect((await commandedBy(next)).request).toBe('again-26nov-0518');
  });

  test.each(['push-6-20261126', 'renewal-20261126', 'again-20261126'])(
    'has a request that an event can have, although the execution has the request %s.',
    async (request) => {
      const input = { ...INPUT, request, once: true };
      const event = ended({ status: 'TIMED_OUT', name: `${EXECUTION}-${request}`, input: JSON.stringify(input) });

      const commanded = await commandedBy(event);

      expect(v.is(orderSchema, commanded)).toBe(true);
      expect(commanded).toMatchObject({ request: 'again-26nov-0517' });
    },
  );

  test('contains what only the manifest or only the input knows, without an order.json.', async () => {
    const manifest = {
      ...MANIFEST,
      orderNumber: ORDER_NUMBER,
      ordered: { domains: [], selector: 'old', product: null },
    };
    records = { file: undefined, manifest, status: undefined };

    expect(await commandedBy(failed('InvalidChain'))).toEqual({
      ...INPUT,
      selector: 'old',
      request: 'again-26nov-0517',
    });
  });

  test('contains what the event does, if nothing else can be read.', async () => {
    const unreadable = async () => {
      throw new Error('AccessDenied');
    };

    const commanded = await commandedBy(failed('InvalidChain', { account: 'brand-b' }), {
      readRecords: unreadable,
      readOrder: unreadable,
    });

    expect(commanded).toMatchObject({ account: 'brand-b', domains: ['example.com', 'example.net'] });
    expect(problems).toEqual(['the options of the order cannot be read', 'the execution cannot be read']);
  });
});

describe('The command for a new order', () => {
  test.each([
    ['a rejected order', failed('OrderRejected')],
    ['a certificate that expires', expiring(14)],
  ])('contains what was ordered last, without replace and request, for %s.', async (_, event) => {
    const { replace: __, ...options } = FILE.options;
    expect(await commandedBy(event)).toEqual({ orderNumber: 'NEW_ORDER_NUMBER', ...options });
  });
});
