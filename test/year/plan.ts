import { createHash, generateKeyPairSync } from 'node:crypto';
import type { CertificateAuthority } from '../../infra/local/ca/certificate-authority.ts';
import { type CaOrder, type CaStep, type Certificate, wholeSecond } from './ca.ts';
import { DAY, HOUR, MINUTE } from './clock.ts';
import type { Random } from './random.ts';

/** The accounts at the CA; undefined is the default account. */
export const ACCOUNTS = [undefined, 'brand-a', 'brand-b'] as const;
export type Account = (typeof ACCOUNTS)[number];

/** The detail of an event "Mark Certificate Ordered". */
export interface OrderedDetail {
  readonly orderNumber: string;
  readonly account?: string | undefined;
  readonly domains?: readonly string[];
  readonly product?: 'VMC' | 'CMC';
  readonly selector?: string;
  readonly request?: string;
  readonly replace?: boolean;
}

/** A notification that the CA sends. */
export interface PlannedPush {
  readonly at: number;
  readonly statusCode: number;
  readonly orderNumber: string;
}

/** What happens to one order in the year, as far as nobody reacts to anything. */
export interface Plan {
  readonly ca: CaOrder;
  /** What the customer means, whatever the events say at first. */
  readonly meant: OrderedDetail & { readonly domains: readonly string[] };
  readonly events: readonly { readonly at: number; readonly detail: OrderedDetail }[];
  readonly pushes: readonly PlannedPush[];
}

export interface PlanOptions {
  readonly random: Random;
  readonly authority: CertificateAuthority;
  readonly from: number;
  readonly orders: number;
}

/** Every key is the same: nothing is signed with them, and a new one takes time. */
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** Plans the orders of a year. */
export function planOrders({ random, authority, from, orders }: PlanOptions): Plan[] {
  const plans: Plan[] = [];
  for (let index = 0; index < orders; index++) {
    // Some orders renew the certificate of an earlier one.
    const renewed = random.chance(0.1) ? plans[index - 20] : undefined;
    // More and more of them: the survey reads every old order each day, so many old orders would take long.
    const orderedAt = from + 300 * DAY * random.next() ** (1 / 3);
    plans.push(planOrder(index, orderedAt, renewed, random.fork(), authority));
  }
  return plans;
}

function planOrder(
  index: number,
  orderedAt: number,
  renewed: Plan | undefined,
  random: Random,
  authority: CertificateAuthority,
): Plan {
  const orderNumber = String(1_378_000_000 + index);
  const account: Account = random.pick(ACCOUNTS);
  const domains = renewed?.meant.domains ?? domainsOf(index, random);
  const selector = renewed ? renewed.meant.selector : random.chance(0.1) ? 'v2' : undefined;
  const product = renewed?.meant.product ?? (random.chance(0.3) ? 'CMC' : 'VMC');
  const owner = `Brand of ${domains[0]} Limited`;
  const meant = { orderNumber, account, domains, product, ...(selector && { selector }) } as const;
  const issue = (notBefore: number, change: { domains?: readonly string[]; isBroken?: boolean } = {}): Certificate => {
    const covered = change.domains ?? domains;
    const { leaf, chain } = authority.issue({
      domains: covered,
      product,
      owner,
      publicKey,
      notBefore: wholeSecond(notBefore),
      notAfter: wholeSecond(notBefore + 397 * DAY),
    });
    return {
      fingerprint: createHash('sha256').update(leaf).digest('hex'),
      notBefore: wholeSecond(notBefore).getTime(),
      // Without its issuers, a leaf is no chain.
      chain: change.isBroken ? [leaf] : chain,
      isGood: !change.isBroken && change.domains === undefined,
      domains: covered,
      sent: new Set(),
    };
  };
  const { steps, pushes } = planAnswers(orderNumber, orderedAt, random, issue);
  return { ca: { number: orderNumber, account, steps }, meant, events: planEvents(meant, orderedAt, random), pushes };
}

function domainsOf(index: number, random: Random): string[] {
  const domain = `brand-${index}.example`;
  return random.chance(0.2) ? [domain, `mail.${domain}`] : [domain];
}

