/** What a report shows. Each writer of a page makes a view of what it has. */
import type { CertificateReport, LeafDescription, ReceiverVerdict, Revocation } from '../certificate/report.ts';
import type { Provenance, StoredFinding } from '../store/manifest.ts';
import type { StoredObject } from '../store/objects.ts';

/** Something that was judged: a certificate, a logo alone, or what is neither. */
export type Subject = CertificateSubject | LogoSubject | UnreadableSubject;

/** What every subject can have. */
interface Common {
  /** What the user named: a file, a domain or a URL; undefined for the certificate of an order. */
  readonly source?: string | undefined;
  /** Further statements of the check, such as that too few days are left: one sentence each. */
  readonly failures?: readonly string[] | undefined;
  /** What a mail receiver finds in the DNS, if a domain was looked up. */
  readonly lookup?: LookupView | undefined;
}

/** A certificate with its verdict. Findings and verdicts can come from a manifest of another release. */
export interface CertificateSubject extends Common {
  readonly kind: 'certificate';
  readonly report: Omit<CertificateReport, 'findings' | 'receivers' | 'revocation'>;
  readonly findings: readonly StoredFinding[];
  readonly receivers: readonly ReceiverVerdict[];
  readonly revocation: Revocation | null;
  readonly logo: Uint8Array | undefined;
  /** Undefined if the certificate is of no order. */
  readonly order?: OrderView | undefined;
}

/** Where a certificate comes from, and what is stored of it. */
export interface OrderView extends Provenance {
  readonly orderNumber: string;
  /** The complete BIMI records; none if the collector does not publish. */
  readonly bimiRecords?: readonly string[] | undefined;
  readonly objects: Readonly<Record<string, StoredObject>>;
}

/** A logo without a certificate. */
export interface LogoSubject extends Common {
  readonly kind: 'logo';
  readonly logo: Uint8Array;
  readonly sha256: string;
  readonly findings: readonly StoredFinding[];
}

/** There is no chain. */
export interface UnreadableSubject extends Common {
  readonly kind: 'unreadable';
  readonly problem: string;
  /** What can be read of the leaf. Nothing of it is verified. */
  readonly leaf?: LeafDescription | undefined;
}

/** The record of a domain, and what is wrong with it and with what it names. */
export interface LookupView {
  readonly domain: string;
  readonly selector: string;
  readonly record: string | null;
  readonly findings: readonly StoredFinding[];
}

/** When and by what a report is written. */
export interface Writing {
  readonly writtenAt: Date;
  /** The moment for which the certificates were checked. Default: `writtenAt`. */
  readonly today?: Date;
  /** What wrote the page, such as `Collect`. */
  readonly writtenBy: string;
  /** The name of the collector; undefined if none is concerned. */
  readonly collector?: string | undefined;
}

/** A view of a report that was just made. */
export function subjectOf(
  { findings, receivers, revocation, ...report }: CertificateReport,
  logo: Uint8Array | undefined,
): CertificateSubject {
  return { kind: 'certificate', report, findings, receivers, revocation, logo };
}
