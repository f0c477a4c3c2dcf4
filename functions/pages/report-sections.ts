import { DEFAULT_SELECTOR, recordText } from '../bimi.ts';
import { reasonsOf, receiverName } from '../certificate/receivers.ts';
import type { LeafDescription, ReceiverVerdict } from '../certificate/report.ts';
import { SCT_STATUSES } from '../certificate/transparency/sct.ts';
import type { StoredFinding } from '../store/manifest.ts';
import { FINDING_ACTIONS } from './finding-actions.ts';
import { type Content, type Html, html, moment, outside, plainText } from './html.ts';
import type { CertificateSubject, LookupView, OrderView, Subject } from './report-view.ts';
import { renderTimeline } from './timeline.ts';

/** Where a part of the page is. */
export interface Place {
  /** The beginning of its ids, which differs for each subject. */
  readonly prefix: string;
  /** The level of the subject's heading. */
  readonly level: number;
}

/**
 * Limits of lists from outside, in bytes of HTML: a chain or a logo from an attacker can cause a megabyte of names and
 * findings, and `&` alone becomes five bytes. Together they are less than REPORT_BYTES.
 */
const LISTED_BYTES = {
  failures: 8_000,
  lookup: 16_000,
  findings: 40_000,
  receivers: 24_000,
  attributes: 24_000,
  values: 4_000,
  domains: 40_000,
  records: 100_000,
  chain: 20_000,
  scts: 8_000,
  revocation: 12_000,
  objects: 6_000,
} as const;
const CRL_URLS = 3;
const ATTRIBUTE_BYTES = 300;
const MESSAGE_BYTES = 1000;
const RECORD_BYTES = 2000;

/** A heading below that of the subject, with what belongs to it. */
export function section({ level }: Place, title: string, content: readonly Content[]): Html {
  return html`<section>
<h${level + 1}>${title}</h${level + 1}>
${content}
</section>
`;
}

/** The first pieces that fit into this number of bytes. */
function fitting(pieces: readonly Html[], bytes: number): readonly Html[] {
  let rest = bytes;
  const end = pieces.findIndex((piece) => {
    rest -= Buffer.byteLength(piece.toString());
    return rest < 0;
  });
  return end === -1 ? pieces : pieces.slice(0, end);
}

export function failuresSection(place: Place, failures: readonly string[]): Html | false {
  const items = failures.map((failure) => html`<li>${outside(failure, MESSAGE_BYTES)}</li>`);
  const shown = fitting(items, LISTED_BYTES.failures);
  return (
    items.length > 0 &&
    section(place, 'Requirements that are not met', [
      html`<ul>${shown}</ul>`,
      omitted(items.length - shown.length, 'requirement'),
    ])
  );
}

/** What a receiver finds for a domain. Its findings have no entry in the table of actions: their messages say it all. */
export function lookupSection(place: Place, { domain, selector, record, findings }: LookupView): Html {
  return section(place, 'What mail receivers find', [
    html`<p>The BIMI record of ${outside(domain)} for the selector ${outside(selector)}: ${record === null ? 'there is none, or more than one.' : html`<code>${outside(record, RECORD_BYTES)}</code>`}</p>`,
    findings.length === 0
      ? html`<p>Record, DMARC policy and the files that the record names are right.</p>`
      : listOf(place, findings, LISTED_BYTES.lookup),
  ]);
}

export function findingsSection(place: Place, findings: readonly StoredFinding[]): Html {
  return section(place, 'Findings', [
    findings.length === 0
      ? html`<p>Nothing is wrong or unusual.</p>`
      : [
          html`<p class="quiet">An error: some mail receiver does not show the logo. A warning: the owner should know this. A notice: nothing has to be done.</p>`,
          listOf(place, findings, LISTED_BYTES.findings),
        ],
  ]);
}

const SEVERITY_RANKS = { error: 0, warning: 1, notice: 2 } as const;

function listOf(place: Place, findings: readonly StoredFinding[], bytes: number): Content {
  const shown = findingItems(place, findings, bytes);
  return [
    html`<ul class="findings">
${shown.map(({ item }) => item)}</ul>`,
    omitted(findings.length - shown.length, 'finding'),
  ];
}

