import * as v from 'valibot';
import { joinWithLimit } from '../text.ts';

/** A value as the JSON that objects contain: indented, with a final newline. */
export function toJsonBytes(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

/** The value of a JSON text; undefined if the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What is wrong with a stored JSON object: the path and the message of the first issues. */
export function schemaProblems(issues: readonly v.BaseIssue<unknown>[]): string {
  const problems = issues.map((issue) => `${v.getDotPath(issue) ?? 'the whole object'}: ${issue.message}`);
  return joinWithLimit(problems, '; ');
}
