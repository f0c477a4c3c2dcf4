/** What is wrong with a page that is open, as lines of text. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { resolvePackage } from './install.ts';
import type { OpenPage, View } from './observe.ts';

const inPage = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8');
const AUDIT = inPage('audit.js');
const LAYOUT = inPage('layout.js');

const textsSchema = v.array(v.string());

/** What the document contains although a page must not. */
export async function auditDocument(page: OpenPage): Promise<readonly string[]> {
  return v.parse(textsSchema, await page.evaluate(AUDIT));
}

/** The widths of windows in CSS pixels: a small telephone, a tablet, a laptop. */
export const WIDTHS = [360, 768, 1280] as const;

/** The width of text on A4 with margins of 16 mm: 178 mm of 96 pixels an inch. */
const A4_WIDTH = 672;

/** The ways in which a page is seen. On paper, the scheme of the screen must have no effect. */
export const VIEWS: readonly View[] = [
  ...(['light', 'dark'] as const).flatMap((scheme) => WIDTHS.map((width) => ({ width, scheme }))),
  { width: A4_WIDTH, scheme: 'dark', media: 'print' },
];

/** A name of a view for files and faults. */
export const nameOf = ({ width, scheme, media = 'screen' }: View) =>
  media === 'print' ? `print-${width}` : `${scheme}-${width}`;

/** What is wider than the window. WCAG 2.2, 1.4.10, requires 320 pixels. */
export async function findOverflow(page: OpenPage, width: number): Promise<readonly string[]> {
  await page.show({ width, scheme: 'light' });
  return v.parse(textsSchema, await page.evaluate(LAYOUT));
}

/** WCAG 2.0 to 2.2, A and AA, and what axe recommends beyond. https://www.deque.com/axe/core-documentation/api-documentation/ */
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice'];

const axeSchema = v.object({
  violations: v.array(
    v.object({ id: v.string(), nodes: v.array(v.object({ html: v.string(), failureSummary: v.string() })) }),
  ),
});

/** The violations that axe finds, in one view. */
export async function findViolations(page: OpenPage, view: View): Promise<readonly string[]> {
  await page.show(view);
  const options = JSON.stringify({ runOnly: TAGS, resultTypes: ['violations'] });
  const run = `axe.run(document, ${options}).then(({ violations }) => ({ violations }))`;
  if (!(await page.evaluate('typeof axe === "object"'))) {
    await page.evaluate(`${readFileSync(resolvePackage('axe-core'), 'utf8')}; undefined`);
  }
  const { violations } = v.parse(axeSchema, await page.evaluate(run));
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(
      ({ html, failureSummary }) =>
        `${nameOf(view)} ${id}: ${html.slice(0, 160)} ${failureSummary.replaceAll(/\s+/g, ' ')}`,
    ),
  );
}
