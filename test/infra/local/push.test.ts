import { PutObjectCommand } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import type { SimulatedResponse } from '../../../infra/local/ca/collectmc-responses.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { PUSH_NOTIFICATIONS, sendPush } from '../../../infra/local/ca/push-notifications.ts';
import { LOCAL_PUSH_LOGIN } from '../../../infra/local/cloud/push-login.ts';
import { openAuthority } from '../../authority.ts';
import { basic } from '../../functions/push/request.ts';
import { deployCollector, type LocalCollector, ORDER } from './collector.ts';

const processing: SimulatedResponse = { kind: 'status', status: 0 };

let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await openAuthority();
});

describe('A push of the CA', () => {
  const orderEvent = { orderNumber: ORDER, domains: ['example.com'], product: 'VMC' };
  const push = ({ cloud }: LocalCollector, login = LOCAL_PUSH_LOGIN) =>
    fetch(`${cloud.pushUrl}?orderNumber=${ORDER}&statusCode=6`, { headers: { authorization: basic(login) } });
  const pushName = ({ cloud }: LocalCollector) =>
    [...cloud.executions.keys()].find((name) => name.includes('-push-')) ?? '';

  async function prepare(): Promise<LocalCollector> {
    const collector = await deployCollector({ settings: { push: true } });
    const { chain } = authority.issue({ domains: ['example.com'] });
    collector.cloud.ca.order(ORDER, [{ kind: 'issued', certificates: chain }]);
    return collector;
  }

  test('that arrives before the event of its order leads to one event: both executions find the certificate.', async () => {
    const collector = await prepare();

    expect((await push(collector)).status).toBe(200);
    await collector.execution(pushName(collector));
    await collector.sendOrder(orderEvent);
    const execution = await collector.execution();

    expect(execution).toMatchObject({
      status: 'SUCCEEDED',
      output: { collection: { certificate: { changed: false } } },
    });
    expect(collector.cloud.announced).toHaveLength(1);
  });

  test('that arrives while its order waits collects the certificate at once, and the waiting execution ends without an event.', async () => {
    const waiting = Promise.withResolvers<void>();
    const pushed = Promise.withResolvers<void>();
    const collector = await deployCollector({
      // The execution of the push runs while the other one is in its second check.
      settings: { push: true, reservedConcurrency: 2 },
      async beforeCheck(check) {
        if (check === 2) {
          waiting.resolve();
          await pushed.promise;
        }
      },
    });
    const { chain } = authority.issue({ domains: ['example.com'] });
    collector.cloud.ca.order(ORDER, [processing, { kind: 'issued', certificates: chain }]);
    await collector.sendOrder(orderEvent);
    await waiting.promise;

    await push(collector);
    const pushExecution = await collector.execution(pushName(collector));
    pushed.resolve();
    const execution = await collector.execution();

    expect(pushExecution).toMatchObject({
      status: 'SUCCEEDED',
      input: { ...orderEvent, once: true },
      output: { collection: { certificate: { changed: true } } },
    });
    expect(execution).toMatchObject({
      status: 'SUCCEEDED',
      output: { collection: { certificate: { changed: false } } },
    });
    expect(collector.cloud.announced).toHaveLength(1);
  });

  test('makes the checks of the orders that wait rarer, with pollEveryWithPush, and no other check.', async () => {
    const settings = { push: true, pollEveryWithPush: 'P1D', reservedConcurrency: 'none' };
    // The warm process caches the labels of the secret for five minutes.
    const clock = vi.spyOn(Date, 'now');
    const pass = (minutes: number) =>
      clock.mockReturnValue(performance.timeOrigin + performance.now() + minutes * 60_000);
    onTestFinished(() => clock.mockRestore());
    const collector = await deployCollector({ settings });
    const { chain } = authority.issue({ domains: ['example.com'] });
    const issued: SimulatedResponse = { kind: 'issued', certificates: chain };
    const available: SimulatedResponse = { kind: 'status', status: 1 };
    collector.cloud.ca.order(ORDER, [issued]);
    collector.cloud.ca.order('2', [processing, available, processing, issued]);
    collector.cloud.ca.order('3', [processing, issued]);

    await collector.sendOrder({ orderNumber: '3' });
    const [before] = await collector.collections('order-3');
    await push(collector);
    await collector.execution(pushName(collector));
    pass(6);
    await collector.sendOrder({ orderNumber: '2' });
    const after = await collector.collections('order-2');

    const hours = ({ waitSeconds = 0 }: { readonly waitSeconds?: number } = {}) => Math.round(waitSeconds / 3600);
    expect(hours(before)).toBe(3);
    expect(after.map(({ reason, ...each }) => [reason, hours(each) >= 21])).toEqual([
      ['processing', true],
      ['available', false],
      ['processing', true],
      [undefined, false],
    ]);
    // The certificate of order 2 came without a push, so the next order is checked more often again.
    pass(12);
    collector.cloud.ca.order('4', [processing, issued]);
    await collector.sendOrder({ orderNumber: '4' });
    expect(hours((await collector.collections('order-4'))[0])).toBe(3);
  });

  test('that arrives twice, with the password and with the secret in the path, starts one execution, and neither appears anywhere.', async () => {
    const collector = await prepare();

    await push(collector);
    await fetch(`${collector.cloud.pushUrl}${LOCAL_PUSH_LOGIN.pathSecret}?orderNumber=${ORDER}&statusCode=6`);
    const execution = await collector.execution(pushName(collector));

    expect([...collector.cloud.executions.keys()]).toHaveLength(1);
    const everything = [
      collector.output.text(),
      JSON.stringify([execution, collector.cloud.announced, process.env]),
    ].join();
    expect(everything).toContain(ORDER);
    const { username, password, pathSecret } = LOCAL_PUSH_LOGIN;
    for (const spelling of [
      pathSecret,
      btoa(pathSecret),
      password,
      encodeURIComponent(password),
      btoa(`${username}:${password}`),
      btoa(password),
    ]) {
      expect(everything).not.toContain(spelling);
    }
  });

  test('can be a form with certificates, which are ignored.', async () => {
    const collector = await prepare();

    const answer = await fetch(String(collector.cloud.pushUrl), {
      method: 'POST',
      headers: { authorization: basic(LOCAL_PUSH_LOGIN) },
      body: new URLSearchParams({ orderNumber: ORDER, statusCode: '9', certificate: 'ignored content' }),
    });

    expect(answer.status).toBe(200);
    expect((await collector.execution([...collector.cloud.executions.keys()][0]))?.status).toBe('SUCCEEDED');
    expect(collector.output.text()).not.toContain('ignored content');
  });

  test('with a wrong password starts nothing.', async () => {
    const collector = await prepare();

    const answer = await push(collector, { ...LOCAL_PUSH_LOGIN, password: 'guessed' });

    expect(answer.status).toBe(401);
    // Like AWS: a client that waits for a challenge never finds it.
    expect(answer.headers.get('www-authenticate')).toBeNull();
    expect(answer.headers.get('x-amzn-remapped-www-authenticate')).toMatch(/^Basic realm=/);
    expect(collector.cloud.executions.size).toBe(0);
  });

  test.each(['VMC', 'CMC'] as const)(
    'about a %s is understood with all its fields, whatever it reports.',
    async (product) => {
      const collector = await prepare();
      const { chain } = authority.issue({ domains: ['example.com'] });
      const [certificate = Buffer.alloc(0), ...issuers] = chain;
      const order = { orderNumber: ORDER, product, domain: 'example.com' };
      const certificates = { certificate: pem([certificate]), caCertificate: pem(issuers) };
      for (const notification of Object.values(PUSH_NOTIFICATIONS)) {
        expect(await sendPush(String(collector.cloud.pushUrl), notification(order), LOCAL_PUSH_LOGIN)).toBe(200);
        const delivered = notification({ ...order, certificates });
        expect(await sendPush(String(collector.cloud.pushUrl), delivered, LOCAL_PUSH_LOGIN)).toBe(200);
      }
      await Promise.all([...collector.cloud.executions.values()].map(({ ended }) => ended));

      const records = collector.output.lines().filter(({ message }) => message === 'push');
      expect(records).toHaveLength(2 * Object.keys(PUSH_NOTIFICATIONS).length);
      // Whether a repeated push finds its execution running or ended depends on the time.
      expect(records.filter(({ outcome }) => !/^(noted|started|already-there)$/.test(String(outcome)))).toEqual([]);
      const reported = collector.cloud.reported.map(({ detail }) => (detail as { readonly text: string }).text);
      expect(reported).toEqual(
        ['revoked', 'announced'].flatMap(() => Array(2).fill(expect.stringContaining('cessationOfOperation'))),
      );
    },
  );
});

