/** The checks of pages find each fault. Without these tests, a check that finds nothing would pass. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, type RecordingBrowser } from './browser.ts';
import { auditDocument, findOverflow, findViolations, VIEWS } from './judge.ts';
import { MARKER, openPage } from './observe.ts';
import { type PageServer, startPageServer } from './page-server.ts';

const ICON = '<link rel="icon" href="data:,">';
const POLICY = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">`;

interface Document {
  readonly head?: string;
  readonly body?: string;
}

/** A page without a fault, with something added. */
const page = ({ head = '', body = '' }: Document) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Page</title>${ICON}${head}</head>
<body><main><h1>Page</h1>${body}</main></body></html>`;

const inHead = (head: string) => page({ head });
const inBody = (body: string) => page({ body });
const run = (script: string) => inBody(`<script>${script}</script>`);
const image = (svg: string) =>
  inBody(`<img alt="Logo" src="data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}">`);
const SVG = 'xmlns="http://www.w3.org/2000/svg"';

let server: PageServer;
let recording: RecordingBrowser;

beforeAll(async () => {
  [server, recording] = await Promise.all([startPageServer(), openBrowser()]);
});
afterAll(() => Promise.all([server.close(), recording.close()]));

async function observe(html: string) {
  const opened = await openPage(recording.browser, server, html);
  const faults = await auditDocument(opened);
  await opened.close();
  return { observations: opened.observations, faults };
}

test.each([
  ['an image', inBody('<img alt="" src="https://image.look.test/">'), /^request: https:\/\/image/],
  ['an image of the same server', inBody('<img alt="" src="logo.png">'), /^request: .*logo\.png/],
  ['a background', inHead('<style>body { background: url(https://background.look.test/) }</style>'), /^request/],
  [
    'a font',
    inHead('<style>@font-face { font-family: f; src: url(https://font.look.test/) } h1 { font-family: f }</style>'),
    /^request/,
  ],
  ['a style sheet', inHead('<link rel="stylesheet" href="https://sheet.look.test/">'), /^request/],
  ['an import of a style sheet', inHead('<style>@import "https://import.look.test/";</style>'), /^request/],
  ['a prefetch', inHead('<link rel="prefetch" href="https://prefetch.look.test/">'), /^request/],
  [
    'a speculation',
    inHead(
      '<script type="speculationrules">{"prefetch": [{"urls": ["https://rules.look.test/"], "eagerness": "immediate"}]}</script>',
    ),
    /^request/,
  ],
  ['a video', inBody('<video src="https://video.look.test/"></video>'), /^request/],
  ['an image in an inline SVG', inBody(`<svg ${SVG}><image href="https://svg.look.test/"/></svg>`), /^request/],
  ['a WebSocket', run('new WebSocket("wss://socket.look.test")'), /^request: wss/],
  [
    'an image that the policy blocks',
    inHead(`${POLICY}<link rel="preload" as="image" href="https://blocked.look.test/">`),
    /^issue: .*ContentSecurityPolicy/,
  ],
  ['a script', run('window.__ran = 1'), /^script/],
  ['an event handler', inBody('<img alt="" src="data:," onerror="window.__ran = 1">'), /^script/],
  ['an event handler of an inline SVG', inBody(`<svg ${SVG} onload="window.__ran = 1"></svg>`), /^script/],
  ['a focus', inBody('<input aria-label="Field" autofocus onfocus="window.__ran = 1">'), /^script/],
  ['a script that hides its address', run('window.__ran = 1\n//# sourceURL=pptr:internal'), /^script/],
  [
    'a script that the policy blocks',
    page({ head: POLICY, body: '<script>window.__ran = 1</script>' }),
    /^console: .*inline script/,
  ],
  ['a changed title', run('document.title = "Changed"'), /^script/],
  ['a dialog', run('alert(1)'), /^dialog: alert 1/],
  ['a line in the console', run('console.log("line")'), /^console/],
  ['an exception', run('throw new Error("thrown")'), /^error: .*thrown/],
  ['a refresh', inHead('<meta http-equiv="refresh" content="0; url=https://refresh.look.test/">'), /^navigation/],
  ['a frame', inBody('<iframe title="Frame" srcdoc="text"></iframe>'), /^frame/],
  ['an object', inBody('<object data="https://object.look.test/"></object>'), /^frame/],
  ['a window', run('open("https://window.look.test")'), /^window/],
  ['quirks mode', '<html lang="en"><title>Page</title>', /^issue: .*QuirksMode/],
] as const)('A page with %s is observed.', async (_fault, html, expected) => {
  const { observations } = await observe(html);
  expect(observations).toContainEqual(expect.stringMatching(expected));
});

test('The server counts what a page asks for.', async () => {
  await observe(inBody('<img alt="" src="/only-here.png">'));
  expect(server.others).toContain('GET /only-here.png');
});

test.each([
  ['runs', true],
  ['does not run', false],
])('A script %s, depending on the browser.', async (_what, javascript) => {
  const opened = await openPage(recording.browser, server, run(`${MARKER} = 1`), { javascript });
  expect(await opened.hasMarker()).toBe(javascript);
  await opened.close();
});

test.each([
  ['a hint for DNS', inHead('<link rel="dns-prefetch" href="https://dns.look.test/">'), /^link/],
  ['a hint for a connection', inHead('<link rel="preconnect" href="https://connect.look.test/">'), /^link/],
  ['an icon of a server', inHead('<link rel="icon" href="/icon.png">'), /^link/],
  ['no icon', page({}).replace(ICON, ''), /^icon/],
  ['a script', run('1'), /^element: <script/],
  ['a form', inBody('<form action="https://form.look.test/"></form>'), /^element: <form/],
  ['an animation', inBody(`<svg ${SVG}><animate attributeName="href"/></svg>`), /^element: <animate/],
  ['an event handler', inBody('<p onclick="window.__ran = 1">Text</p>'), /^attribute: onclick/],
  ['a style of an element', inBody('<p style="color: red">Text</p>'), /^attribute: style/],
  ['a link that runs', inBody('<a href=" javascript:alert(1)">Link</a>'), /^address: href/],
  ['a link to data', inBody('<a href="data:text/html,text">Link</a>'), /^address: href/],
  ['a ping', inBody('<a href="#top" ping="https://ping.look.test/">Link</a>'), /^attribute: ping/],
  ['an image of a server', inBody('<img alt="" src="https://image.look.test/">'), /^address: src/],
  ['no policy', page({}), /^policy: none/],
  ['a policy that allows inline styles', inHead(POLICY), /^policy: .*unsafe-inline/],
  ['an id that occurs twice', inBody('<p id="one">Text</p><p id="one">Text</p>'), /^id: one/],
  ['a link to nothing', inBody('<a href="#missing">Link</a>'), /^anchor: #missing/],
  ['a character that turns the text around', inBody('<p>\u202etext</p>'), /^character: U\+202e/],
  ['a text from right to left beside another', inBody('<p>Orders of חברה, page 2</p>'), /^direction: <p/],
  ['a control character', inBody('<p>\u0007text</p>'), /^character: U\+0007/],
  ['a hidden character in an attribute', inBody('<img alt="\u202elogo" src="data:,">'), /^character: in alt/],
  ['two main headings', inBody('<h1>Another</h1>'), /^heading: .* 2 /],
] as const)('A document with %s is found.', async (_fault, html, expected) => {
  const { faults } = await observe(html);
  expect(faults).toContainEqual(expect.stringMatching(expected));
});

test.each([
  ['a script', `<svg ${SVG} onload="alert(1)"><script>alert(2)</script></svg>`],
  [
    'requests',
    `<svg ${SVG}><style>@import "https://in-image.look.test/";</style><image href="https://in-image.look.test/"/></svg>`,
  ],
])('A logo with %s does nothing in an image.', async (_content, svg) => {
  const { observations } = await observe(image(svg));
  expect(observations).toEqual([]);
});

test('A page without a fault has none.', async () => {
  const policy = POLICY.replace("; style-src 'unsafe-inline'", '');
  const opened = await openPage(recording.browser, server, page({ head: policy, body: '<p>Text</p>' }));
  expect(opened.observations).toEqual([]);
  expect(await auditDocument(opened)).toEqual([]);
  expect(await findOverflow(opened, 360)).toEqual([]);
  for (const view of VIEWS) {
    expect(await findViolations(opened, view)).toEqual([]);
  }
  await opened.close();
});

test.each([
  ['an image without a text', inBody('<img src="data:,">'), 'image-alt'],
  ['no language', page({}).replace(' lang="en"', ''), 'html-has-lang'],
  ['a heading that skips a level', inBody('<h4>Deep</h4>'), 'heading-order'],
  ['text outside of its parts', page({}).replace('<main>', '<p>Text</p><main>'), 'region'],
  ['an empty table header', inBody('<table><tr><th></th><td>1</td></tr></table>'), 'empty-table-header'],
] as const)('axe finds %s.', async (_fault, html, rule) => {
  const opened = await openPage(recording.browser, server, html);
  expect(await findViolations(opened, { width: 360, scheme: 'light' })).toContainEqual(expect.stringMatching(rule));
  await opened.close();
});

const DARK = '@media (prefers-color-scheme: dark) { p { color: #777777; background: #6f6f6f } }';
const NARROW = '@media (width < 500px) { p { color: #777777; background: #6f6f6f } }';
const PRINT = '@media print { p { color: #777777; background: #6f6f6f } }';

test.each([
  ['the dark scheme', DARK, /^dark-1280 color-contrast/],
  ['a narrow window', NARROW, /^light-360 color-contrast/],
  ['print', PRINT, /^print-672 color-contrast/],
] as const)('A contrast that is too low in %s only is found.', async (_view, style, expected) => {
  const opened = await openPage(
    recording.browser,
    server,
    page({ head: `<style>${style}</style>`, body: '<p>Text</p>' }),
  );
  const violations = [];
  for (const view of VIEWS) {
    violations.push(...(await findViolations(opened, view)));
  }
  expect(violations).toContainEqual(expect.stringMatching(expected));
  expect(violations.length).toBeLessThan(VIEWS.length);
  await opened.close();
});

test('A word that is wider than the window is found.', async () => {
  const opened = await openPage(recording.browser, server, inBody(`<p>${'x'.repeat(200)}</p>`));
  expect(await findOverflow(opened, 360)).toContainEqual(expect.stringContaining('px: <p>'));
  await opened.close();
});

test('The browser records the hosts that pages asked for.', async () => {
  const another = await openBrowser();
  const opened = await openPage(another.browser, server, inBody('<img alt="" src="https://recorded.look.test/">'));
  await opened.close();
  expect(await another.close()).toEqual(expect.arrayContaining([server.host, 'recorded.look.test']));
});
