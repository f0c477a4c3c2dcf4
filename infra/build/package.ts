import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildOptions } from 'esbuild';
import { apiPage } from './api-page.ts';
import { COMMON, makeBundle, REQUIRE_BANNER, writeFolder } from './bundle.ts';
import { buildFunctions } from './functions.ts';
import { bundledPackages, licensePage } from './licenses.ts';
import { DIST, PROJECT } from './project.ts';
import { compileDeclarations, installTools, rollUpDeclarations } from './types.ts';

/** The oldest Node that runs the package. */
const TARGET = 'node22';

/** What a consumer installs beside the package. */
const PEERS = ['aws-cdk-lib', 'constructs'];

/** One CommonJS file, whose exports Node also finds for `import { … }`. */
const LIBRARY = {
  ...COMMON,
  format: 'cjs',
  target: TARGET,
  outExtension: { '.js': '.cjs' },
  external: PEERS,
  define: { 'import.meta.dirname': '__dirname' },
} as const satisfies BuildOptions;

/** ES modules, so that a command loads only its own code. */
const COMMAND_LINE = {
  ...COMMON,
  entryPoints: { 'mark-certificates': 'infra/command-line/main.ts' },
  format: 'esm',
  splitting: true,
  target: TARGET,
  outExtension: { '.js': '.mjs' },
  external: PEERS,
  banner: { js: REQUIRE_BANNER },
  minifySyntax: true,
  minifyWhitespace: true,
} as const satisfies BuildOptions;

/** Builds everything that is published into dist/, and writes API.md. */
export async function buildPackage(): Promise<void> {
  const [functions, construct, certificate, commandLine] = await Promise.all([
    buildFunctions(),
    makeBundle({ ...LIBRARY, entryPoints: { index: 'infra/index.ts' } }),
    makeBundle({ ...LIBRARY, entryPoints: { certificate: 'functions/certificate/report.ts' } }),
    makeBundle(COMMAND_LINE),
    installTools(),
  ]);
  const built = [...Object.values(functions), construct, certificate, commandLine];
  const packages = await bundledPackages(built.flatMap(({ sources }) => sources));
  await writeFolder(join(DIST, 'bin'), commandLine.files);
  await chmod(join(DIST, 'bin', 'mark-certificates.mjs'), 0o755);
  compileDeclarations();
  const entries = [
    { specifier: 'mark-certificate-collector', model: rollUpDeclarations('infra/index', 'index') },
    {
      specifier: 'mark-certificate-collector/certificate',
      model: rollUpDeclarations('functions/certificate/report', 'certificate'),
    },
  ];
  await writeFile(join(PROJECT, 'API.md'), apiPage(entries));
  const files = new Map([...construct.files, ...certificate.files]);
  for (const [name, content] of files) {
    await writeFile(join(DIST, name), content);
  }
  await writeFile(join(DIST, 'third-party-licenses.txt'), licensePage(packages));
}

await buildPackage();
