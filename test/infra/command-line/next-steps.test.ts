/** What errors suggest: a command that the program accepts as it is typed, or a sentence. */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { manifestKey } from '../../../functions/store/manifest.ts';
import { statusKey } from '../../../functions/store/status.ts';
import { COMMANDS } from '../../../infra/command-line/commands.ts';
import { EXIT_CODES } from '../../../infra/command-line/exit-codes.ts';
import { createProgram } from '../../../infra/command-line/program.ts';
import { silentTerminal } from '../../../infra/command-line/terminal.ts';
import { ServiceError } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { failureOf, manifestOf, statusOf } from '../../functions/survey/samples.ts';
import type { S3Server } from '../../s3-server.ts';
import { deployed, put, stackNamed, stepFunctionsWith, stubAws } from './deployed.ts';
import { run } from './run.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'next-'));
  onTestFinished(() => rm(folder, { recursive: true }));
});

/** Accepts what the program accepts, and runs nothing. */
const accepting = COMMANDS.map((definition) => ({ ...definition, run: async () => EXIT_CODES.success }));

/** Parses a command line as the shell and the program do. */
async function accepts(line: string): Promise<void> {
  const { stdout } = spawnSync('sh', ['-c', `printf '%s\\n' ${line}`], { encoding: 'utf8' });
  const [name, ...words] = stdout.trimEnd().split('\n');
  expect(name).toBe('mark-certificates');
  const parsed = createProgram(accepting, '', silentTerminal(), () => {}).parseAsync(words, { from: 'user' });
  await parsed.catch((error) => {
    // The help was printed.
    expect({ line, exitCode: error.exitCode }).toEqual({ line, exitCode: 0 });
  });
}

/** Runs a command that fails, and checks what it suggests. */
async function suggests(args: readonly string[], expected: RegExp, input = ''): Promise<void> {
  const { exitCode, out } = await run([...args, '--json'], { folder, input });
  expect(exitCode).not.toBe(EXIT_CODES.success);
  expect(exitCode).not.toBe(EXIT_CODES.internalError);
  const { next } = JSON.parse(out).error;
  expect(next).toMatch(expected);
  const [, before = '', command] = /^(.*?)(mark-certificates .*)$/.exec(next) ?? [undefined, next];
  if (command !== undefined) {
    await accepts(command);
  }
  if (before !== '') {
    expect(before).toMatch(
      command === undefined ? /^(?:[A-Z].*(?:\.|: kill \d+)|aws secretsmanager .*)$/ : /^[A-Z].*: $/,
    );
  }
}

const NO_COLLECTOR = ['orders', '--collector', 'other'];

test.each([
  [[], /^Select another account or region/],
  [['brand'], /^Add --collector brand to the command\.$/],
  [['brand', 'shop'], /brand, shop\.$/],
])('An unknown collector, beside %j.', async (names, next) => {
  await deployed({ stacks: names.map((name) => stackNamed(name)) });
  await suggests(NO_COLLECTOR, next);
});

test.each<[name: string, AWS: Readonly<Record<string, string>>, next: RegExp]>([
  ['region', {}, /--region eu-central-1\.$/],
  ['credentials', { AWS_REGION: 'eu-central-1' }, /^There are no AWS credentials\. Sign in/],
])('AWS without %s.', async (_, environment, next) => {
  stubAws(environment);
  await suggests(['orders'], next);
});

test.each([
  [['status', '7'], /: mark-certificates order 7 --collector brand --region eu-central-1$/],
  [['fetch', '7'], /: mark-certificates order 7 --collector brand --region eu-central-1$/],
  [['open', '7'], /: mark-certificates order 7 --collector brand --region eu-central-1$/],
  [['retry', '7'], /: mark-certificates order 7 --collector brand --region eu-central-1$/],
  [['open'], /^mark-certificates orders --html orders.html --collector brand --region eu-central-1$/],
  [['unwatch', 'example.com'], /: mark-certificates watch --collector brand --region eu-central-1$/],
])('What a collector does not have: %j.', async (args, next) => {
  await deployed({ stacks: [stackNamed('brand')], actions: stepFunctionsWith({}) });
  await suggests([...args, '--collector', 'brand', '--region', 'eu-central-1'], next);
});

const damaged = (s3: S3Server) => put(s3, manifestKey('1'), 'damaged');
const missing = (s3: S3Server) =>
  put(
    s3,
    manifestKey('1'),
    manifestOf('1', { objects: { chain: { key: 'orders/1/chain.pem', size: 1, sha256: '00' } } }),
  );
