import { type Refusal, STATUSES, type WaitingReason } from './codes.ts';

/** The container in which the CA sent the certificates. */
export type Container = 'pkcs7' | 'zip' | 'pem';

/** What one call to CollectMC brought. */
export type Reply =
  /** `payload` holds the container alone: DER, armour or ZIP, without a status line and without base64 around a binary. */
  | { readonly kind: 'issued'; readonly status: 2; readonly container: Container; readonly payload: Uint8Array }
  /** `status` is missing where the CA gave none: an outage. `text` is what the CA wrote, or what was wrong with the answer. */
  | {
      readonly kind: 'waiting';
      readonly reason: WaitingReason;
      readonly status?: number;
      readonly text: string;
      /** Seconds that an outage announced of itself (RFC 9110, Retry-After). */
      readonly retryAfter?: number;
    }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly status: number; readonly text: string }
  /** A negative status that no table has. */
  | { readonly kind: 'unknown'; readonly status: number; readonly text: string };

/** Response headers as node:http gives them: lower-case names. */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A whole number without leading zeros that fills the first line, and the lines after it. */
const STATUS_LINE = /^(0|-?[1-9]\d{0,3})[ \t]*(?:$|\r\n?|\n)(.*)$/s;

/** Armour as the documentation prints it: inner spaces, four or five dashes. */
const BEGIN = /-{4,5} *BEGIN [A-Z0-9# ]+?-{4,5}/g;
const END = /-{4,5} *END [A-Z0-9# ]+?-{4,5}/g;
const PKCS7_ARMOUR = /-{4,5} *BEGIN PKCS ?#?7/;

/**
 * Reads an answer of CollectMC. Never throws, whatever the bytes: what cannot be read is an outage, because the next call
 * may bring something that can, while a false "pending" would hide a fault and a false "issued" would end the wait.
 *
 * The content type is not looked at: the CA's documentation names one that does not exist (`text\plain`).
 */
export function readReply(httpStatus: number, headers: ResponseHeaders, body: Uint8Array): Reply {
  // Bytes that are no UTF-8 become replacement characters, so no input can fail here; nothing but ASCII decides below.
  // A byte-order mark is white space to trim().
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString().trim();

  const form = readErrorForm(text);
  // Every call with a rejected password brings the account nearer to its lock, so these words count however they come:
  // under another HTTP status, or on one line with their text. Taken for an outage they would be repeated within a minute.
  if (form?.code === '-16' || /^-16(?!\d)/.test(text)) {
    return readStatus(-16, form?.message ?? text.replace(/^-16[\s:,;]*/, ''));
  }
  if (httpStatus !== 200) {
    return outage(`HTTP ${httpStatus}`, retryAfter(headers));
  }

  // The status line is tried first: `0`, a newline and ten more bytes are also a well-formed DER SEQUENCE.
  const [, statusText, rest = ''] = STATUS_LINE.exec(text) ?? [];
  if (statusText !== undefined) {
    return readStatus(Number(statusText), rest.trim());
  }
  const binary = readBinary(body);
  if (binary) {
    return binary;
  }
  if (form && /^-[1-9]\d{0,3}$/.test(form.code)) {
    return readStatus(Number(form.code), form.message);
  }
  return readText(text) ?? outage(describe(body, text));
}

function readStatus(status: number, text: string): Reply {
  const meaning = STATUSES.get(status);
  if (!meaning) {
    return status < 0
      ? { kind: 'unknown', status, text }
      : outage(`the status ${status}, which CollectMC does not have`);
  }
  switch (meaning.kind) {
    case 'issued':
      return readText(text) ?? outage('status 2 without certificates that can be read');
    case 'waiting':
      return { kind: 'waiting', reason: meaning.reason, status, text: text || meaning.meaning };
    case 'refused':
      return { kind: 'refused', refusal: meaning.refusal, status, text: text || meaning.meaning };
  }
}

/**
 * `errorCode=-3&errorMessage=The+...`, whatever the case of the names. Only errors come in this form: the siblings write
 * `errorCode=0` for success.
 */
function readErrorForm(text: string): { readonly code: string; readonly message: string } | undefined {
  if (!/^error(code|message)=/i.test(text)) {
    return undefined;
  }
  const form = new Map([...new URLSearchParams(text)].map(([name, value]) => [name.toLowerCase(), value]));
  return { code: form.get('errorcode') ?? '', message: form.get('errormessage') ?? '' };
}

/** The certificates as text: armour, or the base64 of a binary container. */
function readText(text: string): Reply | undefined {
  // A page that shows a certificate is still a page.
  if (text.startsWith('<')) {
    return undefined;
  }
  const begins = text.match(BEGIN)?.length ?? 0;
  if (begins > 0) {
    // An armour that never ends is a body that was cut off.
    const whole = begins === text.match(END)?.length;
    return whole ? issued(PKCS7_ARMOUR.test(text) ? 'pkcs7' : 'pem', Buffer.from(text)) : undefined;
  }
  // Never url-decoded: a plus sign is a digit of base64.
  return /^[A-Za-z0-9+/\s]+={0,2}$/.test(text) ? readBinary(Buffer.from(text, 'base64')) : undefined;
}

function readBinary(bytes: Uint8Array): Reply | undefined {
  if (isWholeSequence(bytes)) {
    return issued('pkcs7', bytes);
  }
  return isWholeZip(bytes) ? issued('zip', bytes) : undefined;
}

/** The content types of PKCS#7 (RFC 2315, 14: 1.2.840.113549.1.7.x) as the element that follows the header of a ContentInfo. */
const PKCS7_TYPE = Buffer.from('06092a864886f70d0107', 'hex');

const SEQUENCE = 0x30;

/**
 * One SEQUENCE whose length is the body's length (X.690, 8.1.3), and which begins as PKCS#7 does, or as a certificate: with
 * another SEQUENCE, and no certificate is so short that its length is one byte, as it would be in a text that begins with "0".
 * The indefinite form is what streaming encoders write. It names no length, so all that can be asked of it here is its end:
 * two zero bytes. Reading it through would load code that only certificates need.
 */
function isWholeSequence(bytes: Uint8Array): boolean {
  const [tag, first = 0] = bytes;
  const lengthBytes = first > 0x80 ? first & 0x7f : 0;
  const contents = bytes.subarray(2 + lengthBytes);
  const isCertificate = lengthBytes > 0 && contents[0] === SEQUENCE;
  if (tag !== SEQUENCE || lengthBytes > 4 || !(isCertificate || startsWith(contents, PKCS7_TYPE))) {
    return false;
  }
  if (first === 0x80) {
    return bytes.at(-1) === 0 && bytes.at(-2) === 0;
  }
  const length = bytes.subarray(2, 2 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
  return contents.length === (lengthBytes > 0 ? length : first);
}

function startsWith(bytes: Uint8Array, beginning: Uint8Array): boolean {
  return Buffer.compare(bytes.subarray(0, beginning.length), beginning) === 0;
}

/** Of an end-of-central-directory record (APPNOTE 4.3.16), without the comment whose length its last two bytes are. */
const ZIP_END_LENGTH = 22;

/** Starts with a local file header and ends in a whole end-of-central-directory record, which a truncated archive lacks. */
function isWholeZip(bytes: Uint8Array): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = buffer.lastIndexOf('PK\x05\x06', undefined, 'latin1') + ZIP_END_LENGTH;
  return (
    buffer.indexOf('PK\x03\x04', 0, 'latin1') === 0 &&
    ZIP_END_LENGTH < end &&
    end <= buffer.length &&
    end + buffer.readUInt16LE(end - 2) <= buffer.length
  );
}

function issued(container: Container, payload: Uint8Array): Reply {
  return { kind: 'issued', status: 2, container, payload };
}

/** An answer that says nothing about the order. It has no status: the CA gave none. */
export function outage(text: string, retryAfter?: number): Reply {
  return { kind: 'waiting', reason: 'outage', text, ...(retryAfter !== undefined && { retryAfter }) };
}

function retryAfter(headers: ResponseHeaders): number | undefined {
  const value = headers['retry-after'];
  return typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : undefined;
}

function describe(body: Uint8Array, text: string): string {
  if (text === '') {
    return 'an empty body';
  }
  return text.startsWith('<') ? 'an HTML page' : `${body.length} bytes that are no answer of CollectMC`;
}
