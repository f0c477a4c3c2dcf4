import type { Refusal } from './collectmc/codes.ts';
import { CollectorError } from './collector-error.ts';
import { truncate } from './text.ts';

/** The names of errors that end an execution. Rules, alarms and the runbook match them. */
export type CollectionErrorName = Refusal | 'UnknownRefusal' | 'InvalidChain' | 'CollectionOverdue' | 'InvalidInput';

/** What an operator must do about each error. */
export const NEXT_STEPS: Readonly<Record<CollectionErrorName, string>> = {
  OrderRejected: 'ask the CA why it rejected the order, then place a new order',
  CertificateRevoked: 'ask the CA why it revoked the certificate, then order a new one',
  CertificateExpired: 'order a new certificate',
  InvalidRequest:
    'compare the order number and the account with those at the CA, then redrive the execution or send the event again',
  UnknownRefusal: 'ask the CA what this status means, then redrive the execution',
  InvalidChain:
    'read rejected.json and the stored response, ask the CA to issue the certificate again, then send the event again',
  CollectionOverdue:
    'ask the CA what delays the order; redrive the execution to ask once more, or send the event again to start a new wait',
  InvalidInput: 'fix the cause, then send the event again',
};

/** Bytes of a message before its next step. 100 wrong domains would make a message that no person reads. */
const MESSAGE_BYTES = 4096;

/**
 * Ends a collection: a retry does not help until an operator has acted. Lambda passes `name` to Step Functions, where
 * it becomes the error of the execution.
 */
export class CollectionError extends CollectorError {
  override readonly name: CollectionErrorName;

  constructor(name: CollectionErrorName, message: string, options?: ErrorOptions) {
    super(`${truncate(message, MESSAGE_BYTES)}. Next: ${NEXT_STEPS[name]}.`, options);
    this.name = name;
  }
}
