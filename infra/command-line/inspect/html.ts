import { randomUUID } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { renderReport } from '../../../functions/pages/report.ts';
import { type Subject, subjectOf } from '../../../functions/pages/report-view.ts';
import { writeWhole } from '../collect/files.ts';
import { CommandError } from '../errors.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { isSystemError } from '../system-error.ts';
import type { Judgement } from './judge.ts';

/** Everybody may read a report: it is made to be shown. The umask of the user can forbid it. */
const PAGE_MODE = 0o666;

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
  const temporary = join(dirname(file), `.${basename(file)}.${randomUUID()}`);
  try {
    await writeWhole(file, Buffer.from(page), temporary, PAGE_MODE);
  } catch (error) {
    if (!isSystemError(error)) {
      throw error;
    }
    throw new CommandError(`The report cannot be written to ${file}: ${error.message}.`, {
      exitCode: EXIT_CODES.unavailable,
      next: 'Name a file that can be written, in a folder that exists, with --html.',
      cause: error,
    });
  }
}
