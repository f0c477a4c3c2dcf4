import { ExecutionDoesNotExist } from '@aws-sdk/client-sfn';
import type { APIGatewayProxyStructuredResultV2, LambdaFunctionURLEvent } from 'aws-lambda';
import * as v from 'valibot';
import { dayName } from '../days.ts';
import { describeExecution, type Executions, startExecution } from '../executions.ts';
import { problemsOf } from '../input.ts';
import { executionName, type Order, orderInStateSchema } from '../order.ts';
import type { SecretReader } from '../secret.ts';
import { isLogin, type PushLogin, readAuthorization } from './authentication.ts';
import { PUSH_CODES } from './codes.ts';

/** A push with two certificates is some 20 KB; 256 KiB is never one. */
const BODY_LIMIT = 256 * 1024;

/** Characters of a field that a log line repeats. */
const TEXT_LIMIT = 200;

const FORM_TYPE = 'application/x-www-form-urlencoded';
const STATUS_CODE_FORM = 'a whole number like 6';

const text = v.optional(
  v.pipe(
    v.string(),
    v.transform((value) => value.slice(0, TEXT_LIMIT)),
  ),
);

/** The fields that are read. The certificates of a push are not among them: only CollectMC is asked for certificates. */
const pushSchema = v.object({
  orderNumber: orderInStateSchema.entries.orderNumber,
  certificateID: text,
  eventType: text,
  statusCode: v.optional(v.pipe(v.string(), v.regex(/^-?\d{1,4}$/, STATUS_CODE_FORM), v.transform(Number))),
  statusDesc: text,
});
const FIELDS = Object.keys(pushSchema.entries);

/** What the CA says of an order. */
type Push = v.InferOutput<typeof pushSchema>;

/** One request, for logs and metrics. Holds no header, no body and nothing secret. */
export interface PushRecord extends Partial<Push> {
  readonly outcome: 'started' | 'already-there' | 'noted' | 'refused';
  /** What the sender was answered. */
  readonly httpStatus: number;
  /** The execution that asks CollectMC. */
  readonly execution?: string;
  /** Why a request was refused. */
  readonly problem?: string;
}

export interface PushDependencies extends Executions {
  /** What the CA was told to send. */
  readonly login: SecretReader<PushLogin>;
  readonly observe: (record: PushRecord) => void;
  readonly now: () => Date;
}

/** A request that is no push, or not now. */
interface Refusal {
  readonly httpStatus: 400 | 401 | 405 | 413 | 503;
  readonly headers?: Readonly<Record<string, string>>;
  /** For the sender. */
  readonly answer: string;
  /** For the log, where it should know more than the sender. */
  readonly problem?: string;
}

/**
 * Answers the CA's push notifications. A push is a hint: where it says that an order came to an end, CollectMC is asked at
 * once, by an execution of its own for each statusCode and day, so that a repeated push starts nothing. The CA repeats what
 * is not answered with 2xx up to 3 times; should that bring nothing either, the order's next check finds the same.
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
      return respond(200, done.outcome === 'noted' ? 'noted' : 'asked for at once');
    } catch (error) {
      // Answered, not thrown: one line in the log says it all, and the URL's own metric Url5xxCount counts it.
      observe({ ...push, outcome: 'refused', httpStatus: 500, problem: String(error) });
      return respond(500, 'something went wrong; try again');
    }
  };
}

/** The checks in their order. Nothing of the fields is looked at before the password is right. */
async function receive(event: LambdaFunctionURLEvent, login: SecretReader<PushLogin>): Promise<Push | Refusal> {
  const { method } = event.requestContext.http;
  if (method !== 'GET' && method !== 'POST') {
    return { httpStatus: 405, headers: { allow: 'GET, POST' }, answer: 'accepted: GET, POST' };
  }
  const given = readAuthorization(event.headers.authorization);
  if (!given) {
    return UNAUTHORIZED;
  }
  const expected = await login.read({ fresh: false });
  if (expected.problem !== undefined) {
    return { httpStatus: 503, answer: 'not ready; try again', problem: expected.problem };
  }
  if (!isLogin(given, expected)) {
    return UNAUTHORIZED;
  }
  const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  if (body.length > BODY_LIMIT) {
    return { httpStatus: 413, answer: `the body has ${body.length} bytes; accepted: up to ${BODY_LIMIT}` };
  }
  // A body without a type is taken for a form: the CA documents nothing else.
  const type = event.headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? FORM_TYPE;
  if (method === 'POST' && type !== FORM_TYPE) {
    return { httpStatus: 400, answer: `content-type: is not accepted; accepted: ${FORM_TYPE}` };
  }
  const result = v.safeParse(pushSchema, fieldsOf(method === 'GET' ? event.rawQueryString : body.toString()));
  return result.success ? result.output : { httpStatus: 400, answer: problemsOf(result.issues).join('; ') };
}

const UNAUTHORIZED: Refusal = {
  httpStatus: 401,
  headers: { 'www-authenticate': 'Basic realm="mark-certificate-collector", charset="UTF-8"' },
  answer: 'user name or password missing or wrong',
};

/** The fields under the names the CA documents, whatever case they came in. An empty one is as good as none. */
function fieldsOf(form: string): Record<string, string | undefined> {
  const given = new Map([...new URLSearchParams(form)].map(([name, value]) => [name.toLowerCase(), value]));
  return Object.fromEntries(FIELDS.map((name) => [name, given.get(name.toLowerCase()) || undefined]));
}

async function act(
  { orderNumber, statusCode }: Push,
  dependencies: PushDependencies,
): Promise<Pick<PushRecord, 'outcome' | 'execution'>> {
  if (statusCode === undefined || !PUSH_CODES.get(statusCode)?.ask) {
    return { outcome: 'noted' };
  }
  const order = await knownOrder(orderNumber, dependencies);
  const request = `push-${statusCode}-${dayName(dependencies.now())}`;
  const execution = executionName({ orderNumber, request });
  const started = await startExecution(dependencies, execution, { ...order, request });
  return { outcome: started ? 'started' : 'already-there', execution };
}

/**
 * The order as its first execution has it, with the domains and the product to expect; where there is none, its number.
 * `replace` was said of the certificate of that time, and is not a wish for every later one.
 */
async function knownOrder(orderNumber: string, executions: Executions): Promise<Order> {
  try {
    const { input = 'null' } = await describeExecution(executions, executionName({ orderNumber }));
    const order = v.safeParse(orderInStateSchema, JSON.parse(input));
    // Started by hand, it may hold anything.
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

function respond(
  statusCode: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): APIGatewayProxyStructuredResultV2 {
  return { statusCode, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: `${body}\n` };
}
