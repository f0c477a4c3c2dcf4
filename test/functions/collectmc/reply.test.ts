import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Container, type Reply, type ResponseHeaders, readReply } from '../../../functions/collectmc/reply.ts';
import { armouredPkcs7, base64Lines, pem, pkcs7, zip } from '../../../infra/local/ca/containers.ts';

/** No certificates, but of their shape, and the reader does not look inside. Their base64 has `+`, `/` and padding. */
const certificates = [500, 900, 1300].map((size, i) => {
  const content = Buffer.alloc(size, Buffer.of(0xfb, 0xef, 0xff, i));
  return sequence(Buffer.concat([Buffer.of(0x04, 0x82, size >> 8, size & 0xff), content]));
});
/** The object identifier of signedData, with which the contents of a PKCS#7 begin. */
const SIGNED_DATA = Buffer.from('06092a864886f70d010702', 'hex');
const certsOnly = Buffer.from(pkcs7(certificates, 'degenerate'));
const signedEmpty = Buffer.from(pkcs7(certificates, 'signed-empty'));
const indefinite = indefiniteLength(certsOnly);
const archive = Buffer.from(zip(certificates));
const commentedArchive = commented(archive, 'with a comment');

const PLAIN = { 'content-type': 'text/plain' } satisfies ResponseHeaders;

function answered(body: string | Uint8Array, headers: ResponseHeaders = PLAIN): Reply {
  return readReply(200, headers, Buffer.from(body));
}

/** A reply that is issued, with a payload that can be compared whatever class its bytes have. */
function payloadOf(reply: Reply): { container: Container; payload: Buffer } | undefined {
  return reply.kind === 'issued' ? { container: reply.container, payload: Buffer.from(reply.payload) } : undefined;
}

/** The outage that a body is: it never has a status, for the CA gave none. */
function outage(text: unknown): unknown {
  return { kind: 'waiting', reason: 'outage', text };
}

const NO_ANSWER = expect.stringMatching(/^\d+ bytes that are no answer of CollectMC$/);

function sequence(content: Buffer): Buffer {
  const { length } = content;
  return Buffer.concat([Buffer.of(0x30, 0x82, length >> 8, length & 0xff), content]);
}

/** The same PKCS#7 as a streaming encoder writes it: three levels without a length, each with its own end. */
function indefiniteLength(der: Buffer): Buffer {
  const contentInfo = contentOf(der);
  const type = contentInfo.subarray(0, 11);
  const signedData = contentOf(contentOf(contentInfo.subarray(11)));
  const open = (tag: number) => Buffer.of(tag, 0x80);
  return Buffer.concat([open(0x30), type, open(0xa0), open(0x30), signedData, Buffer.alloc(6)]);
}

function contentOf(der: Buffer): Buffer {
  const first = der.readUInt8(1);
  return der.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f));
}

/** An archive with a comment, whose length stands in the last two bytes of one without. */
function commented(whole: Buffer, comment: string): Buffer {
  const copy = Buffer.concat([whole, Buffer.from(comment)]);
  copy.writeUInt16LE(comment.length, whole.length - 2);
  return copy;
}

/** Boundaries as the documentation prints them. */
function spaced(text: string): string {
  return text
    .replaceAll(/-----(BEGIN|END) ([A-Z0-9]+)-----/g, '----- $1 $2 -----')
    .replaceAll(/(END.*)-----/g, '$1----');
}

