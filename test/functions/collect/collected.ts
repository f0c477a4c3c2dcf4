import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { type CertificateDependencies, collectCertificate } from '../../../functions/collect/certificate.ts';
import { createCheckedOrder } from '../../../functions/collect/options.ts';
import { openArchive } from '../../../functions/store/archive.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import type { IssuedMarkCertificate } from '../../../infra/local/ca/certificate-authority.ts';
import { pkcs7 } from '../../../infra/local/ca/containers.ts';
import { openAuthority } from '../../authority.ts';
import { crlDownload } from '../../crls.ts';
import { BUCKET, clientOf, ORDER_NUMBER } from '../store/archive-bucket.ts';

/** The moment at which the certificates are collected. */
export const NOW = new Date('2026-06-01T08:00:00.000Z');

/** How a certificate is collected, and dependencies in place of the usual ones. */
export interface Collection extends Partial<CertificateDependencies> {
  readonly execution?: string;
  readonly once?: boolean;
  readonly remainingMilliseconds?: () => number;
}

/**
 * Collects a certificate of the shared authority into the bucket of a server.
 *
 * @param url the URL of the server.
 */
export async function collect({ chain, root }: IssuedMarkCertificate, url: string, collection: Collection = {}) {
  const { execution = 'order-1', once = false, remainingMilliseconds = () => 30_000, ...dependencies } = collection;
  const { log } = await openAuthority();
  const body = pkcs7(chain);
  const outcome = await collectCertificate(
    createCheckedOrder(
      { order: { orderNumber: ORDER_NUMBER }, execution, startedAt: NOW.toISOString() },
      { readOptions: async (_, { options }) => options },
    ),
    {
      reply: { kind: 'issued', status: 2, container: 'pkcs7', payload: body },
      body,
      execution,
      once,
      remainingMilliseconds,
    },
    {
      collector: 'acme',
      bucket: BUCKET,
      trustAnchors: [createHash('sha256').update(root).digest('hex')],
      ctLogs: [log.key],
      publishedUrl: undefined,
      archive: async (orderNumber) => openArchive(s3Storage(clientOf('x', url), BUCKET), orderNumber),
      downloadCrls: crlDownload(),
      reportNotMade: (_, error) => expect.unreachable(String(error)),
      revocationNotChecked: (_, error) => expect.unreachable(String(error)),
      now: () => NOW,
      ...dependencies,
    },
  );
  return 'invalid' in outcome ? expect.unreachable(outcome.invalid) : outcome.certificate;
}
