import { expect, test } from 'vitest';
import { runRandomGraphs } from '../functions/certificate/path/random-graphs.ts';
import { SEED } from './random.ts';

const COUNT = 1000;

test(`OpenSSL agrees about ${COUNT} random cross-signed chains (INTEROP_SEED=${SEED}).`, async () => {
  const { contradictions, ...counts } = await runRandomGraphs({ seed: SEED, count: COUNT });
  console.log('Random graphs:', counts);
  expect(contradictions).toEqual([]);
  expect(counts.publishable).toBeGreaterThan(COUNT / 100);
  expect(counts.refused).toBeGreaterThan(COUNT / 100);
}, 600_000);
