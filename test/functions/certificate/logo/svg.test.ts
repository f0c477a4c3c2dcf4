import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { svgProblems } from '../../../../functions/certificate/logo/svg.ts';

const LIMIT = 32_768;
const NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"';
const PROFILE = 'version="1.2" baseProfile="tiny-ps"';

/** A valid logo by default. */
function logo({ body = '', root = PROFILE, title = '<title>Example</title>', before = '' } = {}): string {
  return `${before}<svg ${NAMESPACES} ${root} viewBox="0 0 64 64">${title}${body}</svg>`;
}

function problems(svg: string | Uint8Array): string[] {
  return svgProblems(Buffer.from(svg));
}

const external = (reference: string) => [`it refers to an external resource (${reference})`];

describe('No problem is found in', () => {
  test.each([
    ['a plain logo', logo({ body: '<rect width="64" height="64" fill="#14324a"/>' })],
    ['an XML declaration', logo({ before: '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' })],
    ['a byte order mark', `\ufeff${logo()}`],
    ['comments and white space around it', `${logo({ before: '<!-- a -->\n' })}\n<!-- b -->\n`],
    ['CRLF', logo({ body: '<g>\n</g>\n' }).replaceAll('\n', '\r\n')],
    ['a document type without declarations', logo({ before: '<!DOCTYPE svg>' })],
    [
      'the five entities of XML, and characters by number',
      logo({ title: '<title>&lt;&amp;&gt;&quot;&apos;&#233;</title>' }),
    ],
    ['a title in CDATA', logo({ title: '<title><![CDATA[Example]]></title>' })],
    ['a title after other elements', logo({ title: '', body: '<g/><title>Example</title>' })],
    ['a prefix for SVG', `<s:svg xmlns:s="http://www.w3.org/2000/svg" ${PROFILE}><s:title>Example</s:title></s:svg>`],
    ['x and y below the root', logo({ body: '<rect x="1" y="2"/>' })],
    [
      'elements and attributes whose names only resemble forbidden ones',
      logo({ body: '<g opacity="1" icon="a"><settings/></g>' }),
    ],
    ['90 nested elements', logo({ body: `${'<g>'.repeat(90)}${'</g>'.repeat(90)}` })],
    ['a URL in its description', logo({ body: '<desc>See https://example.com/license</desc>' })],
    ['a reference to its own element', logo({ body: '<use href="#a"/><use xlink:href="#b"/>' })],
    [
      'a reference to its own gradient',
      logo({ body: `<path fill="url(#a)" style="stroke: url('#b'); fill:url( &quot;#c&quot; )"/>` }),
    ],
    ['a reference to its own gradient in a style sheet', logo({ body: '<style>path { fill: url(#a) }</style>' })],
    ['an embedded image', logo({ body: '<image xlink:href="data:image/png;base64,iVBORw0KGgo="/>' })],
  ])('%s.', (_, svg) => {
    expect(problems(svg)).toEqual([]);
  });
});

describe('The root element', () => {
  const version = ['its version is not 1.2, or its baseProfile is not tiny-ps'];
  const place = ['its root element has an attribute x or y'];

  test.each([
    ['no version', 'baseProfile="tiny-ps"', version],
    ['another version', 'version="1.1" baseProfile="tiny-ps"', version],
    ['no profile', 'version="1.2"', version],
    ['another profile', 'version="1.2" baseProfile="tiny"', version],
    ['the profile in upper case', 'version="1.2" baseProfile="Tiny-PS"', version],
    ['an attribute name in lower case', 'version="1.2" baseprofile="tiny-ps"', version],
    ['x', `${PROFILE} x="0"`, place],
    ['y', `${PROFILE} y="0px"`, place],
    ['x and y', `${PROFILE} x="" y=""`, place],
  ])('is refused with %s.', (_, root, expected) => {
    expect(problems(logo({ root }))).toEqual(expected);
  });

  test.each([
    ['another name', logo().replaceAll('svg ', 'svgs ').replace('</svg>', '</svgs>')],
    ['no namespace', `<svg ${PROFILE}><title>Example</title></svg>`],
    ['another namespace', `<svg xmlns="http://www.w3.org/1999/xhtml" ${PROFILE}><title>Example</title></svg>`],
  ])('is not svg with %s.', (_, svg) => {
    expect(problems(svg)).toEqual(['its root element is not svg']);
  });
});

