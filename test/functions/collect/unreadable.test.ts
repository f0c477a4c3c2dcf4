import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { PASSWORD, prepareExecution } from './execution.ts';

describe('A reply that cannot be read', () => {
  test.each(['<html><p>Maintenance</p></html>', '{"answer": 42}', '2\nnot a certificate', '17', 'Bonjour'])(
    'is kept (%j).',
    async (body) => {
      const run = prepareExecution(body);

      expect(await run.check()).toMatchObject({ outcome: 'waiting', reason: 'outage' });

      expect(run.unreadable.map((bytes) => Buffer.from(bytes).toString())).toEqual([body]);
      expect(run.statuses).toMatchObject([{ reason: 'outage' }]);
    },
  );

  test.each(['', '0', '-14\nError'])('is not kept if nothing in it is unknown (%j).', async (body) => {
    const run = prepareExecution(body);
    await run.check();
    expect(run.unreadable).toEqual([]);
  });

  test('is kept up to 64 KiB.', async () => {
    const run = prepareExecution(`Bonjour ${'x'.repeat(100_000)}`);
    await run.check();
    expect(run.unreadable.map((bytes) => bytes.length)).toEqual([64 * 1024]);
  });

  test('is kept without the password, also where the limit cuts it.', async () => {
    const half = PASSWORD.length / 2;
    const echo = `Bonjour ${PASSWORD} `;
    const run = prepareExecution(`${echo}${'x'.repeat(64 * 1024 - echo.length - half)}${PASSWORD}`);

    await run.check();

    const [kept] = run.unreadable.map((bytes) => Buffer.from(bytes).toString());
    expect(kept).toContain('Bonjour [password] x');
    expect(kept).not.toContain(PASSWORD.slice(0, half));
    expect(JSON.stringify([run.statuses, run.events, run.observed])).not.toContain(PASSWORD);
  });

  test('is not kept if it contains a private key.', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const run = prepareExecution(`<html><pre>\n${privateKey.export({ type: 'pkcs8', format: 'pem' })}`);

    expect(await run.check()).toMatchObject({ outcome: 'waiting', reason: 'outage' });

    expect(run.unreadable).toEqual([]);
  });

  test('that cannot be kept does not end the check.', async () => {
    const run = prepareExecution('<html>');
    run.fail('status', new Error('S3 is down'));

    expect(await run.check()).toMatchObject({ outcome: 'waiting', reason: 'outage' });

    expect(run.problems.map(String)).toContain('Error: S3 is down');
  });
});
