import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/** One import: the folder of the importing file, and what the file imports. */
interface Sample {
  readonly folder: string;
  readonly imports: string;
}

/** The folders of the Lambda functions. */
const FUNCTIONS = readdirSync('functions').filter((folder) => existsSync(join('functions', folder, 'index.ts')));

/** Imports that CONTRIBUTING.md forbids. */
const FORBIDDEN: readonly Sample[] = [
  // Functions import neither infra nor test, and no other function.
  { folder: 'functions', imports: './collect/collect.ts' },
  { folder: 'functions', imports: './store/objects.ts' },
  { folder: 'functions', imports: './certificate/report.ts' },
  { folder: 'functions', imports: '../infra/settings.ts' },
  { folder: 'functions', imports: '../test/lambda.ts' },
  ...FUNCTIONS.flatMap((folder) => [
    ...FUNCTIONS.filter((other) => other !== folder).map((other) => ({
      folder: `functions/${folder}`,
      imports: `../${other}/handler.ts`,
    })),
    { folder: `functions/${folder}`, imports: '../../infra/settings.ts' },
    { folder: `functions/${folder}`, imports: '../../infra/local/scenarios.ts' },
    { folder: `functions/${folder}`, imports: '../../test/lambda.ts' },
  ]),
  { folder: 'functions/store', imports: '../collect/waiting.ts' },
  { folder: 'functions/store', imports: '../survey/live.ts' },
  { folder: 'functions/store', imports: '../../infra/settings.ts' },
  { folder: 'functions/store', imports: '../../test/lambda.ts' },
  { folder: 'functions/store', imports: '../pages/report.ts' },
  { folder: 'functions/pages', imports: '../collect/waiting.ts' },
  { folder: 'functions/pages', imports: '../../infra/settings.ts' },
  { folder: 'functions/pages', imports: '../../test/lambda.ts' },
  { folder: 'functions/pages', imports: '@aws-sdk/client-s3' },
  { folder: 'functions/pages', imports: 'node:fs/promises' },
  { folder: 'functions/pages', imports: 'hono' },
  { folder: 'functions/collect', imports: 'hono/html' },
  { folder: 'functions/certificate', imports: '../pages/html.ts' },
  { folder: 'functions/certificate', imports: '../collectmc/codes.ts' },
  { folder: 'functions/certificate', imports: '../store/manifest.ts' },
  { folder: 'functions/certificate', imports: '../http.ts' },
  { folder: 'functions/certificate', imports: '../errors.ts' },
  { folder: 'functions/certificate', imports: '../../infra/settings.ts' },
  { folder: 'functions/certificate', imports: 'node:https' },
  { folder: 'functions/certificate/path', imports: '../../store/manifest.ts' },
  { folder: 'functions/certificate/path', imports: '../../http.ts' },
  { folder: 'functions/certificate/path', imports: '../../../infra/settings.ts' },
  { folder: 'functions/certificate/path', imports: '@aws-sdk/client-s3' },
  { folder: 'functions/certificate/path', imports: 'node:fs' },
  { folder: 'functions/certificate/path', imports: 'node:fs/promises' },
  { folder: 'functions/certificate/path', imports: 'node:dns/promises' },
  { folder: 'functions/certificate', imports: '@aws-sdk/client-s3' },
  { folder: 'functions/collectmc', imports: '../certificate/report.ts' },
  { folder: 'functions/collectmc', imports: '../store/manifest.ts' },
  { folder: 'functions/collectmc', imports: '../order.ts' },
  { folder: 'functions/collectmc', imports: '../errors.ts' },
  { folder: 'functions/collectmc', imports: '../../infra/settings.ts' },
  { folder: 'functions/collectmc', imports: '@aws-sdk/client-s3' },
  // The CDK app imports no local server and no command.
  { folder: 'infra', imports: './local/scenarios.ts' },
  { folder: 'infra', imports: './commands/start.ts' },
  { folder: 'infra', imports: './deployed/stacks.ts' },
  { folder: 'infra', imports: '../test/lambda.ts' },
  { folder: 'infra/deployed', imports: '../commands/usage.ts' },
  { folder: 'infra/deployed', imports: '../local/scenarios.ts' },
  { folder: 'infra/deployed', imports: '../../test/lambda.ts' },
  { folder: 'infra/deployed', imports: 'fauxqs' },
  { folder: 'infra/local', imports: '../deployed/stacks.ts' },
  { folder: 'infra/local', imports: '../commands/start.ts' },
  { folder: 'infra/local/cloud', imports: '../../commands/start.ts' },
  { folder: 'infra/local/cloud', imports: '../emulator/emulator.ts' },
  { folder: 'infra/local/cloud', imports: '../scenarios.ts' },
  { folder: 'infra/local/ca', imports: '../cloud/local-cloud.ts' },
  { folder: 'infra/local/ca', imports: '../../settings.ts' },
  { folder: 'infra/local', imports: '../../test/lambda.ts' },
  { folder: 'infra/local/ca', imports: '../../../test/lambda.ts' },
  { folder: 'infra/commands', imports: '../../test/lambda.ts' },
  // functions/ and the command line import only packages that are bundled.
  ...[
    'fauxqs',
    'aws-local-stepfunctions',
    '@peculiar/asn1-x509',
    'fflate',
    'aws-cdk-lib',
    'constructs',
    'esbuild',
    'rolldown',
  ].map((imports) => ({ folder: 'functions/collect', imports })),
  { folder: 'functions', imports: 'aws-cdk-lib' },
  { folder: 'functions/store', imports: 'fauxqs' },
  { folder: 'infra', imports: 'fauxqs' },
  { folder: 'infra', imports: '@peculiar/asn1-x509' },
  { folder: 'infra', imports: 'vitest' },
  { folder: 'infra', imports: 'esbuild' },
  { folder: 'infra', imports: 'rolldown' },
  { folder: 'infra', imports: './build/functions.ts' },
  { folder: 'infra/build', imports: '../settings.ts' },
  { folder: 'infra/build', imports: 'fauxqs' },
  { folder: 'infra/command-line', imports: 'aws-cdk-lib' },
  { folder: 'infra/command-line', imports: 'fauxqs' },
  { folder: 'infra/commands', imports: 'fauxqs' },
  // package.json does not list this package. Another package depends on it.
  { folder: 'test', imports: 'fastify' },
];

