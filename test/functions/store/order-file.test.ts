import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  effectiveOptions,
  knownOptions,
  type OrderFile,
  openOrderFile,
  orderFileKey,
} from '../../../functions/store/order-file.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import { startDirectS3Server } from '../../s3-direct.ts';
import type { S3Server } from '../../s3-server.ts';
import { MANIFEST, STATUS } from '../start/prepare.ts';
import { BUCKET, clientOf } from './archive-bucket.ts';

const FILE: OrderFile = {
  schemaVersion: 1,
  collector: 'acme',
  orderNumber: '8',
  options: { domains: ['example.com'], account: 'brand-a', selector: 'brand', product: 'CMC', replace: true },
  execution: 'order-8',
  orderedAt: '2026-11-23T10:00:00.000Z',
  times: {},
  events: [],
  updatedAt: '2026-11-23T10:00:01.000Z',
};

let server: S3Server;

beforeEach(async () => {
  server = await startDirectS3Server();
});

afterEach(() => server.close());

const client = () => clientOf('client', server.url);
const open = () => openOrderFile(s3Storage(client(), BUCKET), '8');
const put = (file: string, content: object | string) =>
  fetch(`${server.url}/${BUCKET}/orders/8/${file}`, {
    method: 'PUT',
    body: typeof content === 'string' ? content : JSON.stringify(content),
  });

describe('The file of an order', () => {
  test('is written, and read as it was written.', async () => {
    expect(await open().update(() => FILE)).toEqual(FILE);

    expect(orderFileKey('8')).toBe('orders/8/order.json');
    expect(await open().read()).toEqual(FILE);
  });

  test('stays as it is if there is nothing to write.', async () => {
    await open().update(() => FILE);

    expect(await open().update(async () => undefined)).toEqual(FILE);
    expect(server.requests.filter(({ method }) => method === 'PUT')).toHaveLength(1);
  });

  test('is written with what another writer left, if that one was faster.', async () => {
    await open().update(() => FILE);
    let isFirst = true;

    const stored = await open().update(async (current) => {
      if (isFirst) {
        isFirst = false;
        await put('order.json', { ...FILE, execution: 'order-8-other' });
      }
      return current && { ...current, collector: 'other' };
    });

    expect(stored).toMatchObject({ execution: 'order-8-other', collector: 'other' });
  });

  test.each([
    ['text', 'no JSON'],
    ['another version', { ...FILE, schemaVersion: 2 }],
    ['the file of another order', { ...FILE, orderNumber: '9' }],
    ['a wrong option', { ...FILE, options: { domains: 'example.com' } }],
    ['an account that no secret can have', { ...FILE, options: { account: '../x' } }],
    ['a time in words', { ...FILE, orderedAt: 'yesterday' }],
  ])('counts as missing if it is damaged, and is replaced: %s.', async (_, content) => {
    await put('order.json', content);

    expect(await open().read()).toBeUndefined();
    expect(await open().update((current) => (current ? undefined : FILE))).toEqual(FILE);
    expect(await open().read()).toEqual(FILE);
  });

  test('that S3 does not return is an error, not a missing one.', async () => {
    server.before = () => ({ status: 403, code: 'AccessDenied' });

    await expect(open().read()).rejects.toMatchObject({ name: 'AccessDenied' });
  });
});

describe('The effective options of an execution', () => {
  const before = '2026-11-23T09:00:00.000Z';
  const after = '2026-11-23T11:00:00.000Z';
  const input = { domains: ['exmaple.com'], product: 'VMC' } as const;

  test.each<[string, string, string, object | undefined, object]>([
    ['those of its input, without a file', 'order-8', before, undefined, input],
    ['those of the file about it', 'order-8', after, FILE, FILE.options],
    [
      'those of its input first, if the file is about an earlier execution',
      'order-8-again',
      after,
      FILE,
      { account: 'brand-a', selector: 'brand', ...input },
    ],
    [
      'those of a file first that was ordered after its start, but not the permission to replace',
      'order-8-push-20261123',
      before,
      FILE,
      { ...FILE.options, replace: undefined },
    ],
    [
      'without the account of its input, if the file has the default account',
      'order-8',
      after,
      { ...FILE, options: { account: null } },
      input,
    ],
  ])('are %s.', (title, execution, startedAt, file, expected) => {
    const options = {
      domains: [...input.domains],
      product: input.product,
      ...(title.startsWith('without the account') && { account: 'x' }),
    };
    const effective = effectiveOptions({ options, execution, startedAt }, file as OrderFile | undefined);

    expect(effective).toEqual(Object.fromEntries(Object.entries(expected).filter(([, value]) => value !== undefined)));
  });

  test('have the permission to replace that was withdrawn last.', () => {
    const file = { ...FILE, options: { replace: false } };

    const effective = effectiveOptions({ options: { replace: true }, execution: 'order-8', startedAt: before }, file);

    expect(effective).toEqual({ replace: false });
  });
});

describe('The known options of an order', () => {
  const known = () => knownOptions(s3Storage(client(), BUCKET), '8');

  test('are undefined if the bucket knows nothing of it.', async () => {
    expect(await known()).toBeUndefined();
  });

  test('are those that were ordered last, without replace.', async () => {
    await put('order.json', FILE);
    await put('certificate.json', {
      ...MANIFEST,
      account: 'old',
      ordered: { domains: ['old.example'], selector: null, product: 'VMC' },
    });
    await put('status.json', { ...STATUS, product: 'VMC' });

    const { replace: _, ...options } = FILE.options;
    expect(await known()).toEqual(options);
  });

  test('are those of the manifest and of the status, if the order has no file.', async () => {
    await put('certificate.json', {
      ...MANIFEST,
      account: 'brand-b',
      ordered: { domains: [], selector: 'b', product: null },
    });
    await put('status.json', { ...STATUS, domains: ['example.com'], product: 'VMC' });

    expect(await known()).toEqual({ account: 'brand-b', domains: ['example.com'], selector: 'b', product: 'VMC' });
  });

  test('are read from the records of a manifest of release 0.1.0.', async () => {
    await put('certificate.json', {
      ...MANIFEST,
      bimiRecords: ['b._bimi.a.example. TXT "v=BIMI1; l=; a="', 'b._bimi.b.example. TXT "v=BIMI1; l=; " "a="'],
    });

    expect(await known()).toEqual({ domains: ['a.example', 'b.example'], selector: 'b' });
  });

  test('are read from the records that a replacement inherited from such a manifest.', async () => {
    await put('certificate.json', {
      ...MANIFEST,
      ordered: { domains: [], selector: null, product: null },
      bimiRecords: ['b._bimi.a.example. TXT "v=BIMI1; l=; a="'],
    });

    expect(await known()).toEqual({ domains: ['a.example'], selector: 'b' });
  });

  test('have no account if the default account was ordered last.', async () => {
    await put('order.json', { ...FILE, options: { account: null } });
    await put('certificate.json', { ...MANIFEST, account: 'brand-b' });

    expect(await known()).toEqual({});
  });

  test('lack what no event could have ordered.', async () => {
    await put('status.json', { ...STATUS, domains: ['default._bimi.example.com'], product: 'EV', account: 'A b' });

    expect(await known()).toEqual({});
  });
});
