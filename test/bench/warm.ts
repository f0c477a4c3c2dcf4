import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Deployed } from './deployed.ts';
import { alternate, atMost, exactly, measurement, type Results, ratios } from './measure.ts';
import {
  FIRST_ISSUED_ORDER,
  functionEnvironment,
  PENDING_ORDER,
  type RecordedRequest,
  type Servers,
} from './servers.ts';
import type { Subject, TimedCall, Work } from './warm-process.ts';

/** Checks of one measurement: enough that each has its share of garbage collection. */
const PENDING_AT_ONCE = 400;
const ISSUED_AT_ONCE = 20;

/** Rounds until V8 has compiled what it is going to compile. */
const DISCARDED = 4;

/**
 * Warm checks by the CPU of their own process, beside the bare minimum in a process like it: the HTTP calls and nothing else.
 * A check that waits makes one call, for the secret is remembered; beside it stands the same call by the same client of
 * Node's, on a connection of its own, both over TLS as in earnest. One that finds the certificate reads, proves and stores it; its requests to S3 are
 * recorded once and repeated by the same SDK client.
 */
export async function measureWarm(
  deployed: Deployed,
  servers: Servers,
  { rounds }: { readonly rounds: number },
): Promise<Results> {
  const environment = functionEnvironment(deployed, servers);
  let unused = FIRST_ISSUED_ORDER;
  const issuedOrders = (count: number) => Array.from({ length: count }, () => String(unused++));
  const pendingOrders = Array.from({ length: PENDING_AT_ONCE }, () => PENDING_ORDER);

  const bundle = { bundle: join(deployed.assets.collect, 'index.mjs') };
  const collect = await startWorker(bundle, environment);
  const recorded = await record(servers, () => cpuOf(collect, issuedOrders(1)));
  const writes = recorded.filter(({ method }) => method === 'PUT');
  const bare = (call: TimedCall, requests: readonly RecordedRequest[] = []) =>
    startWorker({ call, requests }, environment);
  const secure = { ...environment, COLLECT_URL: servers.secureCollectUrl, NODE_EXTRA_CA_CERTS: servers.trustFile };
  const workers = {
    collect,
    nodeOnce: await bare('nodeOnce'),
    replay: await bare('nodeOnce', recorded),
    writes: await bare('nodeOnce', writes),
    secureCollect: await startWorker(bundle, secure),
    secureNodeOnce: await startWorker({ call: 'nodeOnce', requests: [] }, secure),
    secureFetchOnce: await startWorker({ call: 'fetchOnce', requests: [] }, secure),
    secureFetch: await startWorker({ call: 'fetch', requests: [] }, secure),
  };
  const pendingBy = (worker: ChildProcess) => async () => (await cpuOf(worker, pendingOrders)) / PENDING_AT_ONCE;
  try {
    const pending = await alternate(
      {
        collect: pendingBy(workers.secureCollect),
        nodeOnce: pendingBy(workers.secureNodeOnce),
        fetchOnce: pendingBy(workers.secureFetchOnce),
        fetch: pendingBy(workers.secureFetch),
        plainCollect: pendingBy(collect),
        plainNodeOnce: pendingBy(workers.nodeOnce),
      },
      { rounds, discarded: DISCARDED },
    );
    const issuedBy = (worker: ChildProcess) => async () =>
      (await cpuOf(worker, issuedOrders(ISSUED_AT_ONCE))) / ISSUED_AT_ONCE;
    const issued = await alternate(
      { collect: issuedBy(collect), bare: issuedBy(workers.replay), writes: issuedBy(workers.writes) },
      { rounds, discarded: DISCARDED },
    );
    return {
      figures: [
        atMost('warm-waiting', 1.3, ratios(pending.collect, pending.nodeOnce)),
        atMost('warm-issued', 1.5, ratios(issued.collect, issued.bare)),
      ],
      measured: [
        measurement('CPU of a warm check that waits', 'ms', pending.collect),
        measurement('CPU of its call alone, by node:https on a connection of its own', 'ms', pending.nodeOnce),
        measurement('the same by fetch on a connection of its own', 'ms', pending.fetchOnce),
        measurement('the same by fetch, which keeps the connection', 'ms', pending.fetch),
        measurement(
          'the check beside fetch on a connection of its own',
          'ratio',
          ratios(pending.collect, pending.fetchOnce),
        ),
        measurement(
          'the check beside fetch, which keeps the connection',
          'ratio',
          ratios(pending.collect, pending.fetch),
        ),
        measurement('CPU of a warm check that waits, without TLS', 'ms', pending.plainCollect),
        measurement('CPU of its call alone, by node:http on a connection of its own', 'ms', pending.plainNodeOnce),
        measurement('the check beside it, without TLS', 'ratio', ratios(pending.plainCollect, pending.plainNodeOnce)),
        measurement('CPU of a warm check that finds the certificate', 'ms', issued.collect),
        measurement('CPU of its HTTP calls alone', 'ms', issued.bare),
        measurement('requests to S3 among them', 'requests', exactly(recorded.length)),
        measurement('CPU of the call and the writes alone', 'ms', issued.writes),
        measurement('writes among them', 'requests', exactly(writes.length)),
      ],
    };
  } finally {
    for (const worker of Object.values(workers)) {
      worker.kill();
    }
  }
}

/** What S3 is asked while something runs. */
async function record(servers: Servers, run: () => Promise<unknown>): Promise<readonly RecordedRequest[]> {
  const before = (await servers.requests()).length;
  await run();
  return (await servers.requests()).slice(before);
}

async function startWorker(subject: Subject, env: Readonly<Record<string, string>>): Promise<ChildProcess> {
  // What Collect logs is written, to nowhere.
  const worker = fork(join(import.meta.dirname, 'warm-process.ts'), [JSON.stringify(subject)], {
    env,
    // What started this process (infra/node-version.js) is of no use there.
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await answerOf(worker);
  return worker;
}

/** Milliseconds of CPU that the checks of these orders took together. */
async function cpuOf(worker: ChildProcess, orders: readonly string[]): Promise<number> {
  worker.send({ orders } satisfies Work);
  return Number(await answerOf(worker));
}

async function answerOf(worker: ChildProcess): Promise<unknown> {
  const died = new AbortController();
  const [answer] = await Promise.race([
    once(worker, 'message', { signal: died.signal }),
    once(worker, 'exit', { signal: died.signal }).then(() => {
      throw new Error(`The process ${worker.spawnargs.slice(1).join(' ')} ended by itself`);
    }),
  ]);
  died.abort();
  return answer;
}