/** The findings that fit, the errors first, with what the page shows of them. */
function findingItems(place: Place, unsorted: readonly StoredFinding[], bytes: number) {
  const findings = unsorted.toSorted((a, b) => SEVERITY_RANKS[a.severity] - SEVERITY_RANKS[b.severity]);
  const first = new Map(findings.toReversed().map((finding) => [findingId(place, finding.id), finding]));
  const items = findings.map((finding) => {
    const { id, severity, message } = finding;
    // Several findings can have one id, but elements of a page cannot.
    const target = first.get(findingId(place, id)) === finding && html` id="${findingId(place, id)}"`;
    const action = Object.hasOwn(FINDING_ACTIONS, id) ? FINDING_ACTIONS[id as keyof typeof FINDING_ACTIONS] : undefined;
    return html`<li class="finding ${severity} together"${target}>
<p><strong class="${severity}">${severity[0]?.toUpperCase()}${severity.slice(1)}</strong> <code>${outside(id)}</code>: ${outside(message, MESSAGE_BYTES)}</p>
${action !== undefined && html`<p>What to do: ${action}</p>`}
</li>
`;
  });
  return fitting(items, bytes).map((item, index) => ({ id: findings[index]?.id, item }));
}

const findingId = ({ prefix }: Place, id: string) => `${prefix}finding-${plainText(id).replaceAll(/[^\w-]/g, '')}`;

export function receiversSection(
  place: Place,
  receivers: readonly ReceiverVerdict[],
  findings: readonly StoredFinding[],
): Html {
  const known = new Set(findingItems(place, findings, LISTED_BYTES.findings).map(({ id }) => id));
  const rows = receivers.map(({ id, shows, because }) => {
    const { findings: ids, facts } = reasonsOf(because);
    const links = ids.map((each, index) => [
      index > 0 && ', ',
      known.has(each) ? html`<a href="#${findingId(place, each)}">${outside(each)}</a>` : outside(each),
    ]);
    const [level, verdict] =
      shows === null ? ['quiet', 'not known'] : shows ? ['good', 'shows'] : ['error', 'does not show'];
    const reason = [
      ids.length > 0 && html`${ids.length === 1 ? 'Finding' : 'Findings'}: ${links}. `,
      facts.join(' '),
      ids.length + facts.length === 0 && 'The chain satisfies the rules of this receiver.',
    ];
    return html`<tr><th scope="row">${outside(receiverName(id))}</th><td class="${level}">${verdict}</td><td>${reason}</td></tr>
`;
  });
  const shown = fitting(rows, LISTED_BYTES.receivers);
  return section(place, 'Mail receivers', [
    rows.length === 0
      ? html`<p>No verdicts are stored with this certificate.</p>`
      : html`<table>
<caption>Whether each receiver shows the logo, if the DNS record, DMARC and the hosted files are right too</caption>
<thead><tr><th scope="col">Receiver</th><th scope="col">Logo</th><th scope="col">Because</th></tr></thead>
<tbody>
${shown}</tbody>
</table>`,
    omitted(rows.length - shown.length, 'receiver'),
  ]);
}

export function validitySection(
  place: Place,
  { notBefore, notAfter }: CertificateSubject['report'],
  today: Date,
): Html {
  return section(place, 'Validity', [renderTimeline({ notBefore, notAfter, today })]);
}

/** The record of each domain in fields from which it can be copied. */
export function recordsSection(place: Place, { report, order }: CertificateSubject): Html {
  const records = order?.bimiRecords ?? [];
  const warning =
    !report.publishable &&
    html`<p><strong class="error">Do not publish this certificate.</strong> The record is for a certificate without errors.</p>`;
  if (records.length === 0) {
    const selector = order?.ordered?.selector ?? DEFAULT_SELECTOR;
    const domains = order?.ordered?.domains.length ? order.ordered.domains : report.domains;
    const domain = domains[0] ?? 'example.com';
    const value = 'v=BIMI1; l=https://HOST/logo.svg; a=https://HOST/chain.pem';
    return section(place, 'DNS record', [
      warning,
      html`<p>It is not known where chain and logo are published. Serve <code>chain.pem</code> and <code>logo.svg</code> by HTTPS, put their addresses in place of the two in this record, and add it to the DNS of each domain as a TXT record.</p>`,
      recordFields(place, 0, `${selector}._bimi.${domain}`, value),
    ]);
  }
  const fields = records.map((record, index) => {
    const [name = ''] = record.split(' ', 1);
    return recordFields(place, index, name.replace(/\.$/, ''), recordText(record));
  });
  const shown = fitting(fields, LISTED_BYTES.records);
  return section(place, records.length === 1 ? 'DNS record' : 'DNS records', [
    warning,
    html`<p>${records.length === 1 ? 'Add this record to the DNS as a TXT record, as the only one of its name.' : 'Add each of these records to the DNS as a TXT record, as the only one of its name.'}</p>`,
    shown,
    omitted(records.length - shown.length, 'record'),
  ]);
}