describe('The title', () => {
  test.each([
    ['none', ''],
    ['an empty one', '<title/>'],
    ['a blank one', '<title> \n\t </title>'],
    ['one only of another element', '<g><title>Example</title></g>'],
    ['one inside another title', '<title><title>Example</title></title>'],
    ['one in a comment', '<!-- <title>Example</title> -->'],
    ['one in an attribute', '<g title="Example"/>'],
  ])('is missing if there is %s.', (_, title) => {
    expect(problems(logo({ title }))).toEqual(['it has no title']);
  });
});

describe('A script or an animation', () => {
  test.each(['script', 'handler', 'listener'])('is found: the element %s.', (name) => {
    expect(problems(logo({ body: `<${name}/>` }))).toEqual([`it contains a script (${name})`]);
    expect(problems(logo({ body: `<g><p:${name} xmlns:p="http://www.w3.org/2000/svg">1</p:${name}></g>` }))).toEqual([
      `it contains a script (${name})`,
    ]);
  });

  test.each(['onload', 'onclick', 'onbegin', 'onLoad', 'ONERROR'])('is found: the attribute %s.', (name) => {
    expect(problems(logo({ body: `<g ${name}="alert(1)"/>` }))).toEqual([`it contains a script (${name})`]);
    expect(problems(logo({ root: `${PROFILE} ${name}=""` }))).toEqual([`it contains a script (${name})`]);
  });

  test.each(['animate', 'animateColor', 'animateMotion', 'animateTransform', 'animation', 'discard', 'set'])(
    'is found: the element %s.',
    (name) => {
      expect(problems(logo({ body: `<rect><${name} dur="1s"/></rect>` }))).toEqual([
        `it contains an animation (${name})`,
      ]);
    },
  );

  test('is found in a URL with the scheme javascript.', () => {
    expect(problems(logo({ body: '<a xlink:href="javascript:alert(1)"/>' }))).toEqual(external('javascript:alert(1)'));
  });
});

describe('An external reference is found', () => {
  const address = 'https://example.com/a';

  test.each([
    ['href', `<use href="${address}#a"/>`, `${address}#a`],
    ['xlink:href', `<image xlink:href="${address}"/>`, address],
    ['href of another prefix', `<image xmlns:l="http://www.w3.org/1999/xlink" l:href="${address}"/>`, address],
    ['src', `<audio src="${address}"/>`, address],
    ['a path', '<image href="a.png"/>', 'a.png'],
    ['a path without a scheme', '<image href="//example.com/a"/>', '//example.com/a'],
    ['a file', '<image href="file:///etc/passwd"/>', 'file:///etc/passwd'],
    ['white space around it', `<image href=" \n${address} "/>`, address],
    ['characters by number', '<image href="&#104;ttps://example.com/a"/>', address],
    ['url() of an attribute', `<path fill="url(${address}#a)"/>`, `${address}#a`],
    ['url() in capitals', `<path fill="URL(${address})"/>`, address],
    ['url() of a style', `<path style="fill: red; stroke: url(${address})"/>`, address],
    ['url() in single quotes', `<path style="fill:url('${address}')"/>`, address],
    ['url() in double quotes', `<path style='fill:url( "${address}" )'/>`, address],
    ['url() with white space in its quotes', `<path style="fill:url(' ${address}')"/>`, address],
    ['url() without an end', `<path style="fill:url(${address}"/>`, address],
    ['the second url() of a style', `<path style="fill:url(#a);stroke:url(${address})"/>`, address],
    ['url() of a style sheet', `<style>path { fill: url(${address}) }</style>`, address],
    ['a style sheet in CDATA', `<style><![CDATA[path { fill: url(${address}) }]]></style>`, address],
    ['@import', `<style>@import "${address}";</style>`, address],
    ['@import without white space', `<style>@import'${address}';</style>`, address],
    ['@import with url()', `<style>@import url("${address}");</style>`, address],
    ['@IMPORT in capitals', `<style>@IMPORT "${address}";</style>`, address],
  ])('in %s.', (_, body, expected) => {
    expect(problems(logo({ body }))).toEqual(external(expected));
  });

  test('in a processing instruction for a style sheet.', () => {
    expect(problems(logo({ before: `<?xml-stylesheet href="${address}"?>` }))).toEqual([
      'it refers to an external style sheet',
    ]);
  });

  test('in the root element.', () => {
    expect(problems(logo({ root: `${PROFILE} style="fill:url(${address})"` }))).toEqual(external(address));
  });

  test('and truncated if it is long.', () => {
    const [problem = ''] = problems(logo({ body: `<image href="${address}${'a'.repeat(5000)}"/>` }));
    expect(problem.length).toBeLessThan(120);
  });

  test('and reported only once.', () => {
    const body = `<image href="${address}"/>`.repeat(3);
    expect(problems(logo({ body: `${body}<image href="${address}/b"/>` }))).toEqual([
      ...external(address),
      ...external(`${address}/b`),
    ]);
  });
});

