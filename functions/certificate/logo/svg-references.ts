import { trimXml } from './xml-space.ts';

/** Attributes that hold data about the logo, names or geometry: no renderer looks for a reference in them. */
const WITHOUT_REFERENCES: ReadonlySet<string> = new Set([
  ...['about', 'class', 'content', 'contentScriptType', 'd', 'datatype', 'id', 'points', 'property', 'rel'],
  ...['requiredFonts', 'resource', 'rev', 'role', 'systemLanguage', 'typeof', 'viewBox'],
]);

/** Attributes that contain a colour or a reference to a paint server. */
const PAINTS: ReadonlySet<string> = new Set(['color', 'fill', 'solid-color', 'stop-color', 'stroke', 'viewport-fill']);

/** Functions of CSS and SVG that contain no reference (CSS Color 5; SVG Tiny 1.2, 11.13.1; SVG 1.1, 12.3). */
const COLOUR_FUNCTIONS: ReadonlySet<string> = new Set([
  ...['rgb', 'rgba', 'hsl', 'hsla', 'hwb', 'lab', 'lch', 'oklab', 'oklch', 'color', 'color-mix'],
  ...['device-cmyk', 'icc-color'],
]);

/**
 * A function and the beginning of its argument. A name is only tried from its first letter, and no closing character is
 * needed, so it is fast for every text.
 */
const FUNCTION = /(?<![a-z-])([a-z-]+)\(\s*["']?\s*([^"')\s]*)/gi;

/** A reference in an attribute, or why the attribute cannot be trusted to contain none. */
export type Reference = { readonly target: string } | { readonly problem: string };

/**
 * The references in the value of an attribute: `href`, and `url(...)` in properties, also with the escapes of CSS.
 *
 * @param attribute a name in no namespace.
 */
export function referencesIn(attribute: string, value: string): readonly Reference[] {
  if (attribute === 'href') {
    return [{ target: trimXml(value) }];
  }
  if (WITHOUT_REFERENCES.has(attribute) || !/[(\\]/.test(value)) {
    return [];
  }
  if (PAINTS.has(attribute)) {
    return value.includes('\\') ? [{ problem: 'contains an escape of CSS' }] : functionsIn(value, COLOUR_FUNCTIONS);
  }
  return functionsIn(withoutEscapes(value)).filter((each) => 'target' in each);
}

/** @param harmless the other functions are refused, because they could refer to something. */
function functionsIn(value: string, harmless?: ReadonlySet<string>): Reference[] {
  return [...value.matchAll(FUNCTION)].flatMap(([, name = '', target = '']): Reference[] => {
    if (name.toLowerCase() === 'url') {
      return [{ target }];
    }
    return harmless && !harmless.has(name.toLowerCase()) ? [{ problem: `contains the function ${name}()` }] : [];
  });
}

/** CSS Syntax 3, 4.3.7: up to six hex digits and one white space, or any other character for itself. */
function withoutEscapes(value: string): string {
  return value.replaceAll(/\\(?:([0-9a-f]{1,6})\s?|(.))/gi, (_, hex?: string, character = '') => {
    const code = Number.parseInt(hex ?? '', 16);
    return code <= 0x10_ffff ? String.fromCodePoint(code) : character;
  });
}
