import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { pem, pkcs7 } from '../../../infra/local/ca/containers.ts';
import { oid } from '../../../infra/local/ca/mark-extensions.ts';
import { createTransparencyLog, generateLogKey } from '../../../infra/local/ca/transparency-log.ts';
import { AT, DAY, FILES, findingIds, fingerprint, ISSUED, openFiles } from './inspected-files.ts';

const { authority, clean, close, folder, inspect, json, root, trusting, write } = await openFiles();

afterAll(close);

describe('The option --at', () => {
  test.each([
    ['2025-12-31', ['validity']],
    ['2025-12-31T23:54:59Z', ['validity']],
    ['2026-01-01', []],
    ['2026-01-01T01:00:00+01:00', []],
    ['2027-01-01T00:00:00Z', []],
    ['2027-01-01T00:00:01Z', ['validity']],
  ])('with %s leads to the findings %j.', async (at, expected) => {
    const { stdout } = await inspect(['--json', '--at', at, '--trust', root, '--log', authority.log.key, FILES.clean]);
    expect(findingIds([JSON.parse(stdout)])).toEqual(expected);
  });

  test('defaults to the present time.', async () => {
    const second = 1000 * Math.floor(Date.now() / 1000);
    const issue = (from: number, to: number) =>
      pem(
        authority.issue({
          domains: ['example.com'],
          notBefore: new Date(second + from),
          notAfter: new Date(second + to),
          nullParameters: true,
        }).chain,
      );
    write('present.pem', issue(-DAY, DAY));
    write('past.pem', issue(-2 * DAY, -DAY));
    write('future.pem', issue(DAY, 2 * DAY));
    const { stdout } = await inspect([
      '--json',
      '--trust',
      root,
      '--log',
      authority.log.key,
      'present.pem',
      'past.pem',
      'future.pem',
    ]);
    const found = stdout
      .trimEnd()
      .split('\n')
      .map((line) => findingIds([JSON.parse(line)]));
    expect(found).toEqual([[], ['validity'], ['validity']]);
  });
});

describe('The option --domain', () => {
  test.each([
    ['one that is covered', ['example.com'], []],
    ['two that are covered', ['example.com', 'www.example.com'], []],
    ['capitals and a final dot', ['EXAMPLE.com.'], []],
    ['one that is not covered', ['example.org'], ['domain-coverage']],
    ['the second of two that is not covered', ['example.com', 'example.org'], ['domain-coverage']],
  ])('accepts %s.', async (_, domains, expected) => {
    expect(findingIds(await json([...domains.flatMap((domain) => ['--domain', domain]), FILES.clean]))).toEqual(
      expected,
    );
  });

  test('accepts a U-label.', async () => {
    const { chain } = authority.issue({ domains: ['xn--bcher-kva.example'], notBefore: ISSUED, nullParameters: true });
    expect(findingIds(await json(['--domain', 'Bücher.example', '-'], { input: pem(chain) }))).toEqual([]);
  });
});

describe('The option --selector', () => {
  test.each([
    ['accepts a certificate for the selector of a domain', ['--selector', 'brand'], ['selector-san']],
    ['refuses a certificate for another selector', ['--selector', 'other'], ['domain-coverage']],
    ['is "default" if it is not given, as in an order', [], ['domain-coverage']],
  ])('%s.', async (_, selector, expected) => {
    const { chain } = authority.issue({
      domains: ['brand._bimi.example.com'],
      notBefore: ISSUED,
      nullParameters: true,
    });
    const options = ['--domain', 'example.com', ...selector, '-'];
    expect(findingIds(await json(options, { input: pem(chain) }))).toEqual(expected);
  });
});

describe('The option --product', () => {
  test.each([
    ['VMC', []],
    ['CMC', ['mark-type']],
  ])('with %s leads to the findings %j for a Registered Mark.', async (product, expected) => {
    expect(findingIds(await json(['--product', product, FILES.clean]))).toEqual(expected);
  });
});

