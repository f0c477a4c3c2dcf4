import * as v from 'valibot';
import type { Login } from '../../../functions/collect/login-form.ts';
import { orderOptionsSchema } from '../../../functions/order.ts';
import { redact } from '../../../functions/redact.ts';
import { printable } from '../../../functions/text.ts';
import { openLogin } from '../collect/login-source.ts';
import { withCollector } from '../collector.ts';
import { commandText } from '../command-text.ts';
import { CommandError, UsageError } from '../errors.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { printJson } from '../json.ts';
import { InvalidLoginError, parseLogin } from '../login-text.ts';
import type { CollectorOptions } from '../program.ts';
import type { Terminal } from '../terminal.ts';
import { describeDuration } from '../times.ts';
import { type StoredLogin, storeLogin } from './store-login.ts';

/** The options as the user typed them. */
export interface LoginOptions extends CollectorOptions {
  readonly account?: string;
  readonly file?: string;
  readonly json?: true;
}

/** Stores the login at the CA, and prints what waiting orders do with it. */
export async function runLogin(terminal: Terminal, options: LoginOptions): Promise<ExitCode> {
  const account = readAccount(options.account);
  // The collector is found before the question: a person does not type a password in vain.
  await withCollector(options, terminal, async (collector) => {
    const login = await readLogin(terminal, options.file);
    const stored = await withoutSecret(login, () => storeLogin(collector, account, login));
    if (options.json) {
      printJson(terminal, stored);
    } else {
      terminal.print(describeStored(stored, collector.settings?.pollEvery, options));
    }
  });
  return EXIT_CODES.success;
}

/** @returns null for the default account. */
function readAccount(account: string | undefined): string | null {
  const result = v.safeParse(orderOptionsSchema.entries.account, account);
  if (!result.success) {
    throw new UsageError(
      `--account: ${printable(account ?? '')} is not accepted; accepted: ${result.issues[0].message}`,
    );
  }
  return result.output ?? null;
}

async function readLogin(terminal: Terminal, file: string | undefined): Promise<Login> {
  if ((file !== undefined && file !== '-') || !terminal.isInteractive) {
    const source = await openLogin(file ?? '-', terminal, '--file');
    const login = await source.read({ fresh: false });
    if ('problem' in login) {
      throw new Error(`${source.name} has become unreadable`);
    }
    return login;
  }
  const { askLogin } = await import('../prompts.ts');
  const text = await askLogin({ input: terminal.input, output: process.stderr });
  try {
    return parseLogin(Buffer.from(text));
  } catch (error) {
    if (error instanceof InvalidLoginError) {
      throw new CommandError(`The login cannot be used: ${error.message}. Nothing was stored.`, {
        exitCode: EXIT_CODES.unavailable,
        next: 'Type the command again.',
      });
    }
    throw error;
  }
}

/** Removes the login from every error: a system between here and AWS could quote a request. */
async function withoutSecret<Result>({ loginPassword }: Login, request: () => Promise<Result>): Promise<Result> {
  try {
    return await request();
  } catch (error) {
    if (error instanceof CommandError) {
      // Its cause, the error of the SDK, is not kept.
      throw new CommandError(redact(error.message, [loginPassword]), { exitCode: error.exitCode, next: error.next });
    }
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    throw new Error(redact(`${name}: ${message}`, [loginPassword]));
  }
}

function describeStored(
  { account, secret, result, sameLogin }: StoredLogin,
  pollEvery: unknown,
  options: LoginOptions,
) {
  const owner = account === null ? 'the default account' : `the account ${account}`;
  const poll = typeof pollEvery === 'string' ? `, within ${describeDuration(pollEvery)}` : '';
  return [
    `The login of ${owner} is stored as ${result === 'created' ? 'the new' : 'a new version of the'} secret ${secret}.`,
    ...(sameLogin === undefined ? [] : [SAME_LOGIN[sameLogin]]),
    `Orders of this account that wait for credentials try it at their next check${poll}. To ask the CA about one of them now:`,
    `  ${commandText(['retry', 'ORDER', '--now'], { ...options })}`,
  ].join('\n');
}

const SAME_LOGIN = {
  rejected:
    'Note: the CA rejected this same login before. Because you stored it again, the next check sends it once more. That is right if ' +
    'the CA has unlocked the account. If not, log in to the web page of the CA, and find out why it rejects the login.',
  doubted:
    'Note: the same login was stored before, and the CA may have rejected it. Because you stored it again, the next check sends it.',
  current: 'Note: this login was already stored, and the CA has not rejected it.',
} as const satisfies Record<NonNullable<StoredLogin['sameLogin']>, string>;
