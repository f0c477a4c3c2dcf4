import { type BaseBlock, fromBER, Integer, OctetString, Sequence } from 'asn1js';
import { children, fromBase64, isDer, isZip, textOf } from './bytes.ts';
import { attempt } from './fields.ts';
import { InvalidChain } from './invalid-chain.ts';
import { salvage } from './zip.ts';

/** Armour of every kind of private key, encrypted or cut off or not. The bounds keep the search linear. */
export const PRIVATE_KEY = /BEGIN[A-Z0-9\s]{0,40}PRIVATE\s{1,10}KEY/;

/** Any armour at all. */
const ARMOUR = /-{4,5}\s*BEGIN[^-]*-{4,5}([^-]*)/g;

export class PrivateKeyFound extends InvalidChain {
  constructor() {
    super('a private key lies among the certificates');
  }
}

/**
 * Whether a file holds a private key anywhere: such a file is kept nowhere. Unlike the decoder, this looks at everything, and
 * no damage elsewhere in the file stops it.
 */
export async function holdsPrivateKey(bytes: Uint8Array): Promise<boolean> {
  const inner = fromBase64(textOf(bytes));
  const archive = [bytes, inner].find(isZip);
  const files = archive ? await salvage(archive) : [];
  return [bytes, inner, ...files].some(isKeyFile);
}

/** A private key as a structure: PKCS#1, SEC 1, PKCS#8 and PKCS#12 begin with a version, an encrypted PKCS#8 is an algorithm and bytes. */
export function isPrivateKey(block: BaseBlock): boolean {
  const [first, second, ...others] = block instanceof Sequence ? children(block) : [];
  const isEncrypted = first instanceof Sequence && second instanceof OctetString && others.length === 0;
  return (first instanceof Integer && second !== undefined) || isEncrypted;
}

function isKeyFile(file: Uint8Array): boolean {
  // Text of 16 bits a character is text between zero bytes.
  const text = textOf(file).replaceAll('\0', '');
  const blocks = [...text.matchAll(ARMOUR)].map(([, base64 = '']) => Buffer.from(base64, 'base64'));
  return PRIVATE_KEY.test(text) || [file, fromBase64(text), ...blocks].some(isKeyDer);
}

function isKeyDer(der: Uint8Array): boolean {
  const block = isDer(der) ? attempt(() => fromBER(der).result) : undefined;
  return block !== undefined && isPrivateKey(block);
}
