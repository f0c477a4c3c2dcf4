import { SFNClient } from '@aws-sdk/client-sfn';
import { describe, expect, onTestFinished, test } from 'vitest';
import { start } from '../../../functions/start/start.ts';
import { startStateMachine } from '../../../infra/local/cloud/executions.ts';

const ARN = 'arn:aws:states:us-east-1:000000000000:stateMachine:Collector';

/** Step Functions with a machine of one task that the test ends. */
async function prepare(now = '2026-11-23T10:00:00Z') {
  let ending = Promise.withResolvers<{ readonly withCertificate: boolean }>();
  const machine = await startStateMachine({
    arn: ARN,
    definition: { StartAt: 'Collect', States: { Collect: { Type: 'Task', Resource: 'arn:aws:lambda:x', End: true } } },
    task: async () => {
      const { withCertificate } = await ending.promise;
      if (!withCertificate) {
        throw new Error('ended without a certificate');
      }
      return {};
    },
    waitMilliseconds: () => 0,
  });
  const sfn = new SFNClient({
    endpoint: machine.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  onTestFinished(async () => {
    ending.resolve({ withCertificate: true });
    sfn.destroy();
    await machine.close();
  });
  return {
    executions: machine.executions,
    event: (detail: unknown) => start(detail, { stateMachineArn: ARN, sfn, now: () => new Date(now) }),
    /** Ends the running executions. */
    async end(how: { readonly withCertificate: boolean }) {
      ending.resolve(how);
      ending = Promise.withResolvers();
      await Promise.all([...machine.executions.values()].map(({ ended }) => ended));
    },
  };
}

describe('An event that announces an order', () => {
  test('starts one execution with the order as its input.', async () => {
    const { executions, event } = await prepare();

    const started = await event({ orderNumber: 1378973013, domains: ['Example.com'], product: 'VMC' });

    expect(started).toEqual({ orderNumber: '1378973013', execution: 'order-1378973013', started: true });
    expect([...executions.values()].map(({ name, input }) => ({ name, input }))).toEqual([
      { name: 'order-1378973013', input: { orderNumber: '1378973013', domains: ['example.com'], product: 'VMC' } },
    ]);
  });

  test('starts one execution if it arrives ten times at once.', async () => {
    const { executions, event } = await prepare();

    await Promise.all(Array.from({ length: 10 }, () => event({ orderNumber: '1' })));

    expect([...executions.keys()]).toEqual(['order-1']);
  });

  test('starts nothing for an order that is being collected with other options.', async () => {
    const { executions, event } = await prepare();
    await event({ orderNumber: '1' });

    expect(await event({ orderNumber: '1', product: 'CMC' })).toMatchObject({ execution: 'order-1', started: false });
    expect([...executions.keys()]).toEqual(['order-1']);
  });

  test('starts nothing for an order that has its certificate.', async () => {
    const { executions, event, end } = await prepare();
    await event({ orderNumber: '1' });
    await end({ withCertificate: true });

    expect(await event({ orderNumber: '1' })).toMatchObject({ execution: 'order-1', started: false });
    expect([...executions.keys()]).toEqual(['order-1']);
  });

  test('starts another execution after each one that ended without a certificate.', async () => {
    const { executions, event, end } = await prepare();
    await event({ orderNumber: '1' });
    await end({ withCertificate: false });

    expect(await event({ orderNumber: '1' })).toMatchObject({ execution: 'order-1-20261123', started: true });
    await end({ withCertificate: false });
    expect(await event({ orderNumber: '1' })).toMatchObject({ execution: 'order-1-20261123-2', started: true });
    await end({ withCertificate: true });
    expect(await event({ orderNumber: '1' })).toMatchObject({ execution: 'order-1-20261123-2', started: false });
    expect([...executions.keys()]).toEqual(['order-1', 'order-1-20261123', 'order-1-20261123-2']);
  });

  test('with a request collects the same order again.', async () => {
    const { executions, event, end } = await prepare();
    await event({ orderNumber: '1' });
    await end({ withCertificate: true });

    expect(await event({ orderNumber: '1', request: 'again' })).toMatchObject({
      execution: 'order-1-again',
      started: true,
    });
    expect([...executions.keys()]).toEqual(['order-1', 'order-1-again']);
  });

  test('starts no more than ten executions with the date of one day.', async () => {
    const { executions, event, end } = await prepare();
    for (let attempt = 0; attempt < 11; attempt++) {
      await event({ orderNumber: '1' });
      await end({ withCertificate: false });
    }

    await expect(event({ orderNumber: '1' })).rejects.toThrow('10 executions ended without a certificate today');
    expect(executions.size).toBe(11);
  });

  test('with wrong fields starts nothing and reports all of them.', async () => {
    const { executions, event } = await prepare();

    await expect(event({ orderNumber: '-1', colour: 'red' })).rejects.toThrow(
      expect.objectContaining({ name: 'InvalidInput', message: expect.stringMatching(/orderNumber: "-1".*colour/) }),
    );
    expect(executions.size).toBe(0);
  });
});
