import { createPrivateKey, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FetchedCrl } from '../../../../functions/certificate/revocation/crl.ts';
import { type CertificateRevocation, revocationOf } from '../../../../functions/certificate/revocation/revocation.ts';
import { readFields } from '../../../../functions/certificate/x509/fields.ts';
import type { CertificateAuthority, IssuedMarkCertificate } from '../../../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../../../infra/local/ca/containers.ts';
import { openAuthority } from '../../../authority.ts';
import { bitString, der, extension, identifier, integer, NULL, sequence, tagged } from '../der.ts';
import { createOpensslIssuer, type OpensslCrl, opensslVerdict, readAuthorityFile } from './openssl-crls.ts';

const AT = new Date('2026-06-01T00:00:00Z');
const DAY = 24 * 60 * 60 * 1000;
const day = (days: number) => new Date(AT.getTime() + days * DAY);
const CURRENT = { thisUpdate: day(-1), nextUpdate: day(6) };
const SINCE = day(-2);

let folder: string;
let authority: CertificateAuthority;
let issued: IssuedMarkCertificate;
let serialNumber: string;
let issuingKey: KeyObject;
let byIssuing: (crl: OpensslCrl) => Buffer;
let byRoot: (crl: OpensslCrl) => Buffer;
/** Clean CRLs of the root: one from the authority, one from the openssl command line. */
let rootCrl: FetchedCrl;
let opensslRootCrl: Buffer;
let url: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'revocation-'));
  const shared = await openAuthority();
  const notBefore = new Date('2026-01-01T00:00:00Z');
  authority = shared.with({ root: { notBefore }, issuing: { notBefore } });
  issued = authority.issue({ domains: ['example.com'], notBefore });
  ({ serialNumber } = new X509Certificate(issued.leaf));
  const [, rootKey = '', , key = ''] = readAuthorityFile();
  issuingKey = createPrivateKey(key);
  byIssuing = createOpensslIssuer(path.join(folder, 'issuing'), pem([issued.issuing]), key);
  byRoot = createOpensslIssuer(path.join(folder, 'root'), pem([issued.root]), rootKey);
  opensslRootCrl = byRoot(CURRENT);
  const [ofIssuing = expect.unreachable(), ofRoot = expect.unreachable()] = authority.crls(CURRENT);
  url = ofIssuing.url;
  rootCrl = ofRoot;
});

afterAll(() => rmSync(folder, { recursive: true }));

/** The revocation of a chain with this CRL of the issuing CA, beside a clean CRL of the root. */
function revocation(crls: readonly FetchedCrl[], chain = issued.chain) {
  const fields = chain.map((der) => readFields(new X509Certificate(der)));
  return revocationOf(fields, { at: AT, crls: [...crls, rootCrl] });
}

function leafOf(bytes: Uint8Array): CertificateRevocation {
  const [leaf, issuing, ...others] = revocation([{ url, bytes }]).certificates;
  expect(issuing?.status).toBe('good');
  expect(others).toEqual([]);
  return leaf ?? expect.unreachable();
}

function flipLast(bytes: Buffer): Buffer {
  const flipped = Buffer.from(bytes);
  flipped.writeUInt8(flipped.readUInt8(flipped.length - 1) ^ 1, flipped.length - 1);
  return flipped;
}

const idp = (...fields: readonly string[]) => ['issuingDistributionPoint = critical,@idp', '[idp]', ...fields];
const ownUrl = () => `fullname = URI:${url}`;
const revoked = (reason?: string) => [{ serialNumber, since: SINCE, ...(reason && { reason }) }];
const NO_CRL = /^(unable to get certificate CRL|different CRL scope)$/;

