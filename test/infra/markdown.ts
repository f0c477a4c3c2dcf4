/** Reads the Markdown pages of this project, and finds headings, tables and links in them. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from './synthesized.ts';

/** Every page of documentation, relative to the project. */
export const PAGES = globSync(['*.md', 'docs/**/*.md'], { cwd: PROJECT }).toSorted();

export function read(file: string): string {
  return readFileSync(join(PROJECT, file), 'utf8');
}

/** A page without its code blocks. */
export function proseOf(markdown: string): string {
  return markdown.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');
}

export function headingsOf(markdown: string): string[] {
  return [...proseOf(markdown).matchAll(/^#{1,6} +(.+?) *$/gm)].map(([, heading = '']) => heading);
}

/** The anchor of a heading by GitHub's rule: lower case, without punctuation, a hyphen for each space. */
export function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{Letter}\p{Number}\p{Mark} _-]/gu, '')
    .replaceAll(' ', '-');
}

/** The rows of the table below a header row, each as its cells. */
export function tableBelow(markdown: string, header: string): string[][] {
  const [, below = ''] = markdown.split(`${header}\n`);
  const rows = /^(?:\|.*\n)+/.exec(below)?.[0].trim().split('\n') ?? [];
  return rows.slice(1).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** The text between the backticks of a cell; empty if the cell contains anything else. */
export function codeIn(cell: string): string {
  return /^`(.*)`$/.exec(cell)?.[1] ?? '';
}

/** Every text between single backticks in the prose of a page. */
export function codesIn(markdown: string): string[] {
  return [...proseOf(markdown).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
}

/** What a pattern's first group matches in all pages. */
export function namedInPages(pattern: RegExp): string[] {
  return PAGES.flatMap((page) => [...read(page).matchAll(pattern)].map(([, name = '']) => name));
}
