import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, test } from 'vitest';
import { FETCHES_KEY, fetchRows, readFetches } from '../../../functions/store/fetches.ts';
import type { Publication } from '../../../functions/store/publication.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import { surveyFetches } from '../../../functions/survey/fetches.ts';
import { type S3Server, type SeedVersion, startS3Server } from '../../s3-server.ts';
import { accessLog, GMAIL, type LoggedRequest, logLine } from './access-logs.ts';
import { pairOf, publicationOf } from './samples.ts';

const BUCKET = 'certificates';
const DISTRIBUTION = 'E2EXAMPLE';

let server: S3Server | undefined;
let s3: S3Client | undefined;

afterEach(async () => {
  s3?.destroy();
  await server?.close();
});

/** A log file in the bucket, delivered at a time. */
function logFile(
  hour: string,
  requests: readonly LoggedRequest[],
  lastModified: string,
  id = DISTRIBUTION,
): SeedVersion {
  const key = `cloudfront/${id}.${hour}.${lastModified.replaceAll(/\W/g, '')}.gz`;
  return { key, versionId: 'v0', body: accessLog(requests.map(logLine)), lastModified };
}

async function start(seed: readonly SeedVersion[]) {
  server = await startS3Server({ seed });
  const credentials = { accessKeyId: 'survey', secretAccessKey: 'x' };
  s3 = new S3Client({ endpoint: server.url, region: 'us-east-1', credentials, forcePathStyle: true });
  const client = s3;
  const { requests } = server;
  return {
    requests,
    survey: (served: readonly Publication[], totalMilliseconds = 60_000) =>
      surveyFetches(
        served,
        { logBucket: 'logs', distributionId: DISTRIBUTION, totalMilliseconds },
        { s3: client, bucket: BUCKET, now: () => new Date('2020-11-24T06:00:00Z') },
      ),
    rows: async () => fetchRows((await readFetches(s3Storage(client, BUCKET))).fetches),
    put: (Key: string, Body: Buffer | string) => client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body })),
    filesRead: () =>
      requests.filter(({ method, key }) => method === 'GET' && key.endsWith('.gz')).map(({ key }) => key),
  };
}

const published = (domain: string, since: string, fingerprintSha256 = 'aa') =>
  publicationOf('https://d111.cloudfront.net', domain, { live: { ...pairOf(domain), since, fingerprintSha256 } });

const EXAMPLE = published('example.com', '2020-11-20T00:00:00.000Z');
const row = (receiver: string, changes: object) => ({
  domain: 'example.com',
  selector: 'default',
  receiver,
  lastChain: undefined,
  lastLogo: undefined,
  first: undefined,
  ...changes,
});

