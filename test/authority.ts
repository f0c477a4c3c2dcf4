import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { inject } from 'vitest';
import { type CertificateAuthority, createCertificateAuthority } from '../infra/local/ca/certificate-authority.ts';

/** The file of the authority that all tests of a run share. */
export const authorityFile = () => join(inject('authority'), 'certificate-authority.pem');

let opened: Promise<CertificateAuthority> | undefined;
let openedLongstanding: Promise<CertificateAuthority> | undefined;

/** The authority that all tests of a run share. The global set-up creates its keys, which takes seconds. */
export function openAuthority(): Promise<CertificateAuthority> {
  opened ??= open();
  return opened;
}

/** The shared authority with certificates that are older than every leaf of the tests. */
export function openLongstandingAuthority(): Promise<CertificateAuthority> {
  const since = { notBefore: new Date('2020-01-01T00:00:00Z') };
  openedLongstanding ??= openAuthority().then((authority) => authority.with({ root: since, issuing: since }));
  return openedLongstanding;
}

async function open(): Promise<CertificateAuthority> {
  while (!existsSync(authorityFile())) {
    await setTimeout(20);
  }
  return createCertificateAuthority({ directory: inject('authority') });
}
