/** The table that the suite prints at the end: a row for every case, also for those that failed. */
export interface CaseTable {
  /** An order number that no other case uses. */
  nextOrder(): string;
  /** Runs a case and records its outcome, its duration and the number of calls to the CA. */
  row(title: string, run: () => Promise<string>, calls: () => number): Promise<void>;
  /** Adds a line below the table. */
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
    // Above 2^31, which the CA's numbers will soon exceed.
    nextOrder: () => String(++orders),
    async row(title, run, calls) {
      const began = performance.now();
      let outcome = 'the case FAILED';
      try {
        outcome = await run();
      } finally {
        const seconds = ((performance.now() - began) / 1000).toFixed(1);
        rows.push({ case: title, outcome, seconds, calls: String(calls()) });
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
