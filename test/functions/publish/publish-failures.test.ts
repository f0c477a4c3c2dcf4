import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ENDING_ANSWERS, endAfter, failAtEach, rehearse } from '../../failures.ts';
import { issueCertificates, NEWER, OLDER } from './certificates.ts';
import {
  type Issue,
  isWrite,
  JSON_KEY,
  options,
  PEM,
  type PublishedBucket,
  refusedResult,
  SVG,
  startBucket,
  takeDown,
} from './published-bucket.ts';

let older: Issue;
let newer: Issue;
let bucket: PublishedBucket;

beforeAll(async () => {
  ({ older, newer } = await issueCertificates());
});

beforeEach(async () => {
  bucket = await startBucket();
});

afterEach(() => bucket.close());

/** States of an address before `newer` is published, and the options of its order. */
const scenes = [
  ['at a new address', async () => undefined, options()],
  ['over an older certificate', () => bucket.publishOrder(OLDER, older), options()],
  [
    'over a damaged set of itself',
    async () => {
      await bucket.publishOrder(NEWER, newer);
      await bucket.remove(PEM);
      await bucket.overwrite(SVG, 'damage');
    },
    options(),
  ],
  [
    'over a damaged description',
    async () => {
      await bucket.publishOrder(OLDER, older);
      await bucket.overwrite(JSON_KEY, '{}');
    },
    options({ replace: true }),
  ],
  [
    'over a certificate that was taken down',
    async () => {
      await bucket.publishOrder(OLDER, older);
      await takeDown(bucket);
    },
    options(),
  ],
] as const;

describe.each(scenes)(
  'Failures while a certificate is published %s',
  { timeout: 120_000 },
  (_, scene, orderOptions) => {
    const publish = () => bucket.publish(NEWER, orderOptions);

    const rehearsePublish = () =>
      rehearse(
        bucket.server,
        async () => {
          await bucket.store(NEWER, newer);
          await scene();
        },
        publish,
      );

    test.each(ENDING_ANSWERS)(
      'After %i at any request, publish fails with that error, and a repetition completes the set.',
      async (status, code) => {
        await failAtEach(bucket.server, await rehearsePublish(), { status, code }, publish, async (place) => {
          expect((await publish()).notPublished, place).toEqual([]);
          await bucket.expectLive(newer, NEWER);
        });
      },
    );

    test('If the process ends between any two requests, a repetition completes the set.', async () => {
      const { requests, restore } = await rehearsePublish();
      const expected = await bucket.description();
      const writes = requests.filter(isWrite).length;
      expect(writes).toBeGreaterThan(0);
      for (let answered = 0; answered <= requests.length; answered++) {
        const place = `ended after ${answered} of ${requests.length} requests`;
        restore();
        endAfter(bucket.server, answered);
        const failed = await bucket.publish(NEWER, orderOptions, { client: 'interrupted' }).then(
          () => false,
          () => true,
        );
        expect(failed, place).toBe(answered < requests.length);
        const repeated = await bucket.writesOf(publish);
        const written = requests.slice(0, answered).filter(isWrite).length;
        expect(repeated.length, place).toBe(writes - written);
        expect(await bucket.expectLive(newer, NEWER), place).toEqual(expected);
      }
    });

    test('After a conflict at any write, the state is read again and the step is repeated.', async () => {
      const { requests, restore } = await rehearsePublish();
      const writes = requests.filter(isWrite).length;
      for (const conflict of [
        { status: 412, code: 'PreconditionFailed' },
        { status: 409, code: 'ConditionalRequestConflict' },
        { status: 404, code: 'NoSuchKey' },
      ]) {
        for (let nth = 0; nth < writes; nth++) {
          restore();
          let count = 0;
          bucket.server.before = (request) => (isWrite(request) && count++ === nth ? conflict : undefined);
          expect((await bucket.publish(NEWER, orderOptions)).notPublished).toEqual([]);
          expect(count).toBe(writes + 1);
          await bucket.expectLive(newer, NEWER);
        }
      }
    });
  },
);

describe('An interrupted run', () => {
  test('A refused run restores what an interrupted run wrote over the live pair.', async () => {
    await bucket.store(OLDER, older);
    await bucket.store(NEWER, newer);
    let writes = 0;
    // The older run ends after its chain. It read an empty address, and meanwhile the newer certificate was published.
    bucket.server.before = (request) => {
      if (request.client === 'interrupted' && isWrite(request) && ++writes === 3) {
        throw new Error('the process has ended');
      }
      return undefined;
    };
    await expect(bucket.publish(OLDER, options(), { client: 'interrupted' })).rejects.toThrow();
    const [logo, chain] = [(await bucket.read(SVG)).body, (await bucket.read(PEM)).body];
    bucket.server.before = () => undefined;
    await bucket.publish(NEWER);
    await bucket.overwrite(SVG, logo);
    await bucket.overwrite(PEM, chain);
    expect(await bucket.publish(OLDER)).toEqual(refusedResult('older', /2026-01-01/));
    await bucket.expectLive(newer, NEWER);
  });
});
