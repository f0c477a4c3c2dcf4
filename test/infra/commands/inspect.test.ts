import { spawnSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { RECEIVERS } from '../../../functions/certificate/receivers.ts';
import { runInspect } from '../../../infra/commands/inspect.ts';
import type { CertificateAuthority, IssuedMarkCertificate } from '../../../infra/local/ca/certificate-authority.ts';
import { armouredPkcs7, pem, pkcs7 } from '../../../infra/local/ca/containers.ts';
import { oid } from '../../../infra/local/ca/mark-extensions.ts';
import { createTransparencyLog, generateLogKey } from '../../../infra/local/ca/transparency-log.ts';
import { openLongstandingAuthority } from '../../authority.ts';

const PROGRAM = path.join(import.meta.dirname, '../../../infra/commands/inspect.ts');
const DAY = 24 * 60 * 60 * 1000;
const ISSUED = new Date('2026-01-01T00:00:00Z');
const AT = ['--at', '2026-06-01'];

let folder: string;
let authority: CertificateAuthority;
/** A clean Registered Mark for example.com and www.example.com. */
let clean: IssuedMarkCertificate;
let root: string;
/** File names by the content of the file. */
const FILES = { clean: 'clean.pem', warning: 'warning.pem', error: 'error.pem', broken: 'broken.pem' } as const;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'inspect-'));
  authority = await openLongstandingAuthority();
  const order = { domains: ['example.com', 'www.example.com'], notBefore: ISSUED, nullParameters: true };
  clean = authority.issue(order);
  root = fingerprint(authority.root);
  const warning = authority.issue({ ...order, notAfter: new Date(ISSUED.getTime() + 400 * DAY) });
  const error = authority.issue({
    ...order,
    extensions: (usual) => usual.filter((each) => each.oid !== oid.sctList),
  });
  write(FILES.clean, pem(clean.chain));
  write(FILES.warning, pem(warning.chain));
  write(FILES.error, pem(error.chain));
  write(FILES.broken, pem([clean.leaf]));
});

afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Uint8Array): void {
  writeFileSync(path.join(folder, name), content);
}

function fingerprint(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex');
}

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Run {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the command as a process in the folder of the files. */
function runProcess(args: readonly string[], { input = '', env = {} }: Run = {}): Result {
  // Settings for colours, and the folder in which npm started the tests, must not affect the result.
  const { FORCE_COLOR: _, NO_COLOR: __, NODE_DISABLE_COLORS: ___, INIT_CWD: ____, ...inherited } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
    cwd: folder,
    input,
    encoding: 'utf8',
    env: { ...inherited, ...env },
  });
  return { status, stdout, stderr };
}

/** Runs the command in this process, which takes a hundredth of the time. */
async function inspect(args: readonly string[], { input = '', env = {} }: Run = {}): Promise<Result> {
  const lines = { log: '', error: '' };
  const spies = (['log', 'error'] as const).map((stream) =>
    vi.spyOn(console, stream).mockImplementation((line: string) => {
      lines[stream] += `${line}\n`;
    }),
  );
  for (const [name, value] of Object.entries({ INIT_CWD: folder, ...env })) {
    vi.stubEnv(name, value);
  }
  try {
    const status = await runInspect(args, Readable.from([Buffer.from(input)]));
    return { status, stdout: lines.log, stderr: lines.error };
  } finally {
    vi.unstubAllEnvs();
    for (const spy of spies) {
      spy.mockRestore();
    }
  }
}

/** Runs the command at a moment inside the validity, and with the root and the log trusted. */
function trusting(args: readonly string[], run: Run = {}): Promise<Result> {
  return inspect([...AT, '--trust', root, '--log', authority.log.key, ...args], run);
}

async function json(args: readonly string[], run: Run = {}): Promise<Record<string, unknown>[]> {
  const { stdout, stderr } = await trusting(['--json', ...args], run);
  expect(stderr).toBe('');
  expect(stdout.endsWith('\n')).toBe(true);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line));
}

function findingIds([report = {}]: readonly Record<string, unknown>[]): unknown {
  return Array.isArray(report.findings) ? report.findings.map(({ id }) => id) : report;
}

