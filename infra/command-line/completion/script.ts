import { type CommandDefinition, createProgram } from '../program.ts';
import { silentTerminal } from '../terminal.ts';
import { bashScript } from './bash.ts';
import { fishScript } from './fish.ts';
import { completedCommands, optionsOf, type Shell } from './words.ts';
import { zshScript } from './zsh.ts';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const satisfies Record<Shell, unknown>;

/** The completion script of a shell. It contains the words of all commands, so that completing starts no process. */
export function completionScript(shell: Shell, commands: readonly CommandDefinition[]): string {
  const program = createProgram(commands, '', silentTerminal(), () => {});
  return SCRIPTS[shell](completedCommands(program), optionsOf(program));
}
