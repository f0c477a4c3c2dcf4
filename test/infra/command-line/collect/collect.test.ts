import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { RESPONSE_FORMATS } from '../../../../functions/collectmc/request.ts';
import { EXIT_CODES } from '../../../../infra/command-line/exit-codes.ts';
import type { CertificateAuthority } from '../../../../infra/local/ca/certificate-authority.ts';
import { stopClock } from '../clock.ts';
import { run } from '../run.ts';
import {
  available,
  error,
  filesIn,
  issued,
  LOGIN,
  makeTemporary,
  ORDER,
  prepareOrder,
  processing,
  serveAuthority,
} from './order.ts';

let authority: CertificateAuthority;
beforeAll(async () => {
  authority = await serveAuthority();
});
const certificate = () => authority.issue({ domains: ['example.com'] });

describe('An issued certificate', () => {
  test.each(Object.keys(RESPONSE_FORMATS))('It is stored as it is in a bucket, in the format %s.', async (format) => {
    const order = await prepareOrder([issued(certificate())], { authority });
    const { exitCode, out, err } = await order.collect('--format', format, '--domain', 'example.com');
    expect([exitCode, err]).toEqual([EXIT_CODES.success, '']);
    expect(out).toContain(
      `The certificate of order ${ORDER} is in ${order.out}/orders/${ORDER}\n  domains  example.com\n`,
    );
    expect(out).toContain('It can be published.\n');
    const files = await filesIn(join(order.out, 'orders', ORDER));
    const response = [...files.keys()].filter((name) => name.startsWith('response.'));
    expect([...files.keys()]).toEqual(
      ['certificate.json', 'chain.pem', 'logo.svg', 'order.json', 'report.html', ...response, 'status.json'].sort(),
    );
    expect(response).toHaveLength(1);
    const manifest = await order.object('certificate.json');
    expect(manifest).toMatchObject({ orderNumber: ORDER, publishable: true, domains: ['example.com'] });
    expect(new X509Certificate(files.get('chain.pem') ?? '').subjectAltName).toContain('example.com');
    expect(await order.object('status.json')).toMatchObject({ state: 'issued', domains: ['example.com'] });
    for (const name of files.keys()) {
      expect((await stat(join(order.out, 'orders', ORDER, name))).mode & 0o777).toBe(0o600);
    }
  });

  test('It is an exit code of 1 if it cannot be published, and the finding is printed.', async () => {
    const order = await prepareOrder([issued(certificate())], { authority });
    const { exitCode, out } = await order.collect('--domain', 'example.org');
    expect(exitCode).toBe(EXIT_CODES.problem);
    expect(out).toMatch(/^ {2}error {4}domain-coverage: .*example\.org$/m);
    expect(out).toMatch(/^It cannot be published/m);
    expect(out).toMatch(/^Next: /m);
  });

  test('The JSON contains the collection, the keys of the files and the findings.', async () => {
    const order = await prepareOrder([issued(certificate())], { authority });
    const { exitCode, out } = await order.collect('--json');
    expect(exitCode).toBe(EXIT_CODES.success);
    const result = JSON.parse(out);
    expect(result).toMatchObject({
      orderNumber: ORDER,
      folder: join(order.out, 'orders', ORDER),
      outcome: 'issued',
      asked: true,
      publishable: true,
      collection: { outcome: 'issued', status: 2, checks: 1, certificate: { changed: true } },
    });
    for (const key of Object.values(result.keys)) {
      expect((await readFile(join(order.out, String(key)))).length).toBeGreaterThan(0);
    }
  });

  test('A second run does not ask before the poll interval is over, and prints the same result.', async () => {
    const order = await prepareOrder([issued(certificate())], { authority, pollEvery: 'PT1H' });
    const first = await order.collect();
    const second = await order.collect();
    expect(second).toEqual(first);
    expect(JSON.parse((await order.collect('--wait', '--json')).out)).toMatchObject({
      outcome: 'issued',
      asked: false,
    });
    expect(order.ca.calls).toHaveLength(1);
  });

  test('An older certificate never replaces a newer one, and a newer one replaces it with its options.', async () => {
    const now = Math.floor(Date.now() / 1000) * 1000;
    const at = (hoursAgo: number) =>
      authority.issue({ domains: ['example.com'], notBefore: new Date(now - hoursAgo * 3_600_000) });
    const [oldest, middle, newest] = [at(3), at(2), at(1)];
    const order = await prepareOrder([issued(middle), issued(oldest), issued(newest)], { authority });
    const current = async () => (await order.object('certificate.json')).notBefore;
    for (const [notBefore, changed] of [
      [now - 2 * 3_600_000, true],
      [now - 2 * 3_600_000, false],
      [now - 3_600_000, true],
    ] as const) {
      const { exitCode, out } = await order.collect(
        '--json',
        ...(order.ca.calls.length === 0 ? ['--domain', 'example.com'] : []),
      );
      expect(exitCode).toBe(EXIT_CODES.success);
      expect(JSON.parse(out).collection.certificate.changed).toBe(changed);
      expect(await current()).toBe(new Date(notBefore).toISOString());
      await order.untilDue();
    }
    expect(await order.object('status.json')).toMatchObject({ domains: ['example.com'] });
    const superseded = [...(await filesIn(join(order.out, 'orders', ORDER, 'superseded'))).keys()];
    expect(superseded.filter((name) => name.endsWith('certificate.json'))).toHaveLength(2);
  });

  test('A response with a private key is not stored.', async () => {
    const key =
      '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----\n';
    const pem = `2\n${key}${certificate()
      .chain.map((der) => new X509Certificate(der).toString())
      .join('')}`;
    const order = await prepareOrder([{ kind: 'bytes', body: pem }], { authority });
    expect((await order.collect('--format', 'pem')).exitCode).toBe(EXIT_CODES.problem);
    for (const [name, bytes] of await filesIn(order.out)) {
      expect([name, bytes.includes('MC4CAQAwBQYDK2VwBCIE')]).toEqual([name, false]);
    }
  });

  test('A response without a valid chain is stored, and is a failure with the reason.', async () => {
    const [leaf] = certificate().chain;
    const order = await prepareOrder([{ kind: 'issued', certificates: leaf ? [leaf] : [] }], { authority });
    const { exitCode, out } = await order.collect();
    expect(exitCode).toBe(EXIT_CODES.problem);
    expect(out).toMatch(/^Order 1378973013 has failed \(InvalidChain\): /);
    expect(out).toMatch(/^Next: ask the CA to issue the certificate again, then run the command again$/m);
    expect([...(await filesIn(join(order.out, 'orders', ORDER))).keys()]).toEqual(
      expect.arrayContaining(['rejected.json', 'response.p7b']),
    );
  });
});

