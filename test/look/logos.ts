import { MARKER } from './observe.ts';

const SVG = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"';
const RUN = `${MARKER} = parent.${MARKER.slice('window.'.length)} = 1`;
const HOST = 'https://logo.look.test';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const svg = (content: string, attributes = 'viewBox="0 0 64 64"', before = '') =>
  `${before}<svg ${SVG} version="1.2" baseProfile="tiny-ps" ${attributes}><title>Example</title><rect width="64" height="64" fill="#14324a"/>${content}</svg>`;

/** A billion characters in ten levels. No parser should expand them. */
const LEVELS = Array.from({ length: 9 }, (_, level) => `<!ENTITY e${level + 1} "${`&e${level};`.repeat(10)}">`);
const LAUGHS = `<!DOCTYPE svg [<!ENTITY e0 "laugh">${LEVELS.join('')}]>`;

/**
 * Logos that try to run or to load something, and those that are hard to draw. The profile of SVG refuses most of them,
 * but a page about a certificate that cannot be published shows its logo too.
 */
export const HOSTILE_LOGOS: Readonly<Record<string, string>> = {
  'a script': svg(`<script>${RUN}</script><script href="${HOST}/script.js"/><script xlink:href="${HOST}/script.js"/>`),
  'event handlers': svg(
    `<g onload="${RUN}" onclick="${RUN}" onmouseover="${RUN}"/>`,
    `onload="${RUN}" viewBox="0 0 64 64"`,
  ),
  'an animation that begins': svg(
    `<a><animate attributeName="href" values="javascript:${RUN}" begin="0s" dur="0.1s" onbegin="${RUN}"/><text y="30">Click</text></a><set attributeName="onload" to="${RUN}"/>`,
  ),
  'a foreign object': svg(
    `<foreignObject width="64" height="64"><body xmlns="http://www.w3.org/1999/xhtml" onload="${RUN}"><script>${RUN}</script><iframe src="${HOST}/frame"/><img src="${HOST}/image" onerror="${RUN}"/></body></foreignObject>`,
  ),
  'external images': svg(
    `<image href="${HOST}/image.png" width="9" height="9"/><image xlink:href="//logo.look.test/x.svg" width="9" height="9"/>`,
  ),
  'an external use': svg(
    `<use href="${HOST}/use.svg#a"/><use xlink:href="${HOST}/use.svg#b"/><use href="data:image/svg+xml;base64,${base64(svg(`<script>${RUN}</script>`))}#a"/>`,
  ),
  'an external font': svg(
    `<style>@font-face { font-family: f; src: url(${HOST}/font.woff2) } text { font-family: f }</style><text y="30">Text</text>`,
  ),
  'external style sheets': svg(
    `<style>@import "${HOST}/import.css"; rect { fill: url(${HOST}/fill.svg#a); cursor: url(${HOST}/cursor) }</style>`,
    'viewBox="0 0 64 64"',
    `<?xml-stylesheet type="text/css" href="${HOST}/sheet.css"?><?xml-stylesheet type="text/xsl" href="${HOST}/sheet.xsl"?>`,
  ),
  'references in attributes': svg(
    `<rect width="9" height="9" fill="url(${HOST}/a#b)" filter="url(${HOST}/c#d)" clip-path="url(${HOST}/e#f)" mask="url(${HOST}/g#h)"/>`,
  ),
  'an image that loads one': svg(
    `<image width="64" height="64" href="data:image/svg+xml;base64,${base64(svg(`<image href="${HOST}/nested.png" width="9" height="9"/><script>${RUN}</script>`))}"/>`,
  ),
  'a filter that loads': svg(
    `<filter id="f"><feImage href="${HOST}/filter.png"/></filter><rect width="64" height="64" filter="url(#f)"/>`,
  ),
  'a link': svg(
    `<a href="javascript:${RUN}"><rect width="64" height="64"/></a><a xlink:href="${HOST}/link"><rect width="9" height="9"/></a>`,
  ),
  'sound and video': svg(
    `<audio xmlns="http://www.w3.org/1999/xhtml" src="${HOST}/audio" autoplay=""/><video xmlns="http://www.w3.org/1999/xhtml" src="${HOST}/video" autoplay=""/>`,
  ),
  'external entities': svg(
    '&file;',
    'viewBox="0 0 64 64"',
    `<!DOCTYPE svg SYSTEM "${HOST}/svg.dtd" [<!ENTITY file SYSTEM "file:///etc/passwd"><!ENTITY % remote SYSTEM "${HOST}/remote.dtd"> %remote;]>`,
  ),
  'a billion characters': svg('<text y="30">&e9;</text>', 'viewBox="0 0 64 64"', LAUGHS),
  'a refresh': svg(`<meta xmlns="http://www.w3.org/1999/xhtml" http-equiv="refresh" content="0;url=${HOST}/refresh"/>`),
  'the end of an image': `"><script>${RUN}</script><img src="${HOST}/end`,
  'huge dimensions': svg('', 'width="1000000000" height="1000000000" viewBox="0 0 1 1"'),
  'no dimensions': svg('', ''),
  'a narrow strip': svg('', 'viewBox="0 0 100000 1"'),
  'relative dimensions': svg('', 'width="100%" height="100%" viewBox="0 0 64 64"'),
  'an animation': svg(
    '<rect width="64" height="64"><animate attributeName="fill" values="red;blue" dur="0.1s" repeatCount="indefinite"/></rect>',
  ),
  'many elements': svg('<circle r="30" cx="32" cy="32" fill="#fff" opacity="0.01"/>'.repeat(2000)),
  'no SVG': '<html><script>window.__ran = 1</script></html>',
  'no XML': '<svg',
  nothing: '',
};
