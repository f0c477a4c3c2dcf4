import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Deployed } from './deployed.ts';
import { atMost, exactly, type Results, round } from './measure.ts';

/** How large the bucket is, and after how many milliseconds S3 and the servers of publications answer. */
export interface SurveyWorldSize {
  readonly certificates: number;
  readonly publications: number;
  /** For S3, EventBridge and Step Functions. */
  readonly s3Milliseconds: number;
  /** For HTTP and DNS. */
  readonly remoteMilliseconds: number;
}

/** Where the servers of a survey listen. */
export interface SurveyWorld {
  readonly s3Url: string;
  readonly eventBridgeUrl: string;
  readonly stepFunctionsUrl: string;
  readonly siteUrl: string;
  /** Address and port. */
  readonly nameServer: string;
}

/** What a survey asks its world after each invocation. */
export interface SurveyAnswer {
  /** The events by which the survey continues itself. */
  readonly continuations: readonly unknown[];
  /** How many chains it has read. */
  readonly chainReads: number;
}

/** What one survey took, in all of its invocations. */
export interface SurveyRun {
  /** User and system time of all threads. */
  readonly cpuSeconds: number;
  readonly seconds: number;
  readonly peakBytes: number;
  readonly invocations: number;
}

/** The chains that a survey may read: one for each issuing CA, in each of a few invocations. */
const CHAINS_LIMIT = 40;

/** Lambda's memory for the survey, in MB. */
const MEMORY_MEGABYTES = 512;

/**
 * The heap that Node chooses itself on a machine with 512 MB, in MB: half of it (V8 takes a quarter, twice as much on 64
 * bits). On a larger machine, V8 would collect garbage less often, and the memory would say nothing about Lambda.
 */
const HEAP_MEGABYTES = 256;

/** The latencies of the figure `survey-large`, in milliseconds. */
const LATENCIES = { s3Milliseconds: 50, remoteMilliseconds: 150 };
const NO_LATENCIES = { s3Milliseconds: 0, remoteMilliseconds: 0 };

export interface SurveyLengths {
  /** After how many seconds Lambda would end an invocation. */
  readonly timeoutSeconds: number;
  /** Numbers of certificates, each twice the one before. */
  readonly growth: readonly number[];
  readonly large: Pick<SurveyWorldSize, 'certificates' | 'publications'>;
}

/**
 * Measures whole surveys, each in a new process: how their CPU grows with the certificates, a fifth of which are published,
 * and how long a large one takes with the latencies of a network.
 */
export async function measureSurvey(
  { assets }: Pick<Deployed, 'assets'>,
  { timeoutSeconds, growth, large }: SurveyLengths,
): Promise<Results> {
  const handler = join(assets.survey, 'index.mjs');
  const runs: { readonly size: SurveyWorldSize; readonly run: SurveyRun }[] = [];
  for (const certificates of growth) {
    const size = { certificates, publications: Math.round(certificates / 5), ...NO_LATENCIES };
    runs.push({ size, run: await surveyOnce(handler, size, timeoutSeconds) });
  }
  const factors = runs.slice(1).map(({ run }, index) => run.cpuSeconds / (runs[index]?.run.cpuSeconds ?? Number.NaN));
  const largeSize = { ...large, ...LATENCIES };
  const largeRun = await surveyOnce(handler, largeSize, timeoutSeconds);
  return {
    figures: [
      atMost('time', 'survey-growth', 2.2, { ...exactly(Math.max(...factors)), low: Math.min(...factors) }, 'times'),
      atMost('time', 'survey-large', 600, exactly(largeRun.seconds), 'seconds'),
      atMost(
        'count',
        'survey-memory',
        MEMORY_MEGABYTES,
        exactly(Math.max(...[...runs.map(({ run }) => run), largeRun].map(({ peakBytes }) => peakBytes / 1e6))),
        'MB',
      ),
    ],
    measured: [],
    tables: [
      {
        title: 'Surveys by size',
        columns: [
          'certificates',
          'publications',
          'S3 (ms)',
          'HTTP and DNS (ms)',
          'CPU (s)',
          'memory (MB)',
          'time (s)',
          'invocations',
        ],
        rows: [...runs, { size: largeSize, run: largeRun }].map(({ size, run }) => [
          size.certificates,
          size.publications,
          size.s3Milliseconds,
          size.remoteMilliseconds,
          round(run.cpuSeconds),
          round(run.peakBytes / 1e6),
          round(run.seconds),
          run.invocations,
        ]),
      },
    ],
  };
}

/** The lines that the log of a survey must contain: each is the summary of a part. */
const PARTS = ['revocations', 'survey', 'statuses', 'overview', 'CAA records', 'publications'];

/** Runs one survey in a new process. @throws {Error} if it leaves out a part, or reads chains of single certificates. */
async function surveyOnce(handler: string, size: SurveyWorldSize, timeoutSeconds: number): Promise<SurveyRun> {
  const world = fork(join(import.meta.dirname, 'survey-world.ts'), [JSON.stringify(size)], { execArgv: [] });
  try {
    const [servers] = (await once(world, 'message')) as [SurveyWorld];
    const survey = fork(
      join(import.meta.dirname, 'survey-process.js'),
      [handler, servers.nameServer, String(timeoutSeconds), servers.siteUrl],
      {
        execArgv: [`--max-old-space-size=${HEAP_MEGABYTES}`],
        env: environmentOf(servers),
        stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      },
    );
    const logged = new Set<unknown>();
    if (survey.stdout) {
      createInterface({ input: survey.stdout }).on('line', (line) => logged.add(messageOf(line)));
    }
    let chainReads = 0;
    const { promise, resolve, reject } = Promise.withResolvers<SurveyRun>();
    survey.on('message', (message) => {
      if (message === 'continuations') {
        world.send(message);
      } else {
        resolve(message as SurveyRun);
      }
    });
    survey.on('exit', (code) => reject(new Error(`The process of the survey ended with the exit code ${code}`)));
    world.on('message', (answer: SurveyAnswer) => {
      ({ chainReads } = answer);
      survey.send([...answer.continuations]);
    });
    const run = await promise;
    const missing = PARTS.filter((part) => !logged.has(part));
    if (missing.length > 0 || chainReads > CHAINS_LIMIT) {
      throw new Error(`The survey left out ${missing.join(', ') || 'no part'}, and read ${chainReads} chains`);
    }
    return run;
  } finally {
    world.kill();
  }
}

/** The message of a line of the log; undefined if the line has none. */
function messageOf(line: string): unknown {
  try {
    return JSON.parse(line).message;
  } catch {
    return undefined;
  }
}

function environmentOf(world: SurveyWorld): Record<string, string> {
  return {
    COLLECTOR: 'bench',
    BUCKET_NAME: 'bench',
    CONTINUES: 'true',
    OVERVIEW: 'true',
    REVOCATIONS: 'true',
    EVENT_BUS_NAME: 'bench',
    STATE_MACHINE_ARN: 'arn:aws:states:us-east-1:000000000000:stateMachine:bench',
    PUBLISHED_URL: world.siteUrl,
    REMIND_BEFORE_DAYS: '30',
    AWS_LAMBDA_FUNCTION_NAME: 'survey',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(MEMORY_MEGABYTES),
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_S3: world.s3Url,
    AWS_ENDPOINT_URL_EVENTBRIDGE: world.eventBridgeUrl,
    AWS_ENDPOINT_URL_SFN: world.stepFunctionsUrl,
  };
}
