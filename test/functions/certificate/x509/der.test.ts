import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bytesOf,
  childrenOf,
  constructed,
  contentsOf,
  type Element,
  primitive,
  readBer,
  readBitString,
  readBoolean,
  readDer,
  readInteger,
  readObjectIdentifier,
  TAG,
} from '../../../../functions/certificate/x509/der.ts';
import { der, identifier } from '../der.ts';

function hex(digits: string): Buffer {
  return Buffer.from(digits.replaceAll(' ', ''), 'hex');
}

/** An element as a value. The contents of a constructed element are its elements. */
interface Tree {
  readonly tag: number;
  readonly contents: string | readonly Tree[];
}

function treeOf(element: Element): Tree {
  const { tag } = element;
  const isConstructed = (tag & 0x20) !== 0;
  return { tag, contents: isConstructed ? childrenOf(element, tag).map(treeOf) : contentsOf(element, tag).toString() };
}

type Form = 'shortest' | 'longer' | 'indefinite';

/** Writes an element. The lengths have these forms in turn. */
function write({ tag, contents }: Tree, forms: readonly Form[]): Buffer {
  const [form = 'shortest', ...others] = forms;
  const next = [...others, form];
  const isText = typeof contents === 'string';
  const inside = isText ? Buffer.from(contents) : Buffer.concat(contents.map((each) => write(each, next)));
  if (form === 'indefinite' && !isText) {
    return Buffer.concat([Buffer.of(tag, 0x80), inside, Buffer.of(0, 0)]);
  }
  if (form === 'longer') {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(inside.length);
    return Buffer.concat([Buffer.of(tag, 0x84), length, inside]);
  }
  return der(tag, inside);
}

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    fc.record({ tag: fc.constantFrom(0x02, 0x04, 0x0c, 0x82), contents: fc.string({ maxLength: 300 }) }),
    fc.record({ tag: fc.constantFrom(0x30, 0x31, 0xa0, 0xa3), contents: fc.array(tie('tree'), { maxLength: 4 }) }),
  ),
}));

describe('A written element is read unchanged', () => {
  test('in DER.', () => {
    fc.assert(
      fc.property(tree, (written) => {
        const bytes = write(written, []);
        expect(treeOf(readDer(bytes))).toEqual(written);
        expect(bytesOf(readDer(bytes))).toEqual(bytes);
      }),
    );
  });

  test('in BER with any forms of lengths, and bytes after it.', () => {
    const forms = fc.array(fc.constantFrom<Form>('shortest', 'longer', 'indefinite'), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(tree, forms, fc.uint8Array({ maxLength: 5 }), (written, lengths, rest) => {
        const ber = write(written, lengths);
        const element = readBer(Buffer.concat([ber, rest]));
        expect(treeOf(element)).toEqual(written);
        expect(bytesOf(element)).toEqual(ber);
      }),
    );
  });

  test('inside a larger buffer.', () => {
    const around = hex('ff 3003020105 ff');
    const element = readDer(new Uint8Array(around.buffer, around.byteOffset + 1, 5));
    expect(readInteger(childrenOf(element)[0])).toBe(5);
  });

  test('even if it is nested very deeply.', () => {
    const levels = 100_000;
    const deep = Buffer.concat([Buffer.alloc(2 * levels, hex('3080')), Buffer.alloc(2 * levels)]);
    expect(childrenOf(readBer(deep)).map(({ next }) => next)).toEqual([deep.length - 2]);
  });
});

describe('No element is read from', () => {
  test.each([
    ['nothing', ''],
    ['an identifier alone', '30'],
    ['a length that is cut off', '3082 01'],
    ['contents that are cut off', '3004 020105'],
    ['a tag number over 30', '3f8100 00'],
    ['a length of five octets', '3085 0000000003 020105'],
    ['a length of 127 octets', 'ff'.repeat(2)],
  ])('%s.', (_, bytes) => {
    expect(() => readDer(hex(bytes))).toThrow(SyntaxError);
    expect(() => readBer(hex(bytes))).toThrow(SyntaxError);
  });

  test.each([
    ['an indefinite length', '3080 020105 0000', /length is indefinite/],
    ['an unnecessary octet of length', '3081 03 020105', /shortest form/],
    ['a zero before the length', `308200 80 ${'0500'.repeat(64)}`, /shortest form/],
    ['an element with bytes after it', '3003 020105 00', /bytes after the element, at byte 5/],
  ])('%s in DER.', (_, bytes, message) => {
    expect(() => readDer(hex(bytes))).toThrow(message);
    expect(() => readBer(hex(bytes))).not.toThrow();
  });

  test.each([
    ['an indefinite length of an element without elements', '0480 0000', /length is indefinite/],
    ['an indefinite length without an end', '3080 020105', /cut off/],
    ['an indefinite length with half an end', '3080 020105 00', /cut off/],
    ['an end of an inner element alone', '3080 3080 020105 0000', /cut off/],
    ['nesting without an end', '3080'.repeat(100_000), /cut off/],
  ])('%s in BER.', (_, bytes, message) => {
    expect(() => readBer(hex(bytes))).toThrow(message);
  });
});