describe('The report for people', () => {
  test('contains the mark, its owner, the domains, the validity and the issuer.', async () => {
    const { status, stdout, stderr } = await trusting([FILES.clean]);
    expect(stdout.split('\n')).toEqual([
      FILES.clean,
      '  mark     Registered Mark (VMC)',
      '  owner    Example Brand Limited',
      '  domains  example.com, www.example.com',
      '  valid    2026-01-01 to 2027-01-01 (214 days left)',
      '  issuer   C=GB, O=Local Look-alike of Sectigo Limited, CN=(made on this machine) VMC Issuing RSA CA',
      '  root     C=US, O=Local Look-alike of SSL.com, CN=(made on this machine) VMC Root RSA CA (trusted by --trust)',
      expect.stringMatching(/^ {2}SCTs {5}the log [0-9a-f]{64} at 2026-01-01T00:00:00.000Z \(valid\)$/),
      '  revoked  not checked (--revocation checks it)',
      `  logo     ${clean.svg.length} bytes, SHA-256 ${fingerprint(clean.svg)}`,
      `  SHA-256  ${fingerprint(clean.leaf)}`,
      '  receivers',
      ...RECEIVERS.map(({ name }) => expect.stringMatching(new RegExp(`^    ${name} .*\\.$`))),
      '  ✓ publishable',
      '',
    ]);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  test('marks a warning, with which the chain is publishable.', async () => {
    const { status, stdout } = await trusting([FILES.warning]);
    expect(stdout).toMatch(/^ {2}! lifetime: .*400 days/m);
    expect(stdout).toMatch(/^ {2}✓ publishable$/m);
    expect(status).toBe(0);
  });

  test('marks an error, with which the chain is not publishable.', async () => {
    const { status, stdout } = await trusting([FILES.error]);
    expect(stdout).toMatch(/^ {2}✗ sct-missing: \w/m);
    expect(stdout).toMatch(/^ {2}✗ not publishable$/m);
    expect(stdout).not.toContain('✓');
    expect(status).toBe(1);
  });

  test('names the last certificate of an untrusted chain.', async () => {
    const { status, stdout } = await inspect([...AT, FILES.clean]);
    expect(stdout).toMatch(/^ {2}root {5}not trusted; the chain ends at C=US, .*Root RSA CA$/m);
    expect(stdout).toMatch(/^ {2}✗ untrusted-root: /m);
    expect(status).toBe(1);
  });

  test('states why a file contains no chain, and what can be read of its leaf.', async () => {
    const { status, stdout, stderr } = await trusting([FILES.broken]);
    expect(stdout.split('\n')).toEqual([
      FILES.broken,
      expect.stringMatching(
        /^ {2}✗ InvalidChain: the file contains a leaf alone: its issuing certificate is missing .*Issuing RSA CA\)$/,
      ),
      '  what can be read of the leaf (nothing of it is verified)',
      '    mark     Registered Mark (VMC)',
      '    owner    Example Brand Limited',
      '    domains  example.com, www.example.com',
      '    valid    2026-01-01 to 2027-01-01 (214 days left)',
      '    issuer   C=GB, O=Local Look-alike of Sectigo Limited, CN=(made on this machine) VMC Issuing RSA CA',
      `    logo     ${clean.svg.length} bytes, SHA-256 ${fingerprint(clean.svg)}`,
      `    SHA-256  ${fingerprint(clean.leaf)}`,
      '',
    ]);
    expect(stderr).toBe('');
    expect(status).toBe(2);
  });

  test('states in one line why a file without a leaf contains no chain.', async () => {
    const { status, stdout } = await trusting(['-'], { input: pem([clean.issuing, clean.root]) });
    expect(stdout).toMatch(/^-\n {2}✗ InvalidChain: the file contains .*, but no mark certificate\n$/);
    expect(status).toBe(2);
  });

  test('is printable, whatever an owner without a chain is called.', async () => {
    const { leaf } = authority.issue({ domains: ['example.com'], owner: 'A\u{1B}[2K\nB', notBefore: ISSUED });
    const { stdout } = await trusting(['-'], { input: pem([leaf]) });
    expect(stdout).toContain('    owner    A\\u{1B}[2K\\u{A}B\n');
    expect(stdout).not.toContain('\u{1B}');
  });

  test.each([
    ['2026-12-31', '1 day left'],
    ['2027-01-01', '0 days left'],
    ['2027-01-01T00:00:01Z', 'expired today'],
    ['2027-01-02', 'expired 1 day ago'],
    ['2027-01-31T12:00:00Z', 'expired 30 days ago'],
  ])('contains, at %s: %s.', async (at, expected) => {
    const { stdout } = await inspect(['--at', at, '--trust', root, FILES.clean]);
    expect(stdout).toContain(`2026-01-01 to 2027-01-01 (${expected})`);
  });

  test('states that a certificate has no logo and no mark type.', async () => {
    const bare = authority.issue({
      domains: ['example.com'],
      notBefore: ISSUED,
      attributes: (usual) => usual.filter((each) => each.oid !== oid.markType),
      extensions: (usual) => usual.filter((each) => each.oid !== oid.logotype),
    });
    const { stdout } = await trusting(['-'], { input: pem(bare.chain) });
    expect(stdout).toMatch(/^ {2}mark {5}no mark type$/m);
    expect(stdout).toMatch(/^ {2}logo {5}none that can be read$/m);
  });

  test('has no colours in a pipe.', () => {
    expect(runProcess([FILES.clean, FILES.warning, FILES.error, FILES.broken]).stdout).not.toContain('\u001b');
  });

  test('is green, yellow and red if colours are forced.', () => {
    const { stdout } = runProcess([...AT, '--trust', root, FILES.clean, FILES.warning, FILES.error], {
      env: { FORCE_COLOR: '1' },
    });
    expect(stdout).toContain('\u001b[32m✓\u001b[39m publishable');
    expect(stdout).toContain('\u001b[33m!\u001b[39m lifetime');
    expect(stdout).toContain('\u001b[31m✗\u001b[39m sct-missing');
  });
});

describe('The output of --json', () => {
  test('is the whole report in one object.', async () => {
    const issuing = { subject: expect.stringContaining('Issuing'), fingerprintSha256: fingerprint(clean.issuing) };
    const top = { subject: expect.stringContaining('Root'), fingerprintSha256: root };
    const { serialNumber } = new X509Certificate(clean.leaf);
    expect(await json([FILES.clean])).toEqual([
      expect.objectContaining({
        file: FILES.clean,
        publishable: true,
        product: 'VMC',
        markType: 'Registered Mark',
        domains: ['example.com', 'www.example.com'],
        notBefore: '2026-01-01T00:00:00.000Z',
        notAfter: '2027-01-01T00:00:00.000Z',
        fingerprintSha256: fingerprint(clean.leaf),
        serialNumber: serialNumber.toLowerCase(),
        issuer: expect.stringContaining('CN=(made on this machine) VMC Issuing RSA CA'),
        chain: [
          expect.objectContaining({
            subject: expect.stringContaining('Example Brand'),
            fingerprintSha256: fingerprint(clean.leaf),
          }),
          expect.objectContaining(issuing),
          expect.objectContaining(top),
        ],
        trustAnchor: { ...top, delivered: true, source: 'settings' },
        logo: { mediaType: 'image/svg+xml', sha256: fingerprint(clean.svg), bytes: clean.svg.length },
        findings: [],
      }),
    ]);
  });

  test('contains each finding with its id, severity and message.', async () => {
    expect(await json([FILES.error])).toMatchObject([
      {
        publishable: false,
        findings: [{ id: 'sct-missing', severity: 'error', message: expect.stringMatching(/\w \w/) }],
      },
    ]);
  });

  test('contains null for an unknown trust anchor.', async () => {
    const { stdout } = await inspect(['--json', ...AT, FILES.clean]);
    expect(JSON.parse(stdout)).toMatchObject({ trustAnchor: null });
  });

  test('is the error and the leaf if the file contains no chain.', async () => {
    const message = expect.stringContaining('its issuing certificate is missing');
    const { serialNumber, fingerprint256 } = new X509Certificate(clean.leaf);
    expect(await json([FILES.broken])).toEqual([
      {
        file: FILES.broken,
        error: { name: 'InvalidChain', message },
        leaf: {
          subject: expect.stringContaining('O=Example Brand Limited'),
          attributes: expect.objectContaining({ organizationName: ['Example Brand Limited'] }),
          markType: 'Registered Mark',
          product: 'VMC',
          domains: ['example.com', 'www.example.com'],
          issuer: expect.stringContaining('CN=(made on this machine) VMC Issuing RSA CA'),
          serialNumber: serialNumber.toLowerCase(),
          notBefore: '2026-01-01T00:00:00.000Z',
          notAfter: '2027-01-01T00:00:00.000Z',
          fingerprintSha256: fingerprint256.replaceAll(':', '').toLowerCase(),
          logo: { mediaType: 'image/svg+xml', sha256: fingerprint(clean.svg), bytes: clean.svg.length },
        },
      },
    ]);
  });

  test('is the error alone if the file contains no leaf, or cannot be read.', async () => {
    write('empty.pem', '');
    const message = expect.stringMatching(/\w \w/);
    expect(await json(['empty.pem', 'missing.pem'])).toEqual([
      { file: 'empty.pem', error: { name: 'InvalidChain', message } },
      { file: 'missing.pem', error: { name: 'UnreadableFile', message } },
    ]);
  });

  test('is one line for each file, in the given order.', async () => {
    const files = [FILES.error, FILES.broken, FILES.clean, FILES.error];
    expect((await json(files)).map(({ file }) => file)).toEqual(files);
  });

  test('has no colours even if they are forced.', () => {
    const { stdout } = runProcess(['--json', FILES.error], { env: { FORCE_COLOR: '1' } });
    expect(JSON.parse(stdout)).toMatchObject({ file: FILES.error });
  });
});

describe('A chain', () => {
  test.each<[string, (chain: readonly Uint8Array[]) => string | Uint8Array]>([
    ['PEM', pem],
    ['PEM with the root first', (chain) => pem(chain.toReversed())],
    ['PKCS#7 in DER', (chain) => pkcs7(chain)],
    ['armoured PKCS#7', (chain) => armouredPkcs7(chain)],
    ['PKCS#7 with a signer', (chain) => pkcs7(chain, 'signed-empty')],
    ['ZIP', (chain) => zipSync({ 'chain.p7b': pkcs7(chain) })],
    [
      'base64 of a ZIP under a status line',
      (chain) => `2\n${Buffer.from(zipSync({ 'chain.p7b': pkcs7(chain) })).toString('base64')}\n`,
    ],
  ])('is read from standard input as %s.', async (_, contain) => {
    const input = contain(clean.chain);
    expect(await json(['-'], { input })).toMatchObject([
      { file: '-', fingerprintSha256: fingerprint(clean.leaf), findings: [] },
    ]);
  });

  test('is read from standard input and from files in one run.', async () => {
    const reports = await json([FILES.error, '-'], { input: pem(clean.chain) });
    expect(reports).toMatchObject([
      { file: FILES.error, publishable: false },
      { file: '-', publishable: true },
    ]);
  });

  test('is read and written in the folder of the user, although npm runs the command in the project.', async () => {
    mkdirSync(path.join(folder, 'typed-here'));
    write('typed-here/typed.pem', pem(clean.chain));
    const run = { env: { INIT_CWD: path.join(folder, 'typed-here') } };
    expect(await json(['--out', 'typed', 'typed.pem'], run)).toMatchObject([{ file: 'typed.pem', publishable: true }]);
    expect(readdirSync(path.join(folder, 'typed-here')).sort()).toEqual(['typed', 'typed.pem']);
  });

  test('is missing in an empty standard input.', async () => {
    expect((await trusting(['-'])).status).toBe(2);
  });

  test('is read from a file name that begins with a dash, after --.', async () => {
    write('-odd.pem', pem(clean.chain));
    expect(await json(['--', '-odd.pem'])).toMatchObject([{ file: '-odd.pem', publishable: true }]);
  });
});

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

  test('is wrong usage if the folder cannot be written.', async () => {
    write('in-the-way', '');
    const { status, stdout, stderr } = await trusting(['--out', 'in-the-way', FILES.clean]);
    expect(status).toBe(64);
    expect(stderr).toContain('--out: the folder cannot be written');
    expect(stderr).toContain('in-the-way');
    expect(stdout).toBe('');
  });
});

