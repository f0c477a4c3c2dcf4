import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

const PROJECT = join(import.meta.dirname, '..', '..', '..');
const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');

/** Where Python packages of this project lie; nothing is installed anywhere else. */
const VENV = join(PROJECT, '.local', 'emulator');

/** One of the few where version 1 of the AWS CLI does not insist on a host name of Amazon's for SQS. */
const REGION = 'eu-central-2';

/** Milliseconds for the emulator to answer; it takes about one second. */
const STARTING = 60_000;

/** AWS on this machine. Permissions and TLS-only policies are enforced as on AWS. */
export interface Emulator {
  readonly url: string;
  /** What makes the AWS CLI, CDK and the SDKs of another process use the emulator; the CLI itself is on its PATH. */
  readonly environment: Readonly<Record<string, string>>;
  /** The certificate of the emulator's TLS, PEM. */
  readonly certificate: string;
  /** Its process, which began a group of its own. */
  readonly pid: number;
  /** Ends the emulator and every function it runs. */
  stop(): Promise<void>;
}

export interface EmulatorOptions {
  /** Where the emulator's log goes. */
  readonly logFile: string;
  /** Waits of Step Functions, of states and of retries, last this many times as long. */
  readonly waitScale: number;
}

/**
 * Installs ministack with Python's own tools at the first time, and starts it on a free port. It also ends when this process does.
 *
 * @throws {Error} where Python or its packages cannot be had, or the emulator does not start; the message ends in what was said.
 */
export async function startEmulator({ logFile, waitScale }: EmulatorOptions): Promise<Emulator> {
  await install();
  const port = await freePort();
  const url = `https://127.0.0.1:${port}`;
  // Its temporary files, code of functions among them: not below this project, whose package.json would be theirs.
  const directory = await mkdtemp(join(tmpdir(), 'mark-certificate-collector-'));
  const certificateFile = join(directory, 'ministack-tls', 'server.crt');
  const log = await open(logFile, 'w');
  const emulator = spawn(join(VENV, 'bin', 'python'), [join(import.meta.dirname, 'emulator.py')], {
    // A group of its own: one signal reaches the functions too, and Ctrl-C in a terminal leaves the order of ending to us.
    detached: true,
    stdio: ['pipe', log.fd, log.fd],
    env: {
      ...process.env,
      PYTHONUNBUFFERED: '1',
      TMPDIR: directory,
      // For the functions, which inherit these two.
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
  const started = await Promise.race([answers(url, certificateFile), ended.then(() => false)]);
  if (!started) {
    await stop();
    const said = (await readFile(logFile, 'utf8')).trim().split('\n').slice(-20).join('\n');
    throw new Error(`The emulator did not start; its log (${logFile}) ends in:\n${said}`);
  }
  return {
    url,
    certificate: await readFile(certificateFile, 'utf8'),
    pid: emulator.pid ?? Number.NaN,
    environment: {
      PATH: `${join(VENV, 'bin')}:${process.env.PATH ?? ''}`,
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

/** A virtual environment that holds exactly what requirements.txt says. */
async function install(): Promise<void> {
  const marker = join(VENV, 'requirements.txt');
  const wanted = await readFile(REQUIREMENTS, 'utf8');
  if (existsSync(marker) && (await readFile(marker, 'utf8')) === wanted) {
    return;
  }
  await rm(VENV, { recursive: true, force: true });
  await mkdir(join(VENV, '..'), { recursive: true });
  try {
    await run('python3', ['-m', 'venv', VENV]);
    await run(join(VENV, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS]);
  } catch (error) {
    await rm(VENV, { recursive: true, force: true });
    throw new Error(
      'The emulator cannot be installed: Python 3.10 or later with its module venv is needed, and access to its packages',
      { cause: error },
    );
  }
  await writeFile(marker, wanted);
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

/** Whether the emulator answers in time. */
async function answers(url: string, certificateFile: string): Promise<boolean> {
  const giveUp = Date.now() + STARTING;
  while (Date.now() < giveUp) {
    if (await isReachable({ url, certificateFile })) {
      return true;
    }
    await wait(100);
  }
  return false;
}

/** Whether an emulator answers now, over TLS with its own certificate. */
export async function isReachable(emulator: {
  readonly url: string;
  readonly certificateFile: string;
}): Promise<boolean> {
  try {
    const asked = get(`${emulator.url}/_ministack/health`, { ca: await readFile(emulator.certificateFile) });
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    response.resume();
    return response.statusCode === 200;
  } catch {
    return false;
  }
}
