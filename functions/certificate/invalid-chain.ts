import { STATE_BUDGET, truncate } from '../text.ts';

/**
 * No chain can be made from the bytes. The message gives the reason. It quotes only names of certificates, which can be a
 * megabyte long, and is therefore truncated here.
 */
export class InvalidChainError extends Error {
  /** Step Functions and the runbook match on this name. */
  override name = 'InvalidChain';

  constructor(message: string, options?: ErrorOptions) {
    super(truncate(message, STATE_BUDGET.message), options);
  }
}
