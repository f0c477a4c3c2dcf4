/**
 * A certificate transparency log for tests (RFC 6962): it signs timestamps of precertificates, but stores nothing and
 * serves nothing. Readers of mark certificates know a log by its key alone.
 */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { OctetString } from '@peculiar/asn1-schema';
import { type Extension, extension, oid } from './mark-extensions.ts';

/** What a log signs of a certificate (RFC 6962, 3.2). */
export interface Precertificate {
  /** The TBSCertificate without the extension with the SCTs, DER. */
  readonly tbsCertificate: Uint8Array;
  /** SHA-256 of the issuer's SubjectPublicKeyInfo. */
  readonly issuerKeyHash: Uint8Array;
}

/** The fields of an SCT that differ from the default ones. */
export interface SctFields {
  readonly timestamp: Date;
  /** The extensions of the SCT, which the signature covers. Default: none. */
  readonly extensions?: Uint8Array;
}

/** A log. */
export interface TransparencyLog {
  /** The SubjectPublicKeyInfo, base64: the form that the setting `ctLogs` accepts. */
  readonly key: string;
  /** A signed certificate timestamp of version 1 (RFC 6962, 3.2), as the list of a certificate contains it. */
  sign(precertificate: Precertificate, fields: SctFields): Uint8Array;
}

/** A new key of a log: EC P-256, like those of the real logs. */
export function generateLogKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

/** @param privateKey EC P-256 or RSA, the two kinds that RFC 6962 (2.1.4) allows. */
export function createTransparencyLog(privateKey: KeyObject): TransparencyLog {
  const key = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const logId = createHash('SHA-256').update(key).digest();
  // HashAlgorithm sha256, then SignatureAlgorithm rsa or ecdsa (RFC 5246, 7.4.1.4.1).
  const algorithm = Buffer.of(4, privateKey.asymmetricKeyType === 'rsa' ? 1 : 3);
  return {
    key: key.toString('base64'),
    sign: ({ tbsCertificate, issuerKeyHash }, { timestamp, extensions = new Uint8Array() }) => {
      const version1 = Buffer.of(0);
      const certificateTimestamp = Buffer.of(0);
      const precertEntry = uint(1, 2);
      const time = uint(timestamp.getTime(), 8);
      const signed = Buffer.concat([
        ...[version1, certificateTimestamp, time, precertEntry],
        ...[issuerKeyHash, tlsVector(tbsCertificate, 3), tlsVector(extensions)],
      ]);
      const signature = sign('sha256', signed, privateKey);
      return Buffer.concat([version1, logId, time, tlsVector(extensions), algorithm, tlsVector(signature)]);
    },
  };
}

/** The extension with these SCTs (RFC 6962, 3.3). */
export function sctList(scts: readonly Uint8Array[]): Extension {
  const list = Buffer.concat(scts.map((sct) => tlsVector(sct)));
  return extension(oid.sctList, new OctetString(tlsVector(list)));
}

/** A TLS vector: its length in two or three bytes, then the content. */
function tlsVector(bytes: Uint8Array, lengthBytes = 2): Buffer {
  return Buffer.concat([uint(bytes.length, lengthBytes), bytes]);
}

function uint(value: number, size: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes.subarray(8 - size);
}
