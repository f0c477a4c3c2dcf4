import { spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as asn1 from '@peculiar/asn1-x509';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FINDINGS, type Finding, type FindingId } from '../../../functions/certificate/findings.ts';
import {
  type CertificateReport,
  type Expectations,
  readMarkCertificate,
} from '../../../functions/certificate/report.ts';
import type {
  CertificateAuthority,
  Change,
  IssuedMarkCertificate,
  SubjectAttribute,
} from '../../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { type Extension, extension, logotype, oid } from '../../../infra/local/ca/mark-extensions.ts';
import { openAuthority } from '../../authority.ts';
import {
  also,
  critical,
  ecKey,
  hashOf,
  instead,
  logotypeImage,
  markType,
  repeated,
  without,
} from './certificate-changes.ts';
import { AT, type Case, DAY, DOMAIN, EXPIRES, ISSUED } from './finding-case.ts';
import { CLEAN, FOUND } from './finding-cases.ts';
import { MANY_DOMAINS } from './mark/finding-cases.ts';

let folder: string;
let authority: CertificateAuthority;
/** The authority of the cases that change nothing above the leaf. To sign its root again takes longer than such a case. */
let usual: CertificateAuthority;
/** One list, because what is prepared for a list of logs is kept with it. */
let ctLogs: readonly string[];

const SINCE = { notBefore: new Date('2020-01-01T00:00:00Z') };

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'findings-'));
  authority = await openAuthority();
  usual = authority.with({ root: SINCE, issuing: SINCE });
  ctLogs = [authority.log.key];
});

afterAll(() => rmSync(folder, { recursive: true }));

/** By case: OpenSSL verifies the certificates of several cases together. */
const issuedCases = new Map<Case, IssuedMarkCertificate>();

function issue(of: Case): IssuedMarkCertificate {
  const known = issuedCases.get(of);
  if (known) {
    return known;
  }
  const { leaf, issuing, root } = of;
  const changed =
    root || issuing ? authority.with({ root: { ...SINCE, ...root }, issuing: { ...SINCE, ...issuing } }) : usual;
  const issued = changed.issue({ domains: [DOMAIN], notBefore: ISSUED, nullParameters: true, ...leaf });
  issuedCases.set(of, issued);
  return issued;
}

async function check(issued: IssuedMarkCertificate, of: Case): Promise<CertificateReport> {
  const { at = AT, domains = [DOMAIN], selector, product, delivered = ({ chain }) => chain, pinned = 'root' } = of;
  const expectations: Expectations = {
    at,
    domains,
    selector,
    product,
    trustAnchors: pinned === 'nothing' ? [] : [fingerprint(issued[pinned])],
    ctLogs,
    crls: of.crls?.(authority, issued),
  };
  const { container = (certificates) => Buffer.from(pem(certificates)) } = of;
  return (await readMarkCertificate(container(delivered(issued)), expectations)).report;
}

function fingerprint(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex');
}

function ids(findings: readonly Finding[]): FindingId[] {
  return findings.map(({ id }) => id);
}

/** What OpenSSL verifies: a leaf, with the arguments before its file. */
interface Verification {
  readonly leaf: string;
  readonly options: readonly string[];
}

/** Writes a file that is named after its content. */
function write(extension: string, content: string | Uint8Array): string {
  const name = `${createHash('sha256').update(content).digest('hex')}.${extension}`;
  writeFileSync(path.join(folder, name), content);
  return name;
}

/** The delivered chain, whose last certificate is trusted. */
function verificationOf(of: Case): Verification {
  const { at = AT, delivered = ({ chain }) => chain, openssl = [], crls } = of;
  const issued = issue(of);
  const inFile = delivered(issued);
  const [leaf = '', ...issuers] = issued.chain.flatMap((der) => (inFile.includes(der) ? write('pem', pem([der])) : []));
  const lists = crls?.(authority, issued).flatMap(({ bytes }) => (bytes ? ['-CRLfile', write('crl', bytes)] : []));
  const revocation = lists ? ['-crl_check_all', ...lists] : [];
  const untrusted = issuers.slice(0, -1).flatMap((file) => ['-untrusted', file]);
  const moment = ['-attime', String(at.getTime() / 1000)];
  const trusted = ['-trusted', issuers.at(-1) ?? ''];
  return { leaf, options: ['-partial_chain', ...openssl, ...revocation, ...moment, ...trusted, ...untrusted] };
}

