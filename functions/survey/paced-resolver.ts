import { setTimeout as wait } from 'node:timers/promises';
import type { CaaResolver } from './caa.ts';
import type { TxtResolver } from './txt.ts';

/** What the survey asks the DNS. */
export type SurveyResolver = TxtResolver & Partial<CaaResolver>;

/** Queries that follow each other faster than a timer can tell apart, in milliseconds, are sent together. */
const TIMER_MILLISECONDS = 1;

/**
 * A resolver that asks at most a number of questions a second. Many lookups at the same time hide the latency of name
 * servers that are far away, but Amazon's resolver drops what exceeds its quota.
 *
 * @param perSecond questions a second.
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
  };
}
