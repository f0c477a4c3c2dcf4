import type { Finding } from '../certificate/findings.ts';
import { CANNOT_BE_PUBLISHED } from '../errors.ts';
import type { StoredFinding, StoredManifest } from './manifest.ts';
import type { OrderStatus } from './status.ts';

/** The state of an order. `unreadable`: its status or its manifest is damaged. */
export type StateName = OrderStatus['state'] | 'unreadable';

/** What a person wants to know about an order. */
export interface AssessedOrder {
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
}

/** What is assessed of a status. */
export type AssessedStatus = Pick<
  OrderStatus,
  'account' | 'domains' | 'error' | 'nextStep' | 'product' | 'reason' | 'since' | 'state' | 'text' | 'updatedAt'
>;

/** What is assessed of a certificate. */
export interface AssessedCertificate
  extends Pick<StoredManifest, 'notAfter' | 'notBefore' | 'publishable' | 'revokedAt'> {
  readonly findings: readonly Pick<StoredFinding, 'id' | 'severity'>[];
}

/** What is assessed of a manifest. */
export interface AssessedManifest
  extends AssessedCertificate,
    Pick<StoredManifest, 'account' | 'collectedAt' | 'product'> {
  readonly domains: readonly string[];
  /** The domains that the event of the order named. */
  readonly ordered?: { readonly domains: readonly string[] } | undefined;
}

/** What is stored of one order, and what runs for it. */
export interface AssessedSources {
  readonly orderNumber: string;
  readonly status?: AssessedStatus | undefined;
  /** Null if there is none; undefined if it was not read. */
  readonly manifest?: AssessedManifest | null | undefined;
  /** Why a stored object cannot be read: one sentence each. */
  readonly damage: readonly string[];
  /** The names of its running executions; undefined if they are not known. */
  readonly running?: readonly string[] | undefined;
}

const ASK_WHY = 'ask the CA why it revoked the certificate, then order a new one';
const CORRECT = 'correct what the findings name, or ask the CA for another certificate';
const SEND_AGAIN = 'send the event of the order again, which starts another execution';

/** The state of an order from what is stored and what runs. */
export function assessOrder(
  { orderNumber, status, manifest, damage, running }: AssessedSources,
  now: Date,
): AssessedOrder {
  const base = {
    orderNumber,
    account: status?.account ?? manifest?.account ?? null,
    domains: firstFilled(status?.domains, manifest?.ordered?.domains, manifest?.domains),
    product: status?.product ?? manifest?.product ?? null,
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
  const problem = state === 'issued' && manifest !== undefined ? problemOfIssued(manifest, now) : undefined;
  const nextStep = status?.nextStep ?? problem?.nextStep ?? null;
  const isStated = problem?.nextStep === CORRECT && text.includes(CANNOT_BE_PUBLISHED);
  return {
    ...known,
    text: problem && !isStated ? `${text}; but ${problem.text}` : text,
    needsSomeone: nextStep !== null || state === 'failed',
    nextStep,
  };
}

/** Why nobody should rely on a certificate now, as a clause; undefined if there is no reason. */
export function certificateProblem(certificate: AssessedCertificate, now: Date): string | undefined {
  const { publishable, notBefore, notAfter, findings, revokedAt } = certificate;
  if (revokedAt !== undefined) {
    return `the CA has revoked the certificate (known since ${revokedAt.slice(0, 10)})`;
  }
  if (isListed(certificate)) {
    return 'the certificate, or that of its issuer, is on a revocation list (CRL) of the CA';
  }
  if (new Date(notAfter) < now) {
    return `the certificate expired on ${notAfter.slice(0, 10)}`;
  }
  if (publishable) {
    return undefined;
  }
  if (new Date(notBefore) > now) {
    return `the certificate is valid from ${notBefore.slice(0, 10)}`;
  }
  const errors = findings.filter(({ severity }) => severity === 'error').map(({ id }) => id);
  return `the certificate is not publishable${errors.length > 0 ? ` (${errors.join(', ')})` : ''}`;
}

/** What is wrong with an order whose certificate was issued. */
function problemOfIssued(certificate: AssessedCertificate | null, now: Date) {
  if (certificate === null) {
    const text = 'the bucket contains no certificate of it';
    return { text, nextStep: 'restore the objects of the order, or collect it again' };
  }
  const text = certificateProblem(certificate, now);
  if (text === undefined) {
    return undefined;
  }
  const isEarly = new Date(certificate.notBefore) > now;
  const isOver = certificate.revokedAt !== undefined || new Date(certificate.notAfter) < now;
  const nextStep = isListed(certificate) ? ASK_WHY : isOver ? 'order a new certificate' : isEarly ? null : CORRECT;
  return { text, nextStep };
}

/** Whether a CRL lists the certificate or one of its issuers. Nobody can correct that, but a hold can end. */
function isListed({ findings }: AssessedCertificate): boolean {
  return findings.some(({ id, severity }) => id === ('revoked' satisfies Finding['id']) && severity === 'error');
}

function firstFilled(...lists: readonly (readonly string[] | undefined)[]): readonly string[] {
  return lists.find((list) => list !== undefined && list.length > 0) ?? [];
}
