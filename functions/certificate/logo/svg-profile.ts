/**
 * SVG Tiny Portable/Secure as the BIMI Group's schema (SVG_PS, RELAX NG) defines it: which elements a logo may contain,
 * with which attributes and values. Fastmail's verifier and Halon's plugin validate against the schema.
 */

import { trimXml } from './xml-space.ts';

/** What an attribute may contain. */
export interface ValueRule {
  /** What the value must be, as the end of a sentence. */
  readonly expected: string;
  readonly accepts: (value: string) => boolean;
}

/** Separates the words of a text. */
function words(text: string): string[] {
  return text.split(' ');
}

const SHAPES = words('circle ellipse line path polygon polyline rect');
const GRADIENTS = words('linearGradient radialGradient');
const TEXTS = words('text textArea');
const GRAPHICS = ['defs', 'g', ...SHAPES, ...GRADIENTS, 'solidColor', ...TEXTS, 'use'];

/** The elements of SVG in a logo, and the elements that each may contain. */
export const CHILDREN: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  [
    ['svg', 'title', 'desc', 'metadata', ...GRAPHICS],
    ['g', ...GRAPHICS],
    ['defs', ...GRAPHICS],
    ...GRADIENTS.map((gradient) => [gradient, 'stop']),
    ...[...SHAPES, ...TEXTS, 'solidColor', 'stop', 'use', 'title', 'desc', 'metadata'].map((element) => [element]),
  ].map(([element = '', ...children]) => [element, new Set(children)]),
);

/** The elements that may contain text. */
export const TEXT_ELEMENTS: ReadonlySet<string> = new Set(['title', 'desc', 'metadata', ...TEXTS]);

const PAINTED = ['svg', ...GRAPHICS, 'stop'];
const NOT_SVG = PAINTED.filter((element) => element !== 'svg');
/** All but metadata. */
const COMMON = [...PAINTED, 'title', 'desc'];
const DESCRIPTIONS = words('desc title');
const CONDITIONAL = [...DESCRIPTIONS, ...SHAPES, ...TEXTS, 'g', 'use'];
const TRANSFORMED = [...SHAPES, ...TEXTS, 'g', 'use'];

const ANY: ValueRule = { expected: 'any text', accepts: () => true };

/** One of these words. The schema compares them as tokens, so white space around them does not matter. */
function oneOf(values: string): ValueRule {
  const allowed = new Set(words(values));
  return { expected: [...allowed].join(', '), accepts: (value) => allowed.has(trimXml(value)) };
}

function matching(expected: string, pattern: RegExp): ValueRule {
  return { expected, accepts: (value) => pattern.test(trimXml(value)) };
}

/** Namespaces in XML 1.0 (third edition), production NCName; XML 1.0, production Nmtoken. */
const NAME_START =
  'A-Z_a-z\\u{C0}-\\u{D6}\\u{D8}-\\u{F6}\\u{F8}-\\u{2FF}\\u{370}-\\u{37D}\\u{37F}-\\u{1FFF}\\u{200C}\\u{200D}' +
  '\\u{2070}-\\u{218F}\\u{2C00}-\\u{2FEF}\\u{3001}-\\u{D7FF}\\u{F900}-\\u{FDCF}\\u{FDF0}-\\u{FFFD}\\u{10000}-\\u{EFFFF}';
