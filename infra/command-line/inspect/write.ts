import { createHash } from 'node:crypto';
import type { CertificateReport, MarkCertificate } from '../../../functions/certificate/report.ts';
import { writeSet } from '../orders/folder.ts';

/**
 * Writes the chain, the logo and the manifest of a certificate into a folder, all of them or none.
 *
 * @throws {CommandError} if the folder cannot be written.
 */
export async function writeFiles(
  folder: string,
  { chainPem, logo }: MarkCertificate,
  report: CertificateReport,
): Promise<void> {
  const files: Record<string, Uint8Array> = { 'chain.pem': Buffer.from(chainPem), ...(logo && { 'logo.svg': logo }) };
  const objects = Object.fromEntries(
    Object.entries(files).map(([key, bytes]) => [
      key.split('.')[0],
      { key, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') },
    ]),
  );
  files['certificate.json'] = Buffer.from(`${JSON.stringify({ schemaVersion: 1, ...report, objects }, null, 2)}\n`);
  const set = Object.entries(files).map(([name, bytes]) => ({ name, bytes }));
  await writeSet(folder, set, true);
}
