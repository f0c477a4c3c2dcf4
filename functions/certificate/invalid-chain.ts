import { CollectorError } from '../collector-error.ts';
import { STATE_BUDGET, truncatePrintable } from '../text.ts';

/**
 * No chain can be built from the bytes. The message states the reason. It is made printable and truncated here,
 * because it quotes names of certificates, which can contain anything and be a megabyte long.
 */
export class InvalidChainError extends CollectorError {
  /** The name that Step Functions and the runbook match. */
  override readonly name: string = 'InvalidChain';

  constructor(message: string, options?: ErrorOptions) {
    super(truncatePrintable(message, STATE_BUDGET.message), options);
  }
}
