import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import type { SimulatedResponse } from '../../../infra/local/ca/collectmc-responses.ts';
import { openAuthority } from '../../authority.ts';
import { CREDENTIALS, deployCollector, ORDER } from './collector.ts';

const processing: SimulatedResponse = { kind: 'status', status: 0 };

let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await openAuthority();
});

function thenIssued(...responses: readonly SimulatedResponse[]): SimulatedResponse[] {
  return [...responses, { kind: 'issued', certificates: authority.issue({ domains: ['example.com'] }).chain }];
}

describe('A wrong login', () => {
  const wrong = JSON.stringify({ loginName: 'brand@example.com', loginPassword: 'last year' });

  test('reaches the CA once for all orders of a process, and every order continues after the login is corrected.', async () => {
    let corrected = false;
    const collector = await deployCollector({
      secret: wrong,
      async beforeCheck(check) {
        if (check === 5 && !corrected) {
          corrected = true;
          const client = new SecretsManagerClient({ endpoint: collector.cloud.secretsUrl });
          await client.send(
            new PutSecretValueCommand({
              SecretId: collector.cloud.secretId,
              SecretString: JSON.stringify(CREDENTIALS),
            }),
          );
          client.destroy();
        }
      },
    });
    const orders = ['11', '12', '13', '14', '15'];
    for (const order of orders) {
      collector.cloud.ca.order(order, [
        { kind: 'issued', certificates: authority.issue({ domains: ['example.com'] }).chain },
      ]);
    }

    await Promise.all(orders.map((orderNumber) => collector.sendOrder({ orderNumber })));
    const executions = await Promise.all(orders.map((order) => collector.execution(`order-${order}`)));

    expect(executions.map((execution) => execution?.status)).toEqual(orders.map(() => 'SUCCEEDED'));
    expect(collector.cloud.ca.calls.filter(({ credentialsCorrect }) => !credentialsCorrect)).toHaveLength(1);
  });

  test('is not tried again by a new process, because the state of the order contains the rejected version.', async () => {
    const collector = await deployCollector({
      secret: wrong,
      settings: { giveUpAfter: 'P1D' },
      beforeCheck: async (check) => {
        if (check > 1) {
          collector.cloud.restartFunctions();
        }
      },
    });
    collector.cloud.ca.order(ORDER, [processing]);

    await collector.sendOrder();
    const execution = await collector.execution();

    expect(execution?.error).toBe('CollectionOverdue');
    expect((await collector.collections()).length).toBeGreaterThan(3);
    expect(collector.cloud.ca.calls).toHaveLength(1);
  });
});

describe('An order is collected', () => {
  test('after the CA was down for a week.', async () => {
    const collector = await deployCollector();
    // 60 s doubled until the poll interval is reached, and then 7 days of 8 calls.
    collector.cloud.ca.order(
      ORDER,
      thenIssued(...Array.from({ length: 64 }, (): SimulatedResponse => ({ kind: 'http', status: 503 }))),
    );

    await collector.sendOrder();
    const execution = await collector.execution();

    expect(execution?.status).toBe('SUCCEEDED');
    expect(execution?.waitedSeconds).toBeGreaterThan(7 * 86_400);
    expect((await collector.collections()).filter(({ reason }) => reason === 'outage')).toHaveLength(64);
  });

  test('after the CA returned its call limit for a day and was asked every six hours.', async () => {
    const collector = await deployCollector();
    collector.cloud.ca.order(
      ORDER,
      thenIssued(...Array.from({ length: 4 }, (): SimulatedResponse => ({ kind: 'error', code: -42 }))),
    );

    await collector.sendOrder();
    const execution = await collector.execution();

    expect(execution).toMatchObject({ status: 'SUCCEEDED', waitedSeconds: 86_400 });
    expect(collector.cloud.ca.calls).toHaveLength(5);
  });
});

test('An order is overdue if the CA is down at the deadline, and the error contains the last problem.', async () => {
  const collector = await deployCollector({ settings: { giveUpAfter: 'P2D' } });
  collector.cloud.ca.order(ORDER, [processing, { kind: 'drop' }]);

  await collector.sendOrder();

  expect(await collector.execution()).toMatchObject({
    status: 'FAILED',
    error: 'CollectionOverdue',
    cause: expect.stringMatching(
      /no certificate after 2 days.*the last reply: the connection was closed before the end of the response \(ECONNRESET\)/,
    ),
  });
});

test('The CA gets the calls of thirty concurrent orders one after the other, and no order is lost.', async () => {
  const collector = await deployCollector();
  const orders = Array.from({ length: 30 }, (_, index) => String(1000 + index));
  const { chain } = authority.issue({ domains: ['example.com'] });
  for (const order of orders) {
    collector.cloud.ca.order(order, [processing, { kind: 'issued', certificates: chain }]);
  }

  await Promise.all(orders.map((orderNumber) => collector.sendOrder({ orderNumber })));
  const executions = await Promise.all(orders.map((order) => collector.execution(`order-${order}`)));

  expect(executions.map((execution) => execution?.status)).toEqual(orders.map(() => 'SUCCEEDED'));
  expect(collector.cloud.ca.peakConcurrency).toBe(1);
  expect(collector.cloud.ca.calls).toHaveLength(60);
  // Some invocations were throttled.
  const retried = executions.flatMap(
    (execution) => execution?.history.filter(({ type }) => type === 'StateRetried') ?? [],
  );
  expect(retried.length).toBeGreaterThan(0);
});
