import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import http from 'node:http';
import { promisify } from 'node:util';
import { unzipSync } from 'fflate';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { IssuedResponse, IssuedShape, SimulatedResponse } from '../../../../infra/local/ca/collectmc-responses.ts';
import { type Simulator, startCollectMcSimulator } from '../../../../infra/local/ca/collectmc-simulator.ts';
import { pem } from '../../../../infra/local/ca/containers.ts';
import { openAuthority } from '../../../authority.ts';

const ORDER = '1378973013';
const credentials = { loginName: 'collector', loginPassword: 'pässword+&=%' };
const form: Readonly<Record<string, string>> = {
  ...credentials,
  orderNumber: ORDER,
  responseType: '2',
  responseEncoding: '1',
};
const pending = { kind: 'status', status: 0 } satisfies SimulatedResponse;

let chain: readonly Uint8Array[];
let issued: IssuedResponse;
let simulator: Simulator;

beforeAll(async () => {
  chain = (await openAuthority()).issue({ domains: ['example.com'] }).chain;
  issued = { kind: 'issued', certificates: chain, zip: Buffer.from('PK\u0003\u0004 stands for an archive') };
});

beforeEach(async () => {
  simulator = await startCollectMcSimulator({ credentials });
  simulator.order(ORDER, [pending]);
});

afterEach(() => simulator.close());

async function ask(fields: Readonly<Record<string, string>> | [string, string][] = form) {
  const response = await fetch(simulator.url, { method: 'POST', body: new URLSearchParams(fields) });
  const body = Buffer.from(await response.arrayBuffer());
  return { status: response.status, contentType: response.headers.get('content-type'), body, text: body.toString() };
}

function scripted(...script: readonly SimulatedResponse[]) {
  simulator.order(ORDER, script);
  return ask();
}

function without(name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(form).filter(([key]) => key !== name));
}

/** The certificates openssl finds in a PKCS#7, as PEM. */
function certificatesIn(container: Uint8Array | string, encoding: 'DER' | 'PEM'): string | undefined {
  return execFileSync('openssl', ['pkcs7', '-print_certs', '-inform', encoding], { input: container, encoding: 'utf8' })
    .match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/g)
    ?.join('');
}

describe('A request that violates the protocol', () => {
  test('gets -17 if it is a GET.', async () => {
    const response = await fetch(simulator.url);

    expect(response.status).toBe(200);
    expect(await response.text()).toMatch(/^-17\n/);
  });

  test.each(Object.keys(form))('gets -3 and the name %s if that field is missing or empty.', async (name) => {
    for (const fields of [without(name), { ...form, [name]: '' }]) {
      const { status, text } = await ask(fields);

      expect(status).toBe(200);
      expect(text).toMatch(new RegExp(`^-3\n.*'${name}'`));
    }
  });

  test('gets -3 if its fields are in the query or in a body of another type.', async () => {
    const inQuery = await fetch(`${simulator.url}?${new URLSearchParams(form)}`, { method: 'POST' });
    const asJson = await fetch(simulator.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(form),
    });

    expect(await inQuery.text()).toMatch(/^-3\n/);
    expect(await asJson.text()).toMatch(/^-3\n/);
    expect(JSON.stringify(simulator.calls)).not.toContain(credentials.loginPassword);
  });

  test('gets -2 and the name of an unknown field.', async () => {
    expect((await ask({ ...form, queryType: '1' })).text).toMatch(/^-2\n.*'queryType'/);
  });

  test.each([
    ['orderNumber', '0123'],
    ['orderNumber', '-5'],
    ['orderNumber', '12345678901234567'],
    ['orderNumber', '999'],
    ['responseType', '1'],
    ['responseType', 'zip'],
    ['responseEncoding', '2'],
    ['loginName', 'x'.repeat(65)],
    ['loginPassword', 'x'.repeat(129)],
  ])('gets -4 and the name %s if that field is %s.', async (name, value) => {
    const { status, text } = await ask({ ...form, [name]: value });

    expect(status).toBe(200);
    expect(text).toMatch(new RegExp(`^-4\n.*'${name}'`));
  });

  test('gets -4 if a field is repeated, in the same or in another case.', async () => {
    expect((await ask([...Object.entries(form), ['ORDERNUMBER', '5']])).text).toMatch(/^-4\n.*'orderNumber'/);
  });

  test('gets -4 for PEM as binary, the only undocumented pair.', async () => {
    expect((await ask({ ...form, responseType: '3' })).text).toMatch(/^-4\n.*'responseEncoding'/);
  });

  test.each([{ loginName: 'Collector' }, { loginPassword: 'wrong' }])(
    'gets -16 for the wrong credentials %o.',
    async (wrong) => {
      const { status, text } = await ask({ ...form, ...wrong });

      expect(status).toBe(200);
      expect(text).toMatch(/^-16\n/);
    },
  );

  test('does not advance the script.', async () => {
    simulator.order(ORDER, [{ kind: 'status', status: 1 }, pending]);
    await ask({ ...form, loginPassword: 'wrong' });
    await ask(without('responseType'));

    expect((await ask()).text).toBe('1');
  });

  test('gets HTTP 413 if it is too long.', async () => {
    expect((await ask({ ...form, loginName: 'x'.repeat(20_000) })).status).toBe(413);
  });

  test('gets HTTP 404 at any other path.', async () => {
    expect((await fetch(new URL('/', simulator.url), { method: 'POST' })).status).toBe(404);
  });
});

