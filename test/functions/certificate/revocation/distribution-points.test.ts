import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AsnConvert, AsnSerializer } from '@peculiar/asn1-schema';
import * as asn1 from '@peculiar/asn1-x509';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CertificateRevocation, revocationOf } from '../../../../functions/certificate/revocation/revocation.ts';
import { readFields } from '../../../../functions/certificate/x509/fields.ts';
import type { CertificateAuthority } from '../../../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../../../infra/local/ca/containers.ts';
import { oid } from '../../../../infra/local/ca/mark-extensions.ts';
import { openAuthority } from '../../../authority.ts';
import { createOpensslIssuer, type OpensslCrl, opensslVerdict, readAuthorityFile } from './openssl-crls.ts';

const AT = new Date('2026-06-01T00:00:00Z');
const CURRENT = { thisUpdate: new Date('2026-05-31T00:00:00Z'), nextUpdate: new Date('2026-06-07T00:00:00Z') };
const NOT_BEFORE = new Date('2026-01-01T00:00:00Z');

const [ONE, TWO] = ['http://crls.mark-certificates.test/one.crl', 'http://crls.mark-certificates.test/two.crl'];
const { keyCompromise, superseded } = asn1.ReasonFlags;
const OTHER_REASONS = Object.values(asn1.ReasonFlags)
  .filter((flag) => typeof flag === 'number')
  .reduce((sum, flag) => sum | flag, 0);

let folder: string;
let authority: CertificateAuthority;
let byIssuing: (crl: OpensslCrl) => Buffer;
let rootCrl: Buffer;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'distribution-points-'));
  const shared = await openAuthority();
  authority = shared.with({ root: { notBefore: NOT_BEFORE }, issuing: { notBefore: NOT_BEFORE } });
  const [, rootKey = '', , key = ''] = readAuthorityFile();
  byIssuing = createOpensslIssuer(path.join(folder, 'issuing'), pem([authority.issuing]), key);
  rootCrl = createOpensslIssuer(path.join(folder, 'root'), pem([authority.root]), rootKey)(CURRENT);
});

afterAll(() => rmSync(folder, { recursive: true }));

interface Point {
  readonly url?: string;
  readonly reasons?: number;
  /** The subject of this certificate issues the CRL. */
  readonly crlIssuer?: 'issuing' | 'root';
}

function pointsExtension(points: readonly Point[]): Uint8Array {
  const nameOf = (certificate: Uint8Array) => AsnConvert.parse(certificate, asn1.Certificate).tbsCertificate.subject;
  const list = points.map(({ url, reasons, crlIssuer }) => {
    const fullName = [new asn1.GeneralName({ uniformResourceIdentifier: url ?? '' })];
    return new asn1.DistributionPoint({
      ...(url !== undefined && { distributionPoint: new asn1.DistributionPointName({ fullName }) }),
      ...(reasons !== undefined && { reasons: new asn1.Reason(reasons) }),
      ...(crlIssuer && { cRLIssuer: [new asn1.GeneralName({ directoryName: nameOf(authority[crlIssuer]) })] }),
    });
  });
  return Buffer.from(AsnSerializer.serialize(new asn1.CRLDistributionPoints(list)));
}

interface Case {
  readonly of: string;
  readonly points: readonly Point[];
  /** The lines of the issuing distribution point in the CRL at each URL; undefined if the CRL has none. */
  readonly crls: Readonly<Record<string, readonly string[] | undefined>>;
  readonly isRevoked?: boolean;
  readonly status: CertificateRevocation['status'];
  readonly problem?: RegExp;
  readonly openssl: RegExp;
  /** With -extended_crl, if that is different. */
  readonly extended?: RegExp;
}

const OK = /^OK$/;
const REVOKED = /^certificate revoked$/;
const NO_CRL = /^(unable to get certificate CRL|different CRL scope)/;
const PARTIAL = /revoked for certain reasons/;
const OTHER_POINT = /list of another distribution point/;
const at = (url: string, ...others: readonly string[]) => [`fullname = URI:${url}`, ...others];

