import { existsSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join, relative } from 'node:path';
import { expect, test, vi } from 'vitest';
import * as start from '../../../infra/commands/start.ts';
import { PROJECT } from '../synthesized.ts';
import { makeLocalFolder, runHere, startInFolder } from './run.ts';

const { DISPLAY: _, WAYLAND_DISPLAY: __, ...WITHOUT_SCREEN } = process.env;

test('npm start -- --open serves the report, opens it in the browser, and ends with Ctrl-C.', async () => {
  const folder = await makeLocalFolder();
  // A browser that writes the URLs that it opens into a file.
  const opened = join(folder, 'opened');
  for (const name of ['xdg-open', 'open']) {
    await writeFile(join(folder, name), `#!/bin/sh\necho "$1" >> ${opened}\n`);
    await chmod(join(folder, name), 0o755);
  }
  const environment = { ...WITHOUT_SCREEN, DISPLAY: ':0', PATH: `${folder}${delimiter}${process.env.PATH}` };
  const args = ['--order', '1640000001', '--open'];
  const { child, ended, printed } = await startInFolder('start', folder, args, /as expected\.\n/, environment);
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
  while (process.platform !== 'win32' && !existsSync(opened)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(await readFile(opened, 'utf8')).toBe(`${url}\n`);

  child.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
  await expect(fetch(url)).rejects.toThrow();
}, 60_000);

test('Without pages, --open does not wait, and without --open the files are named.', async () => {
  const folder = await makeLocalFolder();
  vi.stubEnv('DISPLAY', undefined);
  vi.stubEnv('WAYLAND_DISPLAY', undefined);
  const startHere = (...args: readonly string[]) =>
    runHere({ ...start, main: (given) => start.main(given, folder) }, args);
  const listeners = process.listenerCount('SIGINT');

  const refused = await startHere('--order', 'no-number', '--open');
  expect(refused.stdout).toContain('was refused');
  expect(refused.stdout).toMatch(/^Pages +none$/m);
  expect(refused.status).toBe(1);

  const failed = await startHere('--order', '1640000002', '--scenario', 'rejected');
  expect(failed.stdout).toMatch(/as expected\.\n$/);
  const [, overview = ''] = /^Pages +(\S+)$/m.exec(failed.stdout) ?? [];
  expect(overview).toBe(relative(PROJECT, join(folder, 'overview/index.html')));
  expect(await readFile(join(PROJECT, overview), 'utf8')).toContain('failed: OrderRejected');
  expect(failed.status).toBe(0);

  const issued = await startHere('--order', '1640000003');
  expect(issued.stdout).toMatch(/as expected\.\n$/);
  const [, file = ''] = /^Pages +(\S+)$/m.exec(issued.stdout) ?? [];
  expect(file).toBe(relative(PROJECT, join(folder, 'orders/1640000003/report.html')));
  expect(await readFile(join(PROJECT, file), 'utf8')).toContain('<h1');
  expect(issued.status).toBe(0);
  expect(process.listenerCount('SIGINT')).toBe(listeners);
}, 60_000);
