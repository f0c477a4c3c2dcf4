/** Records what the functions and AWS write to metrics, so that an alarm can be simulated over a story of days. */

import { waitSeconds } from '../../../functions/collect/waiting.ts';
import {
  COLLECT_METRICS,
  PUBLISH_METRICS,
  PUSH_METRICS,
  SURVEY_METRICS,
  WAITING_METRICS,
} from '../../../functions/metrics.ts';
import { identityOf, NAMESPACE } from '../alarm-properties.ts';
import type { MetricData, Sample } from './simulation.ts';

export const MINUTE = 60;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Seconds that a call to the CA takes. */
export const CALL_SECONDS = 3;

/** The result of one survey. */
interface Survey {
  readonly damaged?: number;
  readonly confirmedSubscriptions?: number;
  readonly daysToExpiry?: number;
  readonly broken?: number;
  readonly unusableCrls?: number;
  /** False: the survey ended with an error after it counted. */
  readonly completed?: boolean;
}

/** An order that waits. Times are seconds. */
interface Order {
  readonly from: number;
  readonly until: number;
  readonly pollSeconds: number;
  /** Whether the CA gives a usable reply at this time. */
  readonly reached?: (at: number) => boolean;
  /** Why the order waits while the CA replies. */
  readonly reason?: keyof typeof WAITING_METRICS;
}

/** The collector's name in a story. */
export const COLLECTOR = 'mark-certificate-collector';

/** Calculates the identity of each metric once: a story has up to a million samples. */
function remembered(identityFor: (owner: string, metricName: string) => string) {
  const owners = new Map<string, Map<string, string>>();
  return (owner: string, metricName: string): string => {
    const known = owners.get(owner) ?? new Map<string, string>();
    owners.set(owner, known);
    const identity = known.get(metricName) ?? identityFor(owner, metricName);
    known.set(metricName, identity);
    return identity;
  };
}

/** The identities of the metrics that a story can record. */
const METRIC = {
  own: remembered((service, MetricName) =>
    identityOf({
      Namespace: NAMESPACE,
      MetricName,
      Dimensions: [
        { Name: 'service', Value: service },
        { Name: 'collector', Value: COLLECTOR },
      ],
    }),
  ),
  lambda: remembered((functionId, MetricName) =>
    identityOf({
      Namespace: 'AWS/Lambda',
      MetricName,
      Dimensions: [{ Name: 'FunctionName', Value: `<${functionId}>` }],
    }),
  ),
  deadLetters: identityOf({
    Namespace: 'AWS/SQS',
    MetricName: 'ApproximateNumberOfMessagesVisible',
    Dimensions: [{ Name: 'QueueName', Value: '<DeadLetterQueue.QueueName>' }],
  }),
} as const;

export type Story = ReturnType<typeof createStory>;

/**
 * Starts a story.
 *
 * @param random numbers from 0 to 1 for the jitter of waits, so that a story is the same in every run.
 */
