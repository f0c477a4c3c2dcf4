import { printableJson } from '../../functions/text.ts';
import type { Terminal } from './terminal.ts';

/** Prints a result as JSON. What is not printable in it is escaped, and its values stay the same. */
export function printJson({ print }: Pick<Terminal, 'print'>, value: unknown): void {
  print(printableJson(JSON.stringify(value, null, 2)));
}