describe('No elements are read in', () => {
  test.each([
    ['an element whose last child is cut off', '3003 020205'],
    ['an element whose last child is only an identifier', '3004 020105 02'],
    ['an element whose last child ends outside', '3003 3080 00'],
  ])('%s, whatever follows.', (_, bytes) => {
    expect(() => childrenOf(readBer(Buffer.concat([hex(bytes), Buffer.alloc(4)])))).toThrow(/cut off/);
  });

  test('a missing element or an element with another tag.', () => {
    expect(() => childrenOf(undefined)).toThrow('expected the identifier 48, found nothing');
    expect(() => childrenOf(readDer(hex('3100')))).toThrow('expected the identifier 48, found 49, at byte 0');
    expect(() => contentsOf(readDer(hex('3100')), TAG.octetString)).toThrow(SyntaxError);
  });

  test('a damaged element, but the elements before it can be read.', () => {
    const sequence = readDer(hex('3007 020100 020101 30'));
    expect(childrenOf(sequence, TAG.sequence, 2).map(({ tag }) => tag)).toEqual([TAG.integer, TAG.integer]);
    expect(() => childrenOf(sequence, TAG.sequence, 3)).toThrow(SyntaxError);
  });
});

test('[n] is context-specific, and constructed or primitive.', () => {
  expect([constructed(0), constructed(3), primitive(2), primitive(6)]).toEqual([0xa0, 0xa3, 0x82, 0x86]);
});

describe('A value', () => {
  test.each([
    ['0101ff', true],
    ['010101', true],
    ['010100', false],
  ])('%s is the BOOLEAN %s.', (written, expected) => {
    expect(readBoolean(readDer(hex(written)))).toBe(expected);
  });

  test.each([
    ['020100', 0],
    ['02017f', 127],
    ['0201ff', -1],
    ['02020100', 256],
  ])('%s is the INTEGER %i.', (written, expected) => {
    expect(readInteger(readDer(hex(written)))).toBe(expected);
  });

  test.each([
    ['0301 00', ''],
    ['0302 0106', '06'],
    ['0303 07 0680', '0680'],
  ])('%s is the BIT STRING with the octets %s.', (written, expected) => {
    expect(readBitString(readDer(hex(written)))).toEqual(hex(expected));
  });

  test.each([
    ['a BIT STRING of nothing', readBitString, '0300'],
    ['a BIT STRING with unused bits and no bits', readBitString, '030101'],
    ['a BIT STRING with eight unused bits', readBitString, '03020800'],
    ['a BIT STRING with an unused bit that is set', readBitString, '03020306'],
    ['a BOOLEAN of no octet', readBoolean, '0100'],
    ['a BOOLEAN of two octets', readBoolean, '01020000'],
    ['an INTEGER of no octet', readInteger, '0200'],
    ['an INTEGER of seven octets', readInteger, '020701000000000000'],
    ['an OBJECT IDENTIFIER of no octet', readObjectIdentifier, '0600'],
    ['an OBJECT IDENTIFIER that is cut off', readObjectIdentifier, '06022a86'],
    ['an OBJECT IDENTIFIER with a zero before a number', readObjectIdentifier, '06042a800603'],
    ['a BOOLEAN in place of an INTEGER', readInteger, '0101ff'],
  ])('is not read from %s.', (_, read, written) => {
    expect(() => read(readDer(hex(written)))).toThrow(SyntaxError);
  });
});

describe('An object identifier', () => {
  test.each([
    ['06032a0304', '1.2.3.4'],
    ['060100', '0.0'],
    ['060127', '0.39'],
    ['06014f', '1.39'],
    ['060150', '2.0'],
    ['06028837', '2.999'],
    ['060a2b0601040183 9e5f010d', '1.3.6.1.4.1.53087.1.13'],
    // 2^53 - 1 is the largest number that a Number represents exactly.
    ['06092a8fffffffffffff7f', '1.2.9007199254740991'],
    ['06092a9080808080808000', '2a9080808080808000'],
  ])('%s is %s.', (written, expected) => {
    expect(readObjectIdentifier(readDer(hex(written)))).toBe(expected);
  });

  test('is read like another library wrote it.', () => {
    const arcs = fc.array(fc.nat(), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.nat({ max: 2 }), fc.nat({ max: 39 }), arcs, (first, second, others) => {
        const dotted = [first, second, ...others].join('.');
        expect(readObjectIdentifier(readDer(identifier(dotted)))).toBe(dotted);
      }),
    );
  });
});

test('Arbitrary bytes cause only SyntaxErrors.', () => {
  const readers: ((bytes: Uint8Array) => unknown)[] = [
    (bytes) => treeOf(readDer(bytes)),
    (bytes) => treeOf(readBer(bytes)),
    (bytes) => readObjectIdentifier(readBer(bytes)),
    (bytes) => readBitString(readBer(bytes)),
    (bytes) => readInteger(readBer(bytes)),
    (bytes) => readBoolean(readBer(bytes)),
  ];
  const octet = fc.oneof(
    fc.constantFrom(0, 1, 2, 3, 6, 0x30, 0x31, 0x80, 0x81, 0x82, 0xa0, 0xff),
    fc.nat({ max: 255 }),
  );
  fc.assert(
    fc.property(fc.array(octet, { maxLength: 60 }), fc.constantFrom(...readers), (octets, read) => {
      try {
        read(Buffer.from(octets));
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError);
      }
    }),
    { numRuns: 20_000 },
  );
});
