import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { readMarkCertificate } from '../../../functions/certificate/report.ts';
import { renderReport } from '../../../functions/pages/report.ts';
import { parseJson } from '../../../functions/store/json.ts';
import type { StoredManifest } from '../../../functions/store/manifest.ts';
import type { SetFile } from './folder.ts';

/** The trust anchor of a manifest, which a setting can have named. Release 0.1.0 stored these two fields too. */
const anchorSchema = v.object({ trustAnchor: v.object({ fingerprintSha256: v.string() }) });

/**
 * Makes the report of a certificate that was stored without one: by release 0.1.0, or because it could not be made then.
 * The verdict is the stored one. What the manifest lacks is read from the chain, as at the moment at which it was
 * collected.
 *
 * @param bytes the manifest, as it is stored.
 * @throws {InvalidChainError} if the chain cannot be read.
 */
export async function makeReport(
  manifest: StoredManifest,
  bytes: Uint8Array,
  chain: Uint8Array,
  now: Date,
): Promise<Uint8Array> {
  const { ordered, findings, collector } = manifest;
  const anchor = v.safeParse(anchorSchema, parseJson(Buffer.from(bytes).toString()));
  const { report, logo } = await readMarkCertificate(chain, {
    at: new Date(manifest.collectedAt),
    domains: ordered?.domains,
    selector: ordered?.selector ?? undefined,
    trustAnchors: anchor.success ? [anchor.output.trustAnchor.fingerprintSha256] : [],
  });
  const page = renderReport(
    [
      {
        kind: 'certificate',
        report: { ...report, publishable: manifest.publishable },
        findings,
        receivers: manifest.receivers ?? report.receivers,
        revocation: manifest.revocation ?? null,
        logo,
        order: manifest,
      },
    ],
    { writtenAt: now, writtenBy: 'mark-certificates fetch', collector },
  );
  return Buffer.from(page);
}

/**
 * The report in a folder with the same manifest. It was made earlier: another one would differ in the time at which it
 * was written, and would replace a file without need.
 */
export async function findMadeReport(
  folder: string,
  files: readonly SetFile[],
  name: string,
): Promise<Uint8Array | undefined> {
  const manifest = files.at(-1);
  const read = (file: string) => readFile(join(folder, file)).catch(() => undefined);
  const existing = manifest && (await read(manifest.name));
  return existing?.equals(manifest?.bytes ?? Buffer.alloc(0)) ? read(name) : undefined;
}
