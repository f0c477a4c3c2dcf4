import { describe, expect, test } from 'vitest';
import { logo, PROFILE, problemsOf, VIEW_BOX } from './logos.ts';

const LIMIT = 32_768;
const rooted = (attributes: string) => problemsOf(logo({ root: `${PROFILE} ${attributes}` }));

describe('The size of a logo', () => {
  test.each([
    [LIMIT - 1, []],
    [LIMIT, []],
    [LIMIT + 1, [`it has ${LIMIT + 1} bytes, but at most ${LIMIT} are allowed`]],
  ])('of %i bytes has the problems %j.', (size, expected) => {
    expect(problemsOf(logo().padEnd(size))).toEqual({ profile: [], size: expected, look: [] });
  });

  test('is counted in bytes, not in characters.', () => {
    const svg = logo({ body: `<desc>${'é'.repeat(LIMIT / 2)}</desc>` });
    expect(svg.length).toBeLessThan(LIMIT);
    expect(problemsOf(svg).size).toEqual([expect.stringContaining(`at most ${LIMIT} are allowed`)]);
  });

  test.each(['96', '96px', '1in', '72pt', '6pc', '2.54cm', '25.4mm', '100.5', '1e2', ' 200 ', '96PX', '+96'])(
    'is accepted as width and height: %s.',
    (length) => {
      expect(rooted(`${VIEW_BOX} width="${length}" height="${length}"`)).toEqual({ profile: [], size: [], look: [] });
    },
  );

  test.each([
    '100%',
    '50.5 %',
    '10em',
    '10ex',
    '10rem',
    '100vw',
    '50vh',
    '50vmin',
    '10ch',
    '2q',
    'auto',
    '',
    'calc(1px)',
    '1e999',
  ])('is refused as width and height, because it is not absolute: %s.', (length) => {
    const because = `of <svg> is "${length}", but must be an absolute length, such as 96`;
    expect(rooted(`${VIEW_BOX} width="${length}" height="${length}"`)).toEqual({
      profile: [],
      size: [`line 1: width ${because}`, `line 1: height ${because}`],
      look: [],
    });
  });

  test('in percent is accepted below the root.', () => {
    expect(problemsOf(logo({ body: '<rect width="100%" height="100%"/>' })).size).toEqual([]);
  });
});

describe('The shape of a logo', () => {
  const viewBox = (value: string) => rooted(`viewBox="${value}"`).look;

  test.each([
    '0 0 1 1',
    '-1 -1.5 .5 .5',
    '0,0,64,64',
    ' 0 , 0\n64  64 ',
    '0 0 1e2 100',
    '21.82 21.8 186.28 186.28',
    '0 0 1000 1000.5',
  ])('is square with the viewBox "%s".', (value) => {
    expect(viewBox(value)).toEqual([]);
  });

  test.each([
    ['0 0 400 484', 'is not square: 400 × 484'],
    ['0 0 101 100', 'is not square: 101 × 100'],
    ['0 0 64', 'is "0 0 64", but must be four numbers'],
    ['0 0 64 64 64', 'is "0 0 64 64 64", but must be four numbers'],
    ['0 0 64px 64px', 'is "0 0 64px 64px", but must be four numbers'],
    ['0 0 1e999 1e999', 'is "0 0 1e999 1e999", but must be four numbers'],
    ['', 'is "", but must be four numbers'],
    ['0 0 0 64', 'has no area: "0 0 0 64"'],
    ['0 0 -64 -64', 'has no area: "0 0 -64 -64"'],
  ])('has a problem with the viewBox "%s".', (value, problem) => {
    expect(viewBox(value)).toEqual([`line 1: viewBox of <svg> ${problem}`]);
  });

  test('has a problem without a viewBox.', () => {
    expect(rooted('').look).toEqual(['line 1: <svg> has no viewBox']);
  });

  test.each([
    ['width="100" height="200"', ['line 1: width of <svg> is 100 pixels, but its height is 200: not square']],
    [
      'width="95" height="95"',
      [
        'line 1: width of <svg> is 95 pixels, but Gmail needs at least 96',
        'line 1: height of <svg> is 95 pixels, but Gmail needs at least 96',
      ],
    ],
    ['width="95.9px"', ['line 1: width of <svg> is 95.9 pixels, but Gmail needs at least 96']],
    ['height="71pt"', ['line 1: height of <svg> is 94.67 pixels, but Gmail needs at least 96']],
    ['width="0"', ['line 1: width of <svg> is 0 pixels, but Gmail needs at least 96']],
    ['width="96"', []],
    ['width="1in" height="96"', []],
  ])('is that of %s, if given.', (attributes, expected) => {
    expect(rooted(`${VIEW_BOX} ${attributes}`).look).toEqual(expected);
  });
});

