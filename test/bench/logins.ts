import { createLoginMemory } from '../../functions/collect/login-memory.ts';
import { REJECTED_LABEL } from '../../functions/collect/rejections.ts';
import { dayName } from '../../functions/days.ts';
import { FIRST_DAY } from './renewal-simulation.ts';

const HOUR = 3600;

/** The accounts whose orders share the caller. */
export const ACCOUNTS: readonly (string | null)[] = [null, 'brand-a', 'brand-b'];

/** The seconds from the moment when the CA begins to reject a login until a person stores another one. */
const REPLACED_AFTER = HOUR;

/** The CA begins to reject a login once in this time, so each account has a rejected login for 1 % of the time. */
const REJECTED_EVERY = 100 * REPLACED_AFTER;

export interface Logins {
  /** Whether Collect may ask the CA now, by its own rules. */
  mayAsk(account: number, now: number): boolean;
  /** The CA answers a call that began at this time. @returns whether it accepts the login. */
  ask(account: number, now: number): boolean;
  /** The number of logins that the CA has rejected. */
  rejectedLogins(): number;
  /** The calls that the CA rejected because of their login. */
  rejectedCalls(): number;
  /** When the present login was stored; 0 for the first one. */
  storedAt(account: number, now: number): number;
}

/**
 * Simulates the logins of three accounts. The CA rejects each of them once in a while, and a person stores another one an
 * hour later. Collect's own rules decide whether a login is used: its memory, and the label on a rejected version.
 */
export function createLogins(random: () => number): Logins {
  let time = 0;
  const memory = createLoginMemory(() => FIRST_DAY + time * 1000);
  const accounts = ACCOUNTS.map((account) => ({
    known: memory.of(account),
    /** When the CA begins to reject the login, by its number. */
    rejectedFrom: [] as number[],
    rejected: new Set<string>(),
  }));
  let calls = 0;

  const accountOf = (index: number) => {
    const account = accounts[index];
    if (!account) {
      throw new Error(`There is no account ${index}`);
    }
    return account;
  };
  const rejectedFrom = (index: number, login: number): number => {
    const { rejectedFrom: times } = accountOf(index);
    while (times.length <= login) {
      times.push(times.length * REJECTED_EVERY + random() * (REJECTED_EVERY - REPLACED_AFTER));
    }
    return times[login] ?? Number.POSITIVE_INFINITY;
  };
  /** The number of the login that is stored at a time. */
  const loginAt = (index: number, now: number): number => {
    const period = Math.floor(now / REJECTED_EVERY);
    return now >= rejectedFrom(index, period) + REPLACED_AFTER ? period + 1 : period;
  };
  const versionOf = (login: number) => `version-${login}`;

  return {
    mayAsk(index, now) {
      time = now;
      const { known, rejected } = accountOf(index);
      const version = versionOf(loginAt(index, now));
      const stages = rejected.has(version) ? ['AWSCURRENT', REJECTED_LABEL + version] : ['AWSCURRENT'];
      return known.obstacle({ version, stages }, {}, dayName(new Date(FIRST_DAY + now * 1000))) === undefined;
    },
    ask(index, now) {
      time = now;
      const login = loginAt(index, now);
      if (now < rejectedFrom(index, login)) {
        return true;
      }
      const { known, rejected } = accountOf(index);
      const version = versionOf(login);
      calls += 1;
      known.reject(version);
      known.rejectionLabelled(version, true);
      rejected.add(version);
      return false;
    },
    rejectedLogins: () => accounts.reduce((sum, { rejected }) => sum + rejected.size, 0),
    rejectedCalls: () => calls,
    storedAt: (index, now) => {
      const login = loginAt(index, now);
      return login === 0 ? 0 : rejectedFrom(index, login - 1) + REPLACED_AFTER;
    },
  };
}