const complete = (s3: S3Server) => put(s3, manifestKey('1'), manifestOf('1', { objects: {} }));

test.each<[what: string, args: readonly string[], prepare: (s3: S3Server) => Promise<void>, next: RegExp]>([
  ['waits', ['fetch', '1'], (s3) => put(s3, statusKey('1'), statusOf('1')), /^mark-certificates status 1$/],
  ['failed', ['fetch', '1'], (s3) => put(s3, statusKey('1'), failureOf('1')), /^mark-certificates status 1$/],
  [
    'has nothing to open',
    ['open', '1'],
    (s3) => put(s3, statusKey('1'), statusOf('1')),
    /^mark-certificates status 1$/,
  ],
  ['has a damaged certificate', ['fetch', '1'], damaged, /^Restore the last version/],
  ['misses an object', ['fetch', '1'], missing, /^Restore the last version/],
  ['is downloaded into a folder of others', ['fetch', '1', 'full'], complete, /^Add --force/],
  ['is downloaded into a file', ['fetch', '1', 'file'], complete, /^Make sure that you can write/],
])('An order that %s.', async (_, args, prepare, next) => {
  await prepare(await deployed({ actions: stepFunctionsWith({}) }));
  await mkdir(join(folder, 'full'));
  await writeFile(join(folder, 'full', 'certificate.json'), 'other');
  await writeFile(join(folder, 'file'), '');
  await suggests(args, next);
});

const LOGIN = 'name\npassword\n';

test.each<[what: string, args: readonly string[], input: string, error: ServiceError | undefined, next: RegExp]>([
  ['is missing', ['login', '--file', 'missing'], '', undefined, /--file\.$/],
  ['has one line', ['login'], 'name', undefined, /--file\.$/],
  [
    'belongs to a secret that is deleted',
    ['login'],
    LOGIN,
    new ServiceError('InvalidRequestException', 'The secret is scheduled for deletion.'),
    /^aws secretsmanager restore-secret --region eu-central-1 --secret-id /,
  ],
  [
    'has no secret',
    ['login'],
    LOGIN,
    new ServiceError('ResourceNotFoundException', 'none'),
    /^Deploy the collector again/,
  ],
  [
    'may not be stored',
    ['login'],
    LOGIN,
    new ServiceError('AccessDeniedException', 'no'),
    /^The credentials do not allow this\. .*\.$/,
  ],
])('A login that %s.', async (_, args, input, error, next) => {
  await deployed({
    actions: {
      'secretsmanager.ListSecretVersionIds': () => ({ Versions: [] }),
      'secretsmanager.PutSecretValue': () => {
        throw error ?? new Error('The login must not be stored.');
      },
    },
  });
  await suggests(args, next, input);
});

test('An order that has its certificate with other options.', async () => {
  await deployed({
    actions: {
      ...stepFunctionsWith({ 'order-1': 'SUCCEEDED' }),
      'AWSEvents.PutEvents': () => {
        throw new Error('The event must not be sent.');
      },
    },
  }).then((s3) => put(s3, manifestKey('1'), manifestOf('1', { execution: 'order-1' })));
  const args = ['order', '1', '--domain', 'other.example', '--selector', 'brand', '--region', 'eu-central-1'];
  await suggests(args, /^mark-certificates order 1 --domain other\.example .*--request \S+.* --region eu-central-1$/);
});

test.each<[what: string, path: string, content: string, next: RegExp]>([
  ['the folder is a file', 'out', '', /^Make sure that you can write/],
  ['logins.json is damaged', 'out/state/logins.json', '{}', /^Make sure that the login is right/],
  ['the state of the order is damaged', 'out/state/orders/1.json', '{}', /^If the last call for this order/],
  [
    'another process collects the order',
    'out/state/locks/order-1/1',
    JSON.stringify({ pid: 1, host: `not ${hostname()}`, instance: 'x', since: new Date().toISOString() }),
    /^Wait until process 1 ends, or stop it: kill 1$/,
  ],
])('collect, if %s.', async (_, path, content, next) => {
  await mkdir(join(folder, path, '..'), { recursive: true });
  await writeFile(join(folder, path), content);
  await suggests(['collect', '1', '--login', '-', '--out', 'out', '--url', 'http://127.0.0.1:9'], next, LOGIN);
});

test.each(COMMANDS.map(({ name }) => name))('Wrong usage of %s, and of no command.', async (name) => {
  await suggests([name, '--unknown'], new RegExp(`^mark-certificates ${name} --help$`));
  await suggests(['unknown'], /^mark-certificates --help$/);
});
