import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { EXIT_CODES } from '../../../../infra/command-line/exit-codes.ts';
import type { CertificateAuthority, IssuedMarkCertificate } from '../../../../infra/local/ca/certificate-authority.ts';
import type { SimulatedResponse } from '../../../../infra/local/ca/collectmc-responses.ts';
import {
  filesIn,
  LOGIN,
  type LocalOrder,
  makeTemporary,
  ORDER,
  prepareOrder,
  processing,
  serveAuthority,
} from './order.ts';
import { runProcess } from './process.ts';

const POLL = 'PT1H';
/** Less than the interval, which has a random part, and which begins shortly before the call if the process is killed. */
const EARLIEST_MILLISECONDS = 50 * 60_000;
const DOMAIN = ['--domain', 'example.com'];

let authority: CertificateAuthority;
let certificate: IssuedMarkCertificate;
beforeAll(async () => {
  authority = await serveAuthority();
  certificate = authority.issue({ domains: ['example.com'] });
});

/** A response with the same bytes every time: a PKCS#7 contains another signature. */
const pem = (from: IssuedMarkCertificate): SimulatedResponse => ({
  kind: 'issued',
  certificates: from.chain,
  shape: 'pem',
});

/** The objects of an order without the times at which they were made. */
async function objectsOf({ out }: LocalOrder): Promise<Record<string, unknown>> {
  const TIMES = /At"?$|^since$|^thisUpdate$|^nextUpdate$/;
  // A later run can end on another day, on which the certificate has fewer days left.
  const TIME_IN_TEXT = /\d{4}-\d\d-\d\d(?:T[\d:.]+Z| \d\d:\d\d UTC)?|\d+ days(?= left)/g;
  const files = await filesIn(join(out, 'orders'));
  // A report contains times, so its digest differs too. The manifest must list that of the report in its folder.
  const digests = new Map(
    [...files]
      .filter(([name]) => name.endsWith('.html'))
      .map(([name, bytes]) => [createHash('sha256').update(bytes).digest('hex'), name]),
  );
  const plain = [...files].map(([name, bytes]) => [
    name,
    name.endsWith('.json')
      ? JSON.parse(bytes.toString(), (key, value) =>
          TIMES.test(key) || key === 'size' ? undefined : key === 'sha256' ? (digests.get(value) ?? value) : value,
        )
      : name.endsWith('.html')
        ? bytes.toString().replaceAll(TIME_IN_TEXT, '')
        : bytes.toString('base64'),
  ]);
  return Object.fromEntries(plain);
}

/** A run that begins with a copy of a folder, can be killed at any change, and is continued. */
interface Stage {
  readonly copyOf: string;
  readonly script: readonly SimulatedResponse[];
  /** The exit code of the run, if it is not killed. */
  readonly exitCode: number;
}

afterEach(() => {
  vi.useRealTimers();
});

/**
 * Runs the command in this process, whenever the order is due, until the certificate is collected. The clock of this
 * process, which is that of the CA too, is set instead of waiting.
 */
async function collectToEnd(order: LocalOrder, { script }: Stage, context: string): Promise<void> {
  vi.useFakeTimers({ toFake: ['Date'], now: vi.getRealSystemTime() });
  const exitCodes: number[] = [];
  for (let run = 0; run <= script.length && exitCodes.at(-1) !== EXIT_CODES.success; run++) {
    exitCodes.push((await order.collect(...DOMAIN)).exitCode);
    vi.setSystemTime(String((await order.state()).nextCheckAt));
  }
  const waiting = exitCodes.slice(0, -1);
  expect([...waiting, exitCodes.at(-1)], context).toEqual([
    ...waiting.map(() => EXIT_CODES.waiting),
    EXIT_CODES.success,
  ]);
  vi.useRealTimers();
}

/**
 * Runs a process that copies its folder before each change of the file system. With each copy, which is what is left if
 * the process is killed then, another run begins at once.
 */
async function killEverywhere(stage: Stage): Promise<void> {
  const { script, copyOf } = stage;
  const prepare = (responses: readonly SimulatedResponse[], folder: string) =>
    prepareOrder(responses, { authority, pollEvery: POLL, copyOf: folder });
  const undisturbed = await prepare(script, copyOf);
  const records = await makeTemporary();
  const first = await runProcess([...undisturbed.args, ...DOMAIN], {
    RECORDED: undisturbed.out,
    RECORDS: records,
  });
  expect([first.exitCode, first.signal], first.err).toEqual([stage.exitCode, null]);
  const calls = [...undisturbed.ca.calls];
  await collectToEnd(undisturbed, stage, 'undisturbed');
  const expected = await objectsOf(undisturbed);
  expect(expected).toHaveProperty([`${ORDER}/certificate.json`]);

  let changes = 0;
  let previous: unknown;
  for (; ; changes++) {
    const context = `change ${changes + 1}`;
    const record = join(records, String(changes + 1));
    const killedAt = await readFile(`${record}.time`, 'utf8').catch(() => undefined);
    if (killedAt === undefined) {
      break;
    }
    const before = calls.filter(({ at }) => at.getTime() <= Number(killedAt));
    // A change without an effect, such as creating a folder that exists, leaves what the previous one left.
    const left = {
      calls: before.length,
      names: await readdir(record, { recursive: true }),
      files: await filesIn(record),
    };
    if (isDeepStrictEqual(left, previous)) {
      continue;
    }
    previous = left;
    const order = await prepare(script.slice(Math.min(before.length, script.length - 1)), record);
    await collectToEnd(order, stage, context);
    expect(await objectsOf(order), context).toEqual(expected);
    const times = [...before, ...order.ca.calls].map(({ at }) => at.getTime());
    for (const [index, time] of times.slice(1).entries()) {
      expect(time - (times[index] ?? 0), context).toBeGreaterThan(EARLIEST_MILLISECONDS);
    }
    expect([...(await filesIn(join(order.out, 'state', 'temporary'))).keys()], context).toEqual([]);
    // Deleted now, because they may be in memory.
    await Promise.all([record, order.folder].map((folder) => rm(folder, { recursive: true })));
  }
  expect(changes).toBeGreaterThan(30);
}

