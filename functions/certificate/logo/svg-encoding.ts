/** What the first bytes say about the encoding of an XML file (XML 1.0, appendix F). Order: longer ones first. */
const SIGNATURES = [
  { encoding: 'utf-32', bytes: [0xff, 0xfe, 0, 0] },
  { encoding: 'utf-32', bytes: [0, 0, 0xfe, 0xff] },
  { encoding: 'utf-8', bytes: [0xef, 0xbb, 0xbf] },
  { encoding: 'utf-16le', bytes: [0xff, 0xfe] },
  { encoding: 'utf-16be', bytes: [0xfe, 0xff] },
  { encoding: 'utf-16le', bytes: [0x3c, 0, 0x3f, 0] },
  { encoding: 'utf-16be', bytes: [0, 0x3c, 0, 0x3f] },
] as const;

/** XML 1.0, 2.8 and 4.3.3. */
const DECLARATION = /^\ufeff?<\?xml\s[^>]*?\sencoding\s*=\s*(["'])([A-Za-z][\w.-]*)\1/;

/** Encodings that the standard of `TextDecoder` replaces by windows-1252. */
const ASCII = new Set(['us-ascii', 'ascii', 'iso646-us', 'ansi_x3.4-1968']);
const LATIN_1 = new Set(['iso-8859-1', 'iso_8859-1', 'latin1', 'l1']);

/**
 * Decodes a logo as its encoding declaration says; without one, XML files are UTF-8 or UTF-16 with a byte order mark.
 *
 * @returns the text, possibly with a byte order mark.
 * @throws {SyntaxError} if the bytes contradict the declaration, or the encoding is not known.
 */
export function decodeSvg(svg: Uint8Array): string {
  const seen = SIGNATURES.find(({ bytes }) => bytes.every((byte, at) => svg[at] === byte))?.encoding;
  const declaration =
    seen === 'utf-16le' || seen === 'utf-16be'
      ? new TextDecoder(seen, { ignoreBOM: true }).decode(svg)
      : Buffer.from(svg).toString('latin1').replace(/^ï»¿/, '');
  const declared = DECLARATION.exec(declaration)?.[2]?.toLowerCase();
  const actual = declared === undefined ? (seen ?? 'utf-8') : matchDeclared(declared, seen, svg);
  const text = LATIN_1.has(actual) ? Buffer.from(svg).toString('latin1') : decode(svg, actual);
  if (text === undefined) {
    throw new SyntaxError(declared === undefined ? `its bytes are not ${actual}` : contradiction(declared));
  }
  return text;
}

/** The encoding of the bytes, if it agrees with the declared one. */
function matchDeclared(declared: string, seen: string | undefined, svg: Uint8Array): string {
  const isUtf16 = seen === 'utf-16le' || seen === 'utf-16be';
  if (declared === 'utf-16') {
    // XML 1.0, 4.3.3: such a file begins with a byte order mark.
    const [first = 0] = svg;
    if (isUtf16 && first >= 0xfe) {
      return seen;
    }
    throw new SyntaxError(contradiction(declared));
  }
  const known = encodingOf(declared);
  if (known === undefined) {
    throw new SyntaxError(`it declares the encoding ${declared.slice(0, 30)}, which is not known`);
  }
  const isExpected = seen === undefined ? !known.startsWith('utf-16') : known === seen;
  if (!isExpected || (ASCII.has(declared) && svg.some((byte) => byte > 0x7f))) {
    throw new SyntaxError(contradiction(declared));
  }
  // Nearly every byte sequence is possible in an encoding of one byte. Text beyond ASCII is hardly ever valid UTF-8 by
  // accident.
  if (
    known !== 'utf-8' &&
    seen === undefined &&
    svg.some((byte) => byte > 0x7f) &&
    decode(svg, 'utf-8') !== undefined
  ) {
    throw new SyntaxError(`${contradiction(declared)}: they are UTF-8`);
  }
  return LATIN_1.has(declared) ? declared : known;
}

function contradiction(declared: string): string {
  return `it declares the encoding ${declared.slice(0, 30)}, but its bytes are not in this encoding`;
}

/** The name of an encoding in its standard form. */
function encodingOf(label: string): string | undefined {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return undefined;
  }
}

function decode(svg: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(svg);
  } catch {
    return undefined;
  }
}
