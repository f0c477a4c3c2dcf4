import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Action, ServiceError } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { createSecrets } from '../../../infra/local/cloud/secrets.ts';
import { deployed, stackNamed } from './deployed.ts';
import { type RunOptions, run } from './run.ts';

const NAME = 'mark-certificate-collector';
const DEFAULT_SECRET = `arn:aws:secretsmanager:eu-central-1:111122223333:secret:${NAME}/credentials-AbCdEf`;
const LOGIN = { loginName: 'brand@example.com', loginPassword: 'S3cret "pass" wörd\\%+' };
const PLACEHOLDER = JSON.stringify({ loginName: 'REPLACE', loginPassword: 'REPLACE' });
const TEXT = JSON.stringify(LOGIN);

interface Options {
  /** The secrets before the command. */
  readonly values?: Readonly<Record<string, string>>;
  readonly settings?: object;
  /** What Secrets Manager answers in place of the secrets. */
  readonly actions?: Readonly<Record<string, Action>>;
}

/** A deployed collector with its secrets. */
async function withSecrets({ values = { [DEFAULT_SECRET]: PLACEHOLDER }, settings = {}, actions = {} }: Options = {}) {
  const { operations } = createSecrets(values);
  const Settings = JSON.stringify({ name: NAME, eventSource: 'mark-certificates', pollEvery: 'PT3H', ...settings });
  const requests: Record<string, unknown>[] = [];
  const named = Object.entries({ ...operations, ...actions }).map(([name, action]): [string, Action] => [
    `secretsmanager.${name}`,
    (input) => {
      requests.push({ ...input, operation: name });
      return action(input);
    },
  ]);
  await deployed({ stacks: [stackNamed(NAME, { Settings })], actions: Object.fromEntries(named) });
  const read = async (SecretId: string) =>
    JSON.parse(String(asObject(await operations.GetSecretValue({ SecretId })).SecretString));
  return { operations, requests, read };
}

const asObject = (value: unknown) => value as Record<string, unknown>;

/** Runs the command, and shows that nothing that it printed contains the password, in any usual encoding. */
async function login(args: readonly string[], options: RunOptions = {}) {
  const result = await run(['login', ...args], { input: TEXT, ...options });
  expectNoPassword(result.out + result.err);
  return result;
}

function expectNoPassword(text: string): void {
  const { loginPassword } = LOGIN;
  for (const encoded of [
    loginPassword,
    JSON.stringify(loginPassword).slice(1, -1),
    encodeURIComponent(loginPassword),
    Buffer.from(loginPassword).toString('base64').slice(0, -4),
    loginPassword.slice(0, 6),
  ]) {
    expect(text).not.toContain(encoded);
  }
}

