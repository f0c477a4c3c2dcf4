/**
 * HTML that escapes by default: every value of a template is escaped, unless another template made it. A value belongs
 * in the text of an element or between the quotes of an attribute, and nowhere else: not in a style sheet, not in the name
 * of an element, and not in a URL that can begin with a scheme.
 */
import { raw, html as template } from 'hono/html';
import { truncateLine } from '../text.ts';

/** A piece of HTML that a template made. */
export interface Html {
  readonly isEscaped: true;
  toString(): string;
}

/** A value of a template. Nothing is written for `undefined`, `null` and `false`. */
export type Content = Html | string | number | undefined | null | false | readonly Content[];

/** The bytes of a text from outside, if a page sets no other limit. */
export const TEXT_BYTES = 400;

/** Makes HTML of a template. All values are known, so the result needs no promise. */
export const html = template as (strings: TemplateStringsArray, ...values: readonly Content[]) => Html;

/** HTML or CSS that is a constant of this code. It is written as it is, so nothing from outside may be in it. */
export const constant: (text: string) => Html = raw;

/**
 * A text from outside for an attribute, such as `alt`: one line, cut to a length. Characters that are invisible or change
 * the direction of the text are replaced by their numbers, and a text without any characters is stated to be empty. An
 * element that displays it needs `dir="auto"`.
 *
 * @param bytes the limit, in bytes of JSON.
 */
export function plainText(text: string, bytes = TEXT_BYTES): string {
  return truncateLine(text.replaceAll(PILED_MARKS, '$1…'), bytes) || '(empty)';
}

/** More marks on one letter than any script needs. They would cover the lines above and below, and widen the page. */
const PILED_MARKS = /(\p{Mark}{6})\p{Mark}+/gu;

/**
 * A text from outside, such as a name in a certificate or a message of the CA. Like {@link plainText}, and isolated, so
 * that its direction does not change that of the text beside it.
 */
export function outside(text: string, bytes = TEXT_BYTES): Html {
  return html`<bdi>${plainText(text, bytes)}</bdi>`;
}

/** A moment: `2026-11-27 08:00 UTC`. A text that is no time stays as it is. */
export function moment(time: string | Date): Html {
  const iso = isoOf(time);
  if (iso === undefined) {
    return outside(String(time));
  }
  const [date = '', clock = ''] = iso.split('T');
  return html`<time datetime="${iso}">${date} ${clock.slice(0, 5)} UTC</time>`;
}

/** A day in UTC: `2026-11-27`. A text that is no time stays as it is. */
export function day(time: string | Date): Html {
  const [date] = isoOf(time)?.split('T') ?? [];
  return date === undefined ? outside(String(time)) : html`<time datetime="${date}">${date}</time>`;
}

function isoOf(time: string | Date): string | undefined {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** How a logo is displayed. */
export interface LogoStyle {
  /** What a screen reader reads out in place of the logo. Empty if a text beside it names the owner. */
  readonly alt: string;
  /** Width and height in CSS pixels. */
  readonly size: number;
  /** The classes of the style sheet. */
  readonly className?: string;
}

/**
 * The image of an SVG from outside. Browsers load nothing and run nothing for an SVG in `img` (SVG 2, "Secure static
 * mode"). Base64 has no character that could end the attribute.
 */
export function logoImage(svg: Uint8Array, { alt, size, className = 'logo' }: LogoStyle): Html {
  return html`<img class="${className}" src="${logoUri(svg)}" width="${size}" height="${size}" alt="${alt === '' ? '' : plainText(alt)}">`;
}

function logoUri(svg: Uint8Array): string {
  return `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`;
}
