import { expect, test } from 'vitest';
import { connectionProblem, isLoopback, isSecureUrl } from '../../functions/http.ts';

test('A URL is a loopback URL by its host, with any protocol.', () => {
  expect(isLoopback(new URL('https://127.0.0.1/'))).toBe(true);
  expect(isLoopback(new URL('https://ca.example/127.0.0.1'))).toBe(false);
});

test.each([
  ['https://ca.example/', true],
  ['http://127.0.0.1:8080/', true],
  ['http://ca.example/', false],
  ['https://user@ca.example/', false],
  ['https://ca.example/?a', false],
  ['nonsense', false],
])('Whether secrets may be sent to %s: %s.', (url, isSecure) => {
  expect(isSecureUrl(url)).toBe(isSecure);
});

test.each([
  [
    'the code of a system error',
    Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:443'), { code: 'ECONNREFUSED' }),
    'ECONNREFUSED',
  ],
  ['the message of any other error', new Error('the body has more than 10 bytes'), 'the body has more than 10 bytes'],
  ['the time limit', new DOMException('The operation was aborted due to timeout', 'TimeoutError'), 'no answer in time'],
  ['a general text for a value that is not an error', 'x', 'the connection failed'],
])('The problem of a connection is %s.', (_, error, problem) => {
  expect(connectionProblem(error)).toBe(problem);
});
