import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonBytes } from '../../../../functions/text.ts';
import { logo, NAMESPACE, PROFILE, problemsOf, profileOf, TWO_COLOURS, VIEW_BOX } from './logos.ts';

const NOTHING = { profile: [], size: [], look: [] };

describe('No problem is found in', () => {
  test.each<[string, string | Uint8Array]>([
    ['a plain logo', logo()],
    ['an XML declaration', logo({ before: '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' })],
    ['a byte order mark', `\ufeff${logo()}`],
    [
      'comments, instructions and white space around it',
      `${logo({ before: '<!-- a -->\n<?a b?>' })}\n<!-- b -->\n<?a?>`,
    ],
    ['comments and instructions inside it', logo({ body: '<g><!-- a --><?a b?></g>' })],
    ['a comment before the title', logo({ title: '\n<!-- Generator: a tool -->\n<title>Example</title>' })],
    ['CRLF', logo({ body: '<g>\n</g>\n' }).replaceAll('\n', '\r\n')],
    ['a document type without declarations', logo({ before: '<!DOCTYPE svg>' })],
    [
      'the five entities of XML, and characters by number',
      logo({ title: '<title>&lt;&amp;&gt;&quot;&apos;&#233;</title>' }),
    ],
    ['a title in CDATA', logo({ title: '<title><![CDATA[Example]]></title>' })],
    [
      'a prefix for SVG',
      `<s:svg xmlns:s="${NAMESPACE}" ${PROFILE} ${VIEW_BOX}><s:title>Example</s:title>${TWO_COLOURS.replaceAll('<', '<s:')}</s:svg>`,
    ],
    ['namespaces that it does not use', logo({ root: `${PROFILE} ${VIEW_BOX} xmlns:xlink="urn:x" xmlns:a="urn:a"` })],
    ['90 nested elements', logo({ body: `${'<g>'.repeat(90)}${'</g>'.repeat(90)}` })],
    [
      'descriptions and metadata with text',
      logo({ body: '<desc>See https://example.com/license</desc><metadata>a</metadata><metadata/>' }),
    ],
    ['two descriptions', logo({ body: '<desc>a</desc><g/><desc>b</desc>' })],
    ['two elements with one id', logo({ body: '<g id="a"/><g id="a"/>' })],
  ])('%s.', (_, svg) => {
    expect(problemsOf(svg)).toEqual(NOTHING);
  });
});

describe('The root element', () => {
  test.each([
    ['another name', '<svgs/>', '<svgs>'],
    ['no namespace', `<svg ${PROFILE}><title>Example</title></svg>`, '<svg>'],
    ['another namespace', `<svg xmlns="http://www.w3.org/1999/xhtml" ${PROFILE}/>`, '<svg>'],
  ])('is not svg with %s.', (_, svg, element) => {
    const problem = `line 1: the root element is ${element}, but must be <svg> of the namespace ${NAMESPACE}`;
    expect(problemsOf(svg)).toMatchObject({ profile: expect.arrayContaining([problem]), size: [], look: [] });
  });

  test.each(['version', 'baseProfile'])('must have the attribute %s.', (attribute) => {
    const root = `${PROFILE} ${VIEW_BOX}`.replace(new RegExp(`${attribute}="[^"]*"`), '');
    expect(profileOf(logo({ root }))).toEqual([`line 1: <svg> must have the attribute ${attribute}`]);
  });
});

describe('The title', () => {
  test.each([
    ['missing', '', 'line 1: <svg> has no <title>'],
    ['only in a comment', '<!-- <title>Example</title> -->', 'line 1: <svg> has no <title>'],
    ['empty', '<title/>', 'line 1: <title> is empty'],
    ['blank', '<title> \n\t&#160;</title>', 'line 1: <title> is empty'],
    [
      'after another element',
      '<desc>a</desc>\n<title>Example</title>',
      'line 2: <title> must be the first element in <svg>',
    ],
    ['repeated', '<title>Example</title>\n<title>Other</title>', 'line 2: <svg> must not contain a second <title>'],
  ])('is refused if it is %s.', (_, title, problem) => {
    expect(profileOf(logo({ title }))).toEqual([problem]);
  });

  test('is missing if only another element has one.', () => {
    expect(profileOf(logo({ title: '<g><title>Example</title></g>' }))).toEqual([
      'line 1: <g> must not contain <title>',
      'line 1: <svg> has no <title>',
    ]);
  });

  test('cannot be replaced by an empty description.', () => {
    expect(profileOf(logo({ body: '\n<desc> </desc>' }))).toEqual(['line 2: <desc> is empty']);
  });
});

