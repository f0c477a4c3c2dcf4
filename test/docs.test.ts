import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { STATUSES } from '../functions/collectmc/codes.ts';

const markdownIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `${folder}/${file}`);

const PAGES = ['README.md', 'SECURITY.md', ...markdownIn('docs')];

const SOURCES = ['functions', 'infra', 'test'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`),
);

const textOf = (page: string): string => readFileSync(page, 'utf8').replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');

/** What a page has between backticks. */
const codeIn = (text: string): string[] => [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);

/** `NAME` stands for a name that the reader chooses. */
const isPath = (code: string): boolean =>
  /^(functions|infra|test|docs|\.ci|\.github)\/[\w./-]*$/.test(code) && !code.includes('NAME');

const isSourceName = (code: string): boolean => /^[\w.-]+\.(ts|py)$/.test(code) && !code.includes('NAME');

describe.each(PAGES)('%s', (page) => {
  const code = codeIn(textOf(page));

  test('Every path of the project in backticks exists.', () => {
    expect(code.filter(isPath).filter((path) => !existsSync(path))).toEqual([]);
  });

  test('Every name of a source file in backticks is the name of a file.', () => {
    const names = new Set(SOURCES.map((file) => basename(file)));
    expect(code.filter(isSourceName).filter((name) => !names.has(name))).toEqual([]);
  });

  test('A name with a file in parentheses, like `createStart` (`infra/triggers.ts`), is in that file.', () => {
    const claims = [...textOf(page).matchAll(/`(\w+)` \(`([\w./-]+\.ts)`/g)].map(([, name = '', path = '']) => ({
      name,
      path,
    }));
    expect(claims.filter(({ name, path }) => isPath(path) && !readFileSync(path, 'utf8').includes(name))).toEqual([]);
  });
});

describe("The README's table of the CA's answers", () => {
  const [, table = ''] =
    /\| the CA's answer \| what happens \|\n((?:\|.*\n)+)/.exec(readFileSync('README.md', 'utf8')) ?? [];
  const rows = table.split('\n').map((row) =>
    codeIn(row.split('|')[1] ?? '')
      .map(Number)
      .filter((status) => !Number.isNaN(status)),
  );

  test('It contains exactly the statuses of the code.', () => {
    const ascending = (statuses: Iterable<number>) => [...statuses].toSorted((a, b) => a - b);
    expect(ascending(rows.flat())).toEqual(ascending(STATUSES.keys()));
  });

  test('The statuses of one row are of one kind.', () => {
    const kinds = rows.map((statuses) => new Set(statuses.map((status) => STATUSES.get(status)?.kind)));
    expect(kinds.filter(({ size }) => size > 1)).toEqual([]);
  });
});
