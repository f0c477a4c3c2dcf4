/** The command line as a process, with what a machine can do to it. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { EXIT_CODES } from '../../../infra/command-line/exit-codes.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { page, startPublicSite } from '../../functions/survey/public-site.ts';
import { prepareOrder, processing, useCheapHash } from './collect/order.ts';
import { AT, FILES, openFiles } from './inspected-files.ts';
import { judgementFields } from './page.ts';
import { run } from './run.ts';

const MAIN = join(import.meta.dirname, '../../../infra/command-line/main.ts');
const { authority, clean, close, folder, root, write, trusting } = await openFiles();
afterAll(close);

describe('Standard output', () => {
  test.each([
    [['--help']],
    [['inspect', FILES.clean]],
    [['inspect', '--json', FILES.clean]],
    [['inspect', '--unknown', '--json']],
  ])('without a reader ends the program without a message, as SIGPIPE does: %j.', async (args) => {
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
    expect({ err, code }).toEqual({ err: '', code: 141 });
  });

  test('may be read by a program that ends after the first line.', () => {
    mkdirSync(join(folder, 'many'));
    for (let n = 0; n < 2000; n += 1) {
      writeFileSync(join(folder, 'many', `a file with a long name, so that its lines do not fit into a pipe ${n}`), '');
    }
    const { stdout, stderr } = spawnSync('sh', ['-c', '"$0" "$1" inspect many | head -1', process.execPath, MAIN], {
      cwd: folder,
      // npm sets it for its scripts.
      env: { ...process.env, INIT_CWD: folder },
      encoding: 'utf8',
    });
    expect({ stdout, stderr }).toEqual({ stdout: expect.stringMatching(/^many\/a file .*\n$/), stderr: '' });
  });

  // Other systems have no such device.
  test.skipIf(process.platform !== 'linux').each([[['--help']], [['inspect', '--json', FILES.clean]]])(
    'on a full disk is an error with the next step: %j.',
    async (args) => {
      const full = openSync('/dev/full', 'w');
      onTestFinished(() => closeSync(full));
      const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, stdio: ['ignore', full, 'pipe'] });
      const [err, [code]] = await Promise.all([text(child.stderr as NodeJS.ReadableStream), once(child, 'close')]);
      expect(code).toBe(EXIT_CODES.unavailable);
      expect(err).toMatch(/^Standard output cannot be written: the disk is full\.\nNext: .+\n$/);
    },
  );
});

describe('inspect of a URL whose server has a certificate of a private CA', () => {
  /** The file of a private CA, and the options of a server on this machine with a certificate of it. */
  function makeServer() {
    const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    openssl('req', '-x509', ...key, '-subj', '/CN=Private CA', '-keyout', 'ca.key', '-out', 'ca.crt');
    openssl('req', ...key, '-subj', '/CN=127.0.0.1', '-keyout', 'server.key', '-out', 'server.csr');
    write('san.txt', 'subjectAltName=IP:127.0.0.1');
    const issuer = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'san.txt'];
    openssl('x509', '-req', '-in', 'server.csr', ...issuer, '-out', 'server.crt');
    const read = (name: string) => readFileSync(join(folder, name));
    return { ca: join(folder, 'ca.crt'), tls: { key: read('server.key'), cert: read('server.crt') } };
  }

  test('is accepted with NODE_EXTRA_CA_CERTS; without it, the error names the cause and the variable.', async () => {
    const { ca, tls } = makeServer();
    const site = await startPublicSite(tls);
    onTestFinished(site.close);
    site.pages.set('/chain.pem', page(200, 'application/pem-certificate-chain', pem(clean.chain)));
    const { NODE_EXTRA_CA_CERTS: _, ...inherited } = process.env;
    const inspect = async (environment: Readonly<Record<string, string>>) => {
      const trust = [...AT, '--trust', root, '--log', authority.log.key];
      const args = [MAIN, 'inspect', '--json', ...trust, `${site.url}/chain.pem`];
      const child = spawn(process.execPath, args, { env: { ...inherited, ...environment }, stdio: 'pipe' });
      const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
      return { code, result: JSON.parse(out) };
    };
    expect(await inspect({ NODE_EXTRA_CA_CERTS: ca })).toMatchObject({ code: 0, result: { publishable: true } });
    const { code, result } = await inspect({});
    expect(code).toBe(EXIT_CODES.unavailable);
    expect(Object.keys(result)).toEqual(
      Object.keys(judgementFields('a file without a valid chain, a URL or a domain without a chain')).filter(
        (name) => name !== 'leaf',
      ),
    );
    expect(result.error.message).toMatch(
      /^the URL cannot be downloaded: the TLS certificate of the server is not trusted \([A-Z_]+\)\. If a private CA .* NODE_EXTRA_CA_CERTS/,
    );
  });
});