describe('A reference', () => {
  const gradient = '<linearGradient id="a"><stop/></linearGradient>';

  test.each([
    ['of use', '<use href="#a"/>'],
    ['of use to an element that follows', `<use href="#b"/><g id="b"/>`],
    ['to xml:id', '<use href="#b"/><g xml:id="b"/>'],
    ['in a paint', '<path fill="url(#a)"/>'],
    ['in a paint with a fallback', '<path fill="url(#a) none" stroke="url(#a) #fff"/>'],
    ['in a paint in capitals with quotes and white space', `<path fill="URL( '#a' )" stroke='url("#a")'/>`],
    ['with a base in the file', '<g xml:base=""><use href="#a"/></g><g xml:base="#x"><use href="#a"/></g>'],
  ])('to an element of the logo is accepted: %s.', (_, body) => {
    expect(profileOf(logo({ body: gradient + body }))).toEqual([]);
  });

  const address = 'https://example.com/a';

  test.each([
    ['href', `<use href="${address}#a"/>`, 'href of <use>', `${address}#a`],
    ['href with white space around it', `<use href=" \n${address} "/>`, 'href of <use>', address],
    ['href without a scheme', '<use href="//example.com/a#a"/>', 'href of <use>', '//example.com/a#a'],
    ['href to another file', '<use href="a.svg#a"/>', 'href of <use>', 'a.svg#a'],
    ['href to nothing', '<use href=""/>', 'href of <use>', ''],
    ['href to the whole file', '<use href="#"/>', 'href of <use>', '#'],
    ['href to a missing element', '<use href="#b"/>', 'href of <use>', '#b'],
    ['href with the scheme data', '<use href="data:image/svg+xml,a#a"/>', 'href of <use>', 'data:image/svg+xml,a#a'],
    ['href with the scheme javascript', '<use href="javascript:alert(1)"/>', 'href of <use>', 'javascript:alert(1)'],
    ['characters by number', '<use href="&#104;ttps://example.com/a"/>', 'href of <use>', address],
    ['fill', `<path fill="url(${address}#a)"/>`, 'fill of <path>', `${address}#a`],
    ['stroke on the root', '', 'stroke of <svg>', address],
    ['a missing paint', '<path fill="url(#b) red"/>', 'fill of <path>', '#b'],
    ['capitals', `<path fill="URL(${address})"/>`, 'fill of <path>', address],
    ['single quotes', `<path fill="url('${address}')"/>`, 'fill of <path>', address],
    ['double quotes', `<path fill='url( "${address}" )'/>`, 'fill of <path>', address],
    ['white space in quotes', `<path fill="url(' ${address}')"/>`, 'fill of <path>', address],
    ['no end', `<path fill="url(${address}"/>`, 'fill of <path>', address],
    ['the second url()', `<path fill="url(#a) url(${address})"/>`, 'fill of <path>', address],
    [
      'a colour',
      `<stop stop-color="url(${address})"/>`.replace(/.*/, `<solidColor solid-color="url(${address})"/>`),
      'solid-color of <solidColor>',
      address,
    ],
    ['another property', `<g font-family="url(${address})"/>`, 'font-family of <g>', address],
    ['another property with an escape of CSS', `<g font-family="u\\72 l(${address})"/>`, 'font-family of <g>', address],
    ['another property with an escaped letter', `<g font-family="ur\\l(${address})"/>`, 'font-family of <g>', address],
  ])('to anything else is refused: %s.', (_, body, what, target) => {
    const root = body === '' ? `${PROFILE} ${VIEW_BOX} stroke="url(${address})"` : undefined;
    expect(
      profileOf(logo({ body: gradient + body, ...(root ? { root } : {}) })).map((problem) =>
        problem.replace(/^line \d: /, ''),
      ),
    ).toEqual([`${what} refers to "${target}", which is no element of the logo`]);
  });

  test.each([
    ['u\\72 l(https://example.com/a)', 'contains an escape of CSS'],
    ['u\\rl(#a)', 'contains an escape of CSS'],
    ['image(https://example.com/a)', 'contains the function image()'],
    ['src("https://example.com/a")', 'contains the function src()'],
    ['Image-Set("a.png" 1x)', 'contains the function Image-Set()'],
  ])('cannot be hidden in a paint: %s.', (paint, problem) => {
    expect(profileOf(logo({ body: `${gradient}\n<path stroke='${paint}'/>` }))).toEqual([
      `line 2: stroke of <path> ${problem}`,
    ]);
  });

  test.each([
    'rgb(1,2,3)',
    'RGB(10%, 20%, 30%)',
    'currentColor',
    '#fff icc-color(a, 1)',
    'oklch(60% 0.15 50)',
    'color(display-p3 1 0 0)',
    '#f00 device-cmyk(0, 1, 1, 0)',
    'color-mix(in lab, red, hwb(1 2% 3%))',
  ])('is not seen in a colour: %s.', (paint) => {
    expect(profileOf(logo({ body: `<path fill="${paint}"/>` }))).toEqual([]);
  });

  test('to an element is refused if xml:base makes it one of another file.', () => {
    const body = `${gradient}<g xml:base="https://example.com/"><g>\n<use href="#a"/></g></g>`;
    expect(profileOf(logo({ body }))).toEqual(['line 2: href of <use> refers to another file, because of xml:base']);
  });

  test('in text and data about the logo is text.', () => {
    const body = `<desc about="url(https://example.com)" content="a(b">url(https://example.com)</desc>`;
    expect(profileOf(logo({ body }))).toEqual([]);
  });

  test('in a processing instruction for a style sheet is refused, wherever it is.', () => {
    const instruction = '<?xml-stylesheet href="https://example.com/a.css"?>';
    const problem = 'xml-stylesheet refers to an external style sheet';
    expect(profileOf(logo({ before: `${instruction}\n` }))).toEqual([`line 1: ${problem}`]);
    expect(profileOf(`${logo()}\n${instruction}`)).toEqual([`line 2: ${problem}`]);
  });
});

