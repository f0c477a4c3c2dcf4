import { zipSync } from 'fflate';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { redactNotes } from '../../../functions/collect/notes.ts';
import type { ResponseFormat } from '../../../functions/collectmc/request.ts';
import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import { armouredPkcs7, pem, pkcs7 } from '../../../infra/local/ca/containers.ts';
import { openLongstandingAuthority } from '../../authority.ts';
import { startDirectS3Server } from '../../s3-direct.ts';
import type { S3Server } from '../../s3-server.ts';
import { checkReply } from './checked-reply.ts';

const PASSWORD = 'Kestrel"at&dawn/7+ü';

/** How a server can echo a password. */
const ENCODED: readonly string[] = [
  PASSWORD,
  encodeURIComponent(PASSWORD),
  JSON.stringify(PASSWORD).slice(1, -1),
  Buffer.from(PASSWORD).toString('base64'),
  Buffer.from(PASSWORD).toString('hex'),
  PASSWORD.replaceAll('&', '&amp;').replaceAll('"', '&quot;'),
];

let authority: CertificateAuthority;
let server: S3Server;
let chain: readonly Uint8Array[];

const check = (body: Uint8Array | string, format?: ResponseFormat) =>
  checkReply({ body, format, authority, server, password: PASSWORD });

beforeAll(async () => {
  authority = await openLongstandingAuthority();
  ({ chain } = authority.issue({ domains: ['example.com'], notBefore: new Date('2026-05-01T00:00:00Z') }));
});

beforeEach(async () => {
  server = await startDirectS3Server();
});

afterEach(() => server.close());

function expectNoPassword(text: string, place: string) {
  for (const encoded of ENCODED) {
    expect(text, place).not.toContain(encoded);
    expect(text, place).not.toContain(JSON.stringify(encoded).slice(1, -1));
  }
}

describe.each(ENCODED)('A password that is echoed as %s', (echo) => {
  test.each<[string, () => string]>([
    ['before a chain', () => `2\nloginPassword=${echo}\n${pem(chain)}`],
    ['between two certificates', () => `2\n${pem(chain.slice(0, 1))}${echo}\n${pem(chain.slice(1))}`],
    ['after a chain', () => `2\n${pem(chain)}\nrequest: ${echo}`],
    ['before armoured PKCS#7', () => `2\n${echo}\n${armouredPkcs7(chain)}`],
    ['in a boundary', () => `2\n${pem(chain)}-----BEGIN ${echo}-----\nAAAA\n-----END ${echo}-----\n`],
  ])('%s is nowhere, and the chain is stored.', async (_, body) => {
    const { left, objects } = await check(body());
    expect(left).toContain('"outcome":"issued"');
    expect([...objects.keys()].map((key) => key.slice('orders/1/'.length).split('.')[0])).toEqual(
      expect.arrayContaining(['certificate', 'chain', 'logo', 'response']),
    );
    for (const [place, text] of [['the result', left], ...objects] as const) {
      expectNoPassword(text, place);
    }
  });

  test('beside a leaf without its issuer is nowhere.', async () => {
    const { left, objects } = await check(`2\n${echo}\n${pem(chain.slice(0, 1))}`);
    expect(left).toContain('InvalidChain');
    expect([...objects.keys()]).toEqual(['orders/1/rejected.json', 'orders/1/response.pem']);
    for (const [place, text] of [['the result', left], ...objects] as const) {
      expectNoPassword(text, place);
    }
  });
});

test.each<[string, () => Record<string, Uint8Array>]>([
  ['beside a chain', () => ({ 'chain.pem': Buffer.from(pem(chain)) })],
  ['without a chain', () => ({})],
])('A password in the name of a file in a ZIP %s is in no finding, reason, event or log line.', async (_, files) => {
  const { left, objects } = await check(zipSync({ ...files(), [`${PASSWORD}.txt`]: Buffer.from('a note') }), 'zip');
  expect(left).toContain('[password].txt');
  expectNoPassword(left, 'the result');
  for (const [key, text] of objects) {
    if (!key.endsWith('.zip')) {
      expectNoPassword(text, key);
    }
  }
});

test('A text of the CA has one line, without characters that change how others show it.', async () => {
  const { left } = await check('-20\nrejected\r\nX-Header: 1\u001b[31m\u009b1m\u202egnp');
  const status = JSON.parse(left.split('\n').at(-3) ?? '')[0];
  expect(status.text).toBe('the CA answered -20 (rejected X-Header: 1\\u{1B}[31m\\u{9B}1m\\u{202E}gnp)');
  expect(left).not.toMatch(/[\u007f-\u009f\u202e]|\\u001b/);
});

describe('A body is the same, byte for byte,', () => {
  test.each<[string, () => Uint8Array]>([
    ['if it is PKCS#7', () => pkcs7(chain)],
    [
      'if its notes do not contain the password',
      () => Buffer.from(`2\r\nA note, Größe \xff\n${pem(chain)}\n`, 'latin1'),
    ],
    ['if its certificates contain the password', () => Buffer.from(pem(chain))],
  ])('%s.', (_, body) => {
    const secret = Buffer.from(chain[0] ?? '')
      .toString('base64')
      .slice(100, 108);
    expect(redactNotes(body(), [secret])).toEqual(body());
  });
});

test('Long notes are searched up to a limit, the rest is not kept, and all certificates are.', () => {
  const note = `${'x'.repeat(150_000)} secret-of-brand `;
  const started = performance.now();
  const text = String(redactNotes(Buffer.from(`secret-of-brand${pem(chain)}${note.repeat(6)}`), ['secret-of-brand']));
  expect(performance.now() - started).toBeLessThan(2_000);
  expect(text).toContain(pem(chain).trim());
  expect(text).not.toContain('secret-of-brand');
  expect(text).toContain('[the rest is not kept');
});

test.each([
  ['beginnings of blocks', '-----BEGIN A-----'],
  ['beginnings of blocks with content', '-----BEGIN A-----\nAAAA\n'],
  ['dashes', '-'],
  ['spaces in a boundary', '-----                    '],
  ['empty blocks', '-----BEGIN A----------END A-----x'],
])('1 MiB of %s takes less than a second.', (_, part) => {
  const body = Buffer.from(part.repeat(Math.ceil((1024 * 1024) / part.length)));
  const started = performance.now();
  redactNotes(body, ['secret-of-brand']);
  expect(performance.now() - started).toBeLessThan(1_000);
});
