import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import type { FindingId } from '../../../functions/certificate/findings.ts';
import {
  type CertificateReport,
  type Expectations,
  InvalidChainError,
  type MarkCertificate,
  readMarkCertificate,
} from '../../../functions/certificate/report.ts';
import { CLEAN_VERDICTS } from './clean-verdicts.ts';

// The project does not distribute the certificates of others, so the folder is outside the project.
const FOLDER = process.env.MARK_CERTIFICATES ?? '';
const present = existsSync(path.join(FOLDER, 'expected.json'));
const TITLE = present ? '' : ' (skipped: MARK_CERTIFICATES names no folder)';

/** What another program (pyca/cryptography) reads. */
const expectedSchema = v.record(
  v.string(),
  v.union([
    v.object({ error: v.literal('InvalidChain'), leafOnly: v.optional(v.boolean()) }),
    v.object({
      markType: v.nullable(v.string()),
      product: v.nullable(v.string()),
      domains: v.array(v.string()),
      chain: v.array(v.string()),
      serialNumber: v.string(),
      logoSha256: v.string(),
      logoBytes: v.number(),
      at: v.string(),
      notAfter: v.string(),
    }),
  ]),
);

const EXPECTED = present
  ? v.parse(expectedSchema, JSON.parse(readFileSync(path.join(FOLDER, 'expected.json'), 'utf8')))
  : {};

const LEAF_ONLY = Object.entries(EXPECTED).flatMap(([file, expected]) =>
  'error' in expected && expected.leafOnly ? [file] : [],
);

/** Their gzip is damaged. */
const DAMAGED_LOGOS: ReadonlySet<string> = new Set(['real/bimiquest-route-cnn-2025-leaf.pem']);

function bytesOf(file: string): Buffer {
  return readFileSync(path.join(FOLDER, file));
}

function read(file: string, expectations: Expectations): Promise<MarkCertificate> {
  return readMarkCertificate(bytesOf(file), expectations);
}

function idsOf({ findings }: CertificateReport, severity: string): string[] {
  return findings.filter((finding) => finding.severity === severity).map(({ id }) => id);
}

/** The errors of real chains at a moment inside their validity. */
const REAL_ERRORS: Readonly<Record<string, readonly FindingId[]>> = {
  // It was issued again because of width="100%".
  'real/infinitum-globalsign-2026-04-asfirst.pem': ['svg-size'],
  // The issuing CA of the pilot is under another root of Entrust, and its logo is older than the profile.
  'real/phpseclib-ebay-entrust-2020.pem': ['untrusted-root', 'svg-profile'],
};

type Verdicts = Partial<Record<keyof typeof CLEAN_VERDICTS, string>>;

const COMMON_MARK = {
  gmail: 'true cmc-without-check-mark',
  apple: 'false mark-type-not-displayed',
} as const satisfies Verdicts;
const BEFORE_MARK_TYPES = {
  gmail: 'true check-mark-unknown',
  apple: 'false mark-type-not-displayed',
} as const satisfies Verdicts;
const NO_ROOT = { rspamd: 'false root-absent' } as const satisfies Verdicts;
const GLOBALSIGN = { halon: 'false receiver-asn1 root-unknown-to-receiver' } as const satisfies Verdicts;

/** How the verdicts on the other real chains differ from those. */
const REAL_VERDICTS: Readonly<Record<string, Verdicts>> = {
  'real/infinitum-globalsign-2026-04-asfirst.pem': {
    gmail: 'false svg-size',
    apple: 'false svg-size',
    yahoo: 'false svg-size',
    fastmail: 'false svg-size',
    rspamd: 'false svg-size',
    halon: 'false svg-size receiver-asn1 root-unknown-to-receiver',
  },
  'real/infinitum-globalsign-2026-07.pem': GLOBALSIGN,
  'real/postalsys-globalsign-vmc.pem': GLOBALSIGN,
  'real/phpseclib-ebay-entrust-2020.pem': {
    gmail: 'false untrusted-root svg-profile',
    apple: 'false untrusted-root svg-profile mark-type-not-displayed',
    yahoo: 'false svg-profile',
    fastmail: 'false untrusted-root svg-profile',
    rspamd: 'false untrusted-root svg-profile root-absent',
    halon: 'false untrusted-root svg-profile',
  },
  'real/phpseclib-linkedin-2020.pem': { ...BEFORE_MARK_TYPES, ...NO_ROOT },
  'real/postalsys-redshift.pem': { ...BEFORE_MARK_TYPES, ...NO_ROOT },
  'real/postalsys-cnn.pem': BEFORE_MARK_TYPES,
  'real/rspamd-paypal-2021.pem': BEFORE_MARK_TYPES,
  'real/rspamd-valimail-2021.pem': BEFORE_MARK_TYPES,
  // The extension of the pilot is critical.
  'real/postalsys-xometry_cmc.pem': { ...COMMON_MARK, rspamd: 'false pilot-extension' },
  'real/provectus-2025.pem': COMMON_MARK,
  'real/spotlightpa-2025.pem': COMMON_MARK,
  'real/vevioz-easydmarc-entrust-2024.pem': NO_ROOT,
  'made/ebay-chain-no-root.pem': NO_ROOT,
};

