import { describe, expect, test } from 'vitest';
import { type EndedExecution, failureOf } from '../../functions/ended-execution.ts';
import { FAILURE_BYTES } from '../../functions/errors.ts';
import { jsonBytes } from '../../functions/text.ts';

const ENDED: EndedExecution = {
  name: 'order-1378973013',
  status: 'FAILED',
  startDate: Date.parse('2026-11-02T09:30:00Z'),
  stopDate: Date.parse('2026-11-26T05:17:00Z'),
  error: 'Error',
};

const textOf = (cause: string | null, changes: Partial<EndedExecution> = {}) =>
  failureOf({ ...ENDED, cause, ...changes }, undefined).text;

const lambdaCause = (errorMessage: string) =>
  JSON.stringify({
    errorType: 'Error',
    errorMessage,
    trace: ['Error: it broke', '    at file:///var/task/index.mjs:1'],
  });

describe('the reason of a failed execution', () => {
  test.each<[string, string | null, string]>([
    ['without a cause', null, 'AWS gave no reason'],
    ['with an empty cause', '', 'AWS gave no reason'],
    ['with a plain text', 'Rate exceeded', 'Rate exceeded'],
    ['of a function', lambdaCause('it broke'), 'it broke'],
    ['of a function that AWS cut at 32 KiB', lambdaCause('it "broke"\n\u00e9').slice(0, -30), 'it "broke" \u00e9'],
    ['of a function whose message AWS cut', lambdaCause('it broke and more').slice(0, 50), 'it broke and'],
    [
      'of PutEvents',
      '{"Entries":[{"ErrorCode":"InternalFailure","ErrorMessage":"try again"}],"FailedEntryCount":1}',
      'try again',
    ],
    ['with JSON that has no message', '{"errorType":"Error"}', 'AWS gave no reason'],
    ['with a JSON list', '["a"]', 'AWS gave no reason'],
    [
      'of a wrong input, which contains an example',
      lambdaCause('domains is 1; accepted: a list like ["example.com"]'),
      'domains is 1; accepted: a list like ["example.com"]',
    ],
    [
      'of a state with a wrong path',
      'The JSONPath \'$.x\' could not be found in the input \'{"orderNumber":"1","domains":[]}\'',
      "The JSONPath '$.x' could not be found in the input …",
    ],
  ])('%s is a text without JSON and without a stack.', (_, cause, text) => {
    expect(textOf(cause)).toBe(text);
  });

  test.each(['FAILED', 'TIMED_OUT', 'ABORTED'] as const)('%s with 32 KiB is cut to what a person reads.', (status) => {
    const text = textOf('x'.repeat(32_768), { status });
    expect(jsonBytes(text)).toBeLessThan(FAILURE_BYTES + 100);
  });
});
