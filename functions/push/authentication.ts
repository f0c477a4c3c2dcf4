import { hash, timingSafeEqual } from 'node:crypto';
import * as v from 'valibot';
import type { SecretForm } from '../secret.ts';

const USERNAME_FORM = 'text of 1 to 128 characters without a colon';
const PASSWORD_FORM = 'text of 1 to 256 characters';
const schema = v.object(
  {
    // The first colon ends the name (RFC 7617, 2), so a name cannot contain one.
    username: v.pipe(v.string(USERNAME_FORM), v.regex(/^[^:]{1,128}$/, USERNAME_FORM)),
    password: v.pipe(v.string(PASSWORD_FORM), v.minLength(1, PASSWORD_FORM), v.maxLength(256, PASSWORD_FORM)),
  },
  'a JSON object with username and password',
);

/** The login that the CA sends with each push. */
export type PushLogin = v.InferOutput<typeof schema>;

/** What the secret with the login of pushes must contain. */
export const PUSH_LOGIN_FORM: SecretForm<PushLogin> = {
  schema,
  example: '{"username": "…", "password": "…"}',
  content: 'the login that the CA sends with its pushes',
};

/** The name and password that a client sent, as bytes. */
export interface GivenLogin {
  readonly username: Uint8Array;
  readonly password: Uint8Array;
}

/** Reads an Authorization header (RFC 7617). Undefined if it is missing, malformed or of another scheme. */
export function readAuthorization(header: string | undefined): GivenLogin | undefined {
  const encoded = /^basic +([a-z0-9+/]+={0,2})$/i.exec(header ?? '')?.[1];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  const colon = bytes.indexOf(':');
  return colon < 0 ? undefined : { username: bytes.subarray(0, colon), password: bytes.subarray(colon + 1) };
}

/**
 * Compares two logins in constant time: all hashes have the same length, and both name and password are always
 * compared.
 */
export function isSameLogin(given: GivenLogin, expected: PushLogin): boolean {
  const username = isSame(given.username, expected.username);
  const password = isSame(given.password, expected.password);
  return username && password;
}

function isSame(left: Uint8Array, right: string): boolean {
  return timingSafeEqual(hash('sha256', left, 'buffer'), hash('sha256', right, 'buffer'));
}
