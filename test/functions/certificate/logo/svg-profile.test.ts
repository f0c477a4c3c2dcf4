import { describe, expect, test } from 'vitest';
import { ATTRIBUTES, CHILDREN } from '../../../../functions/certificate/logo/svg-profile.ts';
import { logo, NAMESPACE, PROFILE, profileOf, VIEW_BOX } from './logos.ts';

/** The elements, read from the schema a second time: each with the elements that it may contain. */
const GRAPHICS =
  'circle defs ellipse g line linearGradient path polygon polyline radialGradient rect solidColor text textArea use';
const ELEMENTS: Readonly<Record<string, string>> = {
  svg: `title desc metadata ${GRAPHICS}`,
  g: GRAPHICS,
  defs: GRAPHICS,
  linearGradient: 'stop',
  radialGradient: 'stop',
  ...Object.fromEntries(
    'circle ellipse line path polygon polyline rect solidColor stop use title desc metadata text textArea'
      .split(' ')
      .map((element) => [element, '']),
  ),
};
const NOT_ALLOWED =
  'a animate animateColor animateMotion animateTransform animation audio clipPath discard filter font font-face ' +
  'foreignObject glyph handler hkern image listener marker mask missing-glyph mpath pattern prefetch script set style ' +
  'switch symbol tbreak textPath tref tspan video view';

const NAMES = Object.keys(ELEMENTS);
const PAINTED = `svg ${GRAPHICS} stop`;
const COMMON = `${PAINTED} title desc`;
const SHAPES = 'path rect circle line ellipse polyline polygon textArea text g use';
const TEXT = ['any text', ''] as const;

/** Attributes with accepted and refused values, and the elements that may have them. */
const ATTRIBUTE_ROWS: readonly (readonly [
  names: string,
  accepted: readonly string[],
  refused: readonly string[],
  on: string,
])[] = [
  ['about content datatype property rel resource rev role typeof xml:base', ['any text', ''], [], COMMON],
  ['id xml:id', ['a', '_1', 'Ébène-2.x'], ['', '1a', 'a b', 'a:b', '-a', 'a,b'], COMMON],
  ['class', ['a', 'a b:c  1.2', '-x', 'a&#9;b&#10;&#13;c'], ['', ' ', 'a,b', '(a)', 'a\u00a0b'], COMMON],
  ['xml:lang', ['', 'en', 'zh-Hant-TW'], ['en_GB', 'a'.repeat(9), 'en-', 'é'], COMMON],
  ['xml:space', ['default', 'preserve'], ['', 'normal', 'Preserve'], COMMON],
  ['color stop-color solid-color fill stroke', ['red', 'none', 'inherit', ''], [], PAINTED],
  [
    'fill-opacity stroke-opacity stop-opacity solid-opacity stroke-width stroke-miterlimit',
    ['0.5', 'inherit'],
    [],
    PAINTED,
  ],
  ['stroke-dasharray stroke-dashoffset font-family font-size line-increment', ['1 2', 'inherit'], [], PAINTED],
  ['fill-rule', ['nonzero', 'evenodd', 'inherit', ' evenodd '], ['', 'none', 'even-odd'], PAINTED],
  ['color-rendering', ['auto', 'optimizeSpeed', 'optimizeQuality', 'inherit'], ['speed', 'optimizespeed'], PAINTED],
  ['stroke-linecap', ['butt', 'round', 'square', 'inherit'], ['flat', ''], PAINTED],
  ['stroke-linejoin', ['miter', 'round', 'bevel', 'inherit'], ['arcs'], PAINTED],
  ['vector-effect', ['none', 'non-scaling-stroke', 'inherit'], ['fixed-position'], PAINTED],
  ['font-style', ['normal', 'italic', 'oblique', 'inherit'], ['slanted'], PAINTED],
  ['font-variant', ['normal', 'small-caps', 'inherit'], ['all-caps'], PAINTED],
  ['font-weight', ['normal', 'bold', 'bolder', 'lighter'], ['400', '700'], PAINTED],
  ['direction', ['ltr', 'rtl', 'inherit'], ['ttb'], PAINTED],
  ['display-align', ['auto', 'before', 'center', 'after', 'inherit'], ['middle'], PAINTED],
  ['text-align', ['start', 'center', 'end', 'inherit'], ['middle', 'left'], PAINTED],
  ['text-anchor', ['start', 'middle', 'end', 'inherit'], ['center'], PAINTED],
  ['unicode-bidi', ['normal', 'embed', 'bidi-override', 'inherit'], ['isolate'], PAINTED],
  ['buffered-rendering', ['auto', 'dynamic', 'static', 'inherit'], ['none'], 'desc title'],
  ['display', ['inline', 'none', 'table-caption', 'inherit'], ['flex', ''], 'desc title'],
  ['image-rendering', ['auto', 'optimizeSpeed', 'optimizeQuality', 'inherit'], ['pixelated'], 'desc title'],
  [
    'shape-rendering',
    ['auto', 'optimizeSpeed', 'crispEdges', 'geometricPrecision', 'inherit'],
    ['crisp'],
    'desc title',
  ],
  [
    'text-rendering',
    ['auto', 'optimizeSpeed', 'optimizeLegibility', 'geometricPrecision', 'inherit'],
    ['x'],
    'desc title',
  ],
  ['viewport-fill viewport-fill-opacity', ['none', 'inherit', '1'], [], 'desc title'],
  ['visibility', ['visible', 'hidden', 'collapse', 'inherit'], ['none'], 'desc title'],
  ['requiredFonts systemLanguage', TEXT, [], `desc title ${SHAPES}`],
  ['transform', ['none', 'translate(1,2) scale(.5)'], [], SHAPES],
  ['cx cy', TEXT, [], 'circle ellipse radialGradient'],
  ['r', TEXT, [], 'circle radialGradient'],
  ['rx ry', TEXT, [], 'rect ellipse'],
  ['d pathLength', TEXT, [], 'path'],
  ['points', TEXT, [], 'polyline polygon'],
  ['x1 x2 y1 y2', TEXT, [], 'line linearGradient'],
  ['x y', TEXT, [], 'rect textArea text use'],
  ['width height', ['96', '100'], [], 'svg rect textArea'],
  ['gradientUnits', ['userSpaceOnUse', 'objectBoundingBox'], ['userSpace', 'inherit'], 'linearGradient radialGradient'],
  ['offset', TEXT, [], 'stop'],
  ['href', ['#target'], [], 'use'],
  ['rotate', TEXT, [], 'text'],
  ['editable', ['none'], ['simple', ''], 'text'],
  ['version', ['1.2'], ['1.1', '1.20', '2', ''], 'svg'],
  ['baseProfile', ['tiny-ps'], ['tiny', 'Tiny-PS', 'none', ''], 'svg'],
  ['viewBox contentScriptType', TEXT, [], 'svg'],
  [
    'preserveAspectRatio',
    ['none', 'xMidYMid', 'xMidYMid meet', ' none '],
    ['', 'xMinYMin', 'xMidYMid slice', 'meet'],
    'svg',
  ],
  ['externalResourcesRequired focusable', ['false'], ['true', 'auto', ''], 'svg'],
  ['playbackOrder', ['all'], ['forwardOnly'], 'svg'],
  ['snapshotTime', ['none'], ['1s'], 'svg'],
  ['timelineBegin', ['onLoad'], ['onStart', 'onload'], 'svg'],
  ['zoomAndPan', ['disable'], ['magnify'], 'svg'],
];

