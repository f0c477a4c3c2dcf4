import { createHash } from 'node:crypto';
import type { CertificateAuthority } from '../../infra/local/ca/certificate-authority.ts';
import type { DeployedTemplate } from '../../infra/local/cloud/template.ts';
import { crlDownload } from '../crls.ts';
import { basic, request as pushRequest } from '../functions/push/request.ts';
import { Ca, type CaLogin } from './ca.ts';
import { Clock, DAY, HOUR, MINUTE, SECOND } from './clock.ts';
import { Cloud, deployYear } from './cloud.ts';
import { checkEnd } from './ending.ts';
import { imitateHttps, type OutgoingRequest, type ServerReaction } from './https.ts';
import type { Invocation } from './lambda.ts';
import { People, PUSH_LOGIN } from './people.ts';
import { ACCOUNTS, type OrderedDetail, type PlannedPush, planOrders } from './plan.ts';
import { type Random, randomNumbers } from './random.ts';
import { REJECTIONS } from './replies.ts';
import { Rules, type Violation } from './rules.ts';
import { password } from './secrecy.ts';
import { Weather } from './weather.ts';

const START = Date.parse('2027-01-01T00:00:00Z');
const YEAR = 365 * DAY;
/** The days after the last fault, in which people and the survey complete what is left. */
const CALM_DAYS = 14;
const POLL_SECONDS = 10_800;

/** What every year shares, because it takes seconds to create. */
export interface Prepared {
  readonly template: DeployedTemplate;
  readonly authority: CertificateAuthority;
}

export function prepareYears(authority: CertificateAuthority): Prepared {
  const since = { notBefore: new Date(START - YEAR) };
  return { template: deployYear(), authority: authority.with({ root: since, issuing: since }) };
}

/** What a year led to. */
export interface YearResult {
  readonly seed: number;
  readonly orders: number;
  readonly violations: readonly Violation[];
  /** What happened to each order, a line for each step. */
  readonly traces: ReadonlyMap<string, readonly string[]>;
  readonly counts: Readonly<Record<string, number>>;
}

/** Runs one year. The same seed and number of orders lead to the same year. */
export async function runYear(seed: number, orders: number, { template, authority }: Prepared): Promise<YearResult> {
  const random = randomNumbers(seed);
  const until = START + YEAR;
  const clock = new Clock(START);
  const rules = new Rules({ clock, pollSeconds: POLL_SECONDS });
  const plans = planOrders({ random: random.fork(), authority, from: START, orders });
  const logins = ACCOUNTS.map((account, index): CaLogin => {
    return {
      account,
      name: `login of ${account ?? 'the default'}`,
      password: password(index),
      rejection: random.pick(REJECTIONS),
    };
  });
  const ca = new Ca(logins, { clock, random: random.fork(), from: START, until });
  for (const plan of plans) {
    ca.orders.set(plan.ca.number, plan.ca);
  }
  const weather = new Weather({ clock, random: random.fork(), from: START, until });
  const counts: Record<string, number> = {};
  const count = (name: string) => {
    counts[name] = (counts[name] ?? 0) + 1;
  };
  const cloud: Cloud = new Cloud({
    clock,
    random: random.fork(),
    weather,
    template,
    downloadCrls: crlDownload([], async () => authority),
    trustAnchor: createHash('sha256').update(authority.root).digest('hex'),
    ctLog: authority.log.key,
    callCa: (request, invocation) => callCa({ ca, cloud, rules }, request, invocation),
    observer: {
      written: (where, content) => rules.written(where, content),
      executionStarted: (execution) => {
        count('executions');
        rules.started(execution);
      },
      executionEnded: (execution) => {
        count(`executions ${execution.status} ${execution.error ?? ''}`.trim());
        rules.ended(execution);
      },
      messageSent: (message) => {
        count(`messages ${message.event['detail-type']}`);
        rules.received(message);
        people.receive(message);
      },
      eventSent: (event) => count(`events ${event['detail-type']}`),
      deadLetter: ({ functionName, event, error }) => {
        count(`dead letters of ${functionName}`);
        const { detail } = event as { readonly detail: OrderedDetail };
        rules.note(detail?.orderNumber ?? '', `dead letter of ${functionName}: ${error}`);
        if (functionName === 'Start') {
          people.receiveDeadLetter(detail, error);
        }
      },
      functionInvoked: (functionName) => count(`runs of ${functionName}`),
      requestFailed: (invocation) => rules.faulted(invocation),
      functionFailed: (invocation, error) => {
        count(`failed runs of ${invocation.functionName}`);
        rules.failed(invocation, error);
      },
    },
  });
  const people: People = new People({
    clock,
    random: random.fork(),
    cloud,
    logins,
    plans: new Map(plans.map((plan) => [plan.ca.number, plan])),
    ordered: (detail: OrderedDetail) => rules.ordered(detail.orderNumber, detail),
    redriven: (execution) => rules.redriven(execution),
    note: (order, text) => rules.note(order, text),
  });
  const restore = [
    imitateHttps((request) => cloud.serve(request)),
    captureOutput(rules),
    replace(Math, 'random', random.fork().next),
    // What takes too long here ends by itself. The real clock must not decide.
    replace(AbortSignal, 'timeout', () => new AbortController().signal),
    replace(globalThis, 'setTimeout', (() => undefined) as unknown as typeof setTimeout),
    // The stack of every expected error would take a third of the time.
    replace(Error, 'stackTraceLimit', 0),
  ];
  try {
    for (const { events, pushes } of plans) {
      for (const { at, detail } of events) {
        clock.at(at, () => people.order(detail));
      }
      for (const push of pushes) {
        clock.at(push.at, () => sendPush(push, cloud, clock, random));
      }
    }
    people.planLogins(START, until);
    planOperation({ clock, cloud, random, until });
    await clock.pass(YEAR + CALM_DAYS * DAY);
    checkEnd({ now: clock.now, cloud, rules, plans });
  } finally {
    for (const each of restore) {
      each();
    }
    cloud.lambda.stop();
    clock.stop();
  }
  counts.calls = rules.calls.length;
  return { seed, orders, violations: rules.violations, traces: rules.traces, counts };
}

