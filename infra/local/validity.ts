import { describeDaysLeft } from '../../functions/days.ts';

/** A validity period for a person: both days, and how far away its end is. Dates are ISO 8601, UTC. */
export function describeValidity(notBefore: string, notAfter: string, now: Date): string {
  return `${notBefore.slice(0, 10)} to ${notAfter.slice(0, 10)} (${describeDaysLeft(notAfter, now)})`;
}