/** Similar imports that are allowed. Without them, a rule that forbids everything would pass. */
const ALLOWED: readonly Sample[] = [
  { folder: 'functions', imports: './text.ts' },
  { folder: 'functions', imports: './collectmc/codes.ts' },
  { folder: 'functions/collect', imports: '../store/archive.ts' },
  { folder: 'functions/collect', imports: '../certificate/report.ts' },
  { folder: 'functions/collect', imports: '../collectmc/codes.ts' },
  { folder: 'functions/collect', imports: '../errors.ts' },
  { folder: 'functions/collect', imports: '@aws-sdk/client-s3' },
  { folder: 'functions/collect', imports: '../pages/report.ts' },
  { folder: 'functions/survey', imports: '../pages/page.ts' },
  { folder: 'functions/pages', imports: '../store/manifest.ts' },
  { folder: 'functions/pages', imports: '../certificate/report.ts' },
  { folder: 'functions/pages', imports: '../text.ts' },
  { folder: 'functions/pages', imports: 'hono/html' },
  { folder: 'functions/store', imports: '../certificate/report.ts' },
  { folder: 'functions/store', imports: '../collectmc/reply.ts' },
  { folder: 'functions/certificate', imports: '../bimi.ts' },
  { folder: 'functions/certificate/path', imports: '../../text.ts' },
  { folder: 'functions/certificate/path', imports: '../x509/der.ts' },
  { folder: 'functions/certificate/path', imports: '../invalid-chain.ts' },
  { folder: 'functions/certificate/path', imports: 'node:crypto' },
  { folder: 'functions/collectmc', imports: '../http.ts' },
  { folder: 'functions/collectmc', imports: '../redact.ts' },
  { folder: 'infra', imports: '../functions/collect/waiting.ts' },
  { folder: 'infra', imports: './settings.ts' },
  { folder: 'infra', imports: 'aws-cdk-lib/aws-sns' },
  { folder: 'infra', imports: 'constructs' },
  { folder: 'infra/build', imports: 'esbuild' },
  { folder: 'infra/build', imports: 'rolldown' },
  { folder: 'infra/build', imports: '../bundles.ts' },
  { folder: 'infra/command-line', imports: 'commander' },
  { folder: 'functions/certificate/logo', imports: 'saxes' },
  { folder: 'infra/deployed', imports: '../settings.ts' },
  { folder: 'infra/deployed', imports: '../../functions/batches.ts' },
  { folder: 'infra/deployed', imports: '@aws-sdk/client-cloudformation' },
  { folder: 'infra/local', imports: '../settings.ts' },
  { folder: 'infra/local/cloud', imports: '../../../functions/collect/handler.ts' },
  { folder: 'infra/local/cloud', imports: 'fauxqs' },
  { folder: 'infra/commands', imports: '../local/scenarios.ts' },
  { folder: 'infra/commands', imports: '../deployed/stacks.ts' },
  { folder: 'test/functions', imports: '../../infra/local/scenarios.ts' },
  { folder: 'test/functions', imports: 'fast-check' },
];

