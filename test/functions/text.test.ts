import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  joinWithLimit,
  jsonBytes,
  printable,
  printableJson,
  printableLines,
  STATE_BUDGET,
  STATE_LIMIT,
  takeWithin,
  truncate,
  truncatePrintable,
} from '../../functions/text.ts';

/** Characters of every size in JSON: 1 to 4 bytes of UTF-8, and escapes of 2 and 6 bytes. */
const character = fc.oneof(
  fc.constantFrom('a', ' ', '"', '\\', '\n', '\t', '\0', '\x1f', '\x7f', 'ß', '…', '€', '😀', '👩‍👩‍👧'),
  fc.constantFrom('\ud83d', '\ude00', '\udfff'),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
);
const text = fc.array(character, { maxLength: 200 }).map((characters) => characters.join(''));
const limit = fc.integer({ min: 5, max: 300 });

describe('truncate', () => {
  test('returns a text within the limit as it is.', () => {
    fc.assert(
      fc.property(text, (whole) => {
        expect(truncate(whole, Math.max(5, jsonBytes(whole)))).toBe(whole);
      }),
    );
  });

  test('never exceeds the limit.', () => {
    fc.assert(
      fc.property(text, limit, (whole, bytes) => {
        expect(Buffer.byteLength(JSON.stringify(truncate(whole, bytes)))).toBeLessThanOrEqual(bytes);
      }),
    );
  });

  test('keeps whole characters from the beginning, as many as fit, and marks that some are missing.', () => {
    fc.assert(
      fc.property(text, limit, (whole, bytes) => {
        fc.pre(jsonBytes(whole) > bytes);
        const kept = truncate(whole, bytes).slice(0, -1);
        const characters = [...whole];
        const count = [...kept].length;
        expect(truncate(whole, bytes)).toBe(`${kept}…`);
        expect(kept).toBe(characters.slice(0, count).join(''));
        expect(jsonBytes(`${characters.slice(0, count + 1).join('')}…`)).toBeGreaterThan(bytes);
      }),
    );
  });

  test.each([
    ['an emoji', '😀😀😀', 13, '😀😀…'],
    ['a lone surrogate, which JSON escapes', 'a\ud83db\ud83d', 12, 'a\ud83d…'],
    ['a control character, which JSON escapes', 'a\0b\0', 12, 'a\0…'],
    ['a quote, which JSON escapes', '""""""', 10, '""…'],
    ['no character that fits', '😀😀', 5, '…'],
  ])('counts the bytes of %s.', (_, whole, bytes, expected) => {
    expect(truncate(whole, bytes)).toBe(expected);
  });

  test('shortens 10 MB of text at once.', () => {
    expect(truncate('é'.repeat(5_000_000), 600)).toBe(`${'é'.repeat(297)}…`);
  });
});

describe('joinWithLimit', () => {
  test.each([
    ['is empty without details.', [], ''],
    ['names a single detail.', ['a'], 'a'],
    ['names five details.', ['a', 'b', 'c', 'd', 'e'], 'a, b, c, d, e'],
    ['counts the details after the fifth.', ['a', 'b', 'c', 'd', 'e', 'f', 'g'], 'a, b, c, d, e, and 2 more'],
    ['makes each detail printable before it is truncated.', ['\x1b'.repeat(20)], `${'\\u{1B}'.repeat(13)}\\u{…`],
    ['truncates each detail.', ['x'.repeat(200), 'b'], `${'x'.repeat(95)}…, b`],
  ])('%s', (_, details, expected) => {
    expect(joinWithLimit(details)).toBe(expected);
  });

  test('takes another separator.', () => {
    expect(joinWithLimit(['a', 'b'], '; ')).toBe('a; b');
  });

  test('leaves room in a message for a beginning before the details.', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 12 }), (details) => {
        expect(jsonBytes(joinWithLimit(details, '; '))).toBeLessThanOrEqual(STATE_BUDGET.message - 75);
      }),
    );
  });
});