/** Characters of a line of the field, on a telephone. */
const FIELD_COLUMNS = 40;

function recordFields({ prefix }: Place, index: number, name: string, value: string): Html {
  const field = (id: string, label: Content, text: string) => {
    const rows = Math.max(1, Math.ceil(text.length / FIELD_COLUMNS));
    return html`<label for="${id}">${label}</label>
<textarea id="${id}" readonly rows="${rows}" dir="ltr" spellcheck="false">${text}</textarea>
`;
  };
  const number = index + 1;
  return html`<div class="record together">
${field(`${prefix}name-${number}`, 'Name', plainText(name, RECORD_BYTES))}${field(`${prefix}value-${number}`, ['Value of ', outside(name, RECORD_BYTES)], plainText(value, RECORD_BYTES))}</div>
`;
}

/** The subject of the leaf, and its domains. */
export function ownerSection({ level }: Place, leaf: LeafDescription): Html {
  const attributes = Object.entries(leaf.attributes).map(([name, values]) => {
    const pieces = values.map((value, index) => html`${index > 0 && html`<br>`}${outside(value, ATTRIBUTE_BYTES)}`);
    const listed = fitting(pieces, LISTED_BYTES.values);
    return row(labelOf(name), [listed, more(values.length - listed.length, 'value')]);
  });
  const shown = fitting(attributes, LISTED_BYTES.attributes);
  const domains = fitting(
    leaf.domains.map((domain) => html`<li>${outside(domain)}</li>`),
    LISTED_BYTES.domains,
  );
  return html`<dl>
${shown}${row('Serial number of the certificate', outside(leaf.serialNumber))}${row('Issuer', outside(leaf.issuer, MESSAGE_BYTES))}</dl>
${more(attributes.length - shown.length, 'attribute')}
<h${level + 2}>Domains</h${level + 2}>
${leaf.domains.length === 0 ? html`<p>The certificate contains no domain.</p>` : html`<ul class="names">${domains}</ul>`}
${more(leaf.domains.length - domains.length, 'domain')}`;
}

/** `organizationName` as "Organization name"; an OID stays. */
function labelOf(name: string): Html {
  const words = name.replaceAll(/([a-z])([A-Z])/g, (_, end: string, start: string) => `${end} ${start}`);
  const text = words
    .split(' ')
    .map((word, index) => (word === word.toUpperCase() || index === 0 ? word : word.toLowerCase()))
    .join(' ');
  return outside(text.charAt(0).toUpperCase() + text.slice(1), 100);
}

const row = (label: Content, value: Content) => html`<dt>${label}</dt><dd>${value}</dd>
`;

const more = (count: number, noun: string) => omitted(count, noun, '; the certificate contains all');

const omitted = (count: number, noun: string, where = '') =>
  count > 0 && html`<p>${count} more ${noun}${count === 1 ? ' is' : 's are'} not listed on this page${where}.</p>`;

export function chainSection(place: Place, { chain, trustAnchor }: CertificateSubject['report']): Html {
  const items = chain.map(({ subject, fingerprintSha256, crlUrls = [] }) => {
    const isAnchor = fingerprintSha256 === trustAnchor?.fingerprintSha256;
    const urls = crlUrls.slice(0, CRL_URLS).map((url) => html`<br>CRL: <span class="mono">${outside(url)}</span>`);
    return html`<li>${outside(subject, MESSAGE_BYTES)}${isAnchor && ' (trust anchor)'}<br><span class="mono">SHA-256 ${outside(fingerprintSha256)}</span>${urls}</li>
`;
  });
  const anchor =
    trustAnchor === null
      ? html`<p>The chain ends at no known trust anchor.</p>`
      : html`<p>Trust anchor: ${outside(trustAnchor.subject, MESSAGE_BYTES)}, ${trustAnchor.source === 'settings' ? 'trusted by a setting only' : 'a known root'}${trustAnchor.delivered === false && ', not in the file'}.<br><span class="mono">SHA-256 ${outside(trustAnchor.fingerprintSha256)}</span></p>`;
  const shown = fitting(items, LISTED_BYTES.chain);
  return section(place, 'Chain', [
    html`<p class="quiet">The certificate first, then its issuers.</p>`,
    html`<ol>
${shown}</ol>`,
    omitted(items.length - shown.length, 'certificate', '; chain.pem contains all'),
    anchor,
  ]);
}

