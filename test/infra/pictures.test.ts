import { readdirSync, statSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { PAGES, proseOf, read } from './markdown.ts';
import { PROJECT } from './synthesized.ts';

const FOLDER = 'docs/pictures';

/** Everybody who clones the project downloads them. */
const MAX_BYTES = 300_000;

/** The pictures that pages show: their files, relative to the project, and the texts in place of them. */
const shown = PAGES.flatMap((page) =>
  [...proseOf(read(page)).matchAll(/!\[([^\]]*)\]\(([^)]+)\)/g)].map(([, text = '', file = '']) => ({
    page,
    text,
    file: normalize(join(page, '..', file)),
  })),
);

test('The pages show pictures.', () => {
  expect(shown.length).toBeGreaterThan(2);
});

test.each(shown)('$page: $file exists and has a text for those who do not see it.', ({ file, text }) => {
  expect(statSync(join(PROJECT, file)).size).toBeGreaterThan(0);
  expect(text).toMatch(/^.{10,}$/);
});

test('Every picture of the folder is shown, and all of them are small.', () => {
  const files = readdirSync(join(PROJECT, FOLDER)).map((name) => `${FOLDER}/${name}`);
  expect(shown.map(({ file }) => file)).toEqual(expect.arrayContaining(files));
  const bytes = files.reduce((sum, file) => sum + statSync(join(PROJECT, file)).size, 0);
  expect(bytes).toBeLessThan(MAX_BYTES);
});

test('The README shows at most two.', () => {
  expect(shown.filter(({ page }) => page === 'README.md').length).toBeLessThanOrEqual(2);
});
