import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type Fetch, LINES_LIMIT, readAccessLog } from '../../../functions/survey/access-log.ts';
import { RECEIVER_TABLE, receiverOf } from '../../../functions/survey/receiver-table.ts';
import { accessLog, GMAIL, HEADER, logLine } from './access-logs.ts';

async function read(file: Buffer | Readable): Promise<Fetch[]> {
  const fetches: Fetch[] = [];
  for await (const fetch of readAccessLog(Buffer.isBuffer(file) ? Readable.from([file]) : file)) {
    fetches.push(fetch);
  }
  return fetches;
}

const AT = Date.parse('2026-11-23T08:15:00Z');
const chainFetch = { domain: 'example.com', selector: 'default', part: 'chain', receiver: 'other', at: AT } as const;

describe('A log file of CloudFront', () => {
  test('contains a fetch for each successful request for a chain or a logo.', async () => {
    const file = accessLog([
      logLine({}),
      logLine({ path: '/example.com/winter.svg', status: '304', agent: GMAIL }),
      logLine({ path: '/xn--bcher-kva.example/default.pem', address: '17.58.1.2' }),
    ]);
    expect(await read(file)).toEqual([
      chainFetch,
      { ...chainFetch, selector: 'winter', part: 'logo', receiver: 'gmail' },
      { ...chainFetch, domain: 'xn--bcher-kva.example', receiver: 'apple' },
    ]);
  });

  test.each<[string, string]>([
    ['is a HEAD request', logLine({ method: 'HEAD' })],
    ['failed', logLine({ status: '403' })],
    ['was ended by its client', logLine({ status: '000' })],
    ['is for another object', logLine({ path: '/favicon.ico' })],
    ['is for a description', logLine({ path: '/example.com/default.json' })],
    ['is for a name that is not a domain', logLine({ path: '/..%2f/default.pem' })],
    ['has no date', logLine({ date: '-' })],
    ['is cut', logLine({}).slice(0, 60)],
    ['is empty', ''],
    ['is longer than any request', logLine({ agent: 'x'.repeat(200_000) })],
  ])('contains no fetch for a line that %s.', async (_, line) => {
    expect(await read(accessLog([line, logLine({})]))).toEqual([chainFetch]);
  });

  test('is read by the names of its fields, in any order and with further ones.', async () => {
    const header = '#Fields: sc-status new-field cs(User-Agent) time c-ip date cs-uri-stem cs-method';
    const line = '200\tx\tcurl/8\t08:15:00\t192.0.2.1\t2026-11-23\t/example.com/default.pem\tGET';
    expect(await read(gzipSync(`#Version: 2.0\n${header}\n${line}\n`))).toEqual([chainFetch]);
  });

  test.each([
    ['has no header', `${logLine({})}\n`],
    ['lacks a field', `${HEADER.replace('cs(User-Agent)', 'x')}\n${logLine({})}\n`],
    ['is empty', ''],
  ])('contains no fetch if it %s.', async (_, text) => {
    expect(await read(gzipSync(text))).toEqual([]);
  });

  test('has lines that end with CR LF too.', async () => {
    expect(await read(gzipSync(`${HEADER}\r\n${logLine({})}\r\n`))).toEqual([chainFetch]);
  });

  test('is read up to the place where it is cut or damaged.', async () => {
    const whole = accessLog(
      Array.from({ length: 5000 }, (_, index) => logLine({ agent: `agent-${(index * 7919) % 9973}` })),
    );
    const cut = await read(whole.subarray(0, whole.length / 2));
    expect(cut.length).toBeGreaterThan(1000);
    expect(cut.length).toBeLessThan(5000);
    const damaged = Buffer.from(whole);
    damaged.fill(0xff, whole.length / 2);
    expect((await read(damaged)).length).toBeGreaterThan(1000);
    expect(await read(Buffer.from('not gzip'))).toEqual([]);
    // The last line has no end, so it is cut.
    expect(await read(gzipSync(`${HEADER}\n${logLine({})}\n${logLine({})}`))).toEqual([chainFetch]);
  });

  test('that cannot be downloaded is an error, because it can be read again.', async () => {
    const broken = new Readable({
      read() {
        this.destroy(new Error('socket hang up'));
      },
    });
    await expect(read(broken)).rejects.toThrow('socket hang up');
  });

  test('is read as a stream, with a limit.', { timeout: 60_000 }, async () => {
    const last = 1000;
    // The file begins with two lines of headers. Other lines count too.
    const others = gzipSync('-\n'.repeat(LINES_LIMIT - last - 2));
    const part = gzipSync(`${logLine({})}\n`.repeat(last));
    // Parts of gzip that follow each other are one file.
    const file = Readable.from([gzipSync(`${HEADER}\n`), others, ...Array.from({ length: 20 }, () => part)]);
    let count = 0;
    for await (const _ of readAccessLog(file)) {
      count += 1;
    }
    expect(count).toBe(last);
    expect(file.destroyed).toBe(true);
  });
});

describe('A receiver', () => {
  test.each([
    [GMAIL, '192.0.2.1', 'gmail'],
    ['YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html', '192.0.2.1', 'yahoo'],
    ['curl/8.5', '17.0.0.0', 'apple'],
    ['', '17.255.255.255', 'apple'],
    ['curl/8.5', '::ffff:17.1.2.3', 'apple'],
    ['curl/8.5', '18.0.0.0', 'other'],
    ['curl/8.5', '2001:db8::17', 'other'],
    ['-', '-', 'other'],
    ['Fastmail', 'not an address', 'other'],
  ])('with the user agent %j and the address %s is %s.', (agent, address, receiver) => {
    expect(receiverOf(agent, address)).toBe(receiver);
  });

  test.each(['%20', '%2520'])('is recognized if a space of its user agent is %s.', async (space) => {
    const agent = GMAIL.replaceAll(' ', space);
    expect(await read(accessLog([logLine({ agent })]))).toMatchObject([{ receiver: 'gmail' }]);
  });

  test('with a user agent that is wrongly encoded is compared as it is.', async () => {
    expect(await read(accessLog([logLine({ agent: '%zzGoogleImageProxy' })]))).toMatchObject([{ receiver: 'gmail' }]);
  });

  test('is named with the source of what it is recognized by.', () => {
    for (const row of RECEIVER_TABLE) {
      expect(row.source.length).toBeGreaterThan(20);
      expect(row.userAgent ?? row.network).toBeDefined();
    }
  });
});
