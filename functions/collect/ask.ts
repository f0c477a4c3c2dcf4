import { askCollectMc, type CallResult, type CollectRequest, type ResponseFormat } from '../collectmc/request.ts';
import { DAY_MILLISECONDS, dayName } from '../days.ts';
import type { HttpClient } from '../http.ts';
import type { Order } from '../order.ts';
import { STATE_BUDGET, truncate } from '../text.ts';
import type { CredentialsLookup, CredentialsReading } from './credentials.ts';
import { doubtsOf, isRejected, type LabelledVersion } from './rejections.ts';

/** The time limit of one call, in milliseconds. The CA replies within a few seconds; a longer call is an outage. */
const CALL_MILLISECONDS = 30_000;

/** Milliseconds of Lambda's time that must remain after a call, for reading the secret and storing the response. */
const RESERVED_MILLISECONDS = 20_000;

/**
 * How long this process trusts its memory more than a label that it has just set, in milliseconds: changes of Secrets
 * Manager are not visible everywhere at once (AWS: Troubleshooting Secrets Manager, eventual consistency).
 */
const PROPAGATION_MILLISECONDS = 5 * 60 * 1000;

/** What the state of an order knows about a login. A label on the secret says the same for all orders. */
export interface LoginState {
  /** The version of the secret whose login the CA rejected. It is never used again. */
  readonly rejectedCredentialsVersion?: string | undefined;
  /** The version of the secret whose login the CA may have rejected. */
  readonly doubtedCredentialsVersion?: string | undefined;
  /** Only if the version could not be labelled: the day of that call, yyyymmdd in UTC. The next day is the next try. */
  readonly doubtedOn?: string | undefined;
}

/** What the previous check of the order left. */
export interface PreviousLogin extends LoginState {
  readonly reason?: string | undefined;
}

/** The result of a call. If no call could be made, `milliseconds` is missing. */
export interface AskResult extends Omit<CallResult, 'milliseconds'>, LoginState {
  readonly milliseconds?: number;
}

type Login = Pick<CollectRequest, 'loginName' | 'loginPassword'>;
type Usable = Extract<CredentialsReading, { readonly problem?: never }>;

/** Why the CA must not be asked now, as a clause, and what the order then knows about the login. */
interface Obstacle {
  readonly text: string;
  readonly state: LoginState;
}

const REJECTED_TEXT = 'the CA rejected these credentials, and the secret contains no newer ones';
const DOUBTED_TEXT =
  'the CA may have rejected these credentials today; one order tries them again tomorrow (UTC), and all orders use newer ones ' +
  'as soon as the secret contains them';

/** The endpoint of the CA, and how to reach it. */
export interface AskDependencies {
  readonly url: string;
  readonly format: ResponseFormat;
  readonly credentials: CredentialsLookup;
  readonly http: HttpClient;
  readonly now: () => Date;
}

/**
 * Asks CollectMC with the credentials of the order's account, but never again with credentials that the CA rejected,
 * because the CA would lock the account. A rejected version of a secret has a label, which every read returns; the
 * memory of this process and the state of the order are for a label that could not be set. A doubtful rejection is
 * tried again once a day by one order for all.
 *
 * The first attempt may use cached credentials, unless the order waits for credentials. The second reads the secret
 * again, so that a rotation takes effect at once.
 */