describe('The title of a logo', () => {
  const titled = (title: string) => problemsOf(logo({ title: `<title>${title}</title>` })).look;

  test.each([
    'Example',
    'é'.repeat(64),
    '💡'.repeat(64),
    ` \n${'a'.repeat(64)}\n `,
    'Layer Cake Ltd',
    'Frame',
    'Logo of Example',
    'Untitled Magazine',
    'Example Company',
    'The Logo Company Ltd',
    'Made in Manchester',
  ])('is accepted: %s.', (title) => {
    expect(titled(title)).toEqual([]);
  });

  test.each([65, 1000])('is too long with %i characters.', (length) => {
    expect(titled('é'.repeat(length))).toEqual([
      `line 1: <title> has ${length} characters, but should have at most 64`,
    ]);
  });

  test.each([
    ...[
      'bimi-svg-tiny-12-ps',
      'Company title',
      'Untitled',
      'untitled-1',
      'logo',
      'LOGO',
      'logo.svg',
      'Layer 1',
      'Layer_1',
    ],
    ...[
      'SVG',
      'Title',
      'Your title here',
      'Your  Company\nName',
      'Artboard',
      'Artboard 1 copy 2',
      'Asset 12',
      'drawing.svg',
    ],
    ...['Page 1', 'Group-11', 'Brand name', 'New Document', '[Company Name]', 'my_company', 'BIMI-logo (SVG)'],
    ...['Insert your brand name here', 'Default title', 'Created with Figma', 'Generated by Adobe Illustrator'],
  ])('is that of a template or a tool: %s.', (title) => {
    expect(titled(title)).toEqual([expect.stringMatching(/^line 1: <title> ".*" is that of a template or a tool/)]);
  });
});

describe('The colours of a logo', () => {
  const hasTwo = (colours: string, root = '') => {
    const { profile, look } = problemsOf(logo({ root: `${PROFILE} ${VIEW_BOX} ${root}`, colours }));
    expect(profile).toEqual([]);
    expect([[], ['line 1: <svg> is painted in fewer than two colours']]).toContainEqual(look);
    return look.length === 0;
  };

  const gradient = (...stops: string[]) =>
    `<defs><linearGradient id="a">${stops.map((stop) => `<stop stop-color="${stop}"/>`).join('')}</linearGradient></defs>`;

  test.each([
    ['two fills', '<rect fill="#fff"/><rect fill="#000"/>'],
    ['a fill and the default', '<rect fill="red"/><rect/>'],
    ['a fill and a stroke', '<rect fill="red" stroke="blue"/>'],
    ['an inherited fill', '<g fill="red"><g><rect/></g></g><rect fill="blue"/>'],
    ['an overridden fill', '<g fill="red"><rect/><rect fill="blue"/></g>'],
    ['a gradient', `${gradient('red', 'blue')}<rect fill="url(#a)"/>`],
    ['a gradient of one colour and another fill', `${gradient('red', 'red')}<rect fill="url( '#a' )"/><rect/>`],
    ['a solid colour', '<solidColor id="a" solid-color="red"/><rect fill="url(#a)"/><rect/>'],
    ['two uses of one shape', '<defs><path id="a"/></defs><use href="#a" fill="red"/><use href="#a" fill="blue"/>'],
    ['the colour currentColor', '<g color="red"><rect fill="currentColor"/></g><rect/>'],
    ['text', '<text fill="red">a</text><rect/>'],
    ['a stroke of a line', '<line stroke="red"/><rect/>'],
    ['other names', '<rect fill="rebeccapurple"/><rect fill="tomato"/>'],
  ])('are two: %s.', (_, body) => {
    expect(hasTwo(body)).toBe(true);
  });

  test('are two with a fill of the root.', () => {
    expect(hasTwo('<rect/><rect fill="red"/>', 'fill="blue"')).toBe(true);
  });

  test.each([
    ['nothing', '<g/>'],
    ['one shape', '<rect/>'],
    [
      'equal colours in other forms',
      '<rect fill="#FFF"/><rect fill="white"/><rect fill="#ffffff"/><rect fill="rgb(100%, 100%,100%)"/><rect fill=" White "/><rect stroke="rgb(255,255,255)" fill="none"/>',
    ],
    ['a fill and none', '<rect fill="none"/><rect fill="red"/>'],
    ['a shape that is fully transparent', '<rect fill="red" fill-opacity="0"/><rect fill="blue"/>'],
    ['a stroke that is not visible', '<rect stroke="red" stroke-width="0"/><rect stroke="red" stroke-opacity="0"/>'],
    ['a fill of a line', '<line fill="red" stroke="black"/><rect/>'],
    ['a shape that is defined only', '<defs><rect fill="red"/></defs><rect/>'],
    ['a gradient of one colour', `${gradient('red', '#f00')}<rect fill="url(#a)"/>`],
    ['a gradient that nothing uses', `${gradient('red', 'blue')}<rect/>`],
    ['one use', '<defs><path id="a"/></defs><use href="#a" fill="red"/>'],
    ['currentColor of the same colour', '<rect fill="currentColor"/><rect/>'],
    ['inherit', '<g fill="red"><rect fill="inherit"/><rect/></g>'],
  ])('are fewer than two: %s.', (_, body) => {
    expect(hasTwo(body)).toBe(false);
  });

  test('are not counted in a logo that does not conform, because a style can contain them.', () => {
    expect(problemsOf(logo({ colours: '<style>.a{fill:red}</style><rect/>' }))).toMatchObject({ look: [] });
  });
});
