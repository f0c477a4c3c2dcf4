import { redact } from '../redact.ts';

/** A PEM block, with boundaries as the CA prints them. Nothing but base64 is between them. */
const BLOCK = /-{4,5} *BEGIN [A-Z0-9# ]{1,40}-{4,5}[A-Za-z0-9+/=\s]*-{4,5} *END [A-Z0-9# ]{1,40}-{4,5}/g;

/** How much of the notes is searched, in bytes. A longer text would take longer than Lambda's time. */
const NOTES_BYTES = 96 * 1024;
const REST = '[the rest is not kept: it is too long to be searched for the password]';

/** Separates the notes while they are searched. No text that is read as Latin-1 contains it. */
const SEPARATOR = '\uE000';

/**
 * Removes secrets from what a server wrote beside PEM blocks: it may echo the request there. The blocks stay byte for
 * byte. A body without PEM blocks, such as PKCS#7 in DER, is not changed.
 */
export function redactNotes(body: Uint8Array, secrets: readonly string[]): Uint8Array {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
  const blocks = text.match(BLOCK);
  if (!blocks) {
    return body;
  }
  const joined = text.split(BLOCK).join(SEPARATOR);
  const searched = joined.slice(0, NOTES_BYTES);
  const redacted = redact(searched, secrets);
  if (redacted === joined) {
    return body;
  }
  const notes = (searched === joined ? redacted : redacted + REST).split(SEPARATOR);
  // Every block keeps its place, except behind the notes that were searched.
  const kept = blocks.flatMap((block, index) => [notes[index] ?? '\n', block]);
  return Buffer.from([...kept, ...notes.slice(blocks.length)].join(''), 'latin1');
}
