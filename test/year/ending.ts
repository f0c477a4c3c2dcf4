/** What must hold at the end of the year, some days after the last fault. */
import { orderNumberOf } from '../../functions/order.ts';
import type { StoredManifest } from '../../functions/store/manifest.ts';
import type { Publication } from '../../functions/store/publication.ts';
import type { OrderStatus } from '../../functions/store/status.ts';
import type { Certificate } from './ca.ts';
import { DAY } from './clock.ts';
import type { Cloud } from './cloud.ts';
import type { Execution } from './machine.ts';
import type { Plan } from './plan.ts';
import type { RecordedCall, Rules } from './rules.ts';

export interface World {
  readonly now: number;
  readonly cloud: Cloud;
  readonly rules: Rules;
  readonly plans: readonly Plan[];
}

interface OrderEnd {
  readonly order: string;
  readonly status: OrderStatus | undefined;
  readonly manifest: StoredManifest | undefined;
  /** The executions that polled, without the checks beside them, in the order of their ends. */
  readonly polling: readonly Execution[];
  /** The certificates that arrived. */
  readonly arrived: readonly Certificate[];
  /** Those of them that arrived in a run without faults, the oldest first: they must be stored. */
  readonly received: readonly Certificate[];
}

/** Checks every order. */
export function checkEnd({ now, cloud, rules, plans }: World): void {
  const executions = Map.groupBy(cloud.machine.history, ({ name }) => orderNumberOf(name) ?? '');
  const calls = Map.groupBy(rules.calls, ({ order }) => order);
  const ends = plans.map(({ ca: { number } }): OrderEnd => {
    return {
      order: number,
      status: cloud.bucket.json(`orders/${number}/status.json`),
      manifest: cloud.bucket.json(`orders/${number}/certificate.json`),
      polling: (executions.get(number) ?? [])
        .filter(({ input }) => !(JSON.parse(input) as { once?: boolean }).once)
        .sort((one, other) => (one.stopDate ?? now) - (other.stopDate ?? now)),
      arrived: (calls.get(number) ?? []).flatMap(({ certificate }) => certificate ?? []),
      received: receivedIn(calls.get(number) ?? []),
    };
  });
  for (const end of ends) {
    const violate = (text: string) => rules.violate(end.order, `at the end ${text}`);
    checkStatus(end, now, violate);
    checkReceived(end, cloud, violate);
    checkCurrent(end, violate);
  }
  checkPublished(ends, plans, cloud, rules);
}

type Violate = (text: string) => void;

/** Every order has ended or waits, its status says so, and somebody knows what only a person can solve. */
function checkStatus({ status, manifest, polling }: OrderEnd, now: number, violate: Violate): void {
  const last = polling.at(-1);
  if (!last) {
    return;
  }
  if (!status) {
    violate('there is no status');
    return;
  }
  const running = polling.filter((execution) => execution.status === 'RUNNING');
  const { state, updatedAt, nextStep, reportedAt } = status;
  if (running.length > 0 ? state !== 'waiting' : state === 'waiting') {
    violate(`the status is ${JSON.stringify(status)}, but ${running.length} executions run`);
  }
  if (state === 'issued' && !manifest) {
    violate('the status is issued, but there is no certificate');
  }
  if (running.length === 0 && last.status === 'SUCCEEDED' && state !== 'issued') {
    violate(`the status is ${JSON.stringify(status)}, but the last execution succeeded`);
  }
  if (running.length === 0 && last.status !== 'SUCCEEDED' && state !== 'failed') {
    violate(`the status is ${JSON.stringify(status)}, but the last execution is ${last.status}`);
  }
  const needsPerson = state === 'failed' || nextStep !== undefined;
  if (needsPerson && reportedAt === undefined && now - Date.parse(updatedAt) > 2 * DAY) {
    violate(`nobody was notified of ${JSON.stringify(status)}`);
  }
}

/** Every certificate that arrived is stored as it arrived. */
function checkReceived({ order, received }: OrderEnd, cloud: Cloud, violate: Violate): void {
  const stored = new Set(cloud.bucket.versions(`orders/${order}/`).map(({ sha256 }) => sha256));
  for (const { sent, fingerprint } of received) {
    if (![...sent].some((sha256) => stored.has(sha256))) {
      violate(`the response with the certificate ${fingerprint} is not stored`);
    }
  }
}

/** The newest good certificate is current. */
function checkCurrent({ manifest, arrived, received }: OrderEnd, violate: Violate): void {
  const newest = received.filter(({ isGood }) => isGood).at(-1);
  const fingerprint = manifest?.fingerprintSha256;
  if (newest && !isAsNew(fingerprint, newest, arrived)) {
    violate(`${fingerprint} is current, but ${newest.fingerprint} is the newest good certificate`);
  }
}

/** Whether a fingerprint is that of a good certificate that is not older than another. */
function isAsNew(fingerprint: string | undefined, other: Certificate, arrived: readonly Certificate[]): boolean {
  const found = arrived.find((certificate) => certificate.fingerprint === fingerprint);
  return found?.isGood === true && found.notBefore >= other.notBefore;
}

/** At every address that the customers mean, the newest certificate is live, whatever the first events said. */
function checkPublished(ends: readonly OrderEnd[], plans: readonly Plan[], cloud: Cloud, rules: Rules): void {
  const meant = new Map(plans.map((plan) => [plan.ca.number, plan.meant]));
  const newest = new Map<string, { readonly order: string; readonly certificate: Certificate }>();
  for (const { order, received } of ends) {
    const certificate = received.filter(({ isGood }) => isGood).at(-1);
    const { domains = [], selector = 'default' } = meant.get(order) ?? {};
    for (const domain of certificate ? domains : []) {
      const key = `published/${domain}/${selector}.json`;
      if (certificate && (newest.get(key)?.certificate.notBefore ?? 0) < certificate.notBefore) {
        newest.set(key, { order, certificate });
      }
    }
  }
  const arrived = ends.flatMap((end) => end.arrived);
  for (const [key, { order, certificate }] of newest) {
    const live = cloud.bucket.json<Publication>(key)?.live.fingerprintSha256;
    if (!isAsNew(live, certificate, arrived)) {
      rules.violate(order, `at the end ${key} has ${live}, but ${certificate.fingerprint} is newer`);
    }
  }
}

function receivedIn(calls: readonly RecordedCall[]): Certificate[] {
  const received = calls.flatMap(({ certificate, invocation }) =>
    certificate && invocation.faults === 0 && !invocation.isDead ? [certificate] : [],
  );
  return [...new Set(received)].sort((one, other) => one.notBefore - other.notBefore);
}
