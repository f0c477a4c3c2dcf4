import { describe, expect, test } from 'vitest';
import { logo, NAMESPACE, PROFILE, problemsOf, profileOf, VIEW_BOX } from './logos.ts';

/** Characters that JavaScript takes for white space and XML does not: no-break space, ideographic space, line separator. */
const NOT_OF_XML = ['\u00a0', '\u3000', '\u2028', '\ufeff'];

describe.each(NOT_OF_XML)('A character that is white space in JavaScript but not in XML (%j)', (space) => {
  test('is text between elements.', () => {
    expect(profileOf(logo({ body: space }))).toEqual(['line 1: <svg> must not contain text']);
  });

  test.each([
    ['version', '1.2', PROFILE],
    ['fill-rule', 'evenodd', `${PROFILE} fill-rule="evenodd"`],
    ['preserveAspectRatio', 'none meet', `${PROFILE} preserveAspectRatio="none meet"`],
    ['xml:lang', 'en', `${PROFILE} xml:lang="en"`],
  ])('is part of a value: %s.', (name, value, attributes) => {
    const changed = value.includes(' ') ? value.replace(' ', space) : `${space}${value}`;
    const root = `${VIEW_BOX} ${attributes.replace(`"${value}"`, `"${changed}"`)}`;
    expect(profileOf(logo({ root: `${VIEW_BOX} ${attributes}` }))).toEqual([]);
    expect(profileOf(logo({ root }))).toEqual([expect.stringContaining(`line 1: ${name} of <svg> is "`)]);
  });

  test('is part of a reference.', () => {
    expect(profileOf(logo({ body: `<g id="a"/><use href="#a${space}"/>` }))).toHaveLength(1);
    expect(profileOf(logo({ body: '<g id="a"/><use href=" #a "/>' }))).toEqual([]);
  });

  test('is part of a length and of a viewBox.', () => {
    const { size, look } = problemsOf(logo({ root: `${PROFILE} viewBox="0 0 64${space}64" width="${space}96"` }));
    expect(size).toEqual([expect.stringMatching(/^line 1: width of <svg> is /)]);
    expect(look).toEqual([expect.stringMatching(/^line 1: viewBox of <svg> is /)]);
  });
});

test.each([' ', '\u00a0', '&#10;'])('A namespace with white space at an end (%j) is another one.', (space) => {
  const logos = [`${NAMESPACE}${space}`, `${space}${NAMESPACE}`].map((name) => logo().replace(NAMESPACE, name));
  for (const svg of logos) {
    expect(profileOf(svg)).toContain('line 1: xmlns of <svg> begins or ends with white space');
  }
  expect(profileOf(logo({ body: `<s:g xmlns:s="${NAMESPACE}${space}"/>` }))).toContain(
    'line 1: xmlns:s of <s:g> begins or ends with white space',
  );
});
