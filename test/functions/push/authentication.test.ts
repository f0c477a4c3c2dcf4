import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSameLogin, readAuthorization } from '../../../functions/push/authentication.ts';
import { basic, type Login } from './request.ts';

const username = fc.string({ unit: 'grapheme', minLength: 1 }).filter((name) => !name.includes(':'));
const password = fc.string({ unit: 'grapheme', minLength: 1 });
const login = fc.record({ username, password });

function accepts(header: string, expected: Login): boolean {
  const given = readAuthorization(header);
  return given !== undefined && isSameLogin(given, expected);
}

describe('Basic authentication', () => {
  test('accepts every login that equals the expected one.', () => {
    fc.assert(fc.property(login, (expected) => accepts(basic(expected), expected)));
  });

  test('refuses every login with another name or another password.', () => {
    fc.assert(
      fc.property(login, login, (sent, expected) => {
        fc.pre(sent.username !== expected.username || sent.password !== expected.password);
        return (
          !accepts(basic(sent), expected) &&
          (sent.username === expected.username ||
            !accepts(basic({ ...expected, username: sent.username }), expected)) &&
          (sent.password === expected.password || !accepts(basic({ ...expected, password: sent.password }), expected))
        );
      }),
    );
  });

  test('reads any text without an error.', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `Basic ${text}`),
        ),
        (header) => {
          readAuthorization(header);
        },
      ),
    );
  });

  test('splits name and password at the first colon.', () => {
    const given = readAuthorization(`Basic ${Buffer.from('ca:a:b:').toString('base64')}`);

    expect(given && [String(given.username), String(given.password)]).toEqual(['ca', 'a:b:']);
  });
});
