/** `npm run pictures` makes the pictures of the documentation, in docs/pictures/. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { html } from '../../functions/pages/html.ts';
import { createCertificateAuthority } from '../../infra/local/ca/certificate-authority.ts';
import { PROJECT } from '../infra/synthesized.ts';
import { openBrowser } from './browser.ts';
import { exampleReport } from './corpus.ts';
import { setup } from './install.ts';
import { openPage } from './observe.ts';
import { exampleOverview } from './overviews.ts';
import { startPageServer } from './page-server.ts';

const FOLDER = join(PROJECT, 'docs', 'pictures');
const MESSAGE = join(PROJECT, 'test', 'functions', 'notify', 'messages', 'issued-published.txt');

/** A page with lines of text in columns, as in a mail program or a terminal. */
function linesPage(lines: readonly string[], colours: { readonly page: string; readonly text: string }): string {
  return html`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Lines</title><link rel="icon" href="data:,">
<style>html { background: ${colours.page}; color: ${colours.text}; } body { margin: 0; } pre { margin: 0; padding: 16px; font: 13px/1.45 monospace; white-space: pre-wrap; overflow-wrap: anywhere; }</style>
<pre>${lines.join('\n')}</pre></html>`.toString();
}

/** The lines of `npm start` that are the same in every run: without addresses, bodies of messages and digests. */
async function storyOfStart(): Promise<readonly string[]> {
  const args = ['infra/commands/start.ts', '--scenario', 'outage'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: PROJECT });
  const [story = ''] = /^Event [\s\S]*?^Succeeded .*$/m.exec(stdout) ?? [];
  const lines = story.split('\n').filter((line) => !/^ +\|/.test(line));
  return [
    '$ npm start -- --scenario outage',
    '',
    ...lines,
    ...(/^Pages .*\n(?: +.*\n)*/m.exec(stdout)?.[0].trimEnd().split('\n') ?? []),
  ];
}

interface Picture {
  readonly name: string;
  readonly html: string;
  readonly width: number;
  /** Default: the whole page. */
  readonly height?: number;
}

await setup();
await mkdir(FOLDER, { recursive: true });
const since = { notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('2045-01-01T00:00:00Z') };
const stored = await createCertificateAuthority({ directory: join(PROJECT, '.local', 'ca') });
const authority = stored.with({ root: since, issuing: since });
const message = (await readFile(MESSAGE, 'utf8')).trimEnd().split('\n');
const pictures: readonly Picture[] = [
  // Below, there are digests of keys, which differ in each run.
  { name: 'report', html: await exampleReport(authority), width: 800, height: 955 },
  { name: 'overview', html: exampleOverview(), width: 980, height: 784 },
  { name: 'message', html: linesPage(message, { page: '#ffffff', text: '#1b1f24' }), width: 700 },
  { name: 'start', html: linesPage(await storyOfStart(), { page: '#14171c', text: '#e7eaee' }), width: 800 },
];

const [server, { browser, close }] = await Promise.all([startPageServer(), openBrowser()]);
for (const picture of pictures) {
  const file = join(FOLDER, `${picture.name}.png`);
  const page = await openPage(browser, server, picture.html);
  await page.show({ width: picture.width, scheme: 'light' });
  const height =
    picture.height ?? Number(await page.evaluate('document.documentElement.getBoundingClientRect().height'));
  await page.screenshot(file, Math.ceil(height));
  await page.close();
  console.log(`docs/pictures/${picture.name}.png ${(await stat(file)).size} bytes`);
}
await Promise.all([close(), server.close()]);
