import { CollectorError } from '../collector-error.ts';
import { STATE_BUDGET, truncate } from '../text.ts';

/**
 * No chain can be made from the bytes. The message gives the reason. It quotes names of certificates, which can be a
 * megabyte long, and is therefore truncated here.
 */
export class InvalidChainError extends CollectorError {
  /** The name that Step Functions and the runbook match. */
  override readonly name: string = 'InvalidChain';

  constructor(message: string, options?: ErrorOptions) {
    super(truncate(message, STATE_BUDGET.message), options);
  }
}
