import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { parseSync } from 'rolldown/utils';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildFunctions } from '../../infra/build/functions.ts';
import { bundleOf as bundle, FUNCTION_FOLDERS as FOLDERS, type FunctionFolder as Folder } from '../../infra/bundles.ts';
import { MarkCertificateCollectorStack } from '../../infra/stack.ts';
import { stackNameOf } from '../../infra/stack-names.ts';
import { CONTEXT, PROJECT } from './synthesized.ts';

/** The variables without which a handler starts. */
const OPTIONAL: Partial<Record<Folder, readonly string[]>> = {
  collect: ['EVENT_BUS_NAME', 'POLL_WITH_PUSH_SECONDS', 'PUBLISHED_URL'],
  notify: ['DEAD_LETTER_QUEUE_ARN', 'OVERVIEW_SCHEDULE_GROUP', 'OVERVIEW_SCHEDULE_ROLE_ARN', 'SURVEY_FUNCTION_ARN'],
  push: ['BUCKET_NAME', 'EVENT_BUS_NAME'],
  start: ['BUCKET_NAME'],
  survey: [
    'ASK_AGAIN_BEFORE_DAYS',
    'CONTINUES',
    'CT_LOGS',
    'DISTRIBUTION_ID',
    'LOG_BUCKET_NAME',
    'OVERVIEW',
    'PUBLISHED_URL',
    'REVOCATIONS',
    'STATE_MACHINE_ARN',
    'TOPIC_ARNS',
    'TRUST_ANCHORS',
    'UNPUBLISH_REVOKED',
    'WATCHED',
  ],
};

/** The packages that a function may contain. The others in package.json are for tests, local servers and commands. */
const RUNTIME_PACKAGE =
  /^@(aws(-crypto|-lambda-powertools|-sdk)?|middy|smithy)\/|^(csv-stringify|hono|pend|saxes|valibot|xmlchars|yauzl)$/;

let temporary: string;
let sources: Readonly<Record<Folder, readonly string[]>>;

beforeAll(async () => {
  temporary = mkdtempSync(join(tmpdir(), 'bundles-'));
  const built = await buildFunctions();
  sources = forEachFolder((folder) => built[folder].inputs);
});

afterAll(() => rmSync(temporary, { recursive: true }));

function forEachFolder<T>(of: (folder: Folder) => T): Record<Folder, T> {
  return {
    collect: of('collect'),
    start: of('start'),
    survey: of('survey'),
    notify: of('notify'),
    push: of('push'),
    publish: of('publish'),
    revoke: of('revoke'),
  };
}

describe.each(FOLDERS)('the bundle of %s', (folder) => {
  test('The bundle consists of functions/, the replacements of modules of Node, and runtime dependencies.', () => {
    const own = sources[folder].filter((source) => !source.includes('node_modules/'));
    const packages = new Set(sources[folder].filter((source) => !own.includes(source)).map(packageOf));

    expect(own).toContain(`functions/${folder}/index.ts`);
    const others = own.filter((source) => !source.startsWith('functions/'));
    expect(['infra/node-http.ts', 'infra/node-process.ts', 'infra/node-util.ts']).toEqual(
      expect.arrayContaining(others),
    );
    expect(others).toContain('infra/node-http.ts');
    expect([...packages].filter((name) => !RUNTIME_PACKAGE.test(name))).toEqual([]);
    expect([...packages]).toContain('@aws-lambda-powertools/logger');
  });

  test('The bundle contains no simulator, emulator, test or synthesis, not even indirectly.', () => {
    expect(sources[folder].filter((source) => /fauxqs|simulator|vitest|aws-cdk|esbuild|\.test\./.test(source))).toEqual(
      [],
    );
  });

  test('The bundle imports only modules of Node, and dynamically packages that Lambda does not need.', () => {
    const external = Object.values(importsOf(bundle(folder)))
      .flat()
      .filter(({ isExternal, path }) => isExternal && !isBuiltin(path));
    expect(external.filter(({ kind }) => kind !== 'dynamic-import')).toEqual([]);
    expect(external.map(({ path }) => path).filter((path) => !/credential-provider/.test(path))).toEqual([]);
  });

  test('The bundle contains one source of credentials: the environment variables of Lambda.', () => {
    expect(sources[folder].filter((source) => source.includes('credential-provider-env/'))).not.toEqual([]);
    expect(sources[folder].filter((source) => /credential-provider-(ini|sso|http|imds)|bowser/.test(source))).toEqual(
      [],
    );
  });
});

