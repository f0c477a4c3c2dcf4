import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newProgress } from '../../../functions/survey/survey.ts';
import { ENDING_ANSWERS } from '../../failures.ts';
import { chooseBy, interleave } from '../../interleave.ts';
import { mulberry32 } from '../../mulberry32.ts';
import {
  dayAfter,
  type RevocationWorld,
  revocationOf,
  type SurveyOptions,
  startRevocationWorld,
} from './revocation-world.ts';
import { later, NOON } from './samples.ts';

let world: RevocationWorld;
let restore: () => void;

beforeAll(async () => {
  world = await startRevocationWorld();
});

beforeEach(async () => {
  const issued = world.issue('example.com');
  await world.store('1', issued);
  world.serve([revocationOf(issued)]);
  restore = world.servers.server.snapshot();
});

afterEach(() => world.clear());

afterAll(() => world.close());

const survey = (options: SurveyOptions) => world.survey({ ...options, changes: { downloadCrls: world.crls.download } });

/** A survey of the day, or its repetition by Lambda. */
const runDaily = (now = NOON) => survey({ now, progress: newProgress(new Date(NOON)) });

function expectReported(place: string): void {
  expect(world.manifest('1'), place).toMatchObject({
    publishable: false,
    revocation: { status: 'revoked' },
    revocationReport: { sentAt: expect.any(String) },
  });
  expect(world.report('1'), place).toContain('keyCompromise');
}

describe('A survey that finds a revocation', () => {
  test.each(ENDING_ANSWERS)(
    'that gets %s at any request is completed by its repetition, which loses no event.',
    async (status, code) => {
      const first = world.servers.server.requests.length;
      await runDaily();
      const count = world.servers.server.requests.length - first;
      expect(count).toBeGreaterThan(10);
      for (let index = 0; index < count; index++) {
        restore();
        const sent = world.events().length;
        let seen = 0;
        world.servers.server.before = () => (seen++ === index ? { status, code } : undefined);
        await runDaily();
        world.servers.server.before = () => undefined;
        expect((await runDaily(later(NOON, { seconds: 90 }))).error, `request ${index + 1}`).toBeUndefined();
        expectReported(`request ${index + 1}`);
        // The event is sent before it is recorded. If the record is what fails, people may receive it twice.
        expect(world.events().length - sent, `request ${index + 1}`).toBeGreaterThanOrEqual(1);
      }
    },
  );

  test('that ends between any two requests loses no event: the survey of the next day sends it.', async () => {
    const first = world.servers.server.requests.length;
    await runDaily();
    const count = world.servers.server.requests.length - first;
    const twice: number[] = [];
    for (let answered = 0; answered <= count; answered++) {
      restore();
      const sent = world.events().length;
      let seen = 0;
      world.servers.server.before = () => {
        if (seen++ >= answered) {
          throw new Error('the process has ended');
        }
        return undefined;
      };
      await runDaily();
      world.servers.server.before = () => undefined;
      await survey({ now: dayAfter(1) });
      await survey({ now: dayAfter(2) });
      expectReported(`after ${answered} requests`);
      const events = world.events().length - sent;
      expect(events, `after ${answered} requests`).toBeGreaterThanOrEqual(1);
      if (events > 1) {
        twice.push(answered);
      }
    }
    // Only if the process ends after the event, and before it is recorded: its read and its write.
    expect(twice.length).toBeLessThanOrEqual(2);
  });

  test('whose event is refused sends it at its repetition.', async () => {
    world.servers.bus.refuse = () => ({ ErrorCode: 'InternalFailure', ErrorMessage: 'try again' });
    const { error } = await runDaily();
    expect(error).toMatchObject({
      name: 'RevocationsNotCheckedError',
      message: expect.stringContaining('did not accept the event of order 1 (InternalFailure: try again)'),
    });
    expect(world.manifest('1')).toMatchObject({ publishable: false });
    expect(world.manifest('1').revocationReport).not.toHaveProperty('sentAt');
    world.servers.bus.refuse = () => undefined;
    expect((await runDaily()).error).toBeUndefined();
    expectReported('repetition');
  });

  test('at the same time as one after a deployment sends one event, in any order of their requests.', async () => {
    const config = { region: 'us-east-1', endpoint: world.servers.server.url, forcePathStyle: true, maxAttempts: 1 };
    const clientOf = (accessKeyId: string) =>
      new S3Client({ ...config, credentials: { accessKeyId, secretAccessKey: 'x' } });
    const clients = [clientOf('daily'), clientOf('deployment')] as const;
    for (let seed = 0; seed < 25; seed++) {
      restore();
      const before = world.events().length;
      const random = mulberry32(seed);
      const order = Array.from({ length: 200 }, () => Math.floor(random() * 2));
      await interleave(
        world.servers.server,
        {
          daily: () => survey({ s3: clients[0] }),
          deployment: () => survey({ s3: clients[1], now: later(NOON, { seconds: 5 }), sendDailyEvents: false }),
        },
        chooseBy(order),
      );
      expectReported(`seed ${seed}`);
      expect(world.events().length - before, `seed ${seed}`).toBe(1);
    }
    for (const client of clients) {
      client.destroy();
    }
  });
});
