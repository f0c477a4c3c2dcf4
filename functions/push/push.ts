import { ExecutionDoesNotExist } from '@aws-sdk/client-sfn';
import type { APIGatewayProxyStructuredResultV2, LambdaFunctionURLEvent } from 'aws-lambda';
import * as v from 'valibot';
import { CollectorError } from '../collector-error.ts';
import { dayName } from '../days.ts';
import { REVOKED as REVOKED_EVENT, type RevokedDetail } from '../events.ts';
import { describeExecution, type Executions, startExecution } from '../executions.ts';
import { problemsOf } from '../input.ts';
import { executionName, type Order, orderInStateSchema } from '../order.ts';
import type { SecretReader } from '../secret.ts';
import { type Bus, sendEvents } from '../send-events.ts';
import { truncate } from '../text.ts';
import { isSameLogin, type PushLogin, readAuthorization } from './authentication.ts';
import { PUSH_CODES, REVOKED } from './codes.ts';

/** The maximum size of a body, in bytes. A push with two certificates has about 20 KB. */
const BODY_LIMIT = 256 * 1024;

/** The maximum size of a field in a log line, in bytes: 200 and the quotes of JSON. */
const FIELD_BYTES = 202;

const FORM_TYPE = 'application/x-www-form-urlencoded';
const STATUS_CODE_FORM = 'a whole number like 6';

const text = v.optional(
  v.pipe(
    v.string(),
    v.transform((value) => truncate(value, FIELD_BYTES)),
  ),
);

/** The fields that are read. Certificates in a push are ignored, because only those of CollectMC are used. */
const pushSchema = v.object({
  orderNumber: orderInStateSchema.entries.orderNumber,
  certificateID: text,
  eventType: text,
  statusCode: v.optional(v.pipe(v.string(), v.regex(/^-?\d{1,4}$/, STATUS_CODE_FORM), v.transform(Number))),
  statusDesc: text,
});
const FIELDS = Object.keys(pushSchema.entries);

/** What a push reports about an order. */
type Push = v.InferOutput<typeof pushSchema>;

/** One request, for logs and metrics. It contains no header, no body and nothing secret. */
export interface PushRecord extends Partial<Push> {
  readonly outcome: 'started' | 'already-there' | 'noted' | 'refused';
  /** The status of the response. */
  readonly httpStatus: number;
  /** The name of the execution that asks CollectMC. */
  readonly execution?: string;
  /** The reason why a request was refused. */
  readonly problem?: string;
}

export interface PushDependencies extends Executions {
  /** The name of the collector. */
  readonly collector: string;
  /** The bus for the event of a reported revocation; undefined in a stack of release 0.1.0. */
  readonly bus: Bus | undefined;
  /** The login that the CA sends with its pushes. */
  readonly login: SecretReader<PushLogin>;
  readonly observe: (record: PushRecord) => void;
  readonly now: () => Date;
}

/** EventBridge did not accept the event of a reported revocation. */
export class RevocationNotSentError extends CollectorError {
  override readonly name = 'RevocationNotSentError';
}

/** The response to a request that cannot be accepted. */
interface RefusedRequest {
  readonly httpStatus: 400 | 401 | 405 | 413 | 503;
  readonly headers?: Readonly<Record<string, string>>;
  /** The text for the sender. */
  readonly answer: string;
  /** The text for the log, if it differs from the answer. */
  readonly problem?: string;
}

/**
 * Creates the function that answers the CA's push notifications. A push is a hint: if it reports an outcome, a separate
 * execution asks CollectMC at once. There is one execution for each order, statusCode and day, so a repeated push
 * starts nothing. The CA repeats a push up to 3 times if the response is not 2xx. If all of them fail, the order's next
 * check finds the outcome.
 */
export function createPush(dependencies: PushDependencies) {
  const { observe } = dependencies;

  return async (event: LambdaFunctionURLEvent): Promise<APIGatewayProxyStructuredResultV2> => {
    let push: Push | undefined;
    try {
      const received = await receive(event, dependencies.login);
      if ('httpStatus' in received) {
        const { httpStatus, headers, answer, problem = answer } = received;
        observe({ outcome: 'refused', httpStatus, problem });
        return respond(httpStatus, answer, headers);
      }
      push = received;
      const done = await act(push, dependencies);
      observe({ ...push, ...done, httpStatus: 200 });
      return respond(200, done.outcome === 'noted' ? 'accepted' : 'accepted: CollectMC is asked at once');
    } catch (error) {
      // Not thrown, so that the log has one line about it. The metric Url5xxCount of the function URL counts it.
      observe({ ...push, outcome: 'refused', httpStatus: 500, problem: String(error) });
      return respond(500, 'internal error; try again');
    }
  };
}

