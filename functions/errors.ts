import type { Refusal } from './collectmc/codes.ts';

/** The names under which an execution can fail for good. Outsiders match on them: in rules, alarms and the runbook. */
export type CollectionErrorName = Refusal | 'UnknownRefusal' | 'InvalidChain' | 'CollectionOverdue' | 'InvalidInput';

/** What somebody has to do about each. */
export const NEXT_STEPS: Readonly<Record<CollectionErrorName, string>> = {
  OrderRejected: 'ask the CA why it rejected the order, and place a new one',
  CertificateRevoked: 'ask the CA why it revoked the certificate, and order a new one',
  CertificateExpired: 'order a new certificate',
  InvalidRequest:
    'compare the order number and the account with the CA, then redrive the execution or send the event again',
  UnknownRefusal: 'ask the CA what this status means, then redrive the execution',
  InvalidChain:
    'look at rejected.json and the kept response, ask the CA to issue the certificate again, then send the event again',
  CollectionOverdue:
    'ask the CA what keeps the order; redrive the execution to ask once more, or send the event again to wait again',
  InvalidInput: 'correct the value and send the event again',
};

/**
 * Ends a collection: repeating it brings nothing before somebody has done something. Lambda hands `name` to Step Functions,
 * where it becomes the error of the execution.
 */
export class CollectionError extends Error {
  constructor(name: CollectionErrorName, message: string, options?: ErrorOptions) {
    super(`${message}. Next: ${NEXT_STEPS[name]}.`, options);
    this.name = name;
  }
}
