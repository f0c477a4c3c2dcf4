/** Times as a person reads them. */
import { secondsOf } from '../timing.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The units, and the length from which each is used. */
const UNITS = [
  [DAY, 'day', 2 * DAY],
  [HOUR, 'hour', 2 * HOUR],
  [MINUTE, 'minute', MINUTE],
] as const;

/** A moment in UTC with its distance from now: `2026-11-27 08:00 UTC (2 hours ago)`. */
export function describeMoment(moment: string | Date, now: Date): string {
  const date = new Date(moment);
  const distance = date.getTime() - now.getTime();
  const length = describeLength(Math.abs(distance));
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC (${distance < 0 ? `${length} ago` : `in ${length}`})`;
}

/** A number of milliseconds in its largest unit, rounded down: nobody should expect more time than there is. */
export function describeLength(milliseconds: number): string {
  const [length, unit] = UNITS.find(([, , from]) => milliseconds >= from) ?? [SECOND, 'second'];
  const count = Math.floor(milliseconds / length);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** An ISO 8601 duration in its largest unit; any other text as it is. */
export function describeDuration(duration: string): string {
  const seconds = secondsOf(duration);
  return seconds === undefined ? duration : describeLength(seconds * SECOND);
}