const title = ({ folder, imports }: Sample): string => `${folder}/ imports ${imports}`;

interface Report {
  readonly diagnostics: readonly { readonly category: string; readonly location: { readonly path: unknown } }[];
}

const biome = join('node_modules', '@biomejs', 'biome', 'bin', 'biome');

describe('lint rules of the boundaries', () => {
  let scratch: string;
  let found: Map<string, string[]>;

  /** The file of a sample. Its number keeps two samples of one folder apart. */
  const fileOf = ({ folder }: Sample, kind: string, index: number): string => `${folder}/${kind}-${index}.ts`;

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'boundaries-'));
    for (const name of ['.biome.json', '.gitignore', 'package.json']) {
      await cp(name, join(scratch, name));
    }
    const write = async (path: string, content: string): Promise<void> => {
      await mkdir(dirname(join(scratch, path)), { recursive: true });
      await writeFile(join(scratch, path), content);
    };
    for (const [kind, samples] of Object.entries({ forbidden: FORBIDDEN, allowed: ALLOWED })) {
      for (const [index, sample] of samples.entries()) {
        await write(fileOf(sample, kind, index), `import '${sample.imports}';\n`);
      }
    }
    await write('functions/dynamic.ts', "export const later = () => import('./collect/collect.ts');\n");
    await write(
      'functions/type.ts',
      "import type { Collect } from './collect/collect.ts';\nexport type C = Collect;\n",
    );
    await write('functions/http.ts', "import './collectmc/codes.ts';\n");
    await write('functions/text.ts', "import './errors.ts';\n");
    await write('functions/export.ts', "export { collect } from './collect/collect.ts';\n");
    await write('functions/store/one.ts', "import { two } from './two.ts';\nexport const one = () => two();\n");
    await write('functions/store/two.ts', "import { one } from './one.ts';\nexport const two = () => one();\n");
    await write('functions/store/three.ts', "import type { Four } from './four.ts';\nexport type Three = Four[];\n");
    await write('functions/store/four.ts', "import type { Three } from './three.ts';\nexport type Four = Three[];\n");
    // Biome ends with 1 because there are findings.
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [join(process.cwd(), biome), 'lint', '--reporter=json', '--max-diagnostics=none', '--error-on-warnings'],
      { cwd: scratch, maxBuffer: 16 * 1024 * 1024 },
    ).catch((error: { stdout: string }) => error);
    found = new Map();
    for (const { category, location } of (JSON.parse(stdout) as Report).diagnostics) {
      const path = String(location.path);
      found.set(path, [...(found.get(path) ?? []), category]);
    }
  });
  afterAll(() => rm(scratch, { recursive: true, force: true }));

  test.each(FORBIDDEN.map((sample, index) => ({ title: title(sample), file: fileOf(sample, 'forbidden', index) })))(
    'Refused: $title',
    ({ file }) => {
      expect(found.get(file)).toHaveLength(1);
    },
  );

  test.each(['functions/http.ts', 'functions/text.ts'])('Refused: %s imports a file that imports it.', (file) => {
    expect(found.get(file)).toHaveLength(1);
  });

  test.each(ALLOWED.map((sample, index) => ({ title: title(sample), file: fileOf(sample, 'allowed', index) })))(
    'Accepted: $title',
    ({ file }) => {
      expect(found.get(file)).toBeUndefined();
    },
  );

  test.each(['dynamic', 'type', 'export'])('A forbidden import is found in functions/%s.ts.', (kind) => {
    expect(found.get(`functions/${kind}.ts`)).toEqual(['lint/style/noRestrictedImports']);
  });

  test.each(['one', 'two', 'three', 'four'])(
    'A circle of imports is found at functions/store/%s.ts, also if it is made of types.',
    (name) => {
      expect(found.get(`functions/store/${name}.ts`)).toEqual(['lint/suspicious/noImportCycles']);
    },
  );
});
