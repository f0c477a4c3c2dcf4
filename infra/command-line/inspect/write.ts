import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CertificateReport, MarkCertificate } from '../../../functions/certificate/report.ts';
import { UsageError } from '../errors.ts';
import { isSystemError } from '../system-error.ts';

/**
 * Writes the chain, the logo and the manifest of a certificate into a folder.
 *
 * @throws {UsageError} if the folder cannot be written.
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
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, bytes] of Object.entries(files)) {
      await writeFile(join(folder, name), bytes);
    }
  } catch (error) {
    if (!isSystemError(error)) {
      throw error;
    }
    throw new UsageError(`--out: the folder cannot be written (${error.message})`, { cause: error });
  }
}
