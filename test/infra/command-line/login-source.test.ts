import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { openLogin } from '../../../infra/command-line/collect/login-source.ts';
import { run } from './run.ts';

/** A stream that never ends, and counts what was read of it. */
function endless(text: string) {
  let bytes = 0;
  const input = new Readable({
    highWaterMark: 1024,
    read() {
      bytes += text.length * 1024;
      this.push(Buffer.from(text.repeat(1024)));
    },
  });
  return { input, read: () => bytes };
}

test('A login on a standard input that never ends is refused after its beginning.', async () => {
  const { input, read } = endless('brand@example.com\ns3cret\n');
  const opening = openLogin('-', { input, folder: '.', isInteractive: false });
  await expect(opening).rejects.toThrow(/^The login on standard input cannot be used: it has more than 65536 bytes/);
  expect(read()).toBeLessThan(1024 * 1024);
});

test('A login is not read from a terminal that shows it, as with a redirected standard error.', async () => {
  const typed = Readable.from([Buffer.from('brand@example.com\ns3cret\n')]);
  const input = Object.assign(typed, { isTTY: true });
  const opening = openLogin('-', { input, folder: '.', isInteractive: false }, '--file');
  await expect(opening).rejects.toThrow(
    /^The login on standard input cannot be used: it is typed into a terminal, which would show it\.$/,
  );
  await expect(opening).rejects.toMatchObject({ exitCode: 2, next: expect.stringContaining('--file') });
});

test.each([
  ['standard input', ['inspect', '-', '--json'], 'x'.repeat(11 * 1024 * 1024)],
  ['a device', ['inspect', '/dev/zero', '--json'], ''],
])('What never ends is not inspected: %s.', async (_, args, input) => {
  const { exitCode, out } = await run(args, { input });
  expect(exitCode).toBe(2);
  expect(JSON.parse(out).error.message).toContain('it has more than 10485760 bytes');
});
