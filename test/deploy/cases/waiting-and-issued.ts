import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { RESPONSE_FORMATS, type ResponseFormat } from '../../../functions/collectmc/request.ts';
import type { SimulatedResponse } from '../../../infra/local/ca/collectmc-responses.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { LOGIN } from '../cloud.ts';
import {
  answersTo,
  CHANGED_LOGIN,
  callsOf,
  certificate,
  collect,
  collector,
  error,
  functionArn,
  issued,
  manifestOf,
  outcomeOf,
  PROCESSING,
  severalChecks,
  sha256,
  testOrder,
  until,
  WRONG_LOGIN,
} from '../suite.ts';

const run = promisify(execFile);

export function describeLogin(): void {
  describe('the login of the CA', () => {
    testOrder(
      'An order waits with the placeholder and with a wrong login, until the right login is stored.',
      async (order) => {
        collector.ca.order(order, [issued(certificate())]);
        await collector.announce({ orderNumber: order });
        await until(async () => (await collector.executions(`order-${order}`, 'RUNNING')).length === 1);
        await severalChecks();
        expect(callsOf(order)).toEqual([]);
        await collector.putCredentials(WRONG_LOGIN);
        await until(() => callsOf(order).length > 0);
        await severalChecks();
        expect(answersTo(order)).toEqual(['error -16']);
        await collector.putCredentials(LOGIN);
        const ended = await collector.ended(`order-${order}`);
        expect(answersTo(order)).toEqual(['error -16', 'issued pkcs7-binary']);
        return outcomeOf(ended);
      },
    );
  });
}

export function describeIssuedOrders(): void {
  describe('an issued order', () => {
    // The default format comes last, so that it applies to the cases after these.
    for (const format of (Object.keys(RESPONSE_FORMATS) as ResponseFormat[]).toReversed()) {
      testOrder(
        `The response in the format ${format} is stored byte for byte, with a chain that OpenSSL verifies.`,
        async (order) => {
          await setFormat(format);
          const { chain, root, svg } = certificate();
          const ended = await collect(order, [{ kind: 'issued', certificates: chain }]);
          expect(callsOf(order)).toHaveLength(1);
          const objects = await collector.objects(order);
          const { objects: listed } = await manifestOf(order);
          const body = Object.entries(objects).find(([name]) => name.startsWith('response.'))?.[1];
          expect(sha256(body ?? Buffer.of())).toBe(callsOf(order).at(-1)?.sha256);
          expect(objects['logo.svg']?.equals(svg)).toBe(true);
          expect(objects['chain.pem']?.toString()).toBe(pem(chain));
          for (const { key, size, sha256: digest } of Object.values(listed)) {
            const object = objects[key.slice(`orders/${order}/`.length)] ?? Buffer.alloc(0);
            expect([object.length, sha256(object)]).toEqual([size, digest]);
          }
          expect(await verify(root, objects['chain.pem'])).toBe(true);
          return outcomeOf(ended);
        },
      );
    }
  });
}

/** Changes the format for which Collect asks, as a deployment with the setting does. A deployment takes much longer. */
async function setFormat(format: ResponseFormat): Promise<void> {
  const name = await functionArn('CollectFunction');
  const { Environment } = (await collector.aws(
    ...['lambda', 'get-function-configuration', '--function-name', name],
  )) as { readonly Environment: { readonly Variables: Readonly<Record<string, string>> } };
  expect(Environment.Variables).toHaveProperty('RESPONSE_FORMAT');
  const Variables = { ...Environment.Variables, RESPONSE_FORMAT: format };
  await collector.aws(
    ...['lambda', 'update-function-configuration', '--function-name', name],
    ...['--environment', JSON.stringify({ Variables })],
  );
}

/** Whether OpenSSL, which shares no code with this project, verifies a chain up to a root. */
async function verify(root: Uint8Array, chain: Uint8Array | undefined): Promise<boolean> {
  const directory = await mkdtemp(join(tmpdir(), 'mark-certificate-collector-'));
  try {
    const [rootFile, chainFile] = [join(directory, 'root.pem'), join(directory, 'chain.pem')];
    await writeFile(rootFile, pem([root]));
    await writeFile(chainFile, chain ?? '');
    const { stdout } = await run('openssl', ['verify', '-CAfile', rootFile, '-untrusted', chainFile, chainFile]);
    return stdout.trim() === `${chainFile}: OK`;
  } finally {
    await rm(directory, { recursive: true });
  }
}

export function describeWaitingOrders(): void {
  describe('a waiting order', () => {
    testOrder('An order that is being processed twice is collected at the third check.', async (order) => {
      const ended = await collect(order, [PROCESSING, PROCESSING, issued(certificate())]);
      expect(answersTo(order)).toEqual(['status 0', 'status 0', 'issued pkcs7-binary']);
      return outcomeOf(ended);
    });

    testOrder(
      'An order whose certificate is available but not attached is collected at the next check.',
      async (order) => {
        const ended = await collect(order, [{ kind: 'status', status: 1 }, issued(certificate())]);
        expect(callsOf(order)).toHaveLength(2);
        return outcomeOf(ended);
      },
    );

    testOrder('Two equal events at the same time start one execution.', async (order) => {
      collector.ca.order(order, [PROCESSING, issued(certificate())]);
      await collector.announce({ orderNumber: order }, { orderNumber: order });
      const ended = await collector.ended(`order-${order}`);
      expect(await collector.executions(`order-${order}`)).toEqual([`order-${order}`]);
      expect(callsOf(order)).toHaveLength(2);
      return outcomeOf(ended);
    });

    for (const [title, response, times] of [
      ['An order is collected after the call limit (-42).', error(-42), 1],
      ['An order is collected after HTTP status 503 three times.', { kind: 'http', status: 503 }, 3],
      ['An order is collected after a maintenance page.', { kind: 'html' }, 1],
      ['An order is collected after two dropped connections.', { kind: 'drop' }, 2],
      ['An order is collected after an empty body.', { kind: 'empty' }, 1],
      ['An order is collected after the payment (-22).', error(-22), 1],
    ] as const) {
      testOrder(title, async (order) => {
        const script = [...Array<SimulatedResponse>(times).fill(response), issued(certificate())];
        const ended = await collect(order, script);
        expect(callsOf(order)).toHaveLength(times + 1);
        return outcomeOf(ended);
      });
    }

    testOrder(
      'A password that was changed at the CA is sent once, until the secret has the new one.',
      async (order) => {
        collector.ca.order(order, [issued(certificate())]);
        collector.ca.setCredentials(CHANGED_LOGIN);
        await collector.announce({ orderNumber: order });
        await until(() => callsOf(order).length > 0);
        await severalChecks();
        expect(answersTo(order)).toEqual(['error -16']);
        await collector.putCredentials(CHANGED_LOGIN);
        const ended = await collector.ended(`order-${order}`);
        expect(answersTo(order)).toEqual(['error -16', 'issued pkcs7-binary']);
        return outcomeOf(ended);
      },
    );

    testOrder('An order keeps waiting while the stack is deployed with other settings.', async (order) => {
      collector.ca.order(order, [PROCESSING]);
      await collector.announce({ orderNumber: order });
      await until(() => callsOf(order).length > 0);
      await collector.redeploy({ remindBefore: 'P40D', pollEvery: 'PT11S' });
      expect(await collector.executions(`order-${order}`, 'RUNNING')).toHaveLength(1);
      collector.ca.order(order, [issued(certificate())]);
      return outcomeOf(await collector.ended(`order-${order}`));
    });
  });
}