/** The daily survey, deployments, and clocks that are wrong for a while. */
function planOperation({
  clock,
  cloud,
  random,
  until,
}: {
  readonly clock: Clock;
  readonly cloud: Cloud;
  readonly random: Random;
  readonly until: number;
}): void {
  for (let day = 0; day < (until - START) / DAY + CALM_DAYS; day++) {
    clock.at(START + day * DAY + 5 * HOUR + 17 * MINUTE, () => cloud.survey());
  }
  for (let deployment = 0; deployment < 8; deployment++) {
    const days = random.pick([20, 30, 60]);
    clock.at(random.between(START, until), () => cloud.deploy({ GIVE_UP_SECONDS: String((days * DAY) / SECOND) }));
  }
  for (let jump = 0; jump < 4; jump++) {
    const from = random.between(START, until - DAY);
    const skew = random.between(-2 * HOUR, HOUR);
    clock.at(from, () => {
      clock.skew = skew;
    });
    clock.at(from + random.between(MINUTE, 6 * HOUR), () => {
      clock.skew = 0;
    });
  }
}

/** Sends a push. The CA repeats it up to three times if the answer is not 2xx. */
async function sendPush(
  { statusCode, orderNumber }: PlannedPush,
  cloud: Cloud,
  clock: Clock,
  random: Random,
  attempt = 1,
): Promise<void> {
  const fields = String(new URLSearchParams({ orderNumber, statusCode: String(statusCode), eventType: 'CERTIFICATE' }));
  const isGet = random.chance(0.5);
  const event = pushRequest({
    authorization: basic(PUSH_LOGIN),
    ...(isGet ? { query: fields } : { method: 'POST', body: fields, contentType: 'application/x-www-form-urlencoded' }),
  });
  const answer = (await cloud.lambda.invoke('Push', event).catch(() => undefined)) as
    | { statusCode?: number }
    | undefined;
  if (answer?.statusCode !== 200 && attempt < 4) {
    clock.after(MINUTE, () => sendPush({ at: 0, statusCode, orderNumber }, cloud, clock, random, attempt + 1));
  }
}

async function callCa(
  { ca, cloud, rules }: { readonly ca: Ca; readonly cloud: Cloud; readonly rules: Rules },
  request: OutgoingRequest,
  invocation: Invocation,
): Promise<ServerReaction> {
  const { execution } = invocation.event as { readonly execution: string };
  const call = ca.answer(request);
  rules.callBegins(call.order, invocation);
  rules.called(call, execution, invocation, cloud);
  await cloud.lambda.wait(invocation, ca.seconds(call.reply) * SECOND);
  rules.callEnds(invocation);
  ca.delivered(call);
  return call.reply.reaction;
}

/** Everything that a function logs, and its metrics, is checked and not printed. */
function captureOutput(rules: Rules): () => void {
  const streams = [process.stdout, process.stderr];
  const writes = streams.map((stream) => stream.write);
  for (const stream of streams) {
    stream.write = (chunk: string | Uint8Array) => {
      rules.written('the log', chunk);
      return true;
    };
  }
  return () => {
    streams.forEach((stream, index) => {
      const write = writes[index];
      if (write) {
        stream.write = write;
      }
    });
  };
}

/** Replaces a property. @returns the function that restores it. */
function replace<Owner, Name extends keyof Owner>(owner: Owner, name: Name, value: Owner[Name]): () => void {
  const original = owner[name];
  owner[name] = value;
  return () => {
    owner[name] = original;
  };
}
