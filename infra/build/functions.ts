import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuildOptions, version } from 'esbuild';
import * as v from 'valibot';
import { bundleOf, FUNCTION_FOLDERS, type FunctionFolder } from '../bundles.ts';
import { COMMON, makeBundle, REQUIRE_BANNER, writeFolder } from './bundle.ts';
import { PROJECT, SCRATCH } from './project.ts';

/**
 * Packages that the SDK imports dynamically and no function needs: sources of credentials, because Lambda sets those of the
 * role in environment variables (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html), and the names
 * of browsers.
 */
const UNUSED_PACKAGES = [
  '@aws-sdk/credential-provider-http',
  '@aws-sdk/credential-provider-ini',
  '@aws-sdk/credential-provider-process',
  '@aws-sdk/credential-provider-sso',
  '@aws-sdk/credential-provider-web-identity',
  '@smithy/credential-provider-imds',
  'bowser',
];

/**
 * One function folder as ES modules with everything it imports. The SDK is included, so that the deployed version is
 * the tested one. Code behind a dynamic import becomes a separate file, which a check of a waiting order never loads;
 * CDK's NodejsFunction cannot split bundles.
 */
function optionsOf(folder: FunctionFolder): BuildOptions {
  return {
    ...COMMON,
    entryPoints: { index: `functions/${folder}/index.ts` },
    splitting: true,
    format: 'esm',
    target: 'node24',
    outExtension: { '.js': '.mjs' },
    // Importing these modules themselves makes every cold start slower: node-http.ts gives the reason.
    alias: {
      'node:http': './infra/node-http.ts',
      'node:process': './infra/node-process.ts',
      'node:util': './infra/node-util.ts',
    },
    external: UNUSED_PACKAGES,
    banner: { js: REQUIRE_BANNER },
    // Stack traces contain the names of functions and classes. With keepNames, shorter names would be kept too, but each
    // function that is created at run time would be changed then, which makes reading a certificate a tenth slower.
    minifySyntax: true,
    minifyWhitespace: true,
  };
}

/** What a bundle was made of, so that it is made again only if something changed. */
const recordSchema = v.object({
  /** A hash of the options, of esbuild's version and of the versions of all packages. */
  how: v.string(),
  /** The hashes of everything that esbuild read, and of the files that it made. */
  inputs: v.record(v.string(), v.string()),
  outputs: v.record(v.string(), v.string()),
  sources: v.array(v.string()),
});

type BundleRecord = v.InferOutput<typeof recordSchema>;

/** What a bundle was made of. Paths are relative to the project. */
export interface BuiltFunction {
  /** Everything that esbuild read. */
  readonly inputs: readonly string[];
  /** The inputs of which something is in the bundle. */
  readonly sources: readonly string[];
}

/**
 * Bundles all functions into dist/functions/. A bundle is left as it is if its sources, its files, and the way it is made
 * are unchanged.
 */
export async function buildFunctions(): Promise<Record<FunctionFolder, BuiltFunction>> {
  const lock = await readFile(join(PROJECT, 'package-lock.json'));
  const built = FUNCTION_FOLDERS.map(async (folder) => [folder, await buildFunction(folder, lock)] as const);
  return Object.fromEntries(await Promise.all(built)) as Record<FunctionFolder, BuiltFunction>;
}

async function buildFunction(folder: FunctionFolder, lock: Uint8Array): Promise<BuiltFunction> {
  const options = optionsOf(folder);
  const how = hashOf(Buffer.concat([lock, Buffer.from(JSON.stringify([version, options]))]));
  const recordFile = join(SCRATCH, 'functions', `${folder}.json`);
  const record = await readRecord(recordFile);
  if (record?.how === how && (await isCurrent(folder, record))) {
    return { inputs: Object.keys(record.inputs), sources: record.sources };
  }
  const startedAt = Date.now();
  const { files, inputs, sources } = await makeBundle(options);
  await writeFolder(bundleOf(folder), files);
  if (await changedSince(startedAt, inputs)) {
    // The bundle may contain an earlier content than the one that the record would describe.
    return { inputs, sources };
  }
  const outputs = Object.fromEntries([...files].map(([name, content]) => [name, hashOf(content)]));
  const made: BundleRecord = { how, inputs: await hashesOf(PROJECT, inputs), outputs, sources: [...sources] };
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

async function isCurrent(folder: FunctionFolder, { inputs, outputs }: BundleRecord): Promise<boolean> {
  const bundle = bundleOf(folder);
  const present = await readdir(bundle).catch(() => []);
  return (
    isSame(await hashesOf(bundle, present), outputs) && isSame(await hashesOf(PROJECT, Object.keys(inputs)), inputs)
  );
}

async function changedSince(time: number, inputs: readonly string[]): Promise<boolean> {
  const times = await Promise.all(inputs.map(async (path) => (await stat(join(PROJECT, path))).mtimeMs));
  return times.some((each) => each >= time);
}

function isSame(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

/** The hashes of files in a folder. A file that is missing has an empty one. */
async function hashesOf(folder: string, names: readonly string[]): Promise<Record<string, string>> {
  const hashed = names.map(async (name) => {
    const content = await readFile(join(folder, name)).catch(() => undefined);
    return [name, content ? hashOf(content) : ''];
  });
  return Object.fromEntries(await Promise.all(hashed));
}

function hashOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
