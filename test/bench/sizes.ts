import { execFileSync, spawnSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withoutNpmVariables } from '../../infra/build/install-locked.ts';
import { PROJECT } from './deployed.ts';
import { alternate, atMost, exactly, measurement, type Results, ratios } from './measure.ts';

/** A megabyte of `du -m`. */
const MEGABYTE = 2 ** 20;

/** Folders of node_modules that `npm ci` does not write: caches of the tests. */
const CACHES = /^\.(cache|vite|vite-temp|vitest-cache)$/;

/** Measures what a contributor installs, what is published, and how long the published command takes to start. */
export async function measureSizes({ rounds }: { readonly rounds: number }): Promise<Results> {
  const tarball = packedBytes();
  const commands = {
    // Without arguments it does nothing.
    nothing: [join(import.meta.dirname, 'runtime.js')],
    help: [join(PROJECT, 'dist', 'bin', 'mark-certificates.mjs'), '--help'],
  };
  const cpu: Record<keyof typeof commands, number[]> = { nothing: [], help: [] };
  const discarded = 2;
  const measure = (name: keyof typeof commands) => () => {
    const run = runOnce(commands[name]);
    cpu[name].push(run.cpuMilliseconds);
    return run.milliseconds;
  };
  const milliseconds = await alternate({ nothing: measure('nothing'), help: measure('help') }, { rounds, discarded });
  const counted = { nothing: cpu.nothing.slice(discarded), help: cpu.help.slice(discarded) };
  return {
    figures: [
      atMost('count', 'size-node-modules', 640, exactly(installedBytes() / MEGABYTE), 'MB'),
      atMost('count', 'size-tarball', 3, exactly(tarball / MEGABYTE), 'MB'),
      atMost('time', 'help-vs-node', 2, ratios(milliseconds.help, milliseconds.nothing)),
      atMost('time', 'help-vs-node-cpu', 2, ratios(counted.help, counted.nothing)),
    ],
    measured: [
      measurement('mark-certificates --help', 'ms', milliseconds.help),
      measurement('CPU of mark-certificates --help', 'ms', counted.help),
      measurement('Node alone', 'ms', milliseconds.nothing),
      measurement('CPU of Node alone', 'ms', counted.nothing),
    ],
  };
}

/** The blocks that `npm ci` takes on the disk, as `du` counts them: files with several names count once. */
function installedBytes(): number {
  const folder = join(PROJECT, 'node_modules');
  const seen = new Set<number>();
  let blocks = 0;
  const add = (path: string): void => {
    const stats = lstatSync(path);
    if (seen.has(stats.ino)) {
      return;
    }
    seen.add(stats.ino);
    blocks += stats.blocks;
    if (stats.isDirectory()) {
      for (const name of readdirSync(path)) {
        add(join(path, name));
      }
    }
  };
  for (const name of readdirSync(folder).filter((each) => !CACHES.test(each))) {
    add(join(folder, name));
  }
  return blocks * 512;
}

/** Builds and packs the package, and returns the size of the tarball. */
function packedBytes(): number {
  const folder = mkdtempSync(join(tmpdir(), 'mark-certificate-pack-'));
  try {
    execFileSync('npm', ['pack', '--pack-destination', folder, '--loglevel=error'], {
      cwd: PROJECT,
      env: withoutNpmVariables(),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [tarball = ''] = readdirSync(folder);
    return statSync(join(folder, tarball)).size;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs Node with these arguments until it ends. */
function runOnce(args: readonly string[]): { readonly milliseconds: number; readonly cpuMilliseconds: number } {
  const preload = join(import.meta.dirname, 'usage.cjs');
  const started = performance.now();
  const { status, stderr, output } = spawnSync(process.execPath, ['--require', preload, ...args], {
    encoding: 'utf8',
    env: {},
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const milliseconds = performance.now() - started;
  if (status !== 0) {
    throw new Error(`${args.join(' ')} ended with the exit code ${status}: ${stderr}`);
  }
  return { milliseconds, cpuMilliseconds: Number(output[3]) };
}
