import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { CollectorError } from '../../functions/collector-error.ts';
import { DIST, PROJECT, SCRATCH } from './project.ts';

/** The declarations of an entry cannot be made. */
export class TypesError extends CollectorError {
  override readonly name = 'TypesError';
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
  const config = ExtractorConfig.prepare({
    configObject: {
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
      dtsRollup: { enabled: true, publicTrimmedFilePath: join(DIST, `${name}.d.cts`) },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        extractorMessageReporting: {
          default: { logLevel: ExtractorLogLevel.Error },
          // Everything that is exported is public; no release tags are written.
          'ae-forgotten-export': { logLevel: ExtractorLogLevel.None },
          'ae-missing-release-tag': { logLevel: ExtractorLogLevel.None },
        },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(PROJECT, 'package.json'),
  });
  const problems: string[] = [];
  const { succeeded } = Extractor.invoke(config, {
    localBuild: true,
    messageCallback(message) {
      if (message.logLevel === ExtractorLogLevel.Error) {
        problems.push(`${message.sourceFilePath ?? ''}: ${message.text} (${message.messageId})`);
      }
      message.handled = true;
    },
  });
  if (!succeeded) {
    throw new TypesError(
      `The declarations of ${entry} cannot be made:\n${problems.map((each) => `  - ${each}`).join('\n')}`,
    );
  }
  return readFileSync(model, 'utf8');
}
