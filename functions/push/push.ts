import type { APIGatewayProxyStructuredResultV2, LambdaFunctionURLEvent } from 'aws-lambda';
import { dayName } from '../days.ts';
import { redact, redactBytes } from '../redact.ts';
import type { SecretReader } from '../secret.ts';
import type { Bus } from '../send-events.ts';
import { truncate } from '../text.ts';
import { isAccepted, type PushLogin, readLogin, secretsOf } from './authentication.ts';
import { type Check, type CheckDependencies, startCheck } from './checks.ts';
import { NOTIFICATIONS_LIMIT, type ReadContent, readContent } from './fields.ts';
import { type Notification, readNotification } from './notification.ts';
import { reportRevocation } from './revocation.ts';

/** The maximum size of a stored content, in bytes. */
const KEPT_BYTES = 64 * 1024;

/** The maximum size of a field in a log line, in bytes: 200 and the quotes of JSON. */
const FIELD_BYTES = 202;

/** The maximum size of a problem in a log line, in bytes. */
const PROBLEM_BYTES = 1000;

/** How much of a text is searched for secrets, in characters: more than any message quotes. */
const SEARCHED_LENGTH = 4096;

/** One notification, or one request without one, for logs and metrics. It contains no header, no path and no body. */
export interface PushRecord extends LoggedFields {
  /** `noted`: nothing to ask CollectMC about. See {@link Check} for the others. */
  readonly outcome: Check['outcome'] | 'noted' | 'not-understood' | 'refused';
  /** The status of the response. */
  readonly httpStatus: number;
  /** The name of the execution that asks CollectMC. */
  readonly execution?: string;
  /** Why a request was refused, or is not understood. */
  readonly problem?: string;
  /** The key of the object with the content of a request that is not understood. */
  readonly stored?: string | undefined;
  /** Whether the CA reports or announces a revocation. */
  readonly revocation?: boolean;
}

const LOGGED_FIELDS = ['orderNumber', 'certificateID', 'eventType', 'statusCode', 'statusDesc'] as const;
type LoggedFields = Partial<Pick<Notification, (typeof LOGGED_FIELDS)[number]>>;

export interface PushDependencies extends CheckDependencies {
  /** The name of the collector. */
  readonly collector: string;
  /** The bus for the event of a reported revocation; undefined in a stack of release 0.1.0. */
  readonly bus: Bus | undefined;
  /** The login that the CA sends with its pushes. */
  readonly login: SecretReader<PushLogin>;
  /** Searches bytes for a private key, which must not be stored. */
  readonly searchForPrivateKey: (bytes: Uint8Array) => Promise<'none' | keyof typeof UNSTORED>;
  readonly observe: (record: PushRecord) => void;
}

/** The response to a request that cannot be accepted. */
interface RefusedRequest {
  readonly httpStatus: 401 | 405 | 503;
  readonly headers?: Readonly<Record<string, string>>;
  /** The text for the sender. */
  readonly answer: string;
  /** The text for the log, if it differs from the answer. */
  readonly problem?: string;
}

/**
 * Creates the function that answers the CA's push notifications. A push is a hint: if it reports an outcome, a separate
 * execution asks CollectMC at once ({@link startCheck}). With a valid login every request is accepted, because the CA
 * repeats a push only up to 3 times: one that is not understood is stored, and an alarm reports it.
 *
 * After an error the response is 500, and the CA repeats the push. If all repetitions fail, the order's next check finds
 * the outcome.
 */
export function createPush(dependencies: PushDependencies) {
  return async (event: LambdaFunctionURLEvent): Promise<APIGatewayProxyStructuredResultV2> => {
    const { observe } = dependencies;
    try {
      const login = await authenticate(event, dependencies.login);
      if ('httpStatus' in login) {
        const { httpStatus, headers, answer, problem = answer } = login;
        observe({ outcome: 'refused', httpStatus, problem });
        return respond(httpStatus, answer, headers);
      }
      return await accept(event, secretsOf(login), dependencies);
    } catch (error) {
      return fail(error, {}, [], dependencies);
    }
  };
}

/** Verifies the login of a request. Nothing else of it is read before. */
async function authenticate(
  event: LambdaFunctionURLEvent,
  login: SecretReader<PushLogin>,
): Promise<PushLogin | RefusedRequest> {
  const { method } = event.requestContext.http;
  if (method !== 'GET' && method !== 'POST') {
    return {
      httpStatus: 405,
      headers: { allow: 'GET, POST' },
      answer: `${method} is not accepted; accepted: GET, POST`,
    };
  }
  const given = readLogin(event.headers.authorization, event.rawPath);
  if (!given) {
    return UNAUTHORIZED;
  }
  const expected = await login.read({ fresh: false });
  if (expected.problem !== undefined) {
    return { httpStatus: 503, answer: 'not ready; try again', problem: expected.problem };
  }
  return isAccepted(given, expected) ? expected : UNAUTHORIZED;
}

const UNAUTHORIZED: RefusedRequest = {
  httpStatus: 401,
  headers: { 'www-authenticate': 'Basic realm="mark-certificate-collector", charset="UTF-8"' },
  answer: 'the login is missing or wrong',
};

