import { join } from 'node:path';
import type { InputOptions, OutputOptions, Plugin } from 'rolldown';
import type { FunctionFolder } from '../bundles.ts';
import { type Bundle, bundleWithRolldown } from './bundle.ts';
import { PROJECT } from './project.ts';

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
 * Modules of the SDK that a function replaces, by the end of their path. Lambda has no configuration files, but the SDK
 * looks for them at its first request, and starts the threads that read files. A body that a function sends is a text or
 * bytes; the SDK also measures that of a file, and for this it loads the code of Node that reads files as streams. Every
 * object is written and verified with its SHA-256, so the SDK computes no CRC-32, and need not load node:zlib for it.
 */
const REPLACED_MODULES: Readonly<Record<string, string>> = {
  '/submodules/config/shared-ini-file-loader/loadSharedConfigFiles.js':
    "export * from './constants'; export const loadSharedConfigFiles = async () => ({ configFile: {}, credentialsFile: {} });",
  '/submodules/serde/util-body-length/calculateBodyLength.js':
    "export const calculateBodyLength = (body) => typeof body === 'string' ? Buffer.byteLength(body) : body?.byteLength ?? 0;",
  '/submodules/checksum/crc32/Crc32Node.js': "export { Crc32Js as Crc32Node } from './Crc32Js.js';",
};

/** Replaces modules of the SDK. The build fails if the SDK has none of this name any more. */
function replaceModules(): Plugin {
  const missing = new Set(Object.keys(REPLACED_MODULES));
  return {
    name: 'replace-modules',
    load(id) {
      const [end, code] = Object.entries(REPLACED_MODULES).find(([end]) => id.endsWith(end)) ?? [];
      missing.delete(end ?? '');
      return code;
    },
    buildEnd(error) {
      if (!error && missing.size > 0) {
        this.error(
          `The SDK has no module ${[...missing].join(', ')}: change REPLACED_MODULES in infra/build/function-bundle.ts`,
        );
      }
    },
  };
}

function optionsOf(folder: FunctionFolder): InputOptions {
  return {
    input: { index: `functions/${folder}/index.ts` },
    resolve: {
      // Importing these modules themselves makes every cold start slower: node-http.ts gives the reason.
      alias: {
        'node:http': join(PROJECT, 'infra/node-http.ts'),
        'node:process': join(PROJECT, 'infra/node-process.ts'),
        'node:util': join(PROJECT, 'infra/node-util.ts'),
      },
    },
    external: UNUSED_PACKAGES,
    // The SDK checks at each start whether web streams exist. Node would load them for this, and nothing uses them.
    transform: { define: { ReadableStream: 'undefined' } },
    plugins: [replaceModules()],
  };
}

/** The file of the entry, which only exports the handler of `index.mjs`. */
const ENTRY = 'entry.mjs';

/**
 * ES modules. `index.mjs` contains everything that the handler imports statically: Node finds, reads and compiles one file,
 * not a dozen. Code behind a dynamic import becomes a separate file, which a check of a waiting order never loads. What
 * Collect loads to write a status is one file too.
 */
function outputOf(folder: FunctionFolder): OutputOptions {
  return {
    entryFileNames: ENTRY,
    chunkFileNames: ({ name }) => (name === 'index' ? 'index.mjs' : '[name]-[hash].mjs'),
    codeSplitting: {
      groups: [
        { name: 'index', test: new RegExp(`/functions/${folder}/index\\.ts$`), priority: 1 },
        { name: 'bucket', test: /\/functions\/collect\/bucket\.ts$/ },
      ],
    },
    // index.mjs exports `handler` under this name.
    minifyInternalExports: false,
    // Only local variables get shorter names: stack traces contain the names of functions and classes.
    minify: {
      compress: { target: 'node24', keepNames: { function: true, class: true } },
      mangle: { toplevel: false, keepNames: true },
      codegen: { removeWhitespace: true },
    },
  };
}

/**
 * Bundles one function folder with everything it imports. The SDK is included, so that the deployed version is the tested
 * one. Nothing is written.
 */
export async function makeFunctionBundle(folder: FunctionFolder): Promise<Bundle> {
  const { files, ...read } = await bundleWithRolldown(optionsOf(folder), outputOf(folder));
  const deployed = [...files].filter(([name]) => name !== ENTRY);
  return { ...read, files: new Map(deployed.map(([name, code]) => [name, toAscii(code)])) };
}

/**
 * Escapes every other character, which only texts and regular expressions contain. One such character doubles the memory
 * of a file: V8 has one or two bytes for every character of a text.
 */
function toAscii(code: Uint8Array): Uint8Array {
  const ascii = Buffer.from(code)
    .toString()
    .replaceAll(/[^\0-\x7f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return Buffer.from(ascii);
}
