import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { joinWithLimit, jsonBytes, STATE_BUDGET, STATE_LIMIT, takeWithin, truncate } from '../../functions/text.ts';

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
