import { beforeAll, expect, test } from 'vitest';
import { openAuthority } from '../authority.ts';
import { describeViolations } from './report.ts';
import { type Prepared, prepareYears, runYear } from './year.ts';

let prepared: Prepared;

beforeAll(async () => {
  prepared = prepareYears(await openAuthority());
}, 120_000);

/** Seeds that the tests always run, each with its number of orders. `npm run test:year` runs larger years. */
const YEARS = [
  [1, 60],
  [2, 30],
] as const;

test.each(YEARS)(
  'No rule is broken in the year with the seed %i and %i orders.',
  async (seed, orders) => {
    const result = await runYear(seed, orders, prepared);
    const { violations, counts } = result;

    expect(violations.length, violations.length > 0 ? describeViolations(result) : '').toBe(0);
    // A year in which little happens would prove little.
    expect(counts['executions SUCCEEDED']).toBeGreaterThan(orders);
    expect(counts['failed runs of Collect']).toBeGreaterThan(0);
    expect(counts.calls).toBeGreaterThan(orders * 10);
  },
  300_000,
);
