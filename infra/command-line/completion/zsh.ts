import { PROGRAM } from '../program.ts';
import type { Completed, CompletedCommand, CompletedOption } from './words.ts';

/** The script for zsh: a file in a folder of `fpath`, or a part of `.zshrc`. */
export function zshScript(commands: readonly CompletedCommand[], options: readonly CompletedOption[]): string {
  return `#compdef ${PROGRAM}
_mark_certificates() {
  local context state state_descr line
  typeset -A opt_args
  _arguments -C \\
${options
  .flatMap(optionSpecs)
  .map((spec) => `    ${spec} \\`)
  .join('\n')}
    '1:command:->command' \\
    '*::argument:->argument'
  case $state in
    command)
      local -a commands
      commands=(
${commands.map(({ name, description }) => `        ${quoted(`${name}:${description.replaceAll(':', '\\:')}`)}`).join('\n')}
      )
      _describe command commands
      ;;
    argument)
      case $words[1] in
${commands.map(commandCase).join('\n')}
      esac
      ;;
  esac
}
if [[ $funcstack[1] == _${PROGRAM} ]]; then
  _mark_certificates "$@"
else
  compdef _mark_certificates ${PROGRAM}
fi`;
}

function commandCase({ name, options, values, isVariadic }: CompletedCommand): string {
  const specs = [
    ...options.flatMap(optionSpecs),
    ...values.map((value, index) => {
      const position = isVariadic && index === values.length - 1 ? '*' : String(index + 1);
      return quoted(`${position}:argument:${action(value)}`);
    }),
  ];
  return `        ${name})\n          _arguments \\\n${specs.map((spec) => `            ${spec}`).join(' \\\n')}\n          ;;`;
}

/** An option may be repeated: some may, and a second one does no harm. */
function optionSpecs({ flags, description, value }: CompletedOption): string[] {
  const text = `[${description.replaceAll(/[[\]:\\]/g, '\\$&')}]`;
  return flags.map((flag) => {
    const joint = value === 'nothing' ? '' : flag.startsWith('--') ? '=' : '+';
    return quoted(`*${flag}${joint}${text}${value === 'nothing' ? '' : `:value:${action(value)}`}`);
  });
}

function action(value: Completed): string {
  if (value === 'file') {
    return '_files';
  }
  if (value === 'folder') {
    return '_files -/';
  }
  return typeof value === 'string' ? ' ' : `(${value.join(' ')})`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