describe('A hidden external reference is found', () => {
  const wrap = (attributes: string, inside = '') =>
    Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps"${attributes}><title>x</title>${inside}</svg>`,
    );
  test.each([
    [
      'in xml:base',
      wrap(' xml:base="http://evil.example/"'),
      'it refers to an external resource (http://evil.example/)',
    ],
    [
      'in a style with a CSS escape',
      wrap('', '<g style="fill:u\\72l(http://evil.example)"/>'),
      'it contains a CSS escape and a parenthesis in a style',
    ],
    [
      'in an external DTD',
      Buffer.concat([Buffer.from('<!DOCTYPE svg SYSTEM "http://evil.example/x.dtd">'), wrap('')]),
      'it refers to an external DTD',
    ],
  ])('%s.', (_, svg, problem) => {
    expect(svgProblems(svg)).toEqual([problem]);
  });
});

describe('Entities', () => {
  const SECRET = 'file:///etc/passwd';
  const declared = 'it declares entities';

  const laughs = Array.from({ length: 9 }, (_, index) => `<!ENTITY l${index + 1} "${`&l${index};`.repeat(10)}">`).join(
    '',
  );

  test.each([
    ['that would exhaust the memory', `<!DOCTYPE svg [<!ENTITY l0 "ha">${laughs}]>`, '&l9;'],
    ['of a file', `<!DOCTYPE svg [<!ENTITY x SYSTEM "${SECRET}">]>`, '&x;'],
    ['of a public name', `<!DOCTYPE svg [<!ENTITY x PUBLIC "-//X//Y" "${SECRET}">]>`, '&x;'],
    ['of text', '<!DOCTYPE svg [<!ENTITY x "Example">]>', '&x;'],
  ])('%s are neither read nor expanded.', (_, before, reference) => {
    const found = problems(logo({ before, title: `<title>${reference}</title>` }));
    expect(found).toEqual([declared, expect.stringMatching(/^it cannot be read completely: .*entity/)]);
    expect(found.join().length).toBeLessThan(300);
    expect(found.join()).not.toContain('root:');
  });

  test.each([
    ['that are declared but not used', `<!DOCTYPE svg [<!ENTITY x SYSTEM "${SECRET}">]>`],
    ['that are parameters', `<!DOCTYPE svg [<!ENTITY % x SYSTEM "${SECRET}"> %x;]>`],
    ['after the URL of a DTD', `<!DOCTYPE svg SYSTEM "a.dtd" [<!ENTITY x "y">]>`],
  ])('%s are refused even if unused.', (_, before) => {
    expect(problems(logo({ before }))).toEqual([declared]);
  });

  test.each(['&x;', '&nbsp;', '&;', '& ', '&#xffffffff;', '&#0;'])(
    'without a declaration are refused: %s.',
    (reference) => {
      expect(problems(logo({ title: `<title>Example ${reference}</title>` }))).toEqual([
        expect.stringMatching(/^it cannot be read completely: /),
      ]);
    },
  );
});