describe('pending', () => {
  test.each([
    ['a bare digit', '0'],
    ['a newline after it', '0\n'],
    ['CRLF after it', '0\r\n'],
    ['CR after it', '0\r'],
    ['blanks after it', '0 \t\n'],
    ['blank lines around it', '\r\n\n0\n\n'],
    ['a byte order mark before it', '\uFEFF0\n'],
  ])('is read from %s', (_, body) => {
    expect(answered(body)).toEqual({
      kind: 'waiting',
      reason: 'processing',
      status: 0,
      text: 'being processed',
    });
  });

  test.each([
    ['LF', '0\nBeing processed by the CA\n'],
    ['CRLF', '0\r\nBeing processed by the CA\r\n'],
    ['CR', '0\rBeing processed by the CA'],
    ['a byte order mark and LF', '\uFEFF0\nBeing processed by the CA'],
  ])('keeps a second line after %s', (_, body) => {
    expect(answered(body)).toEqual({
      kind: 'waiting',
      reason: 'processing',
      status: 0,
      text: 'Being processed by the CA',
    });
  });

  test('is what `0`, a newline and ten more characters are, though that is a well-formed DER too', () => {
    const body = Buffer.from('0\nabcdefghij');
    expect([body[0], body[1], body.length]).toEqual([0x30, 10, 12]);

    expect(answered(body)).toMatchObject({ kind: 'waiting', reason: 'processing', status: 0, text: 'abcdefghij' });
  });

  test('is what `0` and a PEM are: the status decides', () => {
    expect(answered(`0\n${pem(certificates)}`)).toMatchObject({ kind: 'waiting', reason: 'processing', status: 0 });
  });

  test.each([
    ['available', '1', 'certificates available, none attached'],
    ['available with a newline', '1\n', 'certificates available, none attached'],
    ['available with a text', '1\r\nReady', 'Ready'],
  ])('is a reason of its own when certificates are %s', (_, body, text) => {
    expect(answered(body)).toEqual({ kind: 'waiting', reason: 'available', status: 1, text });
  });
});

describe('an error', () => {
  test.each([
    ['LF', '-16\nPermission denied!'],
    ['a newline at the end', '-16\nPermission denied!\n'],
    ['CRLF', '-16\r\nPermission denied!\r\n'],
    ['CR', '-16\rPermission denied!'],
    ['blanks after the code', '-16 \t\nPermission denied!'],
    ['a byte order mark', '\uFEFF-16\nPermission denied!'],
    ['a form', 'errorCode=-16&errorMessage=Permission+denied%21'],
    ['a form with a newline', 'errorCode=-16&errorMessage=Permission+denied%21\r\n'],
    ['a form that begins with the message', 'errorMessage=Permission+denied%21&errorCode=-16'],
  ])('is read from two lines or a form: %s', (_, body) => {
    expect(answered(body)).toEqual({
      kind: 'waiting',
      reason: 'credentials',
      status: -16,
      text: 'Permission denied!',
    });
  });

  test('of a form without a message is told in our words', () => {
    expect(answered('errorCode=-21')).toEqual({
      kind: 'refused',
      refusal: 'CertificateRevoked',
      status: -21,
      text: 'the certificate was revoked',
    });
  });

  test('keeps all the lines of its text, and its letters beyond ASCII', () => {
    expect(answered('-777\nGrüße,\nzweite Zeile')).toEqual({
      kind: 'unknown',
      status: -777,
      text: 'Grüße,\nzweite Zeile',
    });
  });

  test('is read where a byte of its text is no UTF-8', () => {
    expect(answered(Buffer.from('-777\nGr\xfc\xdfe', 'latin1'))).toMatchObject({ kind: 'unknown', status: -777 });
  });

  test.each([
    ['armour', `-20\n${pem(certificates)}`],
    ['base64', `-20\n${base64Lines(certsOnly)}`],
    ['armour in a form', `errorCode=-20&errorMessage=${encodeURIComponent(pem(certificates))}`],
  ])('is an error even when its text is %s: error text is never a certificate', (_, body) => {
    expect(answered(body)).toMatchObject({ kind: 'refused', refusal: 'OrderRejected', status: -20 });
  });

  test.each([
    ['success', 'errorCode=0&errorMessage=ok'],
    ['certificates', 'errorCode=2'],
    ['no code', 'errorMessage=Something+happened'],
    ['an empty code', 'errorCode=&errorMessage=Something'],
    ['a code that is no number', 'errorCode=-3x&errorMessage=Something'],
    ['a text before the code', 'errorCode=x-3&errorMessage=Something'],
    ['a code of five digits', 'errorCode=-10000&errorMessage=Something'],
    ['a code with a leading zero', 'errorCode=-03&errorMessage=Something'],
    ['another field before the code', 'code=1&errorCode=-3&errorMessage=Something'],
  ])('is not what a form with %s tells: that is an outage', (_, body) => {
    expect(answered(body)).toEqual(outage(NO_ANSWER));
  });

  test.each([
    ['two zeros', '00'],
    ['minus zero', '-0'],
    ['a leading zero', '01'],
    ['a leading zero after the minus', '-016\nPermission denied'],
    ['a plus sign', '+1'],
    ['a minus alone', '-'],
    ['five digits', '10000'],
    ['five negative digits', '-10000\nNobody knows'],
    ['a decimal', '0.0'],
    ['text on the line of the code', '-20 Rejected'],
    ['a colon after the code', '-20: Rejected'],
    ['two codes in a line', '0 1'],
    ['text before the code', 'status\n0'],
    ['a digit of another script', '\u0660'],
    ['a non-breaking space inside', '0\u00a0x'],
  ])('and pending are not what %s says: that is an outage', (_, body) => {
    expect(answered(body)).toEqual(outage(NO_ANSWER));
  });

  test.each([9, 99, 999, 9999])('is unknown at -%i, as long as a code can be', (code) => {
    expect(answered(`-${code}`)).toEqual({ kind: 'unknown', status: -code, text: '' });
  });

  test('of a form is unknown where no table has it', () => {
    expect(answered('errorCode=-9999&errorMessage=New')).toEqual({ kind: 'unknown', status: -9999, text: 'New' });
  });
});

