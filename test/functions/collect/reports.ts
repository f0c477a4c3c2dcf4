import type { CollectDependencies } from '../../../functions/collect/collect.ts';
import type { ReporterDependencies } from '../../../functions/collect/reporter.ts';
import type { OrderDetail } from '../../../functions/events.ts';
import type { OrderOptions } from '../../../functions/order.ts';
import { isSupersededBy, type OrderStatus, type StatusFile } from '../../../functions/store/status.ts';
import { crlDownload } from '../../crls.ts';

/** An event that Collect sent. */
export interface ReportedEvent {
  readonly detailType: string;
  readonly detail: OrderDetail;
}

/** What Collect reported, in memory. */
export interface Reports {
  /** The dependencies of a check that reports here. */
  readonly dependencies: Omit<ReporterDependencies, 'giveUpSeconds' | 'now'> &
    Pick<
      CollectDependencies,
      'readOptions' | 'keepUnreadable' | 'downloadCrls' | 'reportNotMade' | 'revocationNotChecked'
    >;
  /** Every status that was written. */
  readonly statuses: readonly OrderStatus[];
  readonly events: readonly ReportedEvent[];
  /** The errors of reports that failed. */
  readonly problems: readonly unknown[];
  /** The replies that could not be read. */
  readonly unreadable: readonly Uint8Array[];
  /** Corrects the options of the order in S3. */
  correct(options: OrderOptions): void;
  /** Lets S3 or EventBridge fail with this error, or both work again. */
  fail(service: 'status' | 'events', error: Error | undefined): void;
  /** S3 accepts requests, but does not answer any more. */
  hang(): void;
}

/** Keeps the status of one order and the events in memory. */
export function createReports(): Reports {
  const statuses: OrderStatus[] = [];
  const events: ReportedEvent[] = [];
  const problems: unknown[] = [];
  const unreadable: Uint8Array[] = [];
  let corrected: OrderOptions | undefined;
  let isHanging = false;
  const untilAnswered = () => (isHanging ? new Promise<never>(() => {}) : undefined);
  const errors: { status?: Error | undefined; events?: Error | undefined } = {};
  const throwIf = (error: Error | undefined) => {
    if (error) {
      throw error;
    }
  };
  const file: StatusFile = {
    async read() {
      await untilAnswered();
      throwIf(errors.status);
      return { current: statuses.at(-1) };
    },
    async update(next) {
      await untilAnswered();
      throwIf(errors.status);
      const status = next(statuses.at(-1));
      if (status && !isSupersededBy(status, statuses.at(-1))) {
        statuses.push(status);
      }
      return statuses.at(-1);
    },
  };
  return {
    dependencies: {
      collector: 'acme',
      status: async () => file,
      async sendEvent(detailType, detail) {
        throwIf(errors.events);
        events.push({ detailType, detail });
      },
      unreported: (_, error) => problems.push(error),
      async readOptions(_, { options }) {
        await untilAnswered();
        throwIf(errors.status);
        return corrected ?? options;
      },
      downloadCrls: crlDownload(),
      reportNotMade: (_, error) => problems.push(error),
      revocationNotChecked: (_, error) => problems.push(error),
      async keepUnreadable(_, body) {
        await untilAnswered();
        throwIf(errors.status);
        unreadable.push(body);
      },
    },
    statuses,
    events,
    problems,
    correct(options) {
      corrected = options;
    },
    unreadable,
    hang() {
      isHanging = true;
    },
    fail(service, error) {
      errors[service] = error;
    },
  };
}
