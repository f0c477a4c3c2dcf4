import { attempt, bytesOf, childrenOf, contentsOf, type Element, readDer, readObjectIdentifier, TAG } from './der.ts';

/**
 * A distinguished name in the form in which names are compared: one text for each RDN, in their order. The texts are
 * not for people.
 */
export type CanonicalName = readonly string[];

/** A name as it is written in a certificate or a CRL. */
export interface Name {
  /** The DER of the name. */
  readonly der: Buffer;
  readonly canonical: CanonicalName;
}

/** Between the attributes of an RDN. A prepared value does not contain it. */
const ATTRIBUTE_SEPARATOR = '\n';

const latin1 = (contents: Buffer) => contents.toString('latin1');

/**
 * Decoders for the strings in a name (RFC 5280, 4.1.2.4, and IA5String). Like OpenSSL, they read TeletexString as
 * Latin-1.
 */
const STRINGS: ReadonlyMap<number, (contents: Buffer) => string> = new Map([
  [TAG.utf8String, (contents) => contents.toString('utf8')],
  [TAG.printableString, latin1],
  [TAG.teletexString, latin1],
  [TAG.ia5String, latin1],
  [TAG.bmpString, (contents) => Buffer.from(contents).swap16().toString('utf16le')],
  [TAG.universalString, decodeUtf32],
]);

/** The text of a string in a name; undefined if it is of another type. */
export function textOf(value: Element): string | undefined {
  return STRINGS.get(value.tag)?.(contentsOf(value, value.tag));
}

/** The octets of a string in UTF-8, one character each. So octets of a UTF8String that are no UTF-8 stay different. */
function octetsOf(value: Element): string | undefined {
  if (value.tag === TAG.utf8String) {
    return latin1(contentsOf(value, TAG.utf8String));
  }
  // OpenSSL compares a VisibleString as text too. A report shows it in hex.
  const text = value.tag === TAG.visibleString ? latin1(contentsOf(value, TAG.visibleString)) : textOf(value);
  return text === undefined ? undefined : utf8Octets(text);
}

/** A name in a DER element. It is prepared for comparison only when that is needed. */
export function readName(element: Element): Name {
  let canonical: CanonicalName | undefined;
  return {
    der: bytesOf(element),
    get canonical() {
      canonical ??= canonicalOf(element);
      return canonical;
    },
  };
}

/** The values of the attributes of one type, in their order. */
export function valuesOf({ der }: Name, type: string): readonly Element[] {
  return childrenOf(readDer(der))
    .flatMap((rdn) => childrenOf(rdn, TAG.set))
    .map((attribute) => childrenOf(attribute))
    .flatMap(([oid, value]) => (value && readObjectIdentifier(oid) === type ? [value] : []));
}

/** The canonical form of a name with one attribute in each RDN. */
export function canonicalName(attributes: readonly { readonly oid: string; readonly value: string }[]): CanonicalName {
  return attributes.map(({ oid, value }) => canonicalRdn([`${oid}=${prepare(utf8Octets(value))}`]));
}

/**
 * Whether two names are equal (RFC 5280, 7.1): the case of ASCII letters, spaces at the ends, the number of spaces
 * between words, the string types and the order inside an RDN make no difference. OpenSSL compares them in the same
 * way. The case of other letters makes a difference for OpenSSL, and so it does here.
 */
export function sameName(one: Name, other: Name): boolean {
  return one.der.equals(other.der) || sameCanonical(one.canonical, other.canonical);
}

/** Whether two prepared names are equal. */
export function sameCanonical(one: CanonicalName, other: CanonicalName): boolean {
  return one.length === other.length && one.every((rdn, index) => rdn === other[index]);
}

/** Whether a name begins with all RDNs of another one (RFC 5280, 4.2.1.10). */
export function isWithin(name: CanonicalName, subtree: CanonicalName): boolean {
  return subtree.length <= name.length && subtree.every((rdn, index) => name[index] === rdn);
}

function canonicalRdn(attributes: readonly string[]): string {
  const [first, ...others] = attributes;
  return first !== undefined && others.length === 0 ? first : attributes.toSorted().join(ATTRIBUTE_SEPARATOR);
}

/** A name that cannot be read is only equal to the same bytes. */
function canonicalOf(name: Element): CanonicalName {
  const rdns = attempt(() => childrenOf(name).map((rdn) => childrenOf(rdn, TAG.set).map(canonicalAttribute)));
  return rdns?.map(canonicalRdn) ?? [`#${bytesOf(name).toString('hex')}`];
}

function canonicalAttribute(attribute: Element): string {
  const [type, value] = childrenOf(attribute);
  if (!value) {
    throw new SyntaxError('an attribute has no value');
  }
  const oid = readObjectIdentifier(type);
  const text = attempt(() => octetsOf(value));
  return text === undefined ? `${oid}#${bytesOf(value).toString('hex')}` : `${oid}=${prepare(text)}`;
}

/** The octets of a text in UTF-8, one character each. */
function utf8Octets(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** The text of a UniversalString, which is UTF-32. */
function decodeUtf32(contents: Buffer): string {
  const characters = Array.from({ length: contents.length / 4 }, (_, index) => contents.readUInt32BE(4 * index));
  return characters.map((character) => String.fromCodePoint(character)).join('');
}

/** String preparation as far as receivers do it (RFC 4518, 2.2 and 2.6.1): spaces and the case of ASCII letters. */
function prepare(octets: string): string {
  // Most texts need no replacement of a space.
  const text = /[\t\n\v\f\r]|^ | $| {2}/.test(octets)
    ? octets.replace(/[ \t\n\v\f\r]+/g, ' ').replace(/^ | $/g, '')
    : octets;
  return /[\x80-\xff]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text.toLowerCase();
}