/** Every shape the protocol's table has for an issued order: the body, and what of it is the container. */
const issuedShapes: readonly (readonly [string, string | Buffer, Container, string | Buffer])[] = [
  ['binary PKCS#7, certificates only', certsOnly, 'pkcs7', certsOnly],
  ['binary PKCS#7 with an empty content and a signer', signedEmpty, 'pkcs7', signedEmpty],
  ['binary PKCS#7 without lengths (BER)', indefinite, 'pkcs7', indefinite],
  ['binary ZIP', archive, 'zip', archive],
  ['binary ZIP with a comment', commentedArchive, 'zip', commentedArchive],
  ['armoured PKCS#7', armouredPkcs7(certificates), 'pkcs7', armouredPkcs7(certificates).trim()],
  ['armoured PKCS#7 after a status', `2\n${armouredPkcs7(certificates)}`, 'pkcs7', armouredPkcs7(certificates).trim()],
  ['base64 of PKCS#7 after a status', `2\n${base64Lines(signedEmpty)}`, 'pkcs7', signedEmpty],
  ['base64 of PKCS#7 in one line after a status', `2\n${signedEmpty.toString('base64')}`, 'pkcs7', signedEmpty],
  ['base64 of PKCS#7 without a status', base64Lines(certsOnly), 'pkcs7', certsOnly],
  ['base64 of BER after a status', `2\n${base64Lines(indefinite)}`, 'pkcs7', indefinite],
  ['PEM after a status', `2\n${pem(certificates)}`, 'pem', pem(certificates).trim()],
  ['PEM without a status', pem(certificates), 'pem', pem(certificates).trim()],
  ['base64 of ZIP after a status', `2\n${base64Lines(archive)}`, 'zip', archive],
  ['base64 of ZIP without a status', base64Lines(archive), 'zip', archive],
];

