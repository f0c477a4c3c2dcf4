import { resolve } from 'node:path';
import { daysLeft } from '../../../functions/days.ts';
import { type Cell, describeCsv } from '../../../functions/pages/csv.ts';
import type { Subject } from '../../../functions/pages/report-view.ts';
import { printable, printableJson } from '../../../functions/text.ts';
import { UsageError } from '../errors.ts';
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';
import { subjectFor, writePage } from './html.ts';
import { type Judgement, judge, type Unjudged } from './judge.ts';
import { type InspectOptions, readSettings, type Settings } from './options.ts';
import { judgeDomain, judgeUrl } from './remote.ts';
import { classify, FolderLimitError, readFolder, readNamed, type Target, unreadableReason } from './targets.ts';
import { describeJudgement, describeSkipped } from './text.ts';
import { writeFiles } from './write.ts';

/** A file below a folder that is no chain. */
interface Skipped {
  readonly kind: 'skipped';
  readonly file: string;
  readonly reason: string;
}

/** Judges all targets, prints each result, and returns the exit code. */
export async function inspectTargets(
  terminal: Terminal,
  words: readonly string[],
  options: InspectOptions,
): Promise<ExitCode> {
  const settings = readSettings(options);
  const targets = await Promise.all(
    words.map(async (word) => ({ word, target: await classify(word, terminal.folder) })),
  );
  if (settings.out !== undefined && (words.length > 1 || targets.some(({ target }) => isFolder(target)))) {
    throw new UsageError('--out: accepts only one chain, because every chain would be written to the same file names');
  }
  const rows: (readonly Cell[])[] = [];
  const subjects: Subject[] = [];
  let exitCode: ExitCode = EXIT_CODES.success;
  for (const { word, target } of targets) {
    terminal.progress(`Inspecting ${word} …`);
    for await (const result of resultsOf(word, target, terminal, settings)) {
      terminal.progress('');
      if (result.kind === 'skipped') {
        printSkipped(result, settings, terminal);
        continue;
      }
      await write(result, settings, terminal);
      exitCode = Math.max(exitCode, exitCodeOf(result)) as ExitCode;
      if (settings.html !== undefined) {
        subjects.push(subjectFor(result));
      }
      if (settings.format === 'csv') {
        rows.push(rowOf(result, settings));
      } else {
        printResult(result, settings, terminal);
      }
    }
  }
  if (settings.format === 'csv') {
    terminal.print(describeCsv(CSV_HEAD, rows));
  }
  if (settings.html !== undefined) {
    const file = resolve(terminal.folder, settings.html);
    await writePage(file, subjects, settings.expectations.at);
    terminal.note(`The report is in ${printable(file)}`);
  }
  return exitCode;
}

async function* resultsOf(
  word: string,
  target: Target | string,
  { input, folder }: Terminal,
  settings: Settings,
): AsyncGenerator<Judgement | Skipped> {
  if (typeof target === 'string') {
    yield unreadable(word, target);
  } else if (target.kind === 'url') {
    yield await judgeUrl(target.url, settings);
  } else if (target.kind === 'domain') {
    yield await judgeDomain(word, target.domain, settings);
  } else if (target.kind === 'folder') {
    yield* judgeFolder(word, folder, settings);
  } else {
    yield await judgeFile(word, () => readNamed(input, word === '-' ? undefined : resolve(folder, word)), settings);
  }
}

async function judgeFile(
  file: string,
  read: () => Promise<Uint8Array | string>,
  settings: Settings,
): Promise<Judgement> {
  try {
    const bytes = await read();
    return typeof bytes === 'string' ? unreadable(file, bytes) : await judge(file, bytes, settings);
  } catch (error) {
    const reason = unreadableReason(error);
    if (reason === undefined) {
      throw error;
    }
    return unreadable(file, reason);
  }
}

/** Judges each chain below a folder, and names every other file. */
async function* judgeFolder(name: string, folder: string, settings: Settings): AsyncGenerator<Judgement | Skipped> {
  let chains = 0;
  try {
    for await (const entry of readFolder(name, folder)) {
      const { file } = entry;
      if ('unreadable' in entry) {
        yield unreadable(file, entry.unreadable);
        continue;
      }
      if ('skipped' in entry) {
        yield { kind: 'skipped', file, reason: entry.skipped };
        continue;
      }
      const result = await judge(file, entry.bytes, settings);
      if (result.kind === 'logo') {
        yield { kind: 'skipped', file, reason: 'it may be a logo; name the file itself to judge it' };
      } else if (result.kind === 'error' && result.leaf === undefined) {
        yield { kind: 'skipped', file, reason: result.error.message };
      } else {
        chains += 1;
        yield result;
      }
    }
  } catch (error) {
    if (!(error instanceof FolderLimitError)) {
      throw error;
    }
    yield unreadable(name, error.message);
    return;
  }
  if (chains === 0) {
    yield unreadable(name, 'the folder contains no chain');
  }
}

