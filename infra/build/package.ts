import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildOptions } from 'esbuild';
import type { Plugin } from 'rolldown';
import { apiPage } from './api-page.ts';
import { type Bundle, bundleWithEsbuild, bundleWithRolldown, COMMON, writeFolder } from './bundle.ts';
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

/**
 * Built-in modules as CommonJS modules. An import of a built-in module makes Node read all of its exports, and some
 * exports of node:fs, node:process and node:util load further modules.
 */
function builtInModules(): Plugin {
  return {
    name: 'built-in-modules',
    resolveId: {
      // The runtime of rolldown imports node:module.
      filter: { id: /^node:(?!module$)/ },
      handler: (id, importer) => {
        // Commander starts processes only for commands that are separate programs, and there are none.
        const unused = id === 'node:child_process' && importer?.includes('/node_modules/commander/');
        return unused ? '\0unused' : `\0${id}`;
      },
    },
    load: {
      filter: { id: /^\0(?:node:|unused$)/ },
      handler: (id) =>
        `module.exports = ${id === '\0unused' ? '{}' : `process.getBuiltinModule(${JSON.stringify(id.slice(1))})`};`,
    },
  };
}

/** ES modules, so that a command loads only its own code. What every command needs at its start is in one file. */
function makeCommandLine(): Promise<Bundle> {
  const start = /\/infra\/command-line\/(?:commands|program|terminal)\.ts$/;
  return bundleWithRolldown(
    {
      input: { 'mark-certificates': 'infra/command-line/main.ts' },
      external: PEERS,
      transform: { target: TARGET },
      plugins: [builtInModules()],
    },
    {
      entryFileNames: '[name].mjs',
      chunkFileNames: '[name]-[hash].mjs',
      codeSplitting: { groups: [{ name: 'start', test: start }] },
      minify: { compress: { target: TARGET }, mangle: false, codegen: { removeWhitespace: true } },
    },
  );
}

/** Builds everything that is published into dist/, and writes API.md. */
export async function buildPackage(): Promise<void> {
  const [functions, construct, certificate, commandLine] = await Promise.all([
    buildFunctions(),
    bundleWithEsbuild({ ...LIBRARY, entryPoints: { index: 'infra/index.ts' } }),
    bundleWithEsbuild({ ...LIBRARY, entryPoints: { certificate: 'functions/certificate/report.ts' } }),
    makeCommandLine(),
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
