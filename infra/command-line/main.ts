#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMMANDS } from './commands.ts';
import { runProgram } from './program.ts';
import { endWithoutOutput, openTerminal } from './terminal.ts';

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8'));
endWithoutOutput();
process.exitCode = await runProgram(COMMANDS, version, process.argv.slice(2), openTerminal());