describe('A valid request', () => {
  test('can contain the names of its fields in any case.', async () => {
    const shouted = Object.fromEntries(Object.entries(form).map(([name, value]) => [name.toUpperCase(), value]));

    expect((await ask(shouted)).text).toBe('0');
  });

  test('gets the responses of the script one by one, and the last one repeatedly.', async () => {
    simulator.order(ORDER, [pending, { kind: 'status', status: 1 }, { kind: 'error', code: -20 }]);
    const texts: string[] = [];
    for (let call = 0; call < 4; call++) {
      texts.push((await ask()).text.slice(0, 3));
    }

    expect(texts).toEqual(['0', '1', '-20', '-20']);
  });

  test('gets the responses of its order.', async () => {
    simulator.order('7', [{ kind: 'status', status: 1 }]);

    expect((await ask({ ...form, orderNumber: '7' })).text).toBe('1');
    expect((await ask()).text).toBe('0');
  });

  test('is checked against the current credentials.', async () => {
    simulator.setCredentials({ ...credentials, loginPassword: 'changed' });

    expect((await ask()).text).toMatch(/^-16\n/);
    expect((await ask({ ...form, loginPassword: 'changed' })).text).toBe('0');
  });
});

describe('A response without a certificate', () => {
  test.each<[SimulatedResponse, string]>([
    [{ kind: 'status', status: 0 }, '0'],
    [{ kind: 'status', status: 0, newline: true }, '0\n'],
    [{ kind: 'status', status: 0, text: 'Being processed' }, '0\nBeing processed'],
    [{ kind: 'status', status: 1, text: 'Available', newline: true }, '1\nAvailable\n'],
    [{ kind: 'error', code: -22 }, '-22\nStill awaiting payment!'],
    [{ kind: 'error', code: -99, message: 'New' }, '-99\nNew'],
    [
      { kind: 'error', code: -3, message: 'The x argument & more', form: 'form-encoded' },
      'errorCode=-3&errorMessage=The+x+argument+%26+more',
    ],
    [{ kind: 'empty' }, ''],
    [{ kind: 'bytes', body: '0 or not' }, '0 or not'],
  ])('that is scripted as %o has the body %j and HTTP 200.', async (answer, body) => {
    const { status, text } = await scripted(answer);

    expect(status).toBe(200);
    expect(text).toBe(body);
  });
});

describe('An issued chain', () => {
  const asked = {
    'pkcs7-binary': '2,1',
    'pkcs7-armoured-with-status': '2,0',
    pem: '3,0',
    'zip-binary': '0,1',
    'zip-base64': '0,0',
  };

  test.each(Object.entries(asked))(
    'has the shape %s for responseType and responseEncoding %s.',
    async (shape, pair) => {
      simulator.order(ORDER, [issued]);
      const [responseType = '', responseEncoding = ''] = pair.split(',');
      const { status, contentType } = await ask({ ...form, responseType, responseEncoding });

      expect(status).toBe(200);
      expect(contentType).toBe('text\\plain');
      expect(simulator.calls.at(-1)?.answer).toBe(`issued ${shape}`);
    },
  );

  test.each<[IssuedShape, (body: Buffer) => unknown, () => unknown]>([
    ['pkcs7-binary', (body) => certificatesIn(body, 'DER'), () => pem(chain)],
    [
      'pkcs7-armoured',
      (body) => [body.toString().slice(0, 6), certificatesIn(body, 'PEM')],
      () => ['-----B', pem(chain)],
    ],
    [
      'pkcs7-armoured-with-status',
      (body) => [body.toString().slice(0, 8), certificatesIn(body, 'PEM')],
      () => ['2\n-----B', pem(chain)],
    ],
    [
      'pkcs7-base64',
      (body) => [body.toString().slice(0, 5), certificatesIn(Buffer.from(body.toString().slice(2), 'base64'), 'DER')],
      () => ['2\nMII', pem(chain)],
    ],
    ['pem', (body) => body.toString(), () => `2\n${pem(chain.toReversed())}`],
    ['pem-without-status', (body) => body.toString(), () => pem(chain.toReversed())],
    ['zip-binary', (body) => body, () => issued.zip],
    [
      'zip-base64',
      (body) => [body.toString().slice(0, 2), Buffer.from(body.toString().slice(2), 'base64')],
      () => ['2\n', issued.zip],
    ],
  ])('contains leaf, issuing CA and root in the scripted shape %s.', async (shape, read, expected) => {
    expect(read((await scripted({ ...issued, shape })).body)).toEqual(expected());
  });

  test('as PKCS#7 has a signer, as in the documented sample, or contains only certificates.', async () => {
    const sample = (await scripted(issued)).body;
    const degenerate = (await scripted({ ...issued, pkcs7: 'degenerate' })).body;

    expect(certificatesIn(degenerate, 'DER')).toBe(certificatesIn(sample, 'DER'));
    expect(degenerate.length).toBeLessThan(sample.length);
  });

  test('can have the boundaries of the documentation.', async () => {
    const { text } = await scripted({ ...issued, shape: 'pem', boundaries: 'spaced' });

    expect(text.match(/^-.*$/gm)?.slice(0, 2)).toEqual(['----- BEGIN CERTIFICATE -----', '----- END CERTIFICATE ----']);
  });

  test('is by default a ZIP of PEM files and a note.', async () => {
    const { status, body } = await scripted({ kind: 'issued', certificates: chain, shape: 'zip-binary' });

    const files = Object.values(unzipSync(body)).map((file) => Buffer.from(file).toString());
    expect(status).toBe(200);
    expect(files.filter((file) => file.startsWith('-----BEGIN CERTIFICATE-----'))).toEqual(
      chain.map((each) => pem([each])),
    );
    expect(files).toHaveLength(chain.length + 1);
  });
});