/** Characters that forge lines, hide text or control a terminal. */
const UNPRINTABLE = [
  ['an escape sequence of a terminal', '\x1b[2J', '\\u{1B}[2J'],
  ['a line end', 'a\r\nb', 'a\\u{D}\\u{A}b'],
  ['a tab', 'a\tb', 'a\\u{9}b'],
  ['NUL and DEL', '\0\x7f', '\\u{0}\\u{7F}'],
  ['CSI and NEL of C1', '\x9b\x85', '\\u{9B}\\u{85}'],
  ['a right-to-left override', 'moc.\u202Eelpmaxe', 'moc.\\u{202E}elpmaxe'],
  ['isolates and marks of direction', '\u2066\u2069\u200E\u200F\u061C', '\\u{2066}\\u{2069}\\u{200E}\\u{200F}\\u{61C}'],
  ['zero-width characters', 'a\u200B\u200D\u2060\uFEFFb', 'a\\u{200B}\\u{200D}\\u{2060}\\u{FEFF}b'],
  ['line and paragraph separators', '\u2028\u2029', '\\u{2028}\\u{2029}'],
  ['a lone surrogate', 'a\ud800b', 'a\\u{D800}b'],
  ['characters above U+FFFF that are ignored', '\u{E0041}', '\\u{E0041}'],
] as const;

describe('printable', () => {
  test.each(UNPRINTABLE)('shows %s.', (_, foreign, shown) => {
    expect(printable(foreign)).toBe(shown);
  });

  test('keeps letters, marks, emoji and spaces of every script.', () => {
    for (const kept of ['Crédit "Agricole" \\o/', '株式会社', 'שלום', 'ป็น', '😀 𝒳', 'a\u00a0b']) {
      expect(printable(kept)).toBe(kept);
      expect(printableLines(kept)).toBe(kept);
      expect(printableJson(kept)).toBe(kept);
    }
  });

  test('changes nothing the second time, and nothing that is printable.', () => {
    fc.assert(
      fc.property(text, (foreign) => {
        const shown = printable(foreign);
        expect(printable(shown)).toBe(shown);
        expect(shown).not.toMatch(/[\p{Control}\p{Format}\p{Surrogate}\u2028\u2029]/u);
        expect(printableLines(foreign.replaceAll('\n', ''))).toBe(printable(foreign.replaceAll('\n', '')));
      }),
    );
  });

  test('is truncated as if the whole text had been made printable.', () => {
    fc.assert(
      fc.property(text, limit, (foreign, bytes) => {
        expect(truncatePrintable(foreign, bytes)).toBe(truncate(printable(foreign), bytes));
      }),
    );
  });
});

test('printableLines keeps newlines, and no other line end.', () => {
  expect(printableLines('Error: \x1b\n    at a\r\u2028')).toBe('Error: \\u{1B}\n    at a\\u{D}\\u{2028}');
});

describe('printableJson', () => {
  test.each(UNPRINTABLE)('keeps the value of %s and prints nothing raw.', (_, foreign) => {
    const json = printableJson(JSON.stringify({ [foreign]: [foreign] }, null, 2));
    expect(JSON.parse(json)).toEqual({ [foreign]: [foreign] });
    expect(json).not.toMatch(/[^\P{Control}\n]|[\p{Format}\p{Surrogate}\u2028\u2029]/u);
  });

  test('keeps the value of any text.', () => {
    fc.assert(
      fc.property(text, (foreign) => {
        expect(JSON.parse(printableJson(JSON.stringify([foreign])))).toEqual([foreign]);
      }),
    );
  });
});

describe('takeWithin', () => {
  const items = fc.array(fc.oneof(text, fc.record({ id: text, at: fc.integer() })), { maxLength: 20 });

  test('takes as many items from the beginning as fit.', () => {
    fc.assert(
      fc.property(items, fc.integer({ min: 2, max: 3000 }), (all, bytes) => {
        const taken = takeWithin(all, bytes);
        expect(taken).toEqual(all.slice(0, taken.length));
        expect(jsonBytes(taken)).toBeLessThanOrEqual(bytes);
        expect(taken.length === all.length || jsonBytes(all.slice(0, taken.length + 1)) > bytes).toBe(true);
      }),
    );
  });
});

describe('The budget of a state', () => {
  test('leaves a sixth of the limit free beside the largest order.', () => {
    const { message: _, ...shares } = STATE_BUDGET;
    const order = 32 * 1024;
    const sum = Object.values(shares).reduce((total, bytes) => total + bytes, order);
    expect(sum).toBeLessThanOrEqual((STATE_LIMIT * 5) / 6);
  });
});
