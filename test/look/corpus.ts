/** The pages that the browser opens. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { InvalidChainError, readMarkCertificate } from '../../functions/certificate/report.ts';
import { renderReport } from '../../functions/pages/report.ts';
import { type CertificateSubject, type Subject, subjectOf } from '../../functions/pages/report-view.ts';
import type { CertificateAuthority, MarkCertificateRequest } from '../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../infra/local/ca/containers.ts';
import { type CorpusPage, nameOfPage } from './corpus-page.ts';
import { HOSTILE_LOGOS } from './logos.ts';
import { overviewPages } from './overviews.ts';
import { HOSTILE_TEXTS, withText } from './texts.ts';

/** The day on which all pages are written. */
export const AT = new Date('2026-11-27T08:00:00Z');

const WRITING = { writtenAt: AT, writtenBy: 'Collect', collector: 'mark-certificate-collector' };
const DOMAINS = ['example.com', 'example.net'];
const DAY = 86_400_000;
const daysFromNow = (days: number) => new Date(AT.getTime() + days * DAY);

const reportPage = (name: string, subject: Subject, isTypical = false) => listPage(name, [subject], isTypical);

const listPage = (name: string, subjects: readonly Subject[], isTypical = false): CorpusPage => ({
  name: nameOfPage('report', name),
  html: renderReport(subjects, WRITING),
  isTypical,
});

/** A certificate of the local authority, as Collect describes it. */
async function issue(
  authority: CertificateAuthority,
  request: Partial<MarkCertificateRequest> = {},
  ordered: readonly string[] = DOMAINS,
): Promise<CertificateSubject> {
  const dates = { notBefore: daysFromNow(-30), notAfter: daysFromNow(335) };
  const { chain } = authority.issue({ domains: DOMAINS, ...dates, ...request });
  const { report, logo } = await readMarkCertificate(Buffer.from(pem(chain)), {
    at: AT,
    domains: ordered,
    trustAnchors: [createHash('sha256').update(authority.root).digest('hex')],
    ctLogs: [authority.log.key],
  });
  return subjectOf(report, logo);
}

/** The certificate of an order, with everything that a manifest adds. */
function ofOrder(subject: CertificateSubject): CertificateSubject {
  const stored = (name: string, size: number) => ({
    key: `orders/1378973013/${name}`,
    size,
    sha256: 'ab'.repeat(32),
    versionId: 'v1',
  });
  return {
    ...subject,
    order: {
      orderNumber: '1378973013',
      execution: 'order-1378973013',
      collectedAt: AT.toISOString(),
      collector: 'mark-certificate-collector',
      account: 'brand-a',
      ordered: { domains: DOMAINS, selector: null, product: 'VMC' },
      bimiRecords: DOMAINS.map(
        (domain) =>
          `default._bimi.${domain}. TXT "v=BIMI1; l=https://logos.example.com/${domain}/default.svg; a=https://logos.example.com/${domain}/default.pem"`,
      ),
      objects: {
        response: stored('response.p7b', 4321),
        chain: stored('chain.pem', 6543),
        logo: stored('logo.svg', 321),
      },
    },
  };
}

const lookedUp = {
  domain: 'example.com',
  selector: 'default',
  record: 'v=BIMI1; l=https://example.com/logo.svg; a=https://example.com/chain.pem',
  findings: [{ id: 'dmarc-weak', severity: 'error' as const, message: 'The DMARC policy of example.com is none.' }],
};

/** Typical pages: each shows another verdict. */
async function typicalPages(authority: CertificateAuthority): Promise<readonly CorpusPage[]> {
  const good = await issue(authority);
  const bytes = Buffer.from(await readLogoOf(authority));
  return [
    reportPage('good', ofOrder(good), true),
    reportPage('cmc', ofOrder(await issue(authority, { product: 'CMC', owner: 'Müller & Söhne GmbH' })), true),
    reportPage('expired', await issue(authority, { notBefore: daysFromNow(-400), notAfter: daysFromNow(-35) }), true),
    reportPage('not-yet-valid', await issue(authority, { notBefore: daysFromNow(5), notAfter: daysFromNow(370) })),
    reportPage('last-day', await issue(authority, { notBefore: daysFromNow(-365), notAfter: daysFromNow(0.5) })),
    reportPage('not-covered', await issue(authority, {}, ['other.example']), true),
    reportPage(
      'many-domains',
      await issue(authority, { domains: Array.from({ length: 250 }, (_, index) => `brand-${index}.example.com`) }),
    ),
    reportPage(
      'looked-up',
      { ...good, source: 'example.com', lookup: lookedUp, failures: ['fewer than 400 days are left'] },
      true,
    ),
    reportPage(
      'unreadable',
      { kind: 'unreadable', source: 'mail.eml', problem: 'the file contains no certificate' },
      true,
    ),
    reportPage(
      'logo-alone',
      { kind: 'logo', source: 'logo.svg', sha256: 'ab'.repeat(32), logo: bytes, findings: lookedUp.findings },
      true,
    ),
    listPage(
      'list',
      [
        { ...good, source: 'one.pem' },
        { kind: 'unreadable', source: 'two.pem', problem: 'it is empty' },
      ],
      true,
    ),
    listPage('empty-list', []),
  ];
}