describe('A CA with an outage', () => {
  test('responds with any HTTP status, type, header and body.', async () => {
    const answer = {
      kind: 'http',
      status: 503,
      body: 'Busy',
      contentType: 'text/x',
      headers: { 'retry-after': '9' },
    } as const;
    simulator.order(ORDER, [answer]);
    const response = await fetch(simulator.url, { method: 'POST', body: new URLSearchParams(form) });

    expect(response.status).toBe(503);
    expect(response.headers.get('content-type')).toBe('text/x');
    expect(response.headers.get('retry-after')).toBe('9');
    expect(await response.text()).toBe('Busy');
  });

  test('responds with a maintenance page.', async () => {
    const { status, contentType, text } = await scripted({ kind: 'html' });

    expect(status).toBe(200);
    expect(contentType).toMatch(/^text\/html/);
    expect(text).toMatch(/^<!DOCTYPE html>/);
  });

  test('responds with half a chain and a Content-Length that fits it.', async () => {
    const { body: whole } = await scripted({ ...issued, pkcs7: 'degenerate' });
    const { body: half } = await scripted({
      kind: 'truncated',
      of: { ...issued, pkcs7: 'degenerate' },
      complete: true,
    });

    expect(half).toEqual(whole.subarray(0, Math.floor(whole.length / 2)));
  });

  test.each([0, 1, 1000])('closes the connection after %i bytes of a longer body.', async (bytes) => {
    simulator.order(ORDER, [{ kind: 'truncated', of: issued, bytes }]);
    const response = await fetch(simulator.url, { method: 'POST', body: new URLSearchParams(form) });

    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(bytes);
    await expect(response.arrayBuffer()).rejects.toThrow();
    expect(simulator.calls.at(-1)).toMatchObject({ answer: 'truncated issued pkcs7-binary', bytes });
  });

  test('closes the connection without a response.', async () => {
    await expect(scripted({ kind: 'drop' })).rejects.toThrow();
    expect(simulator.calls.at(-1)).toMatchObject({ answer: 'drop', bytes: 0 });
  });

  test('responds after a delay.', async () => {
    expect((await scripted({ kind: 'slow', milliseconds: 1, of: pending })).text).toBe('0');
  });
});

