/** Files with chains, and ways to run the command `inspect` with them. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { pem } from '../../../infra/local/ca/containers.ts';
import { oid } from '../../../infra/local/ca/mark-extensions.ts';
import { openLongstandingAuthority } from '../../authority.ts';
import { run } from './run.ts';

const PROGRAM = path.join(import.meta.dirname, '../../../infra/command-line/main.ts');
export const DAY = 24 * 60 * 60 * 1000;
/** The beginning of the validity of the certificates, which is a year. */
export const ISSUED = new Date('2026-01-01T00:00:00Z');
/** A moment inside the validity. */
export const AT = ['--at', '2026-06-01'];
/** File names by the content of the file. */
export const FILES = { clean: 'clean.pem', warning: 'warning.pem', error: 'error.pem', broken: 'broken.pem' } as const;

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Run {
  readonly input?: string | Uint8Array;
  /** The folder in which the command runs; default: that of the files. */
  readonly folder?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export function fingerprint(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex');
}

export function findingIds([report = {}]: readonly Record<string, unknown>[]): unknown {
  return Array.isArray(report.findings) ? report.findings.map(({ id }) => id) : report;
}

/** Writes {@link FILES} into a new folder, in which the command runs. */
export async function openFiles() {
  const folder = mkdtempSync(path.join(tmpdir(), 'inspect-'));
  const authority = await openLongstandingAuthority();
  const root = fingerprint(authority.root);
  const order = { domains: ['example.com', 'www.example.com'], notBefore: ISSUED, nullParameters: true };
  /** A clean Registered Mark for example.com and www.example.com. */
  const clean = authority.issue(order);
  const warning = authority.issue({ ...order, notAfter: new Date(ISSUED.getTime() + 400 * DAY) });
  const error = authority.issue({
    ...order,
    extensions: (usual) => usual.filter((each) => each.oid !== oid.sctList),
  });

  function write(name: string, content: string | Uint8Array): void {
    writeFileSync(path.join(folder, name), content);
  }

  write(FILES.clean, pem(clean.chain));
  write(FILES.warning, pem(warning.chain));
  write(FILES.error, pem(error.chain));
  write(FILES.broken, pem([clean.leaf]));

  /** Runs the command as a process in the folder of the files. */
  function runProcess(args: readonly string[], { input = '', folder: inside = folder, env = {} }: Run = {}): Result {
    // Settings for colours, and the folder in which npm started the tests, must not affect the result.
    const { FORCE_COLOR: _, NO_COLOR: __, NODE_DISABLE_COLORS: ___, INIT_CWD: ____, ...inherited } = process.env;
    const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, 'inspect', ...args], {
      cwd: inside,
      input,
      encoding: 'utf8',
      env: { ...inherited, ...env },
    });
    return { status, stdout, stderr };
  }

  /** Runs the command in this process, which takes a hundredth of the time. */
  async function inspect(args: readonly string[], { input = '', folder: inside = folder }: Run = {}): Promise<Result> {
    const { exitCode, out, err } = await run(['inspect', ...args], { input, folder: inside });
    return { status: exitCode, stdout: out, stderr: err };
  }

  /** Runs the command at a moment inside the validity, and with the root and the log trusted. */
  function trusting(args: readonly string[], run: Run = {}): Promise<Result> {
    return inspect([...AT, '--trust', root, '--log', authority.log.key, ...args], run);
  }

  async function json(args: readonly string[], run: Run = {}): Promise<Record<string, unknown>[]> {
    const { stdout, stderr } = await trusting(['--json', ...args], run);
    expect(stderr).toBe('');
    expect(stdout.endsWith('\n')).toBe(true);
    return stdout
      .trimEnd()
      .split('\n')
      .map((line): Record<string, unknown> => JSON.parse(line));
  }

  return {
    folder,
    authority,
    root,
    clean,
    write,
    runProcess,
    inspect,
    trusting,
    json,
    close: () => rmSync(folder, { recursive: true }),
  };
}
