import type { Manifest } from '../store/manifest.ts';
import { renderReport } from './report.ts';
import type { Writing } from './report-view.ts';

/** The report of a certificate with the manifest that describes it. */
export function renderStoredReport(
  { findings, receivers, revocation, objects, ...manifest }: Manifest,
  logo: Uint8Array | undefined,
  writing: Omit<Writing, 'collector'>,
): string {
  const order = { ...manifest, objects };
  return renderReport([{ kind: 'certificate', report: manifest, findings, receivers, revocation, logo, order }], {
    ...writing,
    collector: manifest.collector,
  });
}
