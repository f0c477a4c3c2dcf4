import { CUT_LENGTH, redact } from '../redact.ts';
import { excerpt, isBinary, isHtml, readBodyText } from './body-text.ts';
import { type Refusal, STATUSES, type WaitingReason } from './codes.ts';
import {
  DOUBTFUL_HTTP_STATUSES,
  isAboutLogin,
  isLoginAddress,
  isLoginPage,
  isOutageStatus,
  namesLoginArgument,
  namesOtherArgument,
  saysLoginRejected,
} from './rejection.ts';

/** The format in which the CA sent the certificates. */
export type Container = 'pkcs7' | 'zip' | 'pem';

/** The result of one call to CollectMC. */
export type Reply =
  /**
   * `payload` is the container only: DER, PEM armour or ZIP, without a status line and without base64 around binary
   * data.
   */
  | { readonly kind: 'issued'; readonly status: 2; readonly container: Container; readonly payload: Uint8Array }
  /**
   * `status` is missing if the reply had no usable one. `text` is the CA's text, or a description of the reply with the
   * beginning of its body: one line of at most 300 characters.
   */
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
const BOUNDARY = /-{4,5} *(BEGIN|END) [A-Z0-9# ]+?-{4,5}/g;
const PKCS7_ARMOUR = /-{4,5} *BEGIN PKCS ?#?7/;

/**
 * Reads a reply of CollectMC. It never throws. A reply that cannot be read is an outage, because the next reply may be
 * readable. If it were read as "processing", the fault would be hidden; if it were read as "issued", the wait would
 * end. But every reply that may be a rejected login is one: repeated calls with a rejected login lock the account.
 *
 * The content type is ignored: the CA's documentation names one that does not exist (`text\plain`).
 *
 * @param secrets what must not appear in the text of the reply. They are removed here, because the text of a reply that
 *   cannot be read is cut here: a cut could leave a part of a secret that nobody finds later.
 */
export function readReply(
  httpStatus: number,
  headers: ResponseHeaders,
  body: Uint8Array,
  secrets: readonly string[] = [],
): Reply {
  // Bytes that are not UTF-8 become replacement characters, so no input fails here. Only ASCII characters decide below.
  // trim() also removes a byte order mark.
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString().trim();
  const reply =
    readRejection(text) ??
    (httpStatus === 200 ? readKnownForm(body, text) : undefined) ??
    readOtherForm({ httpStatus, headers, body, text, secrets });
  // Most replies are a status only, and their text is this project's own.
  const isStatusOnly = reply.status !== undefined && body.length < CUT_LENGTH;
  return 'text' in reply && !isStatusOnly ? { ...reply, text: redact(reply.text, secrets) } : reply;
}

/**
 * Reads a response whose body did not arrive completely. It is an outage, because the missing part could change its
 * meaning, unless the part that arrived is a rejected login.
 *
 * @param problem why the body is incomplete, as a clause.
 * @param secrets as for {@link readReply}.
 */
export function readBrokenReply(
  problem: string,
  { status, headers }: { readonly status: number; readonly headers: ResponseHeaders },
  body: Uint8Array,
  secrets: readonly string[],
): Reply {
  const reply = readReply(status, headers, body, secrets);
  if (reply.kind === 'waiting' && reply.reason === 'credentials') {
    return reply;
  }
  const text = Buffer.from(body).toString();
  const beginning = excerpt(isBinary(text) ? text : readBodyText(text).text, secrets);
  return { ...outage(joinDescription(problem, beginning)), ...(body.length > 0 && { unreadable: true }) };
}

/** Reads the status of a rejected login in a known form. The HTTP status does not matter: it could be a gateway's. */
function readRejection(text: string): Reply | undefined {
  const [, status, rest = ''] = STATUS_LINE.exec(text) ?? [];
  const form = readErrorForm(text);
  return status === '-16' || form?.code === '-16' ? readStatus(-16, form?.message ?? rest.trim()) : undefined;
}

/** Reads the forms that the CA documents, or that clients of its siblings see. */
function readKnownForm(body: Uint8Array, text: string): Reply | undefined {
  // The status line comes first: `0`, a newline and ten more bytes are also a well-formed DER SEQUENCE.
  const [, statusText, rest = ''] = STATUS_LINE.exec(text) ?? [];
  if (statusText !== undefined) {
    return readStatus(Number(statusText), rest.trim());
  }
  const binary = readBinary(body);
  if (binary) {
    return binary;
  }
  const form = readErrorForm(text);
  if (form && /^-[1-9]\d{0,3}$/.test(form.code)) {
    return readStatus(Number(form.code), form.message);
  }
  return readText(text);
}

/** Reads a status with its text; undefined if the status is not negative and means nothing here. */
function readStatus(status: number, text: string): Reply | undefined {
  const meaning = STATUSES.get(status);
  if (!meaning) {
    return status < 0 ? (doubtful(`status ${status}`, text) ?? { kind: 'unknown', status, text }) : undefined;
  }
  switch (meaning.kind) {
    case 'issued':
      return readText(text);
    case 'waiting': {
      const rejection = meaning.reason === 'outage' ? doubtful(`status ${status}`, text) : undefined;
      return rejection ?? { kind: 'waiting', reason: meaning.reason, status, text: text || meaning.meaning };
    }
    case 'refused':
      return (
        readArgumentError(status, text) ?? {
          kind: 'refused',
          refusal: meaning.refusal,
          status,
          text: text || meaning.meaning,
        }
      );
  }
}

/** Statuses about an argument of the request, which can be the login. */
const ARGUMENT_STATUSES: ReadonlySet<number> = new Set([-2, -3, -4]);

/** Reads an error about an argument of the request as a rejected login, if it may be one. */
function readArgumentError(status: number, text: string): Reply | undefined {
  if (!ARGUMENT_STATUSES.has(status)) {
    return undefined;
  }
  if (namesLoginArgument(text)) {
    return { kind: 'waiting', reason: 'credentials', status, text };
  }
  return namesOtherArgument(text) ? undefined : doubtful(`status ${status}`, text);
}

/** A rejection that may come from something in front of the CA; undefined if the text is not about the login. */
function doubtful(source: string, text: string): Reply | undefined {
  return isAboutLogin(text)
    ? { kind: 'waiting', reason: 'credentials', text: `${source}: ${text}`, doubtful: true }
    : undefined;
}

/** A response that has none of the known forms, or another HTTP status than 200. */
interface OtherForm {
  readonly httpStatus: number;
  readonly headers: ResponseHeaders;
  readonly body: Uint8Array;
  /** The body as text. */
  readonly text: string;
  readonly secrets: readonly string[];
}

/**
 * Statuses that are read in every form, because a person must act or the CA must not be called. The others are read in
 * the known forms only: in a sister interface they can have another meaning.
 */
const ANY_FORM_REASONS: ReadonlySet<WaitingReason> = new Set<WaitingReason>(['payment', 'permission', 'call-limit']);

function readOtherForm({ httpStatus, headers, body, text, secrets }: OtherForm): Reply {
  const isText = !isBinary(text);
  const content = isText ? readBodyText(text) : { text, withoutLinks: text };
  // A page can consist of a script.
  const beginning = excerpt(content.text, secrets) || (content.text === text ? '' : excerpt(text, secrets));
  const credentials = (description: string, more: { readonly status?: number; readonly doubtful?: true }): Reply => ({
    kind: 'waiting',
    reason: 'credentials',
    text: description === '' ? beginning || 'the login is not accepted' : joinDescription(description, beginning),
    ...more,
  });
  const http = httpStatus === 200 ? '' : `HTTP ${httpStatus}`;

  const statuses = isText ? statusesIn(content.text, text) : [];
  if (statuses.includes(-16)) {
    const message = beginning.replace(/^-16[\s:,;.]*/, '');
    return { kind: 'waiting', reason: 'credentials', status: -16, text: message || STATUS_16 };
  }
  const argumentError = statuses.find((status) => ARGUMENT_STATUSES.has(status));
  if (argumentError !== undefined && namesLoginArgument(content.text)) {
    return credentials(http, { status: argumentError });
  }
  if (httpStatus === 401) {
    return credentials(http, {});
  }
  const location = headers.location;
  if (httpStatus >= 300 && httpStatus < 400 && typeof location === 'string' && isLoginAddress(location)) {
    return { ...credentials(`${http}, a redirect to ${excerpt(location, secrets)}`, { doubtful: true }) };
  }
  if (DOUBTFUL_HTTP_STATUSES.has(httpStatus)) {
    return credentials(http, { doubtful: true });
  }

  const [status] = statuses;
  const meaning = status === undefined ? undefined : STATUSES.get(status);
  if (
    httpStatus === 200 &&
    status !== undefined &&
    meaning?.kind === 'waiting' &&
    ANY_FORM_REASONS.has(meaning.reason)
  ) {
    return { kind: 'waiting', reason: meaning.reason, status, text: beginning };
  }
  // A status with another meaning keeps it. The others can come with any text.
  const isOther = /^[012](?:\s*$|\s*\n)/.test(text) || (meaning !== undefined && !isOpenToText(status, content.text));
  const isRejection = isOutageStatus(httpStatus)
    ? saysLoginRejected(content.withoutLinks)
    : isAboutLogin(content.withoutLinks) ||
      (isHtml(text) && isLoginPage(text)) ||
      headers['www-authenticate'] !== undefined;
  if (isText && !isOther && isRejection) {
    return credentials(http, { doubtful: true });
  }
  const isEmpty = text === '';
  const description = http || describe(body, text);
  return {
    ...outage(joinDescription(description, isEmpty ? '' : beginning), http === '' ? undefined : retryAfter(headers)),
    ...(!isEmpty && { unreadable: true }),
  };
}

/** Whether a status can come with a text about a rejected login: an internal error, or an argument of the request. */
function isOpenToText(status: number | undefined, text: string): boolean {
  return status === -14 || (status !== undefined && ARGUMENT_STATUSES.has(status) && !namesOtherArgument(text));
}

function joinDescription(description: string, beginning: string): string {
  return beginning === '' ? description : `${description}: ${beginning}`;
}

const STATUS_16 = STATUSES.get(-16)?.meaning ?? '';

/** A negative number alone: not in a range, a date, a time, a size or a name. */
const NEGATIVE_NUMBER = /(?<![\w.+/\\-])(?<!\d[ \t]{1,3})[-−–]0{0,4}(\d{1,4})(?!\d|[a-z%_]|\.\d|[:/-]\d)/gi;

/** The negative statuses that a body contains in any form, in their order. */
function statusesIn(...texts: readonly string[]): readonly number[] {
  const [visible = '', raw = ''] = texts;
  // The attributes and scripts of a page contain numbers of other kinds.
  const text = isHtml(raw) ? visible : `${raw}\n${visible}`;
  return Array.from(text.matchAll(NEGATIVE_NUMBER), ([, digits]) => -Number(digits));
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
  const boundaries = [...text.matchAll(BOUNDARY)];
  const begin = boundaries.findIndex(([, kind]) => kind === 'BEGIN');
  if (begin !== -1) {
    const isWhole = boundaries.slice(begin).some(([, kind]) => kind === 'END') && !isTruncated(text, boundaries);
    return isWhole ? issued(PKCS7_ARMOUR.test(text) ? 'pkcs7' : 'pem', Buffer.from(text)) : undefined;
  }
  // The text is not url-decoded: a plus sign is a digit of base64.
  return /^[A-Za-z0-9+/\s]+={0,2}$/.test(text) ? readBinary(Buffer.from(text, 'base64')) : undefined;
}

/**
 * The beginning of a block until the end of the text: base64, and perhaps a part of the END line. The base64 of a
 * SEQUENCE with a length of more than one byte begins with "MI".
 */
const TRUNCATED_BLOCK = /^\s*(?:M|MI[A-Za-z0-9+/=\s]*(?:-{1,5} *[A-Z0-9# ]*-{0,3})?)?$/;

/** A part of a BEGIN line as the last line. */
const TRUNCATED_BEGIN = /^ *-{1,5} *(?:B|BE|BEG|BEGI|BEGIN[A-Z0-9# ]*-{0,3})?$/;

/**
 * Whether a text with PEM armour is truncated: it ends inside of a block, or inside of the line with which another one
 * begins. Every other text is complete: notes can quote boundaries anywhere. A text that is truncated between two blocks
 * looks complete.
 */
function isTruncated(text: string, boundaries: readonly RegExpExecArray[]): boolean {
  const [before, last] = boundaries.length > 1 ? boundaries.slice(-2) : [undefined, boundaries[0]];
  const rest = text.slice(endOf(last));
  if (last?.[1] === 'BEGIN' && TRUNCATED_BLOCK.test(rest)) {
    // A note can end with the words of a boundary.
    return rest !== '' || lastLineOf(text.slice(endOf(before), last.index)).trim() === '';
  }
  return TRUNCATED_BEGIN.test(lastLineOf(rest));
}

function endOf(boundary: RegExpExecArray | undefined): number {
  return boundary ? boundary.index + boundary[0].length : 0;
}

function lastLineOf(text: string): string {
  return text.slice(text.lastIndexOf('\n') + 1);
}

function readBinary(bytes: Uint8Array): Reply | undefined {
  if (isWholeBinary(bytes)) {
    return issued('pkcs7', bytes);
  }
  return isWholeZip(bytes) ? issued('zip', bytes) : undefined;
}

/** The beginning of a ContentInfo's content type in PKCS#7 (RFC 2315, 14: 1.2.840.113549.1.7.x). */
const PKCS7_TYPE = Buffer.from('06092a864886f70d0107', 'hex');

const SEQUENCE = 0x30;

/**
 * Whether the bytes are one SEQUENCE, or several one behind the other, whose lengths add up to the body's length (X.690,
 * 8.1.3), and each of which begins like PKCS#7 or like a certificate. A certificate begins with another SEQUENCE and has
 * a length of more than one byte. Text that begins with "0" has no such length: its second byte is an ASCII character,
 * which would be the whole length.
 *
 * Streaming encoders write the indefinite form, which contains no length. Only its end is checked here, two zero bytes,
 * because parsing would load code that only certificates need.
 */
function isWholeBinary(bytes: Uint8Array): boolean {
  let rest = bytes;
  while (rest.length > 0) {
    const length = lengthOfSequence(rest);
    if (length === undefined || length > rest.length) {
      return false;
    }
    rest = rest.subarray(length);
  }
  return bytes.length > 0;
}

/** The length of the SEQUENCE at the beginning, with its header; undefined if none begins like PKCS#7 or a certificate. */
function lengthOfSequence(bytes: Uint8Array): number | undefined {
  const [tag, first = 0] = bytes;
  const lengthBytes = first > 0x80 ? first & 0x7f : 0;
  const contents = bytes.subarray(2 + lengthBytes);
  const isCertificate = lengthBytes > 0 && contents[0] === SEQUENCE;
  if (tag !== SEQUENCE || lengthBytes > 4 || !(isCertificate || startsWith(contents, PKCS7_TYPE))) {
    return undefined;
  }
  if (first === 0x80) {
    return bytes.at(-1) === 0 && bytes.at(-2) === 0 ? bytes.length : undefined;
  }
  const length = bytes.subarray(2, 2 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
  return 2 + lengthBytes + (lengthBytes > 0 ? length : first);
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
export function outage(text: string, retryAfter?: number): Extract<Reply, { readonly kind: 'waiting' }> {
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
  const [, status] = STATUS_LINE.exec(text) ?? [];
  if (status !== undefined) {
    return status === '2' ? 'status 2 without readable certificates' : `the unknown status ${status}`;
  }
  return text.startsWith('<') ? 'an HTML page' : `${body.length} bytes that are not a reply of CollectMC`;
}
