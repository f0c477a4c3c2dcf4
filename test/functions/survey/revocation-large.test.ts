import { createPrivateKey, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readFields } from '../../../functions/certificate/x509/fields.ts';
import { mulberry32 } from '../../mulberry32.ts';
import { bitString, der, identifier, integer, NULL, sequence } from '../certificate/der.ts';
import { readAuthorityFile } from '../certificate/revocation/openssl-crls.ts';
import { type RevocationWorld, startRevocationWorld } from './revocation-world.ts';
import { NOON } from './samples.ts';

const CERTIFICATES = 5_000;
const CRL_BYTES = 2 * 1024 * 1024;

/** Generous: a fast machine needs a few seconds, and a third of these bytes. */
const LIMIT_SECONDS = 60;
const LIMIT_BYTES = 300 * 1024 * 1024;

const ALGORITHM = sequence(identifier('1.2.840.113549.1.1.11'), NULL);
const utcTime = (text: string) => der(0x17, Buffer.from(text));
const positive = (bytes: Uint8Array) => integer(Buffer.concat([Buffer.of(1), bytes]));
const serialOf = (index: number) => {
  const bytes = Buffer.alloc(16, 7);
  bytes.writeUInt32BE(index, 12);
  return bytes;
};

const REVOKED_AT = utcTime('261120100000Z');

let world: RevocationWorld;

beforeEach(async () => {
  world = await startRevocationWorld();
});

afterEach(() => world.close());

/**
 * The entries of a CRL of some 2 MB, with random serial numbers. Writing each entry separately takes longer than the
 * survey.
 */
function randomEntries(): Buffer {
  const random = mulberry32(5);
  const entry = sequence(positive(serialOf(0)), REVOKED_AT);
  const serialAt = entry.indexOf(serialOf(0));
  const entries = Buffer.alloc(entry.length * Math.ceil(CRL_BYTES / entry.length), entry);
  for (let at = serialAt; at < entries.length; at += entry.length) {
    for (let word = 0; word < 4; word++) {
      entries.writeUInt32BE(random() * 2 ** 32, at + 4 * word);
    }
  }
  return entries;
}

/** A CRL with these entries beside those that are listed. */
function largeCrl(issuer: Uint8Array, key: KeyObject, others: Buffer, listed: readonly Uint8Array[]): Buffer {
  const entries = listed.map((serial) => sequence(integer(serial), REVOKED_AT));
  const { subjectName } = readFields(new X509Certificate(issuer));
  const times = [utcTime('261101000000Z'), utcTime('271101000000Z')];
  const signed = sequence(integer(1), ALGORITHM, subjectName.der, ...times, sequence(others, ...entries));
  return sequence(signed, ALGORITHM, bitString(sign('SHA-256', signed, key)));
}

test('5,000 certificates and two CRLs of 2 MB are checked with one chain, within generous bounds.', async () => {
  const [url = '', rootUrl = ''] = world.serve();
  const revoked = world.issue('revoked.example');
  await world.store('1', world.issue('sample.example'));
  await world.store('2', revoked);
  const names = { orderNumber: 'NUMBER', fingerprintSha256: 'FINGERPRINT', serialNumber: 'SERIAL' };
  const sample = JSON.stringify({ ...world.manifest('1'), ...names }).replaceAll('orders/1/', 'orders/NUMBER/');
  for (let index = 0; index < CERTIFICATES - 2; index++) {
    const orderNumber = String(10_000 + index);
    const manifest = sample
      .replaceAll('NUMBER', orderNumber)
      .replace('FINGERPRINT', index.toString(16).padStart(64, 'c0ffee'))
      .replace('SERIAL', `01${serialOf(index).toString('hex')}`);
    await world.servers.put(`orders/${orderNumber}/certificate.json`, manifest);
  }
  const [, rootKey = '', , issuingKey = ''] = readAuthorityFile();
  const { serialNumber } = readFields(new X509Certificate(revoked.leaf));
  const others = randomEntries();
  const crls = [
    largeCrl(revoked.issuing, createPrivateKey(issuingKey), others, [serialNumber]),
    largeCrl(revoked.root, createPrivateKey(rootKey), others, []),
  ] as const;
  expect(Math.min(...crls.map(({ length }) => length))).toBeGreaterThan(CRL_BYTES);
  world.crls.answers.set(url, crls[0]).set(rootUrl, crls[1]);
  const requests = world.servers.server.requests.length;
  const used = () => process.memoryUsage().heapUsed + process.memoryUsage().external;
  const usedBefore = used();
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, used());
  }, 20);
  const started = performance.now();
  const { error, summaries } = await world.survey({ now: NOON });
  const seconds = (performance.now() - started) / 1000;
  clearInterval(timer);

  expect(error).toBeUndefined();
  expect(summaries).toEqual([
    { certificates: CERTIFICATES, groups: 1, judged: 1, unreadable: 0, failing: 0, unusable: 0 },
  ]);
  expect(world.events()).toMatchObject([{ orderNumber: '2', reason: null }]);
  expect(world.crls.requests.toSorted()).toEqual([url, rootUrl].toSorted());
  const read = world.servers.server.requests.slice(requests).map(({ key }) => key);
  // One for the group, and that of the revoked certificate.
  expect([...new Set(read.filter((key) => key.endsWith('chain.pem')))]).toEqual([
    'orders/1/chain.pem',
    'orders/2/chain.pem',
  ]);
  expect(seconds).toBeLessThan(LIMIT_SECONDS);
  expect(peak - usedBefore).toBeLessThan(LIMIT_BYTES);
}, 120_000);
