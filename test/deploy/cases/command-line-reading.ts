import { DeleteObjectsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { inBatches } from '../../../functions/batches.ts';
import { manifestKey } from '../../../functions/store/manifest.ts';
import { statusKey } from '../../../functions/store/status.ts';
import { manifestOf, statusOf } from '../../functions/survey/samples.ts';
import { type } from '../command-line.ts';
import { cloud, other, table } from '../suite.ts';

/** Orders whose statuses are stored directly. Every second one has a certificate. */
const MANY = Array.from({ length: 1000 }, (_, index) => String(7_000_000_001 + index));

/** The most seconds in which the commands answer for all of them, from the start of the process. */
const ANSWER_SECONDS = 10;

export function describeCommandLineReading(): void {
  describe('the commands that read a collector', () => {
    test('Another collector has other orders, and an unknown one is an error with the names.', async () => {
      const { out, exitCode } = await type(['orders', '--collector', 'other', '--json']);
      expect(exitCode).toBe(0);
      expect(JSON.parse(out)).toEqual([]);
      const unknown = await type(['orders', '--collector', 'unknown']);
      expect(unknown.exitCode).toBe(2);
      expect(unknown.err).toContain('Next: Add --collector and one of the names: mark-certificate-collector, other.');
    });

    test(`They answer for ${MANY.length} orders within ${ANSWER_SECONDS} seconds.`, async () => {
      const Bucket = other.outputs.BucketName;
      const put = (Key: string, content: object) =>
        cloud.clients.s3.send(new PutObjectCommand({ Bucket, Key, Body: JSON.stringify(content) }));
      const now = new Date().toISOString();
      const stored: string[] = [];
      for (const batch of inBatches(MANY, 20)) {
        await Promise.all(
          batch.map(async (order, index) => {
            const state = index % 2 === 0 ? 'issued' : 'failed';
            stored.push(statusKey(order));
            await put(
              statusKey(order),
              statusOf(order, { collector: 'other', state, reason: undefined, since: now, updatedAt: now }),
            );
            if (state === 'issued') {
              stored.push(manifestKey(order));
              await put(manifestKey(order), manifestOf(order));
            }
          }),
        );
      }
      const orders = await timed('orders', '--collector', 'other', '--json');
      const ending = await timed('orders', '--ending', '3', '--collector', 'other', '--json');
      const status = await timed('status', MANY[0] ?? '', '--collector', 'other', '--json');
      for (const keys of inBatches(stored, 1000)) {
        const Objects = keys.map((Key) => ({ Key }));
        await cloud.clients.s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
      }
      const seconds = [orders, ending, status].map(({ seconds: each }) => each.toFixed(1));
      table.note(`For ${MANY.length} orders, orders, orders --ending and status answer in ${seconds.join(', ')} s`);
      expect(orders.exitCode).toBe(0);
      expect(JSON.parse(orders.out)).toHaveLength(MANY.length);
      expect(ending.exitCode).toBe(0);
      expect(JSON.parse(status.out)).toMatchObject({ state: 'issued' });
      for (const each of [orders, ending, status]) {
        expect(each.seconds).toBeLessThan(ANSWER_SECONDS);
      }
    });
  });
}

/** Runs a command, and again if it is slow: other processes may use the machine meanwhile. */
async function timed(...args: string[]) {
  const first = await timedOnce(args);
  return first.seconds < ANSWER_SECONDS ? first : timedOnce(args);
}

async function timedOnce(args: readonly string[]) {
  const began = performance.now();
  const typed = await type(args);
  return { ...typed, seconds: (performance.now() - began) / 1000 };
}
