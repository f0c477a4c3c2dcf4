import { createHash } from 'node:crypto';
import { type Content, constant, type Html, html, moment, outside, plainText } from './html.ts';
import { STYLE } from './style.ts';

/** What a page contains besides its shell. */
export interface Page {
  /** The title of the window. It may contain texts from outside. */
  readonly title: string;
  /** Everything in `main`, with the only `h1` of the page. */
  readonly content: Html;
  /** The name of the collector; undefined if none is concerned. */
  readonly collector?: string | undefined;
  readonly writtenAt: Date;
  /** What wrote the page, such as `Collect`. */
  readonly writtenBy: string;
  /** What a reader should know about the age of the page. */
  readonly note?: Content;
  /** Rules of this page, which follow those of all pages. A constant of this code. */
  readonly styles?: string;
}

/** Bytes of a title. Browsers show some 60 characters. */
const TITLE_BYTES = 120;

/**
 * A whole document. It runs no script and requests nothing: its policy allows images in the page and its own style sheet.
 * Without an icon, browsers ask the server for `/favicon.ico` (HTML: link type `icon`). Without the control of DNS, they
 * resolve the hosts of links on a page that came over http (MDN: X-DNS-Prefetch-Control).
 *
 * An attribute `style` has no effect; positions that depend on data are attributes of an inline SVG.
 */
export function renderPage({ title, content, collector, writtenAt, writtenBy, note, styles = '' }: Page): string {
  const css = STYLE + styles;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policyFor(css)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex, nofollow">
<meta name="color-scheme" content="light dark">
<meta http-equiv="x-dns-prefetch-control" content="off">
<link rel="icon" href="data:,">
<title>${plainText(title, TITLE_BYTES)}</title>
<style>${constant(css)}</style>
</head>
<body>
<main>
${content}
</main>
<footer>
<p>Written ${moment(writtenAt)} by ${outside(writtenBy)}${collector !== undefined && html`, collector ${outside(collector)}`}. ${note}</p>
<p>Mark Certificate Collector. This page runs no script and requests nothing.</p>
</footer>
</body>
</html>
`;
  return page.toString();
}

/** A `meta` cannot contain `frame-ancestors` (CSP 3, 3.3). */
function policyFor(css: string): string {
  const hash = createHash('sha256').update(css).digest('base64');
  return `default-src 'none'; img-src data:; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
}