/**
 * What OpenSSL says about each case: "OK", or the reason for the refusal. One process verifies all leaves with the same
 * options, and one shell starts all processes: starting one from Node takes longer than its work.
 */
function verifyAll(): ReadonlyMap<Case, string> {
  const cases = [...CLEAN, ...Object.values<readonly Case[]>(FOUND).flat()];
  const verifications = new Map(cases.map((of) => [of, verificationOf(of)]));
  const commands = [...Map.groupBy(verifications.values(), ({ options }) => options.join(' '))].map(
    ([options, group]) => `openssl verify ${options} ${group.map(({ leaf }) => leaf).join(' ')}`,
  );
  const { stdout, stderr } = spawnSync('sh', ['-c', commands.join('\n')], { cwd: folder, encoding: 'utf8' });
  // The reasons of a refusal are before the line that names the file.
  const parts = stderr.split(/^error (.+): verification failed$/m);
  const verdictOn = ({ leaf }: Verification) => {
    const at = parts.indexOf(leaf);
    return stdout.includes(`${leaf}: OK\n`) ? 'OK' : at > 0 ? (parts[at - 1] ?? '') : `no verdict: ${stderr}`;
  };
  return new Map([...verifications].map(([of, verification]) => [of, verdictOn(verification)]));
}

let verdicts: ReadonlyMap<Case, string> | undefined;

function verdictOf(of: Case): string {
  verdicts ??= verifyAll();
  return verdicts.get(of) ?? 'no verdict';
}

describe('A clean chain', () => {
  test.each(CLEAN)('has no finding: $of', async (of) => {
    const issued = issue(of);
    const { publishable, findings } = await check(issued, of);
    expect(findings).toEqual([]);
    expect(publishable).toBe(true);
    expect(verdictOf(of)).toMatch(of.refusal ?? /^OK$/);
  });

  // For OpenSSL notAfter is the first invalid moment; for RFC 5280 it is the last valid one.
  test('has no finding in its last second.', async () => {
    const of: Case = { of: '', at: EXPIRES };
    expect((await check(issue(of), of)).findings).toEqual([]);
  });
});

describe.each(Object.entries(FOUND))('The only finding is %s', (id, cases) => {
  test.each(cases)('for $of', async (of) => {
    const issued = issue(of);
    const { publishable, findings } = await check(issued, of);
    expect(ids(findings)).toEqual([id]);
    expect(findings[0]?.message).toMatch(/\w{2,} \w{2,}/);
    expect(publishable).toBe(findings[0]?.severity !== 'error');
    expect(verdictOf(of)).toMatch(of.refusal ?? /^OK$/);
  });
});

test('A chain whose root is trusted but not delivered has no trust anchor and no root.', async () => {
  const of: Case = { of: '', pinned: 'root', delivered: ({ leaf, issuing }) => [leaf, issuing] };
  const report = await check(issue(of), of);
  expect(ids(report.findings)).toEqual(['untrusted-root', 'root-absent']);
  expect(report.trustAnchor).toBeNull();
});

test('A trusted leaf is not a trust anchor.', async () => {
  const issued = issue({ of: '' });
  const { report } = await readMarkCertificate(Buffer.from(pem(issued.chain)), {
    at: AT,
    trustAnchors: [fingerprint(issued.leaf)],
    ctLogs,
  });
  expect(ids(report.findings)).toEqual(['untrusted-root']);
});

test('A chain is too large if its PEM has 65,536 bytes or more.', async () => {
  const sized = (bytes: number): Case => ({
    of: '',
    leaf: { extensions: also({ oid: '1.3.6.1.4.1.32473.1.9', value: new Uint8Array(bytes) }) },
  });
  // PEM writes three bytes as four characters, and 64 characters as a line of 65.
  const missing = 65_536 - pem(issue(sized(40_000)).chain).length;
  const nearly = 40_000 + Math.floor((missing * 64 * 3) / (65 * 4));
  const sizes = new Set<boolean>();
  for (let bytes = nearly - 12; bytes <= nearly + 12; bytes += 1) {
    const issued = issue(sized(bytes));
    const large = pem(issued.chain).length >= 65_536;
    expect(ids((await check(issued, sized(bytes))).findings)).toEqual(large ? ['size'] : []);
    sizes.add(large);
  }
  expect(sizes.size).toBe(2);
});

