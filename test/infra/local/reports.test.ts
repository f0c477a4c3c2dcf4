import { beforeAll, describe, expect, test } from 'vitest';
import { FAILED, REVOKED, WAITING } from '../../../functions/events.ts';
import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import type { SimulatedResponse } from '../../../infra/local/ca/collectmc-responses.ts';
import { openAuthority } from '../../authority.ts';
import { deployCollector, type LocalCollector, ORDER } from './collector.ts';

const processing: SimulatedResponse = { kind: 'status', status: 0 };
const error = (code: number): SimulatedResponse => ({ kind: 'error', code });

let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await openAuthority();
});

const issued = (): SimulatedResponse => ({
  kind: 'issued',
  certificates: authority.issue({ domains: ['example.com'] }).chain,
});

async function statusOf(collector: LocalCollector) {
  return JSON.parse(String((await collector.objects())['status.json']));
}

describe('The stack', () => {
  test('reports an outage once, after six hours, and collects the certificate afterwards.', async () => {
    const collector = await deployCollector();
    const down: SimulatedResponse = { kind: 'http', status: 503 };
    collector.cloud.ca.order(ORDER, [...Array.from({ length: 20 }, () => down), issued()]);

    await collector.sendOrder({ orderNumber: ORDER, domains: ['example.com'] });
    await collector.execution();

    expect(collector.cloud.reported).toMatchObject([
      { source: 'mark-certificate-collector', 'detail-type': WAITING, detail: { reason: 'outage' } },
    ]);
    const reported = (await collector.collections()).map((collection) => collection.reported?.includes('outage'));
    // 1, 2, 4 … 128 minutes are 4 h 15 min, and one more interval passes the six hours.
    expect(reported.indexOf(true)).toBe(9);
    expect(await statusOf(collector)).toMatchObject({ state: 'issued', domains: ['example.com'] });
  });

  test('reports an order at three quarters of its deadline, and that it is overdue.', async () => {
    const collector = await deployCollector({ settings: { giveUpAfter: 'P4D' } });
    collector.cloud.ca.order(ORDER, [processing]);

    await collector.sendOrder();
    await collector.execution();

    expect(collector.cloud.reported).toMatchObject([
      {
        'detail-type': WAITING,
        detail: { reason: 'deadline', text: expect.stringMatching(/^no certificate after 3 days/) },
      },
      { 'detail-type': FAILED, detail: { error: 'CollectionOverdue' } },
    ]);
    expect(await statusOf(collector)).toMatchObject({ state: 'failed', error: 'CollectionOverdue' });
  });

  test('reports a revocation before the failure.', async () => {
    const collector = await deployCollector();
    collector.cloud.ca.order(ORDER, [error(-21)]);

    await collector.sendOrder();
    await collector.execution();

    expect(collector.cloud.reported).toMatchObject([
      { 'detail-type': REVOKED, detail: { confirmed: true, source: 'collect-mc', execution: `order-${ORDER}` } },
      { 'detail-type': FAILED, detail: { error: 'CertificateRevoked' } },
    ]);
  });

  test('has the status "failed" after a failure, and "issued" after the redriven execution found the certificate.', async () => {
    const collector = await deployCollector();
    collector.cloud.ca.order(ORDER, [processing, error(-4), processing, issued()]);
    await collector.sendOrder();
    expect(await collector.execution()).toMatchObject({ status: 'FAILED', error: 'InvalidRequest' });
    expect(await statusOf(collector)).toMatchObject({ state: 'failed', error: 'InvalidRequest' });

    await collector.cloud.redrive(`order-${ORDER}`);

    expect(await collector.execution()).toMatchObject({ status: 'SUCCEEDED' });
    expect(await statusOf(collector)).toMatchObject({ state: 'issued', execution: `order-${ORDER}` });
  });

  test('gives the cause of a failed execution without a stack, and the log with it.', async () => {
    const collector = await deployCollector();
    collector.cloud.ca.order(ORDER, [error(-20)]);

    await collector.sendOrder();
    const execution = await collector.execution();

    expect(execution?.cause).not.toContain('collect.ts');
    expect(collector.output.lines()).toContainEqual(
      expect.objectContaining({
        message: 'the invocation failed',
        error: expect.objectContaining({ name: 'OrderRejected', stack: expect.stringContaining('collect.ts') }),
      }),
    );
  });
});
