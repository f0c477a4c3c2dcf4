import { PROGRAM } from '../program.ts';
import type { Completed, CompletedCommand, CompletedOption } from './words.ts';

/**
 * The script for bash 3.2, which macOS has, and later. Bash separates words at `=`, so the value of `--option=value` is a
 * separate word.
 */
export function bashScript(commands: readonly CompletedCommand[], options: readonly CompletedOption[]): string {
  return `# bash completion for ${PROGRAM}
_mark_certificates() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command='' count=0 skip='' options='' words='' kind='' word index line
  COMPREPLY=()
  if [[ $current == '=' ]]; then
    current=''
  elif [[ $previous == '=' ]]; then
    previous="\${COMP_WORDS[COMP_CWORD-2]}"
  fi
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    if [[ -z $command ]]; then
      [[ $word == -* ]] || command="$word"
    elif [[ $word == '=' ]]; then
      skip=yes
    elif [[ -n $skip ]]; then
      skip=''
    elif [[ $word == -?* ]]; then
      case "$command $word" in
${commands.flatMap((command) => valuedFlags(command).map((flag) => `        '${command.name} ${flag}') skip=yes ;;`)).join('\n')}
      esac
    else
      count=$((count + 1))
    fi
  done
  case "$command" in
    '') options=${quoted(flagsOf(options).join(' '))} words=${quoted(commands.map(({ name }) => name).join(' '))} ;;
${commands.map((command) => `    ${command.name}) options=${quoted(flagsOf(command.options).join(' '))} ;;`).join('\n')}
  esac
  case "$command $previous" in
${commands.flatMap(valueCases).join('\n')}
    *)
      if [[ $current == -* ]]; then
        words="$options"
      else
        case "$command $count" in
${commands.flatMap(argumentCases).join('\n')}
        esac
      fi
      ;;
  esac
  case "$kind" in
    file | folder)
      compopt -o filenames 2>/dev/null
      if [[ $kind == folder ]]; then kind=-d; else kind=-f; fi
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$kind" -- "$current")
      ;;
    *)
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -W "$words" -- "$current")
      ;;
  esac
}
complete -F _mark_certificates ${PROGRAM}`;
}

function flagsOf(options: readonly CompletedOption[]): string[] {
  return options.flatMap(({ flags }) => flags);
}

function valuedFlags({ options }: CompletedCommand): string[] {
  return flagsOf(options.filter(({ value }) => value !== 'nothing'));
}

function valueCases({ name, options }: CompletedCommand): string[] {
  return options.flatMap(({ flags, value }) =>
    value === 'nothing' ? [] : flags.map((flag) => `    '${name} ${flag}') ${assignment(value)} ;;`),
  );
}

/** The last argument of a variadic command matches every further position. */
function argumentCases({ name, values, isVariadic }: CompletedCommand): string[] {
  return values.map((value, index) => {
    const position = isVariadic && index === values.length - 1 ? `'${name} '*` : `'${name} ${index}'`;
    return `          ${position}) ${assignment(value)} ;;`;
  });
}

function assignment(value: Completed): string {
  return typeof value === 'string' ? `words='' kind=${value}` : `words=${quoted(value.join(' '))}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