/** Handles a request with a valid login: each notification in it, and what is not understood. */
async function accept(
  event: LambdaFunctionURLEvent,
  secrets: readonly string[],
  dependencies: PushDependencies,
): Promise<APIGatewayProxyStructuredResultV2> {
  const { observe } = dependencies;
  const request = {
    query: event.rawQueryString,
    body: Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8'),
    contentType: event.headers['content-type'],
  };
  const content = await readContent(request);
  const problems = content.hasMore ? [`only the first ${NOTIFICATIONS_LIMIT} notifications are read`] : [];
  let asked = false;
  for (const fields of content.notifications) {
    const reading = readNotification(fields, (text) => redactBeginning(text, secrets));
    if ('problem' in reading) {
      problems.push(reading.problem);
      continue;
    }
    const { notification } = reading;
    const logged = loggedFields(notification, secrets);
    try {
      const done = await act(notification, dependencies);
      asked ||= done.outcome === 'started' || done.outcome === 'already-there';
      observe({ ...logged, ...done, httpStatus: 200 });
    } catch (error) {
      return fail(error, logged, secrets, dependencies);
    }
  }
  if (problems.length > 0 || content.notifications.length === 0) {
    const problem = redactText(problems.join('; ') || 'the body is of an unknown format', secrets, PROBLEM_BYTES);
    try {
      observe({
        outcome: 'not-understood',
        httpStatus: 200,
        problem,
        ...(await keep(request, content, secrets, dependencies)),
      });
    } catch (error) {
      return fail(error, {}, secrets, dependencies);
    }
  }
  return respond(200, asked ? 'accepted: CollectMC is asked at once' : 'accepted');
}

/** Not thrown, so that the log has one line about it. The metric Url5xxCount of the function URL counts it. */
function fail(
  error: unknown,
  logged: LoggedFields,
  secrets: readonly string[],
  { observe }: PushDependencies,
): APIGatewayProxyStructuredResultV2 {
  const problem = redactText(String(error), secrets, PROBLEM_BYTES);
  observe({ ...logged, outcome: 'refused', httpStatus: 500, problem });
  return respond(500, 'internal error; try again');
}

async function act(
  { orderNumber, ask, revocation }: Notification,
  dependencies: PushDependencies,
): Promise<Pick<PushRecord, 'outcome' | 'execution' | 'revocation'>> {
  if (ask === undefined) {
    return { outcome: 'noted' };
  }
  const { options, ...check } = await startCheck(orderNumber, ask, dependencies);
  const { bus, collector, now } = dependencies;
  if (revocation && bus && check.outcome !== 'limited') {
    await reportRevocation(bus, {
      collector,
      order: { orderNumber, ...options },
      revocation,
      now: now(),
      execution: check.execution,
    });
  }
  return { ...check, ...(revocation && { revocation: true }) };
}

/** Why a content is not stored, by the result of the search for private keys. */
const UNSTORED = {
  found: 'nothing: the content contains a private key',
  unfinished: 'nothing: the content cannot be searched for private keys completely',
} as const;

/** Stores a content that is not understood, redacted. */
async function keep(
  { query, body }: { readonly query: string; readonly body: Uint8Array },
  { isJson, texts }: ReadContent,
  secrets: readonly string[],
  { store, searchForPrivateKey, now }: PushDependencies,
): Promise<Pick<PushRecord, 'stored'>> {
  const bytes = query === '' ? body : Buffer.concat([Buffer.from(body.length > 0 ? `${query}\n\n` : query), body]);
  if (!store || bytes.length === 0) {
    return {};
  }
  for (const part of [bytes, ...texts.map((text) => Buffer.from(text))]) {
    const found = await searchForPrivateKey(part);
    if (found !== 'none') {
      return { stored: UNSTORED[found] };
    }
  }
  const kept = redactBytes(bytes.subarray(0, KEPT_BYTES), secrets).subarray(0, KEPT_BYTES);
  const isWholeJson = isJson && query === '' && bytes.length <= KEPT_BYTES;
  const key = await (await store()).keep({ bytes: kept, isJson: isWholeJson }, dayName(now()));
  return { stored: key ?? 'nothing: the folder of the day has too many objects' };
}

function loggedFields(notification: Notification, secrets: readonly string[]): LoggedFields {
  return Object.fromEntries(
    LOGGED_FIELDS.flatMap((name) => {
      const value = notification[name];
      const isText = typeof value === 'string' && name !== 'orderNumber';
      return value === undefined ? [] : [[name, isText ? redactText(value, secrets, FIELD_BYTES) : value]];
    }),
  );
}

/** A text of the CA for the log: whole secrets are removed before it is truncated. */
function redactText(text: string, secrets: readonly string[], bytes: number): string {
  return truncate(redactBeginning(text, secrets), bytes);
}

/** As much of a text as is quoted, without secrets. More of it would take longer than Lambda's time. */
function redactBeginning(text: string, secrets: readonly string[]): string {
  return redact(text.slice(0, SEARCHED_LENGTH), secrets);
}

function respond(
  statusCode: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): APIGatewayProxyStructuredResultV2 {
  return { statusCode, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: `${body}\n` };
}
