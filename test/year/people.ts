import { FAILED, ORDERED, WAITING } from '../../functions/events.ts';
import type { CaLogin } from './ca.ts';
import { type Clock, DAY, HOUR, MINUTE } from './clock.ts';
import type { Cloud, Message } from './cloud.ts';
import type { OrderedDetail, Plan } from './plan.ts';
import type { Random } from './random.ts';
import { DOUBTS, REJECTIONS } from './replies.ts';
import { password } from './secrecy.ts';

/** How often people react to the failures of one order before they give up. */
const REACTIONS_LIMIT = 8;

/** The login of pushes. */
export const PUSH_LOGIN = { username: 'ca', password: password(1) };

export interface PeopleOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly cloud: Cloud;
  readonly logins: readonly CaLogin[];
  readonly plans: ReadonlyMap<string, Plan>;
  /** Receives each event "Mark Certificate Ordered" when it is sent. */
  readonly ordered: (detail: OrderedDetail, time: number) => void;
  readonly redriven: (execution: string) => void;
  readonly note: (order: string, text: string) => void;
}

/** The customers who order, the operators who read messages, and those who change logins. */
export class People {
  readonly #options: PeopleOptions;
  readonly #reactions = new Map<string, number>();
  readonly #repairing = new Set<string | undefined>();
  #passwords = 10;

  constructor(options: PeopleOptions) {
    this.#options = options;
    const { cloud, logins } = options;
    cloud.secrets.put(cloud.pushSecret, JSON.stringify({ ...PUSH_LOGIN, path: 'p'.repeat(64) }));
    for (const login of logins) {
      this.#store(login, login.password);
    }
  }

  /** Sends an event of an order. EventBridge has whole seconds. */
  order(detail: OrderedDetail): void {
    const { clock, cloud, ordered } = this.#options;
    const time = clock.now;
    ordered(detail, time);
    cloud.deliver({ source: 'mark-certificates', 'detail-type': ORDERED, detail: { ...detail }, time });
  }

  /** Plans the changes of logins between two times. */
  planLogins(from: number, until: number): void {
    const { clock, random, logins } = this.#options;
    for (const login of logins) {
      for (let count = 0; count < 6; count++) {
        clock.at(random.between(from, until), () => this.#changeLogin(login));
      }
    }
  }

  /** Reacts to a message some time after it arrived. */
  receive({ event }: Message): void {
    const { clock, random } = this.#options;
    const { orderNumber, error, reason, account, execution } = event.detail;
    const detailType = event['detail-type'];
    if (detailType === WAITING && reason === 'credentials') {
      this.#repairLogin(typeof account === 'string' ? account : undefined);
    }
    const reacts =
      detailType === FAILED ||
      event.source === 'aws.states' ||
      (detailType === WAITING && (reason === 'permission' || reason === 'credentials'));
    if (reacts) {
      clock.after(random.between(HOUR, 2 * DAY), () =>
        this.#reactTo(
          String(orderNumber ?? orderIn(event.detail.name)),
          String(error ?? ''),
          String(execution ?? event.detail.name),
          detailType,
        ),
      );
    }
  }

  /** Reads the dead-letter queue, and sends each event again, with the request that the reason may propose. */
  receiveDeadLetter(detail: OrderedDetail, error: unknown): void {
    const { clock, random } = this.#options;
    const [, request] = /"request": "([^"]+)"/.exec(String(error)) ?? [];
    clock.after(random.between(HOUR, DAY), () => this.order({ ...detail, ...(request && { request }) }));
  }

  #reactTo(orderNumber: string, error: string, execution: string, detailType: string): void {
    const { random, cloud, plans, redriven, note } = this.#options;
    const plan = plans.get(orderNumber);
    const reactions = this.#reactions.get(orderNumber) ?? 0;
    if (
      !plan ||
      reactions >= REACTIONS_LIMIT ||
      ['OrderRejected', 'CertificateRevoked', 'CertificateExpired'].includes(error)
    ) {
      return;
    }
    this.#reactions.set(orderNumber, reactions + 1);
    const isRunning = cloud.machine.isRunning(orderNumber);
    if (
      !isRunning &&
      detailType === FAILED &&
      (error === 'UnknownRefusal' || random.chance(0.1)) &&
      cloud.machine.redrive(execution)
    ) {
      note(orderNumber, `an operator redrives ${execution}`);
      redriven(execution);
      return;
    }
    const { meant } = plan;
    this.order(
      detailType === WAITING ? meant : { ...meant, ...(random.chance(0.3) && { request: `again-${reactions}` }) },
    );
  }

  #changeLogin(login: CaLogin): void {
    const { clock, random } = this.#options;
    if (this.#repairing.has(login.account)) {
      return;
    }
    login.password = password(this.#passwords++);
    login.rejection = random.pick(random.chance(0.7) ? REJECTIONS : DOUBTS);
    if (random.chance(0.3)) {
      // The person who changed it stores it at once, or almost.
      clock.after(random.between(0, 10 * MINUTE), () => this.#store(login, login.password));
    }
  }

  /** Stores another login after some hours, once for all orders of the account. It is not always the right one. */
  #repairLogin(account: string | undefined): void {
    const { clock, random, cloud, logins } = this.#options;
    const login = logins.find((each) => each.account === account);
    if (!login || this.#repairing.has(account)) {
      return;
    }
    this.#repairing.add(account);
    const hours = random.between(0.2, 60);
    clock.after(hours * HOUR, () => {
      const kind = random.next();
      if (kind < 0.1) {
        // No form can contain half of a surrogate pair.
        this.#store(login, password(this.#passwords++) + (random.chance(0.3) ? '\ud800' : ''));
      } else if (kind < 0.2) {
        cloud.secrets.rollBack(cloud.loginSecret(account));
      }
      // The next message comes too late for a wrong login that is not corrected here: it is about the same orders.
      clock.after(kind < 0.2 ? random.between(HOUR, DAY) : 0, () => {
        this.#store(login, login.password);
        this.#repairing.delete(account);
      });
    });
  }

  #store(login: CaLogin, loginPassword: string): void {
    const { cloud } = this.#options;
    cloud.secrets.put(cloud.loginSecret(login.account), JSON.stringify({ loginName: login.name, loginPassword }));
  }
}

function orderIn(execution: unknown): string {
  return /^order-(\d+)/.exec(String(execution))?.[1] ?? '';
}
