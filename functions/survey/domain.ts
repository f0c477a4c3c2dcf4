import { readGzipMember } from '../certificate/gzip.ts';
import {
  type CertificateReport,
  type Expectations,
  InvalidChainError,
  type MarkCertificate,
  readMarkCertificate,
} from '../certificate/report.ts';
import { type LogoReport, reportLogo } from './logo-report.ts';
import { FILE_RULES, type Lookup, type LookupDependencies, lookUp, withSeverity } from './look-up.ts';

/** A chain and what the checks say about it. */
export interface JudgedChain {
  readonly certificate: MarkCertificate;
  /** The report of the certificate, with its CRLs if they were checked. */
  readonly report: CertificateReport;
}

/** Adds the result of the CRLs to the report of a certificate. */
export type CrlCheck = (certificate: MarkCertificate) => Promise<CertificateReport>;

/** What a mail receiver finds for a domain, and how the chain and the logo are judged. */
export interface CheckedDomain {
  readonly lookup: Lookup;
  /** The served chain, or why it is none; undefined if none is served. */
  readonly chain: JudgedChain | InvalidChainError | undefined;
  /** The served logo; undefined if none is served. */
  readonly logo: LogoReport | undefined;
}

export interface DomainDependencies extends LookupDependencies {
  /** What the chain must be, besides covering the domain of the record. */
  readonly expectations: Expectations;
  /** Checks the CRLs; undefined if they are not checked. */
  readonly checkCrls: CrlCheck | undefined;
}

/**
 * Reads and judges a chain.
 *
 * @returns the reason if no chain can be built.
 */
export async function judgeChain(
  bytes: Uint8Array,
  { expectations, checkCrls }: Pick<DomainDependencies, 'expectations' | 'checkCrls'>,
): Promise<JudgedChain | InvalidChainError> {
  try {
    const certificate = await readMarkCertificate(bytes, expectations);
    return { certificate, report: checkCrls ? await checkCrls(certificate) : certificate.report };
  } catch (error) {
    if (error instanceof InvalidChainError) {
      return error;
    }
    throw error;
  }
}

/** Looks up what a mail receiver looks up for a domain, and judges it. */
export async function checkDomain(
  domain: string,
  selector: string,
  dependencies: DomainDependencies,
): Promise<CheckedDomain> {
  const { lookup, chain: bytes, logo: served } = await lookUp(domain, selector, dependencies);
  const { expectations, checkCrls } = dependencies;
  const logo = served && reportLogo(inflated(served));
  const domains = [...(expectations.domains ?? []), lookup.domain];
  const chain = bytes && (await judgeChain(bytes, { expectations: { ...expectations, domains, selector }, checkCrls }));
  const embedded = chain && !(chain instanceof InvalidChainError) ? chain.report.logo : null;
  if (!embedded || !logo || embedded.sha256 === logo.logo.sha256) {
    return { lookup, chain, logo };
  }
  const message =
    `The logo of ${lookup.domain} is not the one in its certificate. The record's address serves ${logo.logo.sha256}, ` +
    `and the certificate contains ${embedded.sha256} (SHA-256).`;
  const findings = [...lookup.findings, withSeverity({ id: 'logo-differs', message })];
  return { lookup: { ...lookup, findings }, chain, logo };
}

/** A record may name a compressed logo, SVGZ (BIMI draft 14, 4.3.2). Receivers use and compare what it contains. */
function inflated(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) {
    return bytes;
  }
  try {
    return readGzipMember(Buffer.from(bytes), FILE_RULES.bytesLimit).content;
  } catch {
    return bytes;
  }
}
