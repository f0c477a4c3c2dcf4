import type { LoginOptions } from './login/run.ts';
import { type CommandDefinition, withCollectorOptions } from './program.ts';

/** `login`: stores the login at the CA. */
export const loginCommand: CommandDefinition<[LoginOptions]> = {
  name: 'login',
  description:
    'Stores the login at the CA in Secrets Manager. Asks for it without echo, or reads it from a file or standard input.',
  examples: [
    { line: 'login', does: 'asks for the login name and the password of the default account' },
    {
      line: 'login --account brand-a --file login.txt',
      does: 'stores the login of the account brand-a; the file has the login name and the password on two lines, or is JSON',
    },
  ],
  define: (command) =>
    withCollectorOptions(
      command
        .option('--account <name>', 'the name of the account at the CA (default: the default account)')
        .option('--file <file>', 'a file with the login; - is standard input'),
    ),
  async run(terminal, options) {
    const { runLogin } = await import('./login/run.ts');
    return runLogin(terminal, options);
  },
};