const NAME_CHARACTER = `${NAME_START}\\-.0-9\\u{B7}\\u{300}-\\u{36F}\\u{203F}\\u{2040}`;
const NC_NAME = matching('a name without a colon', new RegExp(`^[${NAME_START}][${NAME_CHARACTER}]*$`, 'u'));
const NM_TOKENS = matching(
  'one or more names',
  new RegExp(`^[:${NAME_CHARACTER}]+(?:[ \\t\\n\\r]+[:${NAME_CHARACTER}]+)*$`, 'u'),
);
const LANGUAGE = matching('a language tag', /^(?:[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)?$/);
const ASPECT_RATIO = matching('none or xMidYMid, possibly with meet', /^(?:none|xMidYMid)[ \t\n\r]*(?:meet)?$/);

const QUALITY = oneOf('auto optimizeSpeed optimizeQuality inherit');

/** Attributes, what each may contain, and the elements that may have it. */
const ROWS: readonly (readonly [attributes: string, rule: ValueRule, elements: readonly string[]])[] = [
  ['id xml:id', NC_NAME, COMMON],
  ['class', NM_TOKENS, COMMON],
  ['xml:lang', LANGUAGE, COMMON],
  ['xml:space', oneOf('default preserve'), COMMON],
  ['about content datatype property rel resource rev role typeof xml:base', ANY, COMMON],

  ['fill stroke solid-color stop-color color fill-opacity solid-opacity stop-opacity stroke-opacity', ANY, PAINTED],
  ['fill-rule', oneOf('inherit nonzero evenodd'), PAINTED],
  ['color-rendering', QUALITY, PAINTED],
  ['stroke-dasharray stroke-dashoffset stroke-miterlimit stroke-width', ANY, PAINTED],
  ['stroke-linecap', oneOf('butt round square inherit'), PAINTED],
  ['stroke-linejoin', oneOf('miter round bevel inherit'), PAINTED],
  ['vector-effect', oneOf('none non-scaling-stroke inherit'), PAINTED],

  ['font-family font-size line-increment', ANY, PAINTED],
  ['font-style', oneOf('normal italic oblique inherit'), PAINTED],
  ['font-variant', oneOf('normal small-caps inherit'), PAINTED],
  ['font-weight', oneOf('normal bold bolder lighter'), ['svg']],
  ['font-weight', oneOf('normal bold bolder lighter inherit'), NOT_SVG],
  ['direction', oneOf('ltr rtl inherit'), PAINTED],
  ['display-align', oneOf('auto before center after inherit'), PAINTED],
  ['text-align', oneOf('start center end inherit'), PAINTED],
  ['text-anchor', oneOf('start middle end inherit'), PAINTED],
  ['unicode-bidi', oneOf('normal embed bidi-override inherit'), PAINTED],

  ['buffered-rendering', oneOf('auto dynamic static inherit'), DESCRIPTIONS],
  [
    'display',
    oneOf(
      'inline block list-item run-in compact marker table inline-table table-row-group table-header-group ' +
        'table-footer-group table-row table-column-group table-column table-cell table-caption none inherit',
    ),
    DESCRIPTIONS,
  ],
  ['image-rendering', QUALITY, DESCRIPTIONS],
  ['shape-rendering', oneOf('auto optimizeSpeed crispEdges geometricPrecision inherit'), DESCRIPTIONS],
  ['text-rendering', oneOf('auto optimizeSpeed optimizeLegibility geometricPrecision inherit'), DESCRIPTIONS],
  ['viewport-fill viewport-fill-opacity', ANY, DESCRIPTIONS],
  ['visibility', oneOf('visible hidden collapse inherit'), DESCRIPTIONS],

  ['requiredFonts systemLanguage', ANY, CONDITIONAL],
  ['transform', ANY, TRANSFORMED],

  ['cx cy', ANY, words('circle ellipse radialGradient')],
  ['r', ANY, words('circle radialGradient')],
  ['rx ry', ANY, words('rect ellipse')],
  ['d pathLength', ANY, ['path']],
  ['points', ANY, words('polyline polygon')],
  ['x1 x2 y1 y2', ANY, words('line linearGradient')],
  ['x y', ANY, words('rect textArea text use')],
  ['width height', ANY, words('svg rect textArea')],
  ['gradientUnits', oneOf('userSpaceOnUse objectBoundingBox'), GRADIENTS],
  ['offset', ANY, ['stop']],
  ['href', ANY, ['use']],
  ['rotate', ANY, ['text']],
  ['editable', oneOf('none'), ['text']],

  ['version', oneOf('1.2'), ['svg']],
  ['baseProfile', oneOf('tiny-ps'), ['svg']],
  ['viewBox contentScriptType', ANY, ['svg']],
  ['preserveAspectRatio', ASPECT_RATIO, ['svg']],
  ['externalResourcesRequired focusable', oneOf('false'), ['svg']],
  ['playbackOrder', oneOf('all'), ['svg']],
  ['snapshotTime', oneOf('none'), ['svg']],
  ['timelineBegin', oneOf('onLoad'), ['svg']],
  ['zoomAndPan', oneOf('disable'), ['svg']],
];

/** The attributes that each element may have. The prefix `xml:` means the namespace of XML; the others are in none. */
export const ATTRIBUTES: ReadonlyMap<string, ReadonlyMap<string, ValueRule>> = new Map(
  [...CHILDREN.keys()].map((element) => [
    element,
    new Map(
      ROWS.filter(([, , elements]) => elements.includes(element)).flatMap(([attributes, rule]) =>
        words(attributes).map((attribute) => [attribute, rule] as const),
      ),
    ),
  ]),
);

/** The attributes that the root must have. */
export const REQUIRED_ROOT_ATTRIBUTES: readonly string[] = ['version', 'baseProfile'];
