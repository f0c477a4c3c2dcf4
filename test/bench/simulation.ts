import { AVERAGE_WAIT, waitSeconds } from '../../functions/collect/waiting.ts';
import { secondsUntilTurn } from '../../functions/survey/renewal-turns.ts';
import { planRenewalChecks } from '../../functions/survey/renewals.ts';
import { mulberry32 } from '../mulberry32.ts';
import { EventQueue } from './event-queue.ts';
import { ACCOUNTS, createLogins } from './logins.ts';
import type { BusyPolicy } from './machine.ts';
import { FIRST_DAY, SURVEY_SECONDS } from './renewal-simulation.ts';

const HOUR = 3600;
const DAY = 86_400;

/**
 * The average time between two certificates that the simulation issues to each waiting order. The order keeps waiting
 * after each, so that delays are measured at any time and the load stays constant.
 */
const ISSUE_EVERY = 2 * HOUR;

/** How long a check takes that makes no call because the login was rejected: it reads the secret. */
const NO_CALL_SECONDS = 0.05;

/** The metrics of Lambda have a resolution of a minute. */
const MINUTE = 60;

export interface Load {
  readonly orders: number;
  /** Certificates that end soon, so that the survey starts renewal checks of their orders. No renewal is issued. */
  readonly certificates: number;
  readonly caSeconds: number;
  readonly callers: number;
  readonly pollSeconds: number;
  /** Simulated days. */
  readonly days: number;
  readonly seed: number;
  /** When the orders arrive: spread over one poll interval, or all in the same second. */
  readonly begin: 'spread' | 'burst';
  /**
   * Where an order waits for a busy function: in Step Functions' retry or, for comparison, in a queue that loses no
   * time.
   */
  readonly queueing: 'retry' | 'ideal';
}

export interface Outcome {
  /**
   * Seconds from the issue of a certificate to its collection, ascending; infinite if its order starved before. Those in
   * `delaysWithoutLogin` are not contained.
   */
  readonly delays: Float64Array;
  /**
   * The same for certificates that a check would have collected if their login had not been rejected, counted from the
   * moment when a person stored another login.
   */
  readonly delaysWithoutLogin: Float64Array;
  readonly calls: number;
  readonly callsPerHour: number;
  readonly busiestHour: number;
  readonly peakConcurrency: number;
  /** The share of the callers that were busy on average. */
  readonly busyShare: number;
  /** Calls about orders that have a certificate. */
  readonly renewalCalls: number;
  /** The most renewal checks that a survey started. */
  readonly busiestRenewalDay: number;
  /** The logins that the CA rejected, and the calls with them. */
  readonly rejectedLogins: number;
  readonly rejectedCalls: number;
  /** Executions that failed because Lambda throttled them more often than the Retry allows. */
  readonly starved: number;
  readonly retriesPerCheck: number;
  /** Mean seconds from the moment a check is due to the CA's answer. */
  readonly meanQueueSeconds: number;
  /** Seconds until every order had been checked once. */
  readonly firstRoundSeconds: number;
  /** Lambda's metrics: in each minute, the invocations that it ran, and those that it refused. */
  readonly invocations: Uint32Array;
  readonly throttles: Uint32Array;
}

/**
 * Simulates waiting orders of three accounts, and renewal checks, event by event: Step Functions invokes Collect when a
 * wait is over, Lambda throttles when all callers are busy, the Retry tries again, and the CA answers after some seconds.
 * The waits, the decision whether a login may be used, and the choice of renewal checks come from the functions' policies,
 * the retries from the synthesized definition. An order that starved starts again.
 *
 * A call collects only certificates that were issued before the call began.
 */
