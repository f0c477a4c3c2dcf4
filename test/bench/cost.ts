import { waitSeconds } from '../../functions/collect/waiting.ts';
import { CACHE_SECONDS } from '../../functions/store/publication.ts';
import { logsBill, monthlyBill, refreshesBill } from './bill.ts';
import type { ColdStart } from './cold-start.ts';
import type { Deployed } from './deployed.ts';
import { type Definition, HISTORY_LIMIT, type Walk, walk } from './machine.ts';
import { atMost, exactly, measurement, type Results, round } from './measure.ts';

/**
 * AWS's list prices in dollars for us-east-1 in 2026-11, without free tiers. Each comment names the page on
 * aws.amazon.com and the source: a stored copy of that page of unknown age, a quotation elsewhere, or memory. No price
 * was read on AWS's site at that time.
 */
const PRICES = {
  /** Standard workflows: each state that is entered, and each retry. Page "AWS Step Functions pricing"; stored copy. */
  transition: 0.025 / 1000,
  /**
   * Lambda on arm64. Since August 2025 AWS bills the start of a process like its run time (AWS Compute Blog, "AWS
   * Lambda standardizes billing for INIT Phase"). Page "AWS Lambda pricing"; quoted in 2026.
   */
  gigabyteSecond: 0.0000133334,
  invocation: 0.2 / 1e6,
  /** Page "AWS Secrets Manager pricing"; quoted. */
  secretRead: 0.05 / 10_000,
  /** Page "Amazon CloudWatch pricing"; quoted. */
  logByte: 0.5 / 1e9,
  /** Page "Amazon EventBridge pricing"; from memory. */
  event: 1 / 1e6,
  /** Page "Amazon S3 pricing"; from memory. */
  s3Write: 0.005 / 1000,
  s3Read: 0.0004 / 1000,
} as const;

/** The price of a retry. */
export const TRANSITION_DOLLARS = PRICES.transition;

type Item = keyof typeof PRICES;

const ITEM_NAMES: Readonly<Record<Item, string>> = {
  transition: 'state transitions',
  gigabyteSecond: 'time of Lambda',
  invocation: 'invocations of Lambda',
  secretRead: 'reading the secret',
  logByte: 'logs of the functions',
  event: 'events',
  s3Write: 'writes to S3',
  s3Read: 'reads from S3',
};

type Usage = Readonly<Partial<Record<Item, number>>>;

/**
 * Seconds for which a warm process caches the secret (functions/secret.ts), and milliseconds of CPU of a warm check.
 */
const SECRET_SECONDS = 300;
const WARM_CPU_MILLISECONDS = 0.4;

/** With this many waiting orders the process stays warm: at the default interval there is a check every 108 s. */
const WARM_ORDERS = 100;

/**
 * Memory with which a Lambda has one whole CPU (AWS: Lambda, configure memory). With less, the share is proportional.
 */
const MEGABYTES_OF_A_CPU = 1769;

const DAY = 86_400;
const HOUR = 3600;

/** A chain and a logo. */
const OBJECTS_OF_AN_ADDRESS = 2;

/** Seconds in which the CA answers: an assumption of the cost model. */
const CA_SECONDS = [0.3, 3] as const;

/** The poll interval of the job poller in AWS's collection of Step Functions samples. */
const JOB_POLLER_SECONDS = 30;

/** AWS's sample "Job Poller": submit, wait, get the status, and a choice that leads back to the wait. */
const JOB_POLLER: Definition = {
  StartAt: 'Submit Job',
  States: {
    'Submit Job': { Type: 'Task', Resource: 'arn:aws:lambda:::function:submit', Next: 'Wait X Seconds' },
    'Wait X Seconds': { Type: 'Wait', Next: 'Get Job Status' },
    'Get Job Status': { Type: 'Task', Resource: 'arn:aws:lambda:::function:status', Next: 'Job Complete?' },
    'Job Complete?': {
      Type: 'Choice',
      Choices: [{ Variable: '$.status', StringEquals: 'SUCCEEDED', Next: 'Done' }],
      Default: 'Wait X Seconds',
    },
    Done: { Type: 'Succeed' },
  },
};

/** Waiting orders of a small, a middle and a large user, for the bill of a month. */
const WAITING_ORDERS = [1, 50, 5000] as const;

/** Log files of CloudFront in a month: more than two in a minute. */
const LOG_FILES = 100_000;

