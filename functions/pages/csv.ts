import { stringify } from 'csv-stringify/sync';
import { inBatches } from '../batches.ts';
import { printable } from '../text.ts';

/** A value of a cell. Only a text can be a formula: a number stays a number, also if it is negative. */
export type Cell = string | number | boolean | null | undefined;

/**
 * The beginning of a formula, in full-width characters too (OWASP, CSV Injection): at the beginning of a cell, or after
 * what another separator or a quote would make the beginning of a cell. Spreadsheets in many countries separate cells by
 * semicolons.
 */
const FORMULA = /(^|[;,|"]\s*)(?=[=+\-@＝＋－＠])/gu;

/** Excel reads a file without it in the code page of the computer, so that `ü` becomes `Ã¼`. */
const BYTE_ORDER_MARK = '\u{FEFF}';

/**
 * Lines of comma-separated values (RFC 4180) with a head, for a terminal or a program: without a byte-order mark, which
 * would become part of the first name, and without a final end of line. A cell that a spreadsheet would run as a formula
 * begins with a single quote. Every cell is one line, because line breaks are written as numbers.
 */
export function describeCsv(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return write([head, ...rows], '\n').trimEnd();
}

/** The rows of one piece of a file. A text of more than 128 KB is a large object of V8, which stays in memory longer. */
const PIECE_ROWS = 100;

/**
 * Like {@link describeCsv}, for a file that a person opens with a spreadsheet: with a byte-order mark and CRLF. It returns
 * the text in pieces, because a file of many rows is large.
 */
export function* csvFile<Item>(
  head: readonly string[],
  items: readonly Item[],
  rowOf: (item: Item) => readonly Cell[],
): Generator<string> {
  yield BYTE_ORDER_MARK + write([head], '\r\n');
  for (const batch of inBatches(items, PIECE_ROWS)) {
    yield write(batch.map(rowOf), '\r\n');
  }
}

function write(rows: readonly (readonly Cell[])[], lineEnd: string): string {
  return stringify(
    rows.map((row) => row.map(cellText)),
    { record_delimiter: lineEnd },
  );
}

function cellText(value: Cell): string {
  return typeof value === 'string' ? printable(value).trim().replaceAll(FORMULA, "$1'") : String(value ?? '');
}
