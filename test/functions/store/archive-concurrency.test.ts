import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { chooseBy, interleave } from '../../interleave.ts';
import type { InjectedError } from '../../s3-server.ts';
import {
  type ArchiveBucket,
  assessed,
  BROKEN,
  CHAIN,
  FIRST,
  FOLDER,
  type Issue,
  inPem,
  issueCertificates,
  isWrite,
  LOGO,
  MANIFEST,
  RESPONSE,
  SECOND,
  startArchiveBucket,
  supersededKeys,
  supersededOf,
} from './archive-bucket.ts';

let older: Issue;
let newer: Issue;
let twin: Issue;
let bucket: ArchiveBucket;

beforeAll(async () => {
  ({ older, newer, twin } = await issueCertificates());
});

beforeEach(async () => {
  bucket = await startArchiveBucket();
});

afterEach(() => bucket.close());

const choices = fc.array(fc.nat(5), { minLength: 10, maxLength: 60 });

describe('Two executions of one order at the same time', { timeout: 120_000 }, () => {
  /** For each request of one writer: runs it up to this request, then the other writer to its end, then the rest. */
  async function interruptEverywhere<Name extends string>(
    name: Name,
    writers: Readonly<Record<Name, () => Promise<unknown>>>,
    verify: () => Promise<void>,
  ) {
    const { length } = await bucket.requestsOf(writers[name]);
    for (let n = 0; n <= length; n++) {
      bucket.clear();
      let turn = 0;
      const results = await interleave<unknown>(bucket.server, writers, (waiting) =>
        turn++ < n ? name : (waiting.find((other) => other !== name) ?? name),
      );
      const statuses = results.map(({ status }) => status);
      expect(statuses, `interrupted at request ${n}`).toEqual(['fulfilled', 'fulfilled']);
      await verify();
    }
  }

  const olderAndNewer = {
    older: () => bucket.collect(older, FIRST, 'older'),
    newer: () => bucket.collect(newer, SECOND, 'newer'),
  };
  const interrupted = ['older', 'newer'] as const;

  test.each(interrupted)(
    'The newer certificate is current in the end and the older one is kept, wherever the %s writer is interrupted.',
    async (name) => {
      await interruptEverywhere(name, olderAndNewer, async () => {
        await bucket.expectStored(newer, SECOND);
        await bucket.expectSuperseded(older, FIRST);
      });
    },
  );

  test.each(['broken', 'newer'] as const)(
    'The valid set is stored in the end, wherever the %s writer is interrupted.',
    async (name) => {
      const writers = {
        broken: () => bucket.collectBroken(FIRST, 'broken'),
        newer: () => bucket.collect(newer, SECOND, 'newer'),
      };
      await interruptEverywhere(name, writers, async () => {
        await bucket.expectStored(newer, SECOND);
        const { response } = await bucket.readJson(`${FOLDER}rejected.json`);
        expect((await bucket.read(response.key, response.versionId)).body).toEqual(BROKEN.body);
      });
    },
  );

  test('A slower writer restores what it wrote over the objects of a newer certificate.', async () => {
    // Left by a check that was interrupted: without it, a conflict would stop the slower writer before it overwrites.
    await bucket.overwrite(CHAIN, 'left');
    let replaced = false;
    bucket.server.before = async ({ client, method, key }) => {
      if (client === 'older' && method === 'HEAD' && key === CHAIN && !replaced) {
        replaced = true;
        await bucket.collect(newer, SECOND, 'newer');
      }
      return undefined;
    };
    expect(await bucket.collect(older, FIRST, 'older')).toMatchObject(SECOND);
    const writes = bucket.server.requests.filter((request) => isWrite(request) && request.client === 'older');
    const refused = [CHAIN];
    const attempt = [RESPONSE, ...refused, CHAIN, LOGO, MANIFEST];
    expect(writes.map(({ key }) => key)).toEqual([...attempt, ...supersededKeys(older), CHAIN, LOGO]);
    await bucket.expectStored(newer, SECOND);
  });

  test('A slower writer whose folder is no longer empty overwrites nothing.', async () => {
    let replaced = false;
    bucket.server.before = async ({ client, method, key }) => {
      if (client === 'older' && method === 'PUT' && key === CHAIN && !replaced) {
        replaced = true;
        await bucket.collect(newer, SECOND, 'newer');
      }
      return undefined;
    };
    expect(await bucket.collect(older, FIRST, 'older')).toMatchObject(SECOND);
    const writes = bucket.server.requests.filter((request) => isWrite(request) && request.client === 'older');
    expect(writes.map(({ key }) => key)).toEqual([RESPONSE, CHAIN, ...supersededKeys(older)]);
    await bucket.expectStored(newer, SECOND);
    await bucket.expectSuperseded(older, FIRST);
  });

  test('The manifest that is current at the end is returned, not the written one.', async () => {
    await bucket.overwrite(CHAIN, 'left');
    let replaced = false;
    bucket.server.before = async ({ client, method, key }) => {
      const wrote = bucket.server.requests.some(
        (past) => isWrite(past) && past.client === 'older' && past.key === MANIFEST,
      );
      if (client === 'older' && method === 'GET' && key === MANIFEST && wrote && !replaced) {
        replaced = true;
        await bucket.collect(newer, SECOND, 'newer');
      }
      return undefined;
    };
    expect(await bucket.collect(older, FIRST, 'older')).toMatchObject(SECOND);
    expect(replaced).toBe(true);
  });

  test('The newer certificate is current in the end and the older one is kept, in any order of requests.', async () => {
    const runOnce = async (numbers: readonly number[]) => {
      bucket.clear();
      const results = await interleave(bucket.server, olderAndNewer, chooseBy(numbers));
      const outcomes = results.map((result) =>
        result.status === 'fulfilled' ? result.value.execution : result.reason,
      );
      expect(outcomes[1]).toBe(SECOND.execution);
      expect([FIRST.execution, SECOND.execution]).toContain(outcomes[0]);
      await bucket.expectStored(newer, SECOND);
      await bucket.expectSuperseded(older, FIRST);
    };
    await fc.assert(fc.asyncProperty(choices, runOnce), { numRuns: 40 });
  });

  test('The newest of three is stored in the end, even with a broken chain between them.', {
    timeout: 60_000,
  }, async () => {
    const writers = {
      broken: async () => bucket.collectBroken(FIRST, 'broken'),
      newer: () => bucket.collect(newer, SECOND, 'newer'),
      older: () => bucket.collect(older, FIRST, 'older'),
    };
    const runOnce = async (numbers: readonly number[]) => {
      bucket.clear();
      const results = await interleave<unknown>(bucket.server, writers, chooseBy(numbers));
      expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
      await bucket.expectStored(newer, SECOND);
      await bucket.expectSuperseded(older, FIRST);
    };
    await fc.assert(fc.asyncProperty(choices, runOnce), { numRuns: 40 });
  });

  test('Two executions with the same certificate store it once, and both return the same provenance.', {
    timeout: 60_000,
  }, async () => {
    const writers = { a: () => bucket.collect(newer, FIRST, 'a'), b: () => bucket.collect(newer, SECOND, 'b') };
    const runOnce = async (numbers: readonly number[]) => {
      bucket.clear();
      const results = await interleave(bucket.server, writers, chooseBy(numbers));
      const manifest = await bucket.manifest();
      await bucket.expectStored(newer);
      const { execution, collectedAt } = manifest ?? {};
      const value = expect.objectContaining({ execution, collectedAt });
      expect(results).toEqual([
        { status: 'fulfilled', value },
        { status: 'fulfilled', value },
      ]);
    };
    await fc.assert(fc.asyncProperty(choices, runOnce), { numRuns: 25 });
  });

  test('One of two certificates of the same second stays current, and the other one is kept.', async () => {
    const writers = {
      newer: () => bucket.collect(newer, FIRST, 'newer'),
      twin: () => bucket.collect(twin, SECOND, 'twin'),
    };
    const runOnce = async (numbers: readonly number[]) => {
      bucket.clear();
      const results = await interleave(bucket.server, writers, chooseBy(numbers));
      expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
      const isFirst = (await bucket.manifest())?.execution === FIRST.execution;
      await bucket.expectStored(isFirst ? newer : twin, isFirst ? FIRST : SECOND);
      await bucket.expectSuperseded(isFirst ? twin : newer, isFirst ? SECOND : FIRST);
      // Neither execution replaces the other one's certificate again.
      expect(await bucket.writesOf(() => bucket.collect(newer, FIRST))).toEqual([]);
      expect(await bucket.writesOf(() => bucket.collect(twin, SECOND))).toEqual([]);
    };
    await fc.assert(fc.asyncProperty(choices, runOnce), { numRuns: 25 });
  });

  test('One set of an older certificate is kept, if two executions receive it in different containers.', async () => {
    const writers = {
      a: () => bucket.receive(older, FIRST, 'a'),
      b: () => bucket.receive(inPem(older), SECOND, 'b'),
    };
    const runOnce = async (numbers: readonly number[]) => {
      bucket.clear();
      await bucket.collect(newer, FIRST, 'before');
      const results = await interleave(bucket.server, writers, chooseBy(numbers));
      expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
      await bucket.expectStored(newer, FIRST);
      const { execution } = await bucket.readJson(`${supersededOf(older)}certificate.json`);
      await bucket.expectSuperseded(execution === FIRST.execution ? older : inPem(older));
    };
    await fc.assert(fc.asyncProperty(choices, runOnce), { numRuns: 25 });
  });

  test('The good certificate is current in the end, in any order of requests, and the others are kept.', async () => {
    const good = assessed(older, { publishable: true });
    const early = assessed(twin, { publishable: true, notBefore: '2026-04-01T00:00:00.000Z' });
    const writers = {
      early: () => bucket.collect(early, FIRST, 'early'),
      good: () => bucket.collect(good, SECOND, 'good'),
      // Not publishable.
      newer: () => bucket.collect(newer, FIRST, 'newer'),
    };
    const runOnce = async (numbers: readonly number[]) => {
      bucket.clear();
      const results = await interleave(bucket.server, writers, chooseBy(numbers));
      expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
      await bucket.expectStored(good, SECOND);
      await bucket.expectSuperseded(early, FIRST);
      await bucket.expectSuperseded(newer, FIRST);
      expect(await bucket.receive(good, SECOND)).toMatchObject({ changed: true });
    };
    await fc.assert(fc.asyncProperty(choices, runOnce), { numRuns: 25 });
  });
});

