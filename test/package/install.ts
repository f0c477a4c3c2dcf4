/**
 * Packs the package, and installs it into the consumers below `.local/package/`. A folder of this directory with a lock
 * file is a consumer.
 */
import { cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { digest, installLocked, QUIET } from '../../infra/build/install-locked.ts';
import { PROJECT } from '../infra/synthesized.ts';
import { runCommand } from './command.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The packed package. */
    readonly tarball: string;
  }
}

const FOLDER = join(PROJECT, '.local', 'package');

/** Consumers that `cdk init` makes: their folders contain only what it does not write, and what differs. */
const CDK_CONSUMERS = ['cdk-init', 'cdk-lowest'] as const;
const CDK_APP = join(import.meta.dirname, 'cdk-app');
const EXAMPLES = join(PROJECT, 'docs', 'examples');
const isSource = (path: string) => !path.endsWith('tsconfig.json');

export type CdkConsumer = (typeof CDK_CONSUMERS)[number];
export type Consumer = CdkConsumer | 'es-module';

/** The folder of an installed consumer. */
export const folderOf = (consumer: Consumer) => join(FOLDER, consumer);

/** The oldest Node that runs the package, of the npm package `node`. */
export const OLDEST_NODE = join(FOLDER, 'node-22', 'node_modules', 'node', 'bin', 'node');

/** Another folder for a test, which is empty. */
export async function emptyFolder(name: string): Promise<string> {
  const folder = join(FOLDER, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}

/** Packs and installs everything, once before all tests. */
export async function setup(project: TestProject): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  const [tarball] = await Promise.all([
    pack(),
    ...(['cdk-init', 'cdk-lowest', 'es-module', 'node-22'] as const).map((each) =>
      installLocked(join(import.meta.dirname, each), join(FOLDER, each)),
    ),
  ]);
  await Promise.all((['cdk-init', 'cdk-lowest', 'es-module'] as const).map((each) => prepare(each, tarball)));
  project.provide('tarball', tarball);
}

/**
 * Builds and packs the package.
 *
 * @returns the tarball. Its name contains its digest: npm does not install a file again that it has installed.
 */
async function pack(): Promise<string> {
  const folder = await emptyFolder('packed');
  await runCommand('npm', ['pack', '--pack-destination', folder, '--loglevel=error'], { folder: PROJECT });
  const [name = ''] = await readdir(folder);
  const tarball = join(folder, `${digest(await readFile(join(folder, name)))}.tgz`);
  await rename(join(folder, name), tarball);
  return tarball;
}

/** Writes the files of a consumer from the start, and installs the package without changing its lock file. */
async function prepare(consumer: Consumer, tarball: string): Promise<void> {
  const folder = folderOf(consumer);
  for (const name of await readdir(folder)) {
    if (name !== 'node_modules') {
      await rm(join(folder, name), { recursive: true });
    }
  }
  if (isCdkConsumer(consumer)) {
    await generate(consumer);
  }
  await cp(join(import.meta.dirname, consumer), folder, { recursive: true });
  await cp(EXAMPLES, join(folder, 'examples'), { recursive: true, filter: isSource });
  await runCommand('npm', ['install', '--no-save', ...QUIET, tarball], { folder });
}

function isCdkConsumer(consumer: Consumer): consumer is CdkConsumer {
  return CDK_CONSUMERS.some((each) => each === consumer);
}

/** The `package.json` that `cdk init` made of a consumer. */
export const generatedPackageOf = (consumer: CdkConsumer) => join(folderOf(consumer), 'generated.json');

/** Makes an app with the consumer's own CDK command line, which names it after the folder. */
async function generate(consumer: CdkConsumer): Promise<void> {
  const app = join(await emptyFolder(`${consumer}-generated`), 'app');
  await mkdir(app);
  const cdk = join(folderOf(consumer), 'node_modules', '.bin', 'cdk');
  await runCommand(cdk, ['init', 'app', '--language', 'typescript', '--generate-only'], { folder: app });
  await cp(app, folderOf(consumer), { recursive: true });
  await rename(join(folderOf(consumer), 'package.json'), generatedPackageOf(consumer));
  await cp(CDK_APP, folderOf(consumer), { recursive: true });
}
