/** Writes DER (X.690). The library for ASN.1 takes milliseconds for a certificate, and the tests issue thousands. */
import { ObjectIdentifier } from 'asn1js';

export const BOOLEAN = 0x01;
export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const UTF8_STRING = 0x0c;
export const PRINTABLE_STRING = 0x13;
export const SEQUENCE = 0x30;
export const SET = 0x31;

/** The identifier of `[number]` with elements as its contents. */
export function explicit(number: number): number {
  return 0xa0 | number;
}

/** An element with these contents. Its length is in one octet below 128; otherwise its first octet counts the others (8.1.3). */
export function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  if (content.length < 0x80) {
    return Buffer.concat([Buffer.of(tag, content.length), content]);
  }
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(content.length);
  const length = octets.subarray(octets.findIndex((octet) => octet !== 0));
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length), length, content]);
}

/** An OBJECT IDENTIFIER in dotted form. */
export function objectIdentifier(dotted: string): Buffer {
  const known = identifiers.get(dotted) ?? Buffer.from(new ObjectIdentifier({ value: dotted }).toBER());
  identifiers.set(dotted, known);
  return known;
}

const identifiers = new Map<string, Buffer>();