describe('The document type', () => {
  const external = 'the document type refers to an external DTD';
  const internal = 'the document type contains declarations, such as entities';
  const empty = 'the document type has an empty list of declarations ([]), which must be removed';

  test.each([
    ['SYSTEM', '<!DOCTYPE svg SYSTEM "https://example.com/x.dtd">', external],
    ['PUBLIC', '<!DOCTYPE svg PUBLIC "-//X//Y" "https://example.com/x.dtd">', external],
    [
      'that of the W3C',
      '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">',
      external,
    ],
    ['line breaks', `<!DOCTYPE svg\tSYSTEM\t'a.dtd' >`, external],
    ['lower case', '<!DOCTYPE svg public "a" "b">', external],
    ['no space', '<!DOCTYPE svg SYSTEM"a.dtd">', external],
    ['another keyword', '<!DOCTYPE svg EXTERNAL "a.dtd">', external],
    ['entities', '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>', internal],
    ['parameter entities', '<!DOCTYPE svg [<!ENTITY % x SYSTEM "a"> %x;]>', internal],
    ['brackets in an identifier', '<!DOCTYPE svg PUBLIC "[" "https://example.com/[x].dtd">', external],
    ['an empty list', '<!DOCTYPE svg []>', empty],
    ['a list of white space and comments', '<!DOCTYPE svg [ <!-- none --> ]>', empty],
    ['entities after a DTD', '<!DOCTYPE svg SYSTEM "a.dtd" [<!ENTITY x "y">]>', internal, external],
    ['an empty list after a DTD', '<!DOCTYPE svg SYSTEM "a.dtd" []>', empty, external],
  ])('is refused with %s.', (_, before, ...problems) => {
    expect(profileOf(logo({ before }))).toEqual(problems.map((problem) => `line 1: ${problem}`));
  });

  const laughs = Array.from({ length: 9 }, (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`).join('');

  test.each([
    ['that would exhaust the memory', `<!DOCTYPE svg [<!ENTITY l0 "ha">${laughs}]>`, '&l9;'],
    ['of a file', '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>', '&x;'],
  ])('never expands entities: %s.', (_, before, reference) => {
    const found = profileOf(logo({ before, title: `<title>${reference}</title>` }));
    expect(found).toEqual([
      `line 1: ${internal}`,
      expect.stringMatching(/^line 1: it cannot be read further: .*entity/),
    ]);
  });

  test.each(['&x;', '&nbsp;', '&;', '& ', '&#xffffffff;', '&#0;'])(
    'has no other entities than XML: %s.',
    (reference) => {
      expect(profileOf(logo({ title: `<title>Example ${reference}</title>` }))).toEqual([
        expect.stringMatching(/^line 1: it cannot be read further: ./),
      ]);
    },
  );
});

describe('The encoding', () => {
  const declaring = (encoding: string, version = '1.0') =>
    logo({ before: `<?xml version="${version}" encoding="${encoding}"?>`, title: '<title>Zürich</title>' });
  const plain = (encoding: string) => declaring(encoding).replace('ü', 'u');
  const big = (text: string) => Buffer.from(text, 'utf16le').swap16();

  test.each<[string, string | Uint8Array]>([
    ['UTF-8', declaring('UTF-8')],
    ['utf-8 with a mark', `\ufeff${declaring('utf-8')}`],
    ['UTF-16 in little endian', Buffer.from(`\ufeff${declaring('UTF-16')}`, 'utf16le')],
    ['UTF-16 in big endian', big(`\ufeff${declaring('utf-16')}`)],
    ['UTF-16LE without a mark', Buffer.from(declaring('UTF-16LE'), 'utf16le')],
    ['UTF-16 by its mark alone', Buffer.from(`\ufeff${logo()}`, 'utf16le')],
    ['ISO-8859-1', Buffer.from(declaring('ISO-8859-1'), 'latin1')],
    [
      'iso-8859-1 in single quotes',
      Buffer.from(declaring('ISO-8859-1').replaceAll(/(encoding=)"(.*?)"/g, "$1'$2'"), 'latin1'),
    ],
    ['ISO-8859-1 with ASCII alone', plain('iso-8859-1')],
    ['US-ASCII', plain('US-ASCII')],
    ['windows-1252', Buffer.from(declaring('windows-1252'), 'latin1')],
  ])('may be %s.', (_, svg) => {
    expect(problemsOf(svg)).toEqual(NOTHING);
  });

  test('is that of the declaration: the title of a Latin-1 logo is counted in characters.', () => {
    const title = 'ü'.repeat(65);
    const svg = Buffer.from(declaring('ISO-8859-1').replace('Zürich', title), 'latin1');
    expect(problemsOf(svg).look).toEqual([expect.stringContaining('65 characters')]);
  });

  test.each<[string, string | Uint8Array]>([
    ['UTF-16, but is UTF-8', declaring('utf-16')],
    ['UTF-16, but is ASCII', plain('UTF-16')],
    ['UTF-16 after much white space', plain('UTF-16').replace(' encoding', ' '.repeat(5000) + 'encoding')],
    ['UTF-16BE, but is UTF-16LE', Buffer.from(`\ufeff${declaring('UTF-16BE')}`, 'utf16le')],
    ['UTF-16, but has no mark', Buffer.from(declaring('UTF-16'), 'utf16le')],
    ['UTF-8, but is UTF-16', Buffer.from(`\ufeff${declaring('UTF-8')}`, 'utf16le')],
    ['UTF-8, but is Latin-1', Buffer.from(declaring('UTF-8'), 'latin1')],
    ['ISO-8859-1, but has the mark of UTF-8', `\ufeff${plain('ISO-8859-1')}`],
    ['ISO-8859-1, but is UTF-8', declaring('ISO-8859-1')],
    ['US-ASCII, but has other characters', Buffer.from(declaring('US-ASCII'), 'latin1')],
    ['UTF-32, which is not known', plain('UTF-32')],
    ['UTF-7, which is not known', plain('UTF-7')],
    ['a name that is not known', plain('x-unknown')],
  ])('is refused if the logo declares %s.', (_, svg) => {
    expect(profileOf(svg)).toEqual([expect.stringMatching(/^line 1: it declares the encoding /)]);
  });

  test.each<[string, Uint8Array]>([
    ['Latin-1', Buffer.from(logo({ title: '<title>Zürich</title>' }), 'latin1')],
    ['UTF-16 without a mark', Buffer.from(logo(), 'utf16le')],
    ['UTF-32', Buffer.concat([Buffer.of(0xff, 0xfe, 0, 0), Buffer.from(logo(), 'utf16le')])],
    ['a UTF-8 sequence that is cut off', Buffer.concat([Buffer.from(logo()), Buffer.of(0xe2, 0x82)])],
    ['two byte order marks', Buffer.from(`\ufeff\ufeff${logo()}`)],
  ])('must be declared if it is %s.', (_, svg) => {
    expect(profileOf(svg)).toEqual([expect.stringMatching(/^line 1: /)]);
  });

  test.each(['1.1', '1.5'])('is that of XML 1.0, not %s.', (version) => {
    expect(profileOf(declaring('UTF-8', version))).toContain(
      `line 1: the version of XML is ${version}, but must be 1.0`,
    );
  });
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
    ['gzip', Buffer.from('1f8b0800000000000003', 'hex')],
    ['101 nested elements', logo({ body: `${'<g>'.repeat(100)}${'</g>'.repeat(100)}` })],
    ['80,000 nested elements', logo({ body: '<g>'.repeat(80_000) })],
  ])('%s.', (_, svg) => {
    expect(profileOf(svg).at(-1)).toMatch(/^line \d+: ./);
  });

  test('the line of the fault is reported.', () => {
    expect(profileOf(logo({ body: '\n\n<g>' }))).toEqual([
      expect.stringMatching(/^line 3: it cannot be read further: /),
    ]);
  });
});

test('All problems are reported together.', () => {
  const svg = logo({
    root: `version="1.1" baseProfile="tiny-ps" x="0" ${VIEW_BOX} width="50%"`,
    body: '\n<script/><set/>\n<image href="a.png"/>\n<use href="a.svg#a" opacity="1"/>',
  });
  expect(problemsOf(svg.padEnd(32_769))).toEqual({
    profile: [
      'line 1: version of <svg> is "1.1", but must be 1.2',
      'line 1: <svg> must not have the attribute x',
      'line 2: <script> is not allowed',
      'line 2: <set> is not allowed',
      'line 3: <image> is not allowed',
      'line 4: <use> must not have the attribute opacity',
      'line 4: href of <use> refers to "a.svg#a", which is no element of the logo',
    ],
    size: [
      'it has 32769 bytes, but at most 32768 are allowed',
      'line 1: width of <svg> is "50%", but must be an absolute length, such as 96',
    ],
    look: [],
  });
});

describe('For any input:', () => {
  const sentences = (svg: string | Uint8Array) => {
    const { profile, size, look } = problemsOf(svg);
    expect(profile.every((problem) => /^line \d+: ./.test(problem))).toBe(true);
    for (const problem of [...profile, ...size, ...look]) {
      expect(jsonBytes(problem)).toBeLessThan(400);
    }
    return profile;
  };

  test('random bytes never throw and are never a valid logo.', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => sentences(bytes).length > 0));
  });

  test('random markup never throws.', () => {
    const piece = fc.constantFrom(
      ...[
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
        '\n',
        'url(',
        '#a',
        '\\',
      ],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        sentences(pieces.join(''));
        sentences(logo({ body: pieces.join('') }));
      }),
    );
  });

  test('a logo with any byte changed never throws.', () => {
    const svg = Buffer.from(logo({ body: '<path fill="url(#a)" id="a" xml:space="default"/>' }));
    fc.assert(
      fc.property(fc.nat(svg.length - 1), fc.nat(255), (at, byte) => {
        const copy = Buffer.from(svg);
        copy.writeUInt8(byte, at);
        sentences(copy);
      }),
    );
  });

  test('every other address is found in every position.', () => {
    const place = fc.constantFrom<(address: string) => string>(
      (address) => `<use href="${address}"/>`,
      (address) => `<g><path fill="url(${address})"/></g>`,
      (address) => `<path stroke="Url( '${address}' ) none"/>`,
      (address) => `<image href="${address}"/>`,
      (address) => `<use xlink:href="${address}" xmlns:xlink="http://www.w3.org/1999/xlink"/>`,
      (address) => `<path style="stroke:url('${address}')"/>`,
      (address) => `<style>@import "${address}";</style>`,
    );
    const address = fc.stringMatching(/^(?:https?|HTTP|ftp|file|data):[a-z0-9/.,#-]{1,40}$/);
    fc.assert(
      fc.property(place, address, (body, target) => {
        expect(profileOf(logo({ body: body(target) }))).toHaveLength(1);
      }),
    );
  });
});

describe('A hostile logo of 256 KiB', () => {
  const SIZE = 256 * 1024;
  const repeat = (piece: (index: number) => string) => {
    const pieces: string[] = [];
    for (let size = 1000, index = 0; size < SIZE; index += 1) {
      pieces.push(piece(index));
      size += pieces.at(-1)?.length ?? 0;
    }
    return pieces.join('');
  };
  const long = (text: string) => repeat(() => text);
  const root = `${PROFILE} ${VIEW_BOX}`;
  const many = 60;
  const exponential = Array.from(
    { length: many },
    (_, n) => `<g id="g${n}">${`<use href="#g${n + 1}"/>`.repeat(50)}</g>`,
  ).join('');

  // Each is quadratic, or worse, for a reader that searches carelessly. CPU time, because other processes also run.
  test.each<[string, string]>([
    ['nested elements', logo({ body: long('<g>') })],
    ['elements below 98 others', logo({ body: `${'<g>'.repeat(98)}${long('<rect/>')}${'</g>'.repeat(98)}` })],
    ['attributes', logo({ root: `${root}${repeat((n) => ` a${n}=""`)}` })],
    [
      'attributes with a prefix',
      logo({ body: `${'<g>'.repeat(90)}<g${repeat((n) => ` xml:a${n}=""`)}/>${'</g>'.repeat(90)}` }),
    ],
    ['namespaces', logo({ root: `${root}${repeat((n) => ` xmlns:a${n}="u"`)}` })],
    ['a long id', logo({ body: `<g id="${long('a')} b"/>` })],
    ['a long class', logo({ body: `<g class="a${long(' ')}("/>` })],
    ['ids', logo({ body: repeat((n) => `<g id="a${n}"/>`) })],
    ['references', logo({ body: repeat((n) => `<use href="#a${n}"/>`) })],
    ['a list of url()', logo({ body: `<path fill="${long('url(#a) ')}"/>` })],
    ['a function without an end', logo({ body: `<path fill="(${long('a')}"/>` })],
    ['url() and spaces', logo({ body: `<path fill="url(${long(' ')}"/>` })],
    ['escapes of CSS', logo({ body: `<path font-family="${long('\\41 ')}("/>` })],
    ['a long viewBox', logo({ root: `${PROFILE} viewBox="${long('0')} x"` })],
    ['a viewBox of spaces', logo({ root: `${PROFILE} viewBox="0${long(' ')}x"` })],
    ['a long width', logo({ root: `${root} width="${long('1')}x%"` })],
    ['a long title', logo({ title: `<title>layer${long('-_')}x</title>` })],
    ['text between elements', logo({ body: long('x<g/>') })],
    ['a long declaration', `<?xml${long(' ')}encoding="a"?>${logo()}`],
    ['a long document type', `<!DOCTYPE ${long('a')} b>${logo()}`],
    [
      'use that repeats elements exponentially',
      logo({ colours: '', body: `${exponential}<g id="g${many}"><rect/></g>` }),
    ],
    [
      'references of spaces in use that repeats elements',
      logo({
        colours: '',
        body: `${exponential}<g id="g${many}"><use href="${' '.repeat(150_000)}#a"/></g><g id="a"/>`,
      }),
    ],
    ['use that contains itself', logo({ colours: '', body: '<g id="a"><use href="#a"/></g>' })],
    [
      'a gradient with many stops',
      logo({
        colours: '',
        body: `<linearGradient id="a">${'<stop/>'.repeat(9000)}</linearGradient>${'<rect fill="url(#a)"/>'.repeat(8000)}`,
      }),
    ],
  ])('is read in little time: %s.', (_, svg) => {
    expect(svg.length).toBeLessThanOrEqual(SIZE);
    const start = process.cpuUsage();
    problemsOf(svg);
    const { user } = process.cpuUsage(start);
    expect(user / 1000).toBeLessThan(1000);
  });
});