function planAnswers(
  orderNumber: string,
  orderedAt: number,
  random: Random,
  issue: (notBefore: number, change?: { domains?: readonly string[]; isBroken?: boolean }) => Certificate,
) {
  // Some events arrive before the CA knows the order.
  const knownAt = random.chance(0.04) ? orderedAt + random.between(HOUR, DAY) : orderedAt - DAY;
  const steps: CaStep[] = [{ from: 0, says: 'unknown order' }];
  const pushes: PlannedPush[] = [];
  const push = (at: number, statusCode: number) => {
    for (let copies = random.chance(0.2) ? 3 : 1; copies > 0; copies--) {
      pushes.push({ at: at + random.between(0, 5 * MINUTE), statusCode, orderNumber });
    }
  };
  let at = Math.max(knownAt, orderedAt);
  if (random.chance(0.1)) {
    steps.push({ from: knownAt, says: 'payment' });
    at += random.between(HOUR, 10 * DAY);
  }
  steps.push({
    from: steps.length > 1 ? at : knownAt,
    says: random.chance(0.5) ? 'processing' : 'processing with a text',
  });
  at += waitOf(random);
  if (random.chance(0.04)) {
    steps.push({ from: at, says: 'unknown' });
    at += random.between(HOUR, 4 * DAY);
    steps.push({ from: at, says: 'processing' });
    at += random.between(HOUR, DAY);
  }
  if (random.chance(0.05)) {
    steps.push({ from: at, says: 'rejected' });
    if (random.chance(0.5)) {
      push(at, 7);
    }
    return { steps, pushes };
  }
  steps.push({ from: at, says: 'being issued' });
  at += random.between(MINUTE, 6 * HOUR);
  if (random.chance(0.5)) {
    steps.push({ from: at, says: 'available' });
    at += random.between(MINUTE, random.chance(0.1) ? DAY : 40 * MINUTE);
  }
  if (random.chance(0.04)) {
    // It says so too early.
    push(at - 3 * HOUR, 6);
  }
  if (random.chance(0.08)) {
    const isBroken = random.chance(0.7);
    steps.push({ from: at, says: issue(at, isBroken ? { isBroken } : { domains: ['another.example'] }) });
    at += random.between(HOUR, 3 * DAY);
    if (!isBroken) {
      push(at, 14);
    }
  }
  const isEarly = random.chance(0.05);
  const first = issue(isEarly ? at + random.between(MINUTE, 20 * HOUR) : at - HOUR);
  steps.push({ from: at, says: first });
  if (random.chance(0.6)) {
    push(at, random.pick([6, 9]));
  }
  at += random.between(5 * DAY, 60 * DAY);
  if (random.chance(0.12)) {
    const second = issue(at - HOUR);
    steps.push({ from: at, says: second });
    push(at, 14);
    if (random.chance(0.3)) {
      // A server of the CA that still has the old certificate.
      at += random.between(HOUR, DAY);
      steps.push({ from: at, says: first });
      push(at, random.pick([6, 14]));
      at += random.between(HOUR, DAY);
      steps.push({ from: at, says: second });
    }
    at += random.between(5 * DAY, 20 * DAY);
  }
  if (random.chance(0.06)) {
    steps.push({ from: at, says: 'revoked' });
    push(at, 8);
  }
  return { steps, pushes };
}

/** How long the CA takes to issue. Most certificates take days, a few longer than the deadline. */
function waitOf(random: Random): number {
  const kind = random.next();
  if (kind < 0.2) {
    return random.between(0, HOUR);
  }
  if (kind < 0.8) {
    return random.between(HOUR, 2 * DAY);
  }
  if (kind < 0.95) {
    return random.between(2 * DAY, 6 * DAY);
  }
  return kind < 0.98 ? random.between(6 * DAY, 15 * DAY) : random.between(20 * DAY, 40 * DAY);
}

function planEvents(meant: Plan['meant'], orderedAt: number, random: Random): Plan['events'] {
  const events: { at: number; detail: OrderedDetail }[] = [];
  const add = (at: number, detail: OrderedDetail) => events.push({ at, detail });
  const { orderNumber, account, domains } = meant;
  const kind = random.next();
  const later = orderedAt + random.between(MINUTE, random.chance(0.2) ? 20 * DAY : 2 * DAY);
  if (kind < 0.08) {
    add(orderedAt, { ...meant, domains: ['exmaple.example'] });
    add(later, random.chance(0.5) ? meant : { orderNumber, domains });
  } else if (kind < 0.14) {
    const { domains: _, ...without } = meant;
    add(orderedAt, without);
    add(later, { orderNumber, domains, ...(meant.selector && { selector: meant.selector }) });
  } else if (kind < 0.2 && account !== undefined) {
    // An event cannot name the default account, so only another one can be corrected.
    add(orderedAt, { ...meant, account: random.pick(ACCOUNTS.filter((other) => other !== account)) });
  } else if (kind < 0.24) {
    add(orderedAt, { ...meant, selector: 'wrong' });
    add(later, { ...meant, selector: meant.selector ?? 'default', request: 'corrected' });
  } else if (kind < 0.28) {
    add(orderedAt, meant);
    add(later, { ...meant, request: 'other' });
  } else {
    add(orderedAt, meant);
  }
  if (random.chance(0.1)) {
    // The last one: an earlier one would undo the correction, because it is sent later.
    for (const { at, detail } of events.slice(-1)) {
      add(at + random.between(MINUTE, 3 * DAY), detail);
    }
  }
  return events;
}
