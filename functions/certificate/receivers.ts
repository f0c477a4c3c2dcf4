import type { CheckedChain } from './checked-chain.ts';
import type { Finding } from './findings.ts';

/** Whether one receiver displays the logo. */
export interface ReceiverVerdict {
  readonly id: string;
  /** Null if it is not known. */
  readonly shows: boolean | null;
  /** The ids of the findings or of the facts that decide. */
  readonly because: readonly string[];
}

/** The verdict of each receiver. */
export function receiversOf(_checked: CheckedChain, _findings: readonly Finding[]): readonly ReceiverVerdict[] {
  return [];
}
