import { shellWord } from '../../functions/notify/commands.ts';
import { type CollectorOptions, PROGRAM } from './program.ts';

/**
 * A command of this program to copy.
 *
 * @param options of the command that suggests it: the other one selects the same collector.
 */
export function commandText(args: readonly string[], { collector, profile, region }: CollectorOptions): string {
  const selection = Object.entries({ collector, profile, region }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, value],
  );
  return [PROGRAM, ...args, ...selection].map(shellWord).join(' ');
}
