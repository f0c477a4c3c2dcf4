import type { X509Certificate } from 'node:crypto';
import { bytesOf, childrenOf, constructed, type Element, readDer, readObjectIdentifier, TAG } from '../x509/der.ts';

/** The extension with the SCTs of a certificate (RFC 6962, 3.3). */
export const SCT_LIST = '1.3.6.1.4.1.11129.2.4.2';

/**
 * The TBSCertificate that a log signed before the certificate was issued: that of the certificate without the extension
 * with the SCTs (RFC 6962, 3.2). All other bytes stay as they are, and only the lengths around the extension change:
 * what the CA encoded in an unusual way was signed in this way.
 *
 * A CA may sign the precertificate with a certificate for this purpose. That makes no difference here, because logs
 * sign the issuer's name and key identifier of the final certificate in this case too.
 *
 * @throws {SyntaxError} if the certificate does not contain exactly one such extension.
 */
export function precertificateOf({ raw }: Pick<X509Certificate, 'raw'>): Buffer {
  const [tbsCertificate] = childrenOf(readDer(raw));
  const fields = childrenOf(tbsCertificate).map((field) =>
    field.tag === constructed(3) ? withoutSctList(field) : bytesOf(field),
  );
  return encodeElement(TAG.sequence, fields);
}

/** @param field the extensions, [3] EXPLICIT (RFC 5280, 4.1). */
function withoutSctList(field: Element): Buffer {
  const [list] = childrenOf(field, constructed(3));
  const extensions = childrenOf(list);
  const others = extensions.filter((extension) => readObjectIdentifier(childrenOf(extension)[0]) !== SCT_LIST);
  if (extensions.length - others.length !== 1) {
    throw new SyntaxError('the certificate does not contain exactly one list of SCTs');
  }
  return encodeElement(constructed(3), [encodeElement(TAG.sequence, others.map(bytesOf))]);
}

/** Writes an element with a length in its shortest form (X.690, 10.1). */
function encodeElement(tag: number, parts: readonly Uint8Array[]): Buffer {
  const contents = Buffer.concat(parts);
  if (contents.length < 0x80) {
    return Buffer.concat([Buffer.of(tag, contents.length), contents]);
  }
  const octets = Math.ceil(contents.length.toString(16).length / 2);
  const header = Buffer.alloc(2 + octets);
  header.writeUInt8(tag, 0);
  header.writeUInt8(0x80 | octets, 1);
  header.writeUIntBE(contents.length, 2, octets);
  return Buffer.concat([header, contents]);
}
