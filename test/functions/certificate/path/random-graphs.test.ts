import { expect, test } from 'vitest';
import { runRandomGraphs } from './random-graphs.ts';

/** The graphs of this run; another one takes others. */
const SEED = Math.floor(Date.now() / 1000);
const COUNT = 50;

test(`Cross-signed certificates are judged like OpenSSL does: graphs ${SEED} to ${SEED + COUNT - 1}.`, {
  timeout: 120_000,
}, async () => {
  const { publishable, refused, contradictions } = await runRandomGraphs({ seed: SEED, count: COUNT });

  expect(contradictions).toEqual([]);
  expect(publishable).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0);
});