const ROWS = ATTRIBUTE_ROWS.flatMap(([names, accepted, refused, on]) =>
  names.split(' ').map((name) => ({ name, accepted, refused, on: on.split(' ') })),
);

const NOT_ALLOWED_ATTRIBUTES =
  'style opacity overflow enable-background clip-path clip-rule mask filter marker-start nav-up onclick onload onbegin ' +
  'data-name aria-label src tabindex lang baseprofile viewbox gradientTransform spreadMethod fx fy stroke-alignment ' +
  'requiredFeatures requiredExtensions contentStyleType xlink:href xlink:title ev:event inkscape:label xml:x';
const PREFIXES =
  'xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:ev="http://www.w3.org/2001/xml-events" ' +
  'xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"';

/** A logo with this element, and this text in its start tag, on line 3. */
function logoWith(element: string, attributes: string): string {
  const target = '<g id="target"/>';
  if (element === 'svg') {
    const usual = ['version="1.2"', 'baseProfile="tiny-ps"', VIEW_BOX];
    const kept = usual.filter((text) => !attributes.includes(` ${text.split('=')[0]}=`));
    return `\n<!-- -->\n<svg xmlns="${NAMESPACE}" ${PREFIXES}${attributes} ${kept.join(' ')}><title>Example</title>${target}</svg>`;
  }
  const content = ['title', 'desc'].includes(element) ? 'Example' : '';
  const tag = `<${element} ${PREFIXES}${attributes}>${content}</${element}>`;
  const placed = element === 'stop' ? `<linearGradient>${tag}</linearGradient>` : tag;
  const title = element === 'title' ? '' : '<title>Example</title>';
  return `\n<svg xmlns="${NAMESPACE}" ${PROFILE} ${VIEW_BOX}>${title}\n${placed}${target}</svg>`;
}

