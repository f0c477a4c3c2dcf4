import { X509Certificate } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { RECEIVERS } from '../../../functions/certificate/receivers.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { oid } from '../../../infra/local/ca/mark-extensions.ts';
import { AT, FILES, fingerprint, ISSUED, openFiles } from './inspected-files.ts';

const { authority, clean, close, inspect, json, root, runProcess, trusting, write } = await openFiles();

afterAll(close);

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
    ['2027-01-01', 'expires today'],
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