describe.skipIf(!present)(`The answers of another program${TITLE}`, () => {
  test('exist for every file.', () => {
    const files = ['real', 'made', 'negative'].flatMap((folder) =>
      readdirSync(path.join(FOLDER, folder)).map((name) => `${folder}/${name}`),
    );
    expect(Object.keys(EXPECTED).toSorted()).toEqual(files.toSorted());
  });

  test.each(Object.entries(EXPECTED))('are those of the report: %s', async (file, expected) => {
    if ('error' in expected) {
      const error: unknown = await read(file, { at: new Date('2026-06-01') }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(InvalidChainError);
      return;
    }
    const { report, logo = new Uint8Array() } = await read(file, { at: new Date(expected.at) });
    const { markType, product, logoSha256, logoBytes } = expected;
    expect(report).toMatchObject({ markType, product, logo: { sha256: logoSha256, bytes: logoBytes } });
    expect(report.domains.toSorted()).toEqual(expected.domains.toSorted());
    expect(report.chain.map(({ fingerprintSha256 }) => fingerprintSha256)).toEqual(expected.chain);
    expect(BigInt(`0x${report.serialNumber}`)).toBe(BigInt(`0x${expected.serialNumber}`));
    expect(new Date(report.notAfter)).toEqual(new Date(expected.notAfter));
    expect(createHash('sha256').update(logo).digest('hex')).toBe(logoSha256);
    expect(idsOf(report, 'error')).toEqual(REAL_ERRORS[file] ?? []);
    const verdicts = report.receivers.map(({ id, shows, because }) => [id, [shows, ...because].map(String).join(' ')]);
    expect(Object.fromEntries(verdicts)).toEqual({ ...CLEAN_VERDICTS, ...REAL_VERDICTS[file] });
  });

  test.each(LEAF_ONLY)('Of a leaf alone, the report contains what Node reads: %s', async (file) => {
    const error: unknown = await read(file, { at: A_AT }).catch((reason: unknown) => reason);
    const certificate = new X509Certificate(bytesOf(file));
    const names = certificate.subjectAltName?.split(', ').map((name) => name.replace('DNS:', ''));
    expect(error).toMatchObject({
      leaf: {
        attributes: { organizationName: [certificate.toLegacyObject().subject.O] },
        domains: names,
        issuer: certificate.issuer.replaceAll('\n', ', '),
        notBefore: certificate.validFromDate.toISOString(),
        notAfter: certificate.validToDate.toISOString(),
        fingerprintSha256: createHash('sha256').update(certificate.raw).digest('hex'),
        logo: DAMAGED_LOGOS.has(file)
          ? null
          : { mediaType: 'image/svg+xml', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      },
    });
  });

  test.each(['hosm-2025', 'provectus-2025', 'spotlightpa-2025'])(
    'The embedded logo is the hosted one: %s',
    async (name) => {
      const { logo = new Uint8Array() } = await read(`real/${name}.pem`, { at: new Date('2026-01-01') });
      expect(Buffer.from(logo).equals(bytesOf(`svg/${name}.svg`))).toBe(true);
    },
  );
});

/** One input with its right answer. */
interface Answer {
  /** The ids of all errors; by default none, so that the chain is publishable. */
  readonly errors?: readonly FindingId[];
  /** Warnings and notices that the report has, and that it has not. */
  readonly has?: readonly FindingId[];
  readonly lacks?: readonly FindingId[];
}

const MADE_AT = new Date('2026-12-15T00:00:00Z');
const A_AT = new Date('2026-06-01T00:00:00Z');

const ANSWERS: Readonly<Record<string, Answer>> = {
  'control.pem': {},
  '1-svg-a.pem': { errors: ['svg-profile'] },
  '1-svg-image.pem': { errors: ['svg-profile'] },
  '1-svg-style.pem': { errors: ['svg-profile'] },
  '1-svg-two-titles.pem': { errors: ['svg-profile'] },
  '1-svg-xlink.pem': { errors: ['svg-profile'] },
  '2-zip-note-quotes-begin.zip': { has: ['ignored-content'] },
  '3-p7b-under-certificate.pem': {},
  '4-svg-width-percent.pem': { errors: ['svg-size'] },
  '5-no-san.pem': { errors: ['domain-missing'] },
  '6-svg-utf16-declared.pem': { errors: ['svg-profile'] },
  '7-svg-css-escape-url.pem': { errors: ['svg-profile'] },
  '7-svg-dtd-public.pem': { errors: ['svg-profile'] },
  '8-pem-rsa-public-key.pem': {},
  '9-zip-newline-behind.zip': {},
  '10-mediatype-png.pem': { errors: ['logotype'] },
  'f-multipurpose-ca.pem': { errors: ['ca-flags'] },
  'f-nameconstraints.pem': { has: ['name-constraints'] },
  'f-pilot.pem': { has: ['pilot-extension'] },
  'f-no-org-fields.pem': { has: ['subject-fields'] },
  'f-mixed-fields.pem': { has: ['mark-fields'] },
  'f-wildcard.pem': { has: ['san'] },
  'f-internal-name.pem': { has: ['san'] },
  'f-ca-no-crl.pem': { has: ['crl-missing'] },
  'f-null-params.pem': { lacks: ['receiver-asn1'] },
  'f-selector-san.pem': { has: ['selector-san'] },
  'f-nonsquare.pem': { has: ['svg-look'] },
  'a-pinned-issuing-with-its-issuer-no-root.pem': {},
  'a-uri-two-members.pem': { errors: ['logotype'] },
  'a-logo-two-subjectlogos.pem': { errors: ['logotype'] },
};

/** The inputs for which a report and InvalidChain are both right. */
const EITHER = [
  '11-der-concatenated.der',
  'a-empty-subject-issuing.pem',
  'a-empty-subject-leaf.pem',
  'a-term-newline-fake-line.pem',
  'a-term-owner.pem',
  'a-term-svg11.pem',
];

/** The moment and the trust that the folder's page names for an input. */
function expectationsOf(file: string): Expectations {
  const trust = (name: string) => [bytesOf(`cases/${name}`).toString().trim()];
  if (file.startsWith('a-')) {
    return { at: A_AT, trustAnchors: trust(file.startsWith('a-pinned') ? 'TRUST-PIN' : 'TRUST-A') };
  }
  return { at: MADE_AT, trustAnchors: trust(file.startsWith('f-') ? 'TRUST-F' : 'TRUST') };
}

describe.skipIf(!present)(`The inputs made for faults that were found${TITLE}`, () => {
  test('have an answer each.', () => {
    const files = readdirSync(path.join(FOLDER, 'cases')).filter((name) => !/^(?:README|TRUST)/.test(name));
    expect([...Object.keys(ANSWERS), ...EITHER].toSorted()).toEqual(files.toSorted());
  });

  test.each(Object.entries(ANSWERS))(
    'get the right answer: %s',
    async (file, { errors = [], has = [], lacks = [] }) => {
      const { report } = await read(`cases/${file}`, expectationsOf(file));
      const ids = report.findings.map(({ id }) => id);
      expect(idsOf(report, 'error')).toEqual(errors);
      expect(ids).toEqual(expect.arrayContaining([...has]));
      expect(ids.filter((id) => lacks.includes(id))).toEqual([]);
      expect(report.publishable).toBe(errors.length === 0);
    },
  );

  test.each(EITHER)('get a report or InvalidChain: %s', async (file) => {
    const result: unknown = await read(`cases/${file}`, expectationsOf(file)).catch((error: unknown) => error);
    const texts =
      result instanceof InvalidChainError
        ? [result.message]
        : (result as MarkCertificate).report.findings.map(({ message }) => message);
    expect(texts.join('')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
  });

  test('A chain is anchored by the pinned issuing CA, although its issuer is beside it.', async () => {
    const file = 'a-pinned-issuing-with-its-issuer-no-root.pem';
    const { report } = await read(`cases/${file}`, expectationsOf(file));
    const [fingerprintSha256 = ''] = expectationsOf(file).trustAnchors ?? [];
    expect(report.trustAnchor).toMatchObject({ fingerprintSha256, source: 'settings' });
  });

  test('Only the chain whose hash has NULL parameters has no notice about it.', async () => {
    const files = Object.keys(ANSWERS).filter((file) => file.startsWith('f-'));
    const without: string[] = [];
    for (const file of files) {
      const { report } = await read(`cases/${file}`, expectationsOf(file));
      without.push(...(report.findings.some(({ id }) => id === 'receiver-asn1') ? [] : [file]));
    }
    expect(without).toEqual(['f-null-params.pem']);
  });
});