const ODD_NAMES = ['with spaces', `it's "quoted"`, 'two\nlines', '-leading', 'ünïcode', '$(touch x)', '\u001B[31mred'];

describe('A file or folder with an odd name', () => {
  test.each(ODD_NAMES)('is read, written and named in one line: %j.', async (name) => {
    write(name, pem(clean.chain));
    const good = await trusting(['--', name]);
    expect(good.status).toBe(0);
    expect(good.stdout.split('\n')[0]).toMatch(/^[^\p{Cc}]+$/u);
    const out = join('written', name);
    expect((await trusting([`--out=${out}`, FILES.clean])).status).toBe(0);
    expect(readdirSync(join(folder, out)).toSorted()).toEqual(['certificate.json', 'chain.pem', 'logo.svg']);

    const refused = await trusting([`--out=${name}`, FILES.clean]);
    expect(refused.status).toBe(EXIT_CODES.unavailable);
    expect(refused.stderr).toMatch(
      /^The folder [^\p{Cc}]+ cannot be used: a file is where a folder must be\.\nNext: .+\n$/u,
    );

    const order = await prepareOrder([processing]);
    const args = ['collect', '1', '--url', order.ca.url, `--out=${name}`];
    const login = await run([...args, `--login=missing ${name}`], { folder });
    expect(login.exitCode).toBe(EXIT_CODES.unavailable);
    expect(login.err).toMatch(
      /^The login in missing [^\p{Cc}]+ cannot be used: the file does not exist\.\nNext: .+\n$/u,
    );
    const input = 'name\npassword\n';
    await useCheapHash(join(folder, `collected ${name}`));
    expect(await run([...args, '--login=-'], { folder, input })).toMatchObject({
      exitCode: EXIT_CODES.unavailable,
      err: expect.stringMatching(
        /^The folder [^\p{Cc}]+ cannot be used: a file is where a folder must be\.\nNext: .+\n$/u,
      ),
    });
    const collected = await run([...args.with(-1, `--out=collected ${name}`), '--login=-', '--json'], {
      folder,
      input,
    });
    expect(JSON.parse(collected.out).folder).toBe(join(folder, `collected ${name}`, 'orders', '1'));
  });
});

test('A new folder with an odd name is created by collect, and named in one line.', async () => {
  const order = await prepareOrder([processing]);
  const args = ['collect', '1', '--url', order.ca.url, '--out=new\n"folder"', '--login=-'];
  const { out, exitCode } = await run(args, { folder, input: 'name\npassword\n' });
  expect(exitCode).toBe(EXIT_CODES.waiting);
  expect(out).not.toMatch(/^"folder"/m);
  expect(readdirSync(join(folder, 'new\n"folder"')).toSorted()).toEqual(['orders', 'state']);
});

test.each([
  ['the order', ['status', '1\n2']],
  ['--account', ['orders', '--account', 'a\nb']],
  ['--account', ['order', '1', '--account', 'a\nb']],
  ['--ending', ['orders', '--ending', '1\n2']],
  ['DOMAIN', ['watch', 'a\nb']],
  ['--selector', ['unwatch', 'example.com', '--selector', 'a\nb']],
  ['--collector', ['orders', '--collector', 'a\nb']],
  ['--account', ['login', '--account', 'a\nb']],
  ['--domain', ['inspect', 'x', '--domain', 'a\nb']],
  ['--selector', ['collect', '1', '--login', '-', '--selector', 'a\nb']],
])('A value of %s with a line end is quoted in one line.', async (_, args) => {
  const { exitCode, err } = await run(args);
  expect(exitCode).toBe(EXIT_CODES.usage);
  expect(err).toMatch(/^[^\n]*\\u\{A\}[^\n]*\nNext: [^\n]*\n$/);
});
