import { describe, expect, test } from 'vitest';
import { NAMESPACE, problemsOf } from './logos.ts';

/** Every kind of problem that a receiver has with a part of more than one line. */
const LINES = [
  '<?xml version="1.0"?>',
  '<!DOCTYPE svg PUBLIC "a"',
  '  "b">',
  '<?xml-stylesheet',
  '  href="a.css"?>',
  `<svg xmlns="${NAMESPACE}" version="1.2" baseProfile="tiny-ps"`,
  '  style="fill:',
  '  red" x="0"',
  '  viewBox="0 0',
  '  9 10"',
  '  width="100%"',
  "  height='50",
  "  '>",
  '<title>',
  '  Logo',
  '</title>',
  '<g data-a=\'"',
  '\' opacity="1"/>',
  '<desc>',
  '</desc>',
  '<g>',
  '',
  '  a',
  '</g>',
  '</svg>',
];

describe('The line of a problem is the one on which its cause begins', () => {
  test.each([
    ['LF', '\n', ''],
    ['CRLF', '\r\n', ''],
    ['CR', '\r', ''],
    ['LF after a byte order mark', '\n', '\ufeff'],
  ])('with %s.', (_, lineEnd, mark) => {
    expect(problemsOf(mark + LINES.join(lineEnd))).toEqual({
      profile: [
        'line 2: the document type refers to an external DTD',
        'line 4: xml-stylesheet refers to an external style sheet',
        'line 7: <svg> must not have the attribute style',
        'line 8: <svg> must not have the attribute x',
        'line 17: <g> must not have the attribute data-a',
        'line 18: <g> must not have the attribute opacity',
        'line 19: <desc> is empty',
        'line 23: <g> must not contain text',
      ],
      size: ['line 11: width of <svg> is "100%", but must be an absolute length, such as 96'],
      look: [
        'line 9: viewBox of <svg> is not square: 9 × 10',
        'line 12: height of <svg> is 50 pixels, but Gmail needs at least 96',
        'line 14: <title> "Logo" is that of a template or a tool, not of the owner',
      ],
    });
  });

  test('for the title that is missing: that of the root.', () => {
    expect(
      problemsOf(`<!-- -->\n<svg xmlns="${NAMESPACE}" version="1.2" baseProfile="tiny-ps">\n</svg>`),
    ).toMatchObject({
      profile: ['line 2: <svg> has no <title>'],
      look: ['line 2: <svg> has no viewBox'],
    });
  });

  test('for the colours: that of the root.', () => {
    const svg = `\n<svg xmlns="${NAMESPACE}" version="1.2" baseProfile="tiny-ps" viewBox="0 0 9 9"><title>A</title>\n</svg>`;
    expect(problemsOf(svg).look).toEqual(['line 2: <svg> is painted in fewer than two colours']);
  });
});
