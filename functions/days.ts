/** A day, in milliseconds. */
export const DAY_MILLISECONDS = 86_400_000;

/** How far the clocks of the CA and of this project may differ, in milliseconds. */
export const CLOCK_TOLERANCE_MILLISECONDS = 5 * 60 * 1000;

/**
 * The days that are left until a certificate expires: calendar days in UTC, 0 on its last day and negative after it. A
 * daily survey therefore sees each number once, even if it runs some seconds earlier or later than the day before.
 */
export function daysLeft(notAfter: string | Date, now: Date): number {
  return calendarDay(new Date(notAfter)) - calendarDay(now);
}

/** A date in the form that the names of executions contain: yyyymmdd, UTC. */
export function dayName(date: Date): string {
  return date.toISOString().slice(0, 10).replaceAll('-', '');
}

/** The days that are left, for a person: `12 days left`, `expires today` or `expired 1 day ago`. */
export function describeDaysLeft(notAfter: string, now: Date): string {
  const days = daysLeft(notAfter, now);
  if (now <= new Date(notAfter)) {
    return days === 0 ? 'expires today' : `${inDays(days)} left`;
  }
  // On its last day, a certificate expires at a moment that is rarely the end of the day.
  return days === 0 ? 'expired today' : `expired ${inDays(-days)} ago`;
}

/** A number of days: `1 day` or `12 days`. */
export function inDays(count: number): string {
  return count === 1 ? '1 day' : `${count} days`;
}

function calendarDay(date: Date): number {
  return Math.floor(date.getTime() / DAY_MILLISECONDS);
}
