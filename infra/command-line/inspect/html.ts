import { renderReport } from '../../../functions/pages/report.ts';
import { type Subject, subjectOf } from '../../../functions/pages/report-view.ts';
import { writePageFile } from '../page-file.ts';
import type { Judgement } from './judge.ts';

/** What a report shows of a judgement. */
export function subjectFor(judgement: Judgement): Subject {
  const { file: source, lookup } = judgement;
  switch (judgement.kind) {
    case 'chain': {
      const { certificate, report, failures } = judgement;
      return { ...subjectOf(report, certificate.logo), source, lookup, failures };
    }
    case 'logo': {
      const { svg: logo, report, failures } = judgement;
      return { kind: 'logo', source, logo, sha256: report.logo.sha256, findings: report.findings, failures };
    }
    case 'error':
      return { kind: 'unreadable', source, lookup, problem: judgement.error.message, leaf: judgement.leaf };
  }
}

/**
 * Writes one page about all subjects, whole or not at all.
 *
 * @param at the moment at which the chains were judged.
 * @throws {CommandError} if the file cannot be written.
 */
export async function writePage(file: string, subjects: readonly Subject[], at: Date): Promise<void> {
  const page = renderReport(subjects, { writtenAt: new Date(), today: at, writtenBy: 'mark-certificates inspect' });
  await writePageFile(file, page);
}