describe('Write conflicts', () => {
  const conflicts = [
    { status: 412, code: 'PreconditionFailed' },
    { status: 409, code: 'ConditionalRequestConflict' },
    { status: 404, code: 'NoSuchKey' },
  ] satisfies InjectedError[];

  test.each(conflicts)('After one conflict at any write, $status $code, the state is read again.', async (conflict) => {
    for (let nth = 0; nth < 4; nth++) {
      let writes = 0;
      bucket.server.before = (request) => (isWrite(request) && writes++ === nth ? conflict : undefined);
      await bucket.collect(newer, FIRST);
      expect(writes).toBe(5);
      await bucket.expectStored(newer, FIRST);
      bucket.clear();
    }
  });

  test.each(conflicts)('Endless conflicts end in an error after eight attempts: $status ($code).', async (conflict) => {
    bucket.server.before = (request) => (isWrite(request) && request.key === MANIFEST ? conflict : undefined);
    await expect(bucket.collect(newer, FIRST)).rejects.toThrow(`Another execution changed ${MANIFEST}`);
    expect(bucket.server.requests.filter(({ key, method }) => key === MANIFEST && method === 'PUT')).toHaveLength(8);
  });

  test('Endless conflicts about an object end in an error too.', async () => {
    await bucket.collect(newer, FIRST);
    let writes = 0;
    bucket.server.before = async ({ client, method, key }) => {
      if (client === 'x' && method === 'HEAD' && key === CHAIN) {
        await bucket.overwrite(CHAIN, `written for the ${++writes}th time`);
      }
      return undefined;
    };
    await expect(bucket.collect(older, SECOND, 'x')).rejects.toThrow(CHAIN);
    expect(await bucket.manifest()).toMatchObject(FIRST);
  });

  test('A missing bucket is not a conflict.', async () => {
    bucket.server.before = () => ({ status: 404, code: 'NoSuchBucket' });
    await expect(bucket.collect(newer, FIRST)).rejects.toMatchObject({ name: 'NoSuchBucket' });
    expect(bucket.server.requests.filter(isWrite)).toHaveLength(1);
  });
});
