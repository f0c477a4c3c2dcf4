import * as v from 'valibot';
import { ERRORS_REPORTED_BY_COLLECT, FAILURE_BYTES } from './errors.ts';
import type { FailedDetail } from './events.ts';
import { executionName, type Order, orderInStateSchema, orderNumberOf } from './order.ts';
import { truncateLine } from './text.ts';

/** The end of an execution without a certificate. */
export interface EndedExecution {
  readonly name: string;
  readonly status: 'FAILED' | 'TIMED_OUT' | 'ABORTED';
  /** In milliseconds since 1970, like `stopDate`. */
  readonly startDate: number;
  readonly stopDate: number;
  readonly input?: string | null | undefined;
  readonly error?: string | null | undefined;
  readonly cause?: string | null | undefined;
}

/** The error with which the command that removes a collector stops the executions. It needs no message. */
export const COLLECTOR_REMOVED = 'CollectorRemoved';

/** The names of the errors for executions that timed out or were stopped: Step Functions reports none. */
export const TIMED_OUT = 'ExecutionTimedOut';
export const ABORTED = 'ExecutionAborted';

const orderNumberSchema = v.pick(orderInStateSchema, ['orderNumber']);
const orderJson = v.pipe(v.string(), v.parseJson(), orderInStateSchema);
const orderNumberJson = v.pipe(v.string(), v.parseJson(), orderNumberSchema);
const textJson = v.pipe(v.string(), v.parseJson(), v.string());

/** Whether the collector reports this end itself, or nobody needs to know it. */
export function needsNoMessage({ status, error }: EndedExecution): boolean {
  return status === 'FAILED'
    ? ERRORS_REPORTED_BY_COLLECT.some((name) => name === error)
    : status === 'ABORTED' && error === COLLECTOR_REMOVED;
}

/**
 * The order of an execution: its input, or only the order number in the name of the execution. Undefined if the
 * execution is not about an order, because somebody started it by hand.
 */
export function orderOf({ name, input }: Pick<EndedExecution, 'name' | 'input'>): Order | undefined {
  const order = v.safeParse(orderJson, input);
  if (order.success) {
    return order.output;
  }
  const number = v.safeParse(orderNumberJson, input);
  const inName = v.safeParse(orderNumberSchema, { orderNumber: orderNumberOf(name) });
  return number.success ? number.output : inName.success ? inName.output : undefined;
}

/** A failed collection. The order is undefined if the execution is not about one. */
export type Failure = Omit<FailedDetail, 'collector' | 'orderNumber' | 'updatedAt'> & {
  readonly orderNumber: string | undefined;
};

/** The end of an execution in the form in which the collector reports a failure. */
export function failureOf(ended: EndedExecution, order: Order | undefined): Failure {
  return {
    orderNumber: order?.orderNumber,
    account: order?.account ?? null,
    domains: order?.domains ?? [],
    execution: ended.name,
    startedAt: new Date(ended.startDate).toISOString(),
    ...describeEnd(ended),
  };
}

/** What happened in words, without the JSON and the stack that `cause` contains if a function failed. */
function describeEnd({ status, error, cause }: EndedExecution): Pick<FailedDetail, 'error' | 'text' | 'nextStep'> {
  const reason = reasonIn(cause);
  switch (status) {
    case 'ABORTED': {
      const given = [error, reason].filter(Boolean).join(': ');
      return {
        error: ABORTED,
        text: `somebody stopped the execution${given && `, with the reason "${given}"`}`,
        nextStep: 'if this was a mistake, redrive the execution; otherwise there is nothing to do',
      };
    }
    case 'TIMED_OUT':
      return {
        error: TIMED_OUT,
        text: `the execution ran for a year, the longest time that Step Functions allows${reason && `: ${reason}`}`,
        nextStep:
          'ask the CA what delays the order, then send the event again, which starts a new collection with a new deadline',
      };
    default:
      return {
        error: error || 'an error without a name',
        text: reason || 'AWS gave no reason',
        nextStep: 'find the cause in the logs and fix it, then redrive the execution',
      };
  }
}

/**
 * The reason in a cause: the message of an error that AWS gives as JSON, else the cause itself; empty if there is none.
 * AWS cuts a cause at 32,768 characters (Step Functions, API reference), so the JSON can be incomplete.
 */
function reasonIn(cause: string | null | undefined): string {
  const given = cause ?? '';
  const [, message = ''] = ERROR_MESSAGE.exec(given) ?? [];
  const parsed = v.safeParse(textJson, `"${message}"`);
  const text = /^\s*[{[]/.test(given) ? (parsed.success ? parsed.output : '') : given;
  const reason = text
    // "RequestId: <uuid> Error: Task timed out after 60.00 seconds": only the second part is for a person.
    .replace(/^RequestId: [0-9a-f-]{36} (Error: )?/, '')
    // The error of a state can end with its whole input, in single quotes.
    .replace(/'[{[]\s*".*$/s, '…');
  // Errors of the AWS SDK have several lines, and quote what they could not read.
  return truncateLine(reason, FAILURE_BYTES);
}

/** The message in the cause of a function, or in that of PutEvents, up to its end or to where AWS cut it. */
const ERROR_MESSAGE = /"errorMessage"\s*:\s*"((?:[^"\\]|\\(?:[^u]|u[0-9a-f]{4}))*)/i;

/** Whether an execution only checks an order that another execution collects: it was started by a push or a survey. */
export function isExtraCheck(execution: string, orderNumber: string): boolean {
  return ['push-', 'renewal-'].some((kind) => execution.startsWith(executionName({ orderNumber, request: kind })));
}
