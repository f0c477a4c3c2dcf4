import { collectCommand } from './collect.ts';
import { createCompletionCommand } from './completion.ts';
import { downCommand } from './down.ts';
import { fetchCommand } from './fetch.ts';
import { inspectCommand } from './inspect.ts';
import { loginCommand } from './login.ts';
import { openCommand } from './open.ts';
import { orderCommand } from './order.ts';
import { ordersCommand } from './orders.ts';
import type { CommandDefinition } from './program.ts';
import { retryCommand } from './retry.ts';
import { statusCommand } from './status.ts';
import { unwatchCommand } from './unwatch.ts';
import { watchCommand } from './watch.ts';

/** All commands, in the order of the help. Each file defines one; the code that it runs is loaded when it runs. */
export const COMMANDS: readonly CommandDefinition[] = [
  inspectCommand,
  collectCommand,
  orderCommand,
  ordersCommand,
  statusCommand,
  fetchCommand,
  openCommand,
  watchCommand,
  unwatchCommand,
  retryCommand,
  loginCommand,
  downCommand,
  createCompletionCommand(() => COMMANDS),
];
