import { beforeAll, describe, expect, test } from 'vitest';
import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import { openAuthority } from '../../authority.ts';
import { ORDER } from '../local/collector.ts';
import { stopClock } from './clock.ts';
import { deployForCommands } from './local-collector.ts';
import { run } from './run.ts';

const PROCESSING = { kind: 'status', status: 0 } as const;
/** An order waits until the end of the test. */
const WAITING = { waitMilliseconds: () => 600_000 };

let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await openAuthority();
});

describe('order', () => {
  test('It starts the collection of an order with its options, and names the execution.', async () => {
    const { cloud } = await deployForCommands(WAITING);
    cloud.ca.order(ORDER, [PROCESSING]);
    const options = ['--domain', 'Example.com.', '--domain', 'b.example', '--product', 'VMC', '--selector', 'mail'];
    const { exitCode, out, err } = await run(['order', ORDER, ...options, '--replace']);
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
    expect(out).toContain(`the collection has started (execution order-${ORDER})`);
    expect(out).toContain(`mark-certificates status ${ORDER}`);
    expect(cloud.executions.get(`order-${ORDER}`)?.input).toEqual({
      orderNumber: ORDER,
      domains: ['example.com', 'b.example'],
      product: 'VMC',
      selector: 'mail',
      replace: true,
    });
  });

  test('An order that waits with the same options is not changed.', async () => {
    const { cloud } = await deployForCommands(WAITING);
    cloud.ca.order(ORDER, [PROCESSING]);
    await run(['order', ORDER, '--domain', 'example.com']);
    const { exitCode, out } = await run(['order', ORDER, '--domain', 'example.com', '--json']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toEqual({ orderNumber: ORDER, result: 'waiting', execution: `order-${ORDER}` });
    expect(cloud.executions.size).toBe(1);
  });

  test('An order that waits is corrected, and the result names the old and the new value.', async () => {
    const { cloud } = await deployForCommands(WAITING);
    cloud.ca.order(ORDER, [PROCESSING]);
    await run(['order', ORDER, '--domain', 'wrong.example', '--account', 'brand-a']);
    const { out } = await run(['order', ORDER, '--domain', 'right.example', '--json']);
    expect(JSON.parse(out)).toEqual({
      orderNumber: ORDER,
      result: 'corrected',
      execution: `order-${ORDER}`,
      changes: 'domains is ["right.example"], was ["wrong.example"]',
    });
    const back = await run(['order', ORDER, '--default-account']);
    expect(back.out).toContain('Its next check uses the new options: account is null, was "brand-a".');
    expect(cloud.executions.size).toBe(1);
  });

  test('An order that has its certificate is named as such, and is collected again with a request.', async () => {
    const { cloud, execution } = await deployForCommands();
    cloud.ca.order(ORDER, [{ kind: 'issued', certificates: authority.issue({ domains: ['example.com'] }).chain }]);
    await run(['order', ORDER]);
    await execution();
    const { exitCode, out } = await run(['order', ORDER]);
    expect(exitCode).toBe(0);
    expect(out).toContain(`Order ${ORDER} already has its certificate`);
    expect(out).toContain('add --request');
    const again = await run(['order', ORDER, '--request', 'again', '--json']);
    expect(JSON.parse(again.out)).toMatchObject({ result: 'started', execution: `order-${ORDER}-again` });
  });

  test('A change of an order that has its certificate is refused before anything is sent, with the command that works.', async () => {
    const { cloud, execution } = await deployForCommands();
    cloud.ca.order(ORDER, [{ kind: 'issued', certificates: authority.issue({ domains: ['example.com'] }).chain }]);
    await run(['order', ORDER, '--domain', 'example.com']);
    await execution();
    const { exitCode, out, err } = await run(['order', ORDER, '--domain', 'other.example', '--region', 'us-east-1']);
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' });
    expect(err).toContain(`the execution order-${ORDER} has collected the certificate already`);
    expect(err).toContain('domains is ["other.example"], was ["example.com"]');
    const [, next = ''] = /Next: mark-certificates (.+)\n$/.exec(err) ?? [];
    expect(next).toMatch(/^order 1378973013 --domain other\.example --request again-\S+ --region us-east-1$/);
    expect(cloud.deadLetters).toEqual([]);
    expect(await run([...next.split(' '), '--json'])).toMatchObject({
      exitCode: 0,
      out: expect.stringContaining('started'),
    });
  });

  test('Ctrl-C ends the wait for the effect, and the error says that the event was sent.', async () => {
    const settings = { name: 'mark-certificate-collector', eventSource: 'elsewhere', eventBusName: 'default' };
    await deployForCommands({}, { Settings: JSON.stringify(settings) });
    const listeners = process.listenerCount('SIGINT');
    const ordered = run(['order', ORDER]);
    await expect.poll(() => process.listenerCount('SIGINT')).toBe(listeners + 1);
    process.emit('SIGINT');
    expect(await ordered).toEqual({
      exitCode: 2,
      out: '',
      err: `Order ${ORDER}: the event was sent. You ended the wait for its effect. The event can still have an effect.\nNext: mark-certificates status ${ORDER}\n`,
    });
    expect(process.listenerCount('SIGINT')).toBe(listeners);
  });

  test('An event without an effect is an error that names the next step.', async () => {
    // Nothing on this bus listens to the source.
    const settings = { name: 'mark-certificate-collector', eventSource: 'elsewhere', eventBusName: 'default' };
    await deployForCommands({}, { Settings: JSON.stringify(settings) });
    const wait = stopClock();
    const began = Date.now();
    const { exitCode, err } = await run(['order', ORDER], { wait });
    expect([exitCode, Date.now() - began]).toEqual([2, 20_000]);
    expect(err).toContain('the event was sent, but had no effect within 20 seconds');
    expect(err).toContain('dead-letter queue');
  });

  test.each([
    [['x1'], 'ORDER: x1 is not accepted'],
    [['0123'], 'ORDER: 0123 is not accepted'],
    [[ORDER, '--domain', 'localhost'], '--domain: localhost is not accepted; accepted: a domain name like example.com'],
    [[ORDER, '--domain', 'https://example.com/'], '--domain: https://example.com/ is not accepted'],
    [[ORDER, '--account', 'Brand A'], '--account: Brand A is not accepted; accepted: 1 to 32 lower-case letters'],
    [[ORDER, '--product', 'vmc'], '--product: vmc is not accepted; accepted: VMC, CMC'],
    [[ORDER, '--selector', 'a.b'], '--selector: a.b is not accepted'],
    [[ORDER, '--request', 'push-1'], '--request: push-1 is not accepted'],
    [[ORDER, '--account', 'a', '--default-account'], '--account and --default-account exclude each other'],
    [[], "missing required argument 'order'"],
  ])('Wrong usage is refused before AWS is asked: %j.', async (args, message) => {
    const { exitCode, err } = await run(['order', ...args]);
    expect(err).toContain(message);
    expect(exitCode).toBe(64);
  });

  test('All wrong options are in one error.', async () => {
    const { err } = await run(['order', ORDER, '--product', 'x', '--selector', '_', '--domain', '-']);
    expect(err).toMatch(/--domain: .*\n--product: .*\n--selector: /);
  });
});