describe('An order without a certificate', () => {
  test.each([
    ['processing', processing, /the CA answered 0/],
    ['available', available, /the CA answered 1/],
    ['call-limit', error(-42), /-42/],
    ['payment', error(-22), /Next: pay the order at the CA/],
    ['permission', error(-91), /Next: ask the CA to let this account/],
    ['outage', error(-14), /-14/],
    ['outage', { kind: 'http', status: 503, body: 'no' }, /503/],
    ['outage', { kind: 'drop' }, /ECONNRESET|socket|connection/],
    ['outage', error(-77), /-77/],
    ['credentials', error(-16), /Next: write a login that the CA accepts into the file of --login/],
    ['credentials', { kind: 'http', status: 403, body: 'no' }, /may have rejected/],
  ] as const)('It is waiting (%s), and the exit code is 3: %j', async (reason, response, text) => {
    const order = await prepareOrder([response], { pollEvery: 'PT1H' });
    const first = await order.collect();
    expect([first.exitCode, first.err]).toEqual([EXIT_CODES.waiting, '']);
    expect(first.out).toMatch(new RegExp(`^Order ${ORDER} is waiting \\(${reason}\\): `));
    expect(first.out).toMatch(text);
    expect(first.out).toMatch(/^The CA can be asked again from 20\d\d-.*Z on, in \d+ (s|min|h)\.$/m);
    const second = await order.collect('--json');
    expect(second.exitCode).toBe(EXIT_CODES.waiting);
    expect(JSON.parse(second.out)).toMatchObject({ outcome: 'waiting', asked: false, reason, collection: { reason } });
    expect(order.ca.calls).toHaveLength(1);
    expect(await order.object('status.json')).toMatchObject({ state: 'waiting', reason });
  });

  test('It is an outage if the CA cannot be reached.', async () => {
    const order = await prepareOrder([processing], { pollEvery: 'PT1H' });
    await order.ca.close();
    const { exitCode, out } = await order.collect();
    expect(exitCode).toBe(EXIT_CODES.waiting);
    expect(out).toMatch(/is waiting \(outage\): the CA sent no usable reply: /);
  });

  test.each([
    ['OrderRejected', error(-20)],
    ['CertificateRevoked', error(-21)],
    ['CertificateExpired', error(-35)],
    ['InvalidRequest', error(-4)],
  ] as const)('A refusal by the CA is a failure, and the exit code is 1: %s', async (name, response) => {
    const order = await prepareOrder([response], { pollEvery: 'PT1H' });
    const first = await order.collect();
    expect(first.exitCode).toBe(EXIT_CODES.problem);
    expect(first.out).toMatch(new RegExp(`^Order ${ORDER} has failed \\(${name}\\): `));
    expect(first.out).toMatch(/^Next: /m);
    expect(first.out).not.toMatch(/secret|event|redrive|S3/);
    const second = JSON.parse((await order.collect('--json', '--wait')).out);
    expect(second).toMatchObject({ outcome: 'failed', asked: false, error: { name } });
    expect(second.error.next).toBe(second.nextStep);
    expect(order.ca.calls).toHaveLength(1);
  });

  test('After a failure, a later run starts another collection.', async () => {
    const order = await prepareOrder([error(-20), processing]);
    expect((await order.collect()).exitCode).toBe(EXIT_CODES.problem);
    await order.untilDue();
    expect((await order.collect()).exitCode).toBe(EXIT_CODES.waiting);
    expect((await order.state()).execution).toMatch(/^order-1378973013-\d{8}$/);
  });
});

