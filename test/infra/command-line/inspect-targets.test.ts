import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pem } from '../../../infra/local/ca/containers.ts';
import { type PublicSite, page, startPublicSite } from '../../functions/survey/public-site.ts';
import { FILES, fingerprint, ISSUED, openFiles } from './inspected-files.ts';

const { authority, clean, close, folder, json, trusting, write } = await openFiles();

afterAll(close);

const SVG = '<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 9 9">';
const CONFORMING = `${SVG}<title>Example Brand</title><path fill="red" d="M0 0h9v9z"/><path fill="blue" d="M0 0h4v4z"/></svg>`;

describe('A folder', () => {
  beforeAll(() => {
    mkdirSync(path.join(folder, 'orders/1/superseded'), { recursive: true });
    write('orders/1/chain.pem', pem(clean.chain));
    write('orders/1/superseded/broken.pem', pem([clean.leaf]));
    write('orders/1/root.pem', pem([clean.root]));
    write('orders/1/logo.svg', clean.svg);
    write('orders/notes.txt', 'no chain');
    write('orders/empty', '');
    symlinkSync('.', path.join(folder, 'orders/loop'));
  });

  test('is searched for chains at every depth, and every other file is named with the reason.', async () => {
    expect(await json(['orders'])).toEqual([
      expect.objectContaining({ file: 'orders/1/chain.pem', fingerprintSha256: fingerprint(clean.leaf) }),
      { file: 'orders/1/logo.svg', skipped: 'it may be a logo; name the file itself to judge it' },
      { file: 'orders/1/root.pem', skipped: expect.stringContaining('but no mark certificate') },
      expect.objectContaining({ file: 'orders/1/superseded/broken.pem', error: expect.anything() }),
      { file: 'orders/empty', skipped: expect.any(String) },
      { file: 'orders/loop', skipped: 'it is not a regular file' },
      { file: 'orders/notes.txt', skipped: expect.any(String) },
    ]);
  });

  test('leads to the highest exit code of its chains; files that are no chains do not matter.', async () => {
    expect((await trusting(['orders'])).status).toBe(2);
    mkdirSync(path.join(folder, 'good'));
    write('good/chain.pem', pem(clean.chain));
    write('good/notes.txt', 'no chain');
    const { status, stdout } = await trusting(['good']);
    expect(stdout).toMatch(/^good\/notes\.txt\n {2}i not a chain: /m);
    expect(status).toBe(0);
  });

  test('does not go with --out.', async () => {
    const { status, stderr } = await trusting(['--out', 'out', 'orders']);
    expect(stderr).toMatch(/^--out: accepts only one chain/);
    expect(status).toBe(64);
  });

  test('with folders in folders without end is refused with the reason.', async () => {
    mkdirSync(path.join(folder, 'deep', ...Array.from({ length: 17 }, () => 'd')), { recursive: true });
    expect(await json(['deep'])).toEqual([
      {
        file: 'deep',
        error: { name: 'UnreadableFile', message: 'folders are nested more than 16 levels deep; name a folder below' },
      },
    ]);
  });
});

describe('A word that is neither a file nor a domain', () => {
  test.each([
    ['nothing', 'there is no such file or folder, and it is not a domain name like example.com'],
    ['a@example.com', 'it is not a domain name'],
    ['exam_ple.com', 'it is not a domain name'],
    ['192.0.2.1', 'it is not a domain name'],
    ['missing.pem', 'the file does not exist'],
    ['missing.ZIP', 'the file does not exist'],
    ['orders/example.com', 'the file does not exist'],
    ['ftp://example.com/chain.pem', 'only https URLs are requested'],
    ['http://example.com/chain.pem', 'only https URLs are requested'],
    ['https://', 'the URL is not valid'],
  ])('is reported: %s', async (word, reason) => {
    const { status, stdout } = await trusting([word]);
    expect(stdout).toContain(`${word}\n  ✗ Unrea`);
    expect(stdout).toContain(reason);
    expect(status).toBe(2);
  });
});

describe('A URL', () => {
  let site: PublicSite;
  beforeAll(async () => {
    site = await startPublicSite();
    site.pages.set('/chain', page(200, 'text/plain', pem(clean.chain)));
    site.pages.set('/logo', page(200, 'text/plain', CONFORMING));
    site.pages.set('/moved', page(302, 'text/plain', '', { location: '/chain' }));
    site.pages.set('/circle', page(302, 'text/plain', '', { location: '/circle' }));
    site.pages.set('/large', page(200, 'text/plain', Buffer.alloc(1024 * 1024 + 1)));
  });
  afterAll(() => site.close());

  test.each(['/chain', '/moved'])('is downloaded and judged: %s', async (at) => {
    expect(await json([`${site.url}${at}`])).toMatchObject([
      { file: `${site.url}${at}`, fingerprintSha256: fingerprint(clean.leaf), findings: [] },
    ]);
  });

  test('can be that of a logo.', async () => {
    expect(await json([`${site.url}/logo`])).toMatchObject([{ publishable: true, findings: [] }]);
  });

  test.each([
    ['/missing', 'the server answered with HTTP 404'],
    ['/circle', 'there are more than 3 redirects'],
    ['/large', 'the body has more than 1048576 bytes'],
  ])('without a file is exit code 2, with the reason: %s', async (at, reason) => {
    const { status, stdout } = await trusting([`${site.url}${at}`]);
    expect(stdout).toContain(`✗ UnreachableUrl: the URL cannot be downloaded: ${reason}`);
    expect(status).toBe(2);
  });

  test('with a password is refused without printing the password.', async () => {
    const { status, stdout } = await trusting([site.url.replace('//', '//user:s3cret@')]);
    expect(stdout).toContain('the URL contains credentials');
    expect(stdout).not.toContain('s3cret');
    expect(status).toBe(2);
  });
});

