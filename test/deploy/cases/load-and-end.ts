import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { pem } from '../../../infra/local/ca/containers.ts';
import { LOGIN } from '../cloud.ts';
import { expectWithoutPasswords } from '../passwords.ts';
import {
  ACCOUNT_LOGIN,
  alarms,
  bus,
  CHANGED_LOGIN,
  callsOf,
  certificate,
  collect,
  collector,
  issued,
  loggedLines,
  PROCESSING,
  pushLogin,
  table,
  testOrder,
  WRONG_LOGIN,
} from '../suite.ts';

/** Orders that come at once. The CA processes each for two checks. */
const LOAD = Array.from({ length: 50 }, (_, index) => String(5_000_000_001 + index));

export function describeLoadAndEnd(): void {
  describe('fifty orders at once', () => {
    const title = 'All of 50 orders are collected, with one call to the CA at a time.';
    test(title, async () => {
      const { ca } = collector;
      const callsBefore = ca.calls.length;
      const certificates = new Map(
        LOAD.map((order) => [order, certificate({ domains: [`order-${order}.example.com`] })]),
      );
      for (const [order, one] of certificates) {
        ca.order(order, [PROCESSING, PROCESSING, issued(one)]);
      }
      await table.row(
        title,
        async () => {
          await collector.announce(...LOAD.map((orderNumber) => ({ orderNumber })));
          // One listing a second, because polling each execution would keep the emulator busy.
          const count = async (status?: 'RUNNING') => (await collector.executions('order-5', status)).length;
          while ((await count()) < LOAD.length || (await count('RUNNING')) > 0) {
            await wait(1_000);
          }
          const all = await Promise.all(LOAD.map((order) => collector.ended(`order-${order}`)));
          return `${all.filter(({ status }) => status === 'SUCCEEDED').length} SUCCEEDED`;
        },
        () => ca.calls.length - callsBefore,
      );
      for (const [order, { chain }] of certificates) {
        expect((await collector.objects(order))['chain.pem']?.toString()).toBe(pem(chain));
        expect(callsOf(order)).toHaveLength(3);
      }
      expect(await collector.executions('order-5')).toHaveLength(LOAD.length);
      expect(ca.peakConcurrency).toBe(1);
      const peak = Math.max(
        ...(await loggedLines(`${collector.stackName}/`)).flatMap((line) =>
          Number(/Max Memory Used: (\d+) MB/.exec(line)?.[1] ?? 0),
        ),
      );
      expect(peak).toBeGreaterThan(0);
      table.note(
        `Load: at most ${ca.peakConcurrency} call to the CA at a time; peak memory of a Lambda process ${peak} MB of 512 MB`,
      );
    }, 600_000);
  });

  describe('the end of the suite', () => {
    test('No log, environment, event or execution contains a password.', async () => {
      const { aws } = collector;
      const [, pushPassword = ''] = (await pushLogin()).split(/:(.*)/s);
      const histories = (await collector.executions('order-4')).map((name) => collector.history(name));
      const recorded = [
        await loggedLines(),
        await aws('lambda', 'list-functions'),
        bus.messages,
        alarms.messages,
        await Promise.all(histories),
      ];
      expect(JSON.stringify(recorded)).toContain('SUCCEEDED');
      const passwords = [LOGIN, WRONG_LOGIN, CHANGED_LOGIN, ACCOUNT_LOGIN].map(({ loginPassword }) => loginPassword);
      expectWithoutPasswords(recorded, [...passwords, pushPassword]);
    });

    testOrder('Deleting the stack keeps the bucket and everything that was collected.', async (order) => {
      const one = certificate();
      await collect(order, [issued(one)]);
      await expect(collector.down()).rejects.toThrow('--remove publish');
      await collector.down('publish');
      const objects = await collector.objects(order);
      expect(Object.keys(objects).toSorted()).toEqual([
        'certificate.json',
        'chain.pem',
        'logo.svg',
        'order.json',
        'report.html',
        'response.p7b',
        'status.json',
      ]);
      expect(objects['chain.pem']?.toString()).toBe(pem(one.chain));
      const { StackSummaries } = (await collector.aws(
        ...['cloudformation', 'list-stacks', '--stack-status-filter', 'DELETE_COMPLETE'],
      )) as { readonly StackSummaries: readonly { readonly StackName: string }[] };
      expect(StackSummaries.map(({ StackName }) => StackName)).toContain('MarkCertificateCollector');
      return 'bucket and objects kept';
    });
  });
}
