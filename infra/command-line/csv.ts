import { stringify } from 'csv-stringify/sync';
import { printable } from '../../functions/text.ts';

/**
 * Lines of comma-separated values (RFC 4180) with a head. A cell that a spreadsheet would run as a formula begins with a
 * single quote.
 */
export function describeCsv(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return stringify(
    [head, ...rows].map((row) => row.map((cell) => printable(cell).trim())),
    { escape_formulas: true },
  ).trimEnd();
}
