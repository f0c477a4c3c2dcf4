import Table from 'cli-table3';
import { printable } from '../../functions/text.ts';

/** The narrowest column: three characters and an ellipsis. */
const NARROWEST = 4;
const GAP = 2;

const WITHOUT_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};

/**
 * Lines of a table with a head. Cells are printable, and cells that do not fit are shortened, in the widest columns first.
 * The first column names the rows: it is shortened last.
 *
 * @param width the width of the terminal; undefined: nothing is shortened.
 */
export function describeTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
): string[] {
  const cells = [head, ...rows].map((row) => row.map(printable));
  const table = new Table({
    chars: WITHOUT_LINES,
    style: { 'padding-left': 0, 'padding-right': GAP, head: [], border: [] },
    colWidths: widths(cells, width).map((column) => column + GAP),
  });
  table.push(...cells.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}

/** The width of each column without its gap. */
function widths(cells: readonly (readonly string[])[], width: number | undefined): number[] {
  const natural = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => widthOf(row[column] ?? ''))));
  let excess = width === undefined ? 0 : natural.reduce((sum, each) => sum + each + GAP, -GAP) - width;
  for (const from of [1, 0]) {
    while (excess > 0) {
      const widest = Math.max(0, ...natural.slice(from));
      if (widest <= NARROWEST) {
        break;
      }
      natural[natural.indexOf(widest, from)] = widest - 1;
      excess -= 1;
    }
  }
  return natural;
}

/** Characters of East Asian scripts and emoji take two columns. An upper limit is enough: a wider column is only wider. */
function widthOf(text: string): number {
  return Array.from(text).reduce((sum, character) => sum + ((character.codePointAt(0) ?? 0) >= 0x1100 ? 2 : 1), 0);
}
