import type { Argument, Command, Option } from 'commander';

/** The shells with completion. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What can follow: one of these words, the name of a file or a folder, another text, or nothing. */
export type Completed = readonly string[] | 'file' | 'folder' | 'text' | 'nothing';

/** An option of a command. */
export interface CompletedOption {
  /** For example `-h` and `--help`. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly value: Completed;
}

/** A command, and what its arguments are. */
export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  readonly values: readonly Completed[];
  /** Whether the last argument may be repeated. */
  readonly isVariadic: boolean;
}

/** The placeholders in definitions whose values are names of files or folders. */
const FILES: ReadonlySet<string> = new Set(['file', 'login', 'targets']);
const FOLDERS: ReadonlySet<string> = new Set(['dir', 'directory', 'folder']);

/** What completion needs of the program's commands. */
export function completedCommands(program: Command): CompletedCommand[] {
  return program
    .createHelp()
    .visibleCommands(program)
    .map((command) => ({
      name: command.name(),
      description: firstSentence(command.description()),
      options: optionsOf(command),
      values: command.registeredArguments.map(ofArgument),
      isVariadic: command.registeredArguments.at(-1)?.variadic ?? false,
    }));
}

/** The options of a command with those that the program adds. */
export function optionsOf(command: Command): CompletedOption[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .map((option) => ({
      flags: [option.short, option.long].filter((flag) => flag !== undefined && flag !== null),
      description: option.description,
      value: ofOption(option),
    }));
}

function ofOption(option: Option): Completed {
  const [, placeholder] = /[<[]([^>\].|]+)/.exec(option.flags) ?? [];
  return placeholder === undefined ? 'nothing' : (option.argChoices ?? kindOf(placeholder));
}

function ofArgument(argument: Argument): Completed {
  return argument.argChoices ?? kindOf(argument.name());
}

function kindOf(placeholder: string): Completed {
  const name = placeholder.toLowerCase();
  return FILES.has(name) ? 'file' : FOLDERS.has(name) ? 'folder' : 'text';
}

function firstSentence(text: string): string {
  return text.split(/(?<=\.)\s/)[0] ?? text;
}
