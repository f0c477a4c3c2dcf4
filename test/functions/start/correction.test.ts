import { DeleteObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { startExecution } from '../../../functions/executions.ts';
import { ARN, BUCKET, MANIFEST, prepare, STATUS } from './prepare.ts';

const FIRST = { id: 'first', time: '2026-11-23T10:00:00Z' };
const SECOND = { id: 'second', time: '2026-11-23T11:00:00Z', at: '2026-11-23T11:00:02Z' };
const WRONG = { orderNumber: '8', domains: ['exmaple.com'] };
const RIGHT = { orderNumber: '8', domains: ['example.com'] };

describe('A second event for an order that waits', () => {
  test.each([
    ['domains', ['exmaple.com'], ['example.com']],
    ['domains', ['a.example', 'b.example'], ['a.example']],
    ['product', 'VMC', 'CMC'],
    ['account', 'brnad-a', 'brand-a'],
    ['account', 'brand-a', null],
    ['selector', 'brnad', 'brand'],
    ['selector', 'brand', 'default'],
    ['replace', true, false],
    ['replace', undefined, true],
    ['domains', undefined, ['example.com']],
    ['account', undefined, 'brand-a'],
  ])('corrects %s from %j to %j.', async (name, from, to) => {
    const { event, file, executions, logged } = await prepare();
    const rest = name === 'domains' ? { selector: 'kept' } : { domains: ['kept.example'] };
    await event({ orderNumber: '8', ...rest, [name]: from }, FIRST);

    const result = await event({ orderNumber: '8', [name]: to }, SECOND);

    const corrected = { [name]: { from: from ?? null, to } };
    expect(result).toEqual({ orderNumber: '8', execution: 'order-8', started: false, corrected });
    expect(logged).toEqual([result]);
    expect(await file()).toMatchObject({
      options: { ...rest, [name]: to },
      execution: 'order-8',
      orderedAt: '2026-11-23T11:00:00.000Z',
      updatedAt: '2026-11-23T11:00:02.000Z',
    });
    expect([...executions.keys()]).toEqual(['order-8']);
  });

  test('corrects its status, which stays reported and has the same time.', async () => {
    const { event, status, store } = await prepare();
    await event(WRONG, FIRST);
    await store('status.json', STATUS);

    await event({ ...RIGHT, product: 'VMC', account: 'brand-a' }, SECOND);

    expect(await status()).toEqual({ ...STATUS, domains: ['example.com'], product: 'VMC', account: 'brand-a' });
  });

  test.each([
    ['the same', WRONG],
    ['without its options', { orderNumber: '8' }],
    ['with the domains in another order and form', { orderNumber: 8, domains: ['EXMAPLE.com.', 'exmaple.com'] }],
    ['with the default selector', { ...WRONG, selector: 'default' }],
    ['with the default account', { ...WRONG, account: null }],
    ['without a permission that it did not give before', { ...WRONG, replace: false }],
  ])('changes nothing if it is %s.', async (_, detail) => {
    const { event, writes, executions, logged, store } = await prepare();
    await event(WRONG, FIRST);
    await store('status.json', STATUS);

    expect(await event(detail, SECOND)).toEqual({ orderNumber: '8', execution: 'order-8', started: false });

    expect([writes('order.json'), writes('status.json')]).toEqual([1, 1]);
    expect([executions.size, logged]).toEqual([1, []]);
  });

  test('with another request corrects the execution that waits, and starts no other one.', async () => {
    const { event, file, executions } = await prepare();
    await event(WRONG, FIRST);

    const result = await event({ ...RIGHT, request: 'again' }, SECOND);

    expect(result).toMatchObject({
      execution: 'order-8',
      started: false,
      corrected: { domains: { to: ['example.com'] } },
    });
    expect(await file()).toMatchObject({ execution: 'order-8', options: { domains: ['example.com'] } });
    expect([...executions.keys()]).toEqual(['order-8']);
  });

  test('without a request corrects an execution that waits for a request.', async () => {
    const { event, file, executions, end } = await prepare();
    await event(WRONG, FIRST);
    await end({ withCertificate: true });
    await event({ ...WRONG, request: 'again' }, { ...FIRST, id: 'again' });

    await event({ ...RIGHT, replace: true }, SECOND);

    expect(await file()).toMatchObject({ execution: 'order-8-again', options: { ...optionsOf(RIGHT), replace: true } });
    expect(executions.size).toBe(2);
  });

  test('corrects the execution in the status, if that is the one that waits.', async () => {
    const { event, file, executions, store } = await prepare();
    await event({ orderNumber: '8', request: 'x' }, FIRST);
    const execution = 'order-8-x';
    await store('order.json', {});
    await store('status.json', { ...STATUS, execution });

    expect(await event(RIGHT, SECOND)).toMatchObject({ execution, started: false });

    expect(await file()).toMatchObject({ execution, options: { domains: ['example.com'] } });
    expect(executions.size).toBe(1);
  });

  test('corrects an execution of release 0.1.0, of which the bucket contains nothing.', async () => {
    const { event, file, logged, s3 } = await prepare();
    await event({ ...WRONG, selector: 'brand', product: 'CMC' }, FIRST);
    await deleteObject(s3, 'orders/8/order.json');

    const result = await event(RIGHT, SECOND);

    expect(result).toMatchObject({
      started: false,
      corrected: { domains: { from: ['exmaple.com'], to: ['example.com'] } },
    });
    expect(logged).toEqual([result]);
    expect((await file())?.options.domains).toEqual(['example.com']);
  });

  test('is repeated by Lambda if S3 refuses the status, and is then complete.', async () => {
    const { event, status, store, server, file } = await prepare();
    await event(WRONG, FIRST);
    await store('status.json', STATUS);
    server.before = ({ method, key }) =>
      method === 'PUT' && key.endsWith('status.json') ? { status: 500, code: 'InternalError' } : undefined;
    await expect(event(RIGHT, SECOND)).rejects.toMatchObject({ name: 'InternalError' });
    expect(await file()).toMatchObject({ options: optionsOf(RIGHT) });
    server.before = () => undefined;

    await event(RIGHT, SECOND);

    expect(await status()).toEqual({ ...STATUS, domains: ['example.com'] });
  });

  test('is logged with the values before it, although another writer was faster.', async () => {
    const { event, server, logged, file } = await prepare();
    await event(WRONG, FIRST);
    let isRefused = false;
    server.before = ({ method, key }) => {
      if (method === 'PUT' && key.endsWith('order.json') && !isRefused) {
        isRefused = true;
        return { status: 412, code: 'PreconditionFailed' };
      }
      return undefined;
    };

    await event(RIGHT, SECOND);

    expect(isRefused).toBe(true);
    expect(logged).toMatchObject([{ corrected: { domains: { from: ['exmaple.com'], to: ['example.com'] } } }]);
    expect(await file()).toMatchObject({ options: optionsOf(RIGHT) });
  });

  test('goes to the execution that a push has started, although that has not made its first check.', async () => {
    const run = await prepare();
    await run.event({ orderNumber: '8' });
    await run.end({ withCertificate: false });
    const push = { orderNumber: '8', request: 'push-6-20261123' };
    await startExecution({ stateMachineArn: ARN, sfn: run.sfn }, 'order-8-push-20261123', push);

    const result = await run.event({ orderNumber: '8', domains: ['example.com'] });

    expect(result).toMatchObject({ execution: 'order-8-push-20261123', started: false });
    expect([...run.executions.keys()]).toEqual(['order-8', 'order-8-push-20261123']);
    expect(await run.file()).toMatchObject({
      execution: 'order-8-push-20261123',
      options: { domains: ['example.com'] },
    });
  });

  test('waits for no check that a push or the survey started beside it.', async () => {
    const { event, executions, end, store, inputs } = await prepare();
    await event(WRONG, FIRST);
    await end({ withCertificate: false });
    await event({ ...WRONG, request: 'beside' }, { ...FIRST, id: 'beside' });
    // A check with `once` runs under the name that order.json contains.
    Object.assign(executions.get('order-8-beside') ?? {}, { input: { orderNumber: '8', once: true } });
    await store('status.json', { ...STATUS, execution: 'order-8-beside' });

    const result = await event(RIGHT, SECOND);

    expect(result).toMatchObject({ execution: 'order-8-20261123', started: true });
    expect(inputs()['order-8-20261123']).toEqual({ orderNumber: '8', domains: ['example.com'] });
  });
});

describe('A second event for an order whose execution ended without a certificate', () => {
  test('starts another execution with the corrected options, and with those that it leaves out.', async () => {
    const { event, inputs, end, file } = await prepare();
    await event({ ...WRONG, selector: 'brand', account: 'brand-a', replace: true }, FIRST);
    await end({ withCertificate: false });

    expect(await event(RIGHT, SECOND)).toEqual({ orderNumber: '8', execution: 'order-8-20261123', started: true });

    const options = { domains: ['example.com'], selector: 'brand', account: 'brand-a' };
    expect(inputs()['order-8-20261123']).toEqual({ orderNumber: '8', ...options });
    expect(await file()).toMatchObject({ execution: 'order-8-20261123', options });
  });

  test('starts nothing if the same event was delivered before the end, because the end was reported.', async () => {
    // The local Step Functions use the clock of this machine.
    const { event, executions, end } = await prepare(new Date().toISOString());
    await event(WRONG, FIRST);
    await end({ withCertificate: false });

    expect(await event(WRONG, FIRST)).toEqual({ orderNumber: '8', execution: 'order-8', started: false });
    expect(executions.size).toBe(1);
  });

  test('starts nothing if it was sent before the last event.', async () => {
    const { event, executions, end } = await prepare('2026-11-23T12:00:00Z');
    await event(RIGHT, SECOND);
    await end({ withCertificate: false });

    expect(await event(WRONG, FIRST)).toMatchObject({ execution: 'order-8', started: false });
    expect(executions.size).toBe(1);
  });
});

describe('A second event for an order that has its certificate', () => {
  async function prepareIssued(first: object = WRONG) {
    const prepared = await prepare();
    await prepared.event(first, FIRST);
    await prepared.end({ withCertificate: true });
    return prepared;
  }

  test.each([
    ['domains', RIGHT, 'domains is ["example.com"], was ["exmaple.com"]'],
    ['product', { ...WRONG, product: 'CMC' }, 'product is "CMC", was null'],
    ['account', { ...WRONG, account: 'brand-a' }, 'account is "brand-a", was null'],
    ['selector', { ...WRONG, selector: 'brand' }, 'selector is "brand", was null'],
    ['replace', { ...WRONG, replace: true }, 'replace is true, was null'],
  ])('is refused if it changes %s, and the error says how to do it.', async (_, detail, difference) => {
    const { event, executions, file } = await prepareIssued();

    await expect(event(detail, SECOND)).rejects.toMatchObject({
      name: 'InvalidInput',
      message: expect.stringContaining(
        `Order 8: the event changes nothing, because the execution order-8 has collected the certificate already. The event ` +
          `differs from what was ordered before: ${difference}. To collect the order again with these options, the event needs ` +
          'a "request" that was not used, ' +
          'for example "request": "again-23nov-1100"',
      ),
    });

    expect([...executions.keys()]).toEqual(['order-8']);
    expect(await file()).toMatchObject({ options: optionsOf(WRONG) });
  });

  test.each([
    ['the same', WRONG],
    ['without options', { orderNumber: '8' }],
    ['the same with defaults', { ...WRONG, selector: 'default', account: null, replace: false }],
  ])('does nothing if it is %s.', async (_, detail) => {
    const { event, executions, writes } = await prepareIssued();

    expect(await event(detail, SECOND)).toEqual({ orderNumber: '8', execution: 'order-8', started: false });
    expect([executions.size, writes('order.json')]).toEqual([1, 1]);
  });

  test('does nothing if it was sent before the event that was collected.', async () => {
    const { event, end } = await prepare('2026-11-23T12:00:00Z');
    await event(RIGHT, SECOND);
    await end({ withCertificate: true });

    expect(await event(WRONG, FIRST)).toMatchObject({ execution: 'order-8', started: false });
  });

  test('with a new request collects it again, and inherits what it leaves out except replace.', async () => {
    const { event, inputs } = await prepareIssued({ ...WRONG, selector: 'brand', product: 'CMC', replace: true });

    await event({ orderNumber: '8', request: 'again', account: 'brand-a' }, SECOND);

    expect(inputs()['order-8-again']).toEqual({
      orderNumber: '8',
      request: 'again',
      account: 'brand-a',
      domains: ['exmaple.com'],
      selector: 'brand',
      product: 'CMC',
    });
  });

  test('of release 0.1.0 with a new request inherits from the manifest, the status and the first execution.', async () => {
    const { event, inputs, s3, store } = await prepareIssued({ ...WRONG, product: 'CMC' });
    await deleteObject(s3, 'orders/8/order.json');
    await store('certificate.json', { ...MANIFEST, bimiRecords: ['brand._bimi.example.com. TXT "v=BIMI1; l=; a=;"'] });
    await store('status.json', { ...STATUS, state: 'issued', account: 'brand-a' });

    await event({ orderNumber: '8', request: 'again' }, SECOND);

    expect(inputs()['order-8-again']).toEqual({
      orderNumber: '8',
      request: 'again',
      account: 'brand-a',
      domains: ['example.com'],
      selector: 'brand',
      product: 'CMC',
    });
  });

  test('is refused in every delivery if it arrived while the certificate was stored with the old options.', async () => {
    const { event, end, store, server } = await prepare();
    await event(WRONG, FIRST);
    let isStored = false;
    server.before = async ({ method, key }) => {
      if (method === 'PUT' && key.endsWith('order.json') && !isStored) {
        isStored = true;
        // The last check of the execution ends between the decision and the write.
        const ordered = { domains: ['exmaple.com'], selector: null, product: null };
        await store('certificate.json', { ...MANIFEST, account: null, ordered });
        await end({ withCertificate: true });
      }
      return undefined;
    };

    for (const _ of [1, 2, 3]) {
      await expect(event(RIGHT, SECOND)).rejects.toThrow('domains is ["example.com"], was ["exmaple.com"]');
    }
    expect(isStored).toBe(true);
  });
});

function optionsOf({ orderNumber: _, ...options }: { readonly orderNumber: string }) {
  return options;
}

async function deleteObject(s3: S3Client, key: string): Promise<void> {
  await s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: key }));
}
