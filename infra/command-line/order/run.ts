import * as v from 'valibot';
import { type OrderEvent, orderSchema } from '../../../functions/order.ts';
import { printable, truncate } from '../../../functions/text.ts';
import { withCollector } from '../collector.ts';
import { commandText } from '../command-text.ts';
import { UsageError } from '../errors.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { printJson } from '../json.ts';
import { requireOrderNumber } from '../order-number.ts';
import type { CollectorOptions } from '../program.ts';
import type { Terminal } from '../terminal.ts';
import { type OrderResult, sendOrder } from './send.ts';

/** The options as the user typed them. */
export interface OrderCommandOptions extends CollectorOptions {
  readonly domain?: readonly string[];
  readonly account?: string;
  readonly defaultAccount?: true;
  readonly product?: string;
  readonly selector?: string;
  readonly request?: string;
  readonly replace?: true;
  readonly json?: true;
}

/** The options that contain the fields of the event, and what they accept, if that differs from the field. */
const ARGUMENTS: Readonly<Record<string, readonly [option: string, accepted?: string]>> = {
  domains: ['--domain', 'a domain name like example.com; at most 100 of them'],
  account: ['--account', '1 to 32 lower-case letters, digits and hyphens, like brand-a'],
  product: ['--product', 'VMC, CMC'],
  selector: ['--selector'],
  request: ['--request'],
};

/** Sends the event of an order, and prints what happens. */
export async function runOrder(terminal: Terminal, order: string, options: OrderCommandOptions): Promise<ExitCode> {
  const event = readEvent(order, options);
  const result = await withCollector(options, terminal, (collector) => sendOrder(collector, event, terminal, options));
  if (options.json) {
    printJson(terminal, result);
  } else {
    terminal.print(describeResult(result, options));
  }
  return EXIT_CODES.success;
}

/**
 * The event that the arguments describe.
 *
 * @throws {UsageError} with every argument that is wrong.
 */
export function readEvent(order: string, options: OrderCommandOptions): OrderEvent {
  const { domain, account, defaultAccount, product, selector, request, replace } = options;
  if (account !== undefined && defaultAccount) {
    throw new UsageError('--account and --default-account exclude each other');
  }
  const given = {
    orderNumber: requireOrderNumber(order),
    domains: domain,
    product,
    account: defaultAccount ? null : account,
    selector,
    request,
    replace,
  };
  const result = v.safeParse(
    orderSchema,
    Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  );
  if (!result.success) {
    throw new UsageError(result.issues.map(describeIssue).join('\n'));
  }
  return result.output;
}

/** Names the option that the user typed in place of the field. */
function describeIssue(issue: v.BaseIssue<unknown>): string {
  const [field = ''] = (v.getDotPath(issue) ?? '').split('.');
  const [option = field, accepted = issue.message] = ARGUMENTS[field] ?? [];
  const value = typeof issue.input === 'string' ? issue.input : JSON.stringify(issue.input);
  return `${option}: ${truncate(printable(value), VALUE_BYTES)} is not accepted; accepted: ${accepted}`;
}

/** The bytes of a wrong value in a message. */
const VALUE_BYTES = 120;

/** What happened, and what the user can do next. */
function describeResult({ orderNumber, result, execution, changes }: OrderResult, options: CollectorOptions) {
  const status = commandText(['status', orderNumber], options);
  switch (result) {
    case 'started':
      return (
        `Order ${orderNumber}: the collection has started (execution ${execution}). The collector asks the CA now, and then at ` +
        `the poll interval until the CA issues the certificate.\nTo see the state of the order: ${status}`
      );
    case 'corrected':
      return `Order ${orderNumber} already waits (execution ${execution}). Its next check uses the new options: ${changes}.`;
    case 'waiting':
      return (
        `Order ${orderNumber} already waits with these options (execution ${execution}). The command changed nothing.\n` +
        `To see its state: ${status}`
      );
    case 'collected':
      return (
        `Order ${orderNumber} already has its certificate (execution ${execution}). The command started nothing.\n` +
        `To collect it again, add --request with a text that was not used for this order. To download it: ` +
        commandText(['fetch', orderNumber], options)
      );
  }
}
