import { decodeBase64, isZip, latin1Text } from './bytes.ts';
import { childrenOf, readBeginning, TAG } from './der.ts';
import { attempt } from './fields.ts';
import { InvalidChainError } from './invalid-chain.ts';
import { salvage } from './zip.ts';

/** Armour of every kind of private key, encrypted or cut off or not. The bounds keep the search linear. */
export const PRIVATE_KEY = /BEGIN[A-Z0-9\s]{0,40}PRIVATE\s{1,10}KEY/;

/** Any armour at all. */
const ARMOUR = /-{4,5}\s*BEGIN[^-]*-{4,5}([^-]*)/g;

export class PrivateKeyFoundError extends InvalidChainError {
  constructor() {
    super('a private key lies among the certificates');
  }
}

/**
 * Whether a file holds a private key anywhere: such a file is kept nowhere. Unlike the decoder, this looks at everything, and
 * no damage elsewhere in the file stops it.
 */
export async function holdsPrivateKey(bytes: Uint8Array): Promise<boolean> {
  const inner = decodeBase64(latin1Text(bytes));
  const archive = [bytes, inner].find(isZip);
  const files = archive ? await salvage(archive) : [];
  return [bytes, inner, ...files].some(isKeyFile);
}

/** Whether bytes begin as a private key in DER does: its end may be missing, and something may be behind it. */
export function isPrivateKey(bytes: Uint8Array): boolean {
  return bytes[0] === TAG.sequence && attempt(() => beginsAsKey(bytes)) === true;
}

/** PKCS#1, SEC 1, PKCS#8 and PKCS#12 begin with a version, an encrypted PKCS#8 is an algorithm and bytes. */
function beginsAsKey(bytes: Uint8Array): boolean {
  const [first, second] = readBeginning(bytes);
  const isBytes = second === TAG.octetString || second === TAG.octetStrings;
  const isEncrypted = first.tag === TAG.sequence && isBytes && childrenOf(first)[0]?.tag === TAG.objectIdentifier;
  return (first.tag === TAG.integer && second !== undefined) || isEncrypted;
}

function isKeyFile(file: Uint8Array): boolean {
  // Text of 16 bits a character is text between zero bytes.
  const text = latin1Text(file).replaceAll('\0', '');
  return [file, decodeBase64(text)].some(isPrivateKey) || holdsArmouredKey(text);
}

function holdsArmouredKey(text: string): boolean {
  // Most files are binary, in which this is found out faster than by the expressions.
  if (!text.includes('BEGIN')) {
    return false;
  }
  const blocks = [...text.matchAll(ARMOUR)].map(([, base64 = '']) => Buffer.from(base64, 'base64'));
  return PRIVATE_KEY.test(text) || blocks.some(isPrivateKey);
}