describe('issued', () => {
  test.each(issuedShapes)('is read from %s', (_, body, container, payload) => {
    const reply = answered(body);

    expect(reply).toMatchObject({ kind: 'issued', status: 2, container });
    expect(payloadOf(reply)).toEqual({ container, payload: Buffer.from(payload) });
  });

  test.each(issuedShapes.filter(([, body]) => typeof body === 'string'))(
    'is read from %s with CRLF and a byte order mark',
    (_, body, container) => {
      const reply = answered(`\uFEFF${body}`.replaceAll('\n', '\r\n'));

      expect(payloadOf(reply)?.container).toBe(container);
    },
  );

  test.each([
    ['PEM after a status', `2\n${spaced(pem(certificates))}`, 'pem'],
    ['PEM', spaced(pem(certificates)), 'pem'],
    ['armoured PKCS#7 after a status', `2\n${spaced(armouredPkcs7(certificates))}`, 'pkcs7'],
    ['armoured PKCS#7', spaced(armouredPkcs7(certificates)), 'pkcs7'],
    ['PKCS #7 with its other labels', armouredPkcs7(certificates).replaceAll('PKCS7', 'PKCS #7'), 'pkcs7'],
    ['PKCS#7 with its other labels', armouredPkcs7(certificates).replaceAll('PKCS7', 'PKCS#7'), 'pkcs7'],
    ['four dashes everywhere', pem(certificates).replaceAll('-----', '----'), 'pem'],
  ])('is read from boundaries as the documentation prints them: %s', (_, body, container) => {
    expect(payloadOf(answered(body))).toEqual({ container, payload: Buffer.from(body.replace(/^2\n/, '').trim()) });
  });

  test('does not turn the plus signs of base64 into spaces', () => {
    const base64 = certsOnly.toString('base64');
    expect(base64).toMatch(/\+.*\//s);
    expect(base64).toMatch(/=$/);

    expect(payloadOf(answered(`2\n${base64}`))?.payload).toEqual(certsOnly);
    expect(payloadOf(answered(`2\n${base64.replaceAll('+', ' ')}`))).toBeUndefined();
  });

  test('keeps text before and between the blocks with them', () => {
    const [root = '', ...others] = certificates.map((certificate) => pem([certificate]));
    const body = ['subject=Leaf, a name', root, 'subject=Issuer', ...others].join('\n');

    expect(payloadOf(answered(body))).toEqual({ container: 'pem', payload: Buffer.from(body.trim()) });
  });

  test.each([
    ['none', {}],
    ['the one the documentation prints', { 'content-type': 'text\\plain' }],
    ['HTML', { 'content-type': 'text/html; charset=utf-8' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['JSON', { 'content-type': 'application/json' }],
    ['one of ZIP', { 'content-type': 'application/zip' }],
  ])('and pending do not depend on the content type: %s', (_, headers) => {
    expect(payloadOf(answered(certsOnly, headers))).toEqual({ container: 'pkcs7', payload: certsOnly });
    expect(payloadOf(answered(archive, headers))).toEqual({ container: 'zip', payload: archive });
    expect(payloadOf(answered(`2\n${pem(certificates)}`, headers))?.container).toBe('pem');
    expect(answered('0', headers)).toMatchObject({ kind: 'waiting', reason: 'processing', status: 0 });
  });

  test('is read from bytes that lie in the middle of a larger buffer', () => {
    const around = Buffer.concat([Buffer.from('before'), archive, Buffer.from('after')]);

    const reply = readReply(200, PLAIN, new Uint8Array(around.buffer, around.byteOffset + 6, archive.length));

    expect(payloadOf(reply)).toEqual({ container: 'zip', payload: archive });
  });

  test('is read from a ZIP with a newline after it, which its own record of the end makes harmless', () => {
    expect(payloadOf(answered(Buffer.concat([archive, Buffer.from('\n')])))?.container).toBe('zip');
  });

  test('is read from a BER that begins and ends as a PKCS#7 does', () => {
    const body = Buffer.concat([Buffer.of(0x30, 0x80), SIGNED_DATA, Buffer.alloc(100, 7), Buffer.of(0, 0)]);

    expect(payloadOf(answered(body))).toEqual({ container: 'pkcs7', payload: body });
  });

  test.each([128, 255, 256, 65_535, 65_536, 300_000])('is read from a DER with %i bytes of content', (size) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(size);
    const digits = length.subarray(length.findIndex((byte) => byte > 0));
    const der = Buffer.concat([Buffer.of(0x30, 0x80 + digits.length), digits, Buffer.alloc(size, SIGNED_DATA)]);

    expect(payloadOf(answered(der))).toEqual({ container: 'pkcs7', payload: der });
    expect(payloadOf(answered(Buffer.concat([der, Buffer.of(0)])))).toBeUndefined();
    expect(payloadOf(answered(der.subarray(0, -1)))).toBeUndefined();
  });

  test.each([
    ['a PKCS#7 without certificates', Buffer.concat([Buffer.of(0x30, SIGNED_DATA.length), SIGNED_DATA])],
    ['a certificate alone', Buffer.concat([Buffer.of(0x30, 0x81, 200), Buffer.alloc(200, 0x30)])],
  ])('is what nobody can make a chain of, and has to be told of: %s', (_, der) => {
    expect(payloadOf(answered(der))).toEqual({ container: 'pkcs7', payload: der });
  });
});

const PAGE = `<!DOCTYPE html>
<html><body><h1>Maintenance</h1>0</body></html>
`;

describe('an outage', () => {
  test.each([
    ['nothing', ''],
    ['one newline', '\n'],
    ['blanks', ' \r\n\t '],
    ['a byte order mark alone', '\uFEFF'],
  ])('is an empty body: %s', (_, body) => {
    expect(answered(body)).toEqual(outage('an empty body'));
  });

  test.each([
    ['a page', PAGE],
    ['a page after blank lines', `\r\n\r\n${PAGE}`],
    ['a page after a byte order mark', `\uFEFF${PAGE}`],
    ['a page that shows a PEM', `${PAGE}<pre>${pem(certificates)}</pre>`],
    ['a page that shows a PKCS#7', `<html><pre>\n${armouredPkcs7(certificates)}</pre></html>`],
    ['XML', `<?xml version="1.0"?>\n<status>0</status>`],
  ])('is an HTML page: %s', (_, body) => {
    expect(answered(body)).toEqual(outage('an HTML page'));
    expect(answered(body, { 'content-type': 'text/html' })).toEqual(outage('an HTML page'));
  });

  test.each([
    ['a page', PAGE],
    ['a page that shows a PEM', `<html>${pem(certificates)}</html>`],
    ['text', 'Your certificates will follow.'],
    ['armour that never ends', pem(certificates).slice(0, -40)],
    ['base64 that is cut off', base64Lines(certsOnly).slice(0, -100)],
    ['base64 of nothing known', Buffer.from('nothing known').toString('base64')],
    ['base64 with url-safe digits', certsOnly.toString('base64url')],
    ['another status', '2'],
  ])('is the status 2 with %s', (_, text) => {
    expect(answered(`2\n${text}`)).toEqual(outage('status 2 without certificates that can be read'));
  });

  test.each([
    ['plain words', 'Service unavailable'],
    ['one word that could be base64', 'Unavailable'],
    ['JSON', '{"status":0}'],
    ['words with an equals sign', 'error=1'],
    ['base64 with something after its end', `${base64Lines(certsOnly)}=\nThank you.`],
    ['percent-encoded armour', encodeURIComponent(pem(certificates))],
    ['an armour that only begins', '-----BEGIN CERTIFICATE-----\nMIIB\n'],
    ['an armour that only ends', 'MIIB\n-----END CERTIFICATE-----\n'],
    ['an armour with six dashes and three', '---BEGIN CERTIFICATE---\nMIIB\n---END CERTIFICATE---'],
    ['the last of several blocks cut off', pem(certificates).slice(0, -40)],
    ['a PKCS#7 armour cut off', armouredPkcs7(certificates).slice(0, -40)],
  ])('is a text that is no answer: %s', (_, body) => {
    expect(answered(body)).toEqual(outage(NO_ANSWER));
  });

  test.each([
    ['a DER with a byte too few', certsOnly.subarray(0, -1)],
    ['a DER with a byte too many', Buffer.concat([certsOnly, Buffer.of(0)])],
    ['a DER twice', Buffer.concat([certsOnly, certsOnly])],
    ['half a DER', certsOnly.subarray(0, certsOnly.length / 2)],
    ['the first byte of a length', Buffer.of(0x30, 0x82)],
    ['a DER that begins with a number', Buffer.concat([Buffer.of(0x30, 0x03), Buffer.of(0x02, 0x01, 0x07)])],
    ['a text that is also a SEQUENCE in a SEQUENCE', Buffer.from(`0.0${'.'.repeat(45)}`)],
    ['a DER of some other type', Buffer.concat([Buffer.of(0x30, 0x0b), Buffer.from('06092a864886f70d010101', 'hex')])],
    [
      'a DER of the right length with anything in it',
      Buffer.concat([Buffer.of(0x30, 0x81, 200), Buffer.alloc(200, 7)]),
    ],
    ['a DER whose length is no count of length bytes', Buffer.of(0x30, 0x01, 0x03, 1, 2, 3)],
    ['a SET', Buffer.concat([Buffer.of(0x31), certsOnly.subarray(1)])],
    ['a length of five bytes', Buffer.concat([Buffer.of(0x30, 0x85, 0, 0, 0, 0, 200), Buffer.alloc(200, SIGNED_DATA)])],
    ['a reserved length', Buffer.concat([Buffer.of(0x30, 0xff), Buffer.alloc(200, SIGNED_DATA)])],
    ['the first two bytes of a BER', Buffer.of(0x30, 0x80)],
    ['a BER with anything in it', Buffer.concat([Buffer.of(0x30, 0x80), Buffer.alloc(124, 7), Buffer.of(0, 0)])],
    ['half a BER', indefinite.subarray(0, indefinite.length / 2)],
    ['a BER that lacks all its ends', indefinite.subarray(0, -6)],
    ['a BER that ends in one zero', Buffer.concat([indefinite, Buffer.of(1, 0)])],
    ['a BER that ends in a zero before something else', Buffer.concat([indefinite, Buffer.of(1)])],
    ['half a ZIP', archive.subarray(0, archive.length / 2)],
    ['a ZIP without its last byte', archive.subarray(0, -1)],
    ['a ZIP without its record of the end', archive.subarray(0, -22)],
    ['a ZIP with a part of its record of the end', archive.subarray(0, -10)],
    ['a ZIP without the whole of its comment', commentedArchive.subarray(0, -1)],
    ['an empty ZIP', archive.subarray(-22)],
    ['a ZIP after something else', Buffer.concat([Buffer.from('?'), archive])],
    ['a local file header alone', Buffer.from('PK\x03\x04')],
    ['a local file header and zeros', Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(40)])],
  ])('is a binary body that is not whole, or something else: %s', (_, body) => {
    expect(answered(body)).toEqual(outage(NO_ANSWER));
  });

  test('says how many bytes it could not read', () => {
    expect(answered('Grüße')).toEqual(outage('7 bytes that are no answer of CollectMC'));
  });

  const statuses = [0, 100, 201, 204, 206, 299, 301, 302, 304, 307, 400, 401, 403, 404, 408, 429, 500, 502, 503, 504];
  const bodies = ['', '0', '1\n', '-20\nRejected', 'errorCode=-21', certsOnly, archive, `2\n${pem(certificates)}`];

  test.each(statuses)('is HTTP %i, whatever the body', (status) => {
    for (const body of bodies) {
      expect(readReply(status, PLAIN, Buffer.from(body))).toEqual(outage(`HTTP ${status}`));
    }
  });

  test.each([
    ['seconds', '120', 120],
    ['no seconds', '0', 0],
    ['as many digits as are read', '999999', 999_999],
  ])('keeps Retry-After: %s', (_, value, retryAfter) => {
    const reply = readReply(503, { 'retry-after': value }, new Uint8Array());

    expect(reply).toEqual({ kind: 'waiting', reason: 'outage', text: 'HTTP 503', retryAfter });
  });

  test.each([
    ['a date', 'Wed, 21 Oct 2026 07:28:00 GMT'],
    ['a negative number', '-1'],
    ['a fraction', '1.5'],
    ['nothing', ''],
    ['a number too long to be meant', '1234567'],
    ['a number and something else', '120 seconds'],
    ['two values', ['120', '240']],
    ['a list of one', ['120']],
    ['no header', undefined],
  ])('has no Retry-After for %s', (_, value) => {
    expect(readReply(503, { 'retry-after': value }, new Uint8Array())).toEqual(outage('HTTP 503'));
  });

  test('has Retry-After only where there was an HTTP error', () => {
    const reply = answered(PAGE, { 'retry-after': '120' });

    expect(reply).toEqual(outage('an HTML page'));
  });
});

