import { InvalidChainError } from '../invalid-chain.ts';
import { childrenOf, readBeginning, TAG } from '../x509/der.ts';
import { attempt } from '../x509/fields.ts';
import { decodeBase64, isZip, latin1Text } from './bytes.ts';
import { readIntactFiles } from './zip.ts';

/**
 * The label of a PEM block with a private key, encrypted or not, even if the block has no end. The bounds keep the
 * search linear.
 */
export const PRIVATE_KEY = /BEGIN[A-Z0-9\s]{0,40}PRIVATE\s{1,10}KEY/;

/** A PEM block with any label. */
const PEM_BLOCK = /-{4,5}\s*BEGIN[^-]*-{4,5}([^-]*)/g;

/** The file contains a private key and must therefore not be stored. */
export class PrivateKeyFoundError extends InvalidChainError {
  constructor() {
    super('the file contains a private key');
  }
}

/**
 * Whether a file contains a private key anywhere. Such a file must not be stored. Unlike the decoder, this function
 * searches the whole file, even if parts of it are damaged.
 */
export async function containsPrivateKey(bytes: Uint8Array): Promise<boolean> {
  const decoded = decodeBase64(latin1Text(bytes));
  const archive = [bytes, decoded].find(isZip);
  const files = archive ? await readIntactFiles(archive) : [];
  return [bytes, decoded, ...files].some(isKeyFile);
}

/** Whether bytes begin like a private key in DER. Its end may be missing, and other bytes may follow it. */
export function isPrivateKey(bytes: Uint8Array): boolean {
  return bytes[0] === TAG.sequence && attempt(() => beginsLikeKey(bytes)) === true;
}

/**
 * PKCS#1, SEC 1, PKCS#8 and PKCS#12 begin with a version; an encrypted PKCS#8 consists of an algorithm and an OCTET
 * STRING.
 */
function beginsLikeKey(bytes: Uint8Array): boolean {
  const [first, second] = readBeginning(bytes);
  const isOctetString = second === TAG.octetString || second === TAG.constructedOctetString;
  const isEncrypted = first.tag === TAG.sequence && isOctetString && childrenOf(first)[0]?.tag === TAG.objectIdentifier;
  return (first.tag === TAG.integer && second !== undefined) || isEncrypted;
}

function isKeyFile(file: Uint8Array): boolean {
  // In UTF-16, ASCII characters alternate with zero bytes.
  const text = latin1Text(file).replaceAll('\0', '');
  return [file, decodeBase64(text)].some(isPrivateKey) || containsPemKey(text);
}

function containsPemKey(text: string): boolean {
  // Most files are binary, and this test is faster than the regular expressions.
  if (!text.includes('BEGIN')) {
    return false;
  }
  const blocks = [...text.matchAll(PEM_BLOCK)].map(([, base64 = '']) => Buffer.from(base64, 'base64'));
  return PRIVATE_KEY.test(text) || blocks.some(isPrivateKey);
}
