import * as v from 'valibot';
import { STATUSES, type WaitingReason } from '../collectmc/codes.ts';
import type { Reply } from '../collectmc/reply.ts';
import { CollectionError, type CollectionErrorName } from '../errors.ts';
import { REVOKED } from '../events.ts';
import { parseInput } from '../input.ts';
import { type OrderOptions, orderInStateSchema, orderOptionsSchema } from '../order.ts';
import { STATE_BUDGET, truncateLine } from '../text.ts';
import { withTimeLimit } from '../time-limit.ts';
import { type AskDependencies, createAsk } from './ask.ts';
import {
  type CertificateDependencies,
  type CertificateOutcome,
  type CollectedCertificate,
  collectCertificate,
  type FoundRevocation,
} from './certificate.ts';
import { decideEnding, type Ending } from './ending.ts';
import { type LoginState, loginState } from './login-memory.ts';
import { createCheckedOrder, type OptionsDependencies } from './options.ts';
import { REPORTS, type Report } from './progress.ts';
import { type AnsweredCheck, createPushes, type WithPush } from './pushes.ts';
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
  /** Whether the check runs beside another execution, or asks again for a certificate: no order waits for its result. */
  readonly once?: true;
  /** For an issued certificate: whether this execution made it the current one. */
  readonly changed?: boolean;
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
  /** How orders wait whose outcome the CA pushes; undefined: like all others. */
  readonly withPush?: WithPush | undefined;
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

/** Milliseconds in addition to these for the event of a revocation. */
const REVOKED_MILLISECONDS = 5_000;

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

/** The poll intervals in which no check beside another one asks, after the CA refused a call because of its limit. */
const CALL_LIMIT_POLLS = 2;

/** What this process knows about the limit of calls, by account. */
function createCallLimits(milliseconds: () => number) {
  const until = new Map<string | undefined, number>();
  return {
    reach: (account: string | undefined, seconds: number) => until.set(account, milliseconds() + seconds * 1000),
    isReached: (account: string | undefined) => (until.get(account) ?? 0) > milliseconds(),
  };
}

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
  const callLimits = createCallLimits(() => now().getTime());
  const pushes = createPushes(dependencies.withPush, now);

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
    const elapsedSeconds = Math.max(0, (now().getTime() - Date.parse(startedAt)) / 1000);
    const obstacle = once && !previous ? await findObstacle() : undefined;
    if (obstacle) {
      const account = accountBefore ?? null;
      observe({ orderNumber, account, outcome: 'waiting', ...obstacle, once: true, checks, elapsedSeconds });
      return { outcome: 'ended', checks, waitSeconds: 0 };
    }
    const { result, askedAccount } = await askForOrder();
    const { reply, login } = result;
    const { status } = reply;
    const previousReason = previous?.reason;
    const answered: AnsweredCheck = { account: askedAccount, login, reply, previousReason, execution, startedAt };
    await pushes.receive(answered);
    if (reply.kind === 'waiting' && reply.reason === 'call-limit') {
      callLimits.reach(askedAccount, CALL_LIMIT_POLLS * pollSeconds);
    }
    /** Consecutive checks of this kind, including this one. */
    const countOf = (kind: string | undefined) =>
      kindOf(previous) === kind ? (previous?.consecutive ?? previous?.inARow ?? 0) + 1 : 1;
    const account = checked.order.account ?? null;
    const call = { status, checks, elapsedSeconds, milliseconds: result.milliseconds };
    const record = { orderNumber, account, ...call, ...(once && { once }) };

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
        const { changed, publishable } = certificate;
        const findings = certificate.findings.map(({ id }) => id);
        if (changed) {
          await pushes.miss(answered);
        }
        observe({ ...record, outcome: 'issued', waitSeconds: 0, changed, publishable, findings });
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

    /** After the certificate, a revocation is reported, and the status is written. */
    function remainingForCertificate(): number {
      return remainingMilliseconds() - REPORT_MILLISECONDS - REVOKED_MILLISECONDS - STATUS_MILLISECONDS;
    }

    /** Stores the certificate. If its CRLs say for the first time that it is revoked, the event is sent. */
    async function storeCertificate(issued: Extract<Reply, { kind: 'issued' }>): Promise<CertificateOutcome> {
      const { body, redact } = result;
      const received = { reply: issued, body, redact, execution, once, remainingMilliseconds: remainingForCertificate };
      const outcome = await collectCertificate(checked, received, dependencies);
      if ('revoked' in outcome && outcome.revoked) {
        try {
          const report = reportRevocation(outcome.revoked);
          await withTimeLimit(report, REVOKED_MILLISECONDS, 'no answer of S3 or EventBridge in time');
        } catch (error) {
          // The certificate is stored, and the survey reports the revocation.
          dependencies.unreported(orderNumber, error);
        }
      }
      return outcome;
    }

    async function reportRevocation({ detail, recordSent }: FoundRevocation): Promise<void> {
      await dependencies.sendEvent(REVOKED, detail);
      await recordSent();
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
        collectCertificate: storeCertificate,
      });
      if (decided.kind === 'failed' && !once) {
        await reporter.failed(subject, decided.error, decided.text, reported);
      } else if (decided.kind === 'failed' && decided.error === 'CertificateRevoked') {
        await reporter.revoked(subject, decided.text);
        await markRevoked();
      } else if (decided.kind === 'issued' && !once) {
        await reporter.issued(subject, decided.text);
      }
      return decided;
    }

    /** Why a check that asks once must not ask now. */
    async function findObstacle(): Promise<Pick<CheckRecord, 'reason' | 'text'> | undefined> {
      if (callLimits.isReached(accountBefore)) {
        return {
          reason: 'call-limit',
          text: 'the CA was not asked, because it has just refused a call of the account',
        };
      }
      return (await isCollectedElsewhere())
        ? { text: 'the CA was not asked, because another execution collects the order' }
        : undefined;
    }

    /**
     * Whether an execution that started after this one collects the order. The first check can be hours after the start of
     * its execution, and the CA allows few calls for one order.
     */
    async function isCollectedElsewhere(): Promise<boolean> {
      if (check.order.delaySeconds === undefined) {
        return false;
      }
      try {
        const { current } = await (await dependencies.status(orderNumber)).read();
        return current?.state === 'waiting' && Date.parse(current.startedAt) >= Date.parse(startedAt);
      } catch (error) {
        dependencies.unreported(orderNumber, error);
        return false;
      }
    }

    /** The survey starts no further check of a certificate with this mark. Without it, the next one reports it again. */
    async function markRevoked(): Promise<void> {
      try {
        const marking = (await dependencies.archive(orderNumber)).markRevoked(now());
        await withTimeLimit(marking, KEEP_MILLISECONDS, 'S3 did not answer in time');
      } catch (error) {
        dependencies.unreported(orderNumber, error);
      }
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
      // Another account with which the next check asks may have no pushes.
      const processingSeconds = checked.order.account === askedAccount ? pushes.pollSeconds(answered) : undefined;
      const state = { reason, consecutive, checks, elapsedSeconds, retryAfter, processingSeconds };
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
