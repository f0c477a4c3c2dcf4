import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { parseInput, problemsOf } from '../../functions/input.ts';

const NAME_FORM = 'a name in lower case';
const schema = v.strictObject(
  {
    name: v.pipe(v.string(NAME_FORM), v.regex(/^[a-z]+$/, NAME_FORM)),
    list: v.optional(v.array(v.object({ count: v.number('a number') }, 'an object'), 'a list')),
  },
  'name, list',
);

/** The problems of a value. */
function problems(value: unknown, options?: { readonly hidden: boolean }): string[] {
  const { issues = [] } = v.safeParse(schema, value);
  return problemsOf(issues, options);
}

describe('A problem of a value', () => {
  test.each([
    ['a missing key', {}, 'name is missing; accepted: name, list'],
    ['a wrong value', { name: 'X' }, 'name: "X" is not accepted; accepted: a name in lower case'],
    ['a wrong type', { name: 7n }, 'name: 7 is not accepted; accepted: a name in lower case'],
    ['an unknown key', { name: 'x', other: 1 }, 'other is not a known key; accepted: name, list'],
    [
      'a value in a list',
      { name: 'x', list: [{ count: 1 }, { count: '2' }] },
      'list.1.count: "2" is not accepted; accepted: a number',
    ],
    ['the whole value', 'x', 'the whole value: "x" is not accepted; accepted: name, list'],
    [
      'a password in a URL',
      { name: 'https://me:secret@ca.example/' },
      'name: "https://…@ca.example/" is not accepted; accepted: a name in lower case',
    ],
  ])('names the key, the value and the accepted form: %s.', (_, value, problem) => {
    expect(problems(value)).toEqual([problem]);
  });

  test('does not contain the value if it is hidden.', () => {
    expect(problems({ name: 'SECRET' }, { hidden: true })).toEqual([
      'name is not accepted; accepted: a name in lower case',
    ]);
    expect(problems({}, { hidden: true })).toEqual(['name is missing; accepted: name, list']);
  });

  test('contains the beginning of a long value only.', () => {
    const [problem = ''] = problems({ name: 'X'.repeat(1_000) });
    expect(problem).toMatch(/^name: "X{100,120}… is not accepted; accepted: a name in lower case$/);
  });
});

test('A valid value is returned.', () => {
  expect(parseInput(schema, { name: 'x' }, 'the value')).toEqual({ name: 'x' });
});

test('An invalid value results in the error InvalidInput with all problems and the next step.', () => {
  expect(() => parseInput(schema, { name: 'X', other: 1 }, 'the value')).toThrow(
    expect.objectContaining({
      name: 'InvalidInput',
      message:
        'the value is wrong: name: "X" is not accepted; accepted: a name in lower case; other is not a known key; accepted: name, list. Next: correct the event, then send it again.',
    }),
  );
});
