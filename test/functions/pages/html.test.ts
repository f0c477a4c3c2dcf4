import { describe, expect, test } from 'vitest';
import {
  constant,
  day,
  html,
  logoImage,
  moment,
  outside,
  plainText,
  TEXT_BYTES,
} from '../../../functions/pages/html.ts';
import { jsonBytes } from '../../../functions/text.ts';

const HOSTILE = `<script>alert("1")</script>&amp;'`;
const ESCAPED = '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;&#39;';

describe('A template', () => {
  test('escapes a value in a text and in a quoted attribute.', () => {
    expect(String(html`<p title="${HOSTILE}">${HOSTILE}</p>`)).toBe(`<p title="${ESCAPED}">${ESCAPED}</p>`);
  });

  test('escapes the values of a list, at any depth.', () => {
    expect(String(html`<p>${[HOSTILE, [HOSTILE]]}</p>`)).toBe(`<p>${ESCAPED}${ESCAPED}</p>`);
  });

  test('takes what another template made as it is.', () => {
    expect(String(html`<ul>${['a', '<b>'].map((each) => html`<li>${each}</li>`)}</ul>`)).toBe(
      '<ul><li>a</li><li>&lt;b&gt;</li></ul>',
    );
  });

  test('writes nothing for a missing value, and a zero as a number.', () => {
    expect(String(html`<p>${undefined}${null}${false}${0}</p>`)).toBe('<p>0</p>');
  });

  test('writes a constant as it is.', () => {
    expect(String(html`<style>${constant('a > b {}')}</style>`)).toBe('<style>a > b {}</style>');
  });
});

describe('A text from outside', () => {
  test.each([
    ['a right-to-left override', 'Acme\u202Egpj.exe', 'Acme\\u{202E}gpj.exe'],
    ['an isolate', 'a\u2066b', 'a\\u{2066}b'],
    ['a control character', 'a\u0000b\u001B[31m', 'a\\u{0}b\\u{1B}[31m'],
    ['a lone surrogate', 'a\uD800b', 'a\\u{D800}b'],
    ['a zero-width space', 'a\u200Bb', 'a\\u{200B}b'],
    ['several lines', ' a\n\n b ', 'a b'],
    ['letters of every language', 'Müller שלום 株式会社 😀', 'Müller שלום 株式会社 😀'],
  ])('shows %s.', (_, text, expected) => {
    expect(String(outside(text))).toBe(`<bdi>${expected}</bdi>`);
  });

  test('is escaped and isolated.', () => {
    expect(String(outside(HOSTILE))).toBe(`<bdi>${ESCAPED}</bdi>`);
  });

  test.each(['x', '<', '\u202E', '😀'])(
    'is cut to the limit, which is in bytes, if it consists of %j.',
    (character) => {
      const cut = plainText(character.repeat(10_000));
      expect(cut).toMatch(/…$/);
      expect(jsonBytes(cut)).toBeLessThanOrEqual(TEXT_BYTES);
      expect(jsonBytes(plainText(character.repeat(10_000), 50))).toBeLessThanOrEqual(50);
    },
  );
});

test('Times are in UTC, and machines can read them.', () => {
  expect(String(moment('2026-11-27T08:00:59.999Z'))).toBe(
    '<time datetime="2026-11-27T08:00:59.999Z">2026-11-27 08:00 UTC</time>',
  );
  expect(String(day(new Date('2026-11-27T23:59:59Z')))).toBe('<time datetime="2026-11-27">2026-11-27</time>');
});

test('The logo is in the page, byte for byte, and its description is escaped.', () => {
  const svg = Buffer.from('<svg onload="alert(1)"><script>alert(2)</script></svg>');
  const image = String(logoImage(svg, { alt: '"><script>', size: 32 }));
  expect(image).toBe(
    `<img class="logo" src="data:image/svg+xml;base64,${svg.toString('base64')}" width="32" height="32" alt="&quot;&gt;&lt;script&gt;">`,
  );
});

test('A logo with an empty description has none, so that a screen reader skips it.', () => {
  expect(String(logoImage(Buffer.from('<svg/>'), { alt: '', size: 32 }))).toMatch(/ alt="">$/);
});

test('A letter keeps six marks, so that it covers no other line.', () => {
  expect(plainText(`Z${'\u0301'.repeat(500)}algo`)).toBe(`Z${'\u0301'.repeat(6)}…algo`);
  expect(plainText('שִׁלּוֹ ཧྐྵྨླྺྼྻྂ')).not.toContain('(empty)');
});

test.each(['', '   ', '\n\t'])('A text without characters is stated to be empty: %j', (text) => {
  expect(plainText(text)).toBe('(empty)');
});
