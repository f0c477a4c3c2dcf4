import { FAULTS, type Fault } from './inputs.ts';

/** The verdicts on one input. */
export interface Row {
  readonly fault: Fault | null;
  readonly chainName: string;
  /** What each column contains. */
  readonly cells: readonly string[];
}

/** A Markdown table in the order of {@link FAULTS}. Chains with the same fault and the same verdicts share a line. */
export function formatMatrix(columns: readonly string[], rows: readonly Row[]): string {
  const lines = new Map<string, { readonly row: Row; readonly chainNames: string[] }>();
  const order = (row: Row) => (row.fault === null ? -1 : FAULTS.indexOf(row.fault));
  for (const row of rows.toSorted((a, b) => order(a) - order(b))) {
    const key = JSON.stringify([row.fault, row.cells]);
    const line = lines.get(key) ?? { row, chainNames: [] };
    line.chainNames.push(row.chainName);
    lines.set(key, line);
  }
  return [
    ['fault', 'chains', ...columns],
    ['---', '---', ...columns.map(() => '---')],
    ...[...lines.values()].map(({ row, chainNames }) => [row.fault ?? 'none', chainNames.join(', '), ...row.cells]),
  ]
    .map((cells) => `| ${cells.join(' | ')} |\n`)
    .join('');
}
