import { attempt, childrenOf, constructed, type Element, readBer, readObjectIdentifier, TAG } from '../x509/der.ts';
import { isTime } from '../x509/time.ts';
import { decodeText, isDer } from './bytes.ts';
import { isGzip, locateZip } from './zip.ts';

/** PKCS#7 signedData (RFC 2315, 14). */
export const SIGNED_DATA = '1.2.840.113549.1.7.2';

/** The first bytes of files that people confuse with a chain. */
const MAGICS: readonly (readonly [beginning: string, kind: string])[] = [
  ['%PDF-', 'a PDF document'],
  ['\x89PNG', 'a PNG picture'],
  ['\xff\xd8\xff', 'a JPEG picture'],
  ['GIF8', 'a GIF picture'],
  ['{\\rtf', 'an RTF document'],
  ['\xd0\xcf\x11\xe0', 'a document of Microsoft Office or Outlook'],
  ['7z\xbc\xaf', 'a 7z archive'],
  ['Rar!', 'a RAR archive'],
  ['MZ', 'a program'],
];

/** How texts begin that are not only text. */
const TEXTS: readonly (readonly [beginning: RegExp, kind: string])[] = [
  [/^\s*<(?:!doctype html|html|head|body|title)\b/i, 'an HTML page'],
  [/^\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--[^>]{0,1000}-->\s*)?<svg\b/i, 'an SVG picture'],
  [/^\s*<\?xml\b/i, 'an XML document'],
  [/^\s*[{[]\s*["{[\]}]/, 'JSON'],
];

/** A byte that text does not contain: a control character of C0 or DEL that is no white space. */
const BINARY = /[^\P{Cc}\s\u0080-\u009f]/u;

/** How much of a text decides. */
const BEGINNING = 4096;

/** What bytes are, as a noun: for a reason, and for the names of what was ignored. */
export function kindOf(bytes: Buffer): string {
  if (bytes.length === 0) {
    return 'empty';
  }
  const beginning = bytes.toString('latin1', 0, 8);
  const magic = MAGICS.find(([each]) => beginning.startsWith(each));
  if (magic) {
    return magic[1];
  }
  if (isGzip(bytes)) {
    return 'a gzip file';
  }
  if (locateZip(bytes)) {
    return 'a ZIP archive';
  }
  return (isDer(bytes) && kindOfDer(bytes)) || kindOfText(decodeText(bytes.subarray(0, BEGINNING)));
}

function kindOfText(text: string): string {
  if (/^[\s\0]*$/.test(text)) {
    return 'white space';
  }
  const known = TEXTS.find(([beginning]) => beginning.test(text));
  return known ? known[1] : BINARY.test(text) ? 'binary data' : 'text';
}

/** What a SEQUENCE is by its elements, if it is a known structure but not a certificate. */
export function kindOfDer(der: Uint8Array): string | undefined {
  return attempt(() => {
    const children = childrenOf(readBer(der));
    const [first, second, third] = children;
    switch (tagsOf(children).join(' ')) {
      case `${TAG.objectIdentifier} ${constructed(0)}`:
        return kindOfPkcs7(readObjectIdentifier(first));
      case `${TAG.sequence} ${TAG.bitString}`:
        return 'a public key';
      case `${TAG.integer} ${TAG.integer}`:
      case `${TAG.integer} ${TAG.integer} ${TAG.integer}`:
        return 'a public key or its parameters';
      case `${TAG.sequence} ${TAG.sequence} ${TAG.bitString}`:
        return kindOfSigned(first);
      default:
        // OCSPResponse begins with an ENUMERATED, and explicit parameters of a curve with a version (RFC 6960, RFC 3279).
        return first?.tag === TAG.enumerated
          ? 'an OCSP response'
          : first?.tag === TAG.integer && second?.tag === TAG.sequence && third?.tag === TAG.sequence
            ? 'parameters of a key'
            : undefined;
    }
  });
}

function kindOfPkcs7(type: string): string | undefined {
  return type === SIGNED_DATA ? undefined : `PKCS#7 of the type ${type}`;
}

/** The signed structures beside certificates: a request (RFC 2986) and a revocation list (RFC 5280, 5.1). */
function kindOfSigned(signed: Element | undefined): string | undefined {
  const tags = tagsOf(childrenOf(signed));
  const fields = tags.filter((tag) => tag !== TAG.integer);
  if (tags[0] === TAG.integer && fields[0] === TAG.sequence && fields[1] === TAG.sequence && tags[3] !== TAG.sequence) {
    return isTime(tags[3]) ? 'a revocation list' : 'a certificate request';
  }
  return isTime(tags[2]) ? 'a revocation list' : undefined;
}

function tagsOf(elements: readonly Element[]): number[] {
  return elements.map(({ tag }) => tag);
}
