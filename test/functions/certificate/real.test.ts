import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readLogo } from '../../../functions/certificate/logo/logotype.ts';
import { domainsOf, nameAttributes } from '../../../functions/certificate/mark/mark.ts';
import { TRUST_ANCHORS } from '../../../functions/certificate/path/trust-anchors.ts';
import { InvalidChainError, type MarkCertificate, readMarkCertificate } from '../../../functions/certificate/report.ts';
import { sctsOf } from '../../../functions/certificate/transparency/sct.ts';
import { readFields } from '../../../functions/certificate/x509/fields.ts';

// The project does not distribute the certificates of others, so the folder is outside the project.
const FOLDER = process.env.MARK_CERTIFICATES;
const present = FOLDER !== undefined && existsSync(FOLDER);

const DIGICERT_ROOT = '504386c9ee8932fecc95fade427f69c3e2534b7310489e300fee448e33c46b42';
const DIGICERT_ISSUING = '0f2024a1f5ab051c55369d7353e55255bed427e3ebd6d7c59a212d38361b930a';
const ENTRUST_ISSUING = 'c269504b491dbf451a695b953711adc5cd70975b5fca1e181ebbd2172cb07e0c';

const EBAY_AT = '2026-10-01';
const EBAY = {
  product: 'VMC',
  markType: 'Registered Mark',
  domains: [
    'ebay.co.uk',
    'ebay.de',
    'ebay.com',
    'noreply1.ebay.com',
    'reply.ebay.es',
    'reply.ebay.com.au',
    'reply.ebay.it',
    'reply.ebay.co.uk',
    'reply.ebay.de',
    'reply5.ebay.com',
  ],
  logo: { sha256: 'f06d65fb72b7ddee97324e5eda6fa80df46fb6f196ef807b4e70503a9417262b', bytes: 1529 },
  leaf: '8e721933944e70032a9445397f397c80229ce959dc6b2e10e7fac0bf37a92047',
};

/** The values are those of openssl and of the inflated data URI; the findings were determined by hand. */
const CHAINS = [
  {
    file: 'real/postalsys-xometry_cmc.pem',
    at: '2025-01-01',
    product: 'CMC',
    markType: 'Prior Use Mark',
    domains: ['xometry.com'],
    chain: ['0dbfce439ed44a1a3b902a2fb44e0dae2ecb07f4803ef6294ccbf077133bdc58', DIGICERT_ISSUING, DIGICERT_ROOT],
    logo: { sha256: 'ed920480ae27b9abfaab7fea16a563a3e70a23c98ebecf711588ecba369c05b9', bytes: 902 },
    // It was issued before a source URL was required. The extension of the pilot is critical.
    findings: ['pilot-extension'],
  },
  {
    file: 'real/postalsys-redshift.pem',
    at: '2022-01-01',
    product: null,
    markType: null,
    domains: ['redsift.com'],
    chain: ['3ded1859c653b27ebe55ed3db5005235d706b80dfc3c5403640df3555c3322a6', ENTRUST_ISSUING],
    logo: { sha256: '07001de5838688fb340e2a92a8d1e23e5b28aea5fc195403bcfa02055b318a00', bytes: 1023 },
    // Entrust's root is not in the file, but its key validates the chain. Mark types were introduced later.
    findings: ['root-absent', 'mark-type'],
  },
  {
    file: 'real/postalsys-paypal_vmc.pem',
    at: '2025-01-01',
    product: 'VMC',
    markType: 'Registered Mark',
    domains: ['paypal.com'],
    chain: ['affcf1934072138f8de7c7305e364434a5b6fdf515bf6596352fc5e9d678b624', DIGICERT_ISSUING, DIGICERT_ROOT],
    logo: { sha256: '977f6761f83a0b43812636fa8efd1a34a2c766fa4b3376dafa014065c7c184dc', bytes: 1098 },
    findings: [],
  },
  {
    file: 'real/postalsys-cnn.pem',
    at: '2022-01-01',
    product: null,
    markType: null,
    domains: ['cnn.com'],
    chain: ['6bf434f17a7dfd8c391266fc2a57ea18dca5f4adc36004e39783e007a4ed7db9', DIGICERT_ISSUING, DIGICERT_ROOT],
    logo: { sha256: '215d5054ca31f6d7aea6a316edc8824e45828fc18678fce20c8c886cb4252d22', bytes: 1725 },
    // The logo is red on a transparent background.
    findings: ['svg-look', 'mark-type'],
  },
  {
    file: 'real/rspamd-valimail-2024.pem',
    at: '2025-01-01',
    product: 'VMC',
    markType: 'Registered Mark',
    domains: ['valigov.com', 'vali.email', 'valimail.com'],
    chain: ['40d6b63cf48597d0b0b7db2c7b9d29397cc2a13f1741c3f51fdc42ceb1b51ebe', DIGICERT_ISSUING, DIGICERT_ROOT],
    logo: { sha256: '83a6e433f7f0d9ca91a36274eabe016444406ff766668c2e72eaaa0003eb0c07', bytes: 787 },
    // It is valid for 397 days less one second, which is allowed.
    findings: [],
  },
  {
    file: 'made/ebay-chain-with-root.pem',
    at: EBAY_AT,
    ...EBAY,
    chain: [EBAY.leaf, DIGICERT_ISSUING, DIGICERT_ROOT],
    // The title of the logo is that of a converter.
    findings: ['svg-look'],
  },
  {
    file: 'made/ebay-chain-no-root.pem',
    at: EBAY_AT,
    ...EBAY,
    chain: [EBAY.leaf, DIGICERT_ISSUING],
    findings: ['root-absent', 'svg-look'],
  },
] as const;