describe('A push that says issued while CollectMC says processing', () => {
  const { username, password } = LOCAL_PUSH_LOGIN;
  const push = ({ cloud }: LocalCollector, statusCode: string) =>
    fetch(`${cloud.pushUrl}?orderNumber=${ORDER}&statusCode=${statusCode}`, {
      headers: { authorization: basic({ username, password }) },
    });
  const running = ({ cloud }: LocalCollector) =>
    [...cloud.executions.values()].filter(({ status }) => status === 'RUNNING').map(({ name }) => name);

  /** A collector whose executions never end a wait. */
  function deploy(): Promise<LocalCollector> {
    return deployCollector({
      settings: { push: true, reservedConcurrency: 10 },
      // The second check of an execution, after its wait.
      beforeCheck: (check) => (check === 2 ? new Promise(() => {}) : Promise.resolve()),
    });
  }
  /** Waits until the CA has had so many calls, and then until only these executions run. */
  async function waitFor(collector: LocalCollector, count: number, names: readonly unknown[]): Promise<void> {
    await expect.poll(() => collector.cloud.ca.calls.length, { timeout: 20_000 }).toBe(count);
    await expect.poll(() => running(collector), { timeout: 20_000 }).toEqual(names);
  }

  test.each([
    ['is collected', true],
    ['is unknown', false],
  ])('leaves at most the execution that polled before, if the order %s.', async (_, isKnown) => {
    const collector = await deploy();
    collector.cloud.ca.order(ORDER, [processing]);
    if (isKnown) {
      await collector.sendOrder({ orderNumber: ORDER });
      await waitFor(collector, 1, [`order-${ORDER}`]);
    }

    await Promise.all(['6', '9', '14'].map((code) => push(collector, code)));
    await waitFor(collector, isKnown ? 4 : 1, isKnown ? [`order-${ORDER}`] : []);

    const quiet = [...collector.cloud.executions.values()].filter(({ name }) => name.includes('-push-'));
    expect(quiet.map(({ status, output }) => ({ status, output }))).toEqual(
      quiet.map(() => ({
        status: 'SUCCEEDED',
        output: expect.objectContaining({ collection: expect.objectContaining({ outcome: 'ended' }) }),
      })),
    );
    expect(collector.cloud.reported).toEqual([]);
  });

  test('leaves one execution that polls, which inherits all options, if only the bucket knows the order.', async () => {
    const collector = await deploy();
    const { chain } = authority.issue({ domains: ['example.com'] });
    collector.cloud.ca.order(ORDER, [{ kind: 'issued', certificates: chain }, processing]);
    const ordered = { domains: ['example.com'], product: 'VMC', selector: 'brand' };
    await collector.sendOrder({ orderNumber: ORDER, ...ordered });
    await collector.execution();
    // Step Functions deletes an execution 90 days after its end.
    (collector.cloud.executions as Map<string, unknown>).delete(`order-${ORDER}`);
    const file = JSON.parse(String((await collector.objects())['order.json']));
    const updatedAt = new Date(Date.now() - 91 * 86_400_000).toISOString();
    await collector.cloud.s3.send(
      new PutObjectCommand({
        Bucket: collector.cloud.bucket,
        Key: `orders/${ORDER}/order.json`,
        Body: JSON.stringify({ ...file, orderedAt: updatedAt, updatedAt }),
      }),
    );

    await Promise.all(['14', '6', '9'].map((code) => push(collector, code)));
    await waitFor(collector, 4, [expect.stringMatching(/^order-1378973013-push-\d{8}$/)]);

    const [polling] = running(collector);
    expect(collector.cloud.executions.get(String(polling))?.input).toMatchObject({ orderNumber: ORDER, ...ordered });
  });
});
