import { resolve } from 'node:path';
import type { Cell } from '../../../functions/pages/csv.ts';
import { printable } from '../../../functions/text.ts';
import { type DeployedCollector, withCollector } from '../collector.ts';
import { UsageError } from '../errors.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { printJson } from '../json.ts';
import { requirePageFile } from '../page-file.ts';
import type { CollectorOptions } from '../program.ts';
import type { Terminal } from '../terminal.ts';
import type { OrderState } from './order-state.ts';
import { readOrders } from './read-orders.ts';

/** The options of `orders`. */
export interface OrdersOptions extends CollectorOptions {
  readonly waiting?: boolean;
  readonly ending?: string;
  readonly account?: string;
  readonly csv?: boolean;
  readonly html?: string;
}

/** From this many orders on, the progress is shown. */
const LONG_LIST = 100;

/** Prints all orders, or those that the options select. Those that need someone come first. */
export function orders(terminal: Terminal, options: OrdersOptions): Promise<ExitCode> {
  const isSelected = selection(options);
  if (options.csv && options.json) {
    throw new UsageError('--csv and --json cannot be used together');
  }
  const page = options.html === undefined ? undefined : resolve(terminal.folder, requirePageFile(options.html));
  return withCollector(options, terminal, async (collector) => {
    const onProgress = (read: number, total: number) => {
      if (total >= LONG_LIST) {
        terminal.progress(read === total ? '' : `${read} of ${total} orders`);
      }
    };
    const endingWithin = options.ending === undefined ? undefined : Number(options.ending);
    const now = new Date();
    const read = await readOrders(collector, { now, endingWithin, onProgress }).finally(() => terminal.progress(''));
    const selected = read.orders.filter(isSelected).toSorted(byUrgency);
    if (page !== undefined) {
      const { writeOrdersPage } = await import('./page.ts');
      const numbers = new Set(selected.map(({ orderNumber }) => orderNumber));
      const sources = read.sources.filter(({ orderNumber }) => numbers.has(orderNumber));
      await writeOrdersPage(page, sources, collector, read.caa, now);
      terminal.note(`${selected.length === 1 ? '1 order' : `${selected.length} orders`} in ${page}`);
    }
    if (page === undefined || options.csv || options.json) {
      await print(terminal, selected, options, read.total, collector);
    }
    for (const note of read.notes) {
      terminal.note(note);
    }
    return selected.some(({ state }) => state === 'unreadable') ? EXIT_CODES.problem : EXIT_CODES.success;
  });
}

const DAYS = /^\d{1,5}$/;
const ACCOUNT = /^[a-z0-9-]{1,32}$/;

function selection({ waiting, ending, account }: OrdersOptions): (order: OrderState) => boolean {
  if (ending !== undefined && !DAYS.test(ending)) {
    throw new UsageError(`--ending: ${printable(ending)} is not accepted; accepted: a number of days, like 30`);
  }
  if (account !== undefined && !ACCOUNT.test(account)) {
    throw new UsageError(
      `--account: ${printable(account)} is not accepted; accepted: 1 to 32 lower-case letters, digits and hyphens, like brand-a`,
    );
  }
  return (order) =>
    (waiting !== true || order.state === 'waiting') && (account === undefined || order.account === account);
}

const RANKS: Readonly<Record<OrderState['state'], number>> = { unreadable: 0, failed: 1, waiting: 2, issued: 3 };

/** Those that need someone, then those that wait, then the others by the end of their certificates. */
function byUrgency(a: OrderState, b: OrderState): number {
  return (
    Number(b.needsSomeone) - Number(a.needsSomeone) ||
    RANKS[a.state] - RANKS[b.state] ||
    (a.certificate?.notAfter ?? '').localeCompare(b.certificate?.notAfter ?? '') ||
    (a.since ?? '').localeCompare(b.since ?? '') ||
    a.orderNumber.localeCompare(b.orderNumber, 'en', { numeric: true })
  );
}

async function print(
  terminal: Terminal,
  selected: readonly OrderState[],
  { json, csv }: OrdersOptions,
  total: number,
  { name, region }: DeployedCollector,
): Promise<void> {
  if (json) {
    printJson(terminal, selected);
    return;
  }
  if (csv) {
    const { describeCsv } = await import('../../../functions/pages/csv.ts');
    terminal.print(describeCsv(CSV_HEAD, selected.map(csvRow)));
    return;
  }
  if (selected.length === 0) {
    terminal.note(
      total === 0
        ? `The collector ${name} in ${region} has no orders.`
        : `None of the ${total} orders of the collector ${name} matches.`,
    );
    return;
  }
  const { describeTable } = await import('../table.ts');
  terminal.print(describeTable(TABLE_HEAD, selected.map(tableRow), terminal.columns).join('\n'));
}

const TABLE_HEAD = ['ORDER', 'STATE', 'SINCE', 'ACCOUNT', 'DOMAINS', 'EXPIRES', 'TO DO'];

function tableRow({ orderNumber, state, reason, error, execution, ...order }: OrderState): string[] {
  const why = state === 'waiting' && execution?.runs === false ? 'does not run' : (reason ?? error);
  return [
    orderNumber,
    why === null ? state : `${state}: ${why}`,
    order.since?.slice(0, 10) ?? '',
    order.account ?? '',
    order.domains.join(' '),
    order.certificate?.notAfter.slice(0, 10) ?? '',
    order.nextStep ?? '',
  ];
}

const CSV_HEAD = [
  'order',
  'account',
  'state',
  'reason',
  'error',
  'since',
  'text',
  'needs_someone',
  'next_step',
  'domains',
  'product',
  'execution',
  'runs',
  'publishable',
  'owner',
  'not_before',
  'not_after',
];

function csvRow(order: OrderState): Cell[] {
  const { certificate, execution } = order;
  return [
    order.orderNumber,
    order.account,
    order.state,
    order.reason,
    order.error,
    order.since,
    order.text,
    order.needsSomeone,
    order.nextStep,
    order.domains.join(' '),
    order.product,
    execution?.name,
    execution?.runs,
    certificate?.publishable,
    certificate?.owner,
    certificate?.notBefore,
    certificate?.notAfter,
  ];
}
