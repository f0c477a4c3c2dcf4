import validate from 'asl-validator';
import { expect, test } from 'vitest';
import { definitionOf, NAMES, rawTemplate } from './templates.ts';

/** The errors of asl-validator for a definition. Its default options also check paths and ARNs. */
function errorsOf(definition: object): string {
  const { isValid, errorsText } = validate(structuredClone(definition));
  return isValid ? '' : errorsText();
}

test.each(NAMES)('asl-validator finds nothing in the definition of the state machine, with %s.', (name) => {
  expect(errorsOf(JSON.parse(definitionOf(rawTemplate(name))))).toBe('');
});

interface Definition {
  StartAt: string;
  readonly States: Record<string, Record<string, unknown>>;
}

/** Faults that asl-validator must report, each with a part of the message. */
const FAULTS: readonly (readonly [string, string, (definition: Definition) => void])[] = [
  [
    'a misspelt field',
    '/States/Wait is invalid',
    ({ States }) => Object.assign(States.Wait ?? {}, { SecondPath: '$.seconds' }),
  ],
  [
    'a next state that does not exist',
    'Nowhere',
    ({ States }) => Object.assign(States.Wait ?? {}, { Next: 'Nowhere' }),
  ],
  [
    'a path that cannot be parsed',
    '/States/Wait/SecondsPath is invalid',
    ({ States }) => Object.assign(States.Wait ?? {}, { SecondsPath: '$[' }),
  ],
  [
    'a resource that is not an ARN',
    '/States/Collect',
    ({ States }) => Object.assign(States.Collect ?? {}, { Resource: 'collect' }),
  ],
  ['a first state that does not exist', 'Nowhere', (definition) => Object.assign(definition, { StartAt: 'Nowhere' })],
  ['a state that no other state reaches', 'Lost', ({ States }) => Object.assign(States, { Lost: { Type: 'Succeed' } })],
];

test.each(FAULTS)('asl-validator reports %s.', (_, message, harm) => {
  const definition: Definition = JSON.parse(definitionOf(rawTemplate('the defaults')));
  harm(definition);
  expect(errorsOf(definition)).toContain(message);
});
