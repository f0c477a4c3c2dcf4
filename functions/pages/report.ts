import { day, type Html, html, outside, plainText } from './html.ts';
import { renderLogoPlaces } from './logo-places.ts';
import { renderPage } from './page.ts';
import {
  chainSection,
  failuresSection,
  findingsSection,
  logoFacts,
  lookupSection,
  orderSection,
  ownerSection,
  type Place,
  receiversSection,
  recordsSection,
  revocationSection,
  sctSection,
  section,
  validitySection,
} from './report-sections.ts';
import { REPORT_STYLE } from './report-style.ts';
import type { CertificateSubject, Subject, Writing } from './report-view.ts';
import { verdictOf } from './verdict.ts';

/** The size of a page with one subject, in bytes: it must open in a mail program and on a telephone. */
export const REPORT_BYTES = 300_000;

/** What the shell and the style sheet take of it. */
const SHELL_BYTES = 10_000;

/** What the logo of one of several subjects may take. */
const LISTED_LOGO_BYTES = 100_000;

/** Bytes of a name in a heading. */
const HEADING_BYTES = 200;

/** The report of one subject, or of several on one page, for a reader who knows neither AWS nor the CA. */
export function renderReport(
  subjects: readonly Subject[],
  { writtenAt, writtenBy, collector, today = writtenAt }: Writing,
): string {
  const [only, ...others] = subjects;
  const isAlone = only !== undefined && others.length === 0;
  return renderPage({
    title: isAlone ? `${nameOf(only)}: mark certificate` : `${subjects.length} mark certificates and logos`,
    content: isAlone ? renderSubject(only, { prefix: '', level: 1 }, today) : renderList(subjects, today),
    collector,
    writtenAt,
    writtenBy,
    note: html`“Today” on this page is ${day(today)}: days count from it, and later checks are not on the page.`,
    styles: REPORT_STYLE,
  });
}

function renderList(subjects: readonly Subject[], at: Date): Html {
  const rows = subjects.map((subject, index) => {
    const { level, word } = verdictOf(subject, at);
    const name = nameOf(subject);
    const { source } = subject;
    const from = source !== undefined && source !== name && html` (${outside(source)})`;
    return html`<li><a href="#${prefixOf(index)}top">${outside(name)}</a>${from}: <strong class="${level}">${word}</strong></li>
`;
  });
  const articles = subjects.map(
    (subject, index) => html`<article id="${prefixOf(index)}top">
${renderSubject(subject, { prefix: prefixOf(index), level: 2 }, at)}
</article>
`,
  );
  return html`<h1>${subjects.length} mark certificates and logos</h1>
<ul>
${rows}</ul>
${articles}`;
}

const prefixOf = (index: number) => `n${index + 1}-`;

function nameOf(subject: Subject): string {
  const { kind, source = '' } = subject;
  if (kind === 'logo') {
    return source;
  }
  const leaf = kind === 'certificate' ? subject.report : subject.leaf;
  return leaf ? (leaf.attributes.organizationName?.[0] ?? (leaf.domains[0] || leaf.subject || source)) : source;
}

function renderSubject(subject: Subject, place: Place, at: Date): Html {
  const { level, word, sentence } = verdictOf(subject, at);
  const { source, lookup, failures = [] } = subject;
  const name = nameOf(subject);
  const facts = [
    subject.kind === 'certificate' && markOf(subject),
    source !== undefined && source !== name && outside(source),
  ].filter((fact) => fact !== false);
  const others = [
    failuresSection(place, failures),
    lookup && lookupSection(place, lookup),
    ...sectionsOf(subject, place, at),
  ];
  const images = logoOf(subject);
  const free = REPORT_BYTES - SHELL_BYTES - Buffer.byteLength(others.join(''));
  const logo =
    images &&
    section(place, 'The logo in mailboxes', [
      html`<p>Mail receivers decide on the shape and the size. These are common ones.</p>`,
      renderLogoPlaces(images, name, Math.min(free, place.level === 1 ? free : LISTED_LOGO_BYTES)),
      logoFacts(subject),
    ]);
  return html`<h${place.level} dir="auto">${outside(name, HEADING_BYTES)}</h${place.level}>
<p class="verdict ${level}"><strong>${word}.</strong> ${plainText(sentence, 1000)}</p>
${facts.length > 0 && html`<p>${facts.map((fact, index) => [index > 0 && ' · ', fact])}</p>`}
${logo}${others}`;
}

function markOf({ report: { product, markType } }: CertificateSubject): Html {
  const type = markType === null ? 'no mark type' : outside(markType);
  const mark =
    product === 'VMC'
      ? 'Verified Mark Certificate (VMC)'
      : product === 'CMC'
        ? 'Common Mark Certificate (CMC)'
        : 'Mark certificate';
  return html`${mark}, ${type}`;
}

function logoOf(subject: Subject): Uint8Array | undefined {
  return subject.kind === 'unreadable' ? undefined : subject.logo;
}

function sectionsOf(subject: Subject, place: Place, at: Date): readonly (Html | false)[] {
  switch (subject.kind) {
    case 'logo':
      return [findingsSection(place, subject.findings)];
    case 'unreadable':
      return [
        section(place, 'Why', [html`<p>${outside(subject.problem, 1000)}</p>`]),
        subject.leaf !== undefined &&
          section(place, 'What can be read', [
            html`<p>Nothing of it is verified.</p>`,
            ownerSection(place, subject.leaf),
          ]),
      ];
    case 'certificate':
      return [
        findingsSection(place, subject.findings),
        receiversSection(place, subject.receivers, subject.findings),
        validitySection(place, subject.report, at),
        recordsSection(place, subject),
        section(place, 'Owner and mark', [ownerSection(place, subject.report)]),
        chainSection(place, subject.report),
        sctSection(place, subject.report),
        revocationSection(place, subject),
        subject.order !== undefined && orderSection(place, subject.order),
      ];
  }
}
