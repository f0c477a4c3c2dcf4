/** The part that every password of the year contains. No encoding of a form, of JSON or of HTML changes it. */
const CORE = 'Qx7Zr4Wk9Pm2Lt6V';

/** What base64 makes of the core after 0, 1 or 2 other bytes, without the characters that depend on its neighbours. */
const ENCODED = ['', 'x', 'xx'].map((before) =>
  Buffer.from(before + CORE)
    .toString('base64')
    .slice(before === '' ? 0 : 4, -4)
    .slice(0, 16),
);
const PERCENT = [...Buffer.from(CORE)].map((byte) => `%${byte.toString(16)}`).join('');

const FORMS = [CORE, ...ENCODED, PERCENT, PERCENT.toUpperCase()];

/** Passwords with characters that the encodings change. */
export function password(number: number): string {
  const [before, after] = [
    ['p+w d&', '=ü%"<'],
    ['\\', "'>&amp;"],
    ['%41', '€'],
    ['', ''],
  ][number % 4] ?? ['', ''];
  return `${before}${CORE}${number}${after}`;
}

/** Whether a text contains a password, as it is or encoded. */
export function containsPassword(text: string | Uint8Array): boolean {
  const bytes = typeof text === 'string' ? text : Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  return FORMS.some((form) => bytes.includes(form as never));
}

/** What a server can make of a password that it repeats. */
export const ECHOES: readonly ((password: string) => string)[] = [
  (text) => text,
  (text) => new URLSearchParams({ '': text }).toString().slice(1),
  (text) => JSON.stringify(text),
  (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;').replaceAll('>', '&gt;'),
  (text) => Buffer.from(text).toString('base64'),
  (text) => Buffer.from(`x${text}`).toString('base64'),
  (text) => Buffer.from(`xx${text}`).toString('base64'),
  (text) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
];