/** How often the overview of so many orders is written in a day because of outcomes. */
const KNOWN_ORDERS = 10_000;
const REFRESHES_A_DAY = 30;

/** `pollEveryWithPush` at its longest, in seconds. */
const WITH_PUSH_SECONDS = DAY;

/** ListSecretVersionIds, and two changes of a label: what records the first push of a week for an account. */
const REQUESTS_OF_A_PROOF = 3;

/** Whether the CA pushes: not at all, in addition to the usual checks, or with `pollEveryWithPush`. */
type Pushes = 'none' | 'added' | 'verified';

const PUSH_LABELS: Readonly<Record<Pushes, string>> = {
  none: 'collector',
  added: 'collector with push',
  verified: 'collector with `pollEveryWithPush` of a day',
};

/** The combinations of settings whose bill is calculated. */
const BILLED_SETTINGS = [
  { title: 'default', settings: {} },
  { title: '`push` and `publish`', settings: { push: true, publish: true } },
  { title: '`dashboard`', settings: { dashboard: true } },
] as const;

/** What one order needs and costs. */
interface OrderCost {
  readonly checks: number;
  readonly transitions: number;
  readonly events: number;
  readonly lambdaMilliseconds: number;
  readonly invocations: number;
  /** Of Step Functions and Lambda. */
  readonly dollars: number;
  /** Also of the secret, logs, events and S3. */
  readonly allDollars: number;
  /** Dollars by item. */
  readonly bill: Readonly<Record<string, number>>;
}

interface Durations {
  /** CPU of one cold check, in milliseconds of a whole CPU. */
  readonly cpuMilliseconds: number;
  readonly logBytes: number;
  readonly caSeconds: number;
}

/**
 * Models the cost of an order that waits for a number of days. State transitions come from walking the synthesized
 * definition, checks from the function's waiting policy, Lambda's time from the cold start measured in this run. Every
 * check counts as a cold start, as for a single order: AWS stops a process that is idle for minutes. Data transfer,
 * storage and the lines that Lambda itself logs are not included.
 *
 * One of {@link WARM_ORDERS} orders that wait at once uses a warm process, which reads the secret every five minutes
 * for all of them.
 *
 * The figure covers Step Functions and Lambda; "all" also covers every other request.
 */
