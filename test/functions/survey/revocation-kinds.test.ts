import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  createCertificateAuthority,
  type IssuedMarkCertificate,
} from '../../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { signCrl } from '../../../infra/local/ca/crls.ts';
import { openLongstandingAuthority } from '../../authority.ts';
import { createOpensslIssuer, type OpensslCrl, readAuthorityFile } from '../certificate/revocation/openssl-crls.ts';
import { dayAfter, type RevocationWorld, revocationOf, SINCE, startRevocationWorld } from './revocation-world.ts';
import { later, NOON } from './samples.ts';

const CURRENT = { thisUpdate: new Date('2026-11-01T00:00:00Z'), nextUpdate: new Date('2027-11-01T00:00:00Z') };

let folder: string;
let world: RevocationWorld;
let listed: IssuedMarkCertificate;
let url: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'crl-kinds-'));
  world = await startRevocationWorld();
});

beforeEach(async () => {
  [url = ''] = world.serve();
  [listed] = [world.issue('brand1.example')];
  await world.store('1', listed);
  await world.store('2', world.issue('brand2.example'));
});

afterEach(() => world.clear());

afterAll(() => {
  rmSync(folder, { recursive: true });
  return world.close();
});

async function survey(now = NOON) {
  const result = await world.survey({ now });
  expect(result.error).toBeUndefined();
  return result;
}

/** A CRL of the openssl command line, signed by the issuing CA, with an entry for the certificate of order 1. */
function opensslCrl(changes: Partial<OpensslCrl> = {}, reason?: string): Uint8Array {
  const [, , , key = ''] = readAuthorityFile();
  const { serialNumber } = new X509Certificate(listed.leaf);
  const revoked = [{ serialNumber, since: new Date(SINCE), ...(reason && { reason }) }];
  return createOpensslIssuer(folder, pem([listed.issuing]), key)({ ...CURRENT, revoked, ...changes });
}

const partition = (...fields: readonly string[]) => ({
  extensions: ['issuingDistributionPoint = critical,@idp', '[idp]', ...fields],
});
const issuingKey = () => createPrivateKey(readAuthorityFile()[3] ?? '');

describe('A CRL that lists the certificate, and that counts,', () => {
  test.each<[kind: string, crl: () => Uint8Array, reason: string | null]>([
    ['of the openssl command line', () => opensslCrl({}, 'superseded'), 'superseded'],
    ['which is the partition of the certificate', () => opensslCrl(partition(`fullname = URI:${url}`)), null],
    ['which is a partition for user certificates', () => opensslCrl(partition('onlyuser = TRUE')), null],
    [
      'which is complete for one reason only',
      () => opensslCrl(partition(`fullname = URI:${url}`, 'onlysomereasons = keyCompromise'), 'keyCompromise'),
      'keyCompromise',
    ],
  ])('revokes it: one %s.', async (_, crl, reason) => {
    world.crls.answers.set(url, crl());
    await survey();
    await survey(dayAfter(1));
    expect(world.events()).toMatchObject([{ orderNumber: '1', reason, revokedAt: SINCE }]);
    expect(world.manifest('1').publishable).toBe(false);
    expect(world.manifest('2').publishable).toBe(true);
  });
});

