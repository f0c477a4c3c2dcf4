/**
 * The command line as a process that can record its folder: before each change of the file system, it copies the folder
 * RECORDED to a folder in RECORDS that is named after the number of the change. A copy is what is left if the process is
 * killed at this moment. Its time is in the file with the extension `.time`.
 */
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { observeFileChanges } from './file-changes.ts';

const { RECORDED, RECORDS } = process.env;
if (RECORDED !== undefined && RECORDS !== undefined) {
  await observeFileChanges((change) => {
    const copy = join(RECORDS, String(change));
    writeFileSync(`${copy}.time`, String(Date.now()));
    cpSync(RECORDED, copy, { recursive: true });
  });
}

const { COMMANDS } = await import('../../../../infra/command-line/commands.ts');
const { runProgram } = await import('../../../../infra/command-line/program.ts');
const { openTerminal } = await import('../../../../infra/command-line/terminal.ts');
process.exitCode = await runProgram(COMMANDS, '1.2.3', process.argv.slice(2), openTerminal());
