import type { FetchedCrl } from '../../../functions/certificate/revocation/crl.ts';
import type {
  CertificateAuthority,
  CertificateChanges,
  IssuedMarkCertificate,
  MarkCertificateRequest,
} from '../../../infra/local/ca/certificate-authority.ts';

export const DAY = 24 * 60 * 60 * 1000;

/** The leaf is valid for 365 days from this moment, the root from 2020 to 2045, the issuing CA from 2020 to 2029. */
export const ISSUED = new Date('2026-01-01T00:00:00Z');
export const EXPIRES = new Date(ISSUED.getTime() + 365 * DAY);
export const AT = new Date('2026-06-01T00:00:00Z');
export const DOMAIN = 'example.com';

/** A chain, described by its differences from a clean one. */
export interface Case {
  /** What is special about the chain, as the end of a test title. */
  readonly of: string;
  readonly leaf?: Partial<MarkCertificateRequest>;
  readonly issuing?: CertificateChanges;
  readonly root?: CertificateChanges;
  /** The moment of the check. */
  readonly at?: Date;
  /** The ordered domains. */
  readonly domains?: readonly string[];
  readonly selector?: string;
  readonly product?: 'VMC' | 'CMC';
  /** The certificates in the file; default all three. */
  readonly delivered?: (issued: IssuedMarkCertificate) => readonly Uint8Array[];
  /** The file with these certificates; default PEM. */
  readonly container?: (certificates: readonly Uint8Array[]) => Uint8Array;
  /** The trusted certificate; default the root. */
  readonly pinned?: 'root' | 'issuing' | 'nothing';
  /** The CRLs of the chain; by default none are asked for. */
  readonly crls?: (authority: CertificateAuthority, issued: IssuedMarkCertificate) => readonly FetchedCrl[];
  /** The message of OpenSSL if it refuses the chain too; by default OpenSSL must accept the chain. */
  readonly refusal?: RegExp;
  /** Further options for OpenSSL. */
  readonly openssl?: readonly string[];
}

/** The cases of the findings of one subject. */
export interface FindingCases<Id extends string> {
  /** Chains without any finding. */
  readonly clean: readonly Case[];
  /** Chains of which one finding is the only one. */
  readonly found: Readonly<Record<Id, readonly Case[]>>;
}
