import { hash, timingSafeEqual } from 'node:crypto';
import * as v from 'valibot';
import type { SecretForm } from '../secret.ts';

const USERNAME_FORM = 'text of 1 to 128 characters without a colon';
const PASSWORD_FORM = 'text of 1 to 256 characters';
const schema = v.object(
  {
    // What stands before the first colon is the name (RFC 7617, 2): a name with a colon could never be sent.
    username: v.pipe(v.string(USERNAME_FORM), v.regex(/^[^:]{1,128}$/, USERNAME_FORM)),
    password: v.pipe(v.string(PASSWORD_FORM), v.minLength(1, PASSWORD_FORM), v.maxLength(256, PASSWORD_FORM)),
  },
  'a JSON object with username and password',
);

/** What the CA was told to send with each push. */
export type PushLogin = v.InferOutput<typeof schema>;

export const PUSH_LOGIN_FORM: SecretForm<PushLogin> = {
  schema,
  example: '{"username": "…", "password": "…"}',
  content: 'the login that the CA sends with its pushes',
};

/** The bytes that a caller sent as name and password. */
export interface GivenLogin {
  readonly username: Uint8Array;
  readonly password: Uint8Array;
}

/** Reads the value of an Authorization header (RFC 7617); undefined where it is missing, of another scheme or garbled. */
export function readAuthorization(header: string | undefined): GivenLogin | undefined {
  const encoded = /^basic +([a-z0-9+/]+={0,2})$/i.exec(header ?? '')?.[1];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  const colon = bytes.indexOf(':');
  return colon < 0 ? undefined : { username: bytes.subarray(0, colon), password: bytes.subarray(colon + 1) };
}

/** Takes the same time wherever the difference lies: hashes have one length, and both pairs are always compared. */
export function isLogin(given: GivenLogin, expected: PushLogin): boolean {
  const username = isSame(given.username, expected.username);
  const password = isSame(given.password, expected.password);
  return username && password;
}

function isSame(left: Uint8Array, right: string): boolean {
  return timingSafeEqual(hash('sha256', left, 'buffer'), hash('sha256', right, 'buffer'));
}
