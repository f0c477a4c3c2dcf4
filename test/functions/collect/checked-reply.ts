import { createHash } from 'node:crypto';
import { createCollect } from '../../../functions/collect/collect.ts';
import { openStore } from '../../../functions/collect/store.ts';
import type { ResponseFormat } from '../../../functions/collectmc/request.ts';
import { openArchive } from '../../../functions/store/archive.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import type { CertificateAuthority } from '../../../infra/local/ca/certificate-authority.ts';
import type { S3Server } from '../../s3-server.ts';
import { BUCKET, clientOf } from '../store/archive-bucket.ts';
import { createReports } from './reports.ts';
import { fixedCredentials } from './secret-manager.ts';

interface CheckedReply {
  readonly body: Uint8Array | string;
  readonly format?: ResponseFormat | undefined;
  readonly authority: CertificateAuthority;
  readonly server: S3Server;
  /** The password of the login with which the order is collected. */
  readonly password: string;
}

/** One check. The result is everything that leaves it, as one text, and the stored objects. */
export async function checkReply({ body, format = 'pem', authority, server, password }: CheckedReply) {
  const reports = createReports();
  const left: unknown[] = [];
  const collect = createCollect({
    ...reports.dependencies,
    giveUpSeconds: 7_776_000,
    pollSeconds: 10_800,
    url: 'https://ca.example/CollectMC',
    format,
    bucket: BUCKET,
    trustAnchors: [createHash('sha256').update(authority.root).digest('hex')],
    ctLogs: [authority.log.key],
    publishedUrl: undefined,
    credentials: fixedCredentials(() => ({
      version: 'v',
      stages: [],
      loginName: 'brand',
      loginPassword: password,
    })),
    http: async () => ({ status: 200, headers: {}, read: async () => Buffer.from(body), discard: () => {} }),
    archive: async (orderNumber) => openArchive(s3Storage(clientOf('x', server.url), BUCKET), orderNumber),
    keepUnreadable: openStore(s3Storage(clientOf('x', server.url), BUCKET)).keepUnreadable,
    observe: (record) => left.push(record),
    now: () => new Date('2026-06-01T00:00:00Z'),
    random: () => 0,
  });
  const startedAt = '2026-06-01T00:00:00Z';
  try {
    left.push(await collect({ order: { orderNumber: '1' }, execution: 'order-1', startedAt }, () => 60_000));
  } catch (error) {
    // The log contains the causes.
    for (let each = error; each instanceof Error; each = each.cause) {
      left.push(each.stack);
    }
  }
  left.push(reports.statuses, reports.events, reports.problems.map(String));
  const objects = new Map(server.keys('').map((key) => [key, String(server.peek(key)?.body)]));
  return { left: left.map((each) => JSON.stringify(each)).join('\n'), objects };
}
