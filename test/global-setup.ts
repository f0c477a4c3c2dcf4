import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { createCertificateAuthority } from '../infra/local/ca/certificate-authority.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The folder of the authority that all tests share (`test/authority.ts`). */
    readonly authority: string;
  }
}

/**
 * Tests set their clock to other days. An authority that was not valid then would be replaced for all of them. The root
 * expires last, as real ones do.
 */
const since = { notBefore: new Date('2020-01-01T00:00:00Z') };
const LONGSTANDING = {
  root: { ...since, notAfter: new Date('2046-01-01T00:00:00Z') },
  issuing: { ...since, notAfter: new Date('2045-01-01T00:00:00Z') },
};

/** Shorter than those of real authorities: to create keys and to sign with them takes a fifth of the time. */
const KEY_BITS = { root: 2048, issuing: 2048 };

/** Creates what all tests of a run share, and deletes it after the run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'mark-certificate-authority-'));
  project.provide('authority', folder);
  // The tests start meanwhile. Those that need the authority wait for its file.
  const created = createCertificateAuthority({ directory: folder, changes: LONGSTANDING, keyBits: KEY_BITS });
  return async () => {
    await created;
    await rm(folder, { recursive: true });
  };
}
