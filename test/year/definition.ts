/** The part of the Amazon States Language that the definition of the stack uses. Everything else is refused. */
import * as v from 'valibot';

const retrier = v.strictObject({
  ErrorEquals: v.array(v.string()),
  IntervalSeconds: v.optional(v.number(), 1),
  MaxAttempts: v.optional(v.number(), 3),
  BackoffRate: v.optional(v.number(), 2),
  MaxDelaySeconds: v.optional(v.number(), Number.POSITIVE_INFINITY),
  JitterStrategy: v.optional(v.picklist(['FULL', 'NONE']), 'NONE'),
});
export type Retrier = v.InferOutput<typeof retrier>;

const comparison = {
  Variable: v.string(),
  StringEquals: v.optional(v.string()),
  BooleanEquals: v.optional(v.boolean()),
  IsPresent: v.optional(v.boolean()),
};
const rule = v.union([
  v.strictObject({ ...comparison, Next: v.string() }),
  v.strictObject({ And: v.array(v.strictObject(comparison)), Next: v.string() }),
]);

const task = v.strictObject({
  Type: v.literal('Task'),
  Resource: v.string(),
  Parameters: v.optional(v.record(v.string(), v.unknown())),
  ResultPath: v.nullable(v.pipe(v.string(), v.regex(/^\$\.\w+$/))),
  TimeoutSeconds: v.optional(v.number()),
  Retry: v.optional(v.array(retrier), []),
  Next: v.string(),
});
export type Task = v.InferOutput<typeof task>;

const state = v.variant('Type', [
  task,
  v.strictObject({ Type: v.literal('Wait'), SecondsPath: v.string(), Next: v.string() }),
  v.strictObject({ Type: v.literal('Choice'), Choices: v.array(rule), Default: v.string() }),
  v.strictObject({ Type: v.literal('Succeed') }),
]);

const definition = v.strictObject({
  StartAt: v.string(),
  States: v.record(v.string(), state),
  TimeoutSeconds: v.number(),
  Comment: v.optional(v.string()),
  QueryLanguage: v.optional(v.literal('JSONPath')),
});
export type Definition = v.InferOutput<typeof definition>;

/** @throws {v.ValiError} if the definition uses something that this interpreter does not support. */
export function parseDefinition(json: string): Definition {
  return v.parse(definition, JSON.parse(json));
}

type Choice = Extract<v.InferOutput<typeof state>, { Type: 'Choice' }>;

/** The name of the next state. */
export function choose({ Choices, Default }: Choice, input: unknown): string {
  const matches = ({ Variable, StringEquals, BooleanEquals, IsPresent }: v.InferOutput<typeof conditions>) => {
    const value = valueAt(Variable, input);
    if (IsPresent !== undefined) {
      return IsPresent === (value !== undefined);
    }
    if (value === undefined) {
      throw new PathError(`The path ${Variable} of a Choice matches nothing`);
    }
    return value === (StringEquals ?? BooleanEquals);
  };
  const chosen = Choices.find((each) => ('And' in each ? each.And.every(matches) : matches(each)));
  return chosen?.Next ?? Default;
}
const conditions = v.strictObject(comparison);

/** A path that matches nothing. Step Functions ends the execution with States.Runtime. */
class PathError extends Error {
  override readonly name = 'States.Runtime';
}

/** The value at a path like `$.collection.waitSeconds`; undefined if there is none. */
export function valueAt(path: string, data: unknown): unknown {
  if (!/^\$(\.\w+)*$/.test(path)) {
    throw new Error(`The interpreter does not support the path ${path}`);
  }
  return path
    .split('.')
    .slice(1)
    .reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), data);
}

/** Replaces the paths in the parameters of a Task. The keys of paths end in `.$`. */
export function applyParameters(parameters: unknown, input: unknown, context: unknown): unknown {
  if (Array.isArray(parameters)) {
    return parameters.map((each) => applyParameters(each, input, context));
  }
  if (!isObject(parameters)) {
    return parameters;
  }
  return Object.fromEntries(
    Object.entries(parameters).map(([key, value]) => {
      if (!key.endsWith('.$')) {
        return [key, applyParameters(value, input, context)];
      }
      const path = String(value);
      const found = path.startsWith('$$') ? valueAt(path.slice(1), context) : valueAt(path, input);
      if (found === undefined) {
        throw new PathError(`The path ${path} of a parameter matches nothing`);
      }
      return [key.slice(0, -2), found];
    }),
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
