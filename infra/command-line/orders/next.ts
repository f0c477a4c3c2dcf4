import { FAILURE_NEXT_STEPS, type NextStep } from '../../../functions/errors.ts';
import type { DeployedCollector } from '../collector.ts';
import { commandText } from '../command-text.ts';
import { CommandError } from '../errors.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { describeDuration, describeMoment } from '../times.ts';
import type { OrderState } from './order-state.ts';
import type { ReadOrder } from './read-order.ts';

/** The settings of a collector that say when it acts, as ISO 8601 durations; undefined if they are not known. */
export interface NextTimes {
  readonly pollEvery: string | undefined;
  readonly remindBefore: string | undefined;
  /** When the collection of a waiting order fails. */
  readonly deadline: Date | undefined;
}

/** What the collector does next about an order, and when, as sentences. */
export function describeNext(
  { state, nextCheckAt }: ReadOrder,
  { pollEvery, deadline, remindBefore }: NextTimes,
  now: Date,
): string {
  const { execution, certificate } = state;
  if (execution?.runs === false && state.state === 'waiting') {
    return 'Nothing happens until a person acts.';
  }
  switch (state.state) {
    case 'waiting': {
      const end = deadline ? ` Without a certificate, the collection fails ${describeMoment(deadline, now)}.` : '';
      return state.reason === 'credentials'
        ? `The collector does not call the CA with a login that the CA rejected. It looks for another login ${when()}.${end}`
        : `The collector asks the CA ${when()}.${end}`;
    }
    case 'issued':
      if (execution?.runs === true && nextCheckAt !== undefined) {
        return `The collector asks the CA whether the order has another certificate ${when()}.`;
      }
      return certificate && new Date(certificate.notAfter) >= now
        ? `The certificate expires ${certificate.notAfter.slice(0, 10)}. ${describeReminders(remindBefore)}`
        : 'Nothing happens until a person acts.';
    default:
      return execution?.runs === true
        ? `Another execution of the order runs: ${execution.name}. It asks the CA ${when()}.`
        : 'Nothing happens until a person acts.';
  }

  function when(): string {
    if (nextCheckAt === undefined) {
      return pollEvery === undefined
        ? 'at its next check'
        : `at its next check, usually within ${describeDuration(pollEvery)}`;
    }
    return new Date(nextCheckAt) > now ? describeMoment(nextCheckAt, now) : 'now';
  }
}

function describeReminders(remindBefore: string | undefined): string {
  const start = remindBefore === undefined ? 'before that' : `from ${describeDuration(remindBefore)} before that`;
  return `The collector sends reminders ${start}. They state by which day to order the renewal.`;
}

/** The error about an order that the collector does not know. */
export function unknownOrder(collector: DeployedCollector, orderNumber: string): CommandError {
  return new CommandError(
    `The collector ${collector.name} in ${collector.region} does not know order ${orderNumber}.`,
    {
      exitCode: EXIT_CODES.unavailable,
      next: `Compare the number with the one at the CA. To collect the order: ${commandText(['order', orderNumber], collector.selection)}`,
    },
  );
}

/** The command that does the next step, or undefined if the collector cannot do it. */
export function nextCommand(
  { orderNumber, account, state, reason, error, execution }: OrderState,
  { selection }: Pick<DeployedCollector, 'selection'>,
): string | undefined {
  const retry = commandText(['retry', orderNumber], selection);
  if (state === 'waiting') {
    if (execution?.runs === false) {
      return retry;
    }
    return reason === 'credentials'
      ? commandText(['login', ...(account === null ? [] : ['--account', account])], selection)
      : undefined;
  }
  const steps: Readonly<Record<string, NextStep>> = FAILURE_NEXT_STEPS;
  const action = error !== null && Object.hasOwn(steps, error) ? steps[error]?.action : undefined;
  const needsCorrection = error === 'InvalidRequest' || error === 'InvalidInput';
  return state === 'failed' && action !== undefined && action !== 'none' && !needsCorrection ? retry : undefined;
}
