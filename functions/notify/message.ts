import { domainToUnicode } from 'node:url';
import { joinWithLimit } from '../text.ts';

/** A message for a person. */
export interface Message {
  readonly subject: string;
  readonly body: string;
}

/** What a message says, before it is laid out. */
export interface MessageContent {
  /** The outcome, for the subject: "rejected by the CA". */
  readonly outcome: string;
  /** The order; undefined if the event is not about a known order. */
  readonly orderNumber: string | undefined;
  /** The name of the brand, for the subject. Without it, or if it is not in Latin letters, the subject has the domain. */
  readonly brand?: string | undefined;
  /** The name in the subject if there is neither a brand, a domain nor an order. */
  readonly fallbackName: string;
  readonly domains: readonly string[];
  /** Rows of label and value below the first sentence. */
  readonly facts: readonly (readonly [label: string, value: string])[];
  /** What happened. */
  readonly happened: readonly Paragraph[];
  /** What it means for the logo. */
  readonly logo: readonly Paragraph[];
  /** What the reader must do. */
  readonly nextStep: readonly Paragraph[];
  /** The heading of the runbook, as an anchor. */
  readonly anchor: string;
}

/** Prose, which is wrapped, or lines that must be copied as they are: a command, a DNS record, an address. */
export type Paragraph = string | { readonly verbatim: string };

/** SNS requires less than 100 characters (AWS: SNS, API reference, Publish, Subject). */
const SUBJECT_CHARACTERS = 99;

/** The characters of a brand or a domain that a subject always contains. */
const MIN_NAME_CHARACTERS = 12;

/**
 * Columns of prose. Mail programs break longer lines of plain text at 76 to 80 columns, which leaves a single word on
 * every second line (RFC 5322, 2.1.1, recommends at most 78).
 */
const COLUMNS = 72;

/** SNS accepts 256 KiB with the subject and everything else (AWS quotas). A reader needs less, but never more. */
export const BODY_BYTES = 250_000;

/** Lays a message out as plain text. */
export function layOut(content: MessageContent, runbookUrl: string): Message {
  const { facts, happened, logo, nextStep, anchor } = content;
  const link = `${runbookUrl}#${anchor}`;
  const width = Math.max(...facts.map(([label]) => label.length)) + 2;
  const rows = facts.map(([label, value]) => wrap(withoutControls(value), `${label}:`.padEnd(width)));
  const section = (title: string, paragraphs: readonly Paragraph[]) => [title, paragraphs.map(render).join('\n\n')];
  const text = [
    rows.join('\n'),
    ...section('WHAT HAPPENED', happened),
    ...section('WHAT IT MEANS FOR THE LOGO', logo),
    ...section('WHAT TO DO NEXT', nextStep),
    `More in the runbook:\n${link}`,
  ].join('\n\n');
  return { subject: subjectOf(content), body: limit(`${text}\n`, link) };
}

function render(paragraph: Paragraph): string {
  return typeof paragraph === 'string'
    ? wrap(withoutControls(paragraph))
    : paragraph.verbatim.split('\n').map(withoutHidden).join('\n');
}

/** Breaks prose at spaces. A longer word, such as an address, has a line for itself. */
function wrap(text: string, label = ''): string {
  const lines: string[] = [];
  let line = label;
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = ' '.repeat(label.length);
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line].join('\n');
}

/**
 * The brand or the domain, the order and the outcome, in the characters that SNS accepts. Of a long brand, the beginning
 * is kept, and of a long domain the end.
 */
function subjectOf({ orderNumber, brand, domains, outcome, fallbackName }: MessageContent): string {
  const brandName = toAscii(brand ?? '');
  if (/^[A-Za-z0-9][^?]*$/.test(brandName)) {
    const order = orderNumber === undefined ? '' : `, order ${orderNumber}`;
    const room = SUBJECT_CHARACTERS - `${order}: ${toAscii(outcome)}`.length;
    return toSubject(`${brandName.slice(0, Math.max(room, MIN_NAME_CHARACTERS)).trim()}${order}`, outcome);
  }
  const [domain, ...others] = domains.map(toAscii).filter((name) => /^[A-Za-z0-9]/.test(name));
  if (domain === undefined) {
    return toSubject(orderNumber === undefined ? fallbackName : `Order ${orderNumber}`, outcome);
  }
  const order = orderNumber === undefined ? '' : `, order ${orderNumber}`;
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  const room = SUBJECT_CHARACTERS - `${more}${order}: ${toAscii(outcome)}`.length;
  // A subject may not begin with a dot (AWS: SNS, Publish), so the name begins with a letter again.
  const name =
    domain.length > room ? domain.slice(-Math.max(room, MIN_NAME_CHARACTERS)).replace(/^[^a-z0-9]+/i, '') : domain;
  return toSubject(`${name}${more}${order}`, outcome);
}

function toSubject(about: string, outcome: string): string {
  const subject = toAscii(`${about}: ${outcome}`);
  return subject.length > SUBJECT_CHARACTERS ? `${subject.slice(0, SUBJECT_CHARACTERS - 3)}...` : subject;
}

/** Replaces letters with marks by plain ones, and every other character that is not printable ASCII by a question mark. */
function toAscii(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/\p{Mark}/gu, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[^\x20-\x7e]/gu, '?')
    .trim();
}

/** Texts of the CA and of certificates can contain anything. */
export function withoutControls(text: string): string {
  return withoutHidden(text.replaceAll(/\s+/g, ' ')).trim();
}

/** Leaves out what a reader does not see, and what changes how a terminal or a mail program shows a text. */
function withoutHidden(text: string): string {
  return text.replaceAll(/[\p{Control}\p{Format}\p{Surrogate}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, '');
}

/** A first word that is a domain name or the name of a file, which people copy as it is. */
const NAME_FIRST = /^[\w-]+[._]\S*[\w-]/;

/** A text as a sentence: with a full stop, and with a capital letter unless it begins with a name. */
export function asSentence(text: string): string {
  const trimmed = withoutControls(text);
  const capital = NAME_FIRST.test(trimmed) ? trimmed : trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]["')]?$/.test(capital) ? capital : `${capital}.`;
}

/** Domains for a reader: the first five, and how many more there are. A-labels are followed by the name in Unicode. */
export function listDomains(domains: readonly string[]): string {
  return joinWithLimit(domains.map((domain) => withoutControls(withUnicode(domain))));
}

function withUnicode(domain: string): string {
  const unicode = domain.includes('xn--') ? domainToUnicode(domain) : '';
  return unicode === '' || unicode === domain ? domain : `${domain} (${unicode})`;
}

const DATE = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'long',
  timeStyle: 'short',
  timeZone: 'UTC',
});
const DAY = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' });

/** A date and time for a reader: "26 November 2026 at 05:17 UTC". */
export function formatTime(date: string): string {
  return `${DATE.format(new Date(date))} UTC`;
}

/** A date for a reader: "26 November 2026". */
export function formatDay(date: string): string {
  return DAY.format(new Date(date));
}

/** Cuts a text that SNS would refuse, at the end of a line. */
function limit(text: string, link: string): string {
  if (Buffer.byteLength(text) <= BODY_BYTES) {
    return text;
  }
  const end = `\n\nThis message was cut because it was too long. More in the runbook:\n${link}\n`;
  const room = BODY_BYTES - Buffer.byteLength(end);
  // Bytes of an incomplete character at the end become U+FFFD, which is left out.
  const kept = Buffer.from(text)
    .subarray(0, room)
    .toString()
    .replace(/\ufffd$/, '');
  return kept.slice(0, kept.lastIndexOf('\n')).trimEnd() + end;
}
