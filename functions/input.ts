import * as v from 'valibot';
import { CollectionError } from './errors.ts';
import { truncate } from './text.ts';

/** The bytes of a wrong value in a message. */
const VALUE_BYTES = 120;

/**
 * Describes the problems of a value, one sentence each: the key, its value and the accepted form. The messages of the
 * schema must be the accepted forms.
 *
 * @param hidden leaves the values out, because they are secret.
 */
export function problemsOf(issues: readonly v.BaseIssue<unknown>[], { hidden = false } = {}): string[] {
  return issues.map((issue) => {
    const key = v.getDotPath(issue) ?? 'the whole value';
    if (issue.type === 'strict_object' && issue.expected === 'never') {
      return `${key} is not a known key; accepted: ${issue.message}`;
    }
    const isMissing = issue.received === 'undefined';
    const value = hidden || isMissing ? '' : `: ${received(issue)}`;
    return `${key}${value} is ${isMissing ? 'missing' : 'not accepted'}; accepted: ${issue.message}`;
  });
}

function received(issue: v.BaseIssue<unknown>): string {
  const value = typeof issue.input === 'bigint' ? String(issue.input) : (JSON.stringify(issue.input) ?? issue.received);
  // A URL can contain a password by mistake.
  const text = value.replaceAll(/\/\/[^/@\s]*@/g, '//…@');
  return truncate(text, VALUE_BYTES);
}

/**
 * Validates a value from outside the project.
 *
 * @param what the name of the value in the error, for example "the event's detail".
 * @throws {CollectionError} InvalidInput, with all problems.
 */
export function parseInput<const Schema extends v.GenericSchema>(
  schema: Schema,
  input: unknown,
  what: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, input);
  if (result.success) {
    return result.output;
  }
  throw new CollectionError('InvalidInput', `${what} is wrong: ${problemsOf(result.issues).join('; ')}`);
}
