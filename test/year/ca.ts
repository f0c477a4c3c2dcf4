import { createHash } from 'node:crypto';
import type { IssuedShape } from '../../infra/local/ca/collectmc-responses.ts';
import { type Clock, DAY, HOUR, MINUTE, SECOND } from './clock.ts';
import type { OutgoingRequest } from './https.ts';
import type { Random } from './random.ts';
import { type CaReply, DOUBTS, outageReply, passingReply, reply, STEPS, type Step } from './replies.ts';

const SHAPES: readonly IssuedShape[] = [
  'pkcs7-binary',
  'pkcs7-armoured-with-status',
  'pkcs7-base64',
  'pem',
  'pem-without-status',
  'zip-binary',
  'zip-base64',
];

/** A certificate that the CA issued for an order, or what it sends in its place. */
export interface Certificate {
  /** Lower-case hex. */
  readonly fingerprint: string;
  readonly notBefore: number;
  /** Leaf, issuing CA, root, if nothing is wrong with the chain. */
  readonly chain: readonly Uint8Array[];
  /** Whether a mail receiver would accept it. */
  readonly isGood: boolean;
  /** The domains that it covers. */
  readonly domains: readonly string[];
  /** The SHA-256 of each body in which the CA sent it. */
  readonly sent: Set<string>;
}

/** What the CA answers about an order from a time on. */
export interface CaStep {
  readonly from: number;
  readonly says: Step | Certificate;
}

export interface CaOrder {
  readonly number: string;
  /** The account that ordered; undefined for the default account. */
  readonly account: string | undefined;
  /** In the order of time. */
  readonly steps: readonly CaStep[];
}

/** The login of an account at the CA. */
export interface CaLogin {
  readonly account: string | undefined;
  readonly name: string;
  password: string;
  /** How the CA rejects another password. */
  rejection: CaReply;
}

/** One call that reached the CA. */
export interface CaCall {
  readonly time: number;
  readonly order: string;
  readonly account: string | undefined;
  readonly password: string;
  readonly reply: CaReply;
  readonly certificate: Certificate | undefined;
}

export interface CaOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly from: number;
  /** After this, the CA has no faults. */
  readonly until: number;
}

/** The CA: its accounts, its orders, and its bad days. */
export class Ca {
  readonly orders = new Map<string, CaOrder>();
  readonly logins: readonly CaLogin[];
  readonly #options: CaOptions;
  readonly #outages: readonly { readonly from: number; readonly until: number; readonly isGateway: boolean }[];

  constructor(logins: readonly CaLogin[], options: CaOptions) {
    const { random, from, until } = options;
    this.logins = logins;
    this.#options = options;
    this.#outages = Array.from({ length: 12 }, (_, index) => {
      const start = random.between(from, until);
      const longest = [10 * MINUTE, 5 * HOUR, 3 * DAY][index % 3] ?? 0;
      // A gateway in front of the CA that refuses everybody for a while.
      const isGateway = index >= 10;
      return { from: start, until: Math.min(until, start + random.between(MINUTE, longest)), isGateway };
    });
  }

  /** The time that the CA takes for one answer. */
  seconds({ isSlow = false }: CaReply): number {
    const { random } = this.#options;
    return isSlow ? 30 : random.between(0.2, random.chance(0.02) ? 20 : 2);
  }

  /** Answers a call as it arrives now. */
  answer({ method, body }: OutgoingRequest): CaCall {
    const { clock, random } = this.#options;
    const form = new URLSearchParams(body);
    const order = form.get('orderNumber') ?? '';
    const password = form.get('loginPassword') ?? '';
    const login = this.logins.find(({ name }) => name === form.get('loginName'));
    const call = { time: clock.now, order, account: login?.account, password };
    const done = (given: CaReply, certificate?: Certificate) => ({ ...call, reply: given, certificate });
    if (method !== 'POST' || !login || [...form.keys()].length !== 5) {
      throw new Error(`The CA received a wrong request for order ${order}`);
    }
    const isLive = clock.now < this.#options.until;
    const outage = this.#outages.find(({ from, until }) => from <= clock.now && clock.now < until);
    if (outage) {
      return done(outage.isGateway ? random.pick(DOUBTS) : outageReply(random, password));
    }
    // A form contains whole characters only.
    if (password !== login.password.toWellFormed()) {
      return done(login.rejection);
    }
    if (isLive && random.chance(0.05)) {
      return done(random.chance(0.7) ? outageReply(random, password) : passingReply(random));
    }
    return this.#answerAbout(order, login, done);
  }

  /** What the CA says about an order at a time. */
  says(order: string, time: number): CaStep['says'] {
    return this.orders.get(order)?.steps.findLast(({ from }) => from <= time)?.says ?? 'unknown order';
  }

  #answerAbout(order: string, login: CaLogin, done: (given: CaReply, certificate?: Certificate) => CaCall): CaCall {
    const { clock, random } = this.#options;
    const known = this.orders.get(order);
    if (known && known.account !== login.account) {
      return done(STEPS.permission);
    }
    const says = this.says(order, clock.now);
    if (typeof says === 'string') {
      return done(STEPS[says]);
    }
    const shape = random.chance(0.8) ? 'pkcs7-binary' : random.pick(SHAPES);
    const issued = reply('issued', `2 ${shape}`, {
      kind: 'issued',
      certificates: says.chain,
      shape,
      pkcs7: 'degenerate',
      ...(random.chance(0.1) && { boundaries: 'spaced' as const }),
    });
    return done(issued, says);
  }

  /** Remembers that a body arrived completely. */
  delivered({ certificate, reply: { reaction } }: CaCall): void {
    if (certificate && reaction.kind === 'response') {
      certificate.sent.add(createHash('sha256').update(reaction.body).digest('hex'));
    }
  }
}

/** The date of a certificate: certificates have whole seconds. */
export function wholeSecond(milliseconds: number): Date {
  return new Date(Math.floor(milliseconds / SECOND) * SECOND);
}