describe('The message of a finding contains', () => {
  test('the certificate and the extension that it repeats.', async () => {
    const leaf = { extensions: repeated(oid.logotype) };
    const issuing = { extensions: repeated(oid.basicConstraints) };
    expect(await messageOf({ of: '', leaf, issuing })).toBe(
      'a certificate contains the same extension more than once: Example Brand Limited repeats 1.3.6.1.5.5.7.1.12; ' +
        '(made on this machine) VMC Issuing RSA CA repeats 2.5.29.19',
    );
  });

  const messageOf = async (of: Case) => (await check(issue(of), of)).findings.map(({ message }) => message).join('\n');

  test('the domains that are not covered, and no others.', async () => {
    const message = await messageOf({ of: '', domains: [DOMAIN, 'example.net', 'example.org'] });
    expect(message).toContain('example.net; example.org');
    expect(message).not.toContain(DOMAIN);
  });

  test('every certificate outside its validity, with the date.', async () => {
    const at = new Date('2031-01-01T00:00:00Z');
    const message = await messageOf({ of: '', at });
    expect(message).toContain('2031-01-01T00:00:00.000Z');
    expect(message).toContain('Example Brand Limited was valid until 2027-01-01T00:00:00.000Z');
    expect(message).toContain('(made on this machine) VMC Issuing RSA CA was valid until 2029-12-29T00:00:00.000Z');
    expect(message).not.toContain('VMC Root RSA CA');
  });

  test('a name with a comma without escapes.', async () => {
    const at = new Date('2028-01-01T00:00:00Z');
    expect(await messageOf({ of: '', at, leaf: { owner: 'Example, Inc.' } })).toContain(
      'Example, Inc. was valid until',
    );
  });

  test('the attributes that the mark type requires.', async () => {
    const leaf = { attributes: without<SubjectAttribute>(oid.trademarkCountry, oid.trademarkIdentifier) };
    expect(await messageOf({ of: '', leaf })).toContain(
      'trademarkCountryOrRegionName is missing; trademarkIdentifier is missing',
    );
  });

  test('the attributes that belong to another mark type.', async () => {
    const leaf = { attributes: also<SubjectAttribute>({ oid: oid.priorUseSourceUrl, value: 'https://example.com' }) };
    expect(await messageOf({ of: '', leaf })).toBe(
      'the subject does not fit the mark type Registered Mark: priorUseMarkSourceURL belongs to another mark type',
    );
  });

  test('the fields of the owner that are missing or wrong.', async () => {
    const leaf = {
      attributes: (usual: readonly SubjectAttribute[]) =>
        without<SubjectAttribute>(
          oid.serialNumber,
          oid.localityName,
          oid.stateOrProvinceName,
        )(instead<SubjectAttribute>({ oid: oid.businessCategory, value: 'Company' })(usual)),
    };
    expect(await messageOf({ of: '', leaf })).toBe(
      'the subject does not describe the owner as required: serialNumber is missing; ' +
        'localityName and stateOrProvinceName are both missing; businessCategory is "Company"',
    );
  });

  test('the kind of each name that is no public domain.', async () => {
    const leaf = { domains: [DOMAIN, '*.example.com', 'mail.local', '192.0.2.1', 'a b'] };
    expect(await messageOf({ of: '', leaf })).toBe(
      'the certificate contains names that are not public domains: the wildcard "*.example.com"; ' +
        'the internal name "mail.local"; the IP address "192.0.2.1"; the malformed name "a b"',
    );
  });

  test('a name in Unicode as a person reads it, and other bytes escaped.', async () => {
    const leaf = { domains: [DOMAIN, Buffer.from('BÜCHER.example').toString('latin1'), 'b\xfccher.example'] };
    expect(await messageOf({ of: '', leaf })).toBe(
      'the certificate contains names that are not public domains: ' +
        'the U-label (certificates contain A-labels) "bücher.example"; the malformed name "b\\xfccher.example"',
    );
  });

  test('the names of the records by which alone a domain is covered.', async () => {
    const of: Case = { of: '', leaf: { domains: [`default._bimi.${DOMAIN}`, 'example.org'] }, domains: [DOMAIN] };
    expect(await messageOf(of)).toMatch(/for one selector only: default\._bimi\.example\.com$/);
  });

  test.each([
    ['an RSA key of 1024 bits', { publicKey: generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey }],
    ['a key on the curve prime192v1', { publicKey: ecKey('prime192v1') }],
    ['a key on the curve secp256k1', { publicKey: ecKey('secp256k1') }],
    ['a SHA-1 signature', { signatureHash: 'SHA-1' }],
  ] as const)('the weakness of a certificate: %s.', async (weakness, leaf) => {
    expect(await messageOf({ of: '', leaf })).toContain(`Example Brand Limited has ${weakness}`);
  });

  test('the mark type and both products.', async () => {
    expect(await messageOf({ of: '', product: 'CMC' })).toMatch(/"Registered Mark" is a VMC.* CMC was ordered/);
  });
});

