import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as v from 'valibot';
import { EMULATOR_BIN } from '../../infra/local/emulator/emulator.ts';

const answerSchema = v.object({ exitCode: v.number(), output: v.string(), errors: v.string() });

/** The AWS CLI in one process for all commands. */
export interface AwsCli {
  /**
   * Runs a command and parses what it prints. Commands that are sent at the same time run one after the other.
   *
   * @throws {Error} if its exit code is not 0, with what it printed.
   */
  run(...args: readonly string[]): Promise<unknown>;
  close(): Promise<void>;
}

/** @param environment the variables that select the account. */
export function startAwsCli(environment: NodeJS.ProcessEnv): AwsCli {
  const cli = spawn(join(EMULATOR_BIN, 'python'), [join(import.meta.dirname, 'aws_cli.py')], {
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(cli, 'exit');
  const answers = createInterface({ input: cli.stdout })[Symbol.asyncIterator]();
  let previous: Promise<unknown> = Promise.resolve();

  async function runNext(args: readonly string[]): Promise<unknown> {
    cli.stdin.write(`${JSON.stringify([...args, '--output', 'json'])}\n`);
    const { value, done } = await answers.next();
    if (done) {
      throw new Error(`The process of the AWS CLI ended at the command aws ${args.join(' ')}`);
    }
    const { exitCode, output, errors } = v.parse(answerSchema, JSON.parse(value));
    if (exitCode !== 0) {
      throw new Error(`aws ${args.join(' ')} ended with exit code ${exitCode}:\n${errors || output}`);
    }
    return output.trim() === '' ? undefined : JSON.parse(output);
  }

  return {
    run(...args) {
      const result = previous.then(() => runNext(args));
      previous = result.catch(() => {});
      return result;
    },
    async close() {
      cli.stdin.end();
      await ended;
    },
  };
}
