/** What the suite shows: a row for every case, printed at the end, also of what failed. */
export interface CaseTable {
  /** A number that no other case uses. */
  nextOrder(): string;
  /** Runs a case and notes its outcome, the seconds it took and the calls that the CA saw. */
  row(name: string, tell: () => Promise<string>, calls: () => number): Promise<void>;
  /** A line below the table. */
  note(line: string): void;
  print(): void;
}

interface Row {
  readonly case: string;
  readonly outcome: string;
  readonly seconds: string;
  readonly calls: string;
}

export function createTable(): CaseTable {
  const rows: Row[] = [];
  const notes: string[] = [];
  let orders = 4_000_000_000;
  return {
    // Past 2^31, where the CA's numbers are soon.
    nextOrder: () => String(++orders),
    async row(name, tell, calls) {
      const began = performance.now();
      let outcome = 'the case FAILED';
      try {
        outcome = await tell();
      } finally {
        const seconds = ((performance.now() - began) / 1000).toFixed(1);
        rows.push({ case: name, outcome, seconds, calls: String(calls()) });
      }
    },
    note: (line) => {
      notes.push(line);
    },
    print() {
      const head = { case: 'case', outcome: 'outcome', seconds: 'seconds', calls: 'calls' };
      const width = (column: keyof Row) => Math.max(...[head, ...rows].map((row) => row[column].length));
      const widths = {
        case: width('case'),
        outcome: width('outcome'),
        seconds: width('seconds'),
        calls: width('calls'),
      };
      const line = (row: Row) =>
        [
          row.case.padEnd(widths.case),
          row.outcome.padEnd(widths.outcome),
          row.seconds.padStart(widths.seconds),
          row.calls.padStart(widths.calls),
        ].join('  ');
      console.log(['', line(head), ...rows.map(line), '', ...notes, ''].join('\n'));
    },
  };
}
