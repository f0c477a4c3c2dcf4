import * as v from 'valibot';
import { type Login, loginSchema } from '../../functions/collect/login-form.ts';
import { CollectorError } from '../../functions/collector-error.ts';
import { problemsOf } from '../../functions/input.ts';
import { PLACEHOLDER } from '../../functions/placeholder.ts';

/** What {@link parseLogin} accepts. */
export const LOGIN_FORM =
  'the login name and the password on two lines, or JSON like {"loginName": "…", "loginPassword": "…"}';

/** A text is not a login. The message never quotes it. */
export class InvalidLoginError extends CollectorError {
  override readonly name = 'InvalidLoginError';
}

/** Bytes of a login. The longest one has a few hundred. */
const TEXT_LIMIT = 64 * 1024;

/** Quotation marks that word processors and chat programs write in place of " and '. */
const TYPOGRAPHIC_QUOTE = /[\u2018-\u201F\u2032\u2033\u00AB\u00BB\u2039\u203A\uFF02\uFF07]/;
const DOUBLE_QUOTES = /[\u201C-\u201F\u2033\u00AB\u00BB\uFF02]/g;

/**
 * Characters that look like nothing or like a space: a zero-width space of a web page, a soft hyphen, a variation
 * selector of a chat program, a no-break space.
 */
const INVISIBLE = /\p{Cf}|\p{Default_Ignorable_Code_Point}|(?! )\p{Z}/u;

const LABELS = { loginName: 'the login name', loginPassword: 'the password' } as const;

/** A field with its name in front: `loginName: …` or `loginName=…`. */
const LABELLED = /^(loginName|loginPassword)[ \t]*[:=][ \t]*(.*)$/i;

