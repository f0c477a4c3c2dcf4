import { S3Client } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import { afterAll, describe, expect, test } from 'vitest';
import { createCollect } from '../../functions/collect/collect.ts';
import type { HttpClient } from '../../functions/http.ts';
import { orderInStateSchema } from '../../functions/order.ts';
import { REFUSALS } from '../../functions/publish/refusals.ts';
import { openArchive } from '../../functions/store/archive.ts';
import { s3Storage } from '../../functions/store/s3-storage.ts';
import { createReports } from '../functions/collect/reports.ts';
import { fixedCredentials } from '../functions/collect/secret-manager.ts';
import { AT, BUCKET, COLLECTIONS, type CollectionSample, PUBLICATION_RESULTS, WAITING } from './samples.ts';

/** A reply of CollectMC with which an order keeps waiting for the same reason. */
const SAME_REASON: Readonly<Record<string, string>> = {
  processing: '0',
  available: '1',
  'call-limit': '-42\nlimit',
  outage: '-14\nfault',
  payment: '-22\nunpaid',
  permission: '-91\nno permission',
  credentials: '-16\nwrong login',
};

const s3 = new S3Client({ region: 'us-east-1', credentials: { accessKeyId: 'x', secretAccessKey: 'x' } });
afterAll(() => s3.destroy());

/** Makes the next check of a sample with today's code. `calls` counts the requests to the CA. */
async function checkNext(next: CollectionSample['next'], reply: string, secretVersion: string) {
  let calls = 0;
  const http: HttpClient = async () => {
    calls += 1;
    return { status: 200, headers: {}, read: async () => Buffer.from(reply), discard: () => {} };
  };
  const collect = createCollect({
    ...createReports().dependencies,
    url: 'https://ca.example/',
    format: 'pkcs7',
    credentials: fixedCredentials(() => ({ version: secretVersion, stages: [], loginName: 'a', loginPassword: 'b' })),
    http,
    pollSeconds: 10_800,
    giveUpSeconds: 7_776_000,
    bucket: BUCKET,
    trustAnchors: [],
    ctLogs: [],
    publishedUrl: undefined,
    archive: async (orderNumber) => openArchive(s3Storage(s3, BUCKET), orderNumber),
    observe: () => {},
    now: () => new Date(AT),
    random: () => 0,
  });
  const result = await collect(next, () => 60_000).catch((error: Error) => error);
  return { calls, result };
}

describe('a `$.collection` of release 0.1.0', () => {
  test.each(COLLECTIONS)(
    'The order beside the collection %s is still accepted.',
    (_, { collection, next, publish }) => {
      const payload = next ?? publish;
      if (payload) {
        const { collection: carried, ...order } = payload.order;
        expect(carried).toEqual(collection);
        expect(v.parse(orderInStateSchema, payload.order)).toEqual(order);
      }
      expect(next === null).toBe(collection.outcome === 'issued');
    },
  );

  test.each(WAITING)(
    'The check after $name counts on when the order keeps waiting for the same reason.',
    async ({ name, collection, next }) => {
      const reply = name.startsWith('unknown') ? '-78\nunknown' : (SAME_REASON[collection.reason ?? ''] ?? '');
      const { result } = await checkNext(next, reply, collection.rejectedCredentialsVersion ?? 'new');
      if (name === 'unknown-7') {
        // The eighth unknown status in a row ends the order.
        expect(result).toMatchObject({ name: 'UnknownRefusal' });
        return;
      }
      expect(result).toMatchObject({
        outcome: 'waiting',
        reason: collection.reason,
        checks: collection.checks + 1,
        consecutive: (collection.inARow ?? 0) + 1,
      });
    },
  );

  test.each(WAITING)(
    'The check after $name starts to count again when the reason changes.',
    async ({ collection, next }) => {
      const reason = collection.reason === 'processing' ? 'payment' : 'processing';
      const { result } = await checkNext(next, SAME_REASON[reason] ?? '', 'new');
      expect(result).toMatchObject({ reason, checks: collection.checks + 1, consecutive: 1 });
    },
  );

  test.each(WAITING.filter(({ collection }) => collection.rejectedCredentialsVersion !== undefined))(
    'The check after $name does not send the rejected login again.',
    async ({ collection, next }) => {
      const { rejectedCredentialsVersion = '' } = collection;
      const { calls, result } = await checkNext(next, '0', rejectedCredentialsVersion);
      expect(calls).toBe(0);
      expect(result).toMatchObject({ reason: 'credentials', rejectedCredentialsVersion });
      expect(result).not.toHaveProperty('status');
      const renewed = await checkNext(next, '0', 'another version');
      expect(renewed.calls).toBe(1);
      expect(renewed.result).toMatchObject({ reason: 'processing' });
    },
  );

  test.each([
    ['processing', 10_800],
    ['available', 10_800],
    ['outage', 1_920],
  ])('The waiting time after several checks with reason %s goes on from the stored count.', async (reason, seconds) => {
    const name = { processing: 'processing-480', available: 'available-4', outage: 'outage-5' }[reason];
    const sample = WAITING.find((each) => each.name === name);
    const { result } = await checkNext(sample?.next ?? null, SAME_REASON[reason] ?? '', 'new');
    expect(result).toMatchObject({ waitSeconds: seconds });
  });
});

describe('a `$.publication` of release 0.1.0', () => {
  test.each(PUBLICATION_RESULTS)('The order beside the publication %s is still accepted.', (_, sample) => {
    const { order, publication } = sample;
    expect(v.parse(orderInStateSchema, { ...order, publication })).toEqual(order);
  });

  test('Every reason not to publish still exists. `ended` has another name, and `not-yet-valid` is new.', () => {
    const released = PUBLICATION_RESULTS.flatMap(([, { publication }]) =>
      publication.notPublished.map(({ reason }) => String(reason)),
    );
    const today = Object.keys(REFUSALS).map((reason) => (reason === 'expired' ? 'ended' : reason));
    expect([...new Set([...released, 'not-yet-valid'])].toSorted()).toEqual(today.toSorted());
  });
});
