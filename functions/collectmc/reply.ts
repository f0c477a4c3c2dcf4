import { type Refusal, STATUSES, type WaitingReason } from './codes.ts';

/** The format in which the CA sent the certificates. */
export type Container = 'pkcs7' | 'zip' | 'pem';

/** The result of one call to CollectMC. */
export type Reply =
  /**
   * `payload` is the container only: DER, PEM armour or ZIP, without a status line and without base64 around binary
   * data.
   */
  | { readonly kind: 'issued'; readonly status: 2; readonly container: Container; readonly payload: Uint8Array }
  /** `status` is missing if the reply had none: an outage. `text` is the CA's text, or a description of the reply. */
  | {
      readonly kind: 'waiting';
      readonly reason: WaitingReason;
      readonly status?: number;
      readonly text: string;
      /** The seconds in the header Retry-After of an HTTP error (RFC 9110). */
      readonly retryAfter?: number;
      /** A rejection of the login that may come from something in front of the CA. Only with the reason `credentials`. */
      readonly doubtful?: true;
      /** A body arrived that is not a known form of reply, and must be kept. Only with the reason `outage`. */
      readonly unreadable?: true;
    }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly status: number; readonly text: string }
  /** A negative status that is not in {@link STATUSES}. */
  | { readonly kind: 'unknown'; readonly status: number; readonly text: string };

/** Response headers as node:http provides them, with lower-case names. */
export type ResponseHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A first line that is an integer without leading zeros, and the lines after it. */
const STATUS_LINE = /^(0|-?[1-9]\d{0,3})[ \t]*(?:$|\r\n?|\n)(.*)$/s;

/** The boundaries of PEM armour. The CA's documentation prints inner spaces, and four or five dashes. */
const BEGIN = /-{4,5} *BEGIN [A-Z0-9# ]+?-{4,5}/g;
const END = /-{4,5} *END [A-Z0-9# ]+?-{4,5}/g;
const PKCS7_ARMOUR = /-{4,5} *BEGIN PKCS ?#?7/;

/**
 * Reads a reply of CollectMC. It never throws. A reply that cannot be read is an outage, because the next reply may be
 * readable. If it were read as "processing", the fault would be hidden; if it were read as "issued", the wait would
 * end.
 *
 * The content type is ignored: the CA's documentation names one that does not exist (`text\plain`).
 */
export function readReply(httpStatus: number, headers: ResponseHeaders, body: Uint8Array): Reply {
  // Bytes that are not UTF-8 become replacement characters, so no input fails here. Only ASCII characters decide below.
  // trim() also removes a byte order mark.
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString().trim();

  const form = readErrorForm(text);
  // Each call with a rejected password brings the account closer to being locked. A rejection therefore counts in every
  // form: with another HTTP status, or on one line with its text. If it were read as an outage, the call would be
  // repeated within a minute.
  if (form?.code === '-16' || /^-16(?!\d)/.test(text)) {
    return readStatus(-16, form?.message ?? text.replace(/^-16[\s:,;]*/, ''));
  }
  if (httpStatus !== 200) {
    return outage(`HTTP ${httpStatus}`, retryAfter(headers));
  }

  // The status line comes first: `0`, a newline and ten more bytes are also a well-formed DER SEQUENCE.
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
    return status < 0 ? { kind: 'unknown', status, text } : outage(`the unknown status ${status}`);
  }
  switch (meaning.kind) {
    case 'issued':
      return readText(text) ?? outage('status 2 without readable certificates');
    case 'waiting':
      return { kind: 'waiting', reason: meaning.reason, status, text: text || meaning.meaning };
    case 'refused':
      return { kind: 'refused', refusal: meaning.refusal, status, text: text || meaning.meaning };
  }
}

/**
 * Reads `errorCode=-3&errorMessage=The+...` with names in any case. Only errors have this form here, although the
 * sibling endpoints also send `errorCode=0` for success.
 */
function readErrorForm(text: string): { readonly code: string; readonly message: string } | undefined {
  if (!/^error(code|message)=/i.test(text)) {
    return undefined;
  }
  const form = new Map([...new URLSearchParams(text)].map(([name, value]) => [name.toLowerCase(), value]));
  return { code: form.get('errorcode') ?? '', message: form.get('errormessage') ?? '' };
}

/** Reads certificates in text form: PEM armour, or the base64 of a binary container. */
function readText(text: string): Reply | undefined {
  // An HTML page is not a reply, even if it shows a certificate.
  if (text.startsWith('<')) {
    return undefined;
  }
  const begins = text.match(BEGIN)?.length ?? 0;
  if (begins > 0) {
    // Armour without its end means a truncated body.
    const whole = begins === text.match(END)?.length;
    return whole ? issued(PKCS7_ARMOUR.test(text) ? 'pkcs7' : 'pem', Buffer.from(text)) : undefined;
  }
  // The text is not url-decoded: a plus sign is a digit of base64.
  return /^[A-Za-z0-9+/\s]+={0,2}$/.test(text) ? readBinary(Buffer.from(text, 'base64')) : undefined;
}

function readBinary(bytes: Uint8Array): Reply | undefined {
  if (isWholeSequence(bytes)) {
    return issued('pkcs7', bytes);
  }
  return isWholeZip(bytes) ? issued('zip', bytes) : undefined;
}

/** The beginning of a ContentInfo's content type in PKCS#7 (RFC 2315, 14: 1.2.840.113549.1.7.x). */
const PKCS7_TYPE = Buffer.from('06092a864886f70d0107', 'hex');

const SEQUENCE = 0x30;

/**
 * Whether the bytes are one SEQUENCE whose length is the body's length (X.690, 8.1.3) and which begins like PKCS#7 or
 * like a certificate. A certificate begins with another SEQUENCE and has a length of more than one byte. Text that
 * begins with "0" has no such length: its second byte is an ASCII character, which would be the whole length.
 *
 * Streaming encoders write the indefinite form, which contains no length. Only its end is checked here, two zero bytes,
 * because parsing would load code that only certificates need.
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

/**
 * The bytes of an end-of-central-directory record without its comment (APPNOTE 4.3.16). The last two are the comment's
 * length.
 */
const ZIP_END_LENGTH = 22;

/** Whether the bytes begin with a local file header and end with a complete end-of-central-directory record. */
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

/** A reply that contains nothing about the order, and therefore no status. */
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
  return text.startsWith('<') ? 'an HTML page' : `${body.length} bytes that are not a reply of CollectMC`;
}
