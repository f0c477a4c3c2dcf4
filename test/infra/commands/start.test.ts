import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

let folder: string;

/** A browser that writes the URLs that it opens into a file. */
const opened = () => join(folder, 'opened');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mark-certificates-start-'));
  for (const name of ['xdg-open', 'open']) {
    await writeFile(join(folder, name), `#!/bin/sh\necho "$1" >> ${opened()}\n`);
    await chmod(join(folder, name), 0o755);
  }
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs `npm start` with the given screen until it prints a line that matches. */
async function start(args: readonly string[], until: RegExp, display: string | undefined) {
  const { DISPLAY: _, WAYLAND_DISPLAY: __, ...environment } = process.env;
  const child = spawn(process.execPath, ['infra/commands/start.ts', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...environment,
      ...(display !== undefined && { DISPLAY: display }),
      PATH: `${folder}${delimiter}${process.env.PATH}`,
    },
  });
  const ended = once(child, 'exit');
  let printed = '';
  for await (const chunk of child.stdout) {
    printed += chunk;
    if (until.test(printed)) {
      break;
    }
  }
  return { child, ended, printed };
}

test('npm start -- --open serves the report, opens it in the browser, and ends with Ctrl-C.', async () => {
  const { child, ended, printed } = await start(['--order', '1640000001', '--open'], /as expected\.\n/, ':0');
  const [, url = '', overview = ''] =
    /^Pages +(http:\/\/127\.0\.0\.1:\d+\/orders\/1640000001\/report\.html)\n +(http:\S+\/overview\/index\.html)\n +until Ctrl-C$/m.exec(
      printed,
    ) ?? [];

  const response = await fetch(url);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(response.headers.get('cache-control')).toBe('private, no-store');
  expect(await response.text()).toContain('<h1');
  expect(await (await fetch(overview)).text()).toContain('1640000001');
  while (process.platform !== 'win32' && !existsSync(opened())) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(await readFile(opened(), 'utf8')).toBe(`${url}\n`);

  child.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
  await expect(fetch(url)).rejects.toThrow();
}, 60_000);

test('Without pages, --open does not wait, and without --open the files are named.', async () => {
  const refused = await start(['--order', 'no-number', '--open'], /was refused.*\n/, undefined);
  expect(refused.printed).toMatch(/^Pages +none$/m);
  expect(await refused.ended).toEqual([1, null]);

  const failed = await start(['--order', '1640000002', '--scenario', 'rejected'], /as expected\.\n/, undefined);
  const [, overview = ''] = /^Pages +(\S+)$/m.exec(failed.printed) ?? [];
  expect(overview).toBe('.local/overview/index.html');
  expect(await readFile(overview, 'utf8')).toContain('failed: OrderRejected');
  expect(await failed.ended).toEqual([0, null]);

  const issued = await start(['--order', '1640000003'], /as expected\.\n/, undefined);
  const [, file = ''] = /^Pages +(\S+)$/m.exec(issued.printed) ?? [];
  expect(file).toBe('.local/orders/1640000003/report.html');
  expect(await readFile(file, 'utf8')).toContain('<h1');
  expect(await issued.ended).toEqual([0, null]);
}, 60_000);
