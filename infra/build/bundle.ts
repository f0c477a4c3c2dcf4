import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { PROJECT } from './project.ts';

/** What esbuild made of an entry. */
export interface Bundle {
  /** The files by their name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Everything that esbuild read, relative to the project. */
  readonly inputs: readonly string[];
  /** The inputs of which something is in the files. */
  readonly sources: readonly string[];
  /** What the files import: other files of the bundle are not in this list. */
  readonly externals: readonly string[];
}

/** The options that all bundles have in common. */
export const COMMON = {
  absWorkingDir: PROJECT,
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  // The ES modules of a package, if it has some: esbuild leaves out what they export and nobody imports.
  mainFields: ['module', 'main'],
  // dist/third-party-licenses.txt contains the licences.
  legalComments: 'none',
  logLevel: 'warning',
} as const satisfies BuildOptions;

/** CommonJS packages require Node's built-in modules, and an ES module has no require. */
export const REQUIRE_BANNER =
  "import{createRequire as makeRequire}from'node:module';const require=makeRequire(import.meta.url);";

/** Bundles without writing a file. */
export async function makeBundle(options: BuildOptions): Promise<Bundle> {
  const { outputFiles, metafile } = await build({ ...COMMON, ...options, write: false, metafile: true });
  const outputs = Object.values(metafile.outputs);
  const used = outputs.flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  );
  const externals = outputs.flatMap(({ imports }) => imports.flatMap((each) => (each.external ? [each.path] : [])));
  return {
    files: new Map(outputFiles.map(({ path, contents }) => [relative(join(PROJECT, COMMON.outdir), path), contents])),
    inputs: Object.keys(metafile.inputs).toSorted(),
    sources: [...new Set(used)].toSorted(),
    externals: [...new Set(externals)].toSorted(),
  };
}

/**
 * Writes the files of a folder and deletes others. Each file is whole at every moment, and a file that is the same stays
 * untouched: two builds of the same sources can run at once, and another process can read the folder meanwhile.
 */
export async function writeFolder(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of files) {
    const path = join(folder, name);
    const present = await readFile(path).catch(() => undefined);
    if (!present?.equals(content)) {
      const partial = `${path}.${process.pid}.partial`;
      await writeFile(partial, content);
      await rename(partial, path);
    }
  }
  for (const name of await readdir(folder)) {
    if (!files.has(name) && !name.endsWith('.partial')) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}
