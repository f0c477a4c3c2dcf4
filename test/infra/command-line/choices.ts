import { COMMANDS } from '../../../infra/command-line/commands.ts';
import { run } from './run.ts';

/** What the help of a command lists as the values of an option. */
export interface ListedChoices {
  readonly command: string;
  readonly option: string;
  readonly choices: readonly string[];
}

/** Every option of every command whose values the help lists. */
export async function listedChoices(): Promise<ListedChoices[]> {
  const listed = await Promise.all(
    COMMANDS.map(async ({ name: command }) => {
      const { out } = await run([command, '--help']);
      const entries = out.split(/^ {2}(?=-)/m).map((entry) => entry.replaceAll(/\s+/g, ' '));
      return entries.flatMap((entry) => {
        const [, option] = /^(?:-\w, )?(--[a-z-]+)/.exec(entry) ?? [];
        const [, list = ''] = /\(choices: ([^)]*?)(?:, default: [^)]*)?\)/.exec(entry) ?? [];
        const choices = [...list.matchAll(/"([^"]+)"/g)].flatMap(([, choice]) => choice ?? []);
        return option !== undefined && choices.length > 0 ? [{ command, option, choices }] : [];
      });
    }),
  );
  return listed.flat();
}

/** The shortest text that a shell completes to a choice, or to a choice with which others begin. */
export function beginningOf(choice: string, choices: readonly string[]): string {
  const isEnough = (text: string) => choices.every((each) => !each.startsWith(text) || each.startsWith(choice));
  const length = Array.from(choice, (_, index) => index).find((index) => isEnough(choice.slice(0, index)));
  return choice.slice(0, length);
}
