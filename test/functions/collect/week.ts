import { type CheckRecord, type Collection, createCollect } from '../../../functions/collect/collect.ts';
import type { LabelFailure } from '../../../functions/collect/credentials.ts';
import { dayName } from '../../../functions/days.ts';
import type { HttpClient } from '../../../functions/http.ts';
import { createReports } from './reports.ts';
import { COLLECTOR, createSecretsManager, DEFAULT_SECRET } from './secret-manager.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
const START = Date.parse('2026-11-01T00:10:00Z');

/** An answer of the CA, or of something in front of it. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A call to the CA. */
export interface WeekCall {
  readonly order: string;
  readonly password: string;
  /** yyyymmdd. */
  readonly day: string;
  /** Milliseconds since the start of the week. */
  readonly at: number;
}

export interface WeekOptions {
  /** Order numbers, each with its account. Default: 50 orders of the default account. */
  readonly orders?: ReadonlyMap<string, string | undefined>;
  /** The CA's answer to a login that it does not accept. */
  readonly rejection: Answer;
  /** Whether all checks run in one process. By default each check runs in a new one. */
  readonly warm?: boolean;
}

/**
 * A CA, Secrets Manager and waiting orders in virtual time. Orders are checked one at a time, in the order of the times at
 * which their waits end.
 */
export function createWeek({ orders = ordersOf(50), rejection, warm = false }: WeekOptions) {
  let now = START;
  const secrets = createSecretsManager(() => now);
  const accepted = new Set<string>();
  const calls: WeekCall[] = [];
  const checks: CheckRecord[] = [];
  const failures: LabelFailure[] = [];
  const planned: { readonly at: number; readonly action: () => void }[] = [];

  const http: HttpClient = async ({ form }) => {
    const password = form?.get('loginPassword') ?? '';
    calls.push({ order: form?.get('orderNumber') ?? '', password, day: dayName(new Date(now)), at: now - START });
    const { status, headers = {}, body } = accepted.has(password) ? { status: 200, body: '0\n' } : rejection;
    return { status, headers, read: async () => Buffer.from(body), discard: () => {} };
  };

  const waiting = [...orders].map(([orderNumber, account], n) => ({
    order: { orderNumber, ...(account !== undefined && { account }) },
    reports: createReports(),
    collection: undefined as Collection | undefined,
    at: START + n * 60_000,
  }));
  type WaitingOrder = (typeof waiting)[number];
  const reportsOf = (orderNumber: string) => {
    const found = waiting.find(({ order }) => order.orderNumber === orderNumber);
    if (!found) {
      throw new Error(`there is no order ${orderNumber}`);
    }
    return found.reports.dependencies;
  };

  const createProcess = () =>
    createCollect({
      collector: COLLECTOR,
      status: (orderNumber) => reportsOf(orderNumber).status(orderNumber),
      sendEvent: (detailType, detail) => reportsOf(detail.orderNumber).sendEvent(detailType, detail),
      readOptions: (orderNumber, current) => reportsOf(orderNumber).readOptions(orderNumber, current),
      keepUnreadable: (orderNumber, body) => reportsOf(orderNumber).keepUnreadable(orderNumber, body),
      downloadCrls: async () => [],
      reportNotMade: (_, error) => {
        throw error;
      },
      revocationNotChecked: () => {},
      unreported: (orderNumber, error) => reportsOf(orderNumber).unreported(orderNumber, error),
      url: 'https://ca.example/CollectMC',
      format: 'pkcs7',
      pollSeconds: (3 * HOUR) / 1000,
      giveUpSeconds: (90 * DAY) / 1000,
      bucket: 'bucket',
      trustAnchors: [],
      ctLogs: [],
      publishedUrl: undefined,
      credentials: secrets.lookup(failures, () => now),
      http,
      archive: () => {
        throw new Error('nothing was issued');
      },
      observe: (check) => checks.push(check),
      now: () => new Date(now),
      random: () => 0,
    });
  let collect = createProcess();

  async function check(each: WaitingOrder): Promise<void> {
    now = Math.max(now, each.at);
    collect = warm ? collect : createProcess();
    const order = { ...each.order, ...(each.collection && { collection: each.collection }) };
    const startedAt = new Date(START).toISOString();
    each.collection = await collect({ order, execution: `order-${each.order.orderNumber}`, startedAt }, () => 60_000);
    each.at = now + each.collection.waitSeconds * 1000;
  }

  return {
    secrets,
    accepted,
    calls,
    checks,
    failures,
    waiting,
    /** Stores a password for an account, and returns the version. */
    store: (loginPassword: string, secretId = DEFAULT_SECRET) =>
      secrets.store(secretId, { loginName: 'brand', loginPassword }),
    /** Plans an action, in milliseconds after the start. */
    at(time: number, action: () => void) {
      planned.push({ at: START + time, action });
      planned.sort((a, b) => a.at - b.at);
    },
    /** Runs until this time after the start. */
    async run(end = 7 * DAY): Promise<void> {
      for (;;) {
        const next = waiting.reduce((first, each) => (each.at < first.at ? each : first));
        const [plan] = planned;
        if (plan && plan.at <= next.at) {
          now = plan.at;
          plan.action();
          planned.shift();
        } else if (next.at > START + end) {
          return;
        } else {
          await check(next);
        }
      }
    },
    /** The number of calls with a password, by day. */
    byDay(password: string): Record<string, number> {
      const days: Record<string, number> = {};
      for (const { day } of calls.filter((call) => call.password === password)) {
        days[day] = (days[day] ?? 0) + 1;
      }
      return days;
    },
  };
}

/** Order numbers of the default account. */
export function ordersOf(count: number): ReadonlyMap<string, string | undefined> {
  return new Map(Array.from({ length: count }, (_, n) => [String(1_000_000 + n), undefined]));
}
