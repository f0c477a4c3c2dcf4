import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { bundleOf, FUNCTION_FOLDERS, type FunctionFolder } from '../bundles.ts';
import { writeFolder } from './bundle.ts';
import { makeFunctionBundle } from './function-bundle.ts';
import { PROJECT, SCRATCH } from './project.ts';

/** What a bundle was made of, so that it is made again only if something changed. */
const recordSchema = v.object({
  /** A hash of the code that makes bundles, and of the versions of all packages. */
  how: v.string(),
  /** The hashes of everything that the bundler read, and of the files that it made. */
  inputs: v.record(v.string(), v.string()),
  outputs: v.record(v.string(), v.string()),
  sources: v.array(v.string()),
});

type BundleRecord = v.InferOutput<typeof recordSchema>;

/** What a bundle was made of. Paths are relative to the project. */
export interface BuiltFunction {
  /** Everything that the bundler read. */
  readonly inputs: readonly string[];
  /** The inputs of which something is in the bundle. */
  readonly sources: readonly string[];
}

/**
 * Bundles all functions into dist/functions/. A bundle is left as it is if its sources, its files, and the way it is made
 * are unchanged.
 */
export async function buildFunctions(): Promise<Record<FunctionFolder, BuiltFunction>> {
  const makers = ['package-lock.json', 'infra/build/bundle.ts', 'infra/build/function-bundle.ts'];
  const how = hashOf(Buffer.concat(await Promise.all(makers.map((path) => readFile(join(PROJECT, path))))));
  const known = new Map<string, string>();
  const built = FUNCTION_FOLDERS.map(async (folder) => [folder, await buildFunction(folder, how, known)] as const);
  return Object.fromEntries(await Promise.all(built)) as Record<FunctionFolder, BuiltFunction>;
}

/** @param known the hashes already computed for other bundles, which share most inputs. */
async function buildFunction(folder: FunctionFolder, how: string, known: Map<string, string>): Promise<BuiltFunction> {
  const recordFile = join(SCRATCH, 'functions', `${folder}.json`);
  const record = await readRecord(recordFile);
  if (record?.how === how && (await isCurrent(folder, record, known))) {
    return { inputs: Object.keys(record.inputs), sources: record.sources };
  }
  const startedAt = Date.now();
  const { files, inputs, sources } = await makeFunctionBundle(folder);
  await writeFolder(bundleOf(folder), files);
  if (await changedSince(startedAt, inputs)) {
    // The bundle may contain an earlier content than the one that the record would describe.
    return { inputs, sources };
  }
  const outputs = Object.fromEntries([...files].map(([name, content]) => [name, hashOf(content)]));
  const made: BundleRecord = { how, inputs: hashesOf(PROJECT, inputs), outputs, sources: [...sources] };
  await mkdir(join(SCRATCH, 'functions'), { recursive: true });
  await writeFile(recordFile, JSON.stringify(made));
  return { inputs, sources };
}

/** A record that cannot be read is as good as none: the bundle is made again. */
async function readRecord(file: string): Promise<BundleRecord | undefined> {
  try {
    return v.parse(recordSchema, JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}

async function isCurrent(
  folder: FunctionFolder,
  { inputs, outputs }: BundleRecord,
  known: Map<string, string>,
): Promise<boolean> {
  const bundle = bundleOf(folder);
  const present = await readdir(bundle).catch(() => []);
  return isSame(hashesOf(bundle, present), outputs) && isSame(hashesOf(PROJECT, Object.keys(inputs), known), inputs);
}

async function changedSince(time: number, inputs: readonly string[]): Promise<boolean> {
  const times = await Promise.all(inputs.map(async (path) => (await stat(join(PROJECT, path))).mtimeMs));
  return times.some((each) => each >= time);
}

function isSame(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

/**
 * The hashes of files in a folder. A missing file has an empty one. Files are read synchronously: for more than a thousand
 * small files, asynchronous reads take several times as long.
 */
function hashesOf(
  folder: string,
  names: readonly string[],
  known: Map<string, string> = new Map(),
): Record<string, string> {
  const hashed = names.map((name) => {
    const file = join(folder, name);
    const hash = known.get(file) ?? hashOfFile(file);
    known.set(file, hash);
    return [name, hash];
  });
  return Object.fromEntries(hashed);
}

function hashOfFile(file: string): string {
  try {
    return hashOf(readFileSync(file));
  } catch {
    return '';
  }
}

function hashOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