test('An order whose certificate cannot be stored ends with 2, and with what to do about the folder.', async () => {
  const order = await prepareOrder([issued(certificate())], { authority });
  await mkdir(join(order.out, 'orders', ORDER, 'chain.pem'), { recursive: true });
  const { exitCode, out } = await order.collect('--domain', 'example.com');
  expect(exitCode).toBe(EXIT_CODES.unavailable);
  expect(out).toMatch(/ is waiting \(storage\): /);
  expect(out).toMatch(/^Next: make sure that the folder can be written and that its disk is not full/m);
  const { out: json } = await order.collect('--domain', 'example.com', '--json');
  expect(JSON.parse(json)).toMatchObject({ reason: 'storage', nextStep: expect.stringMatching(/its disk/) });
});

describe('With --wait', () => {
  test('It asks until the certificate is issued, and prints one line for each change.', async () => {
    const order = await prepareOrder([processing, processing, error(-22), processing, issued(certificate())], {
      authority,
    });
    const { exitCode, out, err } = await order.collectWith({ wait: stopClock() }, '--wait');
    expect(exitCode).toBe(EXIT_CODES.success);
    expect(out).toContain('It can be published.');
    expect(err.split('\n').map((line) => /\((\w+)\): |needs a person: pay/.exec(line)?.[0])).toEqual([
      '(processing): ',
      'needs a person: pay',
      '(payment): ',
      '(processing): ',
      undefined,
    ]);
    const times = order.ca.calls.map(({ at }) => at.getTime());
    for (const [index, time] of times.slice(1).entries()) {
      // The interval has a random part of 10 per cent.
      const interval = time - (times[index] ?? 0);
      expect([interval, interval >= 900 && interval <= 1_100]).toEqual([interval, true]);
    }
  });

  test('It ends at the deadline.', async () => {
    const order = await prepareOrder([processing]);
    const { exitCode, out } = await order.collectWith({ wait: stopClock() }, '--wait', '--give-up-after', 'PT2S');
    expect(exitCode).toBe(EXIT_CODES.problem);
    expect(out).toMatch(/has failed \(CollectionOverdue\): no certificate after 0 days and \d checks/);
  });

  test('It sends a changed login at once.', async () => {
    const order = await prepareOrder([issued(certificate())], { authority, pollEvery: 'PT1H' });
    await order.writeLogin('brand@example.com\nlast year');
    const advance = stopClock();
    const began = Date.now();
    const wait = async (milliseconds: number) => {
      expect(order.ca.calls).toHaveLength(1);
      await advance(milliseconds);
      await order.writeLogin(LOGIN);
    };
    expect((await order.collectWith({ wait }, '--wait')).exitCode).toBe(EXIT_CODES.success);
    expect(order.ca.calls.map(({ credentialsCorrect }) => credentialsCorrect)).toEqual([false, true]);
    expect(Date.now() - began).toBe(5_000);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it with exit code 3, and it can be continued.', async (signal) => {
    const order = await prepareOrder([processing, processing], { pollEvery: 'PT1H' });
    const collecting = order.collect('--wait');
    await expect.poll(() => order.ca.calls.at(0)?.answer, { timeout: 10_000 }).toBeDefined();
    process.emit(signal);
    const { exitCode, out } = await collecting;
    expect(exitCode).toBe(EXIT_CODES.waiting);
    expect(out).toMatch(/is waiting \(processing\)/);
    expect((await order.collect()).exitCode).toBe(EXIT_CODES.waiting);
    expect(order.ca.calls).toHaveLength(1);
  });
});