describe('An SVG that is not well-formed cannot be read:', () => {
  test.each<[string, string | Uint8Array]>([
    ['nothing', ''],
    ['words', 'not an SVG'],
    ['an element without an end', logo().replace('</svg>', '')],
    ['elements that overlap', logo({ body: '<g><path></g></path>' })],
    ['two roots', logo() + logo()],
    ['an attribute twice', logo({ body: '<g id="a" id="b"/>' })],
    ['an attribute without quotes', logo({ body: '<g id=a/>' })],
    ['a prefix without a namespace', logo({ body: '<g p:id="a"/>' })],
    ['text after the root', `${logo()}text`],
    ['a control character', logo({ title: '<title>\u0001</title>' })],
    ['Latin-1 instead of UTF-8', Buffer.from(logo({ title: '<title>Zürich</title>' }), 'latin1')],
    ['UTF-16', Buffer.from(`\ufeff${logo()}`, 'utf16le')],
    ['a UTF-8 sequence that is cut off', Buffer.concat([Buffer.from(logo()), Buffer.of(0xe2, 0x82)])],
    ['gzip', Buffer.from('1f8b0800000000000003', 'hex')],
    ['101 nested elements', logo({ body: `${'<g>'.repeat(100)}${'</g>'.repeat(100)}` })],
    ['80,000 nested elements', logo({ body: '<g>'.repeat(80_000) })],
  ])('%s.', (_, svg) => {
    expect(problems(svg).at(-1)).toMatch(/^it cannot be read completely: ./);
  });
});

describe('The size', () => {
  const filled = (size: number) => logo().padEnd(size);

  test.each([
    [LIMIT - 1, []],
    [LIMIT, []],
    [LIMIT + 1, [`it has ${LIMIT + 1} bytes, but at most ${LIMIT} are allowed`]],
  ])('of %i bytes has the problems %j.', (size, expected) => {
    expect(problems(filled(size))).toEqual(expected);
  });

  test('is counted in bytes, not in characters.', () => {
    const title = `<title>${'é'.repeat(LIMIT / 2)}</title>`;
    expect(logo({ title }).length).toBeLessThan(LIMIT);
    expect(problems(logo({ title }))).toEqual([expect.stringContaining(`at most ${LIMIT} are allowed`)]);
  });
});

test('All problems are reported together.', () => {
  const svg = logo({ root: 'version="1.1" x="0"', title: '', body: '<script/><set/><image href="a.png"/>' });
  expect(problems(svg.padEnd(LIMIT + 1))).toEqual([
    `it has ${LIMIT + 1} bytes, but at most ${LIMIT} are allowed`,
    'its version is not 1.2, or its baseProfile is not tiny-ps',
    'its root element has an attribute x or y',
    'it contains a script (script)',
    'it contains an animation (set)',
    ...external('a.png'),
    'it has no title',
  ]);
});

describe('For any input:', () => {
  const sentences = (svg: string | Uint8Array) => {
    const found = problems(svg);
    expect(found.every((problem) => /^it /.test(problem) || /^its /.test(problem))).toBe(true);
    return found;
  };

  test('random bytes never throw and are never a valid logo.', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => sentences(bytes).length > 0));
  });

  test('random markup never throws.', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '/',
      '<svg',
      '<g>',
      '</g>',
      '"',
      "'",
      '=',
      '&',
      ';',
      '<!',
      '[',
      ']]>',
      '<?',
      'a',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        sentences(pieces.join(''));
        sentences(logo({ body: pieces.join('') }));
      }),
    );
  });

  test('a logo with any byte changed never throws.', () => {
    const svg = Buffer.from(logo({ body: '<path fill="url(#a)" style="fill:#fff"/>' }));
    fc.assert(
      fc.property(fc.nat(svg.length - 1), fc.nat(255), (at, byte) => {
        const copy = Buffer.from(svg);
        copy.writeUInt8(byte, at);
        sentences(copy);
      }),
    );
  });

  test('every http URL is found in every position.', () => {
    const place = fc.constantFrom<(address: string) => string>(
      (address) => `<image href="${address}"/>`,
      (address) => `<g><use xlink:href="${address}"/></g>`,
      (address) => `<path fill="url(${address})"/>`,
      (address) => `<path style="stroke:url('${address}')"/>`,
      (address) => `<style>@import "${address}";</style>`,
    );
    const name = fc.stringMatching(/^[a-z0-9-]{1,20}$/);
    fc.assert(
      fc.property(place, fc.constantFrom('http', 'https', 'HTTP'), name, (body, scheme, host) => {
        const address = `${scheme}://${host}.example/`;
        expect(problems(logo({ body: body(address) }))).toEqual(external(address));
      }),
    );
  });
});
