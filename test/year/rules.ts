/** What must hold at every moment of the year. */
import { NEXT_STEPS } from '../../functions/errors.ts';
import { FAILED, WAITING } from '../../functions/events.ts';
import { orderNumberOf } from '../../functions/order.ts';
import type { CaCall } from './ca.ts';
import { type Clock, HOUR, SECOND } from './clock.ts';
import type { Cloud, Message } from './cloud.ts';
import type { Invocation } from './lambda.ts';
import { type Execution, HISTORY_LIMIT } from './machine.ts';
import { containsPassword } from './secrecy.ts';

/** Something that must not happen. */
export interface Violation {
  readonly time: number;
  readonly order: string;
  readonly text: string;
}

/** A call to the CA, and the run of Collect that made it. */
export interface RecordedCall extends CaCall {
  readonly execution: string;
  readonly invocation: Invocation;
  /** Whether an event, a push, a redrive or a retry asked for it at once. */
  readonly isExtra: boolean;
  /** By how many milliseconds the clock of Collect was wrong. */
  readonly skew: number;
}

export interface RulesOptions {
  readonly clock: Clock;
  readonly pollSeconds: number;
}

/** So many violations end the year: those that follow are about the same fault. */
const VIOLATIONS_LIMIT = 100;

/** A poll interval has a random part of a tenth. */
const SHORTEST_PART = 0.9;

/** The shortest waits that the table of waits allows after a reply, in seconds. */
const SHORT_WAITS = { available: 890, outage: 59, storage: 59 } as const;

export class Rules {
  readonly violations: Violation[] = [];
  readonly calls: RecordedCall[] = [];
  readonly messages: Message[] = [];
  /** What happened to each order. */
  readonly traces = new Map<string, string[]>();
  readonly #options: RulesOptions;
  /** The executions whose next call is asked for at once. */
  readonly #fresh = new Set<string>();
  readonly #lastOfExecution = new Map<string, RecordedCall>();
  readonly #lastOfOrder = new Map<string, RecordedCall>();
  readonly #rejections = new Map<string, number>();
  readonly #excuses = new Map<string, number>();
  readonly #lastFailures = new Map<string, { readonly error: string; readonly time: number }>();
  readonly #reports = new Map<string, number>();
  readonly #running = new Map<string, Set<string>>();
  readonly #calling = new Set<Invocation>();

  constructor(options: RulesOptions) {
    this.#options = options;
  }

  note(order: string, text: string): void {
    const lines = this.traces.get(order) ?? [];
    this.traces.set(order, lines);
    lines.push(`${new Date(this.#options.clock.now).toISOString()} ${text}`);
  }

