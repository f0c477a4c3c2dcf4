/** Times as a person reads them. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A moment in UTC with its distance from now: `2026-11-27 08:00 UTC (2 hours ago)`. */
export function describeMoment(moment: string | Date, now: Date): string {
  const date = new Date(moment);
  const distance = date.getTime() - now.getTime();
  const length = describeLength(Math.abs(distance));
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC (${distance < 0 ? `${length} ago` : `in ${length}`})`;
}

/** A number of milliseconds in its largest unit. */
export function describeLength(milliseconds: number): string {
  const [count, unit] =
    milliseconds >= 2 * DAY
      ? [Math.floor(milliseconds / DAY), 'day']
      : milliseconds >= 2 * HOUR
        ? [Math.floor(milliseconds / HOUR), 'hour']
        : [Math.round(milliseconds / MINUTE), 'minute'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