describe('the code that reads certificates', () => {
  test.each(['start', 'notify', 'publish', 'revoke'] as const)('The bundle of %s does not contain it.', (folder) => {
    expect(sources[folder].filter((source) => source.startsWith('functions/certificate/'))).toEqual([]);
  });

  test('The bundle of push contains only the search for private keys, which it never stores.', () => {
    const names = [
      'container/bytes',
      'container/gzip-header',
      'container/key-structures',
      'container/key-texts',
      'container/private-key',
      'container/search-budget',
      'invalid-chain',
      'x509/der',
    ];
    expect(sources.push.filter((source) => source.startsWith('functions/certificate/')).toSorted()).toEqual(
      names.map((name) => `functions/certificate/${name}.ts`),
    );
  });

  test.each(FOLDERS)('%s does not load it before a certificate is issued.', (folder) => {
    const { atOnce } = loadedFiles(bundle(folder));
    const found = filesWithTextsOf(sources[folder].filter(readsCertificates), sources[folder], bundle(folder));

    expect(atOnce).toContain('index.mjs');
    expect([...found].filter(([, files]) => files.some((file) => atOnce.includes(file)))).toEqual([]);
  });

  test('Collect loads it by a dynamic import.', () => {
    const { later } = loadedFiles(bundle('collect'));
    const found = filesWithTextsOf(sources.collect.filter(readsCertificates), sources.collect, bundle('collect'));

    expect([...found.keys()]).toEqual(
      expect.arrayContaining([
        'functions/certificate/revocation/revocation.ts',
        'functions/certificate/container/decode.ts',
        expect.stringContaining('node_modules/saxes/'),
      ]),
    );
    expect(later).toEqual(expect.arrayContaining([...found.values()].flat()));
  });
});