describe('The exit status', () => {
  const { clean: none, warning, error, broken } = FILES;

  test.each([
    [0, '', ['-']],
    [1, '', ['-', error]],
    [2, '', ['-', broken]],
    [64, '--jsno', ['-', '--jsno']],
  ])('of the process is %i, and standard error contains "%s", for %j.', (status, expected, files) => {
    const run = runProcess([...AT, '--trust', root, ...files], { input: pem(clean.chain) });
    expect(run).toMatchObject({ status, stderr: expect.stringContaining(expected) });
    expect(run.stdout.includes('✓ publishable')).toBe(status !== 64);
    expect(run.stderr === '').toBe(status !== 64);
  });

  test.each([
    [0, [none]],
    [0, [warning]],
    [0, [none, warning]],
    [1, [error]],
    [1, [none, error]],
    [1, [error, none]],
    [2, [broken]],
    [2, [none, broken]],
    [2, [broken, none]],
    [2, [broken, error]],
    [2, [error, broken, none]],
  ])('is %i for %j.', async (status, files) => {
    expect((await trusting(files)).status).toBe(status);
  });

  test('is 2 if a file is missing, and the other files are still inspected.', async () => {
    const { status, stdout, stderr } = await trusting(['missing.pem', none]);
    expect(stdout).toMatch(/^missing\.pem\n {2}✗ UnreadableFile: the file does not exist/);
    expect(stdout).toContain('✓ publishable');
    expect(stderr).toBe('');
    expect(status).toBe(2);
  });

  test('is 2 if a file is a folder.', async () => {
    mkdirSync(path.join(folder, 'a-folder'));
    expect(await json(['a-folder'])).toMatchObject([{ file: 'a-folder', error: { name: 'UnreadableFile' } }]);
    expect((await trusting(['a-folder'])).status).toBe(2);
  });
});