describe('The option --trust', () => {
  test.each<[string, (fingerprint: string) => readonly string[]]>([
    ['as hex', (hex) => [hex]],
    ['in capitals', (hex) => [hex.toUpperCase()]],
    ['with colons, as OpenSSL prints it', () => [new X509Certificate(clean.root).fingerprint256]],
    ['as the first of two', (hex) => [hex, '0'.repeat(64)]],
    ['as the last of two', (hex) => ['0'.repeat(64), hex]],
  ])('accepts a fingerprint %s.', async (_, given) => {
    const { status, stdout } = await inspect([
      ...AT,
      '--json',
      ...given(root).flatMap((each) => ['--trust', each]),
      FILES.clean,
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ trustAnchor: { fingerprintSha256: root } });
    expect(status).toBe(0);
  });

  test('accepts the issuing CA if the root is absent.', async () => {
    const input = pem([clean.issuing, clean.leaf]);
    const trust = ['--trust', fingerprint(clean.issuing), '--log', authority.log.key];
    const { status, stdout } = await inspect([...AT, '--json', ...trust, '-'], { input });
    expect(findingIds([JSON.parse(stdout)])).toEqual(['root-absent']);
    expect(status).toBe(0);
  });

  test('does not make a root trusted by the fingerprint of another certificate.', async () => {
    const trust = ['--trust', fingerprint(clean.leaf), '--log', authority.log.key];
    const { status, stdout } = await inspect([...AT, '--json', ...trust, FILES.clean]);
    expect(findingIds([JSON.parse(stdout)])).toEqual(['untrusted-root']);
    expect(status).toBe(1);
  });
});

describe('The option --log', () => {
  const withLogs = (...keys: readonly string[]) =>
    inspect([...AT, '--json', '--trust', root, ...keys.flatMap((key) => ['--log', key]), FILES.clean]);
  const other = createTransparencyLog(generateLogKey()).key;

  test('makes the SCTs of the log count, also beside another log.', async () => {
    for (const keys of [[authority.log.key], [other, authority.log.key], [authority.log.key, other]]) {
      const report = JSON.parse((await withLogs(...keys)).stdout);
      expect(findingIds([report])).toEqual([]);
      expect(report.scts).toEqual([
        { logId: expect.stringMatching(/^[0-9a-f]{64}$/), log: null, timestamp: ISSUED.toISOString(), status: 'valid' },
      ]);
    }
  });

  test('is missing: the warning sct-unknown contains the id of the log.', async () => {
    for (const keys of [[], [other]]) {
      const { status, stdout } = await withLogs(...keys);
      const report = JSON.parse(stdout);
      expect(report).toMatchObject({ publishable: true, scts: [{ log: null, status: 'unknown-log' }] });
      expect(report.findings).toEqual([
        { id: 'sct-unknown', severity: 'warning', message: expect.stringContaining(report.scts[0].logId) },
      ]);
      expect(status).toBe(0);
    }
  });
});

describe('The option --out', () => {
  test('writes the chain, the logo and the manifest, and does not change what is printed.', async () => {
    const { status, stdout } = await trusting(['--out', 'out/deep', '-'], { input: pkcs7(clean.chain.toReversed()) });
    const out = path.join(folder, 'out/deep');
    expect(readdirSync(out).sort()).toEqual(['certificate.json', 'chain.pem', 'logo.svg']);
    expect(readFileSync(path.join(out, 'chain.pem'), 'utf8')).toBe(pem(clean.chain));
    expect(readFileSync(path.join(out, 'logo.svg'))).toEqual(Buffer.from(clean.svg));
    expect(stdout).toContain('✓ publishable');
    expect(status).toBe(0);
    const report: unknown = JSON.parse(readFileSync(path.join(out, 'certificate.json'), 'utf8'));
    expect(report).toMatchObject({
      publishable: true,
      fingerprintSha256: fingerprint(clean.leaf),
      objects: {
        chain: { key: 'chain.pem', size: pem(clean.chain).length, sha256: fingerprint(Buffer.from(pem(clean.chain))) },
        logo: { key: 'logo.svg', size: clean.svg.length, sha256: fingerprint(clean.svg) },
      },
    });
  });

  test('writes a chain with an error too, and no logo if the certificate has none.', async () => {
    const { chain } = authority.issue({
      domains: ['example.com'],
      notBefore: ISSUED,
      extensions: (usual) => usual.filter((each) => each.oid !== oid.logotype),
    });
    expect((await trusting(['--out', 'out/error', '-'], { input: pem(chain) })).status).toBe(1);
    expect(readdirSync(path.join(folder, 'out/error')).sort()).toEqual(['certificate.json', 'chain.pem']);
  });

  test('writes nothing if the file contains no chain.', async () => {
    expect((await trusting(['--out', 'nothing', FILES.broken])).status).toBe(2);
    expect(readdirSync(folder)).not.toContain('nothing');
  });

  test('is an error with the next step if the folder cannot be written.', async () => {
    write('in-the-way', '');
    const { status, stdout, stderr } = await trusting(['--out', 'in-the-way', FILES.clean]);
    expect(status).toBe(2);
    expect(stderr).toContain('in-the-way cannot be used: a file is where a folder must be.\nNext: Make sure');
    expect(stdout).toBe('');
  });
});