describe('A survey of the log files', () => {
  test('stores the last fetch of each receiver, and its first of the live chain.', async () => {
    const { survey, rows } = await start([
      logFile(
        '2020-11-23-08',
        [
          { date: '2020-11-23', time: '08:30:00' },
          { date: '2020-11-23', time: '08:10:00' },
          { date: '2020-11-23', time: '08:20:00', agent: GMAIL },
          { date: '2020-11-23', time: '08:20:01', agent: GMAIL, path: '/example.com/default.svg' },
          { date: '2020-11-23', time: '08:20:02', path: '/elsewhere.example/default.svg' },
        ],
        '2020-11-23T09:00:00Z',
      ),
    ]);
    expect(await survey([EXAMPLE])).toEqual({ files: 1, fetches: 4, unread: 0 });
    expect(await rows()).toEqual([
      row('gmail', {
        lastChain: '2020-11-23T08:20:00.000Z',
        lastLogo: '2020-11-23T08:20:01.000Z',
        first: '2020-11-23T08:20:00.000Z',
      }),
      row('other', { lastChain: '2020-11-23T08:30:00.000Z', first: '2020-11-23T08:10:00.000Z' }),
    ]);
  });

  test('reads each file once, also one of an earlier hour that is delivered later, and none of other distributions.', async () => {
    const requests = [{ date: '2020-11-23', time: '08:30:00' }];
    const first = logFile('2020-11-23-08', requests, '2020-11-23T09:00:00Z');
    const { survey, put, filesRead } = await start([
      first,
      logFile('2020-11-23-08', requests, '2020-11-23T09:00:00Z', 'E1OTHER'),
      logFile('2020-11-23-08', requests, '2020-11-23T09:00:00Z', `${DISTRIBUTION}2`),
    ]);
    await survey([EXAMPLE]);
    expect(await survey([EXAMPLE])).toEqual({ files: 0, fetches: 0, unread: 0 });
    const late = `cloudfront/${DISTRIBUTION}.2020-11-22-23.late.gz`;
    await put(late, accessLog([logLine({})]));
    expect(await survey([EXAMPLE])).toMatchObject({ files: 1 });
    expect(await survey([EXAMPLE])).toMatchObject({ files: 0 });
    expect(filesRead()).toEqual([first.key, late]);
  });

  test('forgets who fetched the previous certificate first, and waits until no cache serves its chain.', async () => {
    const requests = ['00', '59', '61', '90'].map((seconds) => {
      const time = new Date(Date.parse('2020-11-23T08:00:00Z') + Number(seconds) * 1000).toISOString();
      return { date: time.slice(0, 10), time: time.slice(11, 19) };
    });
    const { survey, rows, put } = await start([
      logFile('2020-11-22-08', [{ date: '2020-11-22' }], '2020-11-22T09:00:00Z'),
    ]);
    await survey([EXAMPLE]);
    expect(await rows()).toMatchObject([{ first: '2020-11-22T08:15:00.000Z' }]);
    const renewed = published('example.com', '2020-11-23T08:00:00.000Z', 'bb');
    await survey([renewed]);
    expect(await rows()).toEqual([row('other', { lastChain: '2020-11-22T08:15:00.000Z' })]);
    await put(`cloudfront/${DISTRIBUTION}.2020-11-23-08.a.gz`, accessLog(requests.map(logLine)));
    await survey([renewed]);
    expect(await rows()).toEqual([
      row('other', { lastChain: '2020-11-23T08:01:30.000Z', first: '2020-11-23T08:01:01.000Z' }),
    ]);
  });

  test('continues in the next survey if its time ends.', async () => {
    const hours = ['08', '09', '10'].map((hour) =>
      logFile(`2020-11-23-${hour}`, [{ date: '2020-11-23', time: `${hour}:15:00` }], `2020-11-23T${hour}:59:00Z`),
    );
    const { survey, rows } = await start(hours);
    expect(await survey([EXAMPLE], 0)).toEqual({ files: 0, fetches: 0, unread: 3 });
    expect(await survey([EXAMPLE])).toEqual({ files: 3, fetches: 3, unread: 0 });
    expect(await rows()).toMatchObject([{ lastChain: '2020-11-23T10:15:00.000Z' }]);
  });

  test('contains only what is served now, and no address of a client.', async () => {
    const { survey, rows } = await start([
      logFile('2020-11-23-08', [{ date: '2020-11-23', address: '192.0.2.77' }], '2020-11-23T09:00:00Z'),
    ]);
    await survey([EXAMPLE]);
    expect(server?.peek(FETCHES_KEY)?.body.toString()).not.toContain('192.0.2.77');
    await survey([]);
    expect(await rows()).toEqual([]);
  });

  test.each(['', '{', '{"schemaVersion":2}'])(
    'starts from the beginning if the stored content is %j.',
    async (content) => {
      const { survey, rows, put } = await start([
        logFile('2020-11-23-08', [{ date: '2020-11-23' }], '2020-11-23T09:00:00Z'),
      ]);
      await put(FETCHES_KEY, content);
      await survey([EXAMPLE]);
      expect(await rows()).toHaveLength(1);
    },
  );

  test('fails if another survey stored its result meanwhile.', async () => {
    const { survey, put } = await start([logFile('2020-11-23-08', [{}], '2020-11-23T09:00:00Z')]);
    await survey([EXAMPLE]);
    let changed = false;
    if (server) {
      server.before = async ({ method, key, client }) => {
        if (method === 'PUT' && key === FETCHES_KEY && client === 'survey' && !changed) {
          changed = true;
          await put(FETCHES_KEY, '{}');
        }
        return undefined;
      };
    }
    await expect(survey([EXAMPLE])).rejects.toMatchObject({ name: 'WriteConflictError' });
  });
});
