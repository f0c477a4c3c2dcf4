import { askCollectMc, type CallResult, type CollectRequest, type ResponseFormat } from '../collectmc/request.ts';
import type { HttpClient } from '../http.ts';
import { STATE_BUDGET, truncate } from '../text.ts';
import type { CredentialsReader, CredentialsReading } from './credentials.ts';

/** The time limit of one call, in milliseconds. The CA replies within a few seconds; a longer call is an outage. */
const CALL_MILLISECONDS = 30_000;

/** Milliseconds of Lambda's time that must remain after a call, for reading the secret and storing the response. */
const RESERVED_MILLISECONDS = 20_000;

/** The result of a call. If no call could be made, `milliseconds` is missing. */
export interface AskResult extends Omit<CallResult, 'milliseconds'> {
  readonly milliseconds?: number;
  /** The version of the secret whose login the CA rejected. */
  readonly rejectedCredentialsVersion?: string;
}

type Login = Pick<CollectRequest, 'loginName' | 'loginPassword'>;

/** The endpoint of the CA, and how to reach it. */
export interface AskDependencies {
  readonly url: string;
  readonly format: ResponseFormat;
  readonly credentials: CredentialsReader;
  readonly http: HttpClient;
}

/**
 * Asks CollectMC with the credentials of the secret, but never again with credentials that the CA rejected, because the
 * CA would lock the account. Rejected versions are kept in memory for all orders of this process, and in the state of
 * each order.
 *
 * The first attempt may use cached credentials. The second reads the secret again, so that a rotation takes effect at
 * once.
 */
export function createAsk({ url, format, credentials, http }: AskDependencies) {
  const rejected = new Set<string>();

  return async (
    orderNumber: string,
    rejectedBefore: string | undefined,
    remainingMilliseconds: () => number,
  ): Promise<AskResult> => {
    if (rejectedBefore !== undefined) {
      rejected.add(rejectedBefore);
    }
    let latest = waitingForCredentials('');
    let rejectedLogin: Login | undefined;
    for (const fresh of [false, true]) {
      let reading: CredentialsReading;
      try {
        reading = await credentials.read({ fresh });
      } catch (error) {
        if (rejectedLogin === undefined) {
          throw error;
        }
        // The error would repeat the check, and another process would send the rejected login again.
        return latest;
      }
      if (reading.problem !== undefined || rejected.has(reading.version)) {
        // If the first attempt got a reply from the CA, that reply contains more than this problem.
        latest = latest.milliseconds === undefined ? notAsked(reading, rejectedBefore) : latest;
        continue;
      }
      const { version, loginName, loginPassword } = reading;
      if (rejectedLogin?.loginName === loginName && rejectedLogin.loginPassword === loginPassword) {
        // The same login under another version: the CA has just rejected it. It is tried again only under a newer
        // version.
        rejected.add(version);
        latest = { ...latest, rejectedCredentialsVersion: version };
        continue;
      }
      const time = Math.min(CALL_MILLISECONDS, remainingMilliseconds() - RESERVED_MILLISECONDS);
      const result = await askCollectMc(
        http,
        { url, format, orderNumber, loginName, loginPassword },
        AbortSignal.timeout(Math.max(1, time)),
      );
      const reply = redact(result.reply, loginPassword);
      if (reply.kind !== 'waiting' || reply.reason !== 'credentials') {
        return { ...result, reply };
      }
      rejectedLogin = reading;
      rejected.add(version);
      latest = { ...result, reply, rejectedCredentialsVersion: version };
    }
    return latest;
  };
}

/** If the secret cannot be read this time, the order keeps the version that the CA rejected. */
function notAsked(reading: CredentialsReading, rejectedBefore: string | undefined): AskResult {
  return reading.problem === undefined
    ? waitingForCredentials('the CA rejected these credentials, and the secret contains no newer ones', reading.version)
    : waitingForCredentials(reading.problem, rejectedBefore);
}

function waitingForCredentials(text: string, version?: string): AskResult {
  return {
    reply: { kind: 'waiting', reason: 'credentials', text },
    body: new Uint8Array(),
    ...(version !== undefined && { rejectedCredentialsVersion: version }),
  };
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
