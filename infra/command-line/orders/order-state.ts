import type { StoredManifest } from '../../../functions/store/manifest.ts';
import type { OrderStatus } from '../../../functions/store/status.ts';
import { type CertificateState, certificateProblem, certificateState } from './certificate.ts';

/** The state of an order. `unreadable`: its status or its manifest is damaged. */
export type StateName = OrderStatus['state'] | 'unreadable';

/** An order as `orders --json` prints it, and with more fields `status --json`. */
export interface OrderState {
  readonly orderNumber: string;
  /** The account at the CA; null for the default account, and if it is not known. */
  readonly account: string | null;
  readonly domains: readonly string[];
  readonly product: string | null;
  readonly state: StateName;
  /** Why the order waits. */
  readonly reason: string | null;
  /** The name of the error that ended the collection. */
  readonly error: string | null;
  /** What happened last. */
  readonly text: string;
  /** The start of this state and reason; null if it is not known. */
  readonly since: string | null;
  readonly updatedAt: string | null;
  /** Whether a person has to act, for the order or its certificate. */
  readonly needsSomeone: boolean;
  /** What a person must do, without a final dot; null if nobody needs to act. */
  readonly nextStep: string | null;
  /** The execution that wrote the status, or that runs. `runs` is null if Step Functions could not be asked. */
  readonly execution: { readonly name: string; readonly runs: boolean | null } | null;
  /** The current certificate; null if there is none, or if it was not read. */
  readonly certificate: CertificateState | null;
}

/** What is stored and what runs for one order. */
export interface OrderSources {
  readonly orderNumber: string;
  readonly status?: OrderStatus | undefined;
  /** Null if there is none; undefined if it was not read. */
  readonly manifest?: StoredManifest | null | undefined;
  /** Why a stored object cannot be read: one sentence each. */
  readonly damage: readonly string[];
  /** The names of its running executions; undefined if they are not known. */
  readonly running: readonly string[] | undefined;
}

const SEND_AGAIN = 'send the event of the order again, which starts another execution';

/** The state of an order from what is stored and what runs. */
export function orderState(sources: OrderSources, now: Date): OrderState {
  const { orderNumber, status, manifest, damage, running } = sources;
  const certificate = manifest ? certificateState(manifest, now) : null;
  const base = {
    orderNumber,
    account: status?.account ?? manifest?.account ?? null,
    domains: firstFilled(status?.domains, manifest?.ordered?.domains, manifest?.domains),
    product: status?.product ?? manifest?.product ?? null,
    execution: executionState(sources),
    certificate,
  };
  const plain = { reason: null, error: null, since: status?.since ?? null, updatedAt: status?.updatedAt ?? null };
  if (damage.length > 0) {
    return {
      ...base,
      ...plain,
      state: 'unreadable',
      text: damage.join(' '),
      needsSomeone: true,
      nextStep: 'restore the last version of the object, or collect the order again',
    };
  }
  if (status === undefined && !manifest) {
    return {
      ...base,
      ...plain,
      state: 'waiting',
      text: 'no check has ended yet',
      needsSomeone: false,
      nextStep: null,
    };
  }
  // Release 0.1.0 wrote no status.
  const state = status?.state ?? 'issued';
  const { reason = null, error = null, text = 'the certificate is stored', since } = status ?? {};
  const known = { ...base, ...plain, state, reason, error, since: since ?? manifest?.collectedAt ?? null };
  if (state === 'waiting' && running?.length === 0) {
    const lost = `${text}; but no execution of the order runs, so nobody asks the CA`;
    return { ...known, text: lost, needsSomeone: true, nextStep: SEND_AGAIN };
  }
  const problem = state === 'issued' && manifest !== undefined ? problemOfIssued(certificate, now) : undefined;
  const nextStep = status?.nextStep ?? problem?.nextStep ?? null;
  return {
    ...known,
    text: problem ? `${text}; but ${problem.text}` : text,
    needsSomeone: nextStep !== null || state === 'failed',
    nextStep,
  };
}

/** What is wrong with an order whose certificate was issued. */
function problemOfIssued(certificate: CertificateState | null, now: Date) {
  if (certificate === null) {
    const text = 'the bucket contains no certificate of it';
    return { text, nextStep: 'restore the objects of the order, or collect it again' };
  }
  const text = certificateProblem(certificate, now);
  if (text === undefined) {
    return undefined;
  }
  const isEarly = new Date(certificate.notBefore) > now;
  const nextStep = isEarly
    ? null
    : new Date(certificate.notAfter) < now
      ? 'order a new certificate'
      : 'correct what the findings name, or ask the CA for another certificate';
  return { text, nextStep };
}

function executionState({ status, manifest, running }: OrderSources): OrderState['execution'] {
  const written = status?.execution ?? manifest?.execution;
  if (running === undefined) {
    return written === undefined ? null : { name: written, runs: null };
  }
  const name = running.find((each) => each === written) ?? running[0] ?? written;
  return name === undefined ? null : { name, runs: running.length > 0 };
}

function firstFilled(...lists: readonly (readonly string[] | undefined)[]): readonly string[] {
  return lists.find((list) => list !== undefined && list.length > 0) ?? [];
}
