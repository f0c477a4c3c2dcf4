import type { MarkCertificate } from '../certificate/report.ts';
import type { Refusal } from '../collectmc/codes.ts';
import { CollectorError } from '../collector-error.ts';
import type { DownloadedCrl } from '../crl-download.ts';
import { REVOKED, type RevokedDetail } from '../events.ts';
import { type Bus, sendEvents } from '../send-events.ts';
import { mustReport } from '../store/known-revocation.ts';
import type { Listing } from '../store/listing.ts';
import type { StoredManifest } from '../store/manifest.ts';
import type { ObjectStorage } from '../store/objects.ts';
import { crlRevocationDetail, openRevocation, revokedIn } from '../store/revocation.ts';
import type { OrderStatus } from '../store/status.ts';
import type { Accounts } from './accounts.ts';
import { CRLS_PER_CHAIN, type CrlCache } from './crl-cache.ts';
import { type CertificateRecord, updateRecord } from './records.ts';

/** A manifest with its key. */
export type Entry = Listing<CertificateRecord>['read'][number];

/** A certificate that is revoked, or no longer is, for the log. */
export interface RevocationChange {
  readonly orderNumber: string;
  readonly fingerprintSha256: string;
  readonly revokedAt: string | null;
  readonly reason: string | null;
}

/** Receives what happens to single certificates. */
export interface RevokedObserver {
  /** After the manifest of a certificate says for the first time that it is revoked. */
  certificateRevoked(change: RevocationChange): void;
  /** After the manifest no longer says it: a hold has ended. */
  revocationEnded(change: RevocationChange): void;
  /** After EventBridge accepted the event. */
  revocationReported(detail: RevokedDetail): void;
  /** A chain is lost or damaged, S3 did not return an object or store it, or EventBridge did not accept an event. */
  revocationUnchecked(key: string, problem: string): void;
  /** A report could not be made. The manifest is written without it. */
  reportNotMade(key: string, error: unknown): void;
}

export interface RevokedDependencies extends Bus {
  /** The name of the collector. */
  readonly collector: string;
  readonly storage: ObjectStorage;
  /** The name of the survey, which is the same in all of its invocations. */
  readonly reporter: string;
  readonly crls: CrlCache;
  readonly accounts: Accounts;
  /** The statuses of the orders whose collection failed. */
  readonly statuses: ReadonlyMap<string, OrderStatus>;
  readonly observe: RevokedObserver;
  readonly now: () => Date;
}

/** A certificate, and the CRLs of its chain. */
export interface WithCrls {
  readonly certificate: MarkCertificate;
  readonly crls: readonly DownloadedCrl[];
}

/** The stored chain of a certificate is lost or damaged. */
export class ChainUnreadableError extends CollectorError {
  override readonly name = 'ChainUnreadableError';
}

/**
 * Reads the chain of a certificate.
 *
 * @returns undefined if another certificate has taken its place.
 * @throws {ChainUnreadableError} if it is lost or damaged.
 * @throws {S3ServiceException} if S3 does not return an object.
 */
export async function readCertificate(
  { key, content }: Entry,
  { storage, now }: Pick<RevokedDependencies, 'storage' | 'now'>,
): Promise<MarkCertificate | undefined> {
  const { InvalidChainError, readMarkCertificate } = await import('../certificate/report.ts');
  const read = await openRevocation(storage, key, content.fingerprintSha256).readChain();
  if (!read) {
    return undefined;
  }
  const { manifest, chainPem } = read;
  if (!chainPem) {
    throw new ChainUnreadableError('the chain that the manifest lists is lost');
  }
  const anchor = manifest.trustAnchor?.fingerprintSha256;
  try {
    return await readMarkCertificate(chainPem, {
      at: now(),
      // What validated the chain when it was collected, also if it is a trust anchor of the settings.
      trustAnchors: anchor === undefined ? [] : [anchor],
    });
  } catch (error) {
    throw error instanceof InvalidChainError ? new ChainUnreadableError(error.message, { cause: error }) : error;
  }
}

/** {@link readCertificate}, and the CRLs of the chain. Those that another certificate has needed are not downloaded again. */
export async function readWithCrls(
  entry: Entry,
  dependencies: Pick<RevokedDependencies, 'storage' | 'crls' | 'now'>,
): Promise<WithCrls | undefined> {
  const { crlUrlsOf } = await import('../certificate/report.ts');
  const certificate = await readCertificate(entry, dependencies);
  if (!certificate) {
    return undefined;
  }
  const urls = crlUrlsOf(certificate.report.chain).slice(0, CRLS_PER_CHAIN);
  return { certificate, crls: await Promise.all(urls.map((url) => dependencies.crls.get(url))) };
}

