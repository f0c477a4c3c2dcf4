import { execFileSync } from 'node:child_process';
import { lstat, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { attribute, elementsOf, textOf } from '../../functions/pages/parsed.ts';
import { FILES, openFiles } from './inspected-files.ts';

const { close, folder, trusting } = await openFiles();

afterAll(close);

const read = (name: string) => readFile(join(folder, name), 'utf8');
const texts = (page: string, name: string) =>
  elementsOf(page)
    .filter(({ tagName }) => tagName === name)
    .map((element) => textOf(element).replaceAll(/\s+/g, ' ').trim());

describe('inspect --html', () => {
  test('writes a report of one chain beside what it prints, and says where.', async () => {
    const printed = await trusting([FILES.clean]);
    const { status, stdout, stderr } = await trusting(['--html', 'one.html', FILES.clean]);
    expect({ status, stdout }).toEqual({ status: printed.status, stdout: printed.stdout });
    expect(stderr).toBe(`The report is in ${join(folder, 'one.html')}\n`);
    const page = await read('one.html');
    expect(texts(page, 'h1')).toEqual(['Example Brand Limited']);
    expect(texts(page, 'p')[0]).toMatch(/^Publishable\./);
    expect(page).toContain('by <bdi>mark-certificates inspect</bdi>');
  });

  test('writes one page about all targets, with the verdict of each first.', async () => {
    const { status } = await trusting(['--html', 'all.html', FILES.clean, FILES.error, FILES.broken]);
    expect(status).toBe(2);
    const page = await read('all.html');
    const [list = ''] = texts(page, 'ul');
    expect(list).toMatch(
      /\(clean\.pem\): Publishable .*\(error\.pem\): Not publishable .*\(broken\.pem\): Not readable/,
    );
    expect(elementsOf(page).filter(({ tagName }) => tagName === 'article')).toHaveLength(3);
  });

  test('leaves the JSON as it is.', async () => {
    const { stdout } = await trusting(['--json', '--html', 'json.html', FILES.clean]);
    expect(stdout).toBe((await trusting(['--json', FILES.clean])).stdout);
    expect(texts(await read('json.html'), 'h1')).toEqual(['Example Brand Limited']);
  });

  test('counts from the moment of --at, which the page states.', async () => {
    await trusting(['--html', 'at.html', FILES.clean]);
    const page = await read('at.html');
    expect(page).toContain('“Today” on this page is <time datetime="2026-06-01">');
    expect(texts(page, 'text')[0]).toBe('2026-06-01 (today)');
  });

  test('shows a logo alone, and states what --min-days found.', async () => {
    await writeFile(
      join(folder, 'alone.svg'),
      '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    );
    await trusting(['--html', 'logo.html', 'alone.svg']);
    const page = await read('logo.html');
    expect(texts(page, 'p')[0]).toMatch(/^Not accepted\./);
    expect(elementsOf(page).filter(({ tagName }) => tagName === 'script')).toEqual([]);
    const images = elementsOf(page).filter(({ tagName }) => tagName === 'img');
    expect(images.map((image) => attribute(image, 'alt'))).toEqual(Array(6).fill('Logo of alone.svg'));
    await trusting(['--html', 'days.html', '--min-days', '300', FILES.clean]);
    expect(texts(await read('days.html'), 'p')[0]).toContain('214 days are left, fewer than 300 (--min-days)');
  });

  test('replaces an older page whole, and leaves nothing else in the folder.', async () => {
    await mkdir(join(folder, 'pages'));
    await writeFile(join(folder, 'pages', 'page.html'), 'old');
    await trusting(['--html', 'pages/page.html', FILES.clean]);
    expect(await readdir(join(folder, 'pages'))).toEqual(['page.html']);
    expect(await read('pages/page.html')).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
  });

  test.each(['', '-'])('refuses the file name "%s".', async (name) => {
    const { status, stderr } = await trusting(['--html', name, FILES.clean]);
    expect(status).toBe(64);
    expect(stderr).toContain('--html');
  });

  test('leaves what was there if the page cannot be written, with the next step.', async () => {
    await mkdir(join(folder, 'a-folder'));
    const { status, stderr } = await trusting(['--html', 'a-folder', FILES.clean]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^The page cannot be written to .*a-folder: .*\nNext: Name a file/);
    expect((await stat(join(folder, 'a-folder'))).isDirectory()).toBe(true);
    expect((await readdir(folder)).filter((name) => name.startsWith('.a-folder'))).toEqual([]);
  });

  test.each([
    ['pipe', 'pipe'],
    ['link-to-pipe', 'another-pipe'],
  ])('writes into a pipe, which stays one: %s.', async (name, pipe) => {
    execFileSync('mkfifo', [join(folder, pipe)]);
    if (name !== pipe) {
      await symlink(pipe, join(folder, name));
    }
    const received = read(pipe);
    const { status } = await trusting(['--html', name, FILES.clean]);
    const isPipe = (await lstat(join(folder, pipe))).isFIFO();
    if (!isPipe) {
      // The reader waits for a writer.
      await writeFile(join(folder, pipe), '');
    }
    expect({ status, isPipe }).toEqual({ status: 0, isPipe: true });
    expect(await received).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
  });

  test('replaces the file that a link names, and leaves the link.', async () => {
    await mkdir(join(folder, 'public'));
    await writeFile(join(folder, 'public', 'report.html'), 'old');
    await symlink(join('public', 'report.html'), join(folder, 'link.html'));
    await trusting(['--html', 'link.html', FILES.clean]);
    expect(await readlink(join(folder, 'link.html'))).toBe(join('public', 'report.html'));
    expect(await readdir(join(folder, 'public'))).toEqual(['report.html']);
    expect(await read('public/report.html')).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
  });
});
