import { truncate } from '../../text.ts';
import { atAttribute, type SvgDocument, type SvgNode, type SvgProblem } from './svg-node.ts';

/** The limit of the BIMI Group's SVG guidance, in bytes. */
const BYTES_LIMIT = 32_768;

/** CSS pixels of each absolute unit (CSS Values 3, 6.2). */
const PIXELS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['px', 1],
  ['in', 96],
  ['cm', 96 / 2.54],
  ['mm', 96 / 25.4],
  ['pt', 96 / 72],
  ['pc', 16],
]);

/** A number without a sign. No part can match what another part matches, so it is fast for every text. */
export const NUMBER = String.raw`(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?`;

const LENGTH = new RegExp(`^\\+?(${NUMBER})[ \t\n\r]*([A-Za-z]*)$`);

/** Bytes of a length in a message. */
const VALUE_BYTES = 40;

/** The width or height of a logo in pixels; undefined if it is not given or not absolute. */
export function pixelsOf(root: SvgNode, attribute: 'width' | 'height'): number | undefined {
  const [, number = '', unit = ''] = LENGTH.exec(root.attributes.get(attribute) ?? '') ?? [];
  const pixels = Number.parseFloat(number) * (PIXELS.get(unit.toLowerCase()) ?? Number.NaN);
  return Number.isFinite(pixels) ? pixels : undefined;
}

/**
 * Sizes that receivers do not accept. Sources: Gmail's page (absolute pixels), Apple, which refused a certificate whose
 * logo has `width="100%"`, and the BIMI Group's guidance (32 KiB).
 *
 * @param document undefined if the file has no `svg`.
 */
export function sizeProblems(bytes: number, document: SvgDocument | undefined): SvgProblem[] {
  const relative = (['width', 'height'] as const).flatMap((attribute) => {
    const value = document?.root.attributes.get(attribute);
    if (document === undefined || value === undefined || pixelsOf(document.root, attribute) !== undefined) {
      return [];
    }
    const problem = `is "${truncate(value, VALUE_BYTES)}", but must be an absolute length, such as 96`;
    return [atAttribute(document, attribute, problem)];
  });
  const text = `it has ${bytes} bytes, but at most ${BYTES_LIMIT} are allowed`;
  return bytes > BYTES_LIMIT ? [{ line: null, element: null, attribute: null, text }, ...relative] : relative;
}
