import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { manifestKey } from '../../../functions/store/manifest.ts';
import { statusKey } from '../../../functions/store/status.ts';
import { failureOf, later, manifestOf, NOON, statusOf } from '../../functions/survey/samples.ts';
import type { S3Server } from '../../s3-server.ts';
import { deployed, put, stepFunctionsWith } from './deployed.ts';
import { undocumentedFields } from './page.ts';
import { run } from './run.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(NOON) });
  onTestFinished(() => {
    vi.useRealTimers();
  });
});

const RUNNING = ['order-1', 'order-3', 'order-8', 'order-9-push-a', 'other'];
const issued = { state: 'issued', reason: undefined } as const;

/** Orders in every state. */
async function seeded(): Promise<S3Server> {
  const s3 = await deployed({
    actions: stepFunctionsWith(Object.fromEntries(RUNNING.map((name) => [name, 'RUNNING' as const]))),
  });
  await put(s3, statusKey('1'), statusOf('1'));
  await put(s3, statusKey('2'), failureOf('2'));
  await put(s3, statusKey('3'), statusOf('3', { reason: 'payment', nextStep: 'pay', account: 'brand-a' }));
  await put(s3, statusKey('4'), statusOf('4', issued));
  await put(s3, manifestKey('4'), manifestOf('4'));
  await put(s3, 'orders/4/superseded/c0ffee/certificate.json', manifestOf('4'));
  await put(s3, statusKey('5'), statusOf('5', issued));
  await put(s3, manifestKey('5'), manifestOf('5', { notAfter: later(NOON, { days: 200 }), account: 'brand-a' }));
  await put(s3, statusKey('6'), statusOf('6', { text: 'waits' }));
  await put(s3, statusKey('7'), 'damaged');
  // Release 0.1.0 wrote no status.
  await put(s3, manifestKey('10'), manifestOf('10', { notAfter: later(NOON, { days: -2 }) }));
  return s3;
}

const numbers = (out: string) => JSON.parse(out).map(({ orderNumber }: { orderNumber: string }) => orderNumber);

