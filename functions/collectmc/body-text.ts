import { redact } from '../redact.ts';

/** How much of a body the reader of an unreadable reply sees, in characters. */
const EXCERPT_LENGTH = 300;

/** How much of a body is searched for secrets before the excerpt is cut, in characters. */
const EXCERPT_SOURCE = 16 * 1024;

/** The text of a body as a person would read it. */
export interface BodyText {
  /** Without tags, scripts and escape sequences. Blocks of a page are lines. */
  readonly text: string;
  /** The same without the labels of links, which say nothing about the reply. */
  readonly withoutLinks: string;
}

/**
 * Reads the text of a body: of a page without its tags, of JSON its names and values, of a form its decoded fields. The
 * time is linear, whatever a body contains.
 */
export function readBodyText(body: string): BodyText {
  // UTF-16 that was read as UTF-8.
  const text = body.replaceAll('\0', '');
  if (isHtml(text)) {
    return readPage(text);
  }
  const plain = text.startsWith('<') ? readXml(text) : (readForm(text) ?? readJson(text) ?? text);
  return { text: plain, withoutLinks: plain };
}

/** Whether a body is a page, and not other XML, which contains its texts in attributes too. */
export function isHtml(text: string): boolean {
  return /<(?:!doctype html|html|head|body|title|center|h[1-6]|p|div|span|form|meta|script|br|b|pre)\b/i.test(
    text.slice(0, EXCERPT_SOURCE),
  );
}

/** Whether a body is something else than text, for example a truncated certificate. */
export function isBinary(text: string): boolean {
  const start = text.replaceAll('\0', '').slice(0, 1024);
  const others = start.match(/[^\P{Cc}\s]|\ufffd/gu)?.length ?? 0;
  return others > start.length / 10;
}

/** Characters in which a reader still finds the words between control characters. */
const SHORT = 60;

/** Base64 of more than words, with its further lines. */
const ENCODED = /[A-Za-z0-9+/_-]{60,}={0,2}(?:\r?\n[A-Za-z0-9+/_-]+={0,2}(?![^\r\n]))*/g;

/**
 * The beginning of a body for a person: one line of at most 300 characters without the secrets, and without what only
 * programs read: binary data and base64, which can be a private key. They are removed before
 * the text is cut, because the cut could leave a part of one that is no longer found.
 */
export function excerpt(text: string, secrets: readonly string[]): string {
  if (text.length > SHORT && isBinary(text)) {
    return '';
  }
  const line = redact(text.slice(0, EXCERPT_SOURCE), secrets)
    .toWellFormed()
    .replace(/-{4,5} ?BEGIN [A-Z ]{0,20}PRIVATE KEY.*/s, '[private key]')
    .replace(ENCODED, '[base64]')
    .replace(/[\s\p{Z}]+/gu, ' ')
    // Invisible characters, and those that change the direction of a line.
    .replace(/[\p{Cc}\p{Cf}\ufffd]+/gu, '\ufffd')
    .trim();
  return line.length <= EXCERPT_LENGTH
    ? line
    : `${line
        .slice(0, EXCERPT_LENGTH - 1)
        .toWellFormed()
        .replace(/\ufffd$/, '')}…`;
}

/** Elements whose content is not text. */
const HIDDEN = /^<(script|style|template|noscript|svg)\b/i;

/** Elements inside of a sentence. All others begin a line. */
const INLINE =
  /^<\/?(?:a|abbr|b|bdi|bdo|cite|code|dfn|em|font|i|kbd|label|mark|q|s|samp|small|span|strong|sub|sup|tt|u|var|wbr)\b/i;

/** Links with more words than this are sentences. */
const LABEL_WORDS = 3;

function readPage(page: string): BodyText {
  const lower = page.toLowerCase();
  const all: string[] = [];
  const withoutLinks: string[] = [];
  let link: string[] | undefined;
  const append = (text: string) => {
    all.push(text);
    (link ?? withoutLinks).push(text);
  };
  const endLink = () => {
    const label = link?.join('') ?? '';
    link = undefined;
    withoutLinks.push(label.trim().split(/\s+/).length > LABEL_WORDS ? label : ' ');
  };
  let at = 0;
  while (at < page.length) {
    const open = page.indexOf('<', at);
    append(page.slice(at, open < 0 ? undefined : open));
    const isComment = open >= 0 && page.startsWith('<!--', open);
    const close = open < 0 ? -1 : page.indexOf(isComment ? '-->' : '>', open);
    if (close < 0) {
      break;
    }
    at = close + (isComment ? 3 : 1);
    const tag = page.slice(open, Math.min(at, open + 40));
    if (isComment) {
      continue;
    }
    const [, hidden] = HIDDEN.exec(tag) ?? [];
    if (hidden !== undefined && !page.slice(open, at).endsWith('/>')) {
      const end = lower.indexOf(`</${hidden.toLowerCase()}`, at);
      at = end < 0 ? page.length : end;
    }
    if (/^<\/a\b/i.test(tag) && link) {
      endLink();
    } else if (/^<a\b/i.test(tag)) {
      if (link) {
        endLink();
      }
      link = [];
    }
    append(INLINE.test(tag) ? '' : '\n');
  }
  if (link) {
    endLink();
  }
  return { text: decodeEntities(all.join('')), withoutLinks: decodeEntities(withoutLinks.join('')) };
}

/** XML: its texts, and its names and attributes as words. */
function readXml(xml: string): string {
  return decodeEntities(
    xml
      .replace(/<!\[CDATA\[|\]\]>/g, '')
      .replace(/<\/[\w:.-]{1,100}>/g, '\n')
      .replace(/[<>="?]+/g, ' '),
  );
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  minus: '-',
  ndash: '-',
  rsquo: "'",
};

function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]{2,5}));/g, (whole, decimal, hex, name) => {
    const code = name === undefined ? Number.parseInt(decimal ?? hex, decimal === undefined ? 16 : 10) : undefined;
    if (code !== undefined) {
      return code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd';
    }
    return ENTITIES[name] ?? whole;
  });
}

/** A form that a server sends as its reply: fields without white space. */
function readForm(text: string): string | undefined {
  if (!/^[\w.[\]-]{1,64}=/.test(text) || /[\s<"{]/.test(text.trim())) {
    return undefined;
  }
  return [...new URLSearchParams(text)].map(([name, value]) => `${name}: ${value}`).join('\n');
}

/** The names and values of JSON. A value that cannot be parsed is read as it is. */
function readJson(text: string): string | undefined {
  if (!/^[[{"]/.test(text)) {
    return undefined;
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return text.replace(/[{}[\]",]+/g, ' ');
  }
  const parts: string[] = [];
  // Not recursive: the nesting of a body has no limit.
  const rest: { readonly name: string; readonly value: unknown }[] = [{ name: '', value: json }];
  for (let next = rest.pop(); next; next = rest.pop()) {
    const { name, value } = next;
    if (typeof value === 'object' && value !== null) {
      parts.push(name);
      const entries = Array.isArray(value) ? value.map((each) => ['', each] as const) : Object.entries(value);
      rest.push(...entries.toReversed().map(([key, each]) => ({ name: key, value: each })));
    } else {
      parts.push(name === '' ? String(value) : `${name}: ${String(value)}`);
    }
  }
  return parts.filter((part) => part !== '').join(', ');
}