test('The option --help explains every option on standard output.', async () => {
  const { status, stdout, stderr } = await inspect(['--help']);
  for (const option of [
    '--json',
    '--at',
    '--domain',
    '--selector',
    '--product',
    '--trust',
    '--log',
    '--out',
    'Exit status:',
  ]) {
    expect(stdout).toContain(option);
  }
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

describe('Wrong usage', () => {
  test.each([
    ['no file', [], ['no FILE is given']],
    ['only options', ['--json'], ['no FILE is given']],
    ['an unknown option', ['--jsno', FILES.clean], ['--jsno']],
    ['an option without its value', [FILES.clean, '--at'], ['--at']],
    ['a value for an option that has none', ['--json=yes', FILES.clean], ['--json']],
    ['words for a date', ['--at', 'tomorrow', FILES.clean], ['--at: tomorrow', 'ISO 8601', '2026-06-01']],
    ['a month that does not exist', ['--at', '2026-13-01', FILES.clean], ['--at: 2026-13-01', '2026-06-01T12:00:00Z']],
    ['a date in another format', ['--at', '06/01/2026', FILES.clean], ['--at: 06/01/2026', 'ISO 8601']],
    ['a year alone', ['--at', '2026', FILES.clean], ['--at: 2026', 'ISO 8601']],
    ['a day that does not exist', ['--at', '2026-02-30', FILES.clean], ['--at: 2026-02-30', 'ISO 8601']],
    [
      'a mail address for a domain',
      ['--domain', 'a@example.com', FILES.clean],
      ['--domain: a@example.com', 'like example.com'],
    ],
    ['a second domain of one label', ['--domain', 'example.com', '--domain', 'com', FILES.clean], ['--domain: com']],
    ['a selector with a dot', ['--selector', 'a.b', FILES.clean], ['--selector: a.b', 'like default']],
    ['another product', ['--product', 'EV', FILES.clean], ['--product: EV', 'VMC, CMC']],
    ['a product in small letters', ['--product', 'vmc', FILES.clean], ['--product: vmc', 'VMC, CMC']],
    ['a key that is no key', ['--log', 'MFkw', FILES.clean], ['--log: MFkw', 'SubjectPublicKeyInfo in base64']],
    ['a short fingerprint', ['--trust', 'abcd', FILES.clean], ['--trust: abcd', '64 hex digits']],
    [
      'a fingerprint with letters that are not hex digits',
      ['--trust', 'x'.repeat(64), FILES.clean],
      ['--trust: xxx', '64 hex digits'],
    ],
    ['one folder for two files', ['--out', 'two', FILES.clean, FILES.error], ['--out', 'one FILE']],
  ])('of the kind "%s" is reported with what is accepted, and nothing is inspected.', async (_, args, expected) => {
    const { status, stdout, stderr } = await inspect(args);
    const [message = ''] = stderr.split('\n');
    for (const part of expected) {
      expect(message).toContain(part);
    }
    expect(stderr).toContain('Exit status:');
    expect(stdout).toBe('');
    expect(status).toBe(64);
  });

  test('prints no stack.', async () => {
    expect((await inspect(['--at', 'never', 'missing.pem'])).stderr).not.toMatch(/^\s+at /m);
  });

  test('takes precedence over every problem of a file.', async () => {
    expect((await inspect([FILES.broken, FILES.error, '--product', 'EV'])).status).toBe(64);
  });
});
