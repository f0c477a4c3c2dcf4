import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { ENDING_ANSWERS, endAfter, failAtEach, rehearse } from '../../failures.ts';
import {
  type ArchiveBucket,
  CHAIN,
  FIRST,
  type Issue,
  issueCertificates,
  isWrite,
  SECOND,
  startArchiveBucket,
} from './archive-bucket.ts';

let older: Issue;
let newer: Issue;
let bucket: ArchiveBucket;

beforeAll(async () => {
  ({ older, newer } = await issueCertificates());
});

beforeEach(async () => {
  bucket = await startArchiveBucket();
});

afterEach(() => {
  vi.restoreAllMocks();
  return bucket.close();
});

/** The SDK waits a random part of its delay before it repeats a request. */
const repeatAtOnce = () => vi.spyOn(Math, 'random').mockReturnValue(0);

const OVER_OLDER = 'over an older certificate';

/** States of the folder before `newer` is stored. */
const scenes = [
  ['in an empty folder', async () => undefined],
  [OVER_OLDER, () => bucket.collect(older, { ...FIRST, execution: 'order-1' })],
  ['over a broken chain', () => bucket.collectBroken({ ...FIRST, execution: 'order-1' })],
  [
    'over a damaged set of itself',
    async () => {
      await bucket.collect(newer, FIRST);
      await bucket.remove(CHAIN);
    },
  ],
] as const;

/** Expects that the scene's certificate is kept. */
async function expectKept(scene: string) {
  if (scene === OVER_OLDER) {
    await bucket.expectSuperseded(older, { execution: 'order-1' });
  }
}

describe.each(scenes)('Failures while a certificate is stored %s', (scene, prepare) => {
  const rehearseCollect = () => rehearse(bucket.server, prepare, () => bucket.collect(newer, FIRST));

  test.each(ENDING_ANSWERS)(
    'After %i at any request, the call fails with that error, and a repetition completes the set.',
    async (status, code) => {
      await failAtEach(
        bucket.server,
        await rehearseCollect(),
        { status, code },
        () => bucket.collect(newer, FIRST),
        async (place) => {
          await bucket.manifest();
          expect(await bucket.collect(newer, FIRST), place).toMatchObject(FIRST);
          await bucket.expectStored(newer, FIRST);
          await expectKept(scene);
        },
      );
    },
  );

  test.each([
    ['the same execution, which is named in the manifest', FIRST],
    ['another execution, which is named if the manifest was not written yet', SECOND],
  ])('If the process ends between any two requests, the set is completed by %s.', async (_, repeating) => {
    const { requests, restore } = await rehearseCollect();
    for (let answered = 0; answered <= requests.length; answered++) {
      const place = `ended after ${answered} of ${requests.length} requests`;
      restore();
      const before = await bucket.manifest();
      endAfter(bucket.server, answered);
      const failed = await bucket.collect(newer, FIRST, 'interrupted').then(
        () => false,
        () => true,
      );
      expect(failed, place).toBe(answered < requests.length);
      const current = await bucket.manifest();
      const written = current?.fingerprintSha256 === newer.certificate.report.fingerprintSha256;
      expect(written || current?.fingerprintSha256 === before?.fingerprintSha256, place).toBe(true);
      const provenance = written ? FIRST : repeating;
      expect(await bucket.collect(newer, repeating), place).toMatchObject(provenance);
      await bucket.expectStored(newer, provenance);
      await expectKept(scene);
    }
  });

  test('If the answer to any write is lost, the repeated request changes nothing, and the result is the same.', async () => {
    repeatAtOnce();
    const { requests, restore } = await rehearseCollect();
    const writes = requests.filter(isWrite);
    for (const lost of writes.keys()) {
      const place = `lost the answer to the write of ${writes[lost]?.key}`;
      restore();
      let count = 0;
      bucket.server.after = (request) => {
        if (isWrite(request) && count++ === lost) {
          throw new Error('the answer is lost');
        }
      };
      const result = await bucket.receive(newer, FIRST, 'repeating', 2);
      expect(count, place).toBeGreaterThan(lost);
      expect(result, place).toMatchObject({ current: FIRST, isCurrent: true, changed: true });
      await bucket.expectStored(newer, FIRST);
      await expectKept(scene);
    }
  });
});

describe('Failures while an older certificate is kept beside the current one', () => {
  const KEPT = { ...SECOND, execution: 'order-1378973013-older' };
  const keep = (client: string, maxAttempts?: number) => bucket.receive(older, KEPT, client, maxAttempts);

  async function expectBoth() {
    await bucket.expectStored(newer, FIRST);
    await bucket.expectSuperseded(older, KEPT);
  }

  const rehearseKeep = () =>
    rehearse(
      bucket.server,
      () => bucket.collect(newer, FIRST),
      () => keep('rehearsal'),
    );

  test('If the process ends between any two requests, the current set stays, and a repetition keeps the older one.', async () => {
    const { requests, restore } = await rehearseKeep();
    for (let answered = 0; answered <= requests.length; answered++) {
      restore();
      endAfter(bucket.server, answered);
      const failed = await keep('interrupted').then(
        () => false,
        () => true,
      );
      expect(failed, `ended after ${answered} requests`).toBe(answered < requests.length);
      await bucket.expectStored(newer, FIRST);
      expect(await keep('repeating')).toMatchObject({ current: FIRST, received: KEPT, changed: false });
      await expectBoth();
    }
  });

  test('If the answer to any write is lost, the repeated request changes nothing.', async () => {
    repeatAtOnce();
    const { requests, restore } = await rehearseKeep();
    const writes = requests.filter(isWrite);
    for (const lost of writes.keys()) {
      restore();
      let count = 0;
      bucket.server.after = (request) => {
        if (isWrite(request) && count++ === lost) {
          throw new Error('the answer is lost');
        }
      };
      expect(await keep('repeating', 2)).toMatchObject({ current: FIRST, received: KEPT, isCurrent: false });
      await expectBoth();
    }
  });
});