export function createAsk({ url, format, credentials, http, now }: AskDependencies) {
  const memory = createMemory(() => now().getTime());

  return async (
    { orderNumber, account = null }: Pick<Order, 'orderNumber'> & { readonly account?: string | null | undefined },
    previous: PreviousLogin | undefined,
    remainingMilliseconds: () => number,
  ): Promise<AskResult> => {
    const secret = credentials(account);
    const known = memory.of(account);
    const before = loginState(previous);
    if (before.rejectedCredentialsVersion !== undefined) {
      known.reject(before.rejectedCredentialsVersion);
    }
    let latest = notAsked({ text: '', state: before });
    let rejectedLogin: (Login & { readonly doubtful: boolean }) | undefined;
    /** A reply from the CA in the first attempt contains more than the reason why there is no second one. */
    const orNotAsked = (obstacle: Obstacle) => (latest.milliseconds === undefined ? notAsked(obstacle) : latest);

    /** Records a rejection: first in memory, which cannot fail. */
    const reject = async ({ version }: Usable, doubtful: boolean, isClaimed = false): Promise<LoginState> => {
      const day = dayName(now());
      if (!doubtful) {
        known.reject(version);
        await secret.labels.reject(version, day);
        return { rejectedCredentialsVersion: version };
      }
      known.doubt(version);
      const isLabelled = isClaimed || (await secret.labels.doubt(version, day));
      if (isLabelled) {
        known.doubtLabelled(version);
      }
      return { doubtedCredentialsVersion: version, ...(!isLabelled && { doubtedOn: day }) };
    };

    for (const fresh of isWaitingForCredentials(previous) ? [true] : [false, true]) {
      let reading: CredentialsReading;
      try {
        reading = await secret.read({ fresh });
      } catch (error) {
        if (rejectedLogin === undefined) {
          throw error;
        }
        // The error would repeat the check, although the CA has just replied.
        return latest;
      }
      const day = dayName(now());
      if (reading.problem !== undefined) {
        // If the secret cannot be read this time, the order keeps what it knows.
        latest = orNotAsked({ text: reading.problem, state: before });
        continue;
      }
      const obstacle = known.obstacle(reading, before, day);
      if (obstacle) {
        latest = orNotAsked(obstacle);
        continue;
      }
      const { version, loginName, loginPassword } = reading;
      if (rejectedLogin?.loginName === loginName && rejectedLogin.loginPassword === loginPassword) {
        // The same login under another version: the CA has just rejected it. It is tried again only under a newer
        // version.
        const { reply, body, milliseconds } = latest;
        const state = await reject(reading, rejectedLogin.doubtful);
        latest = { reply, body, ...(milliseconds !== undefined && { milliseconds }), ...state };
        continue;
      }
      const isRetry = doubtsOf(reading).length > 0 || isDoubtedBy(before, version);
      if (isRetry && !fresh) {
        // Labels change the day: the cached ones may be old.
        continue;
      }
      const claim = isRetry ? await secret.labels.claim(reading, day) : undefined;
      if (claim === 'taken') {
        const text = 'the CA may have rejected these credentials, and another order is trying them again now';
        latest = orNotAsked({ text, state: { doubtedCredentialsVersion: version } });
        continue;
      }
      const time = Math.min(CALL_MILLISECONDS, remainingMilliseconds() - RESERVED_MILLISECONDS);
      const result = await askCollectMc(
        http,
        { url, format, orderNumber, loginName, loginPassword },
        AbortSignal.timeout(Math.max(1, time)),
      );
      const { reply } = result;
      if (reply.kind === 'waiting' && reply.reason === 'credentials') {
        const doubtful = reply.doubtful === true;
        rejectedLogin = { loginName, loginPassword, doubtful };
        const state = await reject(reading, doubtful, claim === 'claimed');
        latest = { ...result, reply: redact(reply, loginPassword), ...state };
        continue;
      }
      if (isRetry && isAccepted(reply)) {
        known.accept(version);
        await secret.labels.accept(version);
      }
      // A retry without an answer counts as the one of its day.
      const isOpen = claim === 'failed' && !isAccepted(reply);
      if (isOpen) {
        known.doubt(version);
      }
      return {
        ...result,
        reply: redact(reply, loginPassword),
        ...(isOpen && { doubtedCredentialsVersion: version, doubtedOn: day }),
      };
    }
    return latest;
  };
}

