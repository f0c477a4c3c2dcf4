import { createHash } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished, vi } from 'vitest';
import type { CertificateAuthority, IssuedMarkCertificate } from '../../../../infra/local/ca/certificate-authority.ts';
import type { SimulatedResponse } from '../../../../infra/local/ca/collectmc-responses.ts';
import { type Simulator, startCollectMcSimulator } from '../../../../infra/local/ca/collectmc-simulator.ts';
import { serveCrls } from '../../../../infra/local/cloud/crl-server.ts';
import { openAuthority } from '../../../authority.ts';
import { stopClock } from '../clock.ts';
import { type Run, type RunOptions, run } from '../run.ts';

export const ORDER = '1378973013';
/** A password with characters that JSON, URLs and shells write in another way. */
export const LOGIN = { loginName: 'brand@example.com', loginPassword: 'p€ss "w\\rd" & söhne+100%' };

export const processing: SimulatedResponse = { kind: 'status', status: 0, newline: true };
export const available: SimulatedResponse = { kind: 'status', status: 1 };
export const error = (code: number): SimulatedResponse => ({ kind: 'error', code });
export const issued = ({ chain }: IssuedMarkCertificate): SimulatedResponse => ({
  kind: 'issued',
  certificates: chain,
});

const servers: { close(): Promise<void> }[] = [];
afterAll(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** An authority whose CRLs this machine serves. */
export async function serveAuthority(): Promise<CertificateAuthority> {
  const stored = await openAuthority();
  const crls = await serveCrls(() => signed);
  servers.push(crls);
  const authority = stored.with({ crlServer: crls.url });
  // Once, and before a test moves the clock.
  const signed = authority.crls();
  return authority;
}

/** A folder in memory on Linux: the command waits for the disk after each file, which takes most of its time. */
const PARENT = isWritable('/dev/shm') ? '/dev/shm' : tmpdir();

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A new folder, deleted at the end of the test. */
export async function makeTemporary(): Promise<string> {
  const folder = await mkdtemp(join(PARENT, 'collect-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Costs of the hash that a test can afford many times. The command takes them from its folder. */
const CHEAP = { schemaVersion: 1, scrypt: { N: 2, r: 1, p: 1 }, salt: '00'.repeat(16), labels: {} };

/** Creates a folder for the command in which hashing a login takes almost no time. */
export async function useCheapHash(folder: string): Promise<void> {
  await mkdir(join(folder, 'state'), { recursive: true });
  await writeFile(join(folder, 'state', 'logins.json'), JSON.stringify(CHEAP));
}

/** One order at a simulated CA, and the command for it. */
export interface LocalOrder {
  readonly ca: Simulator;
  /** The folder with the login; `out` in it is the folder of the command. */
  readonly folder: string;
  readonly out: string;
  /** The arguments of the command, without those that a test adds. */
  readonly args: readonly string[];
  /** Runs the command in this process. Without a stopped clock it waits in real time. */
  collect(...args: readonly string[]): Promise<Run>;
  /** The same, with other options of `run`. */
  collectWith(options: RunOptions, ...args: readonly string[]): Promise<Run>;
  writeLogin(login: Readonly<Record<string, string>> | string): Promise<void>;
  /** Sets the clock of this process to the time at which the CA can be asked again, until the end of the test. */
  untilDue(): Promise<void>;
  /** Changes the state of the order, so that the CA can be asked again now: a process has its own clock. */
  makeDue(): Promise<void>;
  /** The state of the order in the folder. */
  state(): Promise<Record<string, unknown>>;
  /** An object of the order as JSON. */
  object(name: string): Promise<Record<string, unknown>>;
}

export interface LocalOrderOptions {
  readonly authority?: CertificateAuthority;
  readonly pollEvery?: string;
  /** A folder to begin with. */
  readonly copyOf?: string;
  /** Whether the hash of logins costs what it costs a user. */
  readonly fullCost?: boolean;
  readonly orderNumber?: string;
}

export async function prepareOrder(
  script: readonly SimulatedResponse[],
  { authority, pollEvery = 'PT1S', copyOf, fullCost = false, orderNumber = ORDER }: LocalOrderOptions = {},
): Promise<LocalOrder> {
  const ca = await startCollectMcSimulator({ credentials: LOGIN });
  onTestFinished(() => ca.close());
  ca.order(orderNumber, script);
  const folder = await makeTemporary();
  const out = join(folder, 'out');
  if (copyOf !== undefined) {
    await cp(copyOf, out, { recursive: true });
  } else if (!fullCost) {
    await useCheapHash(out);
  }
  const login = join(folder, 'login.json');
  const writeLogin: LocalOrder['writeLogin'] = (value) =>
    writeFile(login, typeof value === 'string' ? value : JSON.stringify(value), { mode: 0o600 });
  await writeLogin(LOGIN);
  const trust = authority
    ? ['--trust', createHash('sha256').update(authority.root).digest('hex'), '--log', authority.log.key]
    : [];
  const args = [
    'collect',
    orderNumber,
    '--login',
    login,
    '--out',
    out,
    '--url',
    ca.url,
    '--poll-every',
    pollEvery,
    ...trust,
  ];
  const readJson = async (file: string) => JSON.parse(await readFile(file, 'utf8'));
  const stateFile = join(out, 'state', 'orders', `${orderNumber}.json`);
  const state = () => readJson(stateFile);
  return {
    ca,
    folder,
    out,
    args,
    collect: (...more) => run([...args, ...more], { folder }),
    collectWith: (options, ...more) => run([...args, ...more], { folder, ...options }),
    writeLogin,
    state,
    object: (name) => readJson(join(out, 'orders', orderNumber, name)),
    async makeDue() {
      await writeFile(stateFile, JSON.stringify({ ...(await state()), nextCheckAt: new Date().toISOString() }));
    },
    async untilDue() {
      stopClock();
      vi.setSystemTime(String((await state()).nextCheckAt));
    },
  };
}

/** The files below a folder with their bytes, by their paths. */
export async function filesIn(folder: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(
    files.map(async (file) => [file.slice(folder.length + 1), await readFile(file)] as const),
  );
  return new Map(contents.sort(([a], [b]) => a.localeCompare(b)));
}
