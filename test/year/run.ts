/** Runs years with other seeds than the tests: npm run test:year -- --seeds 100 --from 1000 */
import { parseArgs } from 'node:util';
import { buildFunctions } from '../../infra/build/functions.ts';
import { createCertificateAuthority } from '../../infra/local/ca/certificate-authority.ts';
import { describeViolations } from './report.ts';
import { prepareYears, runYear } from './year.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    from: { type: 'string', default: '1' },
    orders: { type: 'string', default: '500' },
    /** The number of an order whose complete trace is printed. */
    trace: { type: 'string' },
  },
});
const [seeds, from, orders] = [Number(values.seeds), Number(values.from), Number(values.orders)];
await buildFunctions();
const prepared = prepareYears(await createCertificateAuthority());
let failed = 0;
for (let seed = from; seed < from + seeds; seed++) {
  const started = process.cpuUsage();
  const result = await runYear(seed, orders, prepared);
  const { user, system } = process.cpuUsage(started);
  const { violations, counts, traces } = result;
  console.log(
    `seed ${seed}: ${violations.length} violations, ${((user + system) / 1e6).toFixed(1)} s, ${JSON.stringify(counts)}`,
  );
  if (values.trace !== undefined) {
    console.log(traces.get(values.trace)?.join('\n'));
  }
  if (violations.length > 0) {
    failed += 1;
    console.log(describeViolations(result));
  }
}
// Processes that ended in the middle of a request leave timers.
process.exit(failed > 0 ? 1 : 0);
