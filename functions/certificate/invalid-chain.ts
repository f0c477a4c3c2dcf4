import { CollectorError } from '../collector-error.ts';
import { STATE_BUDGET, truncate } from '../text.ts';

/**
 * No chain can be built from the bytes. The message states the reason. It is truncated here, because it quotes names of
 * certificates, which can be a megabyte long.
 */
export class InvalidChainError extends CollectorError {
  /** The name that Step Functions and the runbook match. */
  override readonly name: string = 'InvalidChain';

  constructor(message: string, options?: ErrorOptions) {
    super(truncate(message, STATE_BUDGET.message), options);
  }
}