describe('A logo', () => {
  test('that conforms is accepted.', async () => {
    write('logo.svg', CONFORMING);
    const { status, stdout } = await trusting(['logo.svg']);
    expect(stdout).toBe(
      `logo.svg\n  logo     ${CONFORMING.length} bytes, SHA-256 ${fingerprint(Buffer.from(CONFORMING))}\n  ✓ the logo is accepted\n`,
    );
    expect(status).toBe(0);
  });

  test('is judged by its content: every problem is a finding with its line, element and attribute.', async () => {
    write(
      'logo-without-ending',
      `\uFEFF\n${SVG.replace('0 0 9 9', '0 0 9 8')}\n<title>Example Brand</title>\n<image/>\n<path\n  onclick="x"/></svg>`,
    );
    expect(await json(['logo-without-ending'])).toMatchObject([
      {
        file: 'logo-without-ending',
        publishable: false,
        findings: [
          { id: 'svg-profile', severity: 'error', line: 4, element: 'image', attribute: null },
          { id: 'svg-profile', severity: 'error', line: 6, element: 'path', attribute: 'onclick' },
          { id: 'svg-look', severity: 'warning', line: 2, element: 'svg', attribute: 'viewBox' },
        ],
      },
    ]);
    expect((await trusting(['logo-without-ending'])).status).toBe(1);
  });

  test('that is too large violates svg-size.', async () => {
    write('large.svg', CONFORMING.replace('</svg>', `${' '.repeat(32_768)}</svg>`));
    expect(await json(['large.svg'])).toMatchObject([
      { findings: [{ id: 'svg-size', severity: 'error', line: null, element: null, attribute: null }] },
    ]);
  });

  test('is not written by --out.', async () => {
    write('logo.svg', CONFORMING);
    expect((await trusting(['--out', 'out', 'logo.svg'])).stderr).toMatch(/^--out: the file is a logo/);
  });
});

describe('The option --min-days', () => {
  // 214 days are left.
  test.each([
    ['214', 0, []],
    ['215', 1, ['214 days are left, fewer than 215 (--min-days)']],
  ])('with %s leads to exit code %i.', async (days, status, failures) => {
    expect(await json(['--min-days', days, FILES.clean])).toMatchObject([{ publishable: true, failures }]);
    const run = await trusting(['--min-days', days, FILES.clean]);
    expect(run.status).toBe(status);
    expect(run.stdout.match(/✗ .*/g) ?? []).toEqual(failures.map((failure) => `✗ ${failure}`));
  });

  test.each(['-1', '1.5', 'ten', '100000'])('does not accept %s.', async (days) => {
    const { status, stderr } = await trusting([`--min-days=${days}`, FILES.clean]);
    expect(stderr).toContain(`--min-days: ${days} is not accepted; accepted: a number of days`);
    expect(status).toBe(64);
  });
});

describe('The option --fail-on', () => {
  test.each([
    ['error', 0],
    ['warning', 1],
  ])('with %s leads to exit code %i for a chain with a warning.', async (severity, status) => {
    const run = await trusting(['--fail-on', severity, FILES.warning]);
    expect(run.status).toBe(status);
    expect(run.stdout.includes('✗ a warning counts as an error: lifetime (--fail-on warning)')).toBe(status === 1);
  });

  test('accepts error and warning only.', async () => {
    const { status, stderr } = await trusting(['--fail-on', 'notice', FILES.clean]);
    expect(stderr).toMatch(/'notice'.*error, warning/);
    expect(status).toBe(64);
  });
});

describe('The option --csv', () => {
  test('prints one row for each chain, and names other files on standard error.', async () => {
    const { stdout, stderr } = await trusting(['--csv', FILES.clean, FILES.error, FILES.broken, 'good']);
    const [head, ...rows] = stdout.trimEnd().split('\n');
    expect(head?.split(',').slice(0, 3)).toEqual(['file', 'result', 'owner']);
    expect(rows.map((row) => row.split(',').slice(0, 3))).toEqual([
      [FILES.clean, 'ok', 'Example Brand Limited'],
      [FILES.error, 'problem', 'Example Brand Limited'],
      [FILES.broken, 'InvalidChain', 'Example Brand Limited'],
      ['good/chain.pem', 'ok', 'Example Brand Limited'],
    ]);
    expect(rows[1]).toContain('sct-missing');
    expect(stderr).toMatch(/^not a chain: good\/notes\.txt \(/);
  });

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', ' =1', '＝1', 'a;=1', 'a,=1'])(
    'has no formula for the owner %j.',
    async (owner) => {
      const { chain } = authority.issue({ domains: ['example.com'], owner, notBefore: ISSUED, nullParameters: true });
      const { stdout } = await trusting(['--csv', '-'], { input: pem(chain) });
      expect(stdout).not.toMatch(/(?:^|[;,\t"]) *[=+@＝＋－＠]|(?:^|[;,\t"]) *-1/mu);
      expect(stdout).toContain('1');
    },
  );

  test('does not go with --json.', async () => {
    const { status, out } = await trusting(['--csv', '--json', FILES.clean]).then(({ status, stdout }) => ({
      status,
      out: JSON.parse(stdout),
    }));
    expect(out.error.message).toMatch(/--csv.*cannot be used with.*--json/);
    expect(status).toBe(64);
  });
});
