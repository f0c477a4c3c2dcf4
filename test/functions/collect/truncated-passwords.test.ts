import { zipSync } from 'fflate';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ResponseFormat } from '../../../functions/collectmc/request.ts';
import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import { openLongstandingAuthority } from '../../authority.ts';
import { startDirectS3Server } from '../../s3-direct.ts';
import type { S3Server } from '../../s3-server.ts';
import { checkReply } from './checked-reply.ts';

const PASSWORD = 'Kq-zW-vX-jR-bN-mT';

/** Parts of the password that are long enough to be recognized. None of them is base64. */
const PARTS = Array.from({ length: PASSWORD.length - 3 }, (_, start) => PASSWORD.slice(start, start + 4));

let authority: CertificateAuthority;
let server: S3Server;
let chain: readonly Uint8Array[];

beforeAll(async () => {
  authority = await openLongstandingAuthority();
  ({ chain } = authority.issue({ domains: ['example.com'], notBefore: new Date('2026-05-01T00:00:00Z') }));
});

beforeEach(async () => {
  server = await startDirectS3Server();
});

afterEach(() => server.close());

/** Every fifth length, so that the password begins at each side of a limit, and crosses it. */
const around = (limit: number, before = 60) => Array.from({ length: 16 }, (_, index) => limit - before + index * 5);

const note = Buffer.from('a note');
const label = (padded: string) => `-----BEGIN ${padded}-----\nAAAA\n-----END ${padded}-----\n`;

/** @param changed whether one byte of the file behind its header is changed, so that its checksum is wrong. */
function zip(files: Readonly<Record<string, Uint8Array>>, changed?: string): Uint8Array {
  const bytes = Buffer.from(zipSync(files, { level: 0 }));
  if (changed !== undefined) {
    bytes.writeUInt8(0x21, bytes.indexOf(changed));
  }
  return bytes;
}

test.each<[place: string, format: ResponseFormat, lengths: number[], reply: (padded: string) => Uint8Array | string]>([
  [
    'the name of a file beside a chain',
    'zip',
    [...around(100), ...around(300)],
    (padded) => zip({ [padded]: note, 'chain.pem': Buffer.from(pem(chain)) }),
  ],
  ['the name of a file without a chain', 'zip', [...around(100), ...around(300)], (padded) => zip({ [padded]: note })],
  [
    'the names of several files without a chain',
    'zip',
    around(100, 90),
    (padded) => zip(Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => [name + padded, note]))),
  ],
  [
    'the name of a damaged file',
    'zip',
    [...around(300), ...around(600)],
    (padded) => zip({ [padded]: note }, 'a note'),
  ],
  [
    'the label of a PEM block in a ZIP',
    'zip',
    [...around(60), ...around(100, 90)],
    (padded) => zip({ 'chain.pem': Buffer.from(`${pem(chain)}\n${label(padded.replace(/x{59}/g, '$&-'))}`) }),
  ],
  [
    'the label of a PEM block in a ZIP without a chain',
    'zip',
    [...around(60), ...around(100, 90)],
    (padded) => zip({ 'chain.pem': Buffer.from(label(padded.replace(/x{59}/g, '$&-'))) }),
  ],
  ['a note after a chain', 'pem', [1, ...around(96 * 1024)], (padded) => `2\n${pem(chain)}\n${padded}`],
  ['the text of a refusal', 'pem', [...around(300), ...around(600)], (padded) => `-20\n${padded}`],
  ['the text of a waiting order', 'pem', [...around(300), ...around(600)], (padded) => `-14\n${padded}`],
  ['an unreadable reply', 'pem', [...around(300), ...around(16 * 1024), ...around(64 * 1024)], (padded) => padded],
  ['an unreadable page', 'pem', [...around(300), ...around(16 * 1024)], (padded) => `<html><p>${padded}</p></html>`],
])('No part of a password in %s survives, wherever the text is cut.', async (_, format, lengths, reply) => {
  for (const length of lengths) {
    const body = reply(`${'x'.repeat(length)}${PASSWORD}${'y'.repeat(400)}`);
    const { left, objects } = await checkReply({ body, format, authority, server, password: PASSWORD });
    // A ZIP is stored as it was received.
    const stored = [...objects].filter(([key]) => !key.endsWith('.zip'));
    for (const [place, text] of [['the result', left] as const, ...stored]) {
      const found = PARTS.filter((part) => text.includes(part));
      expect(found, `${place}, with ${length} characters before the password`).toEqual([]);
    }
  }
});
