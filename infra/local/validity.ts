import { daysLeft } from '../../functions/days.ts';

/** A validity period for a person: both days, and how far away its end is. Dates are ISO 8601, UTC. */
export function describeValidity(notBefore: string, notAfter: string, now: Date): string {
  return `${notBefore.slice(0, 10)} to ${notAfter.slice(0, 10)} (${describeDaysLeft(notAfter, now)})`;
}

function describeDaysLeft(notAfter: string, now: Date): string {
  const days = daysLeft(notAfter, now);
  if (now <= new Date(notAfter)) {
    return `${inDays(days)} left`;
  }
  // On its last day, a certificate expires at a moment that is rarely the end of the day.
  return days === 0 ? 'expired today' : `expired ${inDays(-days)} ago`;
}

function inDays(count: number): string {
  return count === 1 ? '1 day' : `${count} days`;
}