describe('A CRL that lists the certificate, but does not count,', () => {
  test.each<[kind: string, crl: () => Uint8Array | Promise<Uint8Array>, problem: RegExp]>([
    ['a delta CRL', () => opensslCrl({ extensions: ['2.5.29.27 = critical,DER:02:01:01'] }), /delta CRL/],
    [
      'the partition of other certificates',
      () => opensslCrl(partition(`fullname = URI:${url}.2`)),
      /another distribution point/,
    ],
    ['a partition for CA certificates', () => opensslCrl(partition('onlyCA = TRUE')), /CA certificates only/],
    ['an indirect CRL', () => opensslCrl(partition(`fullname = URI:${url}`, 'indirectCRL = TRUE')), /indirect CRL/],
    [
      'an unknown critical extension',
      () => opensslCrl({ extensions: ['1.3.6.1.4.1.32473.1.9 = critical,DER:05:00'] }),
      /critical extension/,
    ],
    ['one that has expired', () => opensslCrl({ nextUpdate: new Date('2026-11-20T00:00:00Z') }), /out of date/],
    ['one of the future', () => opensslCrl({ thisUpdate: new Date('2027-10-01T00:00:00Z') }), /not valid before/],
    ['with the reason removeFromCRL', () => opensslCrl({}, 'removeFromCRL'), /removeFromCRL/],
    [
      'the list of another CA',
      async () => {
        // With the same key and another name.
        const { root } = await openLongstandingAuthority();
        return signCrl(root, issuingKey(), { ...CURRENT, revoked: [revocationOf(listed)] });
      },
      /list of another issuer/,
    ],
    [
      'one that another key has signed',
      async () => {
        const other = await createCertificateAuthority({
          directory: path.join(folder, 'other'),
          keyBits: { root: 2048, issuing: 2048 },
        });
        const [crl] = other.with({ crlServer: world.crls.url }).crls({ ...CURRENT, revoked: [revocationOf(listed)] });
        return crl?.bytes ?? expect.unreachable();
      },
      /not signed by the issuer|names another key|list of another issuer/,
    ],
    [
      'one in PEM',
      () => Buffer.from(`-----BEGIN X509 CRL-----\n${Buffer.from(opensslCrl()).toString('base64')}`),
      /PEM/,
    ],
    ['one that is cut off', () => opensslCrl().subarray(0, -1), /cannot be read/],
  ])('changes nothing, reports nothing, and is remembered as unusable: %s.', async (_, crl, problem) => {
    world.crls.answers.set(url, await crl());
    const before = world.manifest('1');

    await survey();
    const { failing } = await survey(dayAfter(3));

    expect(world.events()).toEqual([]);
    expect(world.manifest('1')).toMatchObject({ publishable: true, findings: before.findings });
    expect(failing).toEqual([expect.objectContaining({ url, days: 3, problem: expect.stringMatching(problem) })]);
  });

  test('does not end a revocation that is known: a hold ends only by a CRL that counts.', async () => {
    world.crls.answers.set(url, opensslCrl({}, 'certificateHold'));
    await survey();
    for (const [index, crl] of [
      opensslCrl({ revoked: [], extensions: ['2.5.29.27 = critical,DER:02:01:01'] }),
      opensslCrl({}, 'removeFromCRL'),
      opensslCrl({ revoked: [], nextUpdate: new Date('2026-11-20T00:00:00Z') }),
      opensslCrl({ revoked: [], ...partition('onlyCA = TRUE') }),
      // It says nothing about a hold.
      opensslCrl({ revoked: [], ...partition(`fullname = URI:${url}`, 'onlysomereasons = keyCompromise') }),
    ].entries()) {
      world.crls.answers.set(url, crl);
      await survey(dayAfter(1 + index));
      expect(world.manifest('1'), String(index)).toMatchObject({
        publishable: false,
        revocation: { status: 'revoked' },
      });
    }
    world.crls.answers.set(url, opensslCrl({ revoked: [] }));
    const { ended } = await survey(dayAfter(9));
    expect(ended).toEqual(['1']);
    expect(world.manifest('1')).toMatchObject({ publishable: true, revocation: { status: 'good' } });
    expect(world.events()).toHaveLength(1);
  });
});

describe('A CRL that does not count, and that lists many certificates,', () => {
  test('costs no chain for each of them.', async () => {
    const issued = Array.from({ length: 8 }, (_, index) => world.issue(`many${index}.example`));
    for (const [index, each] of issued.entries()) {
      await world.store(String(100 + index), each);
    }
    const nextUpdate = new Date('2026-11-20T00:00:00Z');
    world.serve(
      issued.map((each) => revocationOf(each)),
      world.authority,
      { nextUpdate },
    );
    const before = world.servers.server.requests.length;
    const { summaries } = await survey();
    expect(summaries).toMatchObject([{ certificates: 10, judged: 0 }]);
    const requests = world.servers.server.requests.slice(before);
    expect(requests.filter(({ key }) => key.endsWith('chain.pem'))).toHaveLength(1);
  });
});

describe('A CA that is not in the repository', () => {
  test('counts with its own root, which was a trust anchor of the settings when the certificate was collected.', async () => {
    const other = await createCertificateAuthority({
      directory: path.join(folder, 'own-root'),
      keyBits: { root: 2048, issuing: 2048 },
    });
    const since = { notBefore: new Date('2020-01-01T00:00:00Z') };
    const own = other.with({ root: since, issuing: since, crlServer: `${world.crls.url}/own` });
    const issued = world.issue('own.example', undefined, own);
    await world.store('3', issued);
    expect(world.manifest('3').trustAnchor?.fingerprintSha256).not.toBe(
      world.manifest('1').trustAnchor?.fingerprintSha256,
    );
    world.serve([revocationOf(issued)], own);

    const { summaries } = await survey();

    expect(summaries).toMatchObject([{ groups: 2, judged: 1, failing: 0 }]);
    expect(world.events()).toMatchObject([{ orderNumber: '3', reason: 'keyCompromise' }]);
    // The CA ends the revocation of its issuing certificate, which was a mistake.
    world.serve([revocationOf({ leaf: own.issuing }, 'certificateHold')], own);
    await survey(dayAfter(1));
    expect(world.manifest('3').revocation?.certificates.map(({ status }) => status)).toEqual(['good', 'revoked']);
    world.serve([], own);
    await survey(later(NOON, { days: 2 }));
    expect(world.manifest('3')).toMatchObject({ publishable: true, revocation: { status: 'good' } });
    expect(world.events()).toHaveLength(1);
  });
});
