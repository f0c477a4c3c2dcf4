import { MARKER } from './observe.ts';

const RUN = `${MARKER} = 1`;
const HOST = 'https://text.look.test';

/** Texts that a certificate, the CA, a file name or a domain can contain, and that a page must only show. */
export const HOSTILE_TEXTS: Readonly<Record<string, string>> = {
  'a script': `<script>${RUN}</script>`,
  'an image': `<img src="${HOST}/image" onerror="${RUN}">`,
  'a closed attribute': `"><img src="${HOST}/quote" onerror="${RUN}"> ' onmouseover='${RUN}' x='`,
  'a closed title': `</title></style></textarea></svg></template><script>${RUN}</script><style>@import "${HOST}/style";</style>`,
  'entities and comments': `&lt;b&gt; &amp;amp; &#60;i&#62; &nbsp <!-- <script>${RUN}</script> --> <![CDATA[ ]]>`,
  'a link that runs': `javascript:${RUN}`,
  'an address': `${HOST}/"onclick="${RUN}`,
  'a template': `\${${RUN}} {{constructor.constructor('${RUN}')()}} <%= ${RUN} %>`,
  'a formula': `=HYPERLINK("${HOST}/formula", "Click")`,
  'a style': `x;} body{display:none} @import "${HOST}/css"; background:url(${HOST}/css)`,
  'letters from right to left': 'חברה לדוגמה בע״מ 2026 (Example) شركة المثال',
  'overrides of the direction': '\u202egnp.exe\u202c \u2066\u2067 \u2069 Example\u200f Ltd\u200e',
  'control characters': 'Ex\u0000am\u0007ple\u001b[31m\u007f\u0085\u009b Ltd',
  'other spaces and breaks': 'Example\r\n\u2028\u2029\u00a0\u2003\u3000\ufeff\u200b\u00adLtd',
  'a word of 10,000 characters': 'W'.repeat(10_000),
  'words of 10,000 characters': 'Example Brand '.repeat(715),
  'characters that combine': `Z${'\u0301\u0348\u035b'.repeat(200)}algo`,
  'halves of characters': '\ud800 Example \udfff Ltd \ud83d',
  emoji: '👩‍👩‍👧‍👦 🏳️‍🌈 🇬🇧 👍🏽 Example',
  'wide characters': '﷽'.repeat(40),
  'characters without a font': '\u{10ffff}\ue000\u{1f9ff}𐎠𐎡',
  nothing: '',
  'white space': '   ',
};

/** Fields whose values decide what is shown. Texts from outside are in all others. */
const NO_TEXTS =
  /^(id|section|state|since|kind|severity|status|shows|publishable|at|size|not(Before|After)|.*(At|Update)|timestamp)$/;

/** A value with another text in place of every one that comes from outside. */
export function withText<Value>(value: Value, text: string, key?: string): Value;
export function withText(value: unknown, text: string, key = ''): unknown {
  if (typeof value === 'string') {
    return NO_TEXTS.test(key) ? value : text;
  }
  if (Array.isArray(value)) {
    return value.map((each) => withText(each, text, key));
  }
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
    ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withText(each, text, name)]))
    : value;
}
