import { setTimeout as wait } from 'node:timers/promises';
import type { HostResolver } from '../host-lookup.ts';
import type { CaaResolver } from './caa.ts';
import type { TxtResolver } from './txt.ts';

/** What the survey asks the DNS. */
export type SurveyResolver = TxtResolver & Partial<CaaResolver> & Partial<HostResolver>;

/** A timer cannot wait for less than this. A query whose turn comes sooner is sent at once. */
const TIMER_MILLISECONDS = 1;

/**
 * A resolver that sends at most a number of queries a second. Many lookups at the same time hide the latency of name
 * servers that are far away, but Amazon's resolver drops the queries that exceed its quota.
 *
 * @param perSecond the number of queries.
 */
export function paceQueries(resolver: SurveyResolver, perSecond: number): SurveyResolver {
  const interval = 1000 / perSecond;
  let next = 0;
  const paced =
    <Answer>(ask: (name: string) => Promise<Answer>) =>
    async (name: string): Promise<Answer> => {
      const now = performance.now();
      const turn = Math.max(now, next);
      next = turn + interval;
      if (turn - now >= TIMER_MILLISECONDS) {
        await wait(turn - now);
      }
      return ask(name);
    };
  return {
    resolveTxt: paced((name) => resolver.resolveTxt(name)),
    ...(resolver.resolveCname && {
      resolveCname: paced((name) => resolver.resolveCname?.(name) ?? Promise.resolve([])),
    }),
    ...(resolver.resolveCaa && { resolveCaa: paced((name) => resolver.resolveCaa?.(name) ?? Promise.resolve([])) }),
    ...(resolver.resolve4 && { resolve4: paced((name) => resolver.resolve4?.(name) ?? Promise.resolve([])) }),
    ...(resolver.resolve6 && { resolve6: paced((name) => resolver.resolve6?.(name) ?? Promise.resolve([])) }),
  };
}
