import { stringify } from 'csv-stringify/sync';
import { printable } from '../../functions/text.ts';

/**
 * The beginning of a formula after what another separator or a quote would make the beginning of a cell: spreadsheets in
 * many countries separate cells by semicolons.
 */
const INNER_FORMULA = /([;,|"]\s*)(?=[=+\-@＝＋－＠])/gu;

/**
 * Lines of comma-separated values (RFC 4180) with a head. A cell that a spreadsheet would run as a formula begins with a
 * single quote.
 */
export function describeCsv(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return stringify(
    [head, ...rows].map((row) => row.map((cell) => printable(cell).trim().replaceAll(INNER_FORMULA, "$1'"))),
    { escape_formulas: true },
  ).trimEnd();
}
