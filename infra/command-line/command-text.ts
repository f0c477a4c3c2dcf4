import { shellWord } from '../../functions/notify/commands.ts';
import { type CollectorOptions, PROGRAM } from './program.ts';

/**
 * A command of this program to copy.
 *
 * @param selection the options that select the collector; other options of the command that suggests it are left out.
 */
export function commandText(args: readonly string[], { collector, profile, region }: CollectorOptions): string {
  const options = Object.entries({ collector, profile, region }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, value],
  );
  return [PROGRAM, ...args, ...options].map(shellWord).join(' ');
}