const EBAY_CONTAINERS = ['ebay-degenerate.p7b', 'ebay-degenerate.p7b.pem', 'ebay-signed-empty.p7b', 'ebay.zip'];

const BROKEN = [
  ['negative/rspamd-paypal-wrong-intermediate.pem', /issuer of the mark certificate is missing/],
  ['negative/vevioz-letsencrypt-tls-as-bimi.pem', /no mark certificate/],
  ['negative/labsectech-wrong-eku-selfsigned.pem', /no mark certificate/],
  ['negative/bimiquest-selfsigned-perfect-lint.pem', /^the mark certificate \(Test Brand Inc\.\) is self-signed/],
  ['negative/neurons-school-placeholder.pem', /cannot be read/],
  // A leaf alone is not a chain.
  ['real/phpseclib-badoo.pem', /a leaf alone: its issuing certificate is missing \(issuer C=GB, O=Sectigo Limited/],
  ['real/phpseclib-ebay.pem', /a leaf alone: its issuing certificate is missing \(issuer C=US, O=DigiCert/],
] as const;

function bytesOf(file: string): Buffer {
  return readFileSync(path.join(FOLDER ?? '', file));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function read(file: string, at: string, trustAnchors: readonly string[] = []): Promise<MarkCertificate> {
  return readMarkCertificate(bytesOf(file), { at: new Date(at), trustAnchors });
}

if (!present) {
  const files = [
    ...CHAINS.map(({ file }) => file),
    ...EBAY_CONTAINERS.map((name) => `made/${name}`),
    ...BROKEN.map(([file]) => file),
  ];
  console.warn(
    `MARK_CERTIFICATES names no folder: the tests of real certificates are skipped\n  ${files.join('\n  ')}`,
  );
}

describe.skipIf(!present)(`Real certificates${present ? '' : ' (skipped: MARK_CERTIFICATES names no folder)'}`, () => {
  test.each(CHAINS)('$file has the expected report.', async ({ file, at, chain, logo, findings, ...expected }) => {
    const { report, logo: svg = new Uint8Array(), chainPem } = await read(file, at);
    expect(report).toMatchObject({
      product: expected.product,
      markType: expected.markType,
      domains: expected.domains,
      fingerprintSha256: chain[0],
      logo: { mediaType: 'image/svg+xml', ...logo },
    });
    expect(report.chain.map(({ fingerprintSha256 }) => fingerprintSha256)).toEqual(chain);
    expect(report.findings.map(({ id }) => id)).toEqual(findings);
    expect([sha256(svg), svg.length]).toEqual([logo.sha256, logo.bytes]);
    const blocks = chainPem.match(
      /-----BEGIN CERTIFICATE-----\n(?:[A-Za-z0-9+/=]{1,64}\n)+-----END CERTIFICATE-----\n/g,
    );
    expect(blocks?.map((block) => sha256(new X509Certificate(block).raw))).toEqual(chain);
    expect(blocks?.join('')).toBe(chainPem);
  });

  test.each(
    CHAINS.filter(({ findings }: { readonly findings: readonly string[] }) => !findings.includes('root-absent')),
  )('$file has the same verdicts if the settings trust its issuing CA too.', async ({ file, at, chain }) => {
    const { report } = await read(file, at, chain.slice(1, 2));
    expect(report.trustAnchor?.source).toBe('settings');
    expect(report.receivers).toEqual((await read(file, at)).report.receivers);
  });

  test.each(EBAY_CONTAINERS)('made/%s has the same report as its PEM.', async (container) => {
    const expected = await read('made/ebay-chain-with-root.pem', EBAY_AT);
    expect(await read(`made/${container}`, EBAY_AT)).toEqual(expected);
  });

  test.each([
    ['made/ebay-chain-no-root.pem', EBAY_AT, DIGICERT_ISSUING, ['root-absent', 'svg-look']],
    ['real/postalsys-redshift.pem', '2022-01-01', ENTRUST_ISSUING, ['root-absent', 'mark-type']],
  ])('%s is trusted if its issuing CA is pinned.', async (file, at, pinned, findings) => {
    const { report } = await read(file, at, [pinned]);
    expect(report.findings.map(({ id }) => id)).toEqual(findings);
    expect(report).toMatchObject({ publishable: true, trustAnchor: { fingerprintSha256: pinned } });
  });

  test.each([
    ['real/postalsys-paypal_vmc.pem', '2024-09-08T23:54:59Z'],
    ['real/postalsys-paypal_vmc.pem', '2025-09-09'],
    ['real/rspamd-valimail-2024.pem', '2025-10-26'],
    ['made/ebay.zip', '2026-07-30'],
  ])('%s is not valid at %s.', async (file, at) => {
    const { report } = await read(file, at);
    expect(report.findings.filter(({ severity }) => severity === 'error').map(({ id }) => id)).toEqual(['validity']);
  });

  test.each([
    ['ebay.com', 'VMC', ['svg-look']],
    ['reply.ebay.de', 'VMC', ['svg-look']],
    ['mail.ebay.com', 'VMC', ['domain-coverage', 'svg-look']],
    ['ebay.com', 'CMC', ['svg-look', 'mark-type']],
  ] as const)('the eBay chain ordered for %s as %s has the findings %j.', async (domain, product, findings) => {
    const bytes = bytesOf('made/ebay.zip');
    const { report } = await readMarkCertificate(bytes, { at: new Date(EBAY_AT), domains: [domain], product });
    expect(report.findings.map(({ id }) => id)).toEqual(findings);
  });

  test.each(BROKEN)('%s is InvalidChain.', async (file, message) => {
    const reading = read(file, '2026-06-01');
    await expect(reading).rejects.toBeInstanceOf(InvalidChainError);
    await expect(reading).rejects.toThrow(message);
  });

  test('The fields of a Sectigo leaf are read, although the leaf alone is not a chain.', () => {
    const leaf = readFields(new X509Certificate(bytesOf('real/phpseclib-badoo.pem')));
    expect(nameAttributes(leaf.subject)).toEqual({
      countryName: ['US'],
      stateOrProvinceName: ['Texas'],
      localityName: ['Austin'],
      organizationName: ['Bumble Inc'],
      organizationalUnitName: ['IT'],
      serialNumber: ['3638391'],
      markType: ['Registered Mark'],
      trademarkCountryOrRegionName: ['GB'],
      trademarkOfficeName: ['Intellectual Property Office'],
      trademarkIdentifier: ['UK00004062752'],
      businessCategory: ['Private Organization'],
      streetAddress: ['1105 W 41St St'],
      jurisdictionStateOrProvinceName: ['Delaware'],
      jurisdictionCountryName: ['US'],
    });
    expect(domainsOf(leaf)).toEqual(['badoo.com']);
    expect(leaf).toMatchObject({
      extendedKeyUsage: ['1.3.6.1.5.5.7.3.31'],
      policies: ['1.3.6.1.4.1.38064.1.3.8', '1.3.6.1.4.1.53087.1.1'],
      crlUrls: ['http://crls.ssl.com/Sectigo-VMC-I-R1.crl'],
    });
    const scts = sctsOf(leaf, { issuerKey: new Uint8Array(), at: new Date('2026-06-01'), ctLogs: [] });
    expect(scts.map(({ timestamp }) => timestamp)).toEqual(['2026-04-21T15:19:39.839Z']);
    expect(readLogo(leaf)).toMatchObject({
      sha256: '06373db1acbe5da219c31a4ec6fc4f30c9d6b3fbf0f657df704a352828c797ee',
      hashes: [{ algorithm: 'sha1', matches: true }],
    });
  });

  test('Every root certificate of the folder is a trust anchor.', () => {
    const roots = readdirSync(path.join(FOLDER ?? '', 'roots'))
      .map((file) => new X509Certificate(bytesOf(path.join('roots', file))))
      .filter((certificate) => certificate.verify(certificate.publicKey));
    const fingerprints = roots.map(({ fingerprint256 }) => fingerprint256.replaceAll(':', '').toLowerCase());
    expect(fingerprints.toSorted()).toEqual(TRUST_ANCHORS.map(({ fingerprintSha256 }) => fingerprintSha256).toSorted());
  });

  test('A street address of two lines keeps both lines in order.', async () => {
    const { report } = await read('real/postalsys-xometry_cmc.pem', '2025-01-01');
    expect(report.attributes.streetAddress).toEqual(['Ste 800', '6116 Executive Blvd']);
  });
});