describe('the clients of S3 and EventBridge', () => {
  const isS3 = (source: string) => source.startsWith('node_modules/@aws-sdk/client-s3/');
  const isStore = (source: string) => source.startsWith('functions/store/');

  const isEventBridge = (source: string) => source.startsWith('node_modules/@aws-sdk/client-eventbridge/');

  test('Collect loads neither the S3 client, nor the store, nor the client of EventBridge before it needs them.', () => {
    const { atOnce, later } = loadedFiles(bundle('collect'));
    const wanted = sources.collect.filter((source) => [isS3, isStore, isEventBridge].some((is) => is(source)));
    const found = filesWithTextsOf(wanted, sources.collect, bundle('collect'));

    expect([...found.keys()].filter(isS3)).not.toEqual([]);
    expect([...found.keys()].filter(isStore)).not.toEqual([]);
    expect([...found.keys()].filter(isEventBridge)).not.toEqual([]);
    expect([...found].filter(([, files]) => files.some((file) => atOnce.includes(file)))).toEqual([]);
    expect(later).toEqual(expect.arrayContaining([...found.values()].flat()));
  });

  test('Collect loads no code of pages before a certificate is issued.', () => {
    const { atOnce, later } = loadedFiles(bundle('collect'));
    const wanted = sources.collect.filter((source) => /^functions\/pages\/|node_modules\/hono\//.test(source));
    const found = filesWithTextsOf(wanted, sources.collect, bundle('collect'));

    expect([...found.keys()]).toEqual(
      expect.arrayContaining(['functions/pages/page.ts', 'functions/pages/report-sections.ts']),
    );
    expect([...found].filter(([, files]) => files.some((file) => atOnce.includes(file)))).toEqual([]);
    expect(later).toEqual(expect.arrayContaining([...found.values()].flat()));
  });

  test('Push loads neither the S3 client nor the store before a request has a valid login.', () => {
    const { atOnce } = loadedFiles(bundle('push'));
    const wanted = sources.push.filter((source) => isS3(source) || isStore(source));
    const found = filesWithTextsOf(wanted, sources.push, bundle('push'));

    expect([...found.keys()].filter(isS3)).not.toEqual([]);
    expect([...found].filter(([, files]) => files.some((file) => atOnce.includes(file)))).toEqual([]);
  });
});

test.each(FOLDERS)('%s loads one file at its start.', (folder) => {
  const { atOnce } = loadedFiles(bundle(folder));
  // The bundler's own helpers, of some 400 bytes, are separate if two files need them. A survey runs once a day.
  const isHelper = (file: string) => folder === 'survey' && file.startsWith('rolldown-runtime-');
  expect(atOnce.filter((file) => !isHelper(file))).toEqual(['index.mjs']);
});

test.each(FOLDERS)('The files of %s are ASCII, so that V8 needs one byte for each character.', (folder) => {
  const others = filesOf(bundle(folder)).filter((file) =>
    /[^\0-\x7f]/.test(readFileSync(join(bundle(folder), file), 'utf8')),
  );
  expect(others).toEqual([]);
});

describe('the modules of Node whose exports load other code', () => {
  test.each(FOLDERS)('No file of %s imports node:http, node:process or node:util itself.', (folder) => {
    const importing = filesOf(bundle(folder)).filter((file) =>
      /\b(from|import)\s*\(?\s*["'](node:)?(http|process|util)["']/.test(
        readFileSync(join(bundle(folder), file), 'utf8'),
      ),
    );
    expect(importing).toEqual([]);
  });

  test.each(FOLDERS)('No file of %s uses web streams, which Node would load.', (folder) => {
    const asking = filesOf(bundle(folder)).filter((file) =>
      /\b(typeof|instanceof|new|extends) ReadableStream\b/.test(readFileSync(join(bundle(folder), file), 'utf8')),
    );
    expect(asking).toEqual([]);
  });

  test('The replacement of node:http has the same exports, except those that load fetch.', async () => {
    const leftOut = ['CloseEvent', 'MessageEvent', 'WebSocket', '_connectionListener'];
    const others = Object.entries(await import('node:http')).filter(([name]) => !leftOut.includes(name));
    expect({ ...(await import('../../infra/node-http.ts')) }).toEqual(Object.fromEntries(others));
  });
});

/** What is deployed. `stack.test.ts` runs the app, and `commands/deploy-and-down.test.ts` the real `cdk`. */
describe('The synthesized assembly', () => {
  let output: string;
  let assets: Readonly<Record<Folder, string>>;
  let variables: Readonly<Record<Folder, readonly string[]>>;

  beforeAll(() => {
    output = join(temporary, 'cdk.out');
    const app = new App({ outdir: output, context: { ...CONTEXT, push: 'true', publish: 'true' } });
    new MarkCertificateCollectorStack(app, stackNameOf(undefined));
    app.synth();
    const template = read('MarkCertificateCollector.template.json');
    const { files } = read('MarkCertificateCollector.assets.json');
    const functionOf = (folder: Folder) => {
      const found = Object.entries<LambdaFunction>(template.Resources).filter(
        ([id, { Type }]) => Type === 'AWS::Lambda::Function' && id.toLowerCase().includes(`${folder}function`),
      );
      expect(found).toHaveLength(1);
      return found.map(([, { Properties }]) => Properties);
    };
    const assetOf = (folder: Folder) =>
      functionOf(folder)
        .map(({ Code }) => join(output, files[Code.S3Key.replace('.zip', '')].source.path))
        .join();
    const variablesOf = (folder: Folder) =>
      functionOf(folder).flatMap(({ Environment }) => Object.keys(Environment.Variables));
    assets = forEachFolder(assetOf);
    variables = forEachFolder(variablesOf);
  });

  test('Each function has its own bundle.', () => {
    expect(new Set(Object.values(assets)).size).toBe(FOLDERS.length);
    for (const folder of FOLDERS) {
      expect(filesOf(assets[folder])).toEqual(filesOf(bundle(folder)));
      const [asset, built] = [assets[folder], bundle(folder)].map((each) => readFileSync(join(each, 'index.mjs')));
      expect(asset?.equals(built ?? Buffer.of())).toBe(true);
    }
  });

  test.each(FOLDERS)('Node can load every file of the bundle of %s.', (folder) => {
    const { loaded } = loadedBy(folder);
    expect(Object.keys(loaded)).not.toEqual([]);
    expect(Object.entries(loaded).filter(([, error]) => error !== null)).toEqual([]);
  });

  test.each(FOLDERS)('%s has every environment variable that its handler needs.', (folder) => {
    expect(loadedBy(folder).handler).toBe('function');
  });

  test.each(FOLDERS)('%s needs each of its environment variables: without one, the handler names it.', (folder) => {
    expect(loadedBy(folder).missing.filter((message) => message !== null)).toEqual(
      variables[folder]
        .filter((name) => name !== 'COLLECTOR' && !OPTIONAL[folder]?.includes(name))
        .map((name) => `${name} is missing`),
    );
  });

  const results = new Map<Folder, Loaded>();

  /** Loads a bundle in one process, as Lambda does: first as it is deployed, then its other files, then without each variable. */
  function loadedBy(folder: Folder): Loaded {
    const files = filesOf(assets[folder]).filter((file) => file !== 'index.mjs');
    const script = `
      const all = { ...process.env };
      const { handler } = await import('./index.mjs').catch(() => ({}));
      const loaded = {};
      for (const file of ${JSON.stringify(files)}) {
        loaded[file] = await import('./' + file).then(() => null, String);
      }
      const missing = [];
      for (const name of ${JSON.stringify(variables[folder])}) {
        process.env = { ...all };
        delete process.env[name];
        const error = await import('./index.mjs?' + name).then(() => null, String);
        missing.push(error?.match(/\\w+ is missing/)?.[0] ?? error);
      }
      console.log(JSON.stringify({ loaded, handler: typeof handler, missing }));`;
    // What a bundle printed would be before the JSON.
    const result =
      results.get(folder) ?? (JSON.parse(runIn(assets[folder], script, valuesFor(variables[folder]))) as Loaded);
    results.set(folder, result);
    return result;
  }

  function read(file: string) {
    return JSON.parse(readFileSync(join(output, file), 'utf8'));
  }
});

/** What happened when Node loaded a bundle. Null: nothing is wrong. */
interface Loaded {
  /** The error of each file. */
  readonly loaded: Readonly<Record<string, string | null>>;
  /** The type of the handler. */
  readonly handler: string;
  /** The error without each variable. */
  readonly missing: readonly (string | null)[];
}

interface LambdaFunction {
  readonly Type: string;
  readonly Properties: {
    readonly Code: { readonly S3Key: string };
    readonly Environment: { readonly Variables: Readonly<Record<string, unknown>> };
  };
}

function packageOf(source: string): string {
  const [scopeOrName = '', name = ''] = (source.split('node_modules/').at(-1) ?? '').split('/');
  return scopeOrName.startsWith('@') ? `${scopeOrName}/${name}` : scopeOrName;
}

function readsCertificates(source: string): boolean {
  return source.startsWith('functions/certificate/') || source.includes('node_modules/saxes/');
}

function filesOf(directory: string): string[] {
  return readdirSync(directory).filter((file) => file.endsWith('.mjs'));
}

/** The files that a bundle loads when Lambda imports index.mjs, and those that only a dynamic import loads. */
function loadedFiles(directory: string): { atOnce: string[]; later: string[] } {
  const imports = importsOf(directory);
  const reached = (...kinds: readonly Import['kind'][]) => {
    const files = new Set(['index.mjs']);
    for (const file of files) {
      for (const { kind, path, isExternal } of imports[file] ?? []) {
        if (kinds.includes(kind) && !isExternal) {
          files.add(path);
        }
      }
    }
    return [...files];
  };
  const atOnce = reached('import-statement');
  const later = reached('import-statement', 'dynamic-import').filter((file) => !atOnce.includes(file));
  return { atOnce, later };
}

interface Import {
  readonly kind: 'import-statement' | 'dynamic-import' | 'require-call';
  /** The name of a file of the bundle, or what an external import names. */
  readonly path: string;
  readonly isExternal: boolean;
}

const allImports = new Map<string, Readonly<Record<string, readonly Import[]>>>();

/** The files of a bundle, and what each imports. A bundle does not change while the tests run. */
function importsOf(directory: string): Readonly<Record<string, readonly Import[]>> {
  const files = filesOf(directory);
  const imports =
    allImports.get(directory) ??
    Object.fromEntries(
      files.map((file) => [
        file,
        importsIn(file, readFileSync(join(directory, file), 'utf8')).map(({ kind, path }): Import => {
          const name = path.replace(/^\.\//, '');
          return files.includes(name) ? { kind, path: name, isExternal: false } : { kind, path, isExternal: true };
        }),
      ]),
    );
  allImports.set(directory, imports);
  return imports;
}

function importsIn(file: string, code: string): Pick<Import, 'kind' | 'path'>[] {
  const { module, errors } = parseSync(file, code);
  expect(errors).toEqual([]);
  const exported = module.staticExports.flatMap(({ entries }) => entries.flatMap((each) => each.moduleRequest ?? []));
  return [
    ...[...module.staticImports.map((each) => each.moduleRequest), ...exported].map(({ value }) => ({
      kind: 'import-statement' as const,
      path: value,
    })),
    // The position is that of the expression, usually a text in quotes.
    ...module.dynamicImports.map(({ moduleRequest: { start, end } }) => ({
      kind: 'dynamic-import' as const,
      path: code.slice(start, end).replace(/^(['"`])(.*)\1$/, '$2'),
    })),
    // The bundler's name for the function that modules of CommonJS call.
    ...[...code.matchAll(/\b__require\((['"`])(.*?)\1\)/g)].map(([, , path = '']) => ({
      kind: 'require-call' as const,
      path,
    })),
  ];
}

const contents = new Map<string, string>();
/** The texts of a source that no other source of a bundle contains. */
const ownTexts = new Map<string, readonly string[]>();

function contentOf(file: string): string {
  const content = contents.get(file) ?? readFileSync(file, 'utf8');
  contents.set(file, content);
  return content;
}

/**
 * The bundled files that contain each source. A source is found by string literals that only it contains, because a
 * minifier renames everything else. Sources without such a literal are left out.
 */
function filesWithTextsOf(wanted: readonly string[], all: readonly string[], directory: string): Map<string, string[]> {
  const bundled = filesOf(directory).map((file) => ({ file, code: contentOf(join(directory, file)) }));
  const sourceOf = (source: string) => contentOf(join(PROJECT, source));
  // One search in the joined sources is much quicker than one in each of them. No literal contains a line feed.
  const joined = all.map(sourceOf).join('\n');
  const countIn = (code: string, text: string) => code.split(text).length - 1;
  return new Map(
    wanted.toSorted().flatMap((source) => {
      const own = sourceOf(source);
      const literals = [...own.matchAll(/(['"`])(?!\.)([ \w.,:;?#-]{16,})\1/g)].map(([, , text = '']) => text);
      const key = `${directory} ${source}`;
      const texts =
        ownTexts.get(key) ??
        [...new Set(literals)]
          // The order matters: most texts are in no bundle, and searching all sources takes long.
          .filter((text) => bundled.some(({ code }) => code.includes(text)))
          .filter((text) => countIn(joined, text) === countIn(own, text));
      ownTexts.set(key, texts);
      const files = bundled.filter(({ code }) => texts.some((text) => code.includes(text))).map(({ file }) => file);
      return files.length > 0 ? [[source, files] as const] : [];
    }),
  );
}

/** Runs a module in a directory, as Lambda does. Returns its output. */
function runIn(directory: string, script: string, variables: Readonly<Record<string, string>> = {}): string {
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: directory,
    env: environment({ AWS_REGION: 'us-east-1', ...variables }),
    encoding: 'utf8',
  });
}

/** The variables, and from this process's environment only the paths to Node and to compiled code. */
function environment(variables: Readonly<Record<string, string>>): Record<string, string> {
  const { PATH, NODE_COMPILE_CACHE = '' } = process.env;
  return { PATH: [dirname(process.execPath), PATH].join(delimiter), NODE_COMPILE_CACHE, ...variables };
}

/** Accepted values of the variables that do not accept every value. */
const GOOD_VALUES: Readonly<Record<string, string>> = {
  COLLECT_URL: 'https://ca.example/CollectMC',
  RESPONSE_FORMAT: 'pkcs7',
  PUBLISHED_URL: 'https://bimi.example.com',
  CONTINUES: 'true',
  OVERVIEW: 'true',
  WATCHED: 'true',
  REVOCATIONS: 'true',
  UNPUBLISH_REVOKED: 'true',
};

function valuesFor(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, GOOD_VALUES[name] ?? '1']));
}
