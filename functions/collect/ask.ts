import { askCollectMc, type CallResult, type CollectRequest, type ResponseFormat } from '../collectmc/request.ts';
import { dayName } from '../days.ts';
import type { HttpClient } from '../http.ts';
import type { Order } from '../order.ts';
import { redact, redactBytes } from '../redact.ts';
import { STATE_BUDGET, truncateLine } from '../text.ts';
import type { CredentialsLookup, CredentialsReading } from './credentials.ts';
import { createLoginMemory, isDoubtedBy, type LoginState, loginState, type Obstacle } from './login-memory.ts';
import { redactNotes } from './notes.ts';
import { doubtsOf, type LabelledVersion } from './rejections.ts';

/** The time limit of one call, in milliseconds. The CA replies within a few seconds; a longer call is an outage. */
const CALL_MILLISECONDS = 30_000;

/** Milliseconds of Lambda's time that must remain after a call, for reading the secret and storing the response. */
const RESERVED_MILLISECONDS = 20_000;

/** How much of a body without certificates is redacted, in bytes. Less of it is kept. */
const REDACTED_BYTES = 96 * 1024;

/** What the previous check of the order left. */
export interface PreviousLogin extends LoginState {
  readonly reason?: string | undefined;
}

/** The result of a call. If no call could be made, `milliseconds` is missing. */
export interface AskResult extends Omit<CallResult, 'milliseconds'>, LoginState {
  readonly milliseconds?: number;
  /** The version of the secret whose login the CA did not reject, with its labels before the call. */
  readonly login?: LabelledVersion;
  /** Removes the password from a text about an issued certificate. */
  readonly redact?: (text: string) => string;
}

type Login = Pick<CollectRequest, 'loginName' | 'loginPassword'>;
type Usable = Extract<CredentialsReading, { readonly problem?: never }>;

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
  const memory = createLoginMemory(() => now().getTime());

  return async (
    { orderNumber, account = null }: Pick<Order, 'orderNumber'> & { readonly account?: string | null | undefined },
    previous: PreviousLogin | undefined,
    remainingMilliseconds: () => number,
  ): Promise<AskResult> => {
    const secret = credentials(account);
    const known = memory.of(account);
    const { unusableCredentials: _, ...before } = loginState(previous);
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
        await labelRejected(version, day);
        return { rejectedCredentialsVersion: version };
      }
      known.doubt(version);
      const isLabelled = isClaimed || (await secret.labels.doubt(version, day));
      if (isLabelled) {
        known.doubtLabelled(version);
      }
      return { doubtedCredentialsVersion: version, ...(!isLabelled && { doubtedOn: day }) };
    };

    async function labelRejected(version: string, day: string): Promise<void> {
      known.rejectionLabelled(version, await secret.labels.reject(version, day));
    }

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
        const unusableCredentials = reading.version ?? reading.error;
        latest = orNotAsked({ text: reading.problem, state: { ...before, unusableCredentials } });
        continue;
      }
      const obstacle = known.obstacle(reading, before, day);
      if (obstacle) {
        if (fresh && known.lacksLabel(reading)) {
          await labelRejected(reading.version, day);
        }
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
        latest = { ...redacted(result, loginPassword), ...state };
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
        ...redacted(result, loginPassword),
        login: { version, stages: reading.stages },
        ...(isOpen && { doubtedCredentialsVersion: version, doubtedOn: day }),
      };
    }
    return latest;
  };
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

function notAsked({ text, state }: Obstacle): AskResult {
  return { reply: { kind: 'waiting', reason: 'credentials', text }, body: new Uint8Array(), ...state };
}

/**
 * Prepares a reply for logs, errors and S3. The reader of replies has removed the password from the text, because a server
 * may echo the request; here it is removed from a body that is kept. Certificates are not changed, and neither is a ZIP.
 */
function redacted(result: CallResult, password: string): CallResult & Pick<AskResult, 'redact'> {
  const { reply, body, milliseconds } = result;
  if (!('text' in reply)) {
    const notes = (bytes: Uint8Array) => (reply.container === 'zip' ? bytes : redactNotes(bytes, [password]));
    return {
      reply: { ...reply, payload: notes(reply.payload) },
      body: notes(body),
      milliseconds,
      redact: (text) => redact(text, [password]),
    };
  }
  // The reader leaves the text after a status as it is.
  const text = truncateLine(reply.text, STATE_BUDGET.message);
  const isKept = reply.kind === 'waiting' && reply.unreadable === true;
  // A larger body would take longer than Lambda's time.
  const kept = isKept ? redactBytes(body.subarray(0, REDACTED_BYTES), [password]) : new Uint8Array();
  return { reply: { ...reply, text }, body: kept, milliseconds };
}