function unreadable(file: string, message: string): Unjudged {
  return { kind: 'error', file, error: { name: 'UnreadableFile', message }, isUnavailable: true };
}

function isFolder(target: Target | string): boolean {
  return typeof target !== 'string' && target.kind === 'folder';
}

/** The highest code that applies. */
export function exitCodeOf(result: Judgement): ExitCode {
  const found = result.lookup?.findings ?? [];
  if ((result.kind === 'error' && result.isUnavailable) || found.some(({ id }) => id.endsWith('-unreachable'))) {
    return EXIT_CODES.unavailable;
  }
  const isGood = result.kind !== 'error' && result.report.publishable && result.failures.length === 0;
  return isGood && found.every(({ severity }) => severity !== 'error') ? EXIT_CODES.success : EXIT_CODES.problem;
}

async function write(result: Judgement, { out }: Settings, { folder }: Terminal): Promise<void> {
  if (out === undefined || result.kind === 'error') {
    return;
  }
  if (result.kind === 'logo') {
    throw new UsageError('--out: the file is a logo; only a chain is written');
  }
  await writeFiles(resolve(folder, out), result.certificate, result.report);
}

function printSkipped({ file, reason }: Skipped, { format }: Settings, terminal: Terminal): void {
  if (format === 'json') {
    terminal.print(printableJson(JSON.stringify({ file, skipped: reason })));
  } else if (format === 'csv') {
    terminal.note(`not a chain: ${printable(file)} (${printable(reason)})`);
  } else {
    terminal.printStyled(describeSkipped(file, reason));
  }
}

function printResult(result: Judgement, { format, expectations }: Settings, terminal: Terminal): void {
  if (format === 'text') {
    terminal.printStyled(describeJudgement(result, expectations.at));
    return;
  }
  terminal.print(printableJson(JSON.stringify(contentOf(result))));
}

/** A judgement as JSON contains it. */
export function contentOf(result: Judgement): object {
  const { file, lookup } = result;
  return result.kind === 'error'
    ? { file, error: result.error, leaf: result.leaf, lookup }
    : { file, ...result.report, failures: result.failures, lookup };
}

/** The columns of `--csv`. */
export const CSV_HEAD = [
  'file',
  'result',
  'owner',
  'markType',
  'product',
  'domains',
  'notBefore',
  'notAfter',
  'daysLeft',
  'issuer',
  'serialNumber',
  'fingerprintSha256',
  'trustAnchor',
  'errors',
  'warnings',
  'failures',
] as const;

function rowOf(result: Judgement, { expectations }: Settings): readonly Cell[] {
  const leaf = result.kind === 'chain' ? result.report : result.kind === 'error' ? result.leaf : undefined;
  const findings = [
    ...(result.lookup?.findings ?? []),
    ...(result.kind === 'error' ? [] : (result.report.findings as readonly { id: string; severity: string }[])),
  ];
  const ids = (severity: string) =>
    [...new Set(findings.filter((each) => each.severity === severity).map(({ id }) => id))].join(' ');
  const isGood = exitCodeOf(result) === EXIT_CODES.success;
  const cells: Record<(typeof CSV_HEAD)[number], Cell> = {
    file: result.file,
    result: result.kind === 'error' ? result.error.name : isGood ? 'ok' : 'problem',
    owner: leaf?.attributes.organizationName?.join(', ') ?? leaf?.subject,
    markType: leaf?.markType ?? undefined,
    product: leaf?.product ?? undefined,
    domains: leaf?.domains.join(' '),
    notBefore: leaf?.notBefore,
    notAfter: leaf?.notAfter,
    daysLeft: leaf && daysLeft(leaf.notAfter, expectations.at),
    issuer: leaf?.issuer,
    serialNumber: leaf?.serialNumber,
    fingerprintSha256: leaf?.fingerprintSha256,
    trustAnchor: result.kind === 'chain' ? result.report.trustAnchor?.subject : undefined,
    errors: ids('error'),
    warnings: ids('warning'),
    failures: [...(result.kind === 'error' ? [result.error.message] : result.failures)].join('; '),
  };
  return CSV_HEAD.map((column) => cells[column]);
}
