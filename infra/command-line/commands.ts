import { collectCommand } from './collect.ts';
import { fetchCommand } from './fetch.ts';
import { inspectCommand } from './inspect.ts';
import { openCommand } from './open.ts';
import { ordersCommand } from './orders.ts';
import type { CommandDefinition } from './program.ts';
import { statusCommand } from './status.ts';

/** All commands, in the order of the help. Each file defines one; the code that it runs is loaded when it runs. */
export const COMMANDS: readonly CommandDefinition[] = [
  inspectCommand,
  collectCommand,
  ordersCommand,
  statusCommand,
  fetchCommand,
  openCommand,
];
