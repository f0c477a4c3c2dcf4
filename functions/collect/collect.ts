import * as v from 'valibot';
import { STATUSES, type WaitingReason } from '../collectmc/codes.ts';
import { CollectionError, type CollectionErrorName } from '../errors.ts';
import { parseInput } from '../input.ts';
import { type OrderOptions, orderInStateSchema, orderOptionsSchema } from '../order.ts';
import { STATE_BUDGET, truncateLine } from '../text.ts';
import { withTimeLimit } from '../time-limit.ts';
import { type AskDependencies, createAsk } from './ask.ts';
import { type CertificateDependencies, type CollectedCertificate, collectCertificate } from './certificate.ts';
import { decideEnding, type Ending } from './ending.ts';
import { type LoginState, loginState } from './login-memory.ts';
import { createCheckedOrder, type OptionsDependencies } from './options.ts';
import { REPORTS, type Report } from './progress.ts';
import { createReporter, FailureNotReportedError, type ReporterDependencies } from './reporter.ts';
import { waitSeconds } from './waiting.ts';

/** The result of one check. Step Functions keeps it at `$.collection`, where the next check reads it. */
export interface Collection extends LoginState {
  /** `ended` only if the order in the state has `once`: the execution ends without a report and without a certificate. */
  readonly outcome: 'issued' | 'waiting' | 'ended';
  /** The status in the CA's reply, if it contained one. */
  readonly status?: number;
  readonly reason?: WaitingReason;
  /** Checks of this execution so far. */
  readonly checks: number;
  /** Consecutive checks with this reason, including this one. */
  readonly consecutive?: number;
  /** The start of the wait for this reason. Dates are ISO 8601 in UTC. */
  readonly since?: string;
  /** What was reported about this wait. */
  readonly reported?: readonly Report[];
  readonly waitSeconds: number;
  /** When the next check is planned. A later one looks for a failure of the execution in the meantime. */
  readonly nextCheckAt?: string;
  readonly certificate?: CollectedCertificate;
  /** The account in the event "Mark Certificate Issued": a path to an optional key of the order would fail. */
  readonly account?: string | null;
  /** The options with which the order is collected now, if they differ from those in the input of the execution. */
  readonly order?: OrderOptions;
}

/** One check, for logs and metrics. It contains nothing secret. */
export interface CheckRecord {
  readonly orderNumber: string;
  /** The account at the CA; null for the default account. */
  readonly account: string | null;
  readonly outcome: 'issued' | 'waiting' | 'failed';
  readonly status?: number | undefined;
  readonly reason?: WaitingReason | undefined;
  readonly error?: CollectionErrorName;
  readonly checks: number;
  /** Seconds since the start of the execution. */
  readonly elapsedSeconds: number;
  readonly waitSeconds?: number;
  /** The duration of the call to the CA; missing if there was no call. */
  readonly milliseconds?: number | undefined;
  readonly text?: string;
  /** For an issued certificate: whether it is publishable, and the ids of its findings. */
  readonly publishable?: boolean;
  readonly findings?: readonly string[];
}

/** What a check needs besides the order. */
export interface CollectDependencies
  extends AskDependencies,
    CertificateDependencies,
    OptionsDependencies,
    ReporterDependencies {
  /** Seconds between two checks of an order. */
  readonly pollSeconds: number;
  /** Stores a reply that cannot be read. */
  readonly keepUnreadable: (orderNumber: string, body: Uint8Array) => Promise<void>;
  readonly observe: (check: CheckRecord) => void;
  /** Returns a number from 0 to 1. */
  readonly random: () => number;
}

/** How much of an unreadable reply is kept, in bytes. Error pages are smaller. */
const UNREADABLE_BYTES = 64 * 1024;

/** The time limit for storing an unreadable reply, in milliseconds. */
const KEEP_MILLISECONDS = 5_000;

/**
 * Milliseconds of Lambda's time that must remain for reporting that the order waits. If Lambda ended the function, the
 * call would be repeated within a minute.
 */
const REPORT_MILLISECONDS = 10_000;

/** Milliseconds in addition to these for the status of an issued certificate. */
const STATUS_MILLISECONDS = 5_000;

