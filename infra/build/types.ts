import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CollectorError } from '../../functions/collector-error.ts';
import { installLocked } from './install-locked.ts';
import { DIST, PROJECT, SCRATCH } from './project.ts';

/** The declarations of an entry cannot be made. */
export class TypesError extends CollectorError {
  override readonly name = 'TypesError';
}

/** Where the packages of {@link installTools} are. */
const TOOLS = join(PROJECT, '.local', 'build-tools');

/** Installs what only this build needs: API Extractor weighs 46 MB, most of it a second compiler. */
export async function installTools(): Promise<void> {
  await installLocked(join(import.meta.dirname, 'tools'), TOOLS);
}

/** Compiles the sources to one declaration file each, below {@link SCRATCH}. */
export function compileDeclarations(): void {
  execFileSync(
    process.execPath,
    [
      join(PROJECT, 'node_modules', 'typescript', 'bin', 'tsc'),
      '--project',
      join(import.meta.dirname, 'tsconfig.json'),
    ],
    { cwd: PROJECT, stdio: 'inherit' },
  );
}

/**
 * Joins the declarations that an entry exports into one file of dist/, with API Extractor, which brings a compiler with
 * a programming interface: TypeScript 7 has none.
 *
 * @param entry the compiled source, relative to the project, without its extension: `infra/index`.
 * @param name the name of the file in dist/, without its extension.
 * @returns API Extractor's model of the exported declarations and their documentation, as JSON.
 * @throws {TypesError} if a declaration refers to something that is not exported, or has an error.
 */
export function rollUpDeclarations(entry: string, name: string): string {
  const model = join(SCRATCH, `${name}.api.json`);
  mkdirSync(DIST, { recursive: true });
  const config = join(SCRATCH, `${name}.json`);
  writeFileSync(
    config,
    JSON.stringify({
      projectFolder: PROJECT,
      mainEntryPointFilePath: join(SCRATCH, 'types', `${entry}.d.ts`),
      // Not the tsconfig.json of the project: this compiler is another version.
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: 'es2022',
            module: 'nodenext',
            moduleResolution: 'nodenext',
            lib: ['es2023'],
            types: ['node'],
            strict: true,
            skipLibCheck: true,
          },
          files: [join(SCRATCH, 'types', `${entry}.d.ts`)],
        },
      },
      apiReport: { enabled: false },
      docModel: { enabled: true, apiJsonFilePath: model },
      dtsRollup: { enabled: true, untrimmedFilePath: '', publicTrimmedFilePath: join(DIST, `${name}.d.cts`) },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        extractorMessageReporting: {
          default: { logLevel: 'error' },
          // Everything that is exported is public; no release tags are written.
          'ae-forgotten-export': { logLevel: 'none' },
          'ae-missing-release-tag': { logLevel: 'none' },
        },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    }),
  );
  const extractor = join(TOOLS, 'node_modules', '@microsoft', 'api-extractor', 'bin', 'api-extractor');
  const { status, stdout, stderr } = spawnSync(process.execPath, [extractor, 'run', '--local', '--config', config], {
    cwd: PROJECT,
    encoding: 'utf8',
  });
  if (status !== 0) {
    throw new TypesError(`The declarations of ${entry} cannot be made:\n${stdout}${stderr}`);
  }
  return readFileSync(model, 'utf8');
}
