import { contentsOf, type Element, TAG } from './der.ts';

/** RFC 5280, 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050; both in UTC with seconds. */
const FORMS: ReadonlyMap<number, RegExp> = new Map([
  [TAG.utcTime, /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/],
  [TAG.generalizedTime, /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/],
]);
const FIRST_GENERALIZED_YEAR = 2050;

/**
 * The moment in a UTCTime or a GeneralizedTime.
 *
 * @returns undefined if it is not in the form that RFC 5280 (4.1.2.5) requires, or if there is no such moment.
 */
export function readTime(element: Element | undefined): Date | undefined {
  const form = element && FORMS.get(element.tag);
  const parts = form?.exec(contentsOf(element, element?.tag ?? 0).toString('latin1'));
  if (!element || !parts) {
    return undefined;
  }
  const [written = 0, month = 0, day = 0, hours = 0, minutes = 0, seconds = 0] = parts.slice(1).map(Number);
  const isGeneralized = element.tag === TAG.generalizedTime;
  const year = isGeneralized ? written : written + (written < 50 ? 2000 : 1900);
  const time = new Date(Date.UTC(year, month - 1, day, hours, minutes, seconds));
  // Date.UTC reads the years 0 to 99 as 1900 to 1999, and a 31 February as a day in March.
  const isReal = time.toISOString() === isoTime(year, month, day, hours, minutes, seconds);
  return isReal && isGeneralized === year >= FIRST_GENERALIZED_YEAR ? time : undefined;
}

function isoTime(year: number, month: number, day: number, hours: number, minutes: number, seconds: number): string {
  const two = (number: number) => String(number).padStart(2, '0');
  const date = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
  return `${date}T${two(hours)}:${two(minutes)}:${two(seconds)}.000Z`;
}