const DATE_FORM = 'an ISO 8601 date and time';
const eventSchema = v.object({
  order: v.object({
    ...orderInStateSchema.entries,
    collection: v.optional(
      v.object({
        checks: v.number(),
        status: v.optional(v.number()),
        reason: v.optional(v.string()),
        consecutive: v.optional(v.number()),
        // The name of `consecutive` in release 0.1.0, whose executions wait for months.
        inARow: v.optional(v.number()),
        // Executions of release 0.1.0 have none of the next three.
        since: v.optional(v.string()),
        reported: v.optional(v.array(v.picklist(REPORTS))),
        nextCheckAt: v.optional(v.string()),
        order: v.optional(orderOptionsSchema),
        rejectedCredentialsVersion: v.optional(v.string()),
        doubtedCredentialsVersion: v.optional(v.string()),
        unusableCredentials: v.optional(v.string()),
        doubtedOn: v.optional(v.string()),
      }),
    ),
  }),
  execution: v.string("the execution's name"),
  startedAt: v.pipe(v.string(DATE_FORM), v.isoTimestamp(DATE_FORM)),
});

/**
 * Creates the function that checks one order: it asks the CA once, and either stores the certificate or returns how
 * long to wait. A check can be repeated: after a failure at any point the next run completes the work.
 *
 * After the call to the CA, only a {@link CollectionError} ends the check with an error: if the CA refuses the order, if
 * no valid chain can be built, and after the deadline. It is reported first. If S3 or EventBridge does not accept what
 * the check must store or report, the order waits: an error would repeat the call within a minute.
 */
