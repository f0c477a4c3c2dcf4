import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { type InputOptions, type OutputOptions, rolldown } from 'rolldown';
import { PROJECT } from './project.ts';

/** What a bundler made of an entry. */
export interface Bundle {
  /** The files by their name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Everything that the bundler read, relative to the project. */
  readonly inputs: readonly string[];
  /** The inputs of which something is in the files. */
  readonly sources: readonly string[];
}

/** The ES modules of a package, if it has some: what they export and nobody imports is left out. */
const MAIN_FIELDS = ['module', 'main'];

/** The options of every bundle of esbuild. */
export const COMMON = {
  absWorkingDir: PROJECT,
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  mainFields: MAIN_FIELDS,
  // dist/third-party-licenses.txt contains the licences.
  legalComments: 'none',
  logLevel: 'warning',
} as const satisfies BuildOptions;

/** Bundles with esbuild, without writing a file. */
export async function bundleWithEsbuild(options: BuildOptions): Promise<Bundle> {
  const { outputFiles, metafile } = await build({ ...COMMON, ...options, write: false, metafile: true });
  const outputs = Object.values(metafile.outputs);
  const used = outputs.flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  );
  return {
    files: new Map(outputFiles.map(({ path, contents }) => [relative(join(PROJECT, COMMON.outdir), path), contents])),
    inputs: Object.keys(metafile.inputs).toSorted(),
    sources: [...new Set(used)].toSorted(),
  };
}

/** Bundles with rolldown, without writing a file. Unlike esbuild, it can put a group of modules into one file. */
export async function bundleWithRolldown(input: InputOptions, output: OutputOptions): Promise<Bundle> {
  await using bundle = await rolldown({
    cwd: PROJECT,
    platform: 'node',
    tsconfig: false,
    logLevel: 'warn',
    ...input,
    resolve: { mainFields: MAIN_FIELDS, ...input.resolve },
  });
  const generated = await bundle.generate({ format: 'esm', comments: false, ...output });
  const chunks = generated.output.filter((each) => each.type === 'chunk');
  const used = chunks.flatMap(({ modules }) =>
    Object.entries(modules).flatMap(([id, { renderedLength }]) => (renderedLength > 0 ? [id] : [])),
  );
  return {
    files: new Map(chunks.map(({ fileName, code }) => [fileName, Buffer.from(code)])),
    inputs: pathsOf(await bundle.watchFiles),
    sources: pathsOf(used),
  };
}

/** The files among the ids of modules, relative to the project. The ids of the bundler's own modules are no paths. */
function pathsOf(ids: readonly string[]): readonly string[] {
  const paths = ids.filter((id) => id.startsWith(PROJECT)).map((id) => relative(PROJECT, id));
  return [...new Set(paths)].toSorted();
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