/** Checks a request and reads its fields. No field is read before the login is verified. */
async function receive(event: LambdaFunctionURLEvent, login: SecretReader<PushLogin>): Promise<Push | RefusedRequest> {
  const { method } = event.requestContext.http;
  if (method !== 'GET' && method !== 'POST') {
    return {
      httpStatus: 405,
      headers: { allow: 'GET, POST' },
      answer: `${method} is not accepted; accepted: GET, POST`,
    };
  }
  const given = readAuthorization(event.headers.authorization);
  if (!given) {
    return UNAUTHORIZED;
  }
  const expected = await login.read({ fresh: false });
  if (expected.problem !== undefined) {
    return { httpStatus: 503, answer: 'not ready; try again', problem: expected.problem };
  }
  if (!isSameLogin(given, expected)) {
    return UNAUTHORIZED;
  }
  const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  if (body.length > BODY_LIMIT) {
    return { httpStatus: 413, answer: `the body has ${body.length} bytes; accepted: up to ${BODY_LIMIT}` };
  }
  // A body without a content type is read as a form: the CA documents nothing else.
  const type = event.headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? FORM_TYPE;
  if (method === 'POST' && type !== FORM_TYPE) {
    return { httpStatus: 400, answer: `content-type is not accepted; accepted: ${FORM_TYPE}` };
  }
  const result = v.safeParse(pushSchema, fieldsOf(method === 'GET' ? event.rawQueryString : body.toString()));
  return result.success ? result.output : { httpStatus: 400, answer: problemsOf(result.issues).join('; ') };
}

const UNAUTHORIZED: RefusedRequest = {
  httpStatus: 401,
  headers: { 'www-authenticate': 'Basic realm="mark-certificate-collector", charset="UTF-8"' },
  answer: 'the user name or the password is missing or wrong',
};

/** The fields under the names that the CA documents. Names are matched in any case; empty fields count as missing. */
function fieldsOf(form: string): Record<string, string | undefined> {
  const given = new Map([...new URLSearchParams(form)].map(([name, value]) => [name.toLowerCase(), value]));
  return Object.fromEntries(FIELDS.map((name) => [name, given.get(name.toLowerCase()) || undefined]));
}

async function act(
  { orderNumber, statusCode, statusDesc }: Push,
  dependencies: PushDependencies,
): Promise<Pick<PushRecord, 'outcome' | 'execution'>> {
  if (statusCode === undefined || !PUSH_CODES.get(statusCode)?.ask) {
    return { outcome: 'noted' };
  }
  const order = await knownOrder(orderNumber, dependencies);
  const request = `push-${statusCode}-${dayName(dependencies.now())}`;
  const execution = executionName({ orderNumber, request });
  const started = await startExecution(dependencies, execution, { ...order, request });
  if (statusCode === REVOKED) {
    await reportRevocation(order, execution, statusDesc, dependencies);
  }
  return { outcome: started ? 'started' : 'already-there', execution };
}

/**
 * The order as the input of its first execution describes it, with domains, product and selector. If there is no such
 * execution, the order number only. `replace` is left out: it applied only to the certificate of that time.
 */
async function knownOrder(orderNumber: string, executions: Executions): Promise<Order> {
  try {
    const { input = 'null' } = await describeExecution(executions, executionName({ orderNumber }));
    const order = v.safeParse(orderInStateSchema, JSON.parse(input));
    // An execution that was started by hand can have any input.
    if (!order.success || order.output.orderNumber !== orderNumber) {
      return { orderNumber };
    }
    const { replace: _, ...known } = order.output;
    return known;
  } catch (error) {
    if (error instanceof ExecutionDoesNotExist) {
      return { orderNumber };
    }
    throw error;
  }
}

/**
 * Sends the event of a revocation that CollectMC has not confirmed yet, each time that the CA reports it.
 *
 * @throws {RevocationNotSentError} if EventBridge did not accept it. The CA then repeats the push.
 */
async function reportRevocation(
  { orderNumber, domains = [] }: Order,
  execution: string,
  statusDesc: string | undefined,
  { bus, collector, now }: PushDependencies,
): Promise<void> {
  if (!bus) {
    return;
  }
  const reported = `The CA reported by push that it revoked the certificate of order ${orderNumber}`;
  const detail: RevokedDetail = {
    collector,
    orderNumber,
    account: null,
    domains,
    confirmed: false,
    source: 'push',
    text: statusDesc === undefined ? reported : `${reported} (${statusDesc})`,
    knownSince: now().toISOString(),
    execution,
  };
  const [failure] = await sendEvents(bus, REVOKED_EVENT, [detail], () => {});
  if (failure) {
    throw new RevocationNotSentError(
      `EventBridge did not accept the event of order ${orderNumber} (${failure.reason})`,
    );
  }
}

function respond(
  statusCode: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): APIGatewayProxyStructuredResultV2 {
  return { statusCode, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: `${body}\n` };
}
