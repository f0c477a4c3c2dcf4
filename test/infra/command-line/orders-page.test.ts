import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { manifestKey } from '../../../functions/store/manifest.ts';
import { statusKey } from '../../../functions/store/status.ts';
import { failureOf, manifestOf, NOON, sha256Of, statusOf } from '../../functions/survey/samples.ts';
import { deployed, put, stackNamed, stepFunctionsWith } from './deployed.ts';
import { run } from './run.ts';

let folder: string;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(NOON) });
  folder = await mkdtemp(join(tmpdir(), 'orders-'));
  onTestFinished(async () => {
    vi.useRealTimers();
    await rm(folder, { recursive: true });
  });
  const s3 = await deployed({ actions: stepFunctionsWith({ 'order-1': 'RUNNING' }) });
  const logo = '<svg xmlns="http://www.w3.org/2000/svg"/>';
  const { objects } = manifestOf('4');
  await put(s3, statusKey('1'), statusOf('1'));
  await put(s3, statusKey('2'), failureOf('2', { account: 'brand-a' }));
  await put(s3, statusKey('4'), statusOf('4', { state: 'issued', reason: undefined }));
  const listed = { key: 'orders/4/logo.svg', size: logo.length, sha256: sha256Of(logo) };
  await put(s3, manifestKey('4'), manifestOf('4', { objects: { ...objects, logo: listed } }));
  await put(s3, 'orders/4/logo.svg', logo);
});

test('orders --html writes one page with the orders as they are, with their logos, and prints nothing.', async () => {
  const file = join(folder, 'orders.html');
  const { exitCode, out } = await run(['orders', '--html', file]);
  expect({ exitCode, out }).toEqual({ exitCode: 0, out: '' });
  const page = await readFile(file, 'utf8');
  for (const number of ['1', '2', '4']) {
    expect(page).toContain(`id="o${number}"`);
  }
  expect(page).toContain('data:image/svg+xml;base64,');
  expect(page).toContain('mark-certificates orders');
  expect(page).not.toContain('not published');
});

test('The other options select what is on the page.', async () => {
  const file = join(folder, 'orders.html');
  await run(['orders', '--account', 'brand-a', '--html', file]);
  const page = await readFile(file, 'utf8');
  expect(page).toContain('id="o2"');
  expect(page).not.toContain('id="o1"');
});

test.each(['P45D', 'PT1080H', 'P44DT24H'])(
  'The page uses the setting remindBefore in every form: %s.',
  async (remindBefore) => {
    const name = 'mark-certificate-collector';
    const Settings = JSON.stringify({ name, eventSource: 'mark-certificates', remindBefore });
    await deployed({ stacks: [stackNamed(name, { Settings })], actions: stepFunctionsWith({}) });
    const file = join(folder, 'orders.html');
    await run(['orders', '--html', file]);
    expect(await readFile(file, 'utf8')).toContain('Expires within 45 days');
  },
);

test('A file that cannot be written is an error with the next step, and a name that is none is wrong usage.', async () => {
  await writeFile(join(folder, 'file'), '');
  const { exitCode, err } = await run(['orders', '--html', join(folder, 'file', 'orders.html')]);
  expect(exitCode).toBe(2);
  expect(err).toContain('The page cannot be written to');
  expect(err).toContain('Name a file that can be written');
  expect(await run(['orders', '--html', ''])).toMatchObject({ exitCode: 64 });
});
