import type { CrlAssessment } from '../certificate/report.ts';
import type { OrderDetail, RevokedDetail } from '../events.ts';
import { STATE_BUDGET, takeWithin, truncate, truncatePrintable } from '../text.ts';
import { openCertificateFolder, type ReportRenderer } from './certificate-folder.ts';
import { type Finder, mustReport, withKnownRevocation } from './known-revocation.ts';
import type { StoredManifest } from './manifest.ts';
import { type ObjectStorage, retryOnConflict } from './objects.ts';

/** Bytes of a name or of a URL in the text of an event. */
const QUOTE_BYTES = 200;

/** A stored certificate with its chain, PEM; undefined if its bytes are lost. */
export interface ReadChain {
  readonly manifest: StoredManifest;
  readonly chainPem: Uint8Array | undefined;
}

/**
 * Opens what is stored about the revocation of a certificate.
 *
 * @param manifestKey the key of its manifest: that of the order, or that of a certificate which is not current.
 * @param fingerprintSha256 the certificate. If the folder contains another one by now, nothing is read or written.
 */
export function openRevocation(storage: ObjectStorage, manifestKey: string, fingerprintSha256: string) {
  const folder = openCertificateFolder(storage, manifestKey.replace(/[^/]*$/, ''));

  async function readState() {
    const state = await folder.readState();
    const { current } = state;
    return current?.fingerprintSha256 === fingerprintSha256 ? { ...state, current } : undefined;
  }

  return {
    /** Reads the manifest; undefined if another certificate has taken its place. */
    readManifest: async (): Promise<StoredManifest | undefined> => (await readState())?.current,

    /** Reads the chain; undefined if another certificate has taken its place. */
    async readChain(): Promise<ReadChain | undefined> {
      const current = (await readState())?.current;
      return current && { manifest: current, chainPem: await folder.readChain(current) };
    },

    /**
     * Writes what CRLs say about the certificate into its manifest and its report.
     *
     * @param assess what they say, beside the findings that are stored.
     * @returns the manifest; undefined if another certificate has taken its place.
     * @throws {WriteConflictError} if other executions changed the manifest eight times.
     */
    write: (
      assess: (stored: StoredManifest) => CrlAssessment,
      finder: Finder,
      renderReport: ReportRenderer,
    ): Promise<StoredManifest | undefined> =>
      retryOnConflict(async () => {
        const state = await readState();
        return (
          state &&
          folder.reassess(state, withKnownRevocation(state.current, assess(state.current), finder), renderReport)
        );
      }),

    /** Records that the event of the revocation was sent. */
    recordSent: (reporter: string, sentAt: Date): Promise<void> =>
      retryOnConflict(async () => {
        const state = await readState();
        const report = state?.current.revocationReport;
        if (state && report && mustReport(state.current, reporter)) {
          await folder.annotate(state, { revocationReport: { ...report, sentAt: sentAt.toISOString() } });
        }
      }),
  };
}

/** The certificates of a chain that CRLs list. */
export function revokedIn({ revocation }: Pick<StoredManifest, 'revocation'>) {
  return (revocation?.certificates ?? []).filter(({ status }) => status === 'revoked');
}

/**
 * The event "Mark Certificate Revoked" of a certificate that a CRL lists, or whose issuing certificate one lists. It is
 * the same each time that it is made.
 *
 * @returns undefined if no revocation is stored.
 */
export function crlRevocationDetail(
  collector: string,
  { orderNumber, account }: Pick<OrderDetail, 'orderNumber' | 'account'>,
  manifest: StoredManifest,
): RevokedDetail | undefined {
  const { fingerprintSha256, chain = [], revocation, revocationReport, ordered } = manifest;
  const domains = ordered && ordered.domains.length > 0 ? ordered.domains : manifest.domains;
  const listed = revokedIn(manifest);
  // The certificate itself, if it is listed too.
  const revoked = listed.find((each) => each.fingerprintSha256 === fingerprintSha256) ?? listed[0];
  if (!revoked || !revocation) {
    return undefined;
  }
  const { url, revokedAt, reason } = revoked;
  const isLeaf = revoked.fingerprintSha256 === fingerprintSha256;
  const subject = chain.find((each) => each.fingerprintSha256 === revoked.fingerprintSha256)?.subject;
  const what = isLeaf ? 'the certificate' : `the issuing certificate ${quote(subject ?? revoked.fingerprintSha256)}`;
  const since = revokedAt === null ? '' : `, revoked since ${revokedAt}`;
  const text = `The revocation list ${quote(url ?? '')} contains ${what}${since} (${reason ?? 'without a reason'})`;
  return {
    collector,
    domains: takeWithin(domains, STATE_BUDGET.domains),
    orderNumber,
    account,
    confirmed: true,
    source: 'crl',
    text: truncate(text, STATE_BUDGET.message),
    knownSince: revocationReport?.knownSince ?? new Date(revocation.checkedAt).toISOString(),
    fingerprintSha256,
    revokedAt,
    reason,
    issuer: isLeaf ? null : quote(subject ?? revoked.fingerprintSha256),
  };
}

/** Certificates contain the names and URLs. */
function quote(text: string): string {
  return truncatePrintable(text, QUOTE_BYTES);
}
