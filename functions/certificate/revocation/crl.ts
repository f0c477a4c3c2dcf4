/** A CRL as it was fetched, or why it could not be fetched. The library itself uses no network. */
export interface FetchedCrl {
  readonly url: string;
  readonly bytes?: Uint8Array | undefined;
  /** Why there are no bytes, as the end of a sentence. */
  readonly problem?: string | undefined;
}

/** Whether the certificates of a chain are revoked. */
export interface Revocation {
  /** The moment of the check, ISO 8601 UTC. */
  readonly checkedAt: string;
  /** `unknown` if no certificate is revoked, but a CRL is missing or does not count. */
  readonly status: 'good' | 'revoked' | 'unknown';
  /** One entry for each certificate below the root, leaf first. */
  readonly certificates: readonly CertificateRevocation[];
}

/** The result for one certificate. */
export interface CertificateRevocation {
  readonly fingerprintSha256: string;
  readonly status: 'good' | 'revoked' | 'unknown';
  /** The URL of the CRL that decided; null if none did. */
  readonly url: string | null;
  /** ISO 8601 UTC; null if no CRL counts. */
  readonly thisUpdate: string | null;
  readonly nextUpdate: string | null;
  /** Since when the certificate is revoked, ISO 8601 UTC; null if it is not. */
  readonly revokedAt: string | null;
  /** The reason of RFC 5280, 5.3.1, for example `keyCompromise`; null if none is given. */
  readonly reason: string | null;
  /** Why the status is unknown; null if it is known. */
  readonly problem: string | null;
}
