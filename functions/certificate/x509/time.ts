import { contentsOf, type Element, TAG } from './der.ts';

/** RFC 5280, 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050; both in UTC with seconds. */
const FORMS: ReadonlyMap<number, RegExp> = new Map([
  [TAG.utcTime, /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/],
  [TAG.generalizedTime, /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/],
]);
const FIRST_GENERALIZED_YEAR = 2050;

/** Whether an element with this identifier is a time. */
export function isTime(tag: number | undefined): boolean {
  return tag !== undefined && FORMS.has(tag);
}

/**
 * The moment in a UTCTime or a GeneralizedTime.
 *
 * @returns undefined if it is not in the form that RFC 5280 (4.1.2.5) requires, or if there is no such moment.
 */
export function readTime(element: Element | undefined): Date | undefined {
  const time = readAnyTime(element);
  const isGeneralized = element?.tag === TAG.generalizedTime;
  return time && isGeneralized === time.getUTCFullYear() >= FIRST_GENERALIZED_YEAR ? time : undefined;
}

/** Like {@link readTime}, but a GeneralizedTime may also state a moment before 2050, as OpenSSL accepts it. */
export function readAnyTime(element: Element | undefined): Date | undefined {
  const form = element && FORMS.get(element.tag);
  const parts = form?.exec(contentsOf(element, element?.tag ?? 0).toString('latin1'));
  if (!element || !parts) {
    return undefined;
  }
  const [, written = '', month, day, hours, minutes, seconds] = parts;
  const year = element.tag === TAG.generalizedTime ? written : `${written < '50' ? '20' : '19'}${written}`;
  const time = new Date(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}.000Z`);
  // Date reads a 31 February as a day in March, and 24:00:00 as the next day. Anything else that does not exist is NaN.
  return time.getUTCDate() === Number(day) ? time : undefined;
}