export function simulate(load: Load, retry: BusyPolicy): Outcome {
  const { orders, certificates, caSeconds, callers, pollSeconds } = load;
  const random = mulberry32(load.seed);
  const logins = createLogins(random);
  const end = load.days * DAY;
  const executions = orders + certificates;
  const survey = executions;
  const queue = new EventQueue(executions + 1);
  const idealQueue: number[] = [];
  let nextInQueue = 0;
  const begun = new Float64Array(orders);
  const issuedAt = new Float64Array(orders);
  const checks = new Uint32Array(orders);
  /** Whether the order waits for another login, and when a check last could not ask. */
  const isWithoutLogin = new Uint8Array(executions);
  const withoutLoginAt = new Float64Array(orders).fill(-1);
  const attempts = new Uint32Array(executions);
  const dueAt = new Float64Array(executions);
  const isRunning = new Uint8Array(executions);
  const isNew = new Uint8Array(orders).fill(1);
  const renewals = Array.from({ length: certificates }, (_, index) => ({
    execution: orders + index,
    orderNumber: String(1_378_973_013 + 2 * index),
  }));
  const isChecking = new Uint8Array(executions);
  const callsInHour = new Uint32Array(Math.ceil(end / HOUR) + 1);
  const invocations = new Uint32Array(Math.ceil(end / MINUTE) + 1);
  const throttles = new Uint32Array(invocations.length);
  const delays: number[] = [];
  const delaysWithoutLogin: number[] = [];
  let running = 0;
  let peakConcurrency = 0;
  let starved = 0;
  let calls = 0;
  let renewalCalls = 0;
  let busiestRenewalDay = 0;
  let busySeconds = 0;
  let retries = 0;
  let answers = 0;
  let queueSeconds = 0;
  let unchecked = orders;
  let firstRoundSeconds = Number.POSITIVE_INFINITY;

  const accountOf = (execution: number) => execution % ACCOUNTS.length;
  const begin = (order: number, now: number) => {
    begun[order] = now;
    issuedAt[order] = now + random() * 2 * ISSUE_EVERY;
    checks[order] = 0;
    due(order, now);
  };
  /**
   * Collects every certificate that was issued to the order until now; an infinite time means that it was never
   * collected.
   */
  const collect = (order: number, now: number, collectedAt: number) => {
    let issued = issuedAt[order] ?? 0;
    while (issued <= now) {
      if (issued <= (withoutLoginAt[order] ?? 0)) {
        delaysWithoutLogin.push(collectedAt - Math.max(issued, logins.storedAt(accountOf(order), now)));
      } else {
        delays.push(collectedAt - issued);
      }
      issued += random() * 2 * ISSUE_EVERY;
    }
    issuedAt[order] = issued;
  };
  const due = (execution: number, at: number) => {
    attempts[execution] = 0;
    dueAt[execution] = at;
    isRunning[execution] = 0;
    queue.push(execution, at);
  };
  /** Lambda runs Collect: it asks the CA if its rules allow it. */
  const invoke = (execution: number, now: number) => {
    running += 1;
    peakConcurrency = Math.max(peakConcurrency, running);
    count(invocations, now / MINUTE);
    isRunning[execution] = 1;
    const account = accountOf(execution);
    if (!logins.mayAsk(account, now)) {
      isWithoutLogin[execution] = 1;
      finishAt(execution, now, NO_CALL_SECONDS);
      return;
    }
    calls += 1;
    count(callsInHour, now / HOUR);
    const isAccepted = logins.ask(account, now);
    isWithoutLogin[execution] = isAccepted ? 0 : 1;
    if (execution >= orders) {
      renewalCalls += 1;
    } else if (isAccepted) {
      collect(execution, now, now + caSeconds);
    }
    finishAt(execution, now, caSeconds);
  };
  const finishAt = (execution: number, now: number, seconds: number) => {
    busySeconds += seconds;
    queue.push(execution, now + seconds);
  };
  const refuse = (execution: number, now: number) => {
    if (load.queueing === 'ideal') {
      idealQueue.push(execution);
      return;
    }
    count(throttles, now / MINUTE);
    const attempt = (attempts[execution] ?? 0) + 1;
    attempts[execution] = attempt;
    if (attempt <= retry.maxAttempts) {
      retries += 1;
      queue.push(execution, now + random() * retry.longestDelay(attempt));
      return;
    }
    starved += 1;
    if (execution < orders) {
      collect(execution, now, Number.POSITIVE_INFINITY);
      begin(execution, now);
    } else {
      isChecking[execution] = 0;
    }
  };
  const finish = (execution: number, now: number) => {
    running -= 1;
    answers += 1;
    queueSeconds += now - (dueAt[execution] ?? 0);
    if (execution < orders) {
      waitAgain(execution, now);
    } else {
      isChecking[execution] = 0;
    }
    const next = idealQueue[nextInQueue];
    if (next !== undefined) {
      nextInQueue += 1;
      invoke(next, now);
    }
  };
  const waitAgain = (order: number, now: number) => {
    if (isNew[order] && !isWithoutLogin[order]) {
      isNew[order] = 0;
      unchecked -= 1;
      firstRoundSeconds = unchecked === 0 ? now : firstRoundSeconds;
    }
    checks[order] = (checks[order] ?? 0) + 1;
    if (isWithoutLogin[order]) {
      withoutLoginAt[order] = now;
    }
    const made = checks[order] ?? 0;
    const state = {
      reason: isWithoutLogin[order] ? 'credentials' : 'processing',
      consecutive: made,
      checks: made,
      elapsedSeconds: now - (begun[order] ?? 0),
    } as const;
    due(order, now + waitSeconds(state, pollSeconds, random()));
  };
  /** The daily survey starts the renewal checks of the day, each with the time until it asks. */
  const runSurvey = (now: number) => {
    const at = new Date(FIRST_DAY + now * 1000);
    const statuses = Array.from({ length: orders }, (_, order) => ({
      state: 'waiting' as const,
      account: ACCOUNTS[accountOf(order)] ?? null,
      ...(isWithoutLogin[order] && { reason: 'credentials' }),
    }));
    const { due: today, blocked } = planRenewalChecks(renewals, statuses, at);
    const started = today.filter(
      ({ execution }) => !isChecking[execution] && !blocked.has(ACCOUNTS[accountOf(execution)] ?? undefined),
    );
    for (const { execution, orderNumber } of started) {
      isChecking[execution] = 1;
      due(execution, now + secondsUntilTurn(orderNumber, at));
    }
    busiestRenewalDay = Math.max(busiestRenewalDay, started.length);
    queue.push(survey, now + DAY);
  };

  for (let order = 0; order < orders; order++) {
    begin(order, load.begin === 'burst' ? random() : random() * pollSeconds);
  }
  queue.push(survey, SURVEY_SECONDS);
  for (;;) {
    const { order: execution, time } = queue.pop();
    if (time > end) {
      break;
    }
    if (execution === survey) {
      runSurvey(time);
    } else if (isRunning[execution]) {
      finish(execution, time);
    } else if (running < callers) {
      invoke(execution, time);
    } else {
      refuse(execution, time);
    }
  }
  return {
    delays: Float64Array.from(delays).sort(),
    delaysWithoutLogin: Float64Array.from(delaysWithoutLogin).sort(),
    calls,
    callsPerHour: calls / (end / HOUR),
    busiestHour: Math.max(...callsInHour),
    peakConcurrency,
    busyShare: busySeconds / callers / end,
    renewalCalls,
    busiestRenewalDay,
    rejectedLogins: logins.rejectedLogins(),
    rejectedCalls: logins.rejectedCalls(),
    starved,
    retriesPerCheck: retries / answers,
    meanQueueSeconds: queueSeconds / answers,
    firstRoundSeconds,
    invocations,
    throttles,
  };
}

/** Adds one to the element of a period. */
function count(counts: Uint32Array, period: number): void {
  const index = Math.floor(period);
  counts[index] = (counts[index] ?? 0) + 1;
}

/**
 * The reference for a delay: half the average time between two checks, which polling always costs, and the wait in a queue
 * that loses no time.
 */
export function referenceDelay(load: Load, retry: BusyPolicy): number {
  return (load.pollSeconds * AVERAGE_WAIT) / 2 + simulate({ ...load, queueing: 'ideal' }, retry).meanQueueSeconds;
}
