import { type CaaWarning, type CaaWarnings, withCaa } from '../../../functions/store/caa.ts';
import type { StoredManifest } from '../../../functions/store/manifest.ts';
import { type AssessedOrder, type AssessedSources, assessOrder } from '../../../functions/store/order-state.ts';
import type { OrderStatus } from '../../../functions/store/status.ts';
import { type CertificateState, certificateState } from './certificate.ts';

/** An order as `orders --json` prints it, and with more fields `status --json`. */
export interface OrderState extends AssessedOrder {
  /** The execution that wrote the status, or that runs. `runs` is null if Step Functions could not be asked. */
  readonly execution: { readonly name: string; readonly runs: boolean | null } | null;
  /** The current certificate; null if there is none, or if it was not read. */
  readonly certificate: CertificateState | null;
  /** The domains whose CAA records forbid the next certificate, or are unknown. */
  readonly caa: readonly CaaWarning[];
}

/** What is stored and what runs for one order. */
export interface OrderSources extends AssessedSources {
  readonly status?: OrderStatus | undefined;
  readonly manifest?: StoredManifest | null | undefined;
  readonly running: readonly string[] | undefined;
}

/**
 * The state of an order from what is stored and what runs.
 *
 * @param caa the warnings about CAA records that the last survey found.
 */
export function orderState(sources: OrderSources, now: Date, caa: CaaWarnings = new Map()): OrderState {
  const { manifest } = sources;
  const assessed = assessOrder(sources, now);
  const domains = [...assessed.domains, ...(manifest?.domains ?? []), ...(manifest?.ordered?.domains ?? [])];
  return {
    ...withCaa(assessed, domains, caa),
    execution: executionState(sources),
    certificate: manifest ? certificateState(manifest, now) : null,
  };
}

function executionState({ status, manifest, running }: OrderSources): OrderState['execution'] {
  const written = status?.execution ?? manifest?.execution;
  if (running === undefined) {
    return written === undefined ? null : { name: written, runs: null };
  }
  const name = running.find((each) => each === written) ?? running[0] ?? written;
  return name === undefined ? null : { name, runs: running.length > 0 };
}
