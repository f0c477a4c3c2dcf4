import { expect, test } from 'vitest';
import { describeDuration, describeMoment } from '../../../infra/command-line/times.ts';

const NOW = new Date('2026-11-27T12:00:00Z');

test.each([
  ['2026-11-27T12:00:00Z', 'in 0 seconds'],
  ['2026-11-27T12:00:09.9Z', 'in 9 seconds'],
  ['2026-11-27T11:59:59Z', '1 second ago'],
  ['2026-11-27T12:01:59Z', 'in 1 minute'],
  ['2026-11-27T13:59:59Z', 'in 119 minutes'],
  ['2026-11-27T10:00:00Z', '2 hours ago'],
  ['2026-11-29T11:59:59Z', 'in 47 hours'],
  ['2026-12-01T11:59:59Z', 'in 3 days'],
])('The moment %s is %s.', (moment, distance) => {
  expect(describeMoment(moment, NOW)).toBe(`${moment.slice(0, 16).replace('T', ' ')} UTC (${distance})`);
});

test.each([
  ['PT3H', '3 hours'],
  ['PT90M', '90 minutes'],
  ['PT10S', '10 seconds'],
  ['P2D', '2 days'],
  ['soon', 'soon'],
])('The duration %s is %s.', (duration, text) => {
  expect(describeDuration(duration)).toBe(text);
});
