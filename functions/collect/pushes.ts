import type { Reply } from '../collectmc/reply.ts';
import { DAY_MILLISECONDS, dayName } from '../days.ts';
import type { LabelledVersion } from './rejections.ts';

/**
 * The proof that the CA pushes the outcomes of an account: a staging label of the version of its secret, which every read
 * returns. The label is this and the day of the push, yyyymmdd in UTC.
 */
export const PUSHED_LABEL = 'PUSHED-';

/** The days for which a push proves that the next one will come too. */
const PROOF_DAYS = 90;

/** A label is replaced after so many days: not each push costs two requests to Secrets Manager. */
const RENEWAL_DAYS = 7;

/** Records on a secret that the CA pushes. Nothing here throws: a label that cannot be changed is reported. */
export interface PushLabels {
  /**
   * Marks a version: with its login, the CA answered about an order for which it had sent a push.
   *
   * @param day the day of the push, yyyymmdd in UTC.
   */
  recordPush(version: string, day: string): Promise<void>;
  /** Removes this mark from a version. */
  removePush(version: string): Promise<void>;
}

/** How orders wait whose outcome the CA pushes. */
export interface WithPush {
  /** Seconds between two checks of an order that is being processed. */
  readonly pollSeconds: number;
  /** Returns the labels of the secret of an account at the CA; null is the default account. */
  readonly labels: (account: string | null) => PushLabels;
}

/** A check whose login the CA accepted, as far as it says whether pushes arrive. */
export interface AnsweredCheck {
  readonly account: string | undefined;
  /** The version of the secret whose login was sent, with the labels before the call; undefined without a call. */
  readonly login: LabelledVersion | undefined;
  readonly reply: Reply;
  /** Why the order waited before this check; undefined for the first check of the execution. */
  readonly previousReason: string | undefined;
  /** The name of the execution. */
  readonly execution: string;
  /** The start of the execution, ISO 8601. */
  readonly startedAt: string;
}

/** The replies that only an account with this order gets. */
const OWN_REASONS: ReadonlySet<string> = new Set(['processing', 'available', 'payment']);
const OWN_REFUSALS: ReadonlySet<string> = new Set(['OrderRejected', 'CertificateRevoked', 'CertificateExpired']);

/** The reasons for which the CA has not yet answered about the order. */
const OPEN_REASONS: ReadonlySet<string | undefined> = new Set([undefined, 'outage', 'call-limit', 'credentials']);

/** The day of the push in a label; undefined for any other label. */
export function dayOfPush(label: string): string | undefined {
  return /^PUSHED-(\d{8})$/.exec(label)?.[1];
}

/**
 * Whether a push started an execution. No other sender can choose such a name: `request` of an event may not begin with
 * `push-`.
 */
export function isStartedByPush(execution: string): boolean {
  return /^order-\d+-push-([a-z\d-]+-)?\d{8}(-\d+)?$/.test(execution);
}

/** The day of the last push that a version has a label of; undefined if there is none within the last 90 days. */
function lastPush({ stages }: LabelledVersion, now: Date): string | undefined {
  const oldest = dayName(new Date(now.getTime() - PROOF_DAYS * DAY_MILLISECONDS));
  return stages
    .flatMap((label) => dayOfPush(label) ?? [])
    .filter((day) => day >= oldest)
    .sort()
    .at(-1);
}

/** Whether a reply is about an order of the account, so that a push about the order was one for the account. */
function isAboutOwnOrder(reply: Reply): boolean {
  switch (reply.kind) {
    case 'issued':
      return true;
    case 'waiting':
      return OWN_REASONS.has(reply.reason);
    case 'refused':
      return OWN_REFUSALS.has(reply.refusal);
    default:
      return false;
  }
}

/**
 * Records on the secret of an account whether the CA pushes the outcomes of its orders.
 *
 * @param withPush undefined: pushes change nothing, and nothing is recorded.
 */
export function createPushes(withPush: WithPush | undefined, now: () => Date) {
  return {
    /** The seconds between two checks of an order that is being processed, if a push for its account has arrived. */
    pollSeconds({ login }: Pick<AnsweredCheck, 'login'>): number | undefined {
      return login && lastPush(login, now()) !== undefined ? withPush?.pollSeconds : undefined;
    },

    /**
     * Labels the version if a push started this execution, and this is the first reply of the CA about the order. If the
     * label cannot be set, this is reported, and the orders of the account are checked at the usual interval.
     */
    async receive(check: AnsweredCheck): Promise<void> {
      const { account, login, reply, previousReason, execution, startedAt } = check;
      if (!withPush || !login || !isStartedByPush(execution)) {
        return;
      }
      // An execution that a push started weeks ago, and that still waits, proves nothing new.
      if (!OPEN_REASONS.has(previousReason) || !isAboutOwnOrder(reply)) {
        return;
      }
      const received = new Date(startedAt);
      const day = dayName(received);
      const newest = lastPush(login, now());
      const renewable = dayName(new Date(received.getTime() - RENEWAL_DAYS * DAY_MILLISECONDS));
      if (newest === undefined || newest < renewable) {
        await withPush.labels(account ?? null).recordPush(login.version, day);
      }
    },

    /**
     * Removes the label after a check that found a new certificate, although the order was still being processed at the
     * check before: the CA did not push. The next push sets it again.
     */
    async miss({ account, login, previousReason }: AnsweredCheck): Promise<void> {
      if (withPush && login && previousReason === 'processing' && lastPush(login, now()) !== undefined) {
        await withPush.labels(account ?? null).removePush(login.version);
      }
    },
  };
}
