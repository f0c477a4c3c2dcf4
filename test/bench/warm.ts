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
import type { Subject, TimedCall, Times, Work } from './warm-process.ts';

/** Checks per measurement: enough for each measurement to include garbage collection. */
const PENDING_PER_MEASUREMENT = 400;
const ISSUED_PER_MEASUREMENT = 10;

/** Rounds after which V8 has compiled the code. */
const DISCARDED = 4;

/**
 * Measures warm checks in a separate process. The reference is a process that makes only the HTTP calls. A check of a
 * waiting order makes one call, because the secret is cached. Its reference is the CPU of the same call with the same
 * client of Node on a new connection, both over TLS as in production. A check that finds the certificate reads,
 * validates and stores it, and downloads its CRLs; its requests to S3 are recorded once and repeated with the same SDK
 * client. What counts is how long the order waits for its event, so the figure is elapsed time, with an S3 that responds
 * after some milliseconds.
 */
export async function measureWarm(
  deployed: Deployed,
  servers: Servers,
  { rounds }: { readonly rounds: number },
): Promise<Results> {
  const environment = functionEnvironment(deployed, servers);
  let unused = FIRST_ISSUED_ORDER;
  const issuedOrders = (count: number) => Array.from({ length: count }, () => String(unused++));
  const pendingOrders = Array.from({ length: PENDING_PER_MEASUREMENT }, () => PENDING_ORDER);

  const bundle = { bundle: join(deployed.assets.collect, 'index.mjs') };
  const collect = await startWorker(bundle, environment);
  const recorded = await record(servers, () => timesOf(collect, issuedOrders(1)));
  const writes = recorded.filter(({ method }) => method === 'PUT');
  const distant = { ...environment, AWS_ENDPOINT_URL_S3: servers.distantS3Url };
  const secure = { ...environment, COLLECT_URL: servers.secureCollectUrl, NODE_EXTRA_CA_CERTS: servers.trustFile };
  const bareCall = (call: TimedCall, env: Readonly<Record<string, string>>) =>
    startWorker({ call, requests: [], downloads: [] }, env);
  const replay = (requests: readonly RecordedRequest[], downloads: readonly string[]) =>
    startWorker({ call: 'nodeOnce', requests, downloads }, distant);
  const workers = {
    collect,
    nodeOnce: await bareCall('nodeOnce', environment),
    distantCollect: await startWorker(bundle, distant),
    distantReplay: await replay(recorded, servers.crlUrls),
    distantWrites: await replay(writes, []),
    secureCollect: await startWorker(bundle, secure),
    secureNodeOnce: await bareCall('nodeOnce', secure),
    secureFetchOnce: await bareCall('fetchOnce', secure),
    secureFetch: await bareCall('fetch', secure),
  };
  const pendingBy = (worker: ChildProcess) => async () => (await timesOf(worker, pendingOrders)).cpu;
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
    const issuedCpu = { collect: [] as number[], bare: [] as number[], writes: [] as number[] };
    const issuedBy = (worker: ChildProcess, cpu: number[]) => async () => {
      const times = await timesOf(worker, issuedOrders(ISSUED_PER_MEASUREMENT));
      cpu.push(times.cpu);
      return times.elapsed;
    };
    const issued = await alternate(
      {
        collect: issuedBy(workers.distantCollect, issuedCpu.collect),
        bare: issuedBy(workers.distantReplay, issuedCpu.bare),
        writes: issuedBy(workers.distantWrites, issuedCpu.writes),
      },
      { rounds, discarded: DISCARDED },
    );
    for (const cpu of Object.values(issuedCpu)) {
      cpu.splice(0, DISCARDED);
    }
    return {
      figures: [
        atMost('time', 'warm-waiting', 1.3, ratios(pending.collect, pending.nodeOnce)),
        atMost('time', 'warm-issued', 1.3, ratios(issued.collect, issued.bare)),
        atMost('count', 'issued-requests', 12, exactly(recorded.length), 'requests'),
      ],
      measured: [
        measurement('CPU of a warm check that waits', 'ms', pending.collect),
        measurement('CPU of its call alone, by node:https on a new connection', 'ms', pending.nodeOnce),
        measurement('the same by fetch on a new connection', 'ms', pending.fetchOnce),
        measurement('the same by fetch, which keeps the connection', 'ms', pending.fetch),
        measurement(
          'the check relative to fetch on a new connection',
          'ratio',
          ratios(pending.collect, pending.fetchOnce),
        ),
        measurement(
          'the check relative to fetch, which keeps the connection',
          'ratio',
          ratios(pending.collect, pending.fetch),
        ),
        measurement('CPU of a warm check that waits, without TLS', 'ms', pending.plainCollect),
        measurement('CPU of its call alone, by node:http on a new connection', 'ms', pending.plainNodeOnce),
        measurement(
          'the check relative to it, without TLS',
          'ratio',
          ratios(pending.plainCollect, pending.plainNodeOnce),
        ),
        measurement('a warm check that finds the certificate', 'ms', issued.collect),
        measurement('its HTTP calls alone', 'ms', issued.bare),
        measurement('requests to S3 among them', 'requests', exactly(recorded.length)),
        measurement('the call and the writes alone', 'ms', issued.writes),
        measurement('writes among them', 'requests', exactly(writes.length)),
        measurement('CPU of a warm check that finds the certificate', 'ms', issuedCpu.collect),
        measurement('CPU of its HTTP calls alone', 'ms', issuedCpu.bare),
        measurement('CPU of the call and the writes alone', 'ms', issuedCpu.writes),
        measurement('the CPU relative to that of the calls', 'ratio', ratios(issuedCpu.collect, issuedCpu.bare)),
      ],
    };
  } finally {
    for (const worker of Object.values(workers)) {
      worker.kill();
    }
  }
}

/** Records the requests to S3 while something runs. */
async function record(servers: Servers, run: () => Promise<unknown>): Promise<readonly RecordedRequest[]> {
  const before = (await servers.requests()).length;
  await run();
  return (await servers.requests()).slice(before);
}

async function startWorker(subject: Subject, env: Readonly<Record<string, string>>): Promise<ChildProcess> {
  // Collect writes its log, and nothing reads it.
  const worker = fork(join(import.meta.dirname, 'warm-process.ts'), [JSON.stringify(subject)], {
    env,
    // The worker does not need the import that started this process (infra/node-version.js).
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await answerOf(worker);
  return worker;
}

/** The mean times of a check of one of these orders. */
async function timesOf(worker: ChildProcess, orders: readonly string[]): Promise<Times> {
  worker.send({ orders } satisfies Work);
  const { cpu, elapsed } = (await answerOf(worker)) as Times;
  return { cpu: cpu / orders.length, elapsed: elapsed / orders.length };
}

async function answerOf(worker: ChildProcess): Promise<unknown> {
  const died = new AbortController();
  const [answer] = await Promise.race([
    once(worker, 'message', { signal: died.signal }),
    once(worker, 'exit', { signal: died.signal }).then(() => {
      throw new Error(`The process ${worker.spawnargs.slice(1).join(' ')} ended before it answered`);
    }),
  ]);
  died.abort();
  return answer;
}