/** A login name in which something else is in front: the name of a field, a variable, an element of XML, a part of a list. */
const NOT_A_NAME = /^[[<{(]|^["'`].*["'`]\s*[,:=]|^-\s|^[^@]*[:=]/;

/** A password with its name in front. Other words in front belong to passwords: `login: p`. */
const PASSWORD_LABEL =
  /^(?:-\s+|export\s+|set\s+)?["'<]?(?:[a-z]+[ _.-]?)*?(?:pass(?:word|wort|wd|code|phrase)?|pwd?|kennwort)["']?\s*[:=>]/i;

/**
 * Reads a login as a person types, pastes or stores it: JSON, two lines, or two lines that begin with `loginName:` and
 * `loginPassword:`. A byte-order mark, line ends of any kind and empty lines do not matter, nor do typographic quotation
 * marks around the keys and values of JSON.
 *
 * A rejected login can lock the account at the CA. So what could belong to the login or not is refused, unless JSON
 * states it exactly: spaces and quotation marks at the ends, and typographic quotation marks.
 *
 * @throws {InvalidLoginError} if the text is not a login. The message does not quote the text.
 */
export function parseLogin(bytes: Uint8Array): Login {
  const text = decode(bytes).replace(/^\uFEFF+/, '');
  const trimmed = text.trim();
  if (trimmed === '') {
    throw new InvalidLoginError(`it is empty; accepted: ${LOGIN_FORM}`);
  }
  const login = trimmed.startsWith('{') ? parseJsonLogin(trimmed) : parseLines(text);
  if (Object.values(login).includes(PLACEHOLDER)) {
    throw new InvalidLoginError('it still contains the placeholder; replace it with the login at the CA');
  }
  return login;
}

/** UTF-8, or UTF-16 with a byte-order mark, as some editors and shells of Windows write it. */
function decode(bytes: Uint8Array): string {
  if (bytes.length > TEXT_LIMIT) {
    throw new InvalidLoginError(`it has more than ${TEXT_LIMIT} bytes; accepted: ${LOGIN_FORM}`);
  }
  const mark = Buffer.from(bytes.subarray(0, 2)).toString('hex');
  const encoding = { fffe: 'utf-16le', feff: 'utf-16be' }[mark] ?? 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new InvalidLoginError('it is not text in UTF-8; accepted: a text file in UTF-8');
  }
}

function parseJsonLogin(text: string): Login {
  const exact = parse(text);
  const json = exact ?? parse(text.replaceAll(DOUBLE_QUOTES, '"'));
  if (json === undefined) {
    throw new InvalidLoginError(
      `it begins like JSON, but is not JSON; accepted: ${LOGIN_FORM}. JSON has \\" for a quotation mark in the password, and \\\\ for a backslash`,
    );
  }
  const login = validate(json.value);
  // An escape like \u2019 states the mark exactly. A program that replaced the marks around a text also replaced those in it.
  if (
    !(exact && !TYPOGRAPHIC_QUOTE.test(text)) &&
    Object.values(login).some((value) => TYPOGRAPHIC_QUOTE.test(value))
  ) {
    throw typographicError(login);
  }
  return login;
}

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    // The message of the parser would quote the login.
    return undefined;
  }
}

function typographicError(login: Login): InvalidLoginError {
  const field = TYPOGRAPHIC_QUOTE.test(login.loginPassword) ? LABELS.loginPassword : LABELS.loginName;
  return new InvalidLoginError(
    `${field} contains a typographic quotation mark, which programs write in place of " or '; accepted: the mark as it is at the ` +
      'CA. If that is the typographic one, write the login as JSON, and the mark as an escape like \\u2019',
  );
}

function parseLines(text: string): Login {
  const lines = text.split(/\r\n|[\n\r\u2028\u2029]/).filter((line) => line.trim() !== '');
  const [first = '', second = ''] = lines;
  if (lines.length !== 2) {
    throw new InvalidLoginError(
      `it has ${lines.length} ${lines.length === 1 ? 'line' : 'lines'}; accepted: ${LOGIN_FORM}`,
    );
  }
  const labelled = Object.fromEntries(
    lines.flatMap((line) => {
      const [, name = '', value = ''] = LABELLED.exec(line) ?? [];
      return name === '' ? [] : [[name.toLowerCase(), value]];
    }),
  );
  const { loginname, loginpassword } = labelled;
  if (loginname !== undefined && loginpassword !== undefined) {
    return exact({ loginName: loginname, loginPassword: loginpassword });
  }
  if (Object.keys(labelled).length > 0 || NOT_A_NAME.test(first) || PASSWORD_LABEL.test(second)) {
    throw new InvalidLoginError(
      `a line seems to be a part of another format, or begins with the name of a field, but not both are known; accepted: ${LOGIN_FORM}`,
    );
  }
  return exact({ loginName: first, loginPassword: second });
}

/** Refuses what a line can contain by mistake. */
function exact(given: Login): Login {
  const login = validate(given);
  for (const field of ['loginName', 'loginPassword'] as const) {
    const value = login[field];
    const other = `; if it belongs to the login, write the login as JSON`;
    if (value !== value.trim()) {
      throw new InvalidLoginError(`${LABELS[field]} begins or ends with a space; remove it${other}`);
    }
    if (/^(["'`]).*\1$/su.test(value)) {
      throw new InvalidLoginError(`${LABELS[field]} is in quotation marks; remove them${other}`);
    }
    if (TYPOGRAPHIC_QUOTE.test(value)) {
      throw typographicError(login);
    }
  }
  return login;
}

function validate(value: unknown): Login {
  const result = v.safeParse(loginSchema, value);
  if (!result.success) {
    throw new InvalidLoginError(problemsOf(result.issues, { hidden: true }).join('; '));
  }
  const login = result.output;
  for (const field of ['loginName', 'loginPassword'] as const) {
    const [character] = INVISIBLE.exec(login[field]) ?? [];
    if (character !== undefined) {
      const code = character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0');
      throw new InvalidLoginError(
        `${LABELS[field]} contains an invisible character (U+${code}); type it again without it`,
      );
    }
  }
  return login;
}