async function readLogoOf(authority: CertificateAuthority): Promise<Uint8Array> {
  return (await issue(authority)).logo ?? new Uint8Array();
}

/** Each hostile text in every place, as the owner in a certificate, and about a file that cannot be read. */
async function textPages(authority: CertificateAuthority): Promise<readonly CorpusPage[]> {
  const good = ofOrder(await issue(authority, {}, ['other.example']));
  const unreadable: Subject = { kind: 'unreadable', source: 'file', problem: 'reason', failures: ['failure'] };
  const texts = Object.entries(HOSTILE_TEXTS);
  const owners = texts.map(async ([name, text]) => ({
    ...(await issue(authority, { owner: text.toWellFormed().slice(0, 2000) })),
    source: `${name}.pem`,
  }));
  return [
    ...texts.map(([name, text]) =>
      reportPage(`text-${name}`, withText({ ...good, source: 'file', lookup: lookedUp, failures: ['failure'] }, text)),
    ),
    listPage('owners', await Promise.all(owners)),
    listPage(
      'unreadable-files',
      texts.map(([, text]) => withText(unreadable, text)),
    ),
  ];
}

/** Each hostile logo in a certificate, and all of them as files. */
async function logoPages(authority: CertificateAuthority): Promise<readonly CorpusPage[]> {
  const logos = Object.entries(HOSTILE_LOGOS);
  const { findings } = await issue(authority);
  const files = logos.map(([name, svg]): Subject => {
    const logo = Buffer.from(svg);
    return { kind: 'logo', source: `${name}.svg`, sha256: 'ab'.repeat(32), logo, findings };
  });
  const certificates = logos.map(async ([name, svg]) => {
    const subject = await issue(authority, { svg });
    return reportPage(`logo-${name}`, { ...subject, logo: subject.logo ?? Buffer.from(svg) });
  });
  return [...(await Promise.all(certificates)), listPage('logo-files', files)];
}

/** The real certificates, a page for each folder, if `MARK_CERTIFICATES` names their folder. */
async function realPages(): Promise<readonly CorpusPage[]> {
  const folder = process.env.MARK_CERTIFICATES;
  if (folder === undefined) {
    return [];
  }
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.(pem|der|p7b|zip)$/.test(file),
  );
  const folders = Map.groupBy(files.toSorted(), dirname);
  return Promise.all(
    [...folders].map(async ([name, names]) =>
      listPage(`real-${name}`, await Promise.all(names.map((file) => judgeFile(join(folder, file))))),
    ),
  );
}

/** What `inspect --html` shows of a file. */
async function judgeFile(file: string): Promise<Subject> {
  const source = basename(file);
  try {
    const { report, logo } = await readMarkCertificate(readFileSync(file), { at: AT });
    return { ...subjectOf(report, logo), source };
  } catch (error) {
    if (!(error instanceof InvalidChainError)) {
      throw error;
    }
    return { kind: 'unreadable', source, problem: error.message, leaf: error.leaf };
  }
}

/** The report that the documentation shows. */
export async function exampleReport(authority: CertificateAuthority): Promise<string> {
  return renderReport([ofOrder(await issue(authority))], WRITING);
}

/** All pages. */
export async function pagesOf(authority: CertificateAuthority): Promise<readonly CorpusPage[]> {
  const reports = [typicalPages(authority), textPages(authority), logoPages(authority), realPages()];
  return [...(await Promise.all(reports)).flat(), ...overviewPages()];
}
