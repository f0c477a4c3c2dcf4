/**
 * The style sheet of all pages. Each colour is a property with a light and a dark value, with a contrast of at least 4.5
 * on every background that is used here (WCAG 2.2, 1.4.3). Long words break, so that nothing is wider than 360 pixels.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #ffffff;
  --panel: #f4f6f9;
  --text: #1b1f24;
  --quiet: #4d5765;
  --line: #c9d0d9;
  --link: #0b57b7;
  --good: #116329;
  --good-panel: #e3f5e7;
  --warning: #7a4a00;
  --warning-panel: #fdf1d8;
  --error: #a40e26;
  --error-panel: #fde8ea;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #14171c;
    --panel: #1e232b;
    --text: #e7eaee;
    --quiet: #aeb7c3;
    --line: #3b4451;
    --link: #8ec1ff;
    --good: #6fdd8b;
    --good-panel: #15301d;
    --warning: #f2c14e;
    --warning-panel: #352a10;
    --error: #ff9a9a;
    --error-panel: #3d1a1f;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0;
  background: var(--page);
  color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  overflow-wrap: anywhere;
}
main, footer { max-width: 62rem; margin: 0 auto; padding: 1rem; }
footer { border-top: 1px solid var(--line); color: var(--quiet); font-size: .875rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: .5rem 0 1rem; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 2.25rem 0 .75rem; }
h3, h4 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
p { margin: .5rem 0; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
code, .mono, textarea { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; font-size: .875rem; }
.quiet { color: var(--quiet); }
.good { color: var(--good); }
.warning { color: var(--warning); }
.error { color: var(--error); }
.verdict { border-left: .375rem solid var(--line); background: var(--panel); padding: .75rem 1rem; font-size: 1.125rem; }
.verdict.good { border-color: var(--good); background: var(--good-panel); }
.verdict.warning { border-color: var(--warning); background: var(--warning-panel); }
.verdict.error { border-color: var(--error); background: var(--error-panel); }
dl { margin: .5rem 0; }
dt { color: var(--quiet); }
dd { margin: 0 0 .5rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
caption { text-align: left; color: var(--quiet); padding-bottom: .25rem; }
th, td { text-align: left; vertical-align: top; padding: .375rem .75rem .375rem 0; border-bottom: 1px solid var(--line); }
.logo { display: block; object-fit: contain; background: #ffffff; }
.round { border-radius: 50%; }
.on-white { background: #ffffff; }
.on-dark { background: #202124; }
@media (min-width: 40rem) {
  dl { display: grid; grid-template-columns: minmax(8rem, 12rem) 1fr; gap: .375rem 1rem; }
  dd { margin: 0; min-width: 0; }
}
@media print {
  @page { size: A4; margin: 16mm; }
  :root { color-scheme: only light; }
  body { font-size: 10.5pt; }
  main, footer { max-width: none; padding: 0; }
  h1, h2, h3, h4 { break-after: avoid; }
  tr, li, dt, .verdict, .together { break-inside: avoid; }
  .verdict, .on-white, .on-dark, .logo { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