describe('A rejected login', () => {
  test('It is never sent again, also for another order and in another form, and a changed one is sent at once.', async () => {
    const order = await prepareOrder([processing], { pollEvery: 'PT1S' });
    order.ca.order('2', [processing]);
    const collectOther = (...more: string[]) => run([...order.args.with(1, '2'), ...more], { folder: order.folder });
    await order.writeLogin({ loginName: 'brand@example.com', loginPassword: 'last year' });
    expect((await order.collect()).exitCode).toBe(EXIT_CODES.waiting);
    await order.untilDue();
    await order.writeLogin('brand@example.com\r\nlast year\r\n');
    expect((await order.collect()).out).toContain('the CA rejected these credentials');
    expect(JSON.parse((await collectOther('--json')).out)).toMatchObject({
      outcome: 'waiting',
      reason: 'credentials',
      text: expect.stringMatching(/^the CA rejected these credentials/),
      asked: false,
    });
    expect(order.ca.calls).toHaveLength(1);
    await order.writeLogin(LOGIN);
    expect((await order.collect()).out).toContain('is waiting (processing)');
    expect((await collectOther()).out).toContain('is waiting (processing)');
    expect(order.ca.calls.map(({ credentialsCorrect }) => credentialsCorrect)).toEqual([false, true, true]);
  });

  test('A doubtful rejection is tried again on another day, by one order for all.', async () => {
    const order = await prepareOrder([processing]);
    order.ca.setRejection({ kind: 'http', status: 403, body: 'Forbidden' });
    await order.writeLogin('brand@example.com\nlast year');
    await order.collect();
    await order.untilDue();
    expect((await order.collect()).out).toContain('today');
    expect(order.ca.calls).toHaveLength(1);
    const file = join(order.out, 'state', 'logins.json');
    const today = await readFile(file, 'utf8');
    expect(today).toMatch(/"DOUBTED-\d{8}"/);
    await writeFile(file, today.replace(/DOUBTED-\d{8}/, 'DOUBTED-20200101'));
    await order.untilDue();
    await order.collect();
    expect(order.ca.calls).toHaveLength(2);
    expect(await readFile(file, 'utf8')).toBe(today);
  });

  test('It is sent again after logins.json was deleted, as the next step states.', async () => {
    const order = await prepareOrder([processing], { fullCost: true });
    await order.writeLogin('brand@example.com\nlast year');
    expect((await order.collect()).out).toContain('delete state/logins.json in the folder first');
    await rm(join(order.out, 'state', 'logins.json'));
    await order.untilDue();
    await order.collect();
    expect(order.ca.calls).toHaveLength(2);
  });
});

describe('What cannot be used ends with 2, and the CA is not asked', () => {
  test.each([
    [
      'the login does not exist',
      '--login',
      'missing.txt',
      /The login in missing\.txt cannot be used: the file does not exist/,
    ],
    ['the login is a folder', '--login', '.', /cannot be used: the path is a folder/],
    ['the folder is a file', '--out', 'login.json', /^The folder .*login\.json cannot be used: /],
  ])('%s.', async (_, option, value, message) => {
    const order = await prepareOrder([processing]);
    const { exitCode, out, err } = await order.collect(option, value);
    expect([exitCode, out]).toEqual([EXIT_CODES.unavailable, '']);
    expect(err).toMatch(message);
    expect(err).toMatch(/\nNext: /);
    expect(order.ca.calls).toEqual([]);
  });

  test.each(['', '{"loginName": "s3cret"', 's3cret', 's3cret\n“s3cret”'])(
    'The login is not understood: %j',
    async (text) => {
      const order = await prepareOrder([processing]);
      await order.writeLogin(text);
      const { exitCode, out, err } = await order.collect('--json');
      expect([exitCode, err]).toEqual([EXIT_CODES.unavailable, '']);
      expect(JSON.parse(out).error.message).toMatch(/^The login in .* cannot be used: it|the password/);
      expect(out).not.toContain('s3cret');
      expect(order.ca.calls).toEqual([]);
    },
  );

  test.each([
    ['state/orders/1378973013.json', /is damaged, so the time of the last call to the CA is not known/],
    ['state/logins.json', /is damaged, so it is not known which logins the CA rejected/],
  ])('%s is damaged.', async (file, message) => {
    const order = await prepareOrder([processing]);
    await order.collect();
    await writeFile(join(order.out, file), '{');
    const { exitCode, err } = await order.collect();
    expect(exitCode).toBe(EXIT_CODES.unavailable);
    expect(err).toMatch(message);
    expect(order.ca.calls).toHaveLength(1);
  });
});