/**
 * Judges a certificate by its CRLs, as a collection does: writes the result into its manifest and its report, and sends
 * the event of a revocation once. It can be repeated, and continues what an interrupted run left.
 *
 * @throws {Error} if the chain cannot be read, or if S3 or EventBridge does not accept a request.
 */
export async function judgeCertificate(entry: Entry, dependencies: RevokedDependencies): Promise<void> {
  const { storage, reporter, observe, now } = dependencies;
  const { key, content } = entry;
  const { orderNumber, fingerprintSha256 } = content;
  const read = await readWithCrls(entry, dependencies);
  if (!read) {
    return;
  }
  const { certificate, crls } = read;
  const { renderStoredReport } = await import('../pages/stored-report.ts');
  const stored = openRevocation(storage, key, fingerprintSha256);
  const at = now();
  const manifest = await stored.write(
    ({ findings }) => certificate.assessCrls(crls, findings),
    { reporter, at },
    (described) => {
      try {
        const writing = { writtenAt: at, writtenBy: 'the survey' };
        return Buffer.from(renderStoredReport(described, certificate.logo, writing));
      } catch (error) {
        observe.reportNotMade(key, error);
        return undefined;
      }
    },
  );
  if (!manifest) {
    return;
  }
  const [was] = content.crls?.revoked ?? [];
  const [is] = revokedIn(manifest);
  updateRecord(content, manifest);
  if (is && !was) {
    observe.certificateRevoked({ orderNumber, fingerprintSha256, revokedAt: is.revokedAt, reason: is.reason });
  } else if (was && !is) {
    observe.revocationEnded({ orderNumber, fingerprintSha256, revokedAt: null, reason: was.reason });
  }
  if (mustReport(manifest, reporter)) {
    if (!wasReportedByCa(manifest, dependencies)) {
      await sendRevoked(manifest, dependencies);
    }
    const sentAt = now();
    await stored.recordSent(reporter, sentAt);
    const { revocationReport } = manifest;
    const sent = revocationReport && { ...revocationReport, sentAt: sentAt.toISOString() };
    updateRecord(content, { ...manifest, ...(sent && { revocationReport: sent }) });
  }
}

/**
 * Sends the event of a revocation again, because a publication is not as it should be: the function revoke
 * failed, the certificate was published in the meantime, or the setting `unpublishRevoked` was turned on.
 *
 * @throws {Error} if S3 or EventBridge does not accept a request.
 */
export async function sendAgain({ key, content }: Entry, dependencies: RevokedDependencies): Promise<void> {
  const manifest = await openRevocation(dependencies.storage, key, content.fingerprintSha256).readManifest();
  if (manifest) {
    await sendRevoked(manifest, dependencies);
  }
}

/** EventBridge did not accept the event of a revocation. */
class RevocationNotSentError extends CollectorError {
  override readonly name = 'RevocationNotSentError';
}

async function sendRevoked(manifest: StoredManifest, dependencies: RevokedDependencies): Promise<void> {
  const { collector, accounts, observe } = dependencies;
  const { orderNumber } = manifest;
  const account = accounts.get(orderNumber) ?? null;
  const detail = crlRevocationDetail(collector, { orderNumber, account }, manifest);
  const [failure] = await sendEvents(dependencies, REVOKED, detail ? [detail] : [], observe.revocationReported);
  if (failure) {
    throw new RevocationNotSentError(
      `EventBridge did not accept the event of order ${orderNumber} (${failure.reason})`,
    );
  }
}

/** Whether CollectMC reported the revocation before. Collect has sent the event, and people know it. */
function wasReportedByCa(
  { orderNumber, collectedAt, revokedAt }: StoredManifest,
  { collector, statuses }: Pick<RevokedDependencies, 'collector' | 'statuses'>,
): boolean {
  const status = statuses.get(orderNumber);
  const hasFailed =
    status?.collector === collector &&
    status.state === 'failed' &&
    status.error === ('CertificateRevoked' satisfies Refusal) &&
    Date.parse(collectedAt) <= Date.parse(status.since);
  return revokedAt !== undefined || hasFailed;
}