describe('whatever comes', () => {
  const REASONS = ['processing', 'available', 'call-limit', 'outage', 'credentials', 'payment', 'permission'];
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.uint8Array({ maxLength: 100 }).map((rest) => Uint8Array.from([0x30, 0x80, ...rest])),
    fc.uint8Array({ maxLength: 100 }).map((rest) => Buffer.concat([Buffer.from('PK\x03\x04PK\x05\x06'), rest])),
    fc.string({ unit: 'binary', maxLength: 200 }).map((text) => Buffer.from(text)),
    fc.stringMatching(/^-?\d{0,6}[ \r\n]?[ -~]{0,20}$/).map((text) => Buffer.from(text)),
    fc.stringMatching(/^-{3,6} ?(BEGIN|END) [A-Z #7]{0,12}-{3,6}[A-Za-z+/=\n]{0,80}$/).map((text) => Buffer.from(text)),
    fc.stringMatching(/^error(Code|Message)=[-%+&=a-zA-Z0-9]{0,40}$/).map((text) => Buffer.from(text)),
  );

  function isWellFormed(reply: Reply): boolean {
    switch (reply.kind) {
      case 'issued':
        return reply.payload.length > 0 && ['pkcs7', 'zip', 'pem'].includes(reply.container);
      case 'waiting':
        return REASONS.includes(reply.reason) && reply.text !== '';
      case 'refused':
      case 'unknown':
        return reply.status < 0;
    }
  }

  test('any bytes, any status and any headers are a reply', () => {
    const header = fc.option(fc.oneof(fc.string(), fc.array(fc.string())), { nil: undefined });
    const headers = fc.oneof(fc.dictionary(fc.string(), header), fc.record({ 'retry-after': header }));
    fc.assert(
      fc.property(fc.oneof(fc.constant(200), fc.integer()), headers, bytes, (status, fields, body) => {
        expect(readReply(status, fields, body)).toSatisfy(isWellFormed);
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    [200, '-16 Permission denied!'],
    [200, '-16, Permission denied!'],
    [200, 'ErrorCode=-16&ErrorMessage=Permission+denied%21'],
    [200, 'errorMessage=Permission+denied%21&errorCode=-16'],
    [401, '-16\nPermission denied!'],
    [500, '-16: Permission denied!'],
    [403, 'errorCode=-16&errorMessage=Permission+denied%21'],
  ])('a rejected login is one however it is said: HTTP %i and %j', (status, body) => {
    expect(readReply(status, {}, Buffer.from(body))).toEqual({
      kind: 'waiting',
      reason: 'credentials',
      status: -16,
      text: 'Permission denied!',
    });
  });

  test.each(['-160', '-1600\nx', '-162 x'])('%j is no rejected login', (body) => {
    expect(answered(body)).not.toMatchObject({ reason: 'credentials' });
  });

  const valid = fc.constantFrom(
    ...issuedShapes.map(([, body]) => Buffer.from(body)),
    ...['0\nBeing processed', '1', '-16\nPermission denied!', 'errorCode=-3&errorMessage=The+order', PAGE].map((text) =>
      Buffer.from(text),
    ),
  );

  test('a valid reply with one byte changed, cut off, inserted or left out is a reply', () => {
    const change = fc.constantFrom('change', 'cut', 'insert', 'omit');
    fc.assert(
      fc.property(valid, change, fc.nat(), fc.nat({ max: 255 }), (body, kind, place, byte) => {
        const at = place % body.length;
        const [before, after] = [body.subarray(0, at), body.subarray(at)];
        const changed = {
          change: [before, Buffer.of(byte), after.subarray(1)],
          cut: [before],
          insert: [before, Buffer.of(byte), after],
          omit: [before, after.subarray(1)],
        }[kind];

        expect(answered(Buffer.concat(changed))).toSatisfy(isWellFormed);
      }),
      { numRuns: 3000 },
    );
  });

  test.each(issuedShapes.filter(([name]) => !/armoured|PEM|BER|comment/.test(name)))(
    '%s is issued only when it is whole',
    (_, whole) => {
      const body = Buffer.from(whole);
      // The blanks and padding at the end of base64 carry nothing.
      const shortest = typeof whole === 'string' ? whole.replace(/[\n=]+$/, '').length : body.length;

      for (let length = 0; length < shortest; length += length < 100 || length > shortest - 100 ? 1 : 7) {
        expect(answered(body.subarray(0, length)).kind).not.toBe('issued');
      }
    },
  );

  test('a BER, which names no length, is issued only when it ends in two zeros as its levels do', () => {
    for (let length = 0; length < indefinite.length; length++) {
      const body = indefinite.subarray(0, length);
      if (body.at(-1) !== 0 || body.at(-2) !== 0) {
        expect(answered(body).kind).not.toBe('issued');
      }
    }
  });

  test('a binary body that names its length is never issued when it is cut at random', () => {
    const binary = fc.constantFrom(certsOnly, signedEmpty, archive, commentedArchive);
    fc.assert(
      fc.property(binary, fc.nat(), (body, place) => {
        expect(answered(body.subarray(0, place % body.length)).kind).not.toBe('issued');
      }),
      { numRuns: 2000 },
    );
  });
});
