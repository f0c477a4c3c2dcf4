import { beforeAll, describe, expect, test } from 'vitest';
import {
  type CertificateAuthority,
  createCertificateAuthority,
} from '../../../infra/local/ca/certificate-authority.ts';
import type { SimulatedResponse } from '../../../infra/local/ca/collectmc-responses.ts';
import { LOCAL_PUSH_LOGIN } from '../../../infra/local/cloud/local-cloud.ts';
import { basic } from '../../functions/push/request.ts';
import { deployCollector, type LocalCollector, ORDER } from './collector.ts';

const processing: SimulatedResponse = { kind: 'status', status: 0 };

let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await createCertificateAuthority();
});

describe('A push of the CA', () => {
  const orderEvent = { orderNumber: ORDER, domains: ['example.com'], product: 'VMC' };
  const push = ({ cloud }: LocalCollector, login = LOCAL_PUSH_LOGIN) =>
    fetch(`${cloud.pushUrl}?orderNumber=${ORDER}&statusCode=6`, { headers: { authorization: basic(login) } });
  const pushName = ({ cloud }: LocalCollector) =>
    [...cloud.executions.keys()].find((name) => name.includes('-push-6-')) ?? '';

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
      input: orderEvent,
      output: { collection: { certificate: { changed: true } } },
    });
    expect(execution).toMatchObject({
      status: 'SUCCEEDED',
      output: { collection: { certificate: { changed: false } } },
    });
    expect(collector.cloud.announced).toHaveLength(1);
  });

  test('that arrives twice starts one execution, and its password appears nowhere.', async () => {
    const collector = await prepare();

    await push(collector);
    await push(collector);
    const execution = await collector.execution(pushName(collector));

    expect([...collector.cloud.executions.keys()]).toHaveLength(1);
    const everything = [
      collector.output.text(),
      JSON.stringify([execution, collector.cloud.announced, process.env]),
    ].join();
    expect(everything).toContain(ORDER);
    const { username, password } = LOCAL_PUSH_LOGIN;
    for (const spelling of [password, encodeURIComponent(password), btoa(`${username}:${password}`), btoa(password)]) {
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
    expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
    expect(collector.cloud.executions.size).toBe(0);
  });
});
