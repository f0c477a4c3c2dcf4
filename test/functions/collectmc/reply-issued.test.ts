import { describe, expect, test } from 'vitest';
import { readReply } from '../../../functions/collectmc/reply.ts';
import { armouredPkcs7, pem } from '../../../infra/local/ca/containers.ts';
import { spaced } from '../certificate/container/damage.ts';
import { sequence } from '../certificate/der.ts';
import { answered, archive, certificates, certsOnly, issuedShapes, PLAIN, payloadOf, SIGNED_DATA } from './replies.ts';

describe('An issued reply', () => {
  test.each(issuedShapes)('is read from %s.', (_, body, container, payload) => {
    const reply = answered(body);

    expect(reply).toMatchObject({ kind: 'issued', status: 2, container });
    expect(payloadOf(reply)).toEqual({ container, payload: Buffer.from(payload) });
  });

  test.each(issuedShapes.filter(([, body]) => typeof body === 'string'))(
    'is read from %s with CRLF and a byte order mark.',
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
  ])('is read with boundaries like those of the documentation: %s.', (_, body, container) => {
    expect(payloadOf(answered(body))).toEqual({ container, payload: Buffer.from(body.replace(/^2\n/, '').trim()) });
  });

  test('keeps the plus signs of base64.', () => {
    const base64 = certsOnly.toString('base64');
    expect(base64).toMatch(/\+.*\//s);
    expect(base64).toMatch(/=$/);

    expect(payloadOf(answered(`2\n${base64}`))?.payload).toEqual(certsOnly);
    expect(payloadOf(answered(`2\n${base64.replaceAll('+', ' ')}`))).toBeUndefined();
  });

  test('keeps the text before and between the PEM blocks.', () => {
    const [root = '', ...others] = certificates.map((certificate) => pem([certificate]));
    const body = ['subject=Leaf, a name', root, 'subject=Issuer', ...others].join('\n');

    expect(payloadOf(answered(body))).toEqual({ container: 'pem', payload: Buffer.from(body.trim()) });
  });

  const QUOTE = '-----BEGIN CERTIFICATE-----';

  test.each([
    ['a BEGIN line alone', QUOTE],
    ['the words of a BEGIN line', `Copy everything from ${QUOTE}`],
    ['a sentence after a BEGIN line', `Each block begins with ${QUOTE} and so on`],
    ['May', `${QUOTE} May be followed by more`],
    ['both boundaries', `Copy from ${QUOTE} to -----END CERTIFICATE-----, please.`],
    ['an END line alone', '-----END CERTIFICATE-----'],
    ['a line of dashes', '--------------------'],
  ])('is complete with a note before, between or behind its blocks that contains %s.', (name, note) => {
    const [first = '', ...others] = certificates.map((certificate) => pem([certificate]));
    // At the end, a BEGIN line alone is where a truncated body ends.
    const behind = name === 'a BEGIN line alone' ? `${note}\nThank you.` : note;
    for (const lines of [
      [note, first, ...others],
      [first, note, ...others],
      [first, ...others, behind],
      [note, first, note, ...others, behind],
    ]) {
      const body = lines.join('\n');
      for (const text of [body, body.replaceAll('\n', '\r\n')]) {
        expect(payloadOf(answered(`2\n${text}`))?.payload).toEqual(Buffer.from(text.trim()));
      }
    }
  });

  test.each([
    ['none', {}],
    ['the one the documentation prints', { 'content-type': 'text\\plain' }],
    ['HTML', { 'content-type': 'text/html; charset=utf-8' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['JSON', { 'content-type': 'application/json' }],
    ['one of ZIP', { 'content-type': 'application/zip' }],
  ])('does not depend on the content type, nor does a pending one: %s.', (_, headers) => {
    expect(payloadOf(answered(certsOnly, headers))).toEqual({ container: 'pkcs7', payload: certsOnly });
    expect(payloadOf(answered(archive, headers))).toEqual({ container: 'zip', payload: archive });
    expect(payloadOf(answered(`2\n${pem(certificates)}`, headers))?.container).toBe('pem');
    expect(answered('0', headers)).toMatchObject({ kind: 'waiting', reason: 'processing', status: 0 });
  });

  test('is read from a part of a larger buffer.', () => {
    const around = Buffer.concat([Buffer.from('before'), archive, Buffer.from('after')]);

    const reply = readReply(200, PLAIN, new Uint8Array(around.buffer, around.byteOffset + 6, archive.length));

    expect(payloadOf(reply)).toEqual({ container: 'zip', payload: archive });
  });

  test('is read from a ZIP with a newline after its end record.', () => {
    expect(payloadOf(answered(Buffer.concat([archive, Buffer.from('\n')])))?.container).toBe('zip');
  });

  test('is read from BER that begins and ends like PKCS#7.', () => {
    const body = Buffer.concat([Buffer.of(0x30, 0x80), SIGNED_DATA, Buffer.alloc(100, 7), Buffer.of(0, 0)]);

    expect(payloadOf(answered(body))).toEqual({ container: 'pkcs7', payload: body });
  });

  test.each([128, 255, 256, 65_535, 65_536, 300_000])('is read from DER with %i bytes of content.', (size) => {
    const der = sequence(Buffer.alloc(size, SIGNED_DATA));

    expect(payloadOf(answered(der))).toEqual({ container: 'pkcs7', payload: der });
    expect(payloadOf(answered(Buffer.concat([der, Buffer.of(0)])))).toBeUndefined();
    expect(payloadOf(answered(der.subarray(0, -1)))).toBeUndefined();
  });

  test.each([
    ['a PKCS#7 without certificates', sequence(SIGNED_DATA)],
    ['a certificate alone', sequence(Buffer.alloc(200, 0x30))],
  ])('is read from containers without a chain too, so that their fault is reported: %s.', (_, der) => {
    expect(payloadOf(answered(der))).toEqual({ container: 'pkcs7', payload: der });
  });
});
