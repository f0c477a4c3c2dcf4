import { STATUSES, type WaitingReason } from '../collectmc/codes.ts';
import type { Reply } from '../collectmc/reply.ts';
import { CLOCK_TOLERANCE_MILLISECONDS, DAY_MILLISECONDS } from '../days.ts';
import { CANNOT_BE_PUBLISHED, type CollectionErrorName, DOUBTFUL_LOGIN } from '../errors.ts';
import { joinWithLimit } from '../text.ts';
import type { CertificateOutcome, CollectedCertificate } from './certificate.ts';
import type { CheckedOrder } from './options.ts';
import { AVAILABLE_SECONDS } from './waiting.ts';

/** How one check ends. `text` is a clause for a person. */
export type Ending =
  | { readonly kind: 'issued'; readonly certificate: CollectedCertificate; readonly text: string }
  | { readonly kind: 'failed'; readonly error: CollectionErrorName; readonly text: string; readonly cause?: unknown }
  /** `seconds` replaces the usual wait for the reason. */
  | { readonly kind: 'waiting'; readonly reason: WaitingReason; readonly text: string; readonly seconds?: number };

/** A reply and what the check knows besides it. */
export interface Answered {
  readonly reply: Reply;
  readonly checked: CheckedOrder;
  /** The account with which the CA was asked; undefined for the default account. */
  readonly askedAccount: string | undefined;
  /** Checks of this execution, including this one. */
  readonly checks: number;
  /** Consecutive checks with a status that is in no table, including this one. */
  readonly consecutiveUnknown: number;
  readonly elapsedSeconds: number;
  readonly giveUpSeconds: number;
  readonly now: () => Date;
  readonly collectCertificate: (reply: Extract<Reply, { readonly kind: 'issued' }>) => Promise<CertificateOutcome>;
}

/** An unknown status may be a temporary fault. After this many consecutive ones it is a refusal. */
const UNKNOWN_LIMIT = 8;

/** The reasons for which a person must act, so that a correction of the order must be known first. */
const PERSONAL_REASONS: ReadonlySet<WaitingReason> = new Set<WaitingReason>(['credentials', 'payment', 'permission']);

/**
 * Decides how a check ends after its reply. It stores the certificate if the CA has issued it.
 *
 * @throws {Error} if S3 does not accept a request.
 */
export async function decideEnding(answered: Answered): Promise<Ending> {
  const { reply, checked, askedAccount, checks, elapsedSeconds, giveUpSeconds } = answered;
  if (reply.kind === 'issued') {
    const outcome = await answered.collectCertificate(reply);
    return 'invalid' in outcome
      ? { kind: 'failed', error: 'InvalidChain', text: outcome.invalid, cause: outcome.cause }
      : (waitUntilValid(outcome.validFrom, answered.now()) ?? issuedEnding(outcome, answered.now()));
  }
  const refusal = refusalOf(answered);
  // A revocation is reported even if S3 does not answer: with a wrong account the CA would not name it.
  if (refusal && refusal.error !== 'CertificateRevoked') {
    await checked.read();
  } else if (PERSONAL_REASONS.has(reasonOf(reply))) {
    // If S3 does not answer, the order waits for this reason all the same.
    await checked.read().catch(() => {});
  }
  const { account } = checked.order;
  if (account !== askedAccount) {
    const corrected = account === undefined ? 'the default account' : account;
    const text = `${describeWait(reply)}; the account of the order is now ${corrected}, with which the next check asks`;
    return { kind: 'waiting', reason: 'processing', text };
  }
  if (refusal) {
    return refusal;
  }
  if (elapsedSeconds >= giveUpSeconds) {
    await checked.read();
    const days = Math.floor(elapsedSeconds / 86_400);
    const text = `no certificate after ${days} days and ${checks} checks; the last reply: ${describeReply(reply)}`;
    return { kind: 'failed', error: 'CollectionOverdue', text };
  }
  return { kind: 'waiting', reason: reasonOf(reply), text: describeWait(reply) };
}

/**
 * The wait for a stored certificate that becomes valid within a day. If it becomes valid later, the collection ends, because
 * an execution would ask the CA for weeks without need. The survey starts a check when the certificate is valid.
 */
function waitUntilValid(validFrom: Date, now: Date): Ending | undefined {
  const milliseconds = validFrom.getTime() - now.getTime();
  if (milliseconds <= CLOCK_TOLERANCE_MILLISECONDS || milliseconds > DAY_MILLISECONDS) {
    return undefined;
  }
  return {
    kind: 'waiting',
    reason: 'available',
    text: `the certificate is stored, and becomes valid on ${validFrom.toISOString()}`,
    seconds: Math.max(AVAILABLE_SECONDS, Math.ceil(milliseconds / 1000)),
  };
}

function issuedEnding({ certificate, validFrom }: StoredOutcome, now: Date): Ending {
  const errors = certificate.findings.filter(({ severity }) => severity === 'error').map(({ id }) => id);
  const problem =
    validFrom.getTime() - now.getTime() > CLOCK_TOLERANCE_MILLISECONDS
      ? `, and becomes valid on ${validFrom.toISOString()}`
      : errors.length > 0
        ? `, but ${CANNOT_BE_PUBLISHED}: ${joinWithLimit(errors)}`
        : '';
  return { kind: 'issued', certificate, text: `the certificate is stored${problem}` };
}

type StoredOutcome = Extract<CertificateOutcome, { readonly validFrom: Date }>;

type Pending = Exclude<Reply, { readonly kind: 'issued' }>;

function refusalOf({ reply, consecutiveUnknown }: Answered): Extract<Ending, { kind: 'failed' }> | undefined {
  if (reply.kind === 'refused') {
    return { kind: 'failed', error: reply.refusal, text: `the CA answered ${describeReply(reply)}` };
  }
  if (reply.kind === 'unknown' && consecutiveUnknown >= UNKNOWN_LIMIT) {
    const text = `the CA answered ${describeReply(reply)}, ${consecutiveUnknown} times in a row`;
    return { kind: 'failed', error: 'UnknownRefusal', text };
  }
  return undefined;
}

/** Why an order waits after a reply. A status that is in no table is an outage at first. */
function reasonOf(reply: Pending): WaitingReason {
  return reply.kind === 'waiting' ? reply.reason : 'outage';
}

function describeWait(reply: Pending): string {
  if (reply.kind === 'waiting' && reply.doubtful) {
    return `${DOUBTFUL_LOGIN} the login, and it is tried again once a day: ${reply.text}`;
  }
  if (reply.status !== undefined) {
    return `the CA answered ${describeReply(reply)}`;
  }
  // A text about a login is complete: it can be about the secret, without a call.
  return reasonOf(reply) === 'credentials' ? reply.text : `the CA sent no usable reply: ${reply.text}`;
}

function describeReply({ status, text }: { readonly status?: number | undefined; readonly text: string }): string {
  return status === undefined ? text : `${status} (${text || STATUSES.get(status)?.meaning || 'without a text'})`;
}
