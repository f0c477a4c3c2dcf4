import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { inject } from 'vitest';
import { type CertificateAuthority, createCertificateAuthority } from '../infra/local/ca/certificate-authority.ts';

/** The file of the authority that all tests of a run share. */
export const authorityFile = () => join(inject('authority'), 'certificate-authority.pem');

/** The authority that all tests of a run share. The global set-up creates its keys, which takes seconds. */
export async function openAuthority(): Promise<CertificateAuthority> {
  while (!existsSync(authorityFile())) {
    await setTimeout(20);
  }
  return createCertificateAuthority({ directory: inject('authority') });
}

/** The shared authority with certificates that are older than every leaf of the tests. */
export async function openLongstandingAuthority(): Promise<CertificateAuthority> {
  const since = { notBefore: new Date('2020-01-01T00:00:00Z') };
  return (await openAuthority()).with({ root: since, issuing: since });
}