describe('The elements of the profile', () => {
  test('are those of the schema, with the same content.', () => {
    const table = Object.entries(ELEMENTS).map(([name, children]) => [
      name,
      children.split(' ').filter(Boolean).toSorted(),
    ]);
    expect(Object.fromEntries([...CHILDREN].map(([name, children]) => [name, [...children].toSorted()]))).toEqual(
      Object.fromEntries(table),
    );
  });

  test.each(NAMES.filter((name) => name !== 'svg' && name !== 'title'))(
    'include %s where the schema has it, and nowhere else.',
    (name) => {
      for (const [parent, children] of Object.entries(ELEMENTS).filter(([each]) => each !== 'svg')) {
        const content = name === 'desc' ? 'Example' : '';
        const inside = `<${parent}>${parent === 'title' || parent === 'desc' ? 'Example' : ''}<${name}>${content}</${name}></${parent}>`;
        const body = parent === 'stop' ? `<linearGradient>${inside}</linearGradient>` : inside;
        const found = profileOf(parent === 'title' ? logo({ title: body }) : logo({ body }));
        expect(found).toEqual(
          children.split(' ').includes(name) ? [] : [`line 1: <${parent}> must not contain <${name}>`],
        );
      }
    },
  );

  test.each(NOT_ALLOWED.split(' '))('do not include %s.', (name) => {
    expect(profileOf(logo({ body: `\n<${name}/>` }))).toEqual([`line 2: <${name}> is not allowed`]);
    expect(profileOf(logo({ body: `<g>\n\n<p:${name} xmlns:p="${NAMESPACE}">1</p:${name}></g>` }))).toEqual([
      `line 3: <p:${name}> is not allowed`,
    ]);
  });

  test.each([
    ['a nested svg', '<svg/>', '<svg> must not contain <svg>'],
    [
      'an element of XHTML',
      '<p xmlns="http://www.w3.org/1999/xhtml">a</p>',
      '<p> is not allowed: it is in the namespace http://www.w3.org/1999/xhtml',
    ],
    [
      'an SVG name in another namespace',
      '<rect xmlns="urn:x"/>',
      '<rect> is not allowed: it is in the namespace urn:x',
    ],
    ['an element in no namespace', '<rect xmlns=""/>', '<rect> is not allowed: it is in no namespace'],
    ['an SVG name in upper case', '<Rect/>', '<Rect> is not allowed'],
  ])('do not include %s.', (_, body, problem) => {
    expect(profileOf(logo({ body }))).toEqual([`line 1: ${problem}`]);
  });

  test.each(NAMES)('contain text or not, as in the schema: %s.', (name) => {
    const isText = ['title', 'desc', 'metadata', 'text', 'textArea'].includes(name);
    const element = `<${name}>\n a <![CDATA[b]]></${name}>`;
    const placed = name === 'stop' ? `<linearGradient>${element}</linearGradient>` : element;
    const svg =
      name === 'svg'
        ? logo({ body: '\n a <![CDATA[b]]>' })
        : logo(name === 'title' ? { title: placed } : { body: placed });
    expect(profileOf(svg)).toEqual(isText ? [] : [`line 2: <${name}> must not contain text`]);
  });
});

describe('The attributes of the profile', () => {
  test('are those of the schema.', () => {
    const expected = new Map(
      NAMES.map((element) => [element, ROWS.filter(({ on }) => on.includes(element)).map(({ name }) => name)]),
    );
    for (const [element, rules] of ATTRIBUTES) {
      expect([element, [...rules.keys()].toSorted()]).toEqual([element, expected.get(element)?.toSorted()]);
    }
  });

  test.each(ROWS)('include $name with its values, on its elements only.', ({ name, accepted, refused, on }) => {
    for (const element of NAMES) {
      for (const value of accepted) {
        const found = profileOf(logoWith(element, ` ${name}="${value}"`));
        const missing = `line 3: <${element}> must not have the attribute ${name}`;
        expect([element, value, found]).toEqual([element, value, on.includes(element) ? [] : [missing]]);
      }
      for (const value of on.includes(element) ? refused : []) {
        const found = profileOf(logoWith(element, ` ${name}="${value}"`));
        expect([element, found]).toEqual([
          element,
          [expect.stringContaining(`line 3: ${name} of <${element}> is "${value}", but must be `)],
        ]);
      }
    }
  });

  test.each(NOT_ALLOWED_ATTRIBUTES.split(' '))('do not include %s.', (name) => {
    for (const element of NAMES) {
      expect(profileOf(logoWith(element, ` ${name}="1"`))).toEqual([
        `line 3: <${element}> must not have the attribute ${name}`,
      ]);
    }
  });

  test('accept inherit for font-weight below the root only.', () => {
    expect(profileOf(logoWith('g', ' font-weight="inherit"'))).toEqual([]);
    expect(profileOf(logoWith('svg', ' font-weight="inherit"'))).toHaveLength(1);
  });

  test.each(NAMES.filter((name) => name !== 'metadata'))('do not include both id and xml:id on %s.', (element) => {
    expect(profileOf(logoWith(element, ' id="a" xml:id="b"'))).toEqual([
      `line 3: <${element}> must not have both id and xml:id`,
    ]);
  });
});
