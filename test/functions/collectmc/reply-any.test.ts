import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Reply, readReply } from '../../../functions/collectmc/reply.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { spaced } from '../certificate/container/damage.ts';
import { sequence } from '../certificate/der.ts';
import {
  answered,
  archive,
  certificates,
  certsOnly,
  commentedArchive,
  concatenated,
  indefinite,
  issuedShapes,
  PAGE,
  signedEmpty,
} from './replies.ts';

describe('Any response', () => {
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
      default:
        return false;
    }
  }

  test('with any bytes, status and headers becomes a well-formed reply.', () => {
    const header = fc.option(fc.oneof(fc.string(), fc.array(fc.string())), { nil: undefined });
    const headers = fc.oneof(fc.dictionary(fc.string(), header), fc.record({ 'retry-after': header }));
    fc.assert(
      fc.property(fc.oneof(fc.constant(200), fc.integer()), headers, bytes, (status, fields, body) =>
        isWellFormed(readReply(status, fields, body)),
      ),
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
  ])('that reports a rejected login in any form is a credentials reply: HTTP %i and %j.', (status, body) => {
    expect(readReply(status, {}, Buffer.from(body))).toEqual({
      kind: 'waiting',
      reason: 'credentials',
      status: -16,
      text: 'Permission denied!',
    });
  });

  test.each(['-160', '-1600\nx', '-162 x'])('with the text %j is not a rejected login.', (body) => {
    expect(answered(body)).not.toMatchObject({ reason: 'credentials' });
  });

  const valid = fc.constantFrom(
    ...issuedShapes.map(([, body]) => Buffer.from(body)),
    ...['0\nBeing processed', '1', '-16\nPermission denied!', 'errorCode=-3&errorMessage=The+order', PAGE].map((text) =>
      Buffer.from(text),
    ),
  );

  test('with one byte changed, inserted or removed, or truncated, becomes a well-formed reply.', () => {
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

        return isWellFormed(answered(Buffer.concat(changed)));
      }),
      { numRuns: 3000 },
    );
  });

  test.each(issuedShapes.filter(([name]) => !/armoured|PEM|BER|comment|one behind the other/.test(name)))(
    'that is %s is issued only if it is complete.',
    (_, whole) => {
      const body = Buffer.from(whole);
      // White space and padding at the end of base64 contain no data.
      const shortest = typeof whole === 'string' ? whole.replace(/[\n=]+$/, '').length : body.length;

      const issued: number[] = [];
      for (let length = 0; length < shortest; length += length < 100 || length > shortest - 100 ? 1 : 7) {
        if (answered(body.subarray(0, length)).kind === 'issued') {
          issued.push(length);
        }
      }
      expect(issued).toEqual([]);
    },
  );

  test.each([
    ['with LF', (text: string) => text],
    ['with CRLF', (text: string) => text.replaceAll('\n', '\r\n')],
    ['with the boundaries of the documentation', spaced],
    ['on one line', (text: string) => text.replaceAll('\n', '')],
    ['after a note that quotes a boundary', (text: string) => `It begins with -----BEGIN CERTIFICATE-----.\n${text}`],
    ['with a note between the blocks', (text: string) => text.replaceAll('E-----\n-----B', 'E-----\nIssuer\n-----B')],
  ])('in PEM is an outage wherever it is truncated inside of a block or of a boundary: %s.', (_, change) => {
    const text = change(pem(certificates));
    // After a whole block, a text can be complete: white space and notes follow.
    const isBetween = (kept: string) => /END [^-]*-{4,5}[^-]*$/.test(kept);
    const body = `2\n${text}`;
    const issued = Array.from(body, (_character, length) => body.slice(0, length)).filter(
      (kept) => answered(kept).kind === 'issued',
    );
    expect(issued.filter((kept) => !isBetween(kept))).toEqual([]);
    expect(answered(body).kind).toBe('issued');
  });

  test('in DER, one certificate behind the other, is issued only if it ends with one.', () => {
    const ends = certificates.map(
      (_, index) => Buffer.concat(certificates.slice(0, index + 1).map((each) => sequence(each))).length,
    );
    const issued = Array.from(concatenated, (_byte, index) => index + 1).filter(
      (length) => answered(concatenated.subarray(0, length)).kind === 'issued',
    );
    expect(issued).toEqual(ends);
    expect(answered(Buffer.concat([concatenated, Buffer.from('more')])).kind).not.toBe('issued');
  });

  test('in BER, which contains no length, is issued only if it ends in two zeros.', () => {
    for (let length = 0; length < indefinite.length; length++) {
      const body = indefinite.subarray(0, length);
      if (body.at(-1) !== 0 || body.at(-2) !== 0) {
        expect(answered(body).kind).not.toBe('issued');
      }
    }
  });

  test('in a binary format with a length is never issued if it is truncated.', () => {
    const binary = fc.constantFrom(certsOnly, signedEmpty, archive, commentedArchive);
    fc.assert(
      fc.property(binary, fc.nat(), (body, place) => answered(body.subarray(0, place % body.length)).kind !== 'issued'),
      { numRuns: 2000 },
    );
  });
});
