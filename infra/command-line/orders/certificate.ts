import { RECEIVERS } from '../../../functions/certificate/receivers.ts';
import { daysLeft } from '../../../functions/days.ts';
import type { StoredFinding, StoredManifest } from '../../../functions/store/manifest.ts';

/** The current certificate of an order, as `status --json` prints it. */
export interface CertificateState {
  readonly fingerprintSha256: string;
  readonly collectedAt: string;
  readonly product: string | null;
  readonly markType: string | null;
  /** The organization of the subject; null if it has none. */
  readonly owner: string | null;
  readonly domains: readonly string[];
  readonly notBefore: string;
  readonly notAfter: string;
  /** Calendar days in UTC until the certificate expires; negative after that. */
  readonly daysLeft: number;
  /** Whether no finding was an error when the certificate was last assessed. */
  readonly publishable: boolean;
  /** When CollectMC answered a check of the survey or of a push that the certificate is revoked. */
  readonly revokedAt?: string;
  /** The BIMI record for each domain of the order; empty if the collector did not publish when it was stored. */
  readonly bimiRecords: readonly string[];
  readonly findings: readonly StoredFinding[];
  /** Empty if release 0.1.0 stored the certificate. */
  readonly receivers: readonly {
    readonly id: string;
    readonly name: string;
    readonly shows: boolean | null;
    readonly because: readonly string[];
  }[];
}

/** What a manifest contains about its certificate. */
export function certificateState(manifest: StoredManifest, now: Date): CertificateState {
  const { fingerprintSha256, collectedAt, product, markType, attributes, domains, notBefore, notAfter } = manifest;
  return {
    fingerprintSha256,
    collectedAt,
    product,
    markType,
    owner: attributes.organizationName?.join(', ') ?? null,
    domains,
    notBefore,
    notAfter,
    daysLeft: daysLeft(notAfter, now),
    publishable: manifest.publishable,
    ...(manifest.revokedAt !== undefined && { revokedAt: manifest.revokedAt }),
    bimiRecords: manifest.bimiRecords ?? [],
    findings: manifest.findings,
    receivers: (manifest.receivers ?? []).map((verdict) => ({
      id: verdict.id,
      name: RECEIVERS.find(({ id }) => id === verdict.id)?.name ?? verdict.id,
      shows: verdict.shows,
      because: verdict.because,
    })),
  };
}
