import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { html } from '../../../functions/pages/html.ts';
import { type Page, renderPage } from '../../../functions/pages/page.ts';

const PAGE: Page = {
  title: 'Report',
  content: html`<h1>Report</h1>`,
  writtenAt: new Date('2026-11-27T08:00:00Z'),
  writtenBy: 'Collect',
};

/** The style sheet of a page, and the policy in it. */
function partsOf(page: string) {
  const [, style = ''] = /<style>([\s\S]*?)<\/style>/.exec(page) ?? [];
  const [, policy = ''] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page) ?? [];
  return { style, policy: policy.replaceAll('&#39;', "'") };
}

describe('A page', () => {
  test('allows its own style sheet by its hash, images in the page, and nothing else.', () => {
    const { style, policy } = partsOf(renderPage(PAGE));
    const hash = createHash('sha256').update(style).digest('base64');
    expect(policy).toBe(
      `default-src 'none'; img-src data:; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`,
    );
  });

  test('makes browsers neither ask for an icon nor resolve the hosts of links.', () => {
    expect(renderPage(PAGE)).toContain('<link rel="icon" href="data:,">');
    expect(renderPage(PAGE)).toContain('<meta http-equiv="x-dns-prefetch-control" content="off">');
  });

  test('can add rules to the style sheet, which the hash covers.', () => {
    const plain = partsOf(renderPage(PAGE));
    const other = partsOf(renderPage({ ...PAGE, styles: 'td > b { color: inherit; }' }));
    expect(other.style).toBe(`${plain.style}td > b { color: inherit; }`);
    expect(other.policy).toContain(createHash('sha256').update(other.style).digest('base64'));
  });

  test('states when, by what and by which collector it was written.', () => {
    const page = renderPage({ ...PAGE, collector: '<b>', note: 'Days count from then.' });
    expect(page).toContain(
      '<p>Written <time datetime="2026-11-27T08:00:00.000Z">2026-11-27 08:00 UTC</time> by <bdi>Collect</bdi>, collector <bdi>&lt;b&gt;</bdi>. Days count from then.</p>',
    );
    expect(renderPage(PAGE)).toContain('by <bdi>Collect</bdi>. </p>');
  });

  test('has a title that is escaped and cut.', () => {
    expect(renderPage({ ...PAGE, title: '</title><script>' })).toContain('<title>&lt;/title&gt;&lt;script&gt;</title>');
    const [, title = ''] = /<title>(.*)<\/title>/.exec(renderPage({ ...PAGE, title: 'x'.repeat(10_000) })) ?? [];
    expect(title.length).toBeLessThanOrEqual(120);
  });
});
