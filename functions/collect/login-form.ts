import * as v from 'valibot';
import { CREDENTIAL_LIMITS, countCharacters } from '../collectmc/request.ts';

/**
 * Half of a surrogate pair cannot be encoded in UTF-8, so it cannot be sent. A control character cannot be typed into a
 * login form: it is usually the line break of a command or of a file.
 */
const UNUSABLE = /[\p{Cc}\p{Cs}]/u;

const field = (name: keyof typeof CREDENTIAL_LIMITS) => {
  const limit = CREDENTIAL_LIMITS[name];
  const accepted = `text of 1 to ${limit} characters`;
  return v.pipe(
    v.string(accepted),
    v.minLength(1, accepted),
    v.check((text) => countCharacters(text) <= limit, accepted),
    v.check(
      (text) => !UNUSABLE.test(text),
      `${accepted}, without control characters such as line breaks, and without incomplete surrogate pairs`,
    ),
  );
};

/** The login at the CA, as a secret or a file contains it. The messages are the accepted forms, and never quote a value. */
export const loginSchema = v.object(
  { loginName: field('loginName'), loginPassword: field('loginPassword') },
  'a JSON object with loginName and loginPassword',
);

/** A login at the CA. */
export type Login = v.InferOutput<typeof loginSchema>;