export function modelCost(deployed: Deployed, { cpuMilliseconds, logBytes }: ColdStart): Results {
  const durations = { cpuMilliseconds, logBytes, caSeconds: CA_SECONDS[0] };
  const month = collectorCost(deployed, 30, 'none', durations);
  const withPush = collectorCost(deployed, 30, 'verified', durations);
  const manyOrders = collectorCost(
    deployed,
    30,
    'none',
    { ...durations, cpuMilliseconds: WARM_CPU_MILLISECONDS },
    WARM_ORDERS,
  );
  const poller = jobPollerCost(deployed, 30, durations);
  const orders = CA_SECONDS.flatMap((caSeconds) =>
    [1, 30, 90].flatMap((days) =>
      (['none', 'added', 'verified'] as const).map((pushes) => ({
        label: PUSH_LABELS[pushes],
        days,
        caSeconds,
        cost: collectorCost(deployed, days, pushes, { ...durations, caSeconds }),
      })),
    ),
  );
  const warm = [1, 30, 90].map((days) => ({
    label: `collector, one of ${WARM_ORDERS} orders at once`,
    days,
    caSeconds: durations.caSeconds,
    cost: collectorCost(deployed, days, 'none', { ...durations, cpuMilliseconds: WARM_CPU_MILLISECONDS }, WARM_ORDERS),
  }));
  const pollers = [1, 30, 90].map((days) => ({
    label: `job poller every ${JOB_POLLER_SECONDS} s`,
    days,
    caSeconds: durations.caSeconds,
    cost: jobPollerCost(deployed, days, durations),
  }));
  const pollHours = Number(deployed.environment.POLL_SECONDS) / HOUR;
  const fixedPart = monthlyBill({}, 1, pollHours);
  const bills = BILLED_SETTINGS.flatMap(({ title, settings }) =>
    WAITING_ORDERS.map((waitingOrders) => {
      const perOrder = waitingOrders < WARM_ORDERS / 2 ? month : manyOrders;
      const fixed = monthlyBill(settings, waitingOrders, pollHours);
      return { title, waitingOrders, fixed, orders: waitingOrders * perOrder.allDollars };
    }),
  );
  const { total: _, ...fixedItems } = fixedPart;
  const longest = Math.max(...orders.map(({ cost }) => cost.events));
  return {
    figures: [
      atMost('count', 'cost-30-days', 0.019, exactly(month.dollars), 'dollars'),
      atMost('count', 'cost-30-days-all', 0.02, exactly(month.allDollars), 'dollars'),
      atMost('count', 'cost-30-days-with-push', 0.003, exactly(withPush.allDollars), 'dollars'),
      atMost('count', 'cost-fixed', 4, exactly(fixedPart.total), 'dollars'),
      atMost('count', 'cost-vs-job-poller', 0.01, exactly(month.dollars / poller.dollars)),
      atMost('count', 'history-90-days', 1, exactly(longest / HISTORY_LIMIT)),
    ],
    measured: [
      ...Object.entries(month.bill).map(([item, dollars]) =>
        measurement(
          `30 days, CA answers in ${durations.caSeconds} s: ${ITEM_NAMES[item as Item]}`,
          'dollars',
          exactly(dollars),
        ),
      ),
      measurement(`30 days, CA answers in ${durations.caSeconds} s: all of it`, 'dollars', exactly(month.allDollars)),
      measurement(
        `30 days, one of ${WARM_ORDERS} orders at once: all of it`,
        'dollars',
        exactly(manyOrders.allDollars),
      ),
      ...Object.entries(fixedItems).map(([item, dollars]) =>
        measurement(`fixed part of a month, 1 order waits: ${item}`, 'dollars', exactly(dollars)),
      ),
      measurement(
        `${KNOWN_ORDERS} orders, ${REFRESHES_A_DAY} overviews a day after outcomes, 30 days`,
        'dollars',
        exactly(refreshesBill(KNOWN_ORDERS, 30 * REFRESHES_A_DAY)),
      ),
      measurement(
        'a published domain, 30 days: reads from S3 by a regional cache that is asked all the time',
        'dollars',
        exactly(PRICES.s3Read * OBJECTS_OF_AN_ADDRESS * ((30 * DAY) / CACHE_SECONDS)),
      ),
      measurement(
        `with publishLogs, 30 days: ${LOG_FILES} log files, written, kept and read`,
        'dollars',
        exactly(logsBill(LOG_FILES)),
      ),
      measurement('a job poller fills its history in', 'hours', exactly(jobPollerHours())),
    ],
    tables: [
      {
        title: 'What AWS bills in a month, in dollars',
        columns: ['settings', 'orders that wait', 'secrets', 'alarms', 'dashboard', 'metrics', 'orders', 'total'],
        rows: bills.map(({ title, waitingOrders, fixed, orders: ofOrders }) => [
          title,
          waitingOrders,
          ...[fixed.secrets, fixed.alarms, fixed.dashboard, fixed.metrics, ofOrders, fixed.total + ofOrders].map(
            (dollars) => dollars.toFixed(2),
          ),
        ]),
      },
      {
        title: 'What an order costs',
        columns: [
          '',
          'days',
          'CA answers in (s)',
          'checks',
          'state transitions',
          'events of history',
          'Lambda (s)',
          'Lambda requests',
          'dollars',
          'dollars, all',
        ],
        rows: [...orders, ...warm, ...pollers].map(({ label, days, caSeconds, cost }) => [
          label,
          days,
          caSeconds,
          cost.checks,
          cost.transitions,
          cost.events,
          round(cost.lambdaMilliseconds / 1000),
          cost.invocations,
          round(cost.dollars),
          round(cost.allDollars),
        ]),
      },
    ],
  };
}

