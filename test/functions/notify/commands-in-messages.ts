import { execFileSync } from 'node:child_process';
import { Command } from 'commander';
import { expect } from 'vitest';
import { NEW_ORDER_NUMBER } from '../../../functions/notify/commands.ts';
import { readEvent } from '../../../infra/command-line/order/run.ts';
import { orderCommand } from '../../../infra/command-line/order.ts';

/** Runs a command in a shell in which the program prints its arguments. */
export function argumentsOf(command: string): string[] {
  const script = `aws() { printf '%s\\0' "$@"; }\nnpx() { printf '%s\\0' "$@"; }\n${command}`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

/** How a command begins that needs no installation. */
export const PROGRAM = ['--package', 'mark-certificate-collector', 'mark-certificates'];

/** The event that the program sends for a command. */
export function orderIn(command: string): Record<string, unknown> {
  const args = argumentsOf(command);
  expect(args.slice(0, 4)).toEqual([...PROGRAM, 'order']);
  const parser = orderCommand.define(new Command('order'));
  parser.exitOverride().parse(args.slice(4), { from: 'user' });
  const [order = ''] = parser.args;
  // A message about a new order has no number yet.
  const { orderNumber, ...options } = readEvent(order === NEW_ORDER_NUMBER ? '1' : order, parser.opts());
  return { orderNumber: order === NEW_ORDER_NUMBER ? order : orderNumber, ...options };
}

/** The event that the program sends for the command in a message. */
export function orderInMessage(body: string): Record<string, unknown> {
  const [command = ''] = /^npx [\s\S]*?(?=\n\n)/m.exec(body) ?? [];
  return orderIn(command);
}
