import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeTable } from '../../infra/command-line/table.ts';

/** The table of the consumers, with a row also for what failed. */
export interface ConsumerTable {
  /**
   * Runs a case and records its result.
   *
   * @param tools what the consumer uses, with its versions.
   */
  row(consumer: string, tools: string, run: () => Promise<string>): Promise<void>;
  print(): void;
}

export function createTable(): ConsumerTable {
  const rows: string[][] = [];
  return {
    async row(consumer, tools, run) {
      const began = performance.now();
      const row = [consumer, tools, 'FAILED', ''];
      rows.push(row);
      try {
        row[2] = await run();
      } finally {
        row[3] = ((performance.now() - began) / 1000).toFixed(1);
      }
    },
    print() {
      const lines = describeTable(['consumer', 'tools', 'result', 'seconds'], rows.toSorted(), undefined);
      console.log(['', ...lines, ''].join('\n'));
    },
  };
}

/** The installed versions of packages of a consumer, like `typescript 5.6.3, jest 29.7.0`. */
export function versionsOf(folder: string, packages: readonly string[]): string {
  return packages
    .map((name) => {
      const { version } = JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8'));
      return `${name} ${version}`;
    })
    .join(', ');
}
