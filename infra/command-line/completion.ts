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
    description: 'Prints a script with which your shell completes commands, options, their values and file names.',
    examples: [
      { line: 'completion bash >> ~/.bashrc', does: 'loads the completion in every new bash' },
      {
        line: 'completion zsh >> ~/.zshrc',
        does: 'loads the completion in every new zsh; the script must come after compinit',
      },
      {
        line: 'completion fish > ~/.config/fish/completions/mark-certificates.fish',
        does: 'loads the completion in every new fish',
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
