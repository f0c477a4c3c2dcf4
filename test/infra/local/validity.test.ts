import { describe, expect, test } from 'vitest';
import { describeValidity } from '../../../infra/local/validity.ts';

describe('The description of a validity period', () => {
  test.each([
    ['2026-12-30T23:00:00Z', '2 days left'],
    ['2026-12-31T00:00:00Z', '1 day left'],
    ['2027-01-01T12:00:00Z', 'expires today'],
    ['2027-01-01T12:00:01Z', 'expired today'],
    ['2027-01-01T23:59:59Z', 'expired today'],
    ['2027-01-02T00:00:00Z', 'expired 1 day ago'],
    ['2027-01-31T12:00:00Z', 'expired 30 days ago'],
  ])('contains, at %s: %s.', (now, expected) => {
    const description = describeValidity('2026-01-01T00:00:00.000Z', '2027-01-01T12:00:00.000Z', new Date(now));
    expect(description).toBe(`2026-01-01 to 2027-01-01 (${expected})`);
  });
});