/** What this process knows about the versions of each secret. */
function createMemory(milliseconds: () => number) {
  const rejected = new Set<string>();
  const doubtedUntil = new Map<string, number>();
  return {
    of(account: string | null) {
      // An account has no upper-case letters, so no key belongs to two secrets.
      const key = (version: string) => `${account ?? 'DEFAULT'}/${version}`;
      return {
        reject: (version: string) => rejected.add(key(version)),
        /** The version is not used again on this day. */
        doubt(version: string) {
          const time = milliseconds();
          doubtedUntil.set(key(version), time - (time % DAY_MILLISECONDS) + DAY_MILLISECONDS);
        },
        /** From now on the label decides: whoever removes it allows the version. */
        doubtLabelled(version: string) {
          doubtedUntil.set(key(version), milliseconds() + PROPAGATION_MILLISECONDS);
        },
        accept: (version: string) => doubtedUntil.delete(key(version)),
        /** Why a version must not be used now; undefined if it can be used. */
        obstacle(reading: LabelledVersion, before: LoginState, day: string): Obstacle | undefined {
          const { version } = reading;
          if (isRejected(reading) || rejected.has(key(version))) {
            return { text: REJECTED_TEXT, state: { rejectedCredentialsVersion: version } };
          }
          if (doubtsOf(reading).some((doubt) => doubt.day >= day)) {
            return { text: DOUBTED_TEXT, state: { doubtedCredentialsVersion: version } };
          }
          const { doubtedOn = '' } = isDoubtedBy(before, version) ? before : {};
          const isDoubted = doubtedOn >= day || (doubtedUntil.get(key(version)) ?? 0) > milliseconds();
          return isDoubted
            ? { text: DOUBTED_TEXT, state: { doubtedCredentialsVersion: version, doubtedOn: doubtedOn || day } }
            : undefined;
        },
      };
    },
  };
}

/** Whether the state of an order doubts a version that could not be labelled. */
function isDoubtedBy({ doubtedCredentialsVersion, doubtedOn }: LoginState, version: string): boolean {
  return doubtedOn !== undefined && doubtedCredentialsVersion === version;
}

/** Whether only a fresh read of the secret can help. */
function isWaitingForCredentials(previous: PreviousLogin | undefined): boolean {
  return previous?.reason === 'credentials' || Object.keys(loginState(previous)).length > 0;
}

/** Whether a reply proves that the CA accepted the login. An unknown status and an outage prove nothing. */
function isAccepted(reply: CallResult['reply']): boolean {
  return reply.kind === 'waiting'
    ? reply.reason !== 'credentials' && reply.reason !== 'outage'
    : reply.kind !== 'unknown';
}

/** What a state contains about the login. */
export function loginState(from: LoginState | undefined): LoginState {
  const { rejectedCredentialsVersion, doubtedCredentialsVersion, doubtedOn } = from ?? {};
  return {
    ...(rejectedCredentialsVersion !== undefined && { rejectedCredentialsVersion }),
    ...(doubtedCredentialsVersion !== undefined && { doubtedCredentialsVersion }),
    ...(doubtedOn !== undefined && { doubtedOn }),
  };
}

function notAsked({ text, state }: Obstacle): AskResult {
  return { reply: { kind: 'waiting', reason: 'credentials', text }, body: new Uint8Array(), ...state };
}

/**
 * Prepares the CA's text for logs and errors. The password is removed, because a server may echo the request. It is
 * removed before the truncation, which could leave a part of it.
 */
function redact<Reply extends CallResult['reply']>(reply: Reply, password: string): Reply {
  if (!('text' in reply)) {
    return reply;
  }
  const encodings = [password, encodeURIComponent(password), new URLSearchParams({ '': password }).toString().slice(1)];
  const text = encodings.reduce((redacted, encoding) => redacted.replaceAll(encoding, '[password]'), reply.text);
  return { ...reply, text: truncate(text, STATE_BUDGET.message) };
}
