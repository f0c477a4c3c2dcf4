import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { redact, redactBytes } from '../../functions/redact.ts';

type Encoding = (text: string) => string;

const bytesOf = (text: string) => [...Buffer.from(text)];
const hex = (code: number) => code.toString(16).padStart(2, '0');
const perCharacter =
  (encode: (character: string) => string): Encoding =>
  (text) =>
    [...text].map(encode).join('');
const perUnit =
  (encode: (code: number) => string): Encoding =>
  (text) =>
    Array.from({ length: text.length }, (_, i) => encode(text.charCodeAt(i))).join('');
const html = perCharacter(
  (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' })[character] ?? character,
);
const json: Encoding = (text) => JSON.stringify(text).slice(1, -1);
const form: Encoding = (text) => new URLSearchParams({ '': text }).toString().slice(1);
const percent: Encoding = (text) => encodeURIComponent(text.toWellFormed());
const wrap =
  (separator: string, width: number): Encoding =>
  (text) =>
    [...text.matchAll(new RegExp(`.{1,${width}}`, 'gs'))].join(separator);
const base64 =
  (before: string, after = 'x', encoding: 'base64' | 'base64url' = 'base64'): Encoding =>
  (text) =>
    Buffer.from(`${before}${text}${after}`).toString(encoding);

/** How a server can echo a text. */
const ENCODINGS: Readonly<Record<string, Encoding>> = {
  'as it is': (text) => text,
  'percent-encoded': percent,
  'percent-encoded in lower case': (text) =>
    percent(text).replaceAll(/%[0-9A-F]{2}/g, (sequence) => sequence.toLowerCase()),
  'percent-encoded, every byte': (text) =>
    bytesOf(text)
      .map((byte) => `%${hex(byte)}`)
      .join(''),
  'percent-encoded twice': (text) => percent(percent(text)),
  'escaped as in old JavaScript': perUnit((code) => `%u${code.toString(16).padStart(4, '0')}`),
  'form-encoded': form,
  'HTML with names': html,
  'HTML with decimal numbers': perCharacter((character) => `&#${character.codePointAt(0)};`),
  'HTML with hexadecimal numbers': perCharacter((character) => `&#x${character.codePointAt(0)?.toString(16)};`),
  'HTML with leading zeros': perCharacter(
    (character) => `&#X000${character.codePointAt(0)?.toString(16).toUpperCase()};`,
  ),
  'HTML twice': (text) => html(html(text)),
  JSON: json,
  'JSON with an escaped slash': (text) => json(text).replaceAll('/', '\\/'),
  'JSON with numbers': perUnit((code) => `\\u${code.toString(16).padStart(4, '0')}`),
  'JavaScript with bytes': (text) =>
    bytesOf(text)
      .map((byte) => `\\x${hex(byte).toUpperCase()}`)
      .join(''),
  'JSON in JSON': (text) => json(json(text)),
  'HTML in JSON': (text) => json(html(text)),
  'a form in HTML in JSON': (text) => json(html(form(text))),
  'quoted-printable': (text) =>
    bytesOf(text)
      .map((byte) => `=${hex(byte).toUpperCase()}`)
      .join(''),
  'octal numbers': (text) =>
    bytesOf(text)
      .map((byte) => `\\${byte.toString(8).padStart(3, '0')}`)
      .join(''),
  'hexadecimal bytes': (text) => Buffer.from(text).toString('hex'),
  'UTF-8 read as Latin-1': (text) => Buffer.from(text).toString('latin1'),
  'UTF-8 read as windows-1252': (text) => new TextDecoder('windows-1252').decode(Buffer.from(text)),
  'Latin-1 read as UTF-8': (text) => Buffer.from(text, 'latin1').toString(),
  'percent-encoded UTF-8 read as Latin-1': (text) => percent(Buffer.from(text).toString('latin1')),
};

/** Encodings that are only recognized if the secret has several characters that are not white space. */
const SPLITTING: Readonly<Record<string, Encoding>> = {
  'white space between characters': wrap(' ', 1),
  'line breaks': wrap('\r\n  ', 5),
  'soft line breaks of quoted-printable': wrap('=\r\n', 5),
  'percent-encoded line breaks': wrap('%0D%0A', 3),
  'line breaks of JSON': wrap('\\n', 4),
  'invisible spaces': wrap('\u200b', 2),
};

const BASE64: Readonly<Record<string, Encoding>> = {
  'base64 at offset 0': base64(''),
  'base64 at offset 1': base64('x'),
  'base64 at offset 2': base64('xy', ''),
  'base64 of a login': base64('brand-name:', ''),
  'base64url at offset 1': base64('????', 'x', 'base64url'),
  'base64url at offset 2': base64('~~', '>', 'base64url'),
  'base64 with line breaks': (text) => wrap('\r\n', 7)(base64('loginPassword=')(text)),
  'base64 of a form': (text) => base64('loginPassword=', '&orderNumber=1')(form(text)),
  'base64 of JSON': (text) => base64('{"loginPassword":"', '"}')(json(text)),
  'base64 in a form': (text) => form(base64('x')(text)),
  'base64 in JSON': (text) => base64('x')(text).replaceAll('/', '\\/'),
};

/** Each encoding reversed. They are lenient, because they look for what is left of a secret. */
const DECODINGS: readonly Encoding[] = [
  (text) => text,
  (text) =>
    text.replaceAll(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
  (text) => text.replaceAll('+', ' '),
  (text) =>
    text
      .replaceAll(/&#x([0-9a-f]+);/gi, (_, digits: string) => String.fromCodePoint(Number.parseInt(digits, 16)))
      .replaceAll(/&#(\d+);/g, (_, digits: string) => String.fromCodePoint(Number(digits)))
      .replaceAll(
        /&(amp|lt|gt|quot|apos);/g,
        (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"' })[name] ?? "'",
      ),
  (text) =>
    text
      .replaceAll(/(?:%|\\)u([0-9a-f]{4})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
      .replaceAll(/[\\=]x?([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
      .replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
      .replaceAll(/\\(["'\\/])/g, '$1'),
  (text) => Buffer.from(text, 'latin1').toString(),
  (text) => text.replaceAll(/=?\s+|\u200b/g, ''),
  ...['', 'x', 'xx', 'xxx'].map(
    (shift): Encoding =>
      (text) =>
        Buffer.from(shift + text.replaceAll(/\s/g, ''), 'base64').toString('latin1'),
  ),
  (text) => Buffer.from(text, 'hex').toString('latin1'),
];

/** Every text that can be read out of a text by up to two decodings after each other. */
function decoded(text: string): readonly string[] {
  const once = [...new Set(DECODINGS.map((decode) => decode(text)))];
  return [...new Set([...once, ...once.flatMap((each) => DECODINGS.map((decode) => decode(each)))])];
}

/** A part of a secret of four characters that can be read out of a text. */
function leak(text: string, secret: string): string | undefined {
  const windows = Array.from({ length: secret.length - 3 }, (_, i) => secret.slice(i, i + 4));
  const texts = decoded(text);
  // White space alone is in every text.
  return windows.find((window) => /\S.*\S/s.test(window) && texts.some((each) => each.includes(window)));
}

/** Replaces a range of `[password]` marks, so that the word itself is not read as a part of a secret. */
const withoutMarks = (text: string) => text.replaceAll('[password]', '\n\n\n\n');

describe('A secret is redacted', () => {
  const secrets = [
    'Secret123!',
    'p w+%&ü',
    `a"b'c<d>e\\f/g`,
    'x%41&amp;\\u0041y',
    '$&(.*)+?[^]|{2}',
    'Grüße-aus-Köln',
    '€uro–99',
  ];

  test.each(
    Object.entries(ENCODINGS).flatMap(([name, encode]) => secrets.map((secret) => [name, secret, encode] as const)),
  )('if it is echoed so: %s, for %j.', (_, secret, encode) => {
    expect(redact(`before ${encode(secret)} after`, [secret])).toBe('before [password] after');
  });

  test.each(
    Object.entries(BASE64).flatMap(([name, encode]) => secrets.map((secret) => [name, secret, encode] as const)),
  )('if it is part of a longer text in this encoding: %s, for %j.', (_, secret, encode) => {
    const redacted = redact(`before ${encode(secret)} after`, [secret]);

    expect(redacted).toMatch(/^before [\s\S]*\[password\][\s\S]* after$/);
    expect(leak(withoutMarks(redacted), secret)).toBeUndefined();
  });

  test.each(Object.entries(SPLITTING))('if it is split: %s.', (_, encode) => {
    expect(redact(`before ${encode('Secret123!')} after`, ['Secret123!'])).toBe('before [password] after');
  });

  test('if it is echoed in bytes.', () => {
    const secret = 'Grüße-aus-Köln';
    for (const encoding of ['utf8', 'latin1', 'utf16le'] as const) {
      const body = Buffer.from(`before ${secret} after`, encoding);

      const redacted = Buffer.from(redactBytes(body, [secret]))
        .toString('latin1')
        .replaceAll('\0', '');

      expect(redacted).toBe('before [password] after');
    }
  });

  test('with a random secret, encoding, surroundings and cut: no four characters of it are left.', () => {
    const secret = fc.string({
      unit: fc.oneof(fc.string({ minLength: 1, maxLength: 1 }), fc.constantFrom('ü', 'ß', 'é')),
      minLength: 6,
      maxLength: 40,
    });
    const encoding = fc.constantFrom(...Object.entries({ ...ENCODINGS, ...BASE64 }));
    const surroundings = fc.string({ maxLength: 20 });
    fc.assert(
      fc.property(
        secret,
        encoding,
        surroundings,
        surroundings,
        fc.nat(),
        fc.nat(),
        (value, [, encode], before, after, from, to) => {
          const echoed = encode(value);
          const start = before.length + (from % echoed.length);
          const whole = before + echoed + after;
          for (const text of [whole, whole.slice(0, before.length + (to % echoed.length)), whole.slice(start)]) {
            expect(leak(withoutMarks(redact(text, [value])), value)).toBeUndefined();
          }
        },
      ),
      { seed: 1, numRuns: 1000 },
    );
  });
});

describe('A text stays as it is', () => {
  test.each([
    ['it contains no secret', 'The order is being processed.', 'Secret123!'],
    ['it differs in one character', 'the value Secret124! is wrong', 'Secret123!'],
    ['it contains words of the secret', 'The password is not correct.', 'correct horse password'],
    ['the secret is short', 'abc and ab are words', 'ab'],
    ['the secret is white space', 'a    b', '   '],
    ['the secret is empty', 'loginPassword=', ''],
    ['it is empty', '', 'Secret123!'],
  ])('if %s.', (_, text, secret) => {
    expect(redact(text, [secret])).toBe(text);
    expect(Buffer.from(redactBytes(Buffer.from(text), [secret])).toString()).toBe(text);
  });

  test('if it contains no part of a random secret.', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Z0-9]{8,40}$/), fc.stringMatching(/^[ ,.\n]{0,200}$/), (secret, text) => {
        expect(redact(text, [secret])).toBe(text);
      }),
      { seed: 1 },
    );
  });
});

test.each(['loginPassword=ab&orderNumber=1', '{"loginPassword":"ab"}', '<loginPassword>ab</loginPassword>'])(
  'A short secret is redacted as the value of a password field: %s.',
  (text) => {
    expect(redact(text, ['ab'])).toBe(text.replace('ab', '[password]'));
  },
);

test('Several secrets are redacted.', () => {
  expect(redact('first-secret, second-secret', ['second-secret', 'first-secret'])).toBe('[password], [password]');
});

test('Nothing makes the redaction fail.', () => {
  const any = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 128 }),
    fc.string({ unit: fc.constantFrom('\ud800', '\udc00', '%', '&', '\\', 'a') }),
  );
  fc.assert(
    fc.property(any, any, fc.uint8Array({ maxLength: 200 }), (text, secret, bytes) => {
      expect(redact(text, [secret])).toBeTypeOf('string');
      expect(redactBytes(bytes, [secret])).toBeInstanceOf(Uint8Array);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test.each(['a', '%', '%25', '&#37;', '\\', '\\\\', 'a ', 'Secret123', 'U2VjcmV0', '\xc3', '=\n'])(
  'The time is proportional to the length: %j.',
  (unit) => {
    const text = unit.repeat(131_072 / unit.length);
    const started = performance.now();

    redact(text, ['Secret123!']);

    // Far above what a busy machine needs for 128 KiB, and below what a quadratic time would need.
    expect(performance.now() - started).toBeLessThan(20_000);
  },
  30_000,
);

test.each([
  ['%abcdefg', '%20'],
  ['=abcdefg', '=\n'],
  ['\\abcdefg', '\\n'],
  ['&abcdefg', '&#9;'],
])('Any number of escape sequences that begin like the secret %j is read: %j.', (secret, sequence) => {
  const text = `${sequence.repeat(50_000)} ${secret}!`;

  expect(redact(text, [secret])).not.toContain(secret);
});
