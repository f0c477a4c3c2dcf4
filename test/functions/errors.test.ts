import { expect, test } from 'vitest';
import { CollectorError } from '../../functions/collector-error.ts';
import { CollectionError, ERRORS_REPORTED_BY_COLLECT, NEXT_STEPS } from '../../functions/errors.ts';
import { BodyTooLargeError } from '../../functions/http.ts';

test('Every error of the project has a common base and keeps its name.', () => {
  const errors = [new BodyTooLargeError(10), new CollectionError('OrderRejected', 'no')];
  expect(errors.every((error) => error instanceof CollectorError && error instanceof Error)).toBe(true);
  expect(errors.map(String)).toEqual([
    'BodyTooLargeError: the body has more than 10 bytes',
    `OrderRejected: no. Next: ${NEXT_STEPS.OrderRejected.text}.`,
  ]);
});

test('An error that ends a collection keeps its cause.', () => {
  const cause = new Error('the cause');
  expect(new CollectionError('InvalidChain', 'no chain', { cause }).cause).toBe(cause);
});

test('An error that ends a collection has a message of at most 4 KiB before its next step.', () => {
  const { message } = new CollectionError('InvalidInput', '"é'.repeat(10_000));
  const [problem = '', step] = message.split('. Next: ');
  expect(problem).toMatch(/^"é.*…$/);
  expect(Buffer.byteLength(JSON.stringify(problem))).toBeLessThanOrEqual(4096);
  expect(Buffer.byteLength(JSON.stringify(problem))).toBeGreaterThan(4080);
  expect(step).toBe(`${NEXT_STEPS.InvalidInput.text}.`);
});

test('Collect reports every error that ends a collection, except an invalid input, which names no order.', () => {
  expect([...ERRORS_REPORTED_BY_COLLECT, 'InvalidInput'].toSorted()).toEqual(Object.keys(NEXT_STEPS).toSorted());
});
