import type { WaitingReason } from '../collectmc/codes.ts';
import { CollectorError } from '../collector-error.ts';
import { type CollectionErrorName, FAILURE_BYTES, NEXT_STEPS, WAITING_NEXT_STEPS } from '../errors.ts';
import {
  type Concern,
  FAILED,
  type FailedDetail,
  type OrderDetail,
  orderDetail,
  REVOKED,
  type RevokedDetail,
  WAITING,
  type WaitingDetail,
} from '../events.ts';
import type { OrderStatus, StatusFile } from '../store/status.ts';
import { truncate } from '../text.ts';
import { withTimeLimit } from '../time-limit.ts';
import type { CheckedOrder } from './options.ts';
import {
  concernsOf,
  isLate,
  isSilent,
  type PreviousWait,
  type Progress,
  progressOf,
  type Report,
  restart,
} from './progress.ts';

/** Milliseconds of Lambda's time that must remain after a report, to return the result of the check. */
const RESERVED_MILLISECONDS = 5_000;

/** The execution that a report is about. */
export interface Subject {
  readonly checked: CheckedOrder;
  readonly execution: string;
  /** The start of the execution. */
  readonly startedAt: string;
}

/** The state of an order that must wait again. */
export interface Waiting {
  readonly reason: WaitingReason;
  /** The CA's last reply, for a person. */
  readonly text: string;
  readonly checks: number;
  /** Seconds since the start of the execution. */
  readonly elapsedSeconds: number;
  readonly previous: PreviousWait | undefined;
}

/** What a person must do about an order that waits, and about one that failed: clauses in the imperative. */
export interface NextSteps {
  readonly waiting: Readonly<Record<Concern, string>>;
  readonly failed: Readonly<Record<CollectionErrorName, string>>;
}

/** How a report reaches S3 and the event bus. Both are loaded only when they are needed. */
export interface ReporterDependencies {
  readonly collector: string;
  readonly giveUpSeconds: number;
  readonly status: (orderNumber: string) => Promise<StatusFile>;
  /** What a person must do; default: what an operator of a deployed collector does. */
  readonly nextSteps?: NextSteps;
  /** Rejects if EventBridge did not accept the event. */
  readonly sendEvent: (detailType: string, detail: OrderDetail) => Promise<void>;
  /** Is called if S3 or EventBridge did not accept a request of a check that ends all the same. */
  readonly unreported: (orderNumber: string, error: unknown) => void;
  readonly now: () => Date;
}

/**
 * The collection of an order ended, but its status could not be written or its event could not be sent. The order waits,
 * and the next check tries again.
 */
export class FailureNotReportedError extends CollectorError {
  override readonly name = 'FailureNotReportedError';
  /** What was reported nevertheless. */
  readonly reported: readonly Report[];

  constructor(message: string, reported: readonly Report[], options: ErrorOptions) {
    super(message, options);
    this.reported = reported;
  }
}

/**
 * Creates the reporter of Collect. It writes the status of an order, and sends an event if the order starts to need a
 * person or has failed.
 *
 * Of two executions of an order, the one that started later reports, until it fails. The other one gets the same replies.
 */