describe('Arguments', () => {
  test('The login can come from standard input.', async () => {
    const order = await prepareOrder([processing]);
    const args = [...order.args, '--login', '-'];
    const { exitCode } = await run(args, {
      folder: order.folder,
      input: `\uFEFF${LOGIN.loginName}\r\n${LOGIN.loginPassword}\r\n`,
    });
    expect(exitCode).toBe(EXIT_CODES.waiting);
    expect(order.ca.calls).toMatchObject([{ credentialsCorrect: true }]);
  });

  test('The options of an order are stored as an event stores them, and stay until they are changed.', async () => {
    const order = await prepareOrder([processing], { pollEvery: 'PT1H' });
    const options = [
      '--domain',
      'Example.com',
      '--domain',
      'bücher.example',
      '--product',
      'VMC',
      '--selector',
      'v1',
      '--replace',
    ];
    await order.collect(...options);
    const stored = { domains: ['example.com', 'xn--bcher-kva.example'], product: 'VMC', selector: 'v1', replace: true };
    expect((await order.object('order.json')).options).toEqual(stored);
    await order.collect();
    expect((await order.object('order.json')).options).toEqual(stored);
    await order.collect('--domain', 'example.org');
    expect((await order.object('order.json')).options).toEqual({ ...stored, domains: ['example.org'] });
  });

  test.each([
    [['collect', '012', '--login', '-'], /^ORDER: 012 is not accepted; accepted: the number of an order/],
    [['collect', '1'], /--login/],
    [['collect', '1', '--login', '-', '--domain', 'example.com/x'], /^--domain: example\.com\/x is not accepted/],
    [['collect', '1', '--login', '-', '--product', 'EV'], /^--product: EV is not accepted; accepted: VMC, CMC/],
    [
      ['collect', '1', '--login', '-', '--selector', 'A_b'],
      /^--selector: A_b is not accepted; accepted: a BIMI selector/,
    ],
    [
      ['collect', '1', '--login', '-', '--url', 'http://user:s3cret@ca.example'],
      /^--url is not accepted; accepted: an https URL/,
    ],
    [['collect', '1', '--login', '-', '--format', 'der'], /^--format: der is not accepted; accepted: pkcs7, /],
    [
      ['collect', '1', '--login', '-', '--poll-every', '3h'],
      /^--poll-every: 3h is not accepted; accepted: an ISO 8601 duration like PT3H/,
    ],
    [
      ['collect', '1', '--login', '-', '--poll-every', 'PT1H'],
      /^--poll-every: PT1H is not accepted; accepted: from PT3H \(the CA's limit for one order\) to P2D/,
    ],
    [
      ['collect', '1', '--login', '-', '--give-up-after', 'P361D'],
      /^--give-up-after: P361D is not accepted; accepted: from --poll-every to P360D/,
    ],
    [['collect', '1', '--login', '-', '--trust', 'ab'], /^--trust: ab is not accepted/],
    [['collect', '1', '--login', '-', '--log', 'ab'], /^--log: ab is not accepted/],
    [
      ['collect', '0', '--login', '-', '--product', 'EV', '--format', 'der'],
      /ORDER: 0 .*\n--product: EV .*\n--format: der /,
    ],
  ])('Wrong usage ends with 64 and names what is accepted: %j', async (args, message) => {
    const { exitCode, err } = await run(args, { folder: await makeTemporary() });
    expect(exitCode).toBe(EXIT_CODES.usage);
    expect(err).toMatch(message);
    expect(err).not.toContain('s3cret');
  });
});
