/** What the report adds to the style sheet of all pages. */
export const REPORT_STYLE = `
.places { display: flex; flex-wrap: wrap; gap: 1rem; }
.place { margin: 0; flex: 1 1 18rem; max-width: 29rem; min-width: 0; display: flex; flex-direction: column; }
.place .mail { display: flex; align-items: center; gap: .75rem; padding: .75rem; border: 1px solid var(--line); border-radius: .375rem; flex: 1; }
.place .mail p { margin: 0; min-width: 0; font-weight: 600; }
.place .on-white p { color: #1b1f24; }
.place .on-dark p { color: #e8eaed; }
.place .logo { flex: none; background: none; }
figcaption { color: var(--quiet); font-size: .875rem; padding-top: .25rem; }
.timeline { display: block; overflow: visible; margin: .5rem 0; }
.timeline text { fill: var(--text); font-size: .8125rem; }
.timeline .today { font-weight: 600; }
.timeline .whole { fill: var(--line); }
.timeline .passed { fill: var(--quiet); }
.timeline .mark { stroke: var(--text); stroke-width: 2; }
.finding { border-left: .25rem solid var(--line); padding: .125rem 0 .125rem .75rem; margin: .75rem 0; list-style: none; }
.finding.error { border-color: var(--error); color: inherit; }
.finding.warning { border-color: var(--warning); color: inherit; }
.findings { padding: 0; margin: .5rem 0; }
.record { margin: 1rem 0; }
.record label { display: block; color: var(--quiet); margin-top: .5rem; }
textarea { display: block; width: 100%; max-width: 100%; field-sizing: content; resize: vertical; padding: .5rem; color: inherit; background: var(--panel); border: 1px solid var(--quiet); border-radius: .25rem; overflow-wrap: anywhere; }
th { overflow-wrap: break-word; }
th[scope="row"] { overflow-wrap: anywhere; min-width: 5.5rem; }
.names { columns: 16rem; padding-left: 1.25rem; }
article { border-top: 3px double var(--line); margin-top: 3rem; padding-top: 1rem; }
@media (max-width: 40rem) {
  table { font-size: .875rem; }
  th, td { padding-right: .5rem; }
}
@media print {
  textarea { border: 1px solid #999999; }
  .places { gap: .5rem; }
  article { break-before: page; border: 0; }
}
`;