export function createStory(random: () => number = pseudoRandom()) {
  const samples = new Map<string, Sample[]>();
  const write = (identity: string, at: number, value: number) => {
    const known = samples.get(identity) ?? [];
    known.push({ at: Math.round(at), value });
    samples.set(identity, known);
  };
  const lambda = (functionId: string, at: number, { failed }: { readonly failed: boolean }) => {
    write(METRIC.lambda(functionId, 'Invocations'), at, 1);
    write(METRIC.lambda(functionId, 'Errors'), at, failed ? 1 : 0);
  };
  const collect = (name: string, at: number, value = 1) => write(METRIC.own('collect', name), at, value);
  const call = (at: number, reached: boolean) => {
    collect(COLLECT_METRICS.calls, at + CALL_SECONDS);
    collect(COLLECT_METRICS.reached, at + CALL_SECONDS, reached ? 1 : 0);
  };

  const story = {
    /** The samples of each metric, in the order of time. */
    data: (): MetricData =>
      new Map([...samples].map(([identity, list]) => [identity, list.toSorted((left, right) => left.at - right.at)])),

    /** One check of Collect that waits. */
    check(at: number, { reached = true, reason = 'processing' }: Pick<Partial<Check>, 'reached' | 'reason'> = {}) {
      lambda('CollectFunction', at, { failed: false });
      call(at, reached);
      collect(COLLECT_METRICS.waiting, at + CALL_SECONDS);
      collect(WAITING_METRICS[reached ? reason : 'outage'], at + CALL_SECONDS);
    },

    /** Every check of an order, with the waits that Collect returns. */
    order({ from, until, pollSeconds, reached = () => true, reason = 'processing' }: Order) {
      let [checks, consecutive, previous] = [0, 0, ''];
      for (let at = from; at < until; ) {
        const isReached = reached(at);
        const current = isReached ? reason : 'outage';
        checks += 1;
        consecutive = current === previous ? consecutive + 1 : 1;
        previous = current;
        story.check(at, { reached: isReached, reason });
        const state = { reason: current, consecutive, checks, elapsedSeconds: at - from };
        at += CALL_SECONDS + waitSeconds(state, pollSeconds, random());
      }
    },

    /** The CA refuses an order: Collect ends with a named error, which Lambda counts. */
    refusal(at: number) {
      lambda('CollectFunction', at, { failed: true });
      call(at, true);
      collect(COLLECT_METRICS.failed, at + CALL_SECONDS);
    },

    /** An error in Collect that the state machine retries: an invocation that writes no metric. */
    unexpectedError(at: number) {
      lambda('CollectFunction', at, { failed: true });
    },

    /** Invocations that Lambda refuses. It counts them separately from those that it runs. */
    throttles(at: number, count: number) {
      write(METRIC.lambda('CollectFunction', 'Throttles'), at, count);
    },

    /** A run of the daily survey. */
    survey(at: number, { completed = true, ...result }: Survey = {}) {
      const { damaged = 0, confirmedSubscriptions = 1, daysToExpiry = 200, broken = 0, unusableCrls = 0 } = result;
      const counted = { damaged, confirmedSubscriptions, daysToExpiry, broken, unusableCrls };
      for (const [key, value] of Object.entries(counted)) {
        write(METRIC.own('survey', SURVEY_METRICS[key as keyof typeof counted]), at, value);
      }
      if (completed) {
        write(METRIC.own('survey', SURVEY_METRICS.runs), at, 1);
      }
    },

    /** Daily runs of the survey, the first at `from`. */
    surveys(from: number, until: number, result: Survey = {}) {
      for (let at = from; at < until; at += DAY) {
        // A schedule starts up to a minute late.
        story.survey(at + random() * MINUTE, result);
      }
    },

    /** Messages in the dead-letter queue: SQS writes their number every minute while the queue is active. */
    deadLetters(from: number, until: number, count: number) {
      for (let at = from; at < until; at += MINUTE) {
        write(METRIC.deadLetters, at, count);
      }
    },

    /** A run of Publish. */
    publish(at: number, refused: number) {
      write(METRIC.own('publish', PUBLISH_METRICS.refused), at, 0);
      for (let index = 0; index < refused; index += 1) {
        write(METRIC.own('publish', PUBLISH_METRICS.refused), at, 1);
      }
    },

    /** A run of the function that sends messages. */
    notify(at: number, { failed }: { readonly failed: boolean }) {
      lambda('NotifyFunction', at, { failed });
    },

    /** A response of the push URL. */
    push(at: number, { failed = false, ...counted }: Push = {}) {
      write(METRIC.lambda('PushFunction', 'Url5xxCount'), at, failed ? 1 : 0);
      for (const name of ['refused', 'notUnderstood', 'limited'] as const) {
        write(METRIC.own('push', PUSH_METRICS[name]), at, counted[name] ? 1 : 0);
      }
    },
  };
  return story;
}

/** What a request to the push URL is counted as; nothing: it is accepted. */
interface Push {
  readonly failed?: boolean;
  readonly refused?: boolean;
  readonly notUnderstood?: boolean;
  readonly limited?: boolean;
}

type Check = Required<Pick<Order, 'reason'>> & { readonly reached: boolean };

/** Numbers from 0 to 1 that are the same in every run (a linear congruential generator). */
function pseudoRandom(): () => number {
  let state = 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
