import type { SvgDocument, SvgNode } from './svg-node.ts';

/** What an element inherits. Absent opacities and widths are one. */
interface Style {
  readonly fill: string;
  readonly stroke: string;
  readonly color: string;
  readonly 'fill-opacity': string;
  readonly 'stroke-opacity': string;
  readonly 'stroke-width': string;
}

/** SVG Tiny 1.2, 11.7. */
const INITIAL: Style = {
  fill: 'black',
  stroke: 'none',
  color: 'black',
  'fill-opacity': '1',
  'stroke-opacity': '1',
  'stroke-width': '1',
};

/** Nothing is painted. */
const NONE = 'none';

/** The value of the property `color`, in lower case. */
const CURRENT = 'currentcolor';

/** A longer value is no colour. */
const VALUE_LIMIT = 200;

const CONTAINERS: ReadonlySet<string> = new Set(['svg', 'g']);
const PAINTED: ReadonlySet<string> = new Set([
  ...['circle', 'ellipse', 'line', 'path', 'polygon', 'polyline', 'rect', 'text', 'textArea'],
]);

/** `use` can repeat elements exponentially. A logo that needs more visits counts as one of two colours. */
const VISITS_LIMIT = 100_000;
const DEPTH_LIMIT = 1000;

/** The colour keywords of SVG Tiny 1.2 (11.13.1). Browsers know more; another name counts as another colour. */
const KEYWORDS: ReadonlyMap<string, string> = new Map([
  ['transparent', NONE],
  ['aqua', '#00ffff'],
  ['black', '#000000'],
  ['blue', '#0000ff'],
  ['fuchsia', '#ff00ff'],
  ['gray', '#808080'],
  ['green', '#008000'],
  ['lime', '#00ff00'],
  ['maroon', '#800000'],
  ['navy', '#000080'],
  ['olive', '#808000'],
  ['purple', '#800080'],
  ['red', '#ff0000'],
  ['silver', '#c0c0c0'],
  ['teal', '#008080'],
  ['white', '#ffffff'],
  ['yellow', '#ffff00'],
]);

/**
 * Whether a logo is painted in at least two colours. Overlaps and the sizes of shapes do not matter. The background is
 * no colour, because receivers choose it.
 */
export function hasTwoColours({ root, ids }: SvgDocument): boolean {
  const colours = new Set<string>();
  let visits = 0;

  const paint = (node: SvgNode, inherited: Style, depth: number): void => {
    visits += 1;
    if (colours.size > 1 || visits > VISITS_LIMIT || depth > DEPTH_LIMIT) {
      return;
    }
    const style = styleOf(node, inherited);
    if (CONTAINERS.has(node.name)) {
      for (const child of node.children) {
        paint(child, style, depth + 1);
      }
    } else if (node.name === 'use') {
      const target = ids.get(node.attributes.get('href')?.slice(1) ?? '');
      if (target) {
        paint(target, style, depth + 1);
      }
    } else if (PAINTED.has(node.name)) {
      const fills = node.name === 'line' || isZero(style['fill-opacity']) ? [] : coloursOf(style.fill, style, ids);
      const isStroked = !isZero(style['stroke-opacity']) && !isZero(style['stroke-width']);
      for (const colour of [...fills, ...(isStroked ? coloursOf(style.stroke, style, ids) : [])]) {
        colours.add(colour);
      }
    }
  };
  paint(root, INITIAL, 0);
  return colours.size > 1 || visits > VISITS_LIMIT;
}

function styleOf(node: SvgNode, inherited: Style): Style {
  const computed = (name: keyof Style) => property(node, name) ?? inherited[name];
  return {
    fill: computed('fill'),
    stroke: computed('stroke'),
    color: computed('color'),
    'fill-opacity': computed('fill-opacity'),
    'stroke-opacity': computed('stroke-opacity'),
    'stroke-width': computed('stroke-width'),
  };
}

/** The value of a property; undefined if it is absent or inherited. */
function property({ attributes }: SvgNode, name: string): string | undefined {
  const value = attributes.get(name)?.slice(0, VALUE_LIMIT);
  return value === '' || value === 'inherit' ? undefined : value;
}

/** The colours of a paint: one, those of a gradient, or none. */
function coloursOf(paint: string, { color }: Style, ids: ReadonlyMap<string, SvgNode>): string[] {
  const [, id, fallback = ''] = /^url\(\s*["']?\s*#([^"')\s]*)["']?\s*\)?\s*(.*)$/is.exec(paint) ?? [];
  const server = ids.get(id ?? '');
  const found = server ? serverColours(server) : [normalize(id === undefined ? paint : fallback || 'none')];
  return found.map((colour) => (colour === CURRENT ? normalize(color) : colour)).filter((colour) => colour !== NONE);
}

/** The colours of a gradient or of a `solidColor`, each once. Many elements can use the same one. */
function serverColours(server: SvgNode): readonly string[] {
  const known = SERVER_COLOURS.get(server);
  if (known) {
    return known;
  }
  const colours =
    server.name === 'solidColor'
      ? [serverColour(server, 'solid-color', 'solid-opacity')]
      : server.children.map((stop) => serverColour(stop, 'stop-color', 'stop-opacity'));
  const distinct = [...new Set(colours)];
  SERVER_COLOURS.set(server, distinct);
  return distinct;
}

const SERVER_COLOURS = new WeakMap<SvgNode, readonly string[]>();

function serverColour(node: SvgNode, color: string, opacity: string): string {
  return isZero(property(node, opacity) ?? '1') ? NONE : normalize(property(node, color) ?? 'black');
}

/** A colour in one form, so that equal colours are equal. */
function normalize(paint: string): string {
  const colour = paint.toLowerCase().replaceAll(/\s+/g, '');
  const [, digits] = /^#([0-9a-f]{3,8})$/.exec(colour) ?? [];
  if (digits !== undefined) {
    const long = digits.length < 6 ? digits.replaceAll(/./g, '$&$&') : digits;
    return long.slice(6) === '00' ? NONE : `#${long.slice(0, 6)}`;
  }
  const [, red, green, blue] = /^rgba?\(([\d.]+%?),([\d.]+%?),([\d.]+%?)(?:,[\d.]+%?)?\)$/.exec(colour) ?? [];
  if (red !== undefined && green !== undefined && blue !== undefined) {
    return `#${[red, green, blue].map(hexOf).join('')}`;
  }
  return KEYWORDS.get(colour) ?? colour;
}

/** Two hex digits of a number up to 255 or a percentage. */
function hexOf(component: string): string {
  const number = Number.parseFloat(component) * (component.endsWith('%') ? 2.55 : 1);
  return Math.min(Math.round(number), 255).toString(16).padStart(2, '0');
}

function isZero(value: string): boolean {
  return Number.parseFloat(value) === 0;
}
