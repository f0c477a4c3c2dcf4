import { Argument } from 'commander';
import { SHELLS, type Shell } from './completion/words.ts';
import type { CommandDefinition } from './program.ts';

/**
 * `completion`: prints the script with which a shell completes command lines.
 *
 * @param commands all commands of the program.
 */
export function createCompletionCommand(
  commands: () => readonly CommandDefinition[],
): CommandDefinition<[shell: Shell, options: { readonly json?: boolean }]> {
  return {
    name: 'completion',
    description: 'Prints a script for your shell, which then completes commands, options, their values and file names.',
    examples: [
      { line: 'completion bash >> ~/.bashrc', does: 'adds the completion to every new bash' },
      {
        line: 'completion zsh >> ~/.zshrc',
        does: 'adds the completion to every new zsh, after its line with compinit',
      },
      {
        line: 'completion fish > ~/.config/fish/completions/mark-certificates.fish',
        does: 'adds the completion to every new fish',
      },
    ],
    define: (command) => command.addArgument(new Argument('<shell>', 'the shell').choices(SHELLS)),
    async run(terminal, shell, { json }) {
      const { completionScript } = await import('./completion/script.ts');
      const script = completionScript(shell, commands());
      terminal.print(json ? JSON.stringify({ shell, script }) : script);
      return 0;
    },
  };
}