describe('login', () => {
  test('It stores the login of standard input as a new version of the default secret.', async () => {
    const { read } = await withSecrets();
    const { exitCode, out, err } = await login([], { input: `${LOGIN.loginName}\r\n${LOGIN.loginPassword}\r\n` });
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
    expect(await read(DEFAULT_SECRET)).toEqual(LOGIN);
    expect(out).toContain(
      `The login of the default account is stored as a new version of the secret ${DEFAULT_SECRET}.`,
    );
    expect(out).toContain('try it at their next check, within 3 hours.');
    expect(out).toContain('mark-certificates retry ORDER --now');
  });

  test('It reads a file in the folder of the user, and writes none.', async () => {
    const { read } = await withSecrets();
    const folder = await mkdtemp(join(tmpdir(), 'login-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(
      join(folder, 'login.txt'),
      `\uFEFFloginName: ${LOGIN.loginName}\nloginPassword: ${LOGIN.loginPassword}\n`,
    );
    const { exitCode } = await login(['--file', 'login.txt'], { folder });
    expect(exitCode).toBe(0);
    expect(await read(DEFAULT_SECRET)).toEqual(LOGIN);
    expect(await readdir(folder)).toEqual(['login.txt']);
    expect(await readFile(join(folder, 'login.txt'), 'utf8')).toContain(LOGIN.loginPassword);
  });

  test.each([
    [{ kmsKeyArn: 'arn:aws:kms:eu-central-1:111122223333:key/1' }, 'arn:aws:kms:eu-central-1:111122223333:key/1'],
    [{}, undefined],
  ])('It creates the secret of an account with the key of the collector: %j.', async (settings, KmsKeyId) => {
    const { requests, read } = await withSecrets({ settings });
    const { exitCode, out } = await login(['--account', 'brand-a', '--json']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toEqual({
      account: 'brand-a',
      secret: `${NAME}/accounts/brand-a`,
      version: expect.any(String),
      result: 'created',
    });
    expect(await read(`${NAME}/accounts/brand-a`)).toEqual(LOGIN);
    expect(requests.find(({ operation }) => operation === 'CreateSecret')?.KmsKeyId).toBe(KmsKeyId);
  });

  test('A key that an app gave the construct is that of the default secret.', async () => {
    const { requests } = await withSecrets({ actions: { DescribeSecret: () => ({ KmsKeyId: 'alias/mine' }) } });
    await login(['--account', 'brand-a']);
    expect(requests.find(({ operation }) => operation === 'CreateSecret')?.KmsKeyId).toBe('alias/mine');
  });

  test('The secret of an account that exists gets a new version.', async () => {
    const secret = `${NAME}/accounts/brand-a`;
    const { read } = await withSecrets({ values: { [secret]: PLACEHOLDER } });
    const { out } = await login(['--account', 'brand-a']);
    expect(out).toContain(`a new version of the secret ${secret}`);
    expect(await read(secret)).toEqual(LOGIN);
  });

  test.each([
    ['rejected', (version: string) => `REJECTED-${version}`, 'the CA rejected this same login before'],
    ['doubted', () => 'DOUBTED-20261126', 'the CA may have rejected it'],
    ['current', undefined, 'the CA has not rejected it'],
  ])('The same login is stored again, and the result states how it was before: %s.', async (sameLogin, label, note) => {
    const { operations } = await withSecrets({ values: { [DEFAULT_SECRET]: TEXT } });
    const { VersionId } = asObject(await operations.GetSecretValue({ SecretId: DEFAULT_SECRET }));
    if (label) {
      const VersionStage = label(String(VersionId));
      await operations.UpdateSecretVersionStage({ SecretId: DEFAULT_SECRET, VersionStage, MoveToVersionId: VersionId });
    }
    const json = await login(['--json']);
    expect(JSON.parse(json.out)).toMatchObject({ result: 'updated', sameLogin });
    expect(JSON.parse(json.out).version).not.toBe(VersionId);
    expect(asObject(await operations.GetSecretValue({ SecretId: DEFAULT_SECRET })).VersionStages).toEqual([
      'AWSCURRENT',
    ]);
    expect((await login([])).out).toContain(note);
  });

  test('A login that the CA rejected as an earlier version is recognized.', async () => {
    const { operations } = await withSecrets({ values: { [DEFAULT_SECRET]: TEXT } });
    const { VersionId } = asObject(await operations.GetSecretValue({ SecretId: DEFAULT_SECRET }));
    const VersionStage = `REJECTED-${VersionId}`;
    await operations.UpdateSecretVersionStage({ SecretId: DEFAULT_SECRET, VersionStage, MoveToVersionId: VersionId });
    const other = JSON.stringify({ ...LOGIN, loginPassword: 'another one' });
    expect(JSON.parse((await run(['login', '--json'], { input: other })).out)).not.toHaveProperty('sameLogin');
    expect(JSON.parse((await login(['--json'])).out)).toMatchObject({ sameLogin: 'rejected' });
  });

  test('A person who may store a login needs no permission to read one.', async () => {
    const refuse = () => {
      throw new ServiceError('AccessDeniedException', 'not authorized');
    };
    const { read } = await withSecrets({ actions: { ListSecretVersionIds: refuse } });
    expect(await login([])).toMatchObject({ exitCode: 0 });
    expect(await read(DEFAULT_SECRET)).toEqual(LOGIN);
  });

  test.each([
    ['', 'it is empty'],
    ['brand@example.com\n', 'it has 1 line'],
    [
      `{"loginName": "brand@example.com", "loginPassword": "${LOGIN.loginPassword}`,
      'it begins like JSON, but is not JSON',
    ],
    [`brand@example.com\n“${LOGIN.loginPassword}”`, 'typographic'],
    [`brand@example.com\n${LOGIN.loginPassword}\nmore`, 'it has 3 lines'],
    [`brand@example.com\n${LOGIN.loginPassword} \n`, 'begins or ends with a space'],
  ])('A text that is no login is refused, and nothing is stored: %j.', async (input, problem) => {
    const { requests } = await withSecrets();
    const { exitCode, out, err } = await login([], { input });
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toContain('The login on standard input cannot be used: ');
    expect(err).toContain(problem);
    expect(requests).toEqual([]);
  });

  test('A missing file is an error that names it.', async () => {
    await withSecrets();
    const { exitCode, err } = await login(['--file', 'nowhere.txt']);
    expect(exitCode).toBe(2);
    expect(err).toContain('The login in nowhere.txt cannot be used: the file does not exist');
  });

  test('A secret that is scheduled for deletion is an error with the command that restores it.', async () => {
    const refuse = () => {
      throw new ServiceError(
        'InvalidRequestException',
        'You can’t perform this operation on the secret because it was marked for deletion.',
      );
    };
    await withSecrets({ actions: { ListSecretVersionIds: refuse, PutSecretValue: refuse } });
    const { exitCode, err } = await login(['--account', 'brand-a']);
    expect(exitCode).toBe(1);
    expect(err).toContain(
      `Next: aws secretsmanager restore-secret --region eu-central-1 --secret-id ${NAME}/accounts/brand-a`,
    );
  });

  test.each(['AccessDeniedException', 'InvalidParameterException', 'ValidationException'])(
    'An error of AWS that quotes the request is printed without the login: %s.',
    async (name) => {
      const quote: Action = ({ SecretString }) => {
        throw new ServiceError(name, `refused: ${SecretString} ${encodeURIComponent(LOGIN.loginPassword)}`);
      };
      await withSecrets({ actions: { PutSecretValue: quote } });
      for (const json of [[], ['--json']]) {
        const { exitCode, out, err } = await login(json);
        expect(exitCode).toBe(2);
        expect(out + err).toContain('The login cannot be stored: refused: ');
      }
    },
  );

  test('A damaged answer of AWS does not print the login either.', async () => {
    await withSecrets({ actions: { PutSecretValue: ({ SecretString }) => [SecretString] } });
    await login([]);
  });

  test('Wrong usage is refused before AWS is asked. There is no option with a login.', async () => {
    const wrong = await run(['login', '--account', 'Brand A']);
    expect(wrong).toMatchObject({ exitCode: 64, err: expect.stringContaining('--account: Brand A is not accepted') });
    const { out } = await run(['login', '--help']);
    expect(out).not.toMatch(/--(login-?name|password|user)/i);
  });
});