describe('The table of findings', () => {
  const ROWS = Object.keys(FINDINGS);

  /** The findings of the chains below, beside those of their logos. */
  const WORST = [
    'untrusted-root',
    'ca-flags',
    'leaf-eku',
    'validity',
    'duplicate-extension',
    'crl-missing',
    'sct-missing',
    'domain-coverage',
    'size',
    'mark-type',
    'policy',
    'mark-fields',
    'lifetime',
    'key-strength',
    'root-absent',
  ] as const satisfies readonly FindingId[];

  /** A chain with every fault at once, except those of the logotype. */
  function worst(logotypeChange: Change<Extension>): Case {
    const usages = extension(oid.extKeyUsage, new asn1.ExtendedKeyUsage([oid.brandIndicator, asn1.id_kp_serverAuth]));
    return {
      of: '',
      pinned: 'nothing',
      delivered: ({ leaf, issuing }) => [leaf, issuing],
      issuing: { extensions: without(oid.extKeyUsage) },
      leaf: {
        domains: MANY_DOMAINS,
        notAfter: new Date(ISSUED.getTime() + 399 * DAY),
        publicKey: ecKey('secp256k1'),
        attributes: (usual) =>
          also<SubjectAttribute>(markType('Government Mark'))(
            without<SubjectAttribute>(oid.trademarkCountry, oid.statuteCountry)(usual),
          ),
        extensions: (usual) => {
          const kept = without<Extension>(oid.crlDistributionPoints, oid.sctList, oid.certificatePolicies)(usual);
          return logotypeChange(
            repeated(oid.authorityKeyIdentifier)(critical(oid.subjectKeyIdentifier)(instead<Extension>(usages)(kept))),
          );
        },
      },
      at: new Date('2020-06-01T00:00:00Z'),
    };
  }

  async function found(of: Case): Promise<readonly FindingId[]> {
    const { findings } = await check(issue(of), of);
    const bySeverity = (['error', 'warning', 'notice'] as const).flatMap((wanted) =>
      findings
        .filter(({ severity }) => severity === wanted)
        .toSorted((one, other) => ROWS.indexOf(one.id) - ROWS.indexOf(other.id)),
    );
    expect(findings).toEqual(bySeverity);
    return ids(findings);
  }

  test('is the order of a report, errors first: a chain with every fault.', async () => {
    const hash = { ...hashOf('SHA-256', 'another logo'), nullParameters: false };
    const badLogo = logotype({ ...logotypeImage(Buffer.from('<svg')), hashes: [hash] });
    const expected: readonly FindingId[] = [...WORST, 'logo-hash', 'svg-profile', 'receiver-asn1'];
    expect(await found(worst(instead(badLogo)))).toEqual(expect.arrayContaining([...expected]));
  });

  test('is the order of a report, errors first: a chain with every fault and without a logo.', async () => {
    const expected: readonly FindingId[] = [...WORST, 'logotype'];
    expect(await found(worst(without(oid.logotype)))).toEqual(expect.arrayContaining([...expected]));
  });

  test('has at least one example for each row.', () => {
    expect(Object.keys(FOUND)).toEqual(ROWS);
  });
});
