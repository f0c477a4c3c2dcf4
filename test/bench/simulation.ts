import { waitSeconds } from '../../functions/collect/waiting.ts';
import { mulberry32 } from '../mulberry32.ts';
import type { BusyPolicy } from './machine.ts';

const HOUR = 3600;
const DAY = 86_400;

/**
 * The average time between two certificates that the simulation issues to each waiting order. The order keeps waiting
 * after each, so that delays are measured at any time and the load stays constant.
 */
const ISSUE_EVERY = 2 * HOUR;

export interface Load {
  readonly orders: number;
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
  /** Seconds from the issue of a certificate to its collection, ascending; infinite if its order starved before. */
  readonly delays: Float64Array;
  readonly calls: number;
  readonly callsPerHour: number;
  readonly busiestHour: number;
  readonly peakConcurrency: number;
  /** Executions that failed because Lambda throttled them more often than the Retry allows. */
  readonly starved: number;
  readonly retriesPerCheck: number;
  /** Mean seconds from the moment a check is due to the CA's answer. */
  readonly meanQueueSeconds: number;
  /** Seconds until every order had been checked once. */
  readonly firstRoundSeconds: number;
}

/**
 * Simulates waiting orders event by event: Step Functions invokes Collect when a wait is over, Lambda throttles when
 * all callers are busy, the Retry tries again, and the CA answers after some seconds. The waits come from the
 * function's waiting policy, the retries from the synthesized definition. An order that starved starts again.
 *
 * A call collects only certificates that were issued before the call began.
 */
export function simulate(load: Load, retry: BusyPolicy): Outcome {
  const { orders, caSeconds, callers, pollSeconds } = load;
  const random = mulberry32(load.seed);
  const end = load.days * DAY;
  const queue = new EventQueue(orders);
  const idealQueue: number[] = [];
  let nextInQueue = 0;
  const begun = new Float64Array(orders);
  const issuedAt = new Float64Array(orders);
  const checks = new Uint32Array(orders);
  const attempts = new Uint32Array(orders);
  const dueAt = new Float64Array(orders);
  const isCalling = new Uint8Array(orders);
  const isNew = new Uint8Array(orders).fill(1);
  const callsInHour = new Uint32Array(Math.ceil(end / HOUR) + 1);
  const delays: number[] = [];
  let calling = 0;
  let peakConcurrency = 0;
  let starved = 0;
  let calls = 0;
  let retries = 0;
  let answers = 0;
  let queueSeconds = 0;
  let unchecked = orders;
  let firstRoundSeconds = Number.POSITIVE_INFINITY;

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
      delays.push(collectedAt - issued);
      issued += random() * 2 * ISSUE_EVERY;
    }
    issuedAt[order] = issued;
  };
  const due = (order: number, at: number) => {
    attempts[order] = 0;
    dueAt[order] = at;
    isCalling[order] = 0;
    queue.push(order, at);
  };
  const call = (order: number, now: number) => {
    calling += 1;
    calls += 1;
    peakConcurrency = Math.max(peakConcurrency, calling);
    const hour = Math.floor(now / HOUR);
    callsInHour[hour] = (callsInHour[hour] ?? 0) + 1;
    isCalling[order] = 1;
    collect(order, now, now + caSeconds);
    queue.push(order, now + caSeconds);
  };
  const refuse = (order: number, now: number) => {
    if (load.queueing === 'ideal') {
      idealQueue.push(order);
      return;
    }
    const attempt = (attempts[order] ?? 0) + 1;
    attempts[order] = attempt;
    if (attempt > retry.maxAttempts) {
      starved += 1;
      collect(order, now, Number.POSITIVE_INFINITY);
      begin(order, now);
      return;
    }
    retries += 1;
    queue.push(order, now + random() * retry.longestDelay(attempt));
  };
  const answer = (order: number, now: number) => {
    calling -= 1;
    answers += 1;
    queueSeconds += now - (dueAt[order] ?? 0);
    checks[order] = (checks[order] ?? 0) + 1;
    if (isNew[order]) {
      isNew[order] = 0;
      unchecked -= 1;
      firstRoundSeconds = unchecked === 0 ? now : firstRoundSeconds;
    }
    const made = checks[order] ?? 0;
    const state = {
      reason: 'processing',
      consecutive: made,
      checks: made,
      elapsedSeconds: now - (begun[order] ?? 0),
    } as const;
    due(order, now + waitSeconds(state, pollSeconds, random()));
    const next = idealQueue[nextInQueue];
    if (next !== undefined) {
      nextInQueue += 1;
      call(next, now);
    }
  };

  for (let order = 0; order < orders; order++) {
    begin(order, load.begin === 'burst' ? random() : random() * pollSeconds);
  }
  for (;;) {
    const { order, time } = queue.pop();
    if (time > end) {
      break;
    }
    if (isCalling[order]) {
      answer(order, time);
    } else if (calling < callers) {
      call(order, time);
    } else {
      refuse(order, time);
    }
  }
  return {
    delays: Float64Array.from(delays).sort(),
    calls,
    callsPerHour: calls / (end / HOUR),
    busiestHour: Math.max(...callsInHour),
    peakConcurrency,
    starved,
    retriesPerCheck: retries / answers,
    meanQueueSeconds: queueSeconds / answers,
    firstRoundSeconds,
  };
}

/**
 * The reference for a delay: half the poll interval, which polling always costs, and the wait in a queue that loses no
 * time.
 */
export function referenceDelay(load: Load, retry: BusyPolicy): number {
  return load.pollSeconds / 2 + simulate({ ...load, queueing: 'ideal' }, retry).meanQueueSeconds;
}

/** A binary heap with the next event first. An order has one event at a time. */
export class EventQueue {
  readonly #orders: Int32Array;
  readonly #times: Float64Array;
  #size = 0;

  constructor(capacity: number) {
    this.#orders = new Int32Array(capacity + 1);
    this.#times = new Float64Array(capacity + 1);
  }

  push(order: number, time: number): void {
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#timeAt(parent) <= time) {
        break;
      }
      this.#move(parent, at);
      at = parent;
    }
    this.#orders[at] = order;
    this.#times[at] = time;
  }

  /** The queue is never empty, because every order has an event. */
  pop(): { readonly order: number; readonly time: number } {
    const first = { order: this.#orders[0] ?? 0, time: this.#size > 0 ? this.#timeAt(0) : Number.POSITIVE_INFINITY };
    this.#size -= 1;
    const order = this.#orders[this.#size] ?? 0;
    const time = this.#timeAt(this.#size);
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) {
        break;
      }
      if (child + 1 < this.#size && this.#timeAt(child + 1) < this.#timeAt(child)) {
        child += 1;
      }
      if (this.#timeAt(child) >= time) {
        break;
      }
      this.#move(child, at);
      at = child;
    }
    this.#orders[at] = order;
    this.#times[at] = time;
    return first;
  }

  #timeAt(index: number): number {
    return this.#times[index] ?? Number.POSITIVE_INFINITY;
  }

  #move(from: number, to: number): void {
    this.#orders[to] = this.#orders[from] ?? 0;
    this.#times[to] = this.#timeAt(from);
  }
}
