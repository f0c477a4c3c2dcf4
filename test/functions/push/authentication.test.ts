import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isAccepted, type PushLogin, readLogin } from '../../../functions/push/authentication.ts';
import { basic } from './request.ts';

const username = fc.string({ unit: 'grapheme', minLength: 1 }).filter((name) => !name.includes(':'));
const password = fc.string({ unit: 'grapheme', minLength: 1 });
const login = fc.record({ username, password });

function accepts(header: string | undefined, expected: PushLogin, path = '/'): boolean {
  const given = readLogin(header, path);
  return given !== undefined && isAccepted(given, expected);
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
          readLogin(header, header);
        },
      ),
    );
  });

  test('splits name and password at the first colon.', () => {
    const { basic: given } = readLogin(`Basic ${Buffer.from('ca:a:b:').toString('base64')}`, '/') ?? {};

    expect(given && [String(given.username), String(given.password)]).toEqual(['ca', 'a:b:']);
  });
});

describe('The secret in the path', () => {
  const LOGIN = { username: 'ca', password: 'kestrel:at:dawn' };
  const characters = fc.constantFrom(...'ABCXYZabcxyz0189-_');
  const pathSecret = fc.string({ unit: characters, minLength: 32, maxLength: 128 });
  const percent = (text: string) => text.replaceAll(/./g, (each) => `%${Buffer.from(each).toString('hex')}`);

  test('is accepted without a password, with slashes at the end and percent-encoded.', () => {
    fc.assert(
      fc.property(pathSecret, fc.constantFrom('', '/', '//'), (secret, end) =>
        [secret, percent(secret), percent(secret).toUpperCase()].every((path) =>
          accepts(undefined, { ...LOGIN, pathSecret: secret }, `/${path}${end}`),
        ),
      ),
    );
  });

  test('is accepted whatever the password is, as the password is with any path.', () => {
    const login = { ...LOGIN, pathSecret: 'p'.repeat(32) };
    const wrong = basic({ ...LOGIN, password: 'wrong' });
    expect(accepts(wrong, login, `/${login.pathSecret}`)).toBe(true);
    expect(accepts(basic(LOGIN), login, `/${'q'.repeat(32)}`)).toBe(true);
    expect(accepts(basic(LOGIN), login, '/favicon.ico')).toBe(true);
    expect(accepts(wrong, login, `/${'q'.repeat(32)}`)).toBe(false);
  });

  test('is refused if it differs, is only a part of the path, or is not set.', () => {
    fc.assert(
      fc.property(pathSecret, pathSecret, (sent, expected) => {
        fc.pre(sent !== expected);
        return (
          !accepts(undefined, { ...LOGIN, pathSecret: expected }, `/${sent}`) &&
          !accepts(undefined, { ...LOGIN, pathSecret: expected }, `/${expected}/x`) &&
          !accepts(undefined, { ...LOGIN, pathSecret: expected }, `/${expected}=`) &&
          !accepts(undefined, LOGIN, `/${sent}`)
        );
      }),
    );
  });

  test('never matches an empty or a missing one.', () => {
    for (const path of ['', '/', '//', '/%', '/undefined']) {
      expect(accepts(undefined, LOGIN, path)).toBe(false);
      expect(accepts(undefined, { ...LOGIN, pathSecret: 'p'.repeat(32) }, path)).toBe(false);
    }
  });
});
