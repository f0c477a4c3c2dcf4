/** Finds the command lines of `mark-certificates` in pages and printed texts, and checks them with the program. */
import { CommanderError } from 'commander';
import { COMMANDS } from '../../../infra/command-line/commands.ts';
import { EXIT_CODES } from '../../../infra/command-line/exit-codes.ts';
import { type CommandDefinition, createProgram, PROGRAM } from '../../../infra/command-line/program.ts';
import { silentTerminal } from '../../../infra/command-line/terminal.ts';

/** What ends a command in a shell. */
const ENDS = /^(?:>>?|<|\||\|\||&&?|#.*)$/;

/** The words of a command line as a shell reads them, up to a redirection, a pipe, another command or a comment. */
export function wordsOf(line: string): string[] {
  const words = line.match(/(?:'[^']*'|"[^"]*"|[^\s'";])+|;/g) ?? [];
  const end = words.findIndex((word) => word === ';' || ENDS.test(word));
  return words.slice(0, end === -1 ? undefined : end).map((word) => word.replaceAll(/(['"])(.*?)\1/g, '$2'));
}

/**
 * The command lines of a Markdown page or of a printed text, each as its words without the name of the program.
 *
 * In Markdown, they are in code blocks and between backticks. A printed text has them where a line or its command begins.
 */
export function commandLinesIn(text: string): string[][] {
  const joined = text.replaceAll(/\\\n\s*/g, '');
  const pattern = new RegExp(`(?<![\\w./"'-])${PROGRAM}(?: --)? +([^\`\\n]*)`, 'g');
  return codeOf(joined)
    .flatMap((code) => [...code.matchAll(pattern)].map(([, line = '']) => wordsOf(withoutNotation(line))))
    .filter(([first = '…']) => !['…', 'COMMAND', '$@'].includes(first));
}

/** Texts between backticks that only name a command: "`mark-certificates order` sends an event". */
const NAMES: ReadonlySet<string> = new Set(COMMANDS.map(({ name }) => `${PROGRAM} ${name}`));

/** The lines of code blocks and the texts between backticks; of a text that is not Markdown, its indented lines. */
function codeOf(text: string): string[] {
  const blocks = [...text.matchAll(/^( *)```\w*\n([\s\S]*?)^ *```$/gm)].map(([, , block = '']) => block);
  const prose = text.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');
  const spans = [...prose.matchAll(/`([^`]+)`/g)]
    .map(([, span = '']) => span.replaceAll(/\s+/g, ' '))
    .filter((span) => !NAMES.has(span));
  const indented = prose.split('\n').filter((line) => /^ {2,}(?:npm|npx|mark-certificates) /.test(line));
  return [...blocks, ...spans, ...indented];
}

/** A line of a synopsis as a command: with everything in brackets, and with the first of alternatives. */
function withoutNotation(line: string): string {
  return line
    .replace(/ \[OPTION\]\.\.\.$/, '')
    .replaceAll(/[[\]]/g, '')
    .replaceAll(/(\w)\|\S+/g, '$1')
    .replaceAll(/(\w)(?:\.\.\.|…)(?= |$)/g, '$1');
}

/** A word in place of a value, like ORDER. */
const PLACEHOLDER = /^[A-Z]+$/;

/** Why the program does not accept a command line; undefined if it does. No command runs. */
export async function problemOf(words: readonly string[]): Promise<string | undefined> {
  let ran: string | undefined;
  const definitions = COMMANDS.map(
    (definition): CommandDefinition => ({
      ...definition,
      run: async () => {
        ran = definition.name;
        return EXIT_CODES.success;
      },
    }),
  );
  const program = createProgram(definitions, '', silentTerminal(), () => {});
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      throw error;
    }
    return error.exitCode === EXIT_CODES.success ? undefined : error.message;
  }
  const command = program.commands.find((each) => each.name() === ran);
  // Some commands check the values of these options themselves.
  const wrong = command?.options.flatMap((option) => {
    const value: unknown = command.opts()[option.attributeName()];
    const isAccepted = !option.argChoices || typeof value !== 'string' || PLACEHOLDER.test(value);
    return isAccepted || option.argChoices?.includes(value) ? [] : [`${option.long} ${value} is not accepted`];
  });
  return command ? wrong?.[0] : 'no command ran';
}