export function sctSection(place: Place, { scts }: CertificateSubject['report']): Html {
  const all = scts.map(
    ({ log, logId, timestamp, status }) =>
      html`<tr><th scope="row">${log == null ? html`unknown log <span class="mono">${outside(logId)}</span>` : outside(log)}</th><td>${moment(timestamp)}</td><td class="${status === 'valid' ? 'good' : ''}">${SCT_STATUSES[status] ?? 'not verified'}</td></tr>
`,
  );
  const rows = fitting(all, LISTED_BYTES.scts);
  return section(place, 'Certificate transparency', [
    all.length === 0
      ? html`<p>The certificate contains no signed certificate timestamp (SCT).</p>`
      : html`<table>
<caption>Signed certificate timestamps (SCTs): public logs that recorded the certificate</caption>
<thead><tr><th scope="col">Log</th><th scope="col">Recorded</th><th scope="col">Signature</th></tr></thead>
<tbody>
${rows}</tbody>
</table>`,
    more(all.length - rows.length, 'timestamp'),
  ]);
}

const REVOCATION_STATUSES = { good: 'not revoked', revoked: 'revoked', unknown: 'not known' } as const;

export function revocationSection(place: Place, { revocation, report: { chain } }: CertificateSubject): Html {
  if (revocation === null) {
    return section(place, 'Revocation', [html`<p>The revocation lists (CRLs) were not checked.</p>`]);
  }
  const subjects = new Map(chain.map(({ fingerprintSha256, subject }) => [fingerprintSha256, subject]));
  const rows = revocation.certificates.map(({ fingerprintSha256, status, revokedAt, reason, problem, thisUpdate }) => {
    const level = { good: 'good', revoked: 'error', unknown: 'warning' }[status];
    const details = [
      revokedAt !== null && html`since ${outside(revokedAt)} `,
      reason !== null && outside(reason),
      problem !== null && outside(problem, MESSAGE_BYTES),
      status === 'good' && thisUpdate !== null && html`list of ${outside(thisUpdate)}`,
    ];
    return html`<tr><th scope="row">${outside(subjects.get(fingerprintSha256) ?? fingerprintSha256)}</th><td class="${level}">${REVOCATION_STATUSES[status]}</td><td>${details}</td></tr>
`;
  });
  const shown = fitting(rows, LISTED_BYTES.revocation);
  return section(place, 'Revocation', [
    html`<table>
<caption>According to the revocation lists (CRLs), checked ${moment(revocation.checkedAt)}</caption>
<thead><tr><th scope="col">Certificate</th><th scope="col">Status</th><th scope="col">Details</th></tr></thead>
<tbody>
${shown}</tbody>
</table>`,
    omitted(rows.length - shown.length, 'certificate'),
  ]);
}

export function orderSection(place: Place, order: OrderView): Html {
  const { orderNumber, account, execution, collectedAt, ordered, objects } = order;
  const rows = Object.values(objects).map(
    ({ key, size, sha256 }) =>
      html`<tr><th scope="row">${outside(key.slice(key.lastIndexOf('/') + 1))}</th><td>${size}</td><td class="mono">${outside(sha256)}</td></tr>
`,
  );
  const shown = fitting(rows, LISTED_BYTES.objects);
  return section(place, 'Order', [
    html`<dl>
${row('Order number', outside(orderNumber))}${account !== undefined && row('Account at the CA', account === null ? 'default' : outside(account))}${row('Collected', moment(collectedAt))}${row('Execution', outside(execution))}${ordered && ordered.domains.length > 0 && row('Ordered for', outside(ordered.domains.slice(0, 100).join(', '), MESSAGE_BYTES))}${ordered?.product != null && row('Ordered product', outside(ordered.product))}</dl>`,
    html`<table>
<caption>Stored objects</caption>
<thead><tr><th scope="col">Object</th><th scope="col">Bytes</th><th scope="col">SHA-256</th></tr></thead>
<tbody>
${shown}</tbody>
</table>`,
    omitted(rows.length - shown.length, 'object'),
  ]);
}

/** What the logo is, below its pictures. */
export function logoFacts(subject: Subject): Html | false {
  if (subject.kind === 'unreadable') {
    return false;
  }
  const sha256 = subject.kind === 'logo' ? subject.sha256 : subject.report.logo?.sha256;
  return html`<p class="quiet">SVG, ${subject.logo?.length} bytes, SHA-256 <span class="mono">${outside(sha256 ?? '')}</span></p>`;
}
