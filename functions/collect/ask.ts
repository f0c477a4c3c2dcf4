import { askCollectMc, type CallResult, type CollectRequest, type ResponseFormat } from '../collectmc/request.ts';
import type { HttpClient } from '../http.ts';
import type { CredentialsReader, CredentialsReading } from './credentials.ts';

/** Milliseconds for one call. The CA answers in a second or a few; longer than this is an outage. */
const CALL_MILLISECONDS = 30_000;

/** Milliseconds kept back of Lambda's time, for reading the secret and storing what the call brought. */
const RESERVED_MILLISECONDS = 20_000;

/** Characters of the CA's text that are kept: enough for any sentence of its error page, too few to fill a log. */
const TEXT_LIMIT = 500;

/** An answer, or none where no call could be made: then `milliseconds` is missing. */
export interface AskResult extends Omit<CallResult, 'milliseconds'> {
  readonly milliseconds?: number;
  /** The version of the secret that the CA does not accept. */
  readonly rejectedCredentialsVersion?: string;
}

type Login = Pick<CollectRequest, 'loginName' | 'loginPassword'>;

export interface AskDependencies {
  readonly url: string;
  readonly format: ResponseFormat;
  readonly credentials: CredentialsReader;
  readonly http: HttpClient;
}

/**
 * Asks CollectMC with the credentials of the secret, and never twice with credentials that it rejected: the CA locks an
 * account for that. Rejected versions are remembered here, for every order of this process, and travel with each order.
 *
 * The first round may use remembered credentials; the second reads the secret afresh, so that a rotation is noticed at once.
 */
export function createAsk({ url, format, credentials, http }: AskDependencies) {
  const rejected = new Set<string>();

  return async (
    orderNumber: string,
    rejectedBefore: string | undefined,
    remaining: () => number,
  ): Promise<AskResult> => {
    if (rejectedBefore !== undefined) {
      rejected.add(rejectedBefore);
    }
    let latest = waitingForCredentials('');
    let refused: Login | undefined;
    for (const fresh of [false, true]) {
      const reading = await credentials.read({ fresh });
      if (reading.problem !== undefined || rejected.has(reading.version)) {
        // What the CA itself said in the first round says more.
        latest = latest.milliseconds === undefined ? notAsked(reading, rejectedBefore) : latest;
        continue;
      }
      const { version, loginName, loginPassword } = reading;
      if (refused?.loginName === loginName && refused.loginPassword === loginPassword) {
        // Another version of what the CA has just refused. Put once more after this, it will be asked with.
        rejected.add(version);
        latest = { ...latest, rejectedCredentialsVersion: version };
        continue;
      }
      const time = Math.min(CALL_MILLISECONDS, remaining() - RESERVED_MILLISECONDS);
      const answer = await askCollectMc(
        http,
        { url, format, orderNumber, loginName, loginPassword },
        AbortSignal.timeout(Math.max(1, time)),
      );
      const reply = redact(answer.reply, loginPassword);
      if (reply.kind !== 'waiting' || reply.reason !== 'credentials') {
        return { ...answer, reply };
      }
      refused = reading;
      rejected.add(version);
      latest = { ...answer, reply, rejectedCredentialsVersion: version };
    }
    return latest;
  };
}

/** A secret that cannot be read for once must not make the order forget what the CA rejected. */
function notAsked(reading: CredentialsReading, rejectedBefore: string | undefined): AskResult {
  return reading.problem === undefined
    ? waitingForCredentials('the CA rejected these credentials, and the secret holds no newer ones', reading.version)
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
 * The CA's text goes into logs and errors, up to its limit. A server that repeats the request must not bring the password
 * there, so it goes first: a cut could leave half of it.
 */
function redact<Reply extends CallResult['reply']>(reply: Reply, password: string): Reply {
  if (!('text' in reply)) {
    return reply;
  }
  const spellings = [password, encodeURIComponent(password), new URLSearchParams({ '': password }).toString().slice(1)];
  const text = spellings.reduce((concealed, spelling) => concealed.replaceAll(spelling, '[password]'), reply.text);
  return { ...reply, text: text.slice(0, TEXT_LIMIT) };
}
