import { X509Certificate } from 'node:crypto';
import { type BaseBlock, Constructed, fromBER, Integer, ObjectIdentifier, Sequence } from 'asn1js';
import { InvalidChain } from './invalid-chain.ts';
import { unzip } from './zip.ts';

/** A chain has three or four certificates; a file with cross-signed and surplus ones stays far below this. */
const CERTIFICATE_LIMIT = 20;

/** The largest real chain is 19 KB as PEM. */
const SIZE_LIMIT = 1024 * 1024;

/** PKCS#7 signedData (RFC 2315, 14). */
const SIGNED_DATA = '1.2.840.113549.1.7.2';

/** One armoured block, read tolerantly: the CA's documentation prints inner spaces and, once, four dashes. */
const BLOCK = /-{4,5} *BEGIN ([A-Z0-9#]+(?: [A-Z0-9#]+)*) *-{4,5}([^-]*)-{4,5} *END \1 *-{4,5}/g;

/** Also one that is encrypted (its headers hold dashes, so it is no {@link BLOCK}) or never ends. */
const PRIVATE_KEY = /-{4,5} *BEGIN [A-Z0-9 ]*PRIVATE KEY/;
const CERTIFICATE_LABEL = /^(X509 |TRUSTED )?CERTIFICATE$/;
const PKCS7_LABEL = /^(PKCS ?#?7|CMS)( SIGNED DATA)?$/;

/** Base64 alone, perhaps under a status line: how CollectMC sends binary containers as text. */
const BASE64 = /^(?:2[ \t]*\r?\n)?([A-Za-z0-9+/\s]+={0,2})$/;

/**
 * Takes the certificates out of a container: PKCS#7 (with or without a signer, DER, BER or armoured), PEM, ZIP, base64 of a
 * binary one, or one certificate in DER. Duplicates are dropped. The order of the container means nothing, so the
 * certificates come in an order of their own: the longest valid first, then by fingerprint.
 *
 * @throws {InvalidChain} where there is a private key, bytes that are no certificate, or more than the limits.
 */
export async function decodeCertificates(bytes: Uint8Array): Promise<X509Certificate[]> {
  if (bytes.length > SIZE_LIMIT) {
    throw new InvalidChain(`more than ${SIZE_LIMIT} bytes`);
  }
  const ders = isZip(bytes) ? fromFiles(await unzip(bytes)) : await fromText(bytes);
  const distinct = new Map(ders.map((der) => [Buffer.from(der).toString('latin1'), der]));
  if (distinct.size > CERTIFICATE_LIMIT) {
    throw new InvalidChain(`more than ${CERTIFICATE_LIMIT} certificates in one file`);
  }
  return [...distinct.values()]
    .map(parseCertificate)
    .sort(
      (a, b) => b.validToDate.getTime() - a.validToDate.getTime() || (a.fingerprint256 < b.fingerprint256 ? -1 : 1),
    );
}

/** Whether a file holds a private key: such a file is kept nowhere. */
export async function holdsPrivateKey(bytes: Uint8Array): Promise<boolean> {
  try {
    await decodeCertificates(bytes);
    return false;
  } catch (error) {
    return error instanceof PrivateKeyFound;
  }
}

class PrivateKeyFound extends InvalidChain {
  constructor() {
    super('a private key lies among the certificates');
  }
}

async function fromText(bytes: Uint8Array): Promise<Uint8Array[]> {
  if (isDer(bytes)) {
    return fromDer(bytes);
  }
  const text = Buffer.from(bytes).toString('latin1');
  const [, base64] = BASE64.exec(text.trim()) ?? [];
  const binary = base64 === undefined ? new Uint8Array() : Buffer.from(base64, 'base64');
  if (isZip(binary)) {
    return fromFiles(await unzip(binary));
  }
  return isDer(binary) ? fromDer(binary) : fromArmour(text);
}

/** Files of an archive: told apart by content. What is no certificate is a note to the customer. */
function fromFiles(files: readonly Uint8Array[]): Uint8Array[] {
  return files.flatMap((file) => {
    if (!isDer(file)) {
      return fromArmour(Buffer.from(file).toString('latin1'));
    }
    try {
      return fromDer(file);
    } catch (error) {
      if (error instanceof PrivateKeyFound) {
        throw error;
      }
      return [];
    }
  });
}

function fromArmour(text: string): Uint8Array[] {
  if (PRIVATE_KEY.test(text)) {
    throw new PrivateKeyFound();
  }
  return [...text.matchAll(BLOCK)].flatMap(([, label = '', base64 = '']) => {
    const der = Buffer.from(base64, 'base64');
    if (PKCS7_LABEL.test(label)) {
      return fromDer(der);
    }
    return CERTIFICATE_LABEL.test(label) ? [der] : [];
  });
}

/** A certificate's first member is a SEQUENCE, PKCS#7's an OBJECT IDENTIFIER, and that of every form of private key an INTEGER. */
function fromDer(der: Uint8Array): Uint8Array[] {
  const { result, offset } = parse(der);
  const [first, content] = result instanceof Sequence ? result.valueBlock.value : [];
  if (offset === -1 || !content) {
    throw new InvalidChain('the bytes are neither PKCS#7 nor a certificate');
  }
  if (first instanceof Integer) {
    throw new PrivateKeyFound();
  }
  if (!(first instanceof ObjectIdentifier)) {
    return [der];
  }
  if (first.valueBlock.toString() !== SIGNED_DATA) {
    throw new InvalidChain(`a PKCS#7 of the type ${first.valueBlock.toString()} holds no certificates`);
  }
  return certificatesOf(content);
}

/** SignedData.certificates: [0] IMPLICIT SET OF. The bytes of each are taken as they stand: encoding them anew could differ. */
function certificatesOf(content: BaseBlock): Uint8Array[] {
  const [signedData] = children(content);
  const certificates =
    signedData && children(signedData).find(({ idBlock }) => idBlock.tagClass === 3 && idBlock.tagNumber === 0);
  return (certificates ? children(certificates) : [])
    .filter((choice) => choice instanceof Sequence)
    .map((certificate) => certificate.valueBeforeDecodeView);
}

function children(block: BaseBlock): BaseBlock[] {
  return block instanceof Constructed ? block.valueBlock.value : [];
}

function parse(der: Uint8Array): ReturnType<typeof fromBER> {
  try {
    return fromBER(der);
  } catch (cause) {
    throw new InvalidChain('the bytes are no ASN.1', { cause });
  }
}

function parseCertificate(der: Uint8Array): X509Certificate {
  try {
    // Given text, the constructor would look for armour in it.
    if (!isDer(der)) {
      throw new TypeError('not a SEQUENCE');
    }
    const certificate = new X509Certificate(der);
    if (Number.isNaN(certificate.validFromDate.getTime()) || Number.isNaN(certificate.validToDate.getTime())) {
      throw new TypeError('no validity');
    }
    return certificate;
  } catch (cause) {
    throw new InvalidChain('one of the certificates cannot be read', { cause });
  }
}

/**
 * A SEQUENCE of 128 bytes or more, as every certificate and container is, or a short one of just this length, as private keys
 * can be. Text may begin with the tag, `0`, too.
 */
function isDer(bytes: Uint8Array): boolean {
  const [tag, length = 0] = bytes;
  return tag === 0x30 && (length >= 0x80 || length + 2 === bytes.length);
}

function isZip(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 4)).toString('latin1') === 'PK\x03\x04';
}
