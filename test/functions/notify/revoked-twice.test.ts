import { expect, test } from 'vitest';
import { createNotify, type NotifyRecord } from '../../../functions/notify/notify.ts';
import type { StoredManifest } from '../../../functions/store/manifest.ts';
import { MANIFEST } from '../../sample-manifest.ts';
import {
  COLLECTOR,
  DEPLOYMENT,
  listed as listedEvent,
  ORDER,
  ORDER_NUMBER,
  RUNBOOK_URL,
  revoked,
  UPDATED_AT,
} from './event-samples.ts';

const KNOWN_SINCE = UPDATED_AT;
const before = (seconds: number) => new Date(Date.parse(KNOWN_SINCE) - seconds * 1000).toISOString();

/** A manifest of a certificate that a CRL lists, and whose event was sent an hour before CollectMC reported it. */
function listed(reason: string | null, changes: Partial<StoredManifest> = {}): StoredManifest {
  const result = {
    fingerprintSha256: MANIFEST.fingerprintSha256,
    url: 'http://crl.example.net/vmc.crl',
    thisUpdate: before(7200),
    nextUpdate: null,
    revokedAt: before(7200),
    reason,
    problem: null,
  };
  return {
    ...MANIFEST,
    orderNumber: ORDER_NUMBER,
    collector: COLLECTOR,
    publishable: false,
    revocation: {
      checkedAt: before(3600),
      status: 'revoked',
      certificates: [{ ...result, status: 'revoked' }],
    },
    revocationReport: { knownSince: before(3600), reporter: 'survey-1', claimedAt: before(3600), sentAt: before(3590) },
    ...changes,
  };
}

/** Passes an event to notify, and returns what came of it. */
async function handle(event: unknown, manifest: StoredManifest | undefined, readError?: Error): Promise<string[]> {
  const records: NotifyRecord[] = [];
  let messages = 0;
  await createNotify({
    deployment: DEPLOYMENT,
    runbookUrl: RUNBOOK_URL,
    publish: async () => {
      messages += 1;
    },
    status: () => expect.unreachable('a revocation has no status'),
    readRecords: async () => {
      if (readError) {
        throw readError;
      }
      return { file: undefined, manifest, status: undefined };
    },
    readOrder: async () => ORDER,
    readReason: async () => ({}),
    observe: { handled: (record) => records.push(record), problem: () => {} },
    now: () => new Date(KNOWN_SINCE),
  })(event);
  expect(messages).toBe(records.filter(({ outcome }) => outcome === 'sent').length);
  return records.map(({ outcome }) => outcome);
}

test.each([
  ['CollectMC', revoked(true)],
  ['a push', revoked(false)],
])('A revocation that people know from a CRL is not reported again because of %s.', async (_, event) => {
  expect(await handle(event, listed('keyCompromise'))).toEqual(['reported-before']);
  expect(await handle(event, listed(null))).toEqual(['reported-before']);
});

test.each<[what: string, manifest: StoredManifest | undefined]>([
  ['the CRL states a hold, which can end', listed('certificateHold')],
  ['the event about the CRL was not sent yet', listed(null, { revocationReport: undefined })],
  [
    'the event about the CRL was sent later',
    listed(null, {
      revocationReport: { knownSince: before(-5), reporter: 'survey-1', claimedAt: before(-5), sentAt: before(-10) },
    }),
  ],
  ['the certificate is another one by now', { ...MANIFEST, collector: COLLECTOR }],
  ['another collector found it in the same bucket', listed(null, { collector: 'other' })],
  ['nothing is stored', undefined],
])('A revocation is reported if %s.', async (_, manifest) => {
  expect(await handle(revoked(true), manifest)).toEqual(['sent']);
});

test('A revocation is reported if the manifest cannot be read.', async () => {
  expect(await handle(revoked(true), undefined, new Error('S3 is down'))).toEqual(['sent']);
});

test('The event about the CRL itself is reported.', async () => {
  expect(await handle(listedEvent('keyCompromise'), listed('keyCompromise'))).toEqual(['sent']);
});
