import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { CollectorError } from '../../../functions/collector-error.ts';
import { installPython } from '../python.ts';

const PROJECT = join(import.meta.dirname, '..', '..', '..');
const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');

/** The virtual environment of Python. */
const VENV = join(PROJECT, '.local', 'emulator');

/** The folder of the AWS CLI that is installed with the emulator. */
export const EMULATOR_BIN = join(VENV, 'bin');

/** One of the few regions in which version 1 of the AWS CLI accepts an SQS host name that is not Amazon's. */
const REGION = 'eu-central-2';

/** How long the emulator may take to answer. It usually takes one second. */
const START_MILLISECONDS = 60_000;

/** Lines of the log that an error contains. */
const ERROR_LINES = 20;

/** The emulator cannot be started or deployed to. */
export class EmulatorError extends CollectorError {
  override readonly name = 'EmulatorError';
}

/** AWS on this machine. It enforces permissions and TLS-only policies as AWS does. */
export interface Emulator {
  readonly url: string;
  /** Variables that direct the AWS CLI, CDK and the SDKs of another process to the emulator. The CLI is on the PATH. */
  readonly environment: Readonly<Record<string, string>>;
  /** The TLS certificate of the emulator, PEM. */
  readonly certificate: string;
  readonly certificateFile: string;
  /** The process, which leads its own process group. */
  readonly pid: number;
  /** Ends the emulator and every function it runs. */
  stop(): Promise<void>;
}

export interface EmulatorOptions {
  readonly logFile: string;
  /** The factor by which the waits of Step Functions are multiplied, in states and between retries. */
  readonly waitScale: number;
}

/**
 * Starts ministack on a free port. The first time, it installs ministack with Python's own tools. The emulator ends
 * when this process ends.
 *
 * @throws {PythonInstallError} if it cannot be installed.
 * @throws {EmulatorError} if it does not start.
 */
export async function startEmulator({ logFile, waitScale }: EmulatorOptions): Promise<Emulator> {
  await installPython(REQUIREMENTS, VENV);
  const port = await freePort();
  const url = `https://127.0.0.1:${port}`;
  // The emulator unpacks functions into its temporary folder. Inside the project, Node would apply the project's
  // package.json.
  const directory = await mkdtemp(join(tmpdir(), 'mark-certificate-collector-'));
  const certificateFile = join(directory, 'ministack-tls', 'server.crt');
  const log = await open(logFile, 'w');
  const emulator = spawn(join(EMULATOR_BIN, 'python'), [join(import.meta.dirname, 'emulator.py')], {
    // Its own process group: one signal reaches its functions too, and Ctrl-C in the terminal reaches this process
    // only.
    detached: true,
    stdio: ['pipe', log.fd, log.fd],
    env: {
      ...process.env,
      PYTHONUNBUFFERED: '1',
      TMPDIR: directory,
      // The functions inherit these two.
      AWS_ENDPOINT_URL: url,
      NODE_EXTRA_CA_CERTS: certificateFile,
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      AUTH: 'true',
      USE_SSL: '1',
      IOT_MTLS_ENABLED: '0',
      MINISTACK_REGION: REGION,
      SFN_WAIT_SCALE: String(waitScale),
    },
  });
  await log.close();
  const ended = once(emulator, 'exit');
  const stop = async () => {
    emulator.stdin?.end();
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  const started = await Promise.race([waitUntilReachable(url, certificateFile), ended.then(() => false)]);
  if (!started) {
    await stop();
    const lines = (await readFile(logFile, 'utf8')).trim().split('\n').slice(-ERROR_LINES).join('\n');
    throw new EmulatorError(`The emulator did not start. The last lines of its log (${logFile}):\n${lines}`);
  }
  return {
    url,
    certificate: await readFile(certificateFile, 'utf8'),
    certificateFile,
    pid: emulator.pid ?? Number.NaN,
    environment: {
      PATH: `${EMULATOR_BIN}:${process.env.PATH ?? ''}`,
      AWS_ENDPOINT_URL: url,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: REGION,
      AWS_DEFAULT_REGION: REGION,
      AWS_CA_BUNDLE: certificateFile,
      NODE_EXTRA_CA_CERTS: certificateFile,
    },
    stop,
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') {
    throw new TypeError('No port is free');
  }
  return address.port;
}

/** @returns false if the emulator does not answer within {@link START_MILLISECONDS}. */
async function waitUntilReachable(url: string, certificateFile: string): Promise<boolean> {
  const end = Date.now() + START_MILLISECONDS;
  while (Date.now() < end) {
    if (await isReachable({ url, certificateFile })) {
      return true;
    }
    await wait(100);
  }
  return false;
}

/** Whether an emulator answers now, over TLS with this certificate. */
export async function isReachable(emulator: {
  readonly url: string;
  readonly certificateFile: string;
}): Promise<boolean> {
  try {
    const request = get(`${emulator.url}/_ministack/health`, { ca: await readFile(emulator.certificateFile) });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    return response.statusCode === 200;
  } catch {
    return false;
  }
}

/**
 * An environment with these variables, and without any other AWS variable: a profile of the user would take precedence.
 */
export function withAwsVariables(
  environment: NodeJS.ProcessEnv,
  variables: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  const others = Object.entries(environment).filter(([name]) => !name.startsWith('AWS_'));
  return { ...Object.fromEntries(others), ...variables };
}