/** @param orders number of orders that wait at once and share a process's cache; 1 makes every check a cold start. */
function collectorCost(deployed: Deployed, days: number, pushes: Pushes, durations: Durations, orders = 1): OrderCost {
  const push = pushes !== 'none';
  const { definition } = deployed;
  const begin = walk(definition, definition.StartAt, {}, 'Collect');
  const loop = walk(definition, 'Collect', { collection: { outcome: 'waiting' } }, 'Collect');
  const last = (changed: boolean) =>
    walk(definition, 'Collect', { collection: { outcome: 'issued', certificate: { changed } } });
  const waiting = checksIn(
    days * DAY,
    Number(deployed.environment.POLL_SECONDS),
    pushes === 'verified' ? WITH_PUSH_SECONDS : undefined,
  );
  // With push another execution collects and announces the certificate; the waiting one finds it stored.
  const ends = push ? [last(true), last(false)] : [last(true)];
  const executions = ends.length;
  const total = (of: (walk: Walk) => number) =>
    waiting * of(loop) + ends.reduce((sum, each) => sum + of(begin) + of(each), 0);

  const checks = total(({ invocations }) => invocations);
  // The functions start, notify and push do less than a check. They count as a check without the wait for the CA.
  const others = push ? 3 : 2;
  const milliseconds =
    checks * lambdaMilliseconds(deployed, durations) +
    others * lambdaMilliseconds(deployed, { ...durations, caSeconds: 0 });
  return costOf(deployed, {
    checks,
    // The start of an execution is also a transition (AWS: Step Functions, pricing examples).
    transitions: total((each) => each.transitions) + executions,
    // Of the longer execution, with ExecutionStarted and ExecutionSucceeded.
    events: begin.events + waiting * loop.events + Math.max(...ends.map(({ events }) => events)) + 2,
    lambdaMilliseconds: milliseconds,
    invocations: checks + others,
    others: {
      secretRead:
        (orders > 1 ? (days * DAY) / SECRET_SECONDS / orders : checks) +
        (push ? 1 : 0) +
        (pushes === 'verified' ? REQUESTS_OF_A_PROOF : 0),
      logByte: (checks + others) * durations.logBytes,
      // "Mark Certificate Ordered" and "Mark Certificate Issued".
      event: 2,
      // Response, chain, logo and manifest; the status at the first check and at the end.
      s3Write: 6,
      s3Read: 12 * executions,
    },
  });
}

/** The same handler, called every 30 s. The executions that must follow one with a full history are not counted. */
function jobPollerCost(deployed: Deployed, days: number, { caSeconds, logBytes }: Durations): OrderCost {
  const loop = loopOfJobPoller();
  const checks = Math.floor((days * DAY) / JOB_POLLER_SECONDS);
  return costOf(deployed, {
    checks,
    transitions: checks * loop.transitions,
    events: checks * loop.events,
    // The process stays warm and caches the secret, so only the CA's time is billed.
    lambdaMilliseconds: checks * caSeconds * 1000,
    invocations: checks,
    others: { logByte: checks * logBytes },
  });
}

function costOf(
  { memorySize }: Deployed,
  { others, ...counted }: Omit<OrderCost, 'dollars' | 'allDollars' | 'bill'> & { readonly others: Usage },
): OrderCost {
  const { transitions, lambdaMilliseconds, invocations } = counted;
  const bill = {
    ...price({
      transition: transitions,
      gigabyteSecond: (lambdaMilliseconds / 1000) * (memorySize / 1024),
      invocation: invocations,
    }),
  };
  const otherBill = price(others);
  const dollars = sum(Object.values(bill));
  return { ...counted, dollars, allDollars: dollars + sum(Object.values(otherBill)), bill: { ...bill, ...otherBill } };
}

/** Hours until an execution of the job poller has as many events as Step Functions allows. */
function jobPollerHours(): number {
  return ((HISTORY_LIMIT / loopOfJobPoller().events) * JOB_POLLER_SECONDS) / HOUR;
}

function loopOfJobPoller(): Walk {
  return walk(JOB_POLLER, 'Wait X Seconds', {}, 'Wait X Seconds');
}

/** The number of checks of a waiting order within so many seconds, with the average random delay. */
function checksIn(seconds: number, pollSeconds: number, processingSeconds: number | undefined): number {
  let checks = 0;
  for (let elapsedSeconds = 0; elapsedSeconds < seconds; ) {
    checks += 1;
    elapsedSeconds += waitSeconds(
      { reason: 'processing', consecutive: checks, checks, elapsedSeconds, processingSeconds },
      pollSeconds,
      0.5,
    );
  }
  return checks;
}

/** Billed milliseconds of one check on Lambda: its CPU at the share of its memory, and the wait for the CA. */
function lambdaMilliseconds({ memorySize }: Deployed, { cpuMilliseconds, caSeconds }: Durations): number {
  return Math.ceil((cpuMilliseconds * MEGABYTES_OF_A_CPU) / memorySize + caSeconds * 1000);
}

/** Dollars by item. */
function price(usage: Usage): Record<string, number> {
  return Object.fromEntries(Object.entries(usage).map(([item, count]) => [item, PRICES[item as Item] * count]));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
