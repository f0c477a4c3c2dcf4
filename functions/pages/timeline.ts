import { daysLeft, describeDaysLeft, inDays } from '../days.ts';
import { day, type Html, html } from './html.ts';

/** The validity period of a certificate, and the moment for which it was checked. Dates are ISO 8601, UTC. */
export interface Timeline {
  readonly notBefore: string;
  readonly notAfter: string;
  readonly today: Date;
}

/** A label that begins in this part of the line ends at its place, so that it stays inside of the picture. */
const EDGE_PERCENT = 25;

/**
 * The validity as a line with today on it, and the same as a text. The picture has attributes in percent: it is as wide
 * as the page, its letters keep their size, and the policy of a page allows no `style`.
 */
export function renderTimeline({ notBefore, notAfter, today }: Timeline): Html {
  const [from, until, now] = [Date.parse(notBefore), Date.parse(notAfter), today.getTime()];
  // Today can be outside of the validity.
  const [first, last] = [Math.min(from, now), Math.max(until, now)];
  const percent = (time: number) => Math.round(((time - first) / Math.max(1, last - first)) * 1000) / 10;
  const [start, end, position] = [percent(from), percent(until), percent(now)];
  const passed = Math.min(Math.max(position, start), end) - start;
  const state = now < from ? describeDaysUntil(daysBetween(now, from)) : describeDaysLeft(notAfter, today);
  return html`<p>Valid from ${day(notBefore)} to ${day(notAfter)}: ${inDays(daysBetween(from, until))} in all. Today on this page is ${day(today)}: ${state}.</p>
<svg class="timeline" width="100%" height="78" role="img" aria-label="A line from ${notBefore.slice(0, 10)} to ${notAfter.slice(0, 10)} with a mark at ${today.toISOString().slice(0, 10)}: ${state}">
<text x="${position}%" y="16" text-anchor="${anchorAt(position)}" class="today">${today.toISOString().slice(0, 10)} (today)</text>
<rect x="${start}%" y="32" width="${round(end - start)}%" height="14" rx="3" class="whole"/>
<rect x="${start}%" y="32" width="${round(passed)}%" height="14" rx="3" class="passed"/>
<line x1="${position}%" x2="${position}%" y1="22" y2="54" class="mark"/>
<text x="${start}%" y="70" text-anchor="${start > 50 ? 'end' : 'start'}">${notBefore.slice(0, 10)}</text>
<text x="${end}%" y="70" text-anchor="${end < 50 ? 'start' : 'end'}">${notAfter.slice(0, 10)}</text>
</svg>`;
}

function describeDaysUntil(days: number): string {
  return days === 0 ? 'valid from later today on' : `not valid for another ${inDays(days)}`;
}

function daysBetween(from: number, until: number): number {
  return daysLeft(new Date(until), new Date(from));
}

function anchorAt(percent: number): string {
  return percent < EDGE_PERCENT ? 'start' : percent > 100 - EDGE_PERCENT ? 'end' : 'middle';
}

function round(percent: number): number {
  return Math.round(percent * 10) / 10;
}
