import { describe, expect, test } from 'vitest';
import type { CollectedCertificate } from '../../../functions/collect/certificate.ts';
import { decideEnding } from '../../../functions/collect/ending.ts';
import { createCheckedOrder } from '../../../functions/collect/options.ts';

const NOW = Date.parse('2028-02-28T23:59:59.000Z');
const MINUTE = 60;
const HOUR = 60 * MINUTE;

const CERTIFICATE: CollectedCertificate = {
  changed: true,
  bucket: 'bucket',
  keys: {},
  fingerprintSha256: 'aa',
  domains: ['example.com'],
  notBefore: '2026-01-01T00:00:00.000Z',
  notAfter: '2029-01-01T00:00:00.000Z',
  publishable: true,
  findings: [],
};

/** The ending of a check that received a certificate which becomes valid after so many seconds. */
function endingOf(validInSeconds: number, changes: Partial<CollectedCertificate> = {}) {
  return decideEnding({
    reply: { kind: 'issued', status: 2, container: 'pkcs7', payload: new Uint8Array() },
    checked: createCheckedOrder(
      { order: { orderNumber: '1' }, execution: 'order-1', startedAt: '2026-01-01T00:00:00.000Z' },
      { readOptions: async (_, { options }) => options },
    ),
    askedAccount: undefined,
    checks: 1,
    consecutiveUnknown: 1,
    elapsedSeconds: 0,
    giveUpSeconds: 1,
    now: () => new Date(NOW),
    collectCertificate: async () => ({
      certificate: { ...CERTIFICATE, ...changes },
      validFrom: new Date(NOW + validInSeconds * 1000),
    }),
  });
}

describe('A certificate', () => {
  test.each([-24 * HOUR, -1, 0, 1, 5 * MINUTE])('that is valid in %i s counts as valid.', async (seconds) => {
    expect(await endingOf(seconds)).toEqual({
      kind: 'issued',
      certificate: CERTIFICATE,
      text: 'the certificate is stored',
    });
  });

  test.each([
    [5 * MINUTE + 1, 900],
    [15 * MINUTE + 1, 901],
    [24 * HOUR, 86_400],
  ])('that becomes valid in %i s makes the order wait for %i s.', async (validIn, seconds) => {
    expect(await endingOf(validIn)).toMatchObject({
      kind: 'waiting',
      reason: 'available',
      seconds,
      text: expect.stringMatching(/^the certificate is stored, and becomes valid on 2028-02-29T/),
    });
  });

  test.each([24 * HOUR + 1, 40 * 24 * HOUR])('that becomes valid in %i s ends the collection.', async (seconds) => {
    expect(await endingOf(seconds)).toMatchObject({
      kind: 'issued',
      text: expect.stringMatching(/^the certificate is stored, and becomes valid on 2028-0[34]-/),
    });
  });

  test('with errors is stored, and the text names them.', async () => {
    const findings = [
      { id: 'sct-missing', severity: 'error' as const, message: 'no SCT' },
      { id: 'lifetime', severity: 'warning' as const, message: 'too long' },
    ];

    expect(await endingOf(0, { publishable: false, findings })).toMatchObject({
      kind: 'issued',
      text: 'the certificate is stored, but cannot be published: sct-missing',
    });
  });
});