describe('A process that is killed at any change of the file system', { timeout: 300_000 }, () => {
  test('The first run of an order neither leads to an early call nor loses a file.', async () => {
    const { out: copyOf } = await prepareOrder([processing]);
    await killEverywhere({ copyOf, script: [processing, pem(certificate)], exitCode: EXIT_CODES.waiting });
  });

  test('The run that receives the certificate does not either.', async () => {
    const waiting = await prepareOrder([processing], { authority });
    await waiting.collect(...DOMAIN);
    await waiting.makeDue();
    await killEverywhere({ copyOf: waiting.out, script: [pem(certificate)], exitCode: EXIT_CODES.success });
  });
});

test('A process that is killed during its call does not ask again before the poll interval is over.', async () => {
  const slow: SimulatedResponse = { kind: 'slow', milliseconds: 20_000, of: processing };
  const order = await prepareOrder([slow, processing], { pollEvery: 'PT1H' });
  const ended = await runProcess(order.args, {}, async (child) => {
    await expect.poll(() => order.ca.calls.length, { timeout: 20_000 }).toBe(1);
    child.kill('SIGKILL');
  });
  expect(ended.signal).toBe('SIGKILL');
  const { exitCode, out } = await order.collect();
  expect(exitCode).toBe(EXIT_CODES.waiting);
  expect(out).toMatch(/the command ended during the call that began at 20\d\d-.*; the CA may have received it/);
  expect(order.ca.calls).toHaveLength(1);
});

test('Two processes at once make one call, and the second one names the first.', async () => {
  const slow: SimulatedResponse = { kind: 'slow', milliseconds: 600_000, of: processing };
  const order = await prepareOrder([slow], { pollEvery: 'PT1H' });
  const first = runProcess(order.args);
  await expect.poll(() => order.ca.calls.length, { timeout: 20_000 }).toBe(1);
  const second = await runProcess(order.args);
  // It ends the slow response.
  await order.ca.close();
  expect([(await first).exitCode, second.exitCode]).toEqual([EXIT_CODES.waiting, EXIT_CODES.unavailable]);
  expect((await first).err + second.err).toMatch(
    /^Process \d+ on \S+ is collecting order 1378973013 in .*, since .*\. This process did not ask the CA\.\nNext: Wait until process \d+ ends, or stop it: kill \d+$/m,
  );
  expect(order.ca.calls).toHaveLength(1);
});

test('Processes for several orders of a folder make one call at a time, and send a rejected login once.', async () => {
  const order = await prepareOrder([processing], { pollEvery: 'PT1H' });
  order.ca.setRejection({ kind: 'slow', milliseconds: 500, of: { kind: 'error', code: -16 } });
  await order.writeLogin('brand@example.com\nlast year');
  const runs = await Promise.all(['1', '2', '3', '4'].map((number) => runProcess(order.args.with(1, number))));
  expect(runs.map(({ exitCode }) => exitCode)).toEqual([3, 3, 3, 3]);
  expect(order.ca.calls).toHaveLength(1);
  expect(order.ca.peakConcurrency).toBe(1);
});

test('No file and no output contains the login, in any usual form.', async () => {
  const order = await prepareOrder([{ kind: 'http', status: 500, body: JSON.stringify(LOGIN) }, processing], {
    fullCost: true,
  });
  const outputs: string[] = [];
  const search = async () => {
    const { out, err } = await runProcess([...order.args, '--json']);
    outputs.push(out, err);
  };
  await search();
  await order.writeLogin({ ...LOGIN, loginPassword: `${LOGIN.loginPassword} of last year` });
  await order.makeDue();
  await search();
  await order.writeLogin(LOGIN);
  await search();
  expect(order.ca.calls).toHaveLength(3);
  const { loginPassword } = LOGIN;
  const encoded = [0, 1, 2].map((shift) => {
    const base64 = Buffer.concat([Buffer.alloc(shift), Buffer.from(loginPassword)]).toString('base64');
    return base64.slice(shift === 0 ? 0 : 4, -4);
  });
  const forms = [
    loginPassword,
    JSON.stringify(loginPassword).slice(1, -1),
    JSON.stringify(JSON.stringify(loginPassword)).slice(3, -3),
    encodeURIComponent(loginPassword),
    new URLSearchParams({ p: loginPassword }).toString().slice(2),
    Buffer.from(loginPassword).toString('hex'),
    ...encoded,
    ...encoded.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ];
  const contents = new Map([
    ...(await filesIn(order.out)),
    ...outputs.map((text, n) => [`output ${n}`, Buffer.from(text)] as const),
  ]);
  expect([...contents.keys()]).toContain('state/logins.json');
  for (const [name, bytes] of contents) {
    expect([name, forms.filter((form) => bytes.includes(form))]).toEqual([name, []]);
  }
});