/** CRLs of the openssl command line, what the library says about the leaf, and what `openssl verify` says. */
const CRLS: readonly {
  readonly of: string;
  readonly crl: () => Uint8Array;
  readonly status: CertificateRevocation['status'];
  readonly reason?: string;
  readonly problem?: RegExp;
  /** The date of the revocation, if it is not the usual one. */
  readonly since?: null;
  readonly openssl: RegExp;
}[] = [
  { of: 'no entries', crl: () => byIssuing(CURRENT), status: 'good', openssl: /^OK$/ },
  {
    of: 'another certificate only',
    crl: () =>
      byIssuing({ ...CURRENT, revoked: [{ serialNumber: `${serialNumber.slice(0, -2)}00`, reason: 'superseded' }] }),
    status: 'good',
    openssl: /^OK$/,
  },
  {
    of: 'the leaf without a reason',
    crl: () => byIssuing({ ...CURRENT, revoked: revoked() }),
    status: 'revoked',
    openssl: /^certificate revoked$/,
  },
  ...[
    ['keyCompromise', 'keyCompromise'],
    ['CACompromise', 'cACompromise'],
    ['affiliationChanged', 'affiliationChanged'],
    ['superseded', 'superseded'],
    ['cessationOfOperation', 'cessationOfOperation'],
    ['certificateHold', 'certificateHold'],
  ].map(([written, reason = '']) => ({
    of: `the leaf with the reason ${reason}`,
    crl: () => byIssuing({ ...CURRENT, revoked: revoked(written) }),
    status: 'revoked' as const,
    reason,
    openssl: /^certificate revoked$/,
  })),
  {
    // OpenSSL takes the entry for none. RFC 5280, 5.3.1 allows it in delta CRLs only.
    of: 'the leaf with the reason removeFromCRL',
    crl: () => byIssuing({ ...CURRENT, revoked: revoked('removeFromCRL') }),
    status: 'unknown',
    problem: /removeFromCRL/,
    openssl: /^OK$/,
  },
  {
    of: 'a partition with the URL of the leaf',
    crl: () => byIssuing({ ...CURRENT, extensions: idp(ownUrl()) }),
    status: 'good',
    openssl: /^OK$/,
  },
  {
    of: 'a partition with the URL of the leaf, for user certificates, with the leaf',
    crl: () => byIssuing({ ...CURRENT, revoked: revoked(), extensions: idp(ownUrl(), 'onlyuser = TRUE') }),
    status: 'revoked',
    openssl: /^certificate revoked$/,
  },
  {
    of: 'a partition with another URL',
    crl: () => byIssuing({ ...CURRENT, extensions: idp('fullname = URI:http://crls.mark-certificates.test/2.crl') }),
    status: 'unknown',
    problem: /another distribution point/,
    openssl: NO_CRL,
  },
  {
    of: 'a partition for user certificates, without a URL',
    crl: () => byIssuing({ ...CURRENT, extensions: idp('onlyuser = TRUE') }),
    status: 'good',
    openssl: /^OK$/,
  },
  {
    of: 'a partition for CA certificates',
    crl: () => byIssuing({ ...CURRENT, extensions: idp(ownUrl(), 'onlyCA = TRUE') }),
    status: 'unknown',
    problem: /CA certificates only/,
    openssl: NO_CRL,
  },
  {
    of: 'a partition for attribute certificates',
    crl: () => byIssuing({ ...CURRENT, extensions: idp(ownUrl(), 'onlyAA = TRUE') }),
    status: 'unknown',
    problem: /attribute certificates only/,
    openssl: NO_CRL,
  },
  {
    of: 'some reasons only',
    crl: () => byIssuing({ ...CURRENT, extensions: idp(ownUrl(), 'onlysomereasons = keyCompromise') }),
    status: 'unknown',
    problem: /revoked for certain reasons/,
    openssl: NO_CRL,
  },
  {
    // OpenSSL does not support such lists without -extended_crl, and does not look for the entry.
    of: 'some reasons only, with the leaf',
    crl: () =>
      byIssuing({
        ...CURRENT,
        revoked: revoked('keyCompromise'),
        extensions: idp(ownUrl(), 'onlysomereasons = keyCompromise'),
      }),
    status: 'revoked',
    reason: 'keyCompromise',
    openssl: NO_CRL,
  },
  {
    of: 'an indirect CRL',
    crl: () => byIssuing({ ...CURRENT, extensions: idp(ownUrl(), 'indirectCRL = TRUE') }),
    status: 'unknown',
    problem: /indirect CRL/,
    openssl: NO_CRL,
  },
  {
    // Without -use_deltas, OpenSSL reads it like a complete list.
    of: 'a delta CRL',
    crl: () => byIssuing({ ...CURRENT, extensions: ['2.5.29.27 = critical,DER:02:01:01'] }),
    status: 'unknown',
    problem: /delta CRL/,
    openssl: /^OK$/,
  },
  {
    of: 'an unknown critical extension',
    crl: () => byIssuing({ ...CURRENT, extensions: ['1.3.6.1.4.1.32473.1.9 = critical,DER:05:00'] }),
    status: 'unknown',
    problem: /critical extension 1\.3\.6\.1\.4\.1\.32473\.1\.9/,
    openssl: /^unhandled critical CRL extension$/,
  },
  {
    of: 'an unknown extension that is not critical',
    crl: () => byIssuing({ ...CURRENT, extensions: ['1.3.6.1.4.1.32473.1.9 = DER:05:00'] }),
    status: 'good',
    openssl: /^OK$/,
  },
  {
    of: 'a CRL that is out of date',
    crl: () => byIssuing({ thisUpdate: day(-8), nextUpdate: new Date(AT.getTime() - 1000), revoked: revoked() }),
    status: 'unknown',
    problem: /out of date: it was valid until 2026-05-31T23:59:59\.000Z/,
    openssl: /^CRL has expired; certificate revoked$/,
  },
  {
    of: 'a CRL of the future',
    crl: () => byIssuing({ thisUpdate: new Date(AT.getTime() + 1000), nextUpdate: day(6) }),
    status: 'unknown',
    problem: /not valid before 2026-06-01T00:00:01\.000Z/,
    openssl: /^CRL is not yet valid$/,
  },
  {
    of: 'a CRL that was made at this moment',
    crl: () => byIssuing({ thisUpdate: AT, nextUpdate: day(6) }),
    status: 'good',
    openssl: /^OK$/,
  },
  {
    of: 'a CRL that ends at this moment',
    crl: () => byIssuing({ thisUpdate: day(-8), nextUpdate: AT }),
    status: 'unknown',
    problem: /out of date/,
    openssl: /^CRL has expired$/,
  },
  {
    of: 'a CRL that names another key of its issuer',
    crl: () => handMade({ extensions: extension('2.5.29.35', Buffer.from('3006800401020304', 'hex')) }),
    status: 'unknown',
    problem: /names another key/,
    openssl: NO_CRL,
  },
  {
    of: 'a CRL without nextUpdate',
    crl: () => handMade({ nextUpdate: Buffer.of() }),
    status: 'unknown',
    problem: /until when it is valid/,
    openssl: /^OK$/,
  },
  {
    of: 'a CRL without nextUpdate, with the leaf',
    crl: () => handMade({ nextUpdate: Buffer.of(), entries: [entryAt(utcTime('260530000000Z'))] }),
    status: 'revoked',
    openssl: /^certificate revoked$/,
  },
  {
    of: 'an entry in GeneralizedTime',
    crl: () => handMade({ entries: [entryAt(generalizedTime('20260530000000Z'))] }),
    status: 'revoked',
    openssl: /^certificate revoked$/,
  },
  {
    of: 'a nextUpdate in GeneralizedTime',
    crl: () => handMade({ nextUpdate: generalizedTime('20260607000000Z') }),
    status: 'good',
    openssl: /^OK$/,
  },
  {
    of: 'a nextUpdate in GeneralizedTime, with the leaf',
    crl: () =>
      handMade({
        nextUpdate: generalizedTime('20260607000000Z'),
        entries: [entryAt(utcTime('260530000000Z'))],
      }),
    status: 'revoked',
    openssl: /^certificate revoked$/,
  },
  {
    of: 'a CRL that is out of date in GeneralizedTime',
    crl: () => handMade({ nextUpdate: generalizedTime('20260531235959Z') }),
    status: 'unknown',
    problem: /out of date/,
    openssl: /^CRL has expired$/,
  },
  {
    of: 'an entry without seconds in its date',
    crl: () => handMade({ entries: [entryAt(utcTime('2605300000Z'))] }),
    status: 'revoked',
    since: null,
    openssl: /^certificate revoked$/,
  },
  {
    of: 'an entry with a reason of two octets',
    crl: () =>
      handMade({ entries: [entryAt(utcTime('260530000000Z'), extension('2.5.29.21', Buffer.of(10, 2, 1, 1)))] }),
    status: 'revoked',
    openssl: /^certificate revoked$/,
  },
  {
    of: 'an entry with two reasons',
    crl: () => handMade({ entries: [entryAt(utcTime('260530000000Z'), reasonCode(8), reasonCode(1))] }),
    status: 'revoked',
    openssl: /^certificate revoked$/,
  },
  {
    of: 'a CRL of another issuer',
    crl: () => byRoot(CURRENT),
    status: 'unknown',
    problem: /another issuer/,
    openssl: NO_CRL,
  },
  {
    of: 'a CRL with a forged signature',
    crl: () => flipLast(byIssuing(CURRENT)),
    status: 'unknown',
    problem: /not signed by the issuer/,
    openssl: /^CRL signature failure$/,
  },
  {
    of: 'a CRL with a SHA-384 signature',
    crl: () => byIssuing({ ...CURRENT, options: ['-md', 'sha384'] }),
    status: 'good',
    openssl: /^OK$/,
  },
  {
    of: 'a CRL with an RSA-PSS signature',
    crl: () => byIssuing({ ...CURRENT, options: ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32'] }),
    status: 'good',
    openssl: /^OK$/,
  },
  {
    of: 'a CRL with a forged RSA-PSS signature',
    crl: () => flipLast(byIssuing({ ...CURRENT, options: ['-sigopt', 'rsa_padding_mode:pss'] })),
    status: 'unknown',
    problem: /not signed by the issuer/,
    openssl: /^CRL signature failure$/,
  },
  {
    // OpenSSL accepts it without -auth_level. Collisions of both hashes can be computed.
    of: 'a CRL with a SHA-1 signature',
    crl: () => byIssuing({ ...CURRENT, options: ['-md', 'sha1'] }),
    status: 'unknown',
    problem: /algorithm that is not accepted: 1\.2\.840\.113549\.1\.1\.5 with SHA-1/,
    openssl: /^OK$/,
  },
  {
    of: 'a CRL with an MD5 signature',
    crl: () => byIssuing({ ...CURRENT, options: ['-md', 'md5'] }),
    status: 'unknown',
    problem: /algorithm that is not accepted: 1\.2\.840\.113549\.1\.1\.4/,
    openssl: /^OK$/,
  },
];

describe('A CRL that the openssl command line made', () => {
  test.each(CRLS)(
    'has $of: the leaf is $status in the report.',
    ({ crl, status, reason, problem, since = SINCE.toISOString(), openssl }) => {
      const bytes = crl();
      const leaf = leafOf(bytes);
      expect(leaf).toMatchObject({ status, reason: reason ?? null });
      expect(leaf.problem ?? '').toMatch(problem ?? /^$/);
      expect(leaf.revokedAt).toBe(status === 'revoked' ? since : null);
      expect(leaf.url).toBe(status === 'unknown' ? null : url);

      expect(
        opensslVerdict(
          folder,
          issued.chain.map((der) => pem([der])),
          [bytes, opensslRootCrl],
          AT,
        ),
      ).toMatch(openssl);
    },
  );
});

describe('The status of a chain is', () => {
  const lists = (...revokedCertificates: readonly Uint8Array[]) =>
    authority.crls({ ...CURRENT, revoked: revokedCertificates.map((certificate) => ({ certificate })) });

  test('good if every certificate below the root is on no list.', () => {
    const { status, certificates, checkedAt } = revocation(authority.crls(CURRENT));
    expect([status, checkedAt]).toEqual(['good', AT.toISOString()]);
    expect(certificates).toMatchObject(
      authority.crls().map(({ url }) => ({
        status: 'good',
        url,
        thisUpdate: CURRENT.thisUpdate.toISOString(),
        nextUpdate: day(6).toISOString(),
        problem: null,
      })),
    );
  });

  test('revoked if one of them is revoked, even if it is unknown of another.', () => {
    const [, ofRoot] = lists(issued.issuing);
    const result = revocation([]);
    expect(result.status).toBe('unknown');
    const fields = issued.chain.map((der) => readFields(new X509Certificate(der)));
    const { status, certificates } = revocationOf(fields, { at: AT, crls: ofRoot ? [ofRoot] : [] });
    expect([status, ...certificates.map((each) => each.status)]).toEqual(['revoked', 'unknown', 'revoked']);
  });

  test('that of the leaf alone if the issuing CA is the delivered trust anchor, or if nothing is above it.', () => {
    const fields = issued.chain.slice(0, 2).map((der) => readFields(new X509Certificate(der)));
    const crls = authority.crls(CURRENT);
    const deliveredAnchor = new X509Certificate(issued.issuing).fingerprint256.replaceAll(':', '').toLowerCase();
    expect(revocationOf(fields, { at: AT, crls, deliveredAnchor })).toMatchObject({
      status: 'good',
      certificates: [{ status: 'good' }],
    });
    expect(revocationOf(fields, { at: AT, crls })).toMatchObject({
      status: 'unknown',
      certificates: [{ status: 'good' }, { status: 'unknown', problem: expect.stringContaining('issuer is missing') }],
    });
  });

  test('good if the root was not delivered, but its name and key are known.', () => {
    const fields = issued.chain.slice(0, 2).map((der) => readFields(new X509Certificate(der)));
    const root = new X509Certificate(issued.root);
    const anchor = { name: readFields(root).subjectName.canonical, key: root.publicKey, maySignCrls: true };
    expect(revocationOf(fields, { at: AT, crls: authority.crls(CURRENT), anchor })).toMatchObject({
      status: 'good',
      certificates: [{ status: 'good' }, { status: 'good' }],
    });
  });
});

const ALGORITHM = sequence(identifier('1.2.840.113549.1.1.11'), NULL);
const utcTime = (text: string) => der(0x17, Buffer.from(text));
const generalizedTime = (text: string) => der(0x18, Buffer.from(text));

interface HandMade {
  readonly entries?: readonly Uint8Array[];
  readonly version?: Buffer;
  readonly nextUpdate?: Buffer | undefined;
  readonly extensions?: Buffer;
  readonly innerAlgorithm?: Buffer;
}

/** A CRL that is written byte for byte and signed by the issuing CA. */
function handMade({
  entries = [],
  version = integer(1),
  nextUpdate = utcTime('260607000000Z'),
  extensions,
  innerAlgorithm = ALGORITHM,
}: HandMade): Buffer {
  const { subjectName } = readFields(new X509Certificate(issued.issuing));
  const signed = sequence(
    version,
    innerAlgorithm,
    subjectName.der,
    utcTime('260531000000Z'),
    nextUpdate,
    ...(entries.length > 0 ? [sequence(...entries)] : []),
    ...(extensions ? [tagged(0, sequence(extensions))] : []),
  );
  const signature = sign('SHA-256', signed, issuingKey);
  return sequence(signed, ALGORITHM, bitString(signature));
}

const serial = () => readFields(new X509Certificate(issued.leaf)).serialNumber;
const entry = (number: Uint8Array, ...extensions: readonly Uint8Array[]) =>
  sequence(integer(number), utcTime('260501000000Z'), ...(extensions.length > 0 ? [sequence(...extensions)] : []));
/** An entry of the leaf. */
const entryAt = (date: Uint8Array, ...extensions: readonly Uint8Array[]) =>
  sequence(integer(serial()), date, ...(extensions.length > 0 ? [sequence(...extensions)] : []));
const reasonCode = (value: number) => extension('2.5.29.21', Buffer.of(0x0a, 0x01, value));
const certificateIssuer = () =>
  extension('2.5.29.29', sequence(tagged(4, readFields(new X509Certificate(issued.root)).subjectName.der)), true);

describe('A CRL that is written by hand', () => {
  test.each<[string, () => Buffer, Partial<CertificateRevocation>]>([
    [
      'lists the leaf',
      () => handMade({ entries: [entry(serial())] }),
      { status: 'revoked', revokedAt: '2026-05-01T00:00:00.000Z' },
    ],
    [
      'lists the leaf with privilegeWithdrawn',
      () => handMade({ entries: [entry(serial(), reasonCode(9))] }),
      { reason: 'privilegeWithdrawn' },
    ],
    [
      'lists the leaf with aACompromise',
      () => handMade({ entries: [entry(serial(), reasonCode(10))] }),
      { reason: 'aACompromise' },
    ],
    [
      'lists the leaf with a reason that has no name',
      () => handMade({ entries: [entry(serial(), reasonCode(7))] }),
      { status: 'revoked', reason: '7' },
    ],
    ['has the version 1', () => handMade({ version: Buffer.of() }), { status: 'good' }],
  ])('counts: it %s.', (_, crl, expected) => {
    expect(leafOf(crl())).toMatchObject(expected);
  });

  test.each<[string, () => Uint8Array, RegExp]>([
    ['has a date that does not exist', () => handMade({ nextUpdate: utcTime('260631000000Z') }), /time is malformed/],
    ['has a date without seconds', () => handMade({ nextUpdate: utcTime('2606070000Z') }), /time is malformed/],
    [
      'names two algorithms',
      () => handMade({ innerAlgorithm: sequence(identifier('1.2.840.113549.1.1.12'), NULL) }),
      /two different signature algorithms/,
    ],
    [
      'has the version 1 and extensions',
      () => handMade({ version: Buffer.of(), extensions: extension('2.5.29.20', integer(1)) }),
      /version 1 or 2/,
    ],
    [
      'has the same extension twice',
      () => handMade({ extensions: Buffer.concat([1, 1].map(() => extension('2.5.29.20', integer(1)))) }),
      /more than once/,
    ],
    [
      'has an entry of another issuer',
      () => handMade({ entries: [entry(Buffer.of(5), certificateIssuer()), entry(serial())] }),
      /entry has a critical extension/,
    ],
    [
      'has an unknown critical extension in an entry',
      () => handMade({ entries: [entry(serial()), entry(Buffer.of(5), extension('1.3.6.1', NULL, true))] }),
      /entry has a critical extension/,
    ],
    [
      'has a serial number that is not in its shortest form',
      () => handMade({ entries: [entry(Buffer.of(0, 5))] }),
      /entry is malformed/,
    ],
    ['has an entry without a date', () => handMade({ entries: [sequence(integer(serial()))] }), /entry is malformed/],
    ...[
      ['an empty BOOLEAN', '8200'],
      ['a field of a later standard', '860101'],
      ['a BOOLEAN in an element', 'a1030101ff'],
      ['the same field twice', '8101008101ff'],
      ['fields in another order', '8201008101ff'],
    ].map(([what, fields = '']): [string, () => Buffer, RegExp] => [
      `has an issuing distribution point with ${what}`,
      () => handMade({ extensions: extension('2.5.29.28', sequence(Buffer.from(fields, 'hex')), true) }),
      /issuing distribution point/,
    ]),
    ['has bytes behind it', () => Buffer.concat([handMade({}), Buffer.of(10)]), /bytes after the element/],
    ['is cut off', () => handMade({}).subarray(0, -1), /cut off/],
    ['is empty', () => Buffer.of(), /cut off/],
    [
      'is PEM',
      () => Buffer.from(`-----BEGIN X509 CRL-----\n${handMade({}).toString('base64')}\n-----END X509 CRL-----\n`),
      /PEM, but must be DER/,
    ],
    ['is a web page', () => Buffer.from('<html>Service unavailable</html>'), /cannot be read/],
    ['is a certificate', () => issued.leaf, /cannot be read/],
  ])('does not count: it %s.', (_, crl, problem) => {
    const leaf = leafOf(crl());
    expect(leaf).toMatchObject({ status: 'unknown', url: null, revokedAt: null });
    expect(leaf.problem).toMatch(problem);
  });

  test('does not count if the key usage of its issuer excludes CRLs.', () => {
    const extensions = (usual: readonly { readonly oid: string; readonly value: Uint8Array }[]) =>
      usual.map((each) => (each.oid === '2.5.29.15' ? { ...each, value: Buffer.from('03020204', 'hex') } : each));
    const other = authority.with({ issuing: { extensions } }).issue({ domains: ['example.com'] });
    const [leaf] = revocation([{ url, bytes: handMade({}) }], other.chain).certificates;
    expect(leaf).toMatchObject({ status: 'unknown', problem: expect.stringContaining('key usage excludes CRLs') });
  });

  test('that counts decides, whatever the other lists of the certificate are.', () => {
    const other = 'http://crls.mark-certificates.test/other.crl';
    const fields = issued.chain.map((der) => readFields(new X509Certificate(der)));
    const [leaf, ...issuers] = fields;
    const named = leaf ? [{ ...leaf, crlUrls: ['ldap://ca.test/crl', other, url] }, ...issuers] : [];
    const of = (first: FetchedCrl, second: FetchedCrl) =>
      revocationOf(named, { at: AT, crls: [first, second] }).certificates[0];
    const good = handMade({});
    const bad = handMade({ entries: [entry(serial())] });
    expect(of({ url: other, problem: 'HTTP 404' }, { url, bytes: good })).toMatchObject({ status: 'good', url });
    expect(of({ url: other, bytes: Buffer.of(1) }, { url, bytes: bad })).toMatchObject({ status: 'revoked', url });
    expect(of({ url: other, bytes: bad }, { url, bytes: good })).toMatchObject({ status: 'revoked', url: other });
    const unknown = of({ url: other, problem: 'the server answered with HTTP 404' }, { url, problem: 'ENOTFOUND' });
    expect(unknown?.problem).toBe(
      `the CRL at ${other} could not be fetched: the server answered with HTTP 404; the CRL at ${url} could not be fetched: ENOTFOUND`,
    );
  });
});

describe('A hostile CRL is bounded in time and memory:', () => {
  /** The time of the processor, because other programs may run beside the tests. */
  function cpuMilliseconds(work: () => void): number {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  }

  const repeat = (one: Buffer, bytes: number) => Buffer.alloc(Math.floor(bytes / one.length) * one.length, one);
  const LIMIT = 10 * 1024 * 1024;

  test.each<[string, () => Buffer, RegExp | 'revoked' | 'good']>([
    [
      'a million entries, and the leaf is the last one',
      () => handMade({ entries: [repeat(entry(Buffer.of(5)), 1_000_000 * 20), entry(serial())] }),
      'revoked',
    ],
    [
      'a million entries with the length and the last octet of the leaf',
      () => handMade({ entries: [repeat(entry(Buffer.alloc(16, serial().subarray(-1))), 1_000_000 * 35)] }),
      'good',
    ],
    ['entries with reasons', () => handMade({ entries: [repeat(entry(Buffer.of(5), reasonCode(1)), LIMIT)] }), 'good'],
    [
      'an entry with countless extensions',
      () => handMade({ entries: [entry(Buffer.of(5), repeat(reasonCode(1), LIMIT))] }),
      'good',
    ],
    [
      'entries without contents',
      () => handMade({ entries: [repeat(Buffer.of(0x30, 0), LIMIT)] }),
      /entry is malformed/,
    ],
    [
      'countless extensions',
      () => handMade({ extensions: repeat(extension('2.5.29.20', integer(1)), LIMIT) }),
      /more than 32 extensions/,
    ],
    ['countless fields', () => handMade({ nextUpdate: repeat(Buffer.of(5, 0), LIMIT) }), /version 1 or 2/],
    ['countless elements', () => sequence(repeat(Buffer.of(5, 0), LIMIT)), /cannot be read/],
    ['elements in elements', () => repeat(Buffer.of(0x30, 0x80), LIMIT), /cannot be read/],
    ['a signature of 10 MiB', () => sequence(sequence(), ALGORITHM, bitString(Buffer.alloc(LIMIT))), /cannot be read/],
  ])('%s.', (_, crl, expected) => {
    const bytes = crl();
    let leaf: CertificateRevocation | undefined;
    expect(
      cpuMilliseconds(() => {
        leaf = leafOf(bytes);
      }),
    ).toBeLessThan(1000);
    expect(typeof expected === 'string' ? leaf?.status : leaf?.problem).toMatch(expected);
  });
});
