import type { Refusal } from './collectmc/codes.ts';
import { CollectorError } from './collector-error.ts';
import type { Concern } from './events.ts';
import { truncate } from './text.ts';

/** The names of errors that end an execution. Rules, alarms and the runbook match them. */
export type CollectionErrorName = Refusal | 'UnknownRefusal' | 'InvalidChain' | 'CollectionOverdue' | 'InvalidInput';

/**
 * The names of failures that the collector itself reports: those that a check throws, and CollectionLost, which the
 * survey reports for an order that waits without a running execution.
 */
export type FailureName = CollectionErrorName | 'CollectionLost';

/** What a person must do about an order, and which action of the collector completes it. */
export interface NextStep {
  /** A clause in the imperative, without a full stop. */
  readonly text: string;
  /**
   * - `redrive`: redrive the execution, which asks the CA again.
   * - `order-again`: send the event of the order again, which starts another execution.
   * - `store-login`: store the login at the CA in the secret.
   * - `none`: the collector can do nothing until the CA has another order, or it continues by itself.
   */
  readonly action: 'redrive' | 'order-again' | 'store-login' | 'none';
}

/** What an operator must do about each error that ends an execution. */
export const NEXT_STEPS: Readonly<Record<CollectionErrorName, NextStep>> = {
  OrderRejected: { text: 'ask the CA why it rejected the order, then place a new order', action: 'none' },
  CertificateRevoked: { text: 'ask the CA why it revoked the certificate, then order a new one', action: 'none' },
  CertificateExpired: { text: 'order a new certificate', action: 'none' },
  InvalidRequest: {
    text: 'compare the order number and the account with those at the CA, then send the event again with the right ones',
    action: 'order-again',
  },
  UnknownRefusal: { text: 'ask the CA what this status means, then redrive the execution', action: 'redrive' },
  InvalidChain: {
    text: 'ask the CA to issue the certificate again, then send the event again',
    action: 'order-again',
  },
  CollectionOverdue: {
    text: 'ask the CA what delays the order, then send the event again, which starts a new collection with a new deadline',
    action: 'order-again',
  },
  InvalidInput: { text: 'correct the event, then send it again', action: 'order-again' },
};

/**
 * The errors that Collect reports itself: it writes them to the order's status and sends "Mark Certificate Failed". An
 * invalid input names no order that could have a status.
 */
export const ERRORS_REPORTED_BY_COLLECT: readonly string[] = Object.keys(NEXT_STEPS).filter(
  (name) => name !== ('InvalidInput' satisfies CollectionErrorName),
);

/** What an operator must do about each failure that the collector reports. */
export const FAILURE_NEXT_STEPS: Readonly<Record<FailureName, NextStep>> = {
  ...NEXT_STEPS,
  CollectionLost: { text: 'send the event again, which starts another execution', action: 'order-again' },
};

/** What a person must do about a waiting order. The order then continues by itself. */
export const WAITING_NEXT_STEPS: Readonly<Record<Concern, NextStep>> = {
  credentials: {
    text: 'store a login that the CA accepts in the secret of the account, even if it is the same login as before, and create the secret if it is missing',
    action: 'store-login',
  },
  payment: { text: 'pay the order at the CA', action: 'none' },
  permission: { text: 'ask the CA to let this account collect the order', action: 'none' },
  outage: { text: 'ask the CA when its service will work again', action: 'none' },
  storage: {
    text: 'find in the logs of Collect why S3 or EventBridge did not accept a request, and fix the cause',
    action: 'none',
  },
  deadline: { text: 'ask the CA what delays the order', action: 'none' },
};

/** The text of a status contains it if the collection knew already that the certificate is not publishable. */
export const CANNOT_BE_PUBLISHED = 'cannot be published';

/** How the text of an order that waits for credentials says that the rejection of the login is not certain. */
export const DOUBTFUL_LOGIN = 'the CA may have rejected';

/** Bytes of a failure's text. 100 wrong domains would make a message that no person reads. */
export const FAILURE_BYTES = 4096;

/**
 * Ends a collection: a retry does not help until an operator has acted. Lambda passes `name` to Step Functions, where
 * it becomes the error of the execution.
 */
export class CollectionError extends CollectorError {
  override readonly name: CollectionErrorName;

  constructor(name: CollectionErrorName, message: string, options?: ErrorOptions) {
    super(`${truncate(message, FAILURE_BYTES)}. Next: ${NEXT_STEPS[name].text}.`, options);
    this.name = name;
  }
}
