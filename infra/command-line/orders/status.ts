import type { CaaWarning } from '../../../functions/store/caa.ts';
import { certificateProblem } from '../../../functions/store/order-state.ts';
import { printable } from '../../../functions/text.ts';
import { coloured } from '../../local/report-text.ts';
import { describeValidity } from '../../local/validity.ts';
import { secondsOf } from '../../timing.ts';
import { type DeployedCollector, withCollector } from '../collector.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { printJson } from '../json.ts';
import { requireOrderNumber } from '../order-number.ts';
import type { CollectorOptions } from '../program.ts';
import type { Terminal } from '../terminal.ts';
import { describeMoment } from '../times.ts';
import type { CertificateState } from './certificate.ts';
import { describeNext, nextCommand, unknownOrder } from './next.ts';
import type { OrderState } from './order-state.ts';
import { type ReadOrder, readOrder } from './read-order.ts';

/** Prints where an order is. */
export function status(terminal: Terminal, order: string, options: CollectorOptions): Promise<ExitCode> {
  const orderNumber = requireOrderNumber(order);
  return withCollector(options, terminal, async (collector) => {
    const now = new Date();
    const read = await readOrder(collector, orderNumber, now);
    if (read === undefined) {
      throw unknownOrder(collector, orderNumber);
    }
    const { state, execution, nextCheckAt, startedAt, notes, otherNotes } = read;
    const deadline = deadlineOf(startedAt, textOf(collector.settings?.giveUpAfter));
    const pollEvery = longestPoll(state, collector.settings);
    const remindBefore = textOf(collector.settings?.remindBefore);
    const happensNext = describeNext(read, { pollEvery, remindBefore, deadline }, now);
    const command = nextCommand(state, collector);
    if (options.json) {
      printJson(terminal, {
        collector: collector.name,
        ...state,
        nextCommand: command ?? null,
        happensNext,
        nextCheckAt: nextCheckAt ?? null,
        startedAt: startedAt ?? null,
        deadline: state.state === 'waiting' ? (deadline?.toISOString() ?? null) : null,
        executionStatus: execution?.status ?? null,
      });
    } else {
      terminal.printStyled(describeOrder(read, happensNext, command, now).join('\n'));
    }
    for (const note of [...notes, ...otherNotes]) {
      terminal.note(note);
    }
    return exitCodeOf(state, now);
  });
}

/** The longest time until the next check of an order. Pushes make only the checks rarer that find it being processed. */
function longestPoll({ reason }: OrderState, settings: DeployedCollector['settings']): string | undefined {
  const pollEvery = textOf(settings?.pollEvery);
  const mayBeProcessed = reason === null || reason === 'processing';
  return mayBeProcessed ? (textOf(settings?.pollEveryWithPush) ?? pollEvery) : pollEvery;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** When the collection fails without a certificate; undefined if it is not known. */
function deadlineOf(startedAt: string | undefined, giveUpAfter: string | undefined): Date | undefined {
  const seconds = giveUpAfter === undefined ? undefined : secondsOf(giveUpAfter);
  return startedAt === undefined || seconds === undefined
    ? undefined
    : new Date(Date.parse(startedAt) + seconds * 1000);
}

function exitCodeOf({ state, certificate, execution }: OrderState, now: Date): ExitCode {
  if (state === 'waiting') {
    return execution?.runs === false ? EXIT_CODES.problem : EXIT_CODES.waiting;
  }
  const isGood = state === 'issued' && certificate !== null && certificateProblem(certificate, now) === undefined;
  return isGood ? EXIT_CODES.success : EXIT_CODES.problem;
}

/** The colours of states, as those of findings. */
const KINDS = { waiting: 'warning', issued: 'good', failed: 'error', unreadable: 'error' } as const satisfies Record<
  OrderState['state'],
  string
>;

type Row = readonly [label: string, value: string, kind?: 'good' | 'warning' | 'error'];

function describeOrder(
  { state, execution, startedAt, notes }: ReadOrder,
  happensNext: string,
  command: string | undefined,
  now: Date,
): string[] {
  const { orderNumber, account, domains, reason, error, text, since, nextStep, certificate, caa } = state;
  const why = reason ?? error;
  const rows: Row[] = [
    ['state', `${state.state}${why === null ? '' : ` (${why})`}`, KINDS[state.state]],
    ...(since === null ? [] : [['since', describeMoment(since, now)] as const]),
    ['text', text],
    ['next', happensNext],
    ...(nextStep === null ? [] : [['to do', `${nextStep}.`] as const]),
    ...(command === undefined ? [] : [['command', command] as const]),
    ['domains', domains.join(', ') || 'none'],
    ...caa.flatMap(describeCaa),
    ...(account === null ? [] : [['account', account] as const]),
    ['execution', describeExecution(state, execution?.status, startedAt, notes, now)],
  ];
  return [
    `Order ${orderNumber}`,
    ...rows.map(describeRow),
    ...(certificate === null ? ['Certificate: none yet'] : ['Certificate', ...describeCertificate(certificate, now)]),
  ];
}

/** Why the CA may refuse the next certificate, and the records that were found. */
function describeCaa({ verdict, name, records, message, since }: CaaWarning): Row[] {
  const found = verdict === 'unknown' ? 'unknown' : `forbid a certificate, found at ${name}`;
  return [
    ['CAA', `${found}, since ${since.slice(0, 10)}: ${message}`, 'warning'],
    ...records.map((record): Row => ['', `${name} CAA ${record}`]),
  ];
}

function describeExecution(
  { execution }: OrderState,
  status: string | undefined,
  startedAt: string | undefined,
  notes: readonly string[],
  now: Date,
): string {
  if (execution === null) {
    return 'none';
  }
  const started = startedAt === undefined ? '' : `, started ${describeMoment(startedAt, now)}`;
  if (execution.runs === null || notes.length > 0) {
    return `${execution.name}${started}`;
  }
  // Step Functions deletes an execution 90 days after its end.
  const ended = status === undefined ? 'no longer exists' : `does not run (${status})`;
  return `${execution.name} ${execution.runs ? 'runs' : ended}${started}`;
}

function describeCertificate(certificate: CertificateState, now: Date): string[] {
  const {
    owner,
    markType,
    product,
    domains,
    notBefore,
    notAfter,
    fingerprintSha256,
    findings,
    receivers,
    bimiRecords,
  } = certificate;
  const problem = certificateProblem(certificate, now);
  const rows: Row[] = [
    problem === undefined ? ['verdict', 'publishable', 'good'] : ['verdict', `not usable: ${problem}`, 'error'],
    ['owner', owner ?? 'none'],
    ['mark', [markType ?? 'no mark type', product && `(${product})`].filter(Boolean).join(' ')],
    ['domains', domains.join(', ')],
    ['valid', describeValidity(notBefore, notAfter, now)],
    ['SHA-256', fingerprintSha256],
    ...bimiRecords.map((record): Row => ['record', record]),
    ...findings.map(({ id, severity, message }): Row => [severity, `${id}: ${message}`]),
    ...receivers.map(
      ({ name, shows, because }): Row => [
        'receiver',
        `${name} ${VERDICTS[String(shows)]}${because.length > 0 ? ` (${because.join(', ')})` : ''}`,
      ],
    ),
  ];
  return rows.map(describeRow);
}

const VERDICTS: Readonly<Record<string, string>> = {
  true: 'shows the logo',
  false: 'does not show the logo',
  null: 'may show the logo; it is not known',
};

function describeRow([label, value, kind]: Row): string {
  const text = printable(value);
  return `  ${label.padEnd(9)}  ${kind === undefined ? text : coloured(kind, text)}`;
}
