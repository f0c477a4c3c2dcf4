import * as v from 'valibot';
import { CollectionError } from './errors.ts';

/** Characters of a wrong value that an error repeats. */
const VALUE_LIMIT = 100;

/**
 * One sentence for each thing wrong with a value: the key, what stood there, and the accepted form. The schema's own
 * messages are the accepted forms.
 *
 * @param hidden leaves the value out, for what must not be repeated.
 */
export function problemsOf(issues: readonly v.BaseIssue<unknown>[], { hidden = false } = {}): string[] {
  return issues.map((issue) => {
    const key = v.getDotPath(issue) ?? 'the whole value';
    if (issue.type === 'strict_object' && issue.expected === 'never') {
      return `${key}: is not a known key; accepted: ${issue.message}`;
    }
    const value = issue.received === 'undefined' ? 'is missing' : `${received(issue)} is not accepted`;
    return `${key}: ${hidden && issue.received !== 'undefined' ? 'is not accepted' : value}; accepted: ${issue.message}`;
  });
}

function received(issue: v.BaseIssue<unknown>): string {
  const value = typeof issue.input === 'bigint' ? String(issue.input) : (JSON.stringify(issue.input) ?? issue.received);
  // A URL may carry a password where none belongs.
  const text = value.replaceAll(/\/\/[^/@\s]*@/g, '//…@');
  return text.length > VALUE_LIMIT ? `${text.slice(0, VALUE_LIMIT)}…` : text;
}

/**
 * Checks a value that came from outside.
 *
 * @param what names the value in the error, as in "the event's detail".
 * @throws {CollectionError} InvalidInput, with every problem at once.
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
