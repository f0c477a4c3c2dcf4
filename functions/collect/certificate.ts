import { bimiRecord, DEFAULT_SELECTOR } from '../bimi.ts';
import type { CertificateReport, Expectations } from '../certificate/report.ts';
import type { Reply } from '../collectmc/reply.ts';
import type { CrlDownload } from '../crl-download.ts';
import type { RevokedDetail } from '../events.ts';
import type { renderStoredReport } from '../pages/stored-report.ts';
import type { Archive } from '../store/archive.ts';
import type { ReportRenderer } from '../store/certificate-folder.ts';
import type { Finder } from '../store/known-revocation.ts';
import type { StoredFinding, StoredManifest, StoredVerdict } from '../store/manifest.ts';
import { STATE_BUDGET, takeWithin } from '../text.ts';
import type { CheckedOrder } from './options.ts';

/**
 * The certificate in the event "Mark Certificate Issued". The lists are limited by STATE_BUDGET; the manifest contains
 * them in full.
 */
export interface CollectedCertificate {
  /**
   * Whether this execution made the received certificate the current one. False if another execution had stored it
   * before, or if it was only stored under `superseded/`.
   */
  readonly changed: boolean;
  readonly bucket: string;
  readonly keys: Readonly<Record<string, string>>;
  readonly fingerprintSha256: string;
  readonly domains: readonly string[];
  readonly notBefore: string;
  readonly notAfter: string;
  /** Whether no finding is an error. */
  readonly publishable: boolean;
  /** Errors and warnings. Nobody has to do anything about a notice, so only the manifest contains it. */
  readonly findings: readonly StoredFinding[];
  /** Whether each receiver shows the logo. Missing if an earlier release stored the certificate. */
  readonly receivers?: readonly StoredVerdict[];
  /** If the stack publishes: the DNS record for each domain of the order. */
  readonly bimiRecords?: readonly string[];
}

/** What storing a certificate needs besides the order and the reply. */
export interface CertificateDependencies {
  /** The name of the collector. */
  readonly collector: string;
  readonly bucket: string;
  /** SHA-256 fingerprints of certificates that are trusted in addition to the known roots. */
  readonly trustAnchors: readonly string[];
  /** Keys of logs that are trusted in addition to the known ones: SubjectPublicKeyInfo, base64. */
  readonly ctLogs: readonly string[];
  /** The public URL of published certificates; undefined if the stack publishes none. */
  readonly publishedUrl: string | undefined;
  readonly archive: (orderNumber: string) => Promise<Archive>;
  readonly downloadCrls: CrlDownload;
  /** Loads the code that makes `report.html`. Default: that of this project. */
  readonly loadPages?: () => Promise<{ readonly renderStoredReport: typeof renderStoredReport }>;
  /** Is called if `report.html` could not be made. The certificate is stored without it. */
  readonly reportNotMade: (orderNumber: string, error: unknown) => void;
  /** Is called if the CRLs could not be checked for an unexpected reason. The certificate is stored without their result. */
  readonly revocationNotChecked: (orderNumber: string, error: unknown) => void;
  readonly now: () => Date;
}

/** The time that must remain for storing the certificate after its CRLs were downloaded, in milliseconds. */
const STORE_MILLISECONDS = 5_000;

/** A reply with a certificate, and the execution that received it. */
export interface IssuedReply {
  /** Returns how much time is left for this certificate, in milliseconds. */
  readonly remainingMilliseconds: () => number;
  /** Whether the check runs beside another execution, which has stored the certificate before in most cases. */
  readonly once: boolean;
  readonly reply: Extract<Reply, { readonly kind: 'issued' }>;
  /** Exactly the bytes that were received. */
  readonly body: Uint8Array;
  /** Removes the password from a name that the server chose, such as that of a file in a ZIP. */
  readonly redact?: ((text: string) => string) | undefined;
  readonly execution: string;
}

/** The stored certificate and when the received one becomes valid, or why no chain can be built from the response. */
export type CertificateOutcome =
  | {
      readonly certificate: CollectedCertificate;
      readonly validFrom: Date;
      /** A revocation that the CRLs state, which nobody has reported yet. */
      readonly revoked?: FoundRevocation | undefined;
    }
  | { readonly invalid: string; readonly cause: unknown };

/** A revocation that a CRL states. */
export interface FoundRevocation {
  readonly detail: RevokedDetail;
  /** Records that the event was sent. */
  readonly recordSent: () => Promise<void>;
}

/**
 * Stores the response, validates the chain in it, checks its CRLs, and stores the chain with what they say. If the CRLs
 * cannot be downloaded within ten seconds, the certificate is stored without their result. The code that reads
 * certificates is loaded only here. A response that contains a private key, or that cannot be searched for one
 * completely, is not stored.
 *
 * @param checked the domains can have been corrected since the execution started, so they are read.
 * @throws {Error} if S3 does not accept a request.
 */
