import { hash, timingSafeEqual } from 'node:crypto';
import * as v from 'valibot';
import type { SecretForm } from '../secret.ts';

const USERNAME_FORM = 'text of 1 to 128 characters without a colon';
const PASSWORD_FORM = 'text of 1 to 256 characters';
const PATH_SECRET_FORM = '32 to 128 letters, digits, "-" and "_"';
const PATH_SECRET = /^[A-Za-z0-9_-]{32,128}$/;

const schema = v.object(
  {
    // The first colon ends the name (RFC 7617, 2), so a name cannot contain one.
    username: v.pipe(v.string(USERNAME_FORM), v.regex(/^[^:]{1,128}$/, USERNAME_FORM)),
    password: v.pipe(v.string(PASSWORD_FORM), v.minLength(1, PASSWORD_FORM), v.maxLength(256, PASSWORD_FORM)),
    // For a client that waits for a challenge: Lambda renames the header with it. See docs/runbook.md, "Let the CA push".
    pathSecret: v.optional(v.pipe(v.string(PATH_SECRET_FORM), v.regex(PATH_SECRET, PATH_SECRET_FORM))),
  },
  'a JSON object with username and password',
);

/** The login that the CA sends with each push: user name and password, or the secret in the path of the URL. */
export type PushLogin = v.InferOutput<typeof schema>;

/** What the secret with the login of pushes must contain. */
export const PUSH_LOGIN_FORM: SecretForm<PushLogin> = {
  schema,
  example: '{"username": "…", "password": "…"}',
  content: 'the login that the CA sends with its pushes',
};

/** What a request contains of a login, as bytes. */
export interface GivenLogin {
  readonly basic?: { readonly username: Uint8Array; readonly password: Uint8Array } | undefined;
  readonly pathSecret?: string | undefined;
}

/** Reads the login of a request. Undefined if it contains none in an accepted form. */
export function readLogin(authorization: string | undefined, path: string): GivenLogin | undefined {
  const basic = readAuthorization(authorization);
  const pathSecret = readPathSecret(path);
  return basic || pathSecret !== undefined ? { basic, pathSecret } : undefined;
}

/** Reads an Authorization header (RFC 7617). Undefined if it is missing, malformed or of another scheme. */
function readAuthorization(header: string | undefined): GivenLogin['basic'] {
  const encoded = /^basic +([a-z0-9+/]+={0,2})$/i.exec(header ?? '')?.[1];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  const colon = bytes.indexOf(':');
  return colon < 0 ? undefined : { username: bytes.subarray(0, colon), password: bytes.subarray(colon + 1) };
}

/** Reads a path that can be percent-encoded and end with slashes. Undefined if no secret has its form. */
function readPathSecret(path: string): string | undefined {
  const secret = decode(path).replaceAll(/^\/+|\/+$/g, '');
  return PATH_SECRET.test(secret) ? secret : undefined;
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/**
 * Whether a request contains the user name and the password, or the secret of the path. Everything is always compared,
 * in constant time: all hashes have the same length.
 */
export function isAccepted({ basic, pathSecret }: GivenLogin, expected: PushLogin): boolean {
  const username = isSame(basic?.username ?? '', expected.username);
  const password = isSame(basic?.password ?? '', expected.password);
  const path = isSame(pathSecret ?? '', expected.pathSecret ?? '');
  const hasBasic = basic !== undefined;
  const hasPath = pathSecret !== undefined && expected.pathSecret !== undefined;
  return (hasBasic && username && password) || (hasPath && path);
}

function isSame(left: Uint8Array | string, right: string): boolean {
  return timingSafeEqual(hash('sha256', left, 'buffer'), hash('sha256', right, 'buffer'));
}

/** The parts of a login that no log, message or object may contain. */
export function secretsOf({ password, pathSecret }: PushLogin): readonly string[] {
  return [password, ...(pathSecret === undefined ? [] : [pathSecret])];
}
