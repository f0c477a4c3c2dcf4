/** Writes the containers in which the CA sends a chain. `functions/certificate` reads them. */
import { generateKeyPairSync, sign } from 'node:crypto';
import {
  Constructed,
  Integer,
  Null,
  ObjectIdentifier,
  OctetString,
  Primitive,
  Sequence,
  Set as SetOf,
  Utf8String,
} from 'asn1js';
import { zipSync } from 'fflate';

/**
 * - `degenerate`: certificates only, without digest, content and signer; "certs-only" in RFC 5652 and in tools.
 * - `signed-empty`: a SHA-256 digest set, an empty content and one signer, as in the sample of the CA's documentation.
 */
export type Pkcs7Form = 'degenerate' | 'signed-empty';

const oid = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  sha256: '2.16.840.1.101.3.4.2.1',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
} as const;

/**
 * A PKCS#7 (RFC 5652 SignedData, DER) with the certificates in this order, byte for byte. They need not be valid.
 *
 * @param certificates each one DER.
 */
export function pkcs7(certificates: readonly Uint8Array[], form: Pkcs7Form = 'degenerate'): Uint8Array {
  const signed = form === 'signed-empty';
  const signedData = new Sequence({
    value: [
      new Integer({ value: 1 }),
      new SetOf({ value: signed ? [sha256()] : [] }),
      new Sequence({
        value: [
          new ObjectIdentifier({ value: oid.data }),
          ...(signed ? [tagged(new OctetString({ valueHex: new Uint8Array() }))] : []),
        ],
      }),
      verbatim(certificates),
      new SetOf({ value: signed ? [signerInfo()] : [] }),
    ],
  });
  const contentInfo = new Sequence({ value: [new ObjectIdentifier({ value: oid.signedData }), tagged(signedData)] });
  return new Uint8Array(contentInfo.toBER());
}

/** The text form of {@link pkcs7}, between the boundaries `-----BEGIN PKCS7-----` and `-----END PKCS7-----`. */
export function armouredPkcs7(certificates: readonly Uint8Array[], form: Pkcs7Form = 'degenerate'): string {
  return armoured('PKCS7', pkcs7(certificates, form));
}

/** PEM: one block for each DER certificate, in this order, in lines of 64 columns that end with LF. */
export function pem(certificates: readonly Uint8Array[]): string {
  return certificates.map((certificate) => armoured('CERTIFICATE', certificate)).join('');
}

/**
 * Base64 in lines of 64 columns that end with LF: the content of an armoured block. The CA also sends it without the
 * boundaries.
 */
export function base64Lines(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('base64')
    .replaceAll(/.{1,64}/g, '$&\n');
}

function armoured(label: string, bytes: Uint8Array): string {
  return `-----BEGIN ${label}-----\n${base64Lines(bytes)}-----END ${label}-----\n`;
}

/** `certificates [0]`: the bytes are not parsed, so that a damaged certificate stays damaged. */
function verbatim(certificates: readonly Uint8Array[]): Primitive {
  const set = new Primitive({
    idBlock: { tagClass: 3, tagNumber: 0 },
    valueHex: new Uint8Array(Buffer.concat(certificates)),
  });
  set.idBlock.isConstructed = true;
  return set;
}

/** `[0] EXPLICIT`. */
function tagged(value: Sequence | OctetString): Constructed {
  return new Constructed({ idBlock: { tagClass: 3, tagNumber: 0 }, value: [value] });
}

function sha256(): Sequence {
  return new Sequence({ value: [new ObjectIdentifier({ value: oid.sha256 }), new Null()] });
}

/** A signature of the empty content with a temporary key. The signer is not part of the chain. */
function signerInfo(): Sequence {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const commonName = new Sequence({
    value: [new ObjectIdentifier({ value: oid.commonName }), new Utf8String({ value: 'Signer outside of the chain' })],
  });
  const issuer = new Sequence({ value: [new SetOf({ value: [commonName] })] });
  return new Sequence({
    value: [
      new Integer({ value: 1 }),
      new Sequence({ value: [issuer, new Integer({ value: 1 })] }),
      sha256(),
      new Sequence({ value: [new ObjectIdentifier({ value: oid.ecdsaWithSha256 })] }),
      new OctetString({ valueHex: new Uint8Array(sign('sha256', new Uint8Array(), privateKey)) }),
    ],
  });
}

/**
 * A ZIP as the CA sends it: one file for each certificate, and a note to the customer.
 *
 * @param form the content of the files. The CA documents neither this nor the file names.
 */
export function zip(certificates: readonly Uint8Array[], form: 'pem' | 'der' = 'pem'): Uint8Array {
  const files = certificates.map((certificate, index) => [
    `certificates/${index}.${form === 'pem' ? 'pem' : 'crt'}`,
    form === 'pem' ? Buffer.from(pem([certificate])) : certificate,
  ]);
  return zipSync({
    ...Object.fromEntries(files),
    'README.txt': Buffer.from('0. Install the certificates in this order.\n'),
  });
}