export async function collectCertificate(
  checked: CheckedOrder,
  { reply: { container, payload }, body, redact, execution, once, remainingMilliseconds }: IssuedReply,
  dependencies: CertificateDependencies,
): Promise<CertificateOutcome> {
  const { archive: archiveOf, bucket, collector, now, trustAnchors, ctLogs, publishedUrl } = dependencies;
  const { loadPages = () => import('../pages/stored-report.ts') } = dependencies;
  const { crlUrlsOf, InvalidChainError, readMarkCertificate, searchForPrivateKey } = await import(
    '../certificate/report.ts'
  );
  const archive = await archiveOf(checked.order.orderNumber);
  const response = { container, body };
  // One time for everything that depends on it.
  const at = now();
  const provenance = { execution, collectedAt: at.toISOString() };
  const isStorable = searchForPrivateKey(body) === 'none';
  if (isStorable) {
    await archive.storeResponse(response);
  }
  const { account = null, domains = [], product, selector } = await checked.read();
  const expectations: Expectations = { domains, selector, product, trustAnchors, ctLogs, at, redact };
  let certificate: Awaited<ReturnType<typeof readMarkCertificate>>;
  try {
    certificate = await readMarkCertificate(payload, expectations);
  } catch (error) {
    const { message: reason, leaf } =
      error instanceof InvalidChainError ? error : { message: `the response cannot be read: ${error}` };
    await archive.reject(isStorable ? response : undefined, { reason, leaf }, provenance);
    return { invalid: reason, cause: error };
  }
  const records =
    publishedUrl === undefined
      ? undefined
      : domains.map((domain) => bimiRecord(publishedUrl, domain, selector ?? DEFAULT_SELECTOR));
  const ordered = { domains, selector: selector ?? null, product: product ?? null };
  const stored = { ...provenance, collector, account, ordered };
  const [renderReport, { report, finder }] = await Promise.all([loadReport(), checkCrls()]);
  const { chainPem, logo } = certificate;
  const collected = { report, chainPem, logo };
  const result = await archive.store(response, collected, stored, records, renderReport, finder);
  const { current, received, changed, isCurrent } = result;
  // A newer certificate that cannot be used is reported too, although the current one stays.
  const isUnusable = !received.publishable && received.notBefore > current.notBefore;
  const reported = isUnusable ? received : current;
  return {
    certificate: {
      bucket,
      changed: isUnusable ? received.execution === execution : changed,
      ...summarize(reported),
    },
    validFrom: new Date(received.notBefore),
    revoked: await findRevocation(),
  };

  async function findRevocation(): Promise<FoundRevocation | undefined> {
    if (!received.revocationReport) {
      return undefined;
    }
    const { crlRevocationDetail } = await import('../store/revocation.ts');
    const { mustReport } = await import('../store/known-revocation.ts');
    const order = { orderNumber: received.orderNumber, account };
    const detail = mustReport(received, execution) ? crlRevocationDetail(collector, order, received) : undefined;
    const recordSent = () => archive.recordRevocationSent(received.fingerprintSha256, isCurrent, execution, now());
    return detail && { detail: { ...detail, execution }, recordSent };
  }

  /** Loads the code that makes `report.html`. If it fails, there is no report. */
  async function loadReport(): Promise<ReportRenderer | undefined> {
    const failed = (error: unknown): undefined => {
      dependencies.reportNotMade(checked.order.orderNumber, error);
    };
    const pages = await loadPages().catch(failed);
    const writing = { writtenAt: at, writtenBy: 'Collect' };
    return (
      pages &&
      ((manifest) => {
        try {
          return Buffer.from(pages.renderStoredReport(manifest, certificate.logo, writing));
        } catch (error) {
          return failed(error);
        }
      })
    );
  }

  /** Adds what the CRLs of the chain state, and who reports it if the certificate is revoked. */
  async function checkCrls(): Promise<{ readonly report: CertificateReport; readonly finder?: Finder }> {
    const { report } = certificate;
    // A check beside another execution finds the same certificate every day.
    const known = once ? await archive.find(report.fingerprintSha256) : undefined;
    const urls = crlUrlsOf(report.chain);
    const time = remainingMilliseconds() - STORE_MILLISECONDS;
    if ((known && known.execution !== execution) || urls.length === 0 || time <= 0) {
      return { report };
    }
    try {
      const withCrls = certificate.withCrls(await dependencies.downloadCrls(urls, time));
      return { report: withCrls, finder: { reporter: execution, at: now() } };
    } catch (error) {
      dependencies.revocationNotChecked(checked.order.orderNumber, error);
      return { report };
    }
  }
}

/** The part of a manifest that the state of the execution contains. Each list is limited to its share of the state. */
function summarize(manifest: StoredManifest): Omit<CollectedCertificate, 'bucket' | 'changed'> {
  const { fingerprintSha256, notBefore, notAfter, publishable, findings, receivers, bimiRecords } = manifest;
  return {
    keys: Object.fromEntries(Object.entries(manifest.objects).map(([name, { key }]) => [name, key])),
    fingerprintSha256,
    domains: takeWithin(manifest.domains, STATE_BUDGET.domains),
    notBefore,
    notAfter,
    publishable,
    findings: takeWithin(
      findings.filter(({ severity }) => severity !== 'notice'),
      STATE_BUDGET.findings,
    ),
    ...(receivers && { receivers: takeWithin(receivers, STATE_BUDGET.receivers) }),
    ...(bimiRecords && { bimiRecords: takeWithin(bimiRecords, STATE_BUDGET.bimiRecords) }),
  };
}
