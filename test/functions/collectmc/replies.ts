import { expect } from 'vitest';
import { type Container, type Reply, type ResponseHeaders, readReply } from '../../../functions/collectmc/reply.ts';
import { armouredPkcs7, base64Lines, pem, pkcs7, zip } from '../../../infra/local/ca/containers.ts';
import { withoutLengths } from '../certificate/container/damage.ts';
import { identifier, octetString, sequence } from '../certificate/der.ts';

/**
 * Bytes in the form of certificates, which is all that the reader checks. Their base64 has `+`, `/` and padding. They are
 * short, because many tests cut a reply at every byte; a length above 255 has two octets, as in real certificates.
 */
export const certificates = [260, 330, 400].map((size, i) =>
  sequence(octetString(Buffer.alloc(size, Buffer.of(0xfb, 0xef, 0xff, i)))),
);
/** The object identifier of signedData, with which the contents of a PKCS#7 begin. */
export const SIGNED_DATA = identifier('1.2.840.113549.1.7.2');
export const certsOnly = Buffer.from(pkcs7(certificates, 'degenerate'));
export const signedEmpty = Buffer.from(pkcs7(certificates, 'signed-empty'));
export const indefinite = withoutLengths(certsOnly);
/** Certificates in DER, one behind the other. Each begins with a SEQUENCE in a SEQUENCE. */
export const concatenated = Buffer.concat(certificates.map((each) => sequence(each)));
export const archive = Buffer.from(zip(certificates));
export const commentedArchive = commented(archive, 'with a comment');

export const PLAIN = { 'content-type': 'text/plain' } satisfies ResponseHeaders;

export function answered(body: string | Uint8Array, headers: ResponseHeaders = PLAIN): Reply {
  return readReply(200, headers, Buffer.from(body));
}

/** The container of an issued reply, with a payload that can be compared. */
export function payloadOf(reply: Reply): { container: Container; payload: Buffer } | undefined {
  return reply.kind === 'issued' ? { container: reply.container, payload: Buffer.from(reply.payload) } : undefined;
}

/** An outage without a body. */
export function outage(text: unknown): unknown {
  return { kind: 'waiting', reason: 'outage', text };
}

/** An outage that is read from a body. It has no status; its text begins with a description. */
export function unreadable(description: string): unknown {
  return { kind: 'waiting', reason: 'outage', text: expect.stringMatching(`^${description}(: .|$)`), unreadable: true };
}

export const NO_REPLY = '\\d+ bytes that are not a reply of CollectMC';

/** An archive with a comment. The last two bytes before the comment are its length. */
function commented(whole: Buffer, comment: string): Buffer {
  const copy = Buffer.concat([whole, Buffer.from(comment)]);
  copy.writeUInt16LE(comment.length, whole.length - 2);
  return copy;
}

/** Every form of an issued reply: its body, and the container in it. */
export const issuedShapes: readonly (readonly [string, string | Buffer, Container, string | Buffer])[] = [
  ['binary PKCS#7, certificates only', certsOnly, 'pkcs7', certsOnly],
  ['binary PKCS#7 with an empty content and a signer', signedEmpty, 'pkcs7', signedEmpty],
  ['binary PKCS#7 without lengths (BER)', indefinite, 'pkcs7', indefinite],
  ['certificates in DER, one behind the other', concatenated, 'pkcs7', concatenated],
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

export const PAGE = `<!DOCTYPE html>
<html><body><h1>Maintenance</h1>0</body></html>
`;