  violate(order: string, text: string): void {
    this.note(order, `VIOLATION: ${text}`);
    this.violations.push({ time: this.#options.clock.now, order, text });
    if (this.violations.length >= VIOLATIONS_LIMIT) {
      this.#options.clock.halt();
    }
  }

  /** An event of an order is sent: another failure is another message. */
  ordered(order: string, detail: object): void {
    this.note(order, `is ordered: ${JSON.stringify(detail)}`);
    this.#lastFailures.delete(order);
  }

  /** No password leaves a function. */
  written(where: string, content: string | Uint8Array): void {
    if (containsPassword(content)) {
      const order = /\b(1378\d{6})\b/.exec(`${where} ${String(content)}`)?.[1] ?? '';
      this.violate(order, `${where} contains a password`);
    }
  }

  /** At most one execution of an order polls. */
  started({ name, input }: Execution): void {
    const order = orderNumberOf(name) ?? '';
    this.note(order, `the execution ${name} starts: ${input}`);
    this.#fresh.add(name);
    if (!isOnce(input)) {
      const running = this.#running.get(order) ?? new Set();
      this.#running.set(order, running.add(name));
      if (running.size > 1) {
        this.violate(order, `these executions poll at the same time: ${[...running].join(', ')}`);
      }
    }
  }

  ended({ name, status, error, events, cause = '' }: Execution): void {
    const order = orderNumberOf(name) ?? '';
    this.note(order, `the execution ${name} ends: ${status} ${error ?? ''} ${cause.slice(0, 300)}`);
    this.#running.get(order)?.delete(name);
    if (events > HISTORY_LIMIT) {
      this.violate(order, `the history of ${name} has ${events} events`);
    }
    if (error?.startsWith('States.')) {
      this.violate(order, `${name} ended with ${error}: ${cause}`);
    }
  }

  redriven(execution: string): void {
    this.#fresh.add(execution);
    this.#excuse(execution);
    const order = orderNumberOf(execution) ?? '';
    this.#running.set(order, (this.#running.get(order) ?? new Set()).add(execution));
  }

  /** A call begins. The CA must not be called twice at a time. */
  callBegins(order: string, invocation: Invocation): void {
    const others = [...this.#calling].filter(({ isDead }) => !isDead);
    this.#calling.add(invocation);
    if (others.length > 0) {
      this.violate(order, 'the CA is called twice at a time');
    }
  }

  callEnds(invocation: Invocation): void {
    this.#calling.delete(invocation);
  }

  /** Checks one call when the CA answers it. */
  called(call: CaCall, execution: string, invocation: Invocation, cloud: Cloud): void {
    const last = this.#lastOfExecution.get(execution);
    const isExtra = this.#fresh.delete(execution);
    const { skew } = this.#options.clock;
    const recorded = { ...call, execution, invocation, isExtra, skew };
    const { order, reply } = recorded;
    this.note(order, `${execution} calls the CA: ${reply.name} (${reply.kind})${isExtra ? ', asked for at once' : ''}`);
    // A short wait that the table allows continues the call before it. All other calls keep the interval of the order.
    if (!isExtra && !(last && isShortWaitAllowed(last, recorded))) {
      this.#checkGap(recorded, last);
      this.#checkGap(recorded, this.#lastOfOrder.get(order));
      this.#lastOfOrder.set(order, recorded);
    }
    this.#lastOfExecution.set(execution, recorded);
    this.calls.push(recorded);
    if (reply.kind === 'rejected' || reply.kind === 'doubted') {
      this.#checkLogin(recorded, cloud);
    }
  }

  /** A request of a run failed. What Collect reports after that can be reported twice. */
  faulted({ functionName, event }: Invocation): void {
    if (functionName === 'Collect') {
      this.#excuse((event as { readonly execution: string }).execution);
    }
  }

  /** A run of a function failed. After a call to the CA, Collect fails only with documented errors. */
  failed({ functionName, event, isDead }: Invocation, error: unknown): void {
    if (functionName !== 'Collect') {
      return;
    }
    const { execution } = event as { readonly execution: string };
    const name = error instanceof Error ? error.name : String(error);
    const order = orderNumberOf(execution) ?? '';
    if (isDead || !Object.hasOwn(NEXT_STEPS, name)) {
      // Step Functions repeats the check.
      this.note(order, `a run of Collect fails: ${error}`);
      const last = this.#lastOfExecution.get(execution);
      if (!isDead && last?.invocation.event === event) {
        this.violate(order, `Collect failed after its call with ${error}`);
      }
      this.#fresh.add(execution);
    }
  }

  /** Nobody receives the same message twice, unless the run that sent it failed before it could be remembered. */
  received(message: Message): void {
    const { event, invocation, subject } = message;
    const { detail } = event;
    const isEnd = event.source === 'aws.states';
    const execution = String(detail.execution ?? detail.name ?? '');
    const order = String(detail.orderNumber ?? orderNumberOf(execution) ?? '');
    this.messages.push(message);
    this.note(order, `people receive "${subject}"`);
    if (event['detail-type'] !== WAITING && event['detail-type'] !== FAILED && !isEnd) {
      return;
    }
    const what = event['detail-type'] === WAITING ? `${detail.reason} since ${detail.since}` : `${detail.error}`;
    const key = `${execution} ${what}`;
    const count = (this.#reports.get(key) ?? 0) + 1;
    this.#reports.set(key, count);
    const excuses = [key, execution].reduce((sum, each) => sum + (this.#excuses.get(each) ?? 0), 0);
    if (count > 1 + excuses) {
      this.violate(order, `people receive ${count} messages about ${key}`);
    }
    this.#excuseAfterFaults(invocation, key);
    this.#checkRepetition(order, `${detail.error}`, excuses, message);
  }

  /** A repeated push or event does not repeat the message about a failure. People react later than this. */
  #checkRepetition(order: string, error: string, excuses: number, { event, time }: Message): void {
    if (event['detail-type'] !== FAILED) {
      return;
    }
    const last = this.#lastFailures.get(order);
    this.#lastFailures.set(order, { error, time });
    if (last?.error === error && time - last.time < HOUR && excuses === 0) {
      this.violate(order, `people receive another message about ${error} within an hour`);
    }
  }

  #excuse(key: string): void {
    this.#excuses.set(key, (this.#excuses.get(key) ?? 0) + 1);
  }

  #checkGap(call: RecordedCall, last: RecordedCall | undefined): void {
    const gap = last ? (call.time - last.time) / SECOND : Number.POSITIVE_INFINITY;
    if (last && gap < this.#options.pollSeconds * SHORTEST_PART) {
      const before = `${last.execution} at ${new Date(last.time).toISOString()} (${last.reply.name})`;
      this.violate(call.order, `${call.execution} calls ${Math.round(gap)} s after ${before}`);
    }
  }

  /** A rejected login is sent once for each version; one that may be rejected, once a day. */
  #checkLogin({ order, account, password, reply, time, invocation }: RecordedCall, cloud: Cloud): void {
    const day = new Date(time).toISOString().slice(0, 10);
    const key = `${password} ${reply.kind === 'doubted' ? day : 'rejected'}`;
    const count = (this.#rejections.get(key) ?? 0) + 1;
    this.#rejections.set(key, count);
    const versions = cloud.countLoginVersions(account, password);
    const excuses = this.#excuses.get(`login ${password}`) ?? 0;
    if (count > versions + excuses) {
      this.violate(
        order,
        `a login that the CA rejected is sent for the time ${count} (${versions} versions, ${reply.name})`,
      );
    }
    // If the label could not be set, another process cannot know.
    this.#excuseAfterFaults(invocation, `login ${password}`);
  }

  /** What a run did can happen once more if a request of the run failed, before or after. */
  #excuseAfterFaults(invocation: Invocation, key: string): void {
    if (invocation.faults > 0) {
      this.#excuse(key);
    }
    invocation.onFault = () => this.#excuse(key);
  }
}

/** Whether the table of waits allows a call of the same execution before the poll interval is over. */
function isShortWaitAllowed(last: RecordedCall, call: RecordedCall): boolean {
  const { kind } = last.reply;
  const gap = (call.time - last.time) / SECOND;
  const isOtherLogin = (kind === 'rejected' || kind === 'doubted') && last.password !== call.password;
  const isStorageFault = last.invocation.faults > 0 && gap >= SHORT_WAITS.storage;
  const isShort = (kind === 'available' || kind === 'outage') && gap >= SHORT_WAITS[kind];
  const isNotYetValid = (last.certificate?.notBefore ?? 0) > last.time + last.skew && gap >= SHORT_WAITS.available;
  return isOtherLogin || isStorageFault || isShort || isNotYetValid;
}

function isOnce(input: string): boolean {
  return (JSON.parse(input) as { readonly once?: boolean }).once === true;
}
