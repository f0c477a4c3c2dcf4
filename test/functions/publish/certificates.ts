import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import { openLongstandingAuthority } from '../../authority.ts';
import { type Issue, issueBy } from './published-bucket.ts';

/** Order numbers, by the certificates that the tests store for them. */
export const OLDER = '1001';
export const NEWER = '1002';
export const NEWEST = '1003';
export const OTHER = '1009';

/** The certificates of the tests, issued by one authority. Each has a logo with another title. */
export interface Certificates {
  readonly authority: CertificateAuthority;
  readonly older: Issue;
  readonly newer: Issue;
  readonly newest: Issue;
  /** Issued in the same second as `newer`. */
  readonly twin: Issue;
  /** The leaf of `newer` in a chain without its root. */
  readonly shorter: Issue;
}

let issued: Promise<Certificates> | undefined;

/** Issues the certificates once for all files of a worker. */
export function issueCertificates(): Promise<Certificates> {
  issued ??= issueAll();
  return issued;
}

async function issueAll(): Promise<Certificates> {
  const authority = await openLongstandingAuthority();
  const issue = (notBefore: string, title: string) => issueBy(authority, notBefore, { svg: logo(title) });
  const newer = await issue('2026-03-01T00:00:00Z', 'newer');
  const [leaf, issuing] = newer.certificate.chainPem.split(/(?<=-----END CERTIFICATE-----\n)/);
  return {
    authority,
    older: await issue('2026-01-01T00:00:00Z', 'older'),
    newer,
    newest: await issue('2026-05-01T00:00:00Z', 'newest'),
    twin: await issue('2026-03-01T00:00:00Z', 'twin'),
    shorter: { ...newer, certificate: { ...newer.certificate, chainPem: `${leaf}${issuing}` } },
  };
}

/** A valid logo with a title. */
export function logo(title: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 64 64"><title>${title}</title><rect width="64" height="64" fill="#fff"/><circle cx="32" cy="32" r="22" fill="#14324a"/></svg>
`;
}
