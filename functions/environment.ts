import * as v from 'valibot';
import { CollectorError } from './collector-error.ts';
import { isSecureUrl, SECURE_URL_FORM } from './http.ts';
import { problemsOf } from './input.ts';

/** Environment variables, as Node provides them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The schema of a function's environment: one entry for each variable that the stack sets. */
interface EnvironmentSchema extends v.GenericSchema {
  readonly entries: Readonly<Record<string, v.GenericSchema>>;
}

/** A function was deployed with missing or wrong environment variables. The message lists all of them. */
export class InvalidEnvironmentError extends CollectorError {
  override readonly name = 'InvalidEnvironmentError';
}

/**
 * Reads the environment of a function. An empty variable counts as missing; variables that the schema does not name are
 * ignored.
 *
 * @throws {InvalidEnvironmentError} with one sentence for each wrong variable: its name, its value and the accepted
 * form.
 */
export function parseEnvironment<const Schema extends EnvironmentSchema>(
  schema: Schema,
  environment: Environment,
): v.InferOutput<Schema> {
  const names = Object.keys(schema.entries);
  const result = v.safeParse(schema, Object.fromEntries(names.map((name) => [name, environment[name] || undefined])));
  if (result.success) {
    return result.output;
  }
  throw new InvalidEnvironmentError(
    `The environment variables of the function are wrong. ${problemsOf(result.issues).join('. ')}. Next: deploy the function with the project's stack.`,
  );
}

/** A variable of any text, such as a name or an ARN. `accepted` describes it. */
export const textVariable = (accepted: string) => v.string(accepted);

/** The name of a collector that no setting names. */
export const DEFAULT_COLLECTOR = 'mark-certificate-collector';

/** The variable with the name of the collector. Stacks of release 0.1.0 do not set it. */
export const collectorVariable = () => v.optional(textVariable('the name of the collector'), DEFAULT_COLLECTOR);

const SECONDS_FORM = 'a whole number of seconds, at least 1, like "10800"';

/** A variable with a period in seconds. */
export const secondsVariable = () =>
  v.pipe(v.string(SECONDS_FORM), v.regex(/^[1-9]\d{0,8}$/, SECONDS_FORM), v.transform(Number));

/** A variable with a URL to which secrets may be sent, or from which a client reads. */
export const urlVariable = () => v.pipe(v.string(SECURE_URL_FORM), v.check(isSecureUrl, SECURE_URL_FORM));

const LOGS_FORM = 'keys of logs in base64, separated by commas';

/** A variable with the keys of logs that are trusted in addition to the known ones. */
export const logsVariable = () =>
  v.pipe(
    v.string(LOGS_FORM),
    v.regex(/^[A-Za-z0-9+/]+=*(,[A-Za-z0-9+/]+=*)*$/, LOGS_FORM),
    v.transform((list) => list.split(',')),
  );

const ANCHORS_FORM = 'SHA-256 fingerprints of certificates, 64 hex digits each, separated by commas';

/** A variable with the fingerprints of certificates that are trusted in addition to the known roots. */
export const anchorsVariable = () =>
  v.pipe(
    v.string(ANCHORS_FORM),
    v.regex(/^[0-9a-f]{64}(,[0-9a-f]{64})*$/i, ANCHORS_FORM),
    v.transform((list) => list.toLowerCase().split(',')),
  );