export function createCollect(dependencies: CollectDependencies) {
  const ask = createAsk(dependencies);
  const reporter = createReporter(dependencies);
  const { observe, now, giveUpSeconds, pollSeconds } = dependencies;

  /** @param remainingMilliseconds returns how much of Lambda's time is left. */
  return async (event: unknown, remainingMilliseconds: () => number): Promise<Collection> => {
    const check = parseInput(eventSchema, event, 'the input of the check');
    const { execution, startedAt } = check;
    const { collection: previous, once = false } = check.order;
    const checked = createCheckedOrder(check, dependencies);
    const { orderNumber } = checked.order;
    const accountBefore = checked.order.account;
    const subject = { checked, execution, startedAt };
    const checks = (previous?.checks ?? 0) + 1;
    const { result, askedAccount } = await askForOrder();
    const { reply } = result;
    const { status } = reply;
    const elapsedSeconds = Math.max(0, (now().getTime() - Date.parse(startedAt)) / 1000);
    /** Consecutive checks of this kind, including this one. */
    const countOf = (kind: string | undefined) =>
      kindOf(previous) === kind ? (previous?.consecutive ?? previous?.inARow ?? 0) + 1 : 1;
    const account = checked.order.account ?? null;
    const record = { orderNumber, account, status, checks, elapsedSeconds, milliseconds: result.milliseconds };

    let ending: Ending;
    let reported: readonly Report[] = previous?.reported ?? [];
    try {
      const time = remainingMilliseconds() - REPORT_MILLISECONDS;
      ending = await withTimeLimit(decideAndReport(), time, 'no answer of S3 or EventBridge in time');
    } catch (error) {
      // The log needs the stack and the cause.
      dependencies.unreported(orderNumber, error);
      reported = error instanceof FailureNotReportedError ? error.reported : reported;
      // Errors of the AWS SDK have several lines, and quote what they could not read.
      const text = `the reply of the CA could not be stored or reported: ${error}`;
      ending = {
        kind: 'waiting',
        reason: 'storage',
        text: truncateLine(text, STATE_BUDGET.message),
      };
    }
    switch (ending.kind) {
      case 'issued': {
        const { certificate } = ending;
        const { publishable, findings } = certificate;
        observe({ ...record, outcome: 'issued', waitSeconds: 0, publishable, findings: findings.map(({ id }) => id) });
        return {
          outcome: 'issued',
          ...(status !== undefined && { status }),
          checks,
          waitSeconds: 0,
          certificate,
          ...corrections(),
          account: checked.order.account ?? null,
        };
      }
      case 'failed': {
        const { error, text, cause } = ending;
        observe({ ...record, outcome: 'failed', error, text });
        if (once) {
          return ended();
        }
        throw new CollectionError(error, `Order ${orderNumber}: ${text}`, { cause });
      }
      case 'waiting':
        return wait(ending);
    }

    /** After the certificate, the status is written. */
    function remainingForCertificate(): number {
      return remainingMilliseconds() - REPORT_MILLISECONDS - STATUS_MILLISECONDS;
    }

    async function decideAndReport(): Promise<Ending> {
      const decided = await decideEnding({
        reply,
        checked,
        askedAccount,
        checks,
        consecutiveUnknown: countOf('unknown'),
        elapsedSeconds,
        giveUpSeconds,
        now,
        collectCertificate: (issued) =>
          collectCertificate(
            checked,
            {
              reply: issued,
              body: result.body,
              redact: result.redact,
              execution,
              once,
              remainingMilliseconds: remainingForCertificate,
            },
            dependencies,
          ),
      });
      if (decided.kind === 'failed' && !once) {
        await reporter.failed(subject, decided.error, decided.text, reported);
      } else if (decided.kind === 'failed' && decided.error === 'CertificateRevoked') {
        await reporter.revoked(subject, decided.text);
      } else if (decided.kind === 'issued' && !once) {
        await reporter.issued(subject, decided.text);
      }
      return decided;
    }

    /** Asks with the account of the order. If it was corrected, only S3 knows. */
    async function askForOrder() {
      const asked = await ask(checked.order, previous, remainingMilliseconds);
      if (asked.milliseconds !== undefined) {
        return { result: asked, askedAccount: accountBefore };
      }
      // Without a call, another account can be used at once.
      const { account } = await checked.read().catch(() => checked.order);
      const result = account === accountBefore ? asked : await ask(checked.order, previous, remainingMilliseconds);
      return { result, askedAccount: account };
    }

    async function wait({ reason, text, seconds }: Extract<Ending, { kind: 'waiting' }>): Promise<Collection> {
      const retryAfter = reply.kind === 'waiting' ? reply.retryAfter : undefined;
      const consecutive = countOf(reason === 'storage' ? reason : kindOf(reply));
      const state = { reason, consecutive, checks, elapsedSeconds, retryAfter };
      const planned = seconds ?? waitSeconds(state, pollSeconds, dependencies.random());
      observe({ ...record, outcome: 'waiting', reason, waitSeconds: planned, text });
      // A check beside another execution ends, unless a received certificate is not stored yet.
      if (once && reply.kind !== 'issued' && reason !== 'storage') {
        return ended();
      }
      // Another login that cannot be used is another wait: the person who stored it needs a message.
      const isSameLogin = loginOf(askedAccount, result) === loginOf(accountBefore, previous);
      const before = { ...previous, reported };
      const waiting = {
        reason,
        text,
        checks,
        elapsedSeconds,
        previous: reason !== 'credentials' || isSameLogin ? before : { ...before, since: undefined },
      };
      await keepUnreadable();
      const progress = once ? { reported } : await reporter.waiting(subject, waiting, remainingMilliseconds);
      return {
        outcome: 'waiting',
        ...(status !== undefined && { status }),
        reason,
        checks,
        consecutive,
        ...progress,
        waitSeconds: planned,
        nextCheckAt: new Date(now().getTime() + planned * 1000).toISOString(),
        ...loginState(result),
        ...corrections(),
      };
    }

    async function keepUnreadable(): Promise<void> {
      if (reply.kind === 'waiting' && reply.unreadable && result.body.length > 0) {
        try {
          const { searchForPrivateKey } = await import('../certificate/report.ts');
          if (searchForPrivateKey(result.body) === 'none') {
            const kept = dependencies.keepUnreadable(orderNumber, result.body.subarray(0, UNREADABLE_BYTES));
            await withTimeLimit(kept, KEEP_MILLISECONDS, 'S3 did not answer in time');
          }
        } catch (error) {
          dependencies.unreported(orderNumber, error);
        }
      }
    }

    function ended(): Collection {
      return { outcome: 'ended', checks, waitSeconds: 0, ...(status !== undefined && { status }) };
    }

    function corrections(): Pick<Collection, 'order'> {
      return checked.corrected === undefined ? {} : { order: checked.corrected };
    }
  };
}

/** The login for which an order waits, and why it cannot be used. */
function loginOf(account: string | undefined, state: LoginState | undefined): string {
  const { rejectedCredentialsVersion, doubtedCredentialsVersion, unusableCredentials } = state ?? {};
  return JSON.stringify([account, rejectedCredentialsVersion ?? doubtedCredentialsVersion, unusableCredentials]);
}

/** The kind of a reply, for counting consecutive ones: its reason, or "unknown" if its status is not in the table. */
function kindOf(
  reply: { readonly status?: number | undefined; readonly reason?: string | undefined } | undefined,
): string | undefined {
  const isUnknown = reply?.status !== undefined && !STATUSES.has(reply.status) && reply.reason !== 'storage';
  return isUnknown ? 'unknown' : reply?.reason;
}