describe('orders', () => {
  test('They are listed with those that need someone first.', async () => {
    await seeded();
    const { exitCode, out } = await run(['orders', '--json']);
    // Unreadable, failed, lost or waiting for someone, expired; then waiting, then issued by the end.
    expect(numbers(out)).toEqual(['7', '2', '3', '6', '10', '8', '9', '1', '4', '5']);
    expect(exitCode).toBe(1);
    const byNumber = new Map<string, object>(
      JSON.parse(out).map((each: { orderNumber: string }) => [each.orderNumber, each]),
    );
    expect(byNumber.get('6')).toMatchObject({ state: 'waiting', execution: { runs: false }, needsSomeone: true });
    expect(byNumber.get('9')).toMatchObject({ state: 'waiting', execution: { name: 'order-9-push-a', runs: true } });
    expect(byNumber.get('7')).toMatchObject({
      state: 'unreadable',
      text: expect.stringContaining('orders/7/status.json'),
    });
    expect(byNumber.get('4')).toMatchObject({ certificate: { daysLeft: 30, publishable: true } });
    expect(undocumentedFields(JSON.parse(out), 'orders')).toEqual([]);
  });

  test.each([
    [['--waiting'], ['3', '6', '12', '8', '9', '1']],
    [
      ['--ending', '30'],
      ['12', '10', '4'],
    ],
    [['--ending', '0'], ['10']],
    [
      ['--account', 'brand-a'],
      ['3', '5'],
    ],
    [['--account', 'brand-a', '--waiting'], ['3']],
    [['--waiting', '--ending', '30'], ['12']],
  ])('%j selects some of them.', async (args, expected) => {
    const s3 = await seeded();
    // A certificate ends while the next one is awaited. No execution of the order runs.
    await put(s3, statusKey('12'), statusOf('12'));
    await put(s3, manifestKey('12'), manifestOf('12'));
    expect(numbers((await run(['orders', '--json', ...args])).out)).toEqual(expected);
  });

  test('A damaged certificate is listed among those that end, because its end is not known.', async () => {
    const s3 = await seeded();
    await put(s3, manifestKey('5'), '{');
    const { exitCode, out } = await run(['orders', '--json', '--ending', '30']);
    expect(numbers(out)).toEqual(['5', '10', '4']);
    expect(exitCode).toBe(1);
  });

  test('Only what is needed is read.', async () => {
    const s3 = await seeded();
    const readIn = async (...args: string[]) => {
      const before = s3.requests.length;
      await run(['orders', ...args]);
      return s3.requests.slice(before).flatMap(({ key }) => (key === '' ? [] : [key.replace(/^orders\//, '')]));
    };
    expect((await readIn()).toSorted()).toEqual([
      ...['1/status.json', '10/certificate.json', '2/status.json', '3/status.json', '4/certificate.json'],
      ...['4/status.json', '5/certificate.json', '5/status.json', '6/status.json', '7/status.json'],
      'overview/caa.json',
    ]);
    expect((await readIn('--ending', '30')).toSorted()).toEqual([
      ...['10/certificate.json', '4/certificate.json', '4/status.json', '5/certificate.json'],
      'overview/caa.json',
    ]);
  });

  test('The table fits the width of the terminal, and is complete without a terminal.', async () => {
    const s3 = await seeded();
    const domains = Array.from({ length: 20 }, (_, index) => `brand-${index}.example.com`);
    const longest = '1234567890123456';
    await put(
      s3,
      statusKey(longest),
      statusOf(longest, { domains, reason: 'payment', nextStep: 'pay the order at the CA' }),
    );
    for (const columns of [60, 80, 120]) {
      const { out } = await run(['orders'], { columns });
      const lines = out.trimEnd().split('\n');
      expect(lines).toHaveLength(12);
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
      expect(out).toContain('…');
      expect(out).toContain(`${longest}  `);
    }
    const { out } = await run(['orders']);
    expect(out).toContain(domains.join(' '));
    expect(out).not.toContain('…');
    expect(out.split('\n')[0]).toMatch(/^ORDER +STATE +SINCE +ACCOUNT +DOMAINS +EXPIRES +TO DO$/);
  });

  test('A cell with line ends and control characters stays one line.', async () => {
    const s3 = await deployed({ actions: stepFunctionsWith({ 'order-1': 'RUNNING' }) });
    await put(s3, statusKey('1'), statusOf('1', { nextStep: 'a\nb\u001b[31m' }));
    expect((await run(['orders'], { columns: 200 })).out.split('\n')).toHaveLength(3);
  });

  test.each(['=1+1', '+1', '-1', '@a', '\t=1', ' =1', '＝1'])('No cell of the CSV is a formula: %j.', async (text) => {
    const s3 = await deployed({ actions: stepFunctionsWith({ 'order-1': 'RUNNING' }) });
    await put(s3, statusKey('1'), statusOf('1', { text, nextStep: text, domains: [text] }));
    const { out } = await run(['orders', '--csv']);
    const [head = '', row = '', ...more] = out.trimEnd().split('\n');
    expect(more).toEqual([]);
    expect(head.split(',')).toHaveLength(row.split(',').length);
    for (const cell of row.split(',')) {
      expect(cell).not.toMatch(/^"?[=+\-@\t\r＝＋－＠]/);
    }
  });

  test('The CSV quotes commas and quotes, and has one line for an order.', async () => {
    const s3 = await deployed({ actions: stepFunctionsWith({ 'order-1': 'RUNNING' }) });
    await put(s3, statusKey('1'), statusOf('1', { text: 'a, "b"\nc' }));
    const { out } = await run(['orders', '--csv']);
    expect(out.trimEnd().split('\n')).toHaveLength(2);
    expect(out).toContain('"a, ""b""\\u{A}c"');
  });

  test('Without orders, JSON and CSV are empty, and a note states it.', async () => {
    await deployed({ actions: stepFunctionsWith({}) });
    expect(await run(['orders', '--json'])).toMatchObject({ exitCode: 0, out: '[]\n' });
    expect((await run(['orders', '--csv'])).out).toMatch(/^order,account,[a-z_,]+\n$/);
    const { out, err } = await run(['orders']);
    expect(out).toBe('');
    expect(err).toContain('has no orders');
  });

  test('An order that starts and one that ends while they are listed are not lost.', async () => {
    let lists = 0;
    const actions = stepFunctionsWith({ 'order-1': 'RUNNING' });
    const list = actions['AWSStepFunctions.ListExecutions'];
    const s3 = await deployed({
      actions: {
        ...actions,
        'AWSStepFunctions.ListExecutions': (input) => (lists++ === 0 ? { executions: [] } : (list?.(input) ?? {})),
      },
    });
    await put(s3, statusKey('1'), statusOf('1'));
    const [order] = JSON.parse((await run(['orders', '--json'])).out);
    expect(order).toMatchObject({ needsSomeone: false, execution: { name: 'order-1', runs: true } });
  });

  test.each([
    [['--ending', 'soon'], /--ending: soon is not accepted; accepted: a number of days/],
    [['--ending', '-1'], /--ending/],
    [['--account', 'Brand A'], /--account: Brand A is not accepted/],
    [['--csv', '--json'], /--csv and --json cannot be used together/],
  ])('%j is wrong usage.', async (args, message) => {
    const { exitCode, out, err } = await run(['orders', ...args]);
    expect(exitCode).toBe(64);
    expect(out + err).toMatch(message);
  });
});
