/** Walks the synthesized state machine and counts what Step Functions counts. */

interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds?: number;
  readonly BackoffRate?: number;
  readonly MaxDelaySeconds?: number;
  readonly MaxAttempts?: number;
  readonly JitterStrategy?: string;
}

interface Rule {
  readonly Variable: string;
  readonly StringEquals?: string;
  readonly BooleanEquals?: boolean;
  readonly Next: string;
}

interface State {
  readonly Type: string;
  readonly Resource?: string;
  readonly Next?: string;
  readonly Retry?: readonly Retrier[];
  readonly Choices?: readonly Rule[];
  readonly Default?: string;
}

export interface Definition {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

/** What one path through the machine takes. */
export interface Walk {
  /** States entered. AWS bills each as a state transition. */
  readonly transitions: number;
  /** Events in the execution's history. */
  readonly events: number;
  /** Invocations of Lambda. */
  readonly invocations: number;
}

/** How the machine retries an invocation that Lambda throttled because all callers were busy. */
export interface BusyPolicy {
  readonly maxAttempts: number;
  /** The longest delay in seconds before the nth retry, counted from 1. Full jitter picks any delay up to it. */
  readonly longestDelay: (attempt: number) => number;
}

/** For each type of state of the machine, the events in the history between entering and leaving it. */
const EVENTS_BETWEEN: Readonly<Record<string, number>> = { Task: 3, Choice: 0, Wait: 0, Succeed: 0 };

/** A retry adds a scheduled, a started and a failed event (AWS: Step Functions, HistoryEvent). */
export const EVENTS_PER_RETRY = 3;

/** Step Functions ends an execution at this many events (AWS: Step Functions, service quotas). */
export const HISTORY_LIMIT = 25_000;

/** Walks from a state to the state `end` or to the end of the machine. The same data decides every choice. */
export function walk({ States }: Definition, from: string, data: unknown, end?: string): Walk {
  let [transitions, events, invocations] = [0, 0, 0];
  for (let name: string | undefined = from; name !== undefined; ) {
    const state: State | undefined = States[name];
    const between = state && EVENTS_BETWEEN[state.Type];
    if (between === undefined || transitions > Object.keys(States).length) {
      throw new Error(`The benchmark does not support the state ${name}: ${JSON.stringify(state)}`);
    }
    transitions += 1;
    events += 2 + between;
    invocations += state?.Type === 'Task' && state.Resource?.includes(':states:::') === false ? 1 : 0;
    name = state?.Type === 'Choice' ? choose(state, data) : state?.Next;
    if (name === end) {
      break;
    }
  }
  return { transitions, events, invocations };
}

function choose({ Choices = [], Default }: State, data: unknown): string | undefined {
  const chosen = Choices.find(({ Variable, StringEquals, BooleanEquals }) => {
    const value = Variable.replace(/^\$\./, '')
      .split('.')
      .reduce<unknown>((object, key) => (object as Record<string, unknown> | undefined)?.[key], data);
    return value !== undefined && value === (StringEquals ?? BooleanEquals);
  });
  return chosen?.Next ?? Default;
}

/** Reads how the Retry of a task treats a function whose concurrency is used up. */
export function busyPolicy(retriers: readonly Retrier[] = []): BusyPolicy {
  const retrier = retriers.find(({ ErrorEquals }) => ErrorEquals.includes('Lambda.TooManyRequestsException'));
  // The defaults are 1 s, doubled, without a cap, three times (Amazon States Language, Retrier).
  const {
    IntervalSeconds = 1,
    BackoffRate = 2,
    MaxDelaySeconds = Number.POSITIVE_INFINITY,
    MaxAttempts = 3,
  } = retrier ?? {};
  if (retrier?.JitterStrategy !== 'FULL') {
    throw new Error('The simulation supports only full jitter');
  }
  return {
    maxAttempts: MaxAttempts,
    longestDelay: (attempt) => Math.min(IntervalSeconds * BackoffRate ** (attempt - 1), MaxDelaySeconds),
  };
}
