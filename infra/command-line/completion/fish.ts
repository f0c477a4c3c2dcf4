import { PROGRAM } from '../program.ts';
import type { Completed, CompletedCommand, CompletedOption } from './words.ts';

/** The script for fish 3 and later. */
export function fishScript(commands: readonly CompletedCommand[], options: readonly CompletedOption[]): string {
  return [
    `# fish completion for ${PROGRAM}`,
    'function __mark_certificates_command',
    '  set -l words (commandline -opc)',
    '  test (count $words) -gt 1; and test $words[2] = $argv[1]',
    'end',
    'function __mark_certificates_no_command',
    '  test (count (commandline -opc)) -eq 1',
    'end',
    `complete -c ${PROGRAM} -f`,
    ...options.map((option) => optionLine('__mark_certificates_no_command', option)),
    ...commands.flatMap((command) => {
      const condition = `__mark_certificates_command ${command.name}`;
      return [
        `complete -c ${PROGRAM} -n __mark_certificates_no_command -a ${command.name} -d ${quoted(command.description)}`,
        ...command.options.map((option) => optionLine(condition, option)),
        ...command.values.flatMap((value) => argumentLine(condition, value)),
      ];
    }),
  ].join('\n');
}

function optionLine(condition: string, { flags, description, value }: CompletedOption): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const parts = [`complete -c ${PROGRAM} -n ${quoted(condition)}`, ...names, ...valueParts(value)];
  return `${parts.join(' ')} -d ${quoted(description)}`;
}

function valueParts(value: Completed): string[] {
  if (value === 'nothing') {
    return [];
  }
  if (value === 'file') {
    return ['-r -F'];
  }
  return value === 'text' ? ['-x'] : [`-x -a ${words(value)}`];
}

function argumentLine(condition: string, value: Completed): string[] {
  if (value === 'text' || value === 'nothing') {
    return [];
  }
  const what = value === 'file' ? '-F' : `-a ${words(value)}`;
  return [`complete -c ${PROGRAM} -n ${quoted(condition)} ${what}`];
}

function words(value: readonly string[] | 'folder'): string {
  return value === 'folder' ? "'(__fish_complete_directories)'" : quoted(value.join(' '));
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
}
