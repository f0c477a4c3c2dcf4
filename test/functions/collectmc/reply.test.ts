import { describe, expect, test } from 'vitest';
import { base64Lines, pem } from '../../../infra/local/ca/containers.ts';
import { answered, certificates, certsOnly, NO_REPLY, unreadable } from './replies.ts';

describe('A pending reply', () => {
  test.each([
    ['a bare digit', '0'],
    ['a newline after it', '0\n'],
    ['CRLF after it', '0\r\n'],
    ['CR after it', '0\r'],
    ['blanks after it', '0 \t\n'],
    ['blank lines around it', '\r\n\n0\n\n'],
    ['a byte order mark before it', '\uFEFF0\n'],
  ])('is read from %s.', (_, body) => {
    expect(answered(body)).toEqual({
      kind: 'waiting',
      reason: 'processing',
      status: 0,
      text: 'the order is being processed',
    });
  });

  test.each([
    ['LF', '0\nBeing processed by the CA\n'],
    ['CRLF', '0\r\nBeing processed by the CA\r\n'],
    ['CR', '0\rBeing processed by the CA'],
    ['a byte order mark and LF', '\uFEFF0\nBeing processed by the CA'],
  ])('contains the text of the second line after %s.', (_, body) => {
    expect(answered(body)).toEqual({
      kind: 'waiting',
      reason: 'processing',
      status: 0,
      text: 'Being processed by the CA',
    });
  });

  test('is read from `0`, a newline and ten characters, although they are also well-formed DER.', () => {
    const body = Buffer.from('0\nabcdefghij');
    expect([body[0], body[1], body.length]).toEqual([0x30, 10, 12]);

    expect(answered(body)).toMatchObject({ kind: 'waiting', reason: 'processing', status: 0, text: 'abcdefghij' });
  });

  test('is read from `0` and a PEM, because the status decides.', () => {
    expect(answered(`0\n${pem(certificates)}`)).toMatchObject({ kind: 'waiting', reason: 'processing', status: 0 });
  });

  test.each([
    ['available', '1', 'certificates are available, but none is attached'],
    ['available with a newline', '1\n', 'certificates are available, but none is attached'],
    ['available with a text', '1\r\nReady', 'Ready'],
  ])('has the reason `available` if certificates are %s.', (_, body, text) => {
    expect(answered(body)).toEqual({ kind: 'waiting', reason: 'available', status: 1, text });
  });
});

describe('An error reply', () => {
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
  ])('is read from two lines or a form: %s.', (_, body) => {
    expect(answered(body)).toEqual({
      kind: 'waiting',
      reason: 'credentials',
      status: -16,
      text: 'Permission denied!',
    });
  });

  test('without a message gets the text of the table.', () => {
    expect(answered('errorCode=-21')).toEqual({
      kind: 'refused',
      refusal: 'CertificateRevoked',
      status: -21,
      text: 'the CA revoked the certificate',
    });
  });

  test('keeps all lines of its text and letters beyond ASCII.', () => {
    expect(answered('-777\nGrüße,\nzweite Zeile')).toEqual({
      kind: 'unknown',
      status: -777,
      text: 'Grüße,\nzweite Zeile',
    });
  });

  test('is read even if a byte of its text is not UTF-8.', () => {
    expect(answered(Buffer.from('-777\nGr\xfc\xdfe', 'latin1'))).toMatchObject({ kind: 'unknown', status: -777 });
  });

  test.each([
    ['armour', `-20\n${pem(certificates)}`],
    ['base64', `-20\n${base64Lines(certsOnly)}`],
    ['armour in a form', `errorCode=-20&errorMessage=${encodeURIComponent(pem(certificates))}`],
  ])('is an error even if its text is %s: the text of an error is never a certificate.', (_, body) => {
    expect(answered(body)).toMatchObject({ kind: 'refused', refusal: 'OrderRejected', status: -20 });
  });

  test.each([
    ['success', 'errorCode=0&errorMessage=ok'],
    ['certificates', 'errorCode=2'],
    ['no code', 'errorMessage=Something+happened'],
    ['an empty code', 'errorCode=&errorMessage=Something'],
    ['a code that is not a number', 'errorCode=-3x&errorMessage=Something'],
    ['a text before the code', 'errorCode=x-3&errorMessage=Something'],
    ['a code of five digits', 'errorCode=-10000&errorMessage=Something'],
    ['a code with a leading zero', 'errorCode=-03&errorMessage=Something'],
    ['another field before the code', 'code=1&errorCode=-3&errorMessage=Something'],
  ])('is not read from a form with %s, which is an outage.', (_, body) => {
    expect(answered(body)).toEqual(unreadable(NO_REPLY));
  });

  test.each([
    ['two zeros', '00'],
    ['minus zero', '-0'],
    ['a leading zero', '01'],
    ['a leading zero after the minus', '-020\nRejected'],
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
  ])('is not read from %s, which is an outage.', (_, body) => {
    expect(answered(body)).toEqual(unreadable(NO_REPLY));
  });

  test.each([9, 99, 999, 9999])('is unknown for -%i, which no table has.', (code) => {
    expect(answered(`-${code}`)).toEqual({ kind: 'unknown', status: -code, text: '' });
  });

  test('in a form is unknown if no table has its code.', () => {
    expect(answered('errorCode=-9999&errorMessage=New')).toEqual({ kind: 'unknown', status: -9999, text: 'New' });
  });
});