describe('The record of calls', () => {
  test('contains the order, the fields, whether the credentials were right, and the name, size and hash of the response.', async () => {
    const { body } = await scripted(issued);
    await ask({ ...form, loginPassword: 'wrong', orderNumber: '5' });

    expect(simulator.calls).toEqual([
      {
        at: expect.any(Date),
        method: 'POST',
        orderNumber: ORDER,
        fields: { ...form, loginPassword: '(not recorded)' },
        credentialsCorrect: true,
        answer: 'issued pkcs7-binary',
        bytes: body.length,
        sha256: createHash('sha256').update(body).digest('hex'),
      },
      expect.objectContaining({ orderNumber: '5', credentialsCorrect: false, answer: 'error -16' }),
    ]);
  });

  test('never contains the password, not even in an unknown field.', async () => {
    await ask({ ...form, password: credentials.loginPassword });

    expect(JSON.stringify(simulator.calls)).toContain('"password"');
    expect(JSON.stringify(simulator.calls)).not.toContain(credentials.loginPassword);
  });

  test('does not count consecutive calls on one connection as concurrent.', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<unknown>();
    for (let call = 0; call < 20; call++) {
      await new Promise<void>((resolve, reject) => {
        const request = http.request(simulator.url, { agent, method: 'POST' }, (response) => {
          sockets.add(response.socket);
          response.resume().on('end', resolve);
        });
        request.on('error', reject).end();
      });
    }
    agent.destroy();

    expect(sockets.size).toBe(1);
    expect(simulator.calls).toHaveLength(20);
    expect(simulator.peakConcurrency).toBe(1);
  });

  test('contains the maximum of concurrent calls.', async () => {
    simulator.order(ORDER, [{ kind: 'slow', milliseconds: 3_600_000, of: pending }]);
    const leaving = new AbortController();
    const calls = Promise.allSettled(
      [1, 2, 3].map(() =>
        fetch(simulator.url, { method: 'POST', body: new URLSearchParams(form), signal: leaving.signal }),
      ),
    );
    await vi.waitUntil(() => simulator.calls.filter(({ answer }) => answer === 'slow status 0').length === 3);
    leaving.abort();
    await calls;

    expect(simulator.peakConcurrency).toBe(3);
  });
});

describe('The server', () => {
  test('closes at once during a slow response, with an idle connection and with a partly sent request.', async () => {
    const agent = new http.Agent({ keepAlive: true });
    await new Promise<void>((resolve, reject) => {
      const request = http.get(simulator.url, { agent }, (response) => response.resume().on('end', resolve));
      request.on('error', reject);
    });
    simulator.order(ORDER, [{ kind: 'slow', milliseconds: 3_600_000, of: pending }]);
    const halfSent = http.request(simulator.url, { method: 'POST', headers: { 'content-length': 100 } });
    const cut = new Promise((resolve) => halfSent.on('error', resolve));
    halfSent.write('loginName=');
    await vi.waitUntil(() => simulator.calls.length === 2);
    const slow = Promise.allSettled([ask()]);
    await vi.waitUntil(() => simulator.calls.at(-1)?.answer === 'slow status 0');
    await simulator.close();

    expect(await cut).toBeInstanceOf(Error);
    expect((await slow)[0].status).toBe('rejected');
    await expect(ask()).rejects.toThrow();
    agent.destroy();
  });

  test('does not keep the process alive after it is closed.', async () => {
    const program = `
      import { startCollectMcSimulator } from '${new URL('../../../../infra/local/ca/collectmc-simulator.ts', import.meta.url)}';
      const simulator = await startCollectMcSimulator({ credentials: ${JSON.stringify(credentials)} });
      simulator.order('${ORDER}', [{ kind: 'slow', milliseconds: 3_600_000, of: { kind: 'status', status: 0 } }]);
      const body = new URLSearchParams(${JSON.stringify(form)});
      const call = fetch(simulator.url, { method: 'POST', body }).catch(() => {});
      while (!simulator.calls[0]?.answer) await new Promise(setImmediate);
      await simulator.close();
      await call;
      console.log(simulator.calls[0].answer);
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
      timeout: 20_000,
    });

    expect(stdout).toBe('slow status 0\n');
  });

  test('can be closed twice.', async () => {
    await simulator.close();

    await expect(simulator.close()).resolves.toBeUndefined();
  });

  test('listens on the given port, and fails if that port is in use.', async () => {
    const port = Number(new URL(simulator.url).port);
    await expect(startCollectMcSimulator({ credentials, port })).rejects.toThrow(/EADDRINUSE/);
    await simulator.close();
    simulator = await startCollectMcSimulator({ credentials, port });

    expect(new URL(simulator.url).port).toBe(String(port));
    expect(new URL(simulator.url).pathname).toBe('/products/download/CollectMC');
  });

  test.each([
    ['an order number with letters', 'A1', [pending]],
    ['an empty script', ORDER, []],
  ])('refuses %s.', (_, orderNumber, script) => {
    expect(() => simulator.order(orderNumber, script)).toThrow(RangeError);
  });
});

test('A wrong login gets the response that is set for it, and does not advance the order.', async () => {
  simulator.setRejection({
    kind: 'http',
    status: 403,
    body: '{"error":"Access denied"}',
    contentType: 'application/json',
  });
  const rejected = await ask({ ...form, loginPassword: 'wrong' });

  expect(rejected).toMatchObject({ status: 403, contentType: 'application/json', text: '{"error":"Access denied"}' });
  expect((await ask()).text).toBe('0');
  expect(simulator.calls.map(({ answer }) => answer)).toEqual(['http 403', 'status 0']);
});
