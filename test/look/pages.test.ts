/** The pages of this project in a browser. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openAuthority } from '../authority.ts';
import { PROJECT } from '../infra/synthesized.ts';
import { openBrowser, type RecordingBrowser } from './browser.ts';
import { pagesOf } from './corpus.ts';
import { auditDocument, findOverflow, findViolations, nameOf, VIEWS } from './judge.ts';
import { type OpenPage, openPage } from './observe.ts';
import { type PageServer, startPageServer } from './page-server.ts';

/** Pictures for people, and for the results of a CI run. No test compares them. */
const PICTURES = join(PROJECT, '.local', 'look');

const pages = await pagesOf(await openAuthority());
const typical = pages.filter(({ isTypical }) => isTypical);

let server: PageServer;
let recording: RecordingBrowser;

beforeAll(async () => {
  await rm(PICTURES, { recursive: true, force: true });
  await mkdir(PICTURES, { recursive: true });
  [server, recording] = await Promise.all([startPageServer(), openBrowser()]);
});

/** The hosts of all pages are known only after the browser ended. */
afterAll(async () => {
  const hosts = await recording.close();
  await server.close();
  expect(server.others).toEqual([]);
  expect(hosts).toEqual([server.host]);
});

async function withPage(html: string, use: (page: OpenPage) => Promise<void>, javascript = true): Promise<void> {
  const page = await openPage(recording.browser, server, html, { javascript });
  await use(page);
  expect(page.observations).toEqual([]);
  expect(await page.hasMarker()).toBe(false);
  await page.close();
}

test.each(pages)('$name runs nothing, requests nothing, and fits on a small telephone.', async ({ name, html }) => {
  await withPage(html, async (page) => {
    const view = { width: 360, scheme: 'light' } as const;
    const violations = await findViolations(page, view);
    await page.screenshot(join(PICTURES, `${name}-${nameOf(view)}.png`));
    // WCAG 2.2, 1.4.10.
    const overflow = await findOverflow(page, 320);
    expect({ violations, overflow, faults: await auditDocument(page) }).toEqual({
      violations: [],
      overflow: [],
      faults: [],
    });
  });
});

describe.each(typical)('$name', ({ name, html }) => {
  test('is accessible in every view, and its pictures are kept.', async () => {
    await withPage(html, async (page) => {
      const violations: string[] = [];
      for (const view of VIEWS) {
        violations.push(...(await findViolations(page, view)));
        await page.screenshot(join(PICTURES, `${name}-${nameOf(view)}.png`));
      }
      expect(violations).toEqual([]);
      await page.pdf(join(PICTURES, `${name}.pdf`));
    });
  });

  test('is the same without scripts.', async () => {
    const seen: unknown[] = [];
    for (const javascript of [true, false]) {
      await withPage(
        html,
        async (page) => {
          await page.show({ width: 768, scheme: 'light' });
          seen.push(await page.evaluate('[document.body.innerText, document.body.scrollHeight]'));
        },
        javascript,
      );
    }
    expect(seen[0]).toEqual(seen[1]);
  });
});
