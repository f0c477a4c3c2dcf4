import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type Deployed, PROJECT } from './deployed.ts';
import { alternate, atMost, measurement, type Results, ratios, summarize } from './measure.ts';
import { checkOf, FIRST_NEW_ORDER, functionEnvironment, PENDING_ORDER, type ServerAddresses } from './servers.ts';

/** What one new process needed. */
interface Run {
  /** From the start of the process to its end. */
  readonly milliseconds: number;
  /** User and system time of all threads. */
  readonly cpuMilliseconds: number;
  readonly peakBytes: number;
  /** Bytes on standard output, which CloudWatch would store. */
  readonly logBytes: number;
}

export interface ColdStart extends Results {
  /** Of a cold check of a waiting order, including the start of Node. The cost model uses it. */
  readonly cpuMilliseconds: number;
  readonly logBytes: number;
}

/**
 * Measures a cold start of a waiting order: a new process loads the handler and makes one check, and the CA answers
 * "being processed". "first" is the first check of an order, which writes its status. The same runtime.js loads every
 * handler; "nothing" is that file without a handler.
 */
export async function measureColdStart(
  deployed: Deployed,
  servers: ServerAddresses,
  { rounds }: { readonly rounds: number },
): Promise<ColdStart> {
  const environment = functionEnvironment(deployed, servers);
  const subjects = {
    nothing: undefined,
    collect: join(deployed.assets.collect, 'index.mjs'),
    first: join(deployed.assets.collect, 'index.mjs'),
    plain: join(deployed.plain, 'index.js'),
    plainWithSdk: join(deployed.plainWithSdk, 'index.js'),
  };
  type Subject = keyof typeof subjects;
  const names = Object.keys(subjects) as Subject[];
  const runs = Object.fromEntries(names.map((name) => [name, [] as Run[]])) as Record<Subject, Run[]>;
  const discarded = 2;
  const milliseconds = await alternate(
    Object.fromEntries(
      names.map((name) => [
        name,
        () => {
          const order = name === 'first' ? String(FIRST_NEW_ORDER + runs.first.length) : PENDING_ORDER;
          const run = start(subjects[name], environment, order);
          runs[name].push(run);
          return run.milliseconds;
        },
      ]),
    ) as Record<Subject, () => number>,
    { rounds, discarded },
  );
  const each = (name: Subject, of: (run: Run) => number) => runs[name].slice(discarded).map(of);
  const cpu = (name: Subject) => each(name, (run) => run.cpuMilliseconds);
  const peak = (name: Subject) => each(name, (run) => run.peakBytes / 1e6);

  return {
    figures: [
      atMost('time', 'cold-start', 0.5, ratios(milliseconds.collect, milliseconds.plain, milliseconds.nothing)),
      atMost('time', 'cold-start-cpu', 0.5, ratios(cpu('collect'), cpu('plain'), cpu('nothing'))),
      atMost('time', 'cold-start-first', 0.75, ratios(milliseconds.first, milliseconds.plain, milliseconds.nothing)),
      atMost('count', 'memory-collect', 0.44, ratios(peak('collect'), peak('plain'), peak('nothing'))),
    ],
    measured: [
      ...names.flatMap((name) => [
        measurement(`cold start, ${NAMES[name]}`, 'ms', milliseconds[name]),
        measurement(`CPU of a cold start, ${NAMES[name]}`, 'ms', cpu(name)),
        measurement(`memory peak of a cold start, ${NAMES[name]}`, 'MB', peak(name)),
      ]),
      measurement(
        'cold start relative to the plain handler with the SDK bundled',
        'ratio',
        ratios(milliseconds.collect, milliseconds.plainWithSdk, milliseconds.nothing),
      ),
    ],
    cpuMilliseconds: summarize(cpu('collect')).value,
    logBytes: summarize(each('collect', (run) => run.logBytes)).value,
  };
}

const NAMES = {
  nothing: 'Node alone',
  collect: 'Collect',
  first: 'Collect, the first check of an order',
  plain: 'plain handler',
  plainWithSdk: 'plain handler with the SDK bundled',
};

/** Starts a process, waits for its end, and verifies that it made the check, and wrote the status of a new order. */
function start(file: string | undefined, environment: Readonly<Record<string, string>>, order: string): Run {
  const runtime = join(import.meta.dirname, 'runtime.js');
  const args = file ? [runtime, file, JSON.stringify(checkOf(order))] : [runtime];
  const started = performance.now();
  const { stdout, stderr, status } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    // Lambda's runtime also finds its SDK through NODE_PATH.
    env: { ...environment, NODE_PATH: join(PROJECT, 'node_modules') },
  });
  const milliseconds = performance.now() - started;
  const lastLine = stdout.lastIndexOf('\n');
  const report = status === 0 ? JSON.parse(stdout.slice(lastLine)) : undefined;
  const isReported = order === PENDING_ORDER || report?.answer?.reported?.includes('status');
  if (!report || (file && report.answer?.outcome !== 'waiting') || !isReported) {
    throw new Error(`${file ?? runtime} did not answer: ${stdout}${stderr}`);
  }
  const { cpuMilliseconds, peakBytes } = report;
  return { milliseconds, cpuMilliseconds, peakBytes, logBytes: Buffer.byteLength(stdout.slice(0, lastLine)) };
}
