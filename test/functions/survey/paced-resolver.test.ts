import { describe, expect, test } from 'vitest';
import { paceQueries, type SurveyResolver } from '../../../functions/survey/paced-resolver.ts';

/** A resolver that records when it was asked. */
function recordingResolver() {
  const asked: { readonly name: string; readonly at: number }[] = [];
  const record = (name: string) => asked.push({ name, at: performance.now() });
  const resolver = {
    async resolveTxt(name) {
      record(name);
      return [[name]];
    },
    async resolveCname(name) {
      record(name);
      return [name];
    },
    async resolveCaa(name) {
      record(name);
      return [{ critical: 0, issue: name }];
    },
    async resolve4(name) {
      record(name);
      return [name];
    },
    async resolve6(name) {
      record(name);
      return [name];
    },
  } satisfies SurveyResolver;
  return { asked, resolver };
}

describe('paceQueries', () => {
  test('Queries of all kinds together keep the pace, in their order.', async () => {
    const { asked, resolver } = recordingResolver();
    const paced = paceQueries(resolver, 200);
    const begun = performance.now();
    await Promise.all(
      Array.from({ length: 30 }, (_, index) => {
        const name = String(index);
        const { resolveTxt, resolveCname, resolveCaa, resolve4, resolve6 } = paced;
        return [resolveTxt, resolveCname, resolveCaa, resolve4, resolve6][index % 5]?.(name);
      }),
    );
    expect(asked.map(({ name }) => name)).toEqual(Array.from({ length: 30 }, (_, index) => String(index)));
    for (const [index, { at }] of asked.entries()) {
      // A timer can be a millisecond early.
      expect(at - begun).toBeGreaterThanOrEqual(index * 5 - 2);
    }
  });

  test('A query after a pause is not delayed, and the pause does not allow more of them later.', async () => {
    const { asked, resolver } = recordingResolver();
    const paced = paceQueries(resolver, 100);
    await paced.resolveTxt('first');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const begun = performance.now();
    await Promise.all([paced.resolveTxt('second'), paced.resolveTxt('third'), paced.resolveTxt('fourth')]);
    const [, , third, fourth] = asked;
    expect((third?.at ?? 0) - begun).toBeGreaterThanOrEqual(8);
    expect((fourth?.at ?? 0) - begun).toBeGreaterThanOrEqual(18);
  });

  test('Answers and failures arrive unchanged.', async () => {
    const { resolver } = recordingResolver();
    const failure = Object.assign(new Error('queryTxt ENODATA'), { code: 'ENODATA' });
    const paced = paceQueries({ ...resolver, resolveTxt: () => Promise.reject(failure) }, 1000);
    await expect(paced.resolveTxt('a.example')).rejects.toBe(failure);
    await expect(paced.resolveCname?.('b.example')).resolves.toEqual(['b.example']);
    await expect(paced.resolveCaa?.('c.example')).resolves.toEqual([{ critical: 0, issue: 'c.example' }]);
  });

  test('What a resolver cannot look up, the paced one cannot either.', () => {
    const { resolveTxt } = recordingResolver().resolver;
    expect(Object.keys(paceQueries({ resolveTxt }, 1))).toEqual(['resolveTxt']);
  });
});