const CASES: readonly Case[] = [
  { of: 'one point', points: [{ url: ONE }], crls: { [ONE]: undefined }, status: 'good', openssl: OK },
  {
    of: 'a point for some reasons',
    points: [{ url: ONE, reasons: keyCompromise }],
    crls: { [ONE]: undefined },
    status: 'unknown',
    problem: PARTIAL,
    openssl: NO_CRL,
  },
  {
    of: 'a point for some reasons with a CRL that names the point',
    points: [{ url: ONE, reasons: keyCompromise }],
    crls: { [ONE]: at(ONE) },
    status: 'unknown',
    problem: PARTIAL,
    openssl: NO_CRL,
  },
  {
    of: 'a point for some reasons with the certificate on its list',
    points: [{ url: ONE, reasons: keyCompromise }],
    crls: { [ONE]: at(ONE) },
    isRevoked: true,
    status: 'revoked',
    openssl: REVOKED,
  },
  {
    of: 'two points that cover all reasons together',
    points: [
      { url: ONE, reasons: keyCompromise },
      { url: TWO, reasons: OTHER_REASONS & ~keyCompromise },
    ],
    crls: { [ONE]: at(ONE), [TWO]: at(TWO) },
    status: 'good',
    openssl: OK,
  },
  {
    of: 'two points that leave out a reason',
    points: [
      { url: ONE, reasons: keyCompromise },
      { url: TWO, reasons: OTHER_REASONS & ~keyCompromise & ~superseded },
    ],
    crls: { [ONE]: at(ONE), [TWO]: at(TWO) },
    status: 'unknown',
    problem: PARTIAL,
    openssl: NO_CRL,
  },
  {
    of: 'two points, the second of which was not fetched',
    points: [{ url: ONE, reasons: keyCompromise }, { url: TWO }],
    crls: { [ONE]: at(ONE) },
    status: 'unknown',
    problem: /certain reasons; the CRL at .*two\.crl was not fetched/,
    openssl: NO_CRL,
  },
  {
    of: 'a point for some reasons and one for all',
    points: [{ url: ONE, reasons: keyCompromise }, { url: TWO }],
    crls: { [ONE]: at(ONE), [TWO]: at(TWO) },
    status: 'good',
    openssl: OK,
  },
  {
    of: 'CRLs without a name for two points: the first point decides',
    points: [{ url: ONE, reasons: keyCompromise }, { url: TWO }],
    crls: { [TWO]: undefined },
    status: 'unknown',
    problem: PARTIAL,
    openssl: NO_CRL,
  },
  {
    of: 'a CRL for some reasons in a point for the others',
    points: [{ url: ONE, reasons: superseded }],
    crls: { [ONE]: at(ONE, 'onlysomereasons = keyCompromise') },
    status: 'unknown',
    problem: PARTIAL,
    openssl: NO_CRL,
  },
  {
    of: 'two CRLs for reasons that are all together',
    points: [{ url: ONE }, { url: TWO }],
    crls: {
      [ONE]: at(ONE, 'onlysomereasons = keyCompromise, CACompromise'),
      [TWO]: at(
        TWO,
        'onlysomereasons = affiliationChanged, superseded, cessationOfOperation, certificateHold, privilegeWithdrawn, AACompromise',
      ),
    },
    status: 'good',
    openssl: NO_CRL,
    extended: OK,
  },
  {
    of: 'a CRL issuer that is the issuer of the certificate',
    points: [{ url: ONE, crlIssuer: 'issuing' }],
    crls: { [ONE]: at(ONE) },
    status: 'good',
    openssl: OK,
  },
  {
    of: 'another CRL issuer and a CRL of the issuer that names the point',
    points: [{ url: ONE, crlIssuer: 'root' }],
    crls: { [ONE]: at(ONE) },
    status: 'unknown',
    problem: OTHER_POINT,
    openssl: NO_CRL,
  },
  {
    // It is complete without its point.
    of: 'another CRL issuer and a CRL of the issuer without a name',
    points: [{ url: ONE, crlIssuer: 'root' }],
    crls: { [ONE]: undefined },
    status: 'good',
    openssl: OK,
  },
  {
    of: 'another CRL issuer beside a point without one',
    points: [{ url: ONE, crlIssuer: 'root' }, { url: TWO }],
    crls: { [ONE]: at(ONE), [TWO]: at(TWO) },
    status: 'good',
    openssl: OK,
  },
  {
    of: 'a point with only a CRL issuer and reasons before one with a URL',
    points: [{ crlIssuer: 'issuing', reasons: keyCompromise }, { url: TWO }],
    crls: { [TWO]: at(TWO) },
    status: 'unknown',
    problem: PARTIAL,
    openssl: NO_CRL,
  },
];

describe('A leaf with distribution points of CRLs', () => {
  test.each(CASES)('has $of: it is $status.', ({ points, crls, isRevoked = false, ...expected }) => {
    const value = pointsExtension(points);
    const issued = authority.issue({
      domains: ['example.com'],
      notBefore: NOT_BEFORE,
      extensions: (usual) => usual.map((each) => (each.oid === oid.crlDistributionPoints ? { ...each, value } : each)),
    });
    const chain = issued.chain.map((der) => readFields(new X509Certificate(der)));
    const { serialNumber } = new X509Certificate(issued.leaf);
    const lists = Object.entries(crls).map(([url, lines]) => ({
      url,
      bytes: byIssuing({
        ...CURRENT,
        ...(isRevoked && { revoked: [{ serialNumber }] }),
        extensions: lines ? ['issuingDistributionPoint = critical,@idp', '[idp]', ...lines] : [],
      }),
    }));

    const [leaf] = revocationOf(chain, { at: AT, crls: lists }).certificates;
    expect([leaf?.status, leaf?.problem ?? '']).toEqual([
      expected.status,
      expect.stringMatching(expected.problem ?? /^$/),
    ]);
    const verdict = (...options: readonly string[]) =>
      opensslVerdict(
        folder,
        issued.chain.map((der) => pem([der])),
        [...lists.map(({ bytes }) => bytes), rootCrl],
        AT,
        options,
      );
    expect(verdict()).toMatch(expected.openssl);
    expect(verdict('-extended_crl')).toMatch(expected.extended ?? expected.openssl);
  });
});
