import { inject } from 'vitest';
import { type CertificateAuthority, createCertificateAuthority } from '../infra/local/ca/certificate-authority.ts';

/** The authority that all tests of a run share. The first test creates its keys, which takes seconds. */
export function openAuthority(): Promise<CertificateAuthority> {
  return createCertificateAuthority({ directory: inject('authority') });
}

/** The shared authority with certificates that are older than every leaf of the tests. */
export async function openLongstandingAuthority(): Promise<CertificateAuthority> {
  const since = { notBefore: new Date('2020-01-01T00:00:00Z') };
  return (await openAuthority()).with({ root: since, issuing: since });
}