export function createReporter({ collector, giveUpSeconds, ...dependencies }: ReporterDependencies) {
  const { status, sendEvent, unreported, now, nextSteps } = dependencies;

  /** The status of an order as it is known now. */
  function statusOf(
    { checked: { order }, execution, startedAt }: Subject,
    change: Pick<OrderStatus, 'state' | 'reason' | 'error' | 'text' | 'since' | 'nextStep'>,
  ): OrderStatus {
    return {
      schemaVersion: 1,
      ...orderDetail(collector, order),
      product: order.product ?? null,
      execution,
      startedAt: new Date(startedAt).toISOString(),
      ...change,
      updatedAt: now().toISOString(),
    };
  }

  /**
   * @param options `isNews` is true if a message about the status is due. `isOver` returns true when the check has ended:
   * a report that S3 delayed until then must not overwrite that of the next check. `isProbablyNew` is true if the order
   * probably has no status yet.
   * @returns the stored status; undefined if another execution wrote the present one.
   */
  async function write(
    subject: Subject,
    change: Parameters<typeof statusOf>[1],
    {
      isNews,
      isOver = () => false,
      isProbablyNew = false,
    }: { readonly isNews: boolean; readonly isOver?: () => boolean; readonly isProbablyNew?: boolean },
  ): Promise<OrderStatus | undefined> {
    const { orderNumber } = await subject.checked.read();
    const next = statusOf(subject, change);
    const { execution, updatedAt } = next;
    const stored = await (await status(orderNumber)).update(
      (current) => {
        if (isOver()) {
          return undefined;
        }
        const own = current?.execution === execution ? current : undefined;
        // What was reported stays reported if the reason changes, but not what a person must do.
        const isSameStep = own?.nextStep === change.nextStep || isSilent(own?.reason) || isSilent(change.reason);
        const isReported = !isNews && own?.reportedAt !== undefined && isSameStep;
        return isReported ? { ...next, reportedAt: own.reportedAt } : next;
      },
      { isProbablyNew },
    );
    return stored?.execution === execution && stored.updatedAt === updatedAt ? stored : undefined;
  }

  /** Whether the stored status is what a check with this reason would write. */
  async function isStored({ checked, execution }: Subject, reason: WaitingReason): Promise<boolean> {
    const { current } = await (await status(checked.order.orderNumber)).read();
    return current?.execution === execution && current.state === 'waiting' && current.reason === reason;
  }

  /** Reports what is due. `save` receives each completed step. */
  async function reportDue(
    subject: Subject,
    { reason, text, checks, elapsedSeconds, previous }: Waiting,
    save: (progress: Progress) => void,
    isOver: () => boolean,
  ): Promise<void> {
    let progress = progressOf(previous, reason, now());
    const saveReported = (reported: Progress['reported']) => {
      progress = { ...progress, reported };
      save(progress);
    };
    save(progress);
    if (isLate(previous, now()) && progress.reported.includes('status')) {
      // Without `status`, the next check writes the status if it cannot be read now.
      saveReported(progress.reported.filter((report) => report !== 'status'));
      if (await isStored(subject, reason)) {
        saveReported([...progress.reported, 'status']);
      } else {
        progress = restart(progress.reported, now());
        save(progress);
      }
    }
    const { since, reported } = progress;
    const concerns = concernsOf({ reason, since }, elapsedSeconds, giveUpSeconds, now());
    // One for each status: a message is about the status with the same `updatedAt`. Another one is due at the next check.
    const due = concerns.find((concern) => !reported.includes(concern));
    if (due === undefined && reported.includes('status')) {
      return;
    }
    const [concern] = concerns;
    const days = Math.floor(elapsedSeconds / 86_400);
    const isDelayed = due === 'deadline' || concern === 'deadline';
    const change = {
      state: 'waiting' as const,
      reason,
      text: isDelayed ? `no certificate after ${days} days and ${checks} checks; ${text}` : text,
      since,
      ...(concern && { nextStep: nextSteps?.waiting[concern] ?? WAITING_NEXT_STEPS[concern].text }),
    };
    let stored: OrderStatus | undefined;
    try {
      stored = await write(subject, change, {
        isNews: due !== undefined,
        isOver,
        isProbablyNew: checks === 1,
      });
    } catch (error) {
      if (due !== 'storage') {
        throw error;
      }
      // S3 may be what fails, so the message is sent without a status. The next check writes the status.
      await sendEvent(WAITING, waitingDetail(statusOf(subject, change), due));
      saveReported([...reported.filter((report) => report !== 'status'), due]);
      throw error;
    }
    const written = [...reported.filter((report) => report !== 'status'), 'status' as const];
    saveReported(written);
    if (due !== undefined) {
      if (stored) {
        await sendEvent(WAITING, waitingDetail(stored, due));
      }
      saveReported([...written, due]);
    }
  }

  return {
    /**
     * Reports a waiting order, if there is something new. It never rejects, and returns before Lambda's time is over: a
     * repeated check would call the CA again, possibly with a rejected login. What could not be reported is due at the
     * next check.
     */
    async waiting(subject: Subject, waiting: Waiting, remainingMilliseconds: () => number): Promise<Progress> {
      let progress: Progress = progressOf(waiting.previous, waiting.reason, now());
      let isOver = false;
      const save = (saved: Progress) => {
        progress = saved;
      };
      try {
        const report = reportDue(subject, waiting, save, () => isOver);
        const limit = remainingMilliseconds() - RESERVED_MILLISECONDS;
        await withTimeLimit(report, limit, 'no answer of S3 or EventBridge in time');
      } catch (error) {
        unreported(subject.checked.order.orderNumber, error);
      }
      isOver = true;
      return progress;
    },

    /** Writes that the certificate is stored. @throws {S3ServiceException} if the status cannot be written. */
    async issued(subject: Subject, text: string): Promise<void> {
      const since = now().toISOString();
      await write(subject, { state: 'issued', text, since }, { isNews: false });
    },

    /**
     * Reports that the collection failed.
     *
     * @param reportedBefore what earlier checks of the execution reported.
     * @throws {FailureNotReportedError} if the status cannot be written or an event cannot be sent.
     */
    async failed(
      subject: Subject,
      error: CollectionErrorName,
      message: string,
      reportedBefore: readonly Report[],
    ): Promise<void> {
      const text = truncate(message, FAILURE_BYTES);
      const since = now().toISOString();
      let reported = reportedBefore;
      try {
        if (error === 'CertificateRevoked' && !reported.includes('revoked')) {
          // First, and even if the status cannot be written: publications are marked by this event.
          await sendRevoked(subject, text);
          reported = [...reported, 'revoked'];
        }
        const change = {
          state: 'failed' as const,
          error,
          text,
          since,
          nextStep: nextSteps?.failed[error] ?? NEXT_STEPS[error].text,
        };
        const stored = await write(subject, change, { isNews: true });
        if (stored) {
          await sendEvent(FAILED, failedDetail(stored, error));
        }
      } catch (cause) {
        throw new FailureNotReportedError(
          `${text}. This ends the collection with ${error}, but this could not be reported: ${cause}`,
          reported,
          { cause },
        );
      }
    },

    /** Sends the event of a revocation that CollectMC confirms. Rejects if EventBridge did not accept it. */
    revoked: (subject: Subject, message: string): Promise<void> =>
      sendRevoked(subject, truncate(message, FAILURE_BYTES)),
  };

  async function sendRevoked({ checked, execution }: Subject, text: string): Promise<void> {
    // A revocation is reported with the options of the input rather than not at all.
    await checked.read().catch(() => {});
    const revoked = {
      confirmed: true,
      source: 'collect-mc' as const,
      text,
      knownSince: now().toISOString(),
      execution,
    };
    await sendEvent(REVOKED, { ...orderDetail(collector, checked.order), ...revoked } satisfies RevokedDetail);
  }
}

/** The fields that an event takes from the status that was written with it. */
function statusDetail(status: OrderStatus) {
  const { collector, orderNumber, account, domains, execution, startedAt, text, nextStep = '', updatedAt } = status;
  return { collector, orderNumber, account, domains, execution, startedAt, text, nextStep, updatedAt };
}

function waitingDetail(status: OrderStatus, reason: Concern): WaitingDetail {
  return { ...statusDetail(status), reason, since: status.since };
}

function failedDetail(status: OrderStatus, error: CollectionErrorName): FailedDetail {
  return { ...statusDetail(status), error };
}
