import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startCollectMcSimulator } from '../../infra/local/ca/collectmc-simulator.ts';
import { pem } from '../../infra/local/ca/containers.ts';
import { startAwsJsonEndpoint } from '../../infra/local/cloud/aws-json-endpoint.ts';
import { startCloudFormation } from '../../infra/local/cloud/cloudformation-endpoint.ts';
import { MarkCertificateCollectorStack } from '../../infra/stack.ts';
import { openAuthority } from '../authority.ts';
import { CONTEXT, resolve } from '../infra/synthesized.ts';
import { type Output, runCommand, tryCommand } from './command.ts';
import { type Consumer, emptyFolder, folderOf, generatedPackageOf, OLDEST_NODE } from './install.ts';
import { createTable, versionsOf } from './table.ts';

const NODES = { 'Node 22.13': OLDEST_NODE, 'Node 24': process.execPath } as const;

const table = createTable();

interface CloudFormationTemplate {
  readonly Outputs?: unknown;
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties: unknown }>>;
}

const readJson = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8'));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const binOf = (consumer: Consumer, name: string) => join(folderOf(consumer), 'node_modules', '.bin', name);

beforeAll(() => runCommand(binOf('es-module', 'tsc'), [], { folder: folderOf('es-module') }));
afterAll(() => table.print());

const ofProject = new Map<string, CloudFormationTemplate['Resources']>();

/** The resources of a stack of this project with the default settings, with another id. */
function resourcesOfProject(stack: string): CloudFormationTemplate['Resources'] {
  const app = new App({ context: CONTEXT });
  const resources =
    ofProject.get(stack) ?? Template.fromStack(new MarkCertificateCollectorStack(app, stack)).toJSON().Resources;
  ofProject.set(stack, resources);
  return resources;
}

/** How many resources of each type a template contains. */
function countTypes({ Resources }: CloudFormationTemplate): Readonly<Record<string, number>> {
  const types = Map.groupBy(Object.values(Resources), ({ Type }) => Type);
  return Object.fromEntries([...types].map(([type, resources]) => [type, resources.length]));
}

describe.each([
  ['cdk-init', ['aws-cdk', 'aws-cdk-lib', 'constructs', 'typescript', 'jest', 'tsx']],
  ['cdk-lowest', ['aws-cdk', 'aws-cdk-lib', 'constructs', 'typescript', 'jest', 'ts-node']],
] as const)('An app of cdk init, %s,', (consumer, packages) => {
  const folder = folderOf(consumer);

  test('compiles, passes its tests and synthesizes.', async () => {
    await table.row(`${consumer}: tsc, jest, cdk synth`, versionsOf(folder, packages), async () => {
      await runCommand('npm', ['run', 'build'], { folder });
      await runCommand('npm', ['test'], { folder });
      await runCommand('npx', ['cdk', 'synth', '--quiet', '--no-notices'], { folder });
      const template: CloudFormationTemplate = readJson(folder, 'cdk.out', 'AppStack.template.json');
      // Its feature flags are not those of this project.
      expect(countTypes(template)).toMatchObject(countTypes({ Resources: resourcesOfProject('AppStack') }));
      return 'works';
    });
  });

  test('is what cdk init makes, except for the versions of the library.', () => {
    const generated = readJson(generatedPackageOf(consumer));
    const { dependencies, ...made } = readJson(folder, 'package.json');
    expect({ ...made, dependencies: Object.keys(dependencies) }).toEqual({
      ...generated,
      dependencies: Object.keys(generated.dependencies),
    });
  });
});

test('The lowest version of the library is the lower bound of the peer dependency.', () => {
  const { peerDependencies } = readJson(folderOf('cdk-lowest'), 'node_modules/mark-certificate-collector/package.json');
  expect(peerDependencies).toEqual({
    'aws-cdk-lib': `^${readJson(folderOf('cdk-lowest'), 'node_modules/aws-cdk-lib/package.json').version}`,
    constructs: `^${readJson(folderOf('cdk-lowest'), 'node_modules/constructs/package.json').version}`,
  });
});

/** A way to run the examples in a consumer. */
interface Runner {
  readonly consumer: Consumer;
  readonly packages: readonly string[];
  /** The command that runs an example, by the name of its file without the extension. */
  command(example: string): readonly [string, ...string[]];
  readonly node: keyof typeof NODES;
}

const compiled = (example: string) => ['node', `build/${example}.js`] as const;

const RUNNERS: Readonly<Record<string, Runner>> = {
  'CommonJS, ts-node': {
    consumer: 'cdk-lowest',
    packages: ['aws-cdk-lib', 'ts-node'],
    // The build of the app checks the types.
    command: (example) => [binOf('cdk-lowest', 'ts-node'), '--transpile-only', `examples/${example}.ts`],
    node: 'Node 24',
  },
  'CommonJS, tsx': {
    consumer: 'cdk-init',
    packages: ['aws-cdk-lib', 'tsx'],
    command: (example) => [binOf('cdk-init', 'tsx'), `examples/${example}.ts`],
    node: 'Node 24',
  },
  'ES modules, tsx': {
    consumer: 'es-module',
    packages: ['aws-cdk-lib', 'tsx'],
    command: (example) => [binOf('es-module', 'tsx'), `examples/${example}.ts`],
    node: 'Node 24',
  },
  'ES modules, Node 22.13': {
    consumer: 'es-module',
    packages: ['aws-cdk-lib', 'typescript'],
    command: compiled,
    node: 'Node 22.13',
  },
  'ES modules, Node 24': {
    consumer: 'es-module',
    packages: ['aws-cdk-lib', 'typescript'],
    command: compiled,
    node: 'Node 24',
  },
};

const templates = new Map<string, Promise<CloudFormationTemplate>>();

/** The template of an example, with the feature flags of this project. Each is synthesized once, although several tests read it. */
function synthesizeWith(name: string, example: string): Promise<CloudFormationTemplate> {
  const key = `${name}, ${example}`;
  const template = templates.get(key) ?? synthesizeOnce(name, example);
  templates.set(key, template);
  return template;
}

async function synthesizeOnce(name: string, example: string): Promise<CloudFormationTemplate> {
  const { consumer, command, node } = RUNNERS[name] ?? expect.unreachable();
  const [file, ...args] = command(example);
  const output = await emptyFolder(join('synthesized', `${name}, ${example}`));
  const variables = { CDK_OUTDIR: output, CDK_CONTEXT_JSON: JSON.stringify(CONTEXT) };
  await runCommand(file, args, { folder: folderOf(consumer), node: NODES[node], variables });
  return readJson(output, 'MarkCertificates.template.json');
}

describe.each(Object.entries(RUNNERS))('With %s', (name, { consumer, packages, node }) => {
  const folder = folderOf(consumer);
  const synthesize = (example: string) => synthesizeWith(name, example);

  const row = (example: string, run: () => Promise<string>) =>
    table.row(`${name}: ${example}`, `${node}, ${versionsOf(folder, packages)}`, run);

  test('a collector without props is the one of this project.', async () => {
    await row('default', async () => {
      const { Resources } = await synthesize('default');
      expect(Resources).toEqual(resourcesOfProject('MarkCertificates'));
      return 'same resources as the stack of the project';
    });
  });

  test('the resources of the app are used, and no others are created.', async () => {
    await row('all-props', async () => {
      const types = countTypes(await synthesize('all-props'));
      expect(types).toMatchObject({
        // That of the app, and that of CloudFront's logs.
        'AWS::S3::Bucket': 2,
        'AWS::SNS::Topic': 2,
        'AWS::KMS::Key': 1,
        'AWS::Events::EventBus': 1,
        'AWS::CloudFront::Distribution': 1,
        'AWS::Route53::RecordSet': 2,
        'AWS::CloudWatch::Dashboard': 1,
        // The login, which the app creates, and the credentials of the pushes.
        'AWS::SecretsManager::Secret': 2,
      });
      return 'uses key, bucket, bus, secret and topics of the app';
    });
  });

  test('two collectors are in one app.', async () => {
    await row('two-collectors', async () => {
      const types = countTypes(await synthesize('two-collectors'));
      const one = countTypes({ Resources: resourcesOfProject('MarkCertificates') });
      const twice = Object.entries(one).map(([type, count]) => [type, 2 * count]);
      expect(types).toMatchObject({
        ...Object.fromEntries(twice),
        // Production has an address for alarms.
        'AWS::SNS::Subscription': 1,
        'AWS::Events::EventBus': 1,
      });
      return 'twice the resources';
    });
  });

  test('a function reads a certificate when it was issued.', async () => {
    await row('on-issued', async () => {
      const template = Template.fromJSON({ ...(await synthesize('on-issued')) });
      template.hasResourceProperties('AWS::Events::Rule', {
        EventPattern: {
          source: ['mark-certificate-collector'],
          'detail-type': ['Mark Certificate Issued'],
          detail: { collector: ['mark-certificate-collector'] },
        },
      });
      template.hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName: 'WaitingDays', Threshold: 60 });
      return 'a rule, a permission to read and an alarm';
    });
  });
});

test.each([
  ['node10', 'commonjs'],
  ['node16', 'node16'],
  ['bundler', 'esnext'],
])('The examples compile with the module resolution %s.', async (resolution, module) => {
  const folder = folderOf('es-module');
  const files = ['all-props', 'check-chain', 'on-issued', 'stack', 'two-collectors'].map(
    (name) => `examples/${name}.ts`,
  );
  await table.row(`types: moduleResolution ${resolution}`, versionsOf(folder, ['typescript']), async () => {
    const options = ['--target', 'es2022', '--types', 'node', '--strict', '--noEmit'];
    const args = [...options, '--module', module, '--moduleResolution', resolution, ...files];
    await runCommand(binOf('es-module', 'tsc'), args, { folder });
    return 'compile';
  });
});

describe.each(Object.entries(NODES))('In a folder with nothing but the package, with %s,', (name, node) => {
  /** Runs the command line as npx does, without the network. */
  const mark = async (
    folder: string,
    args: readonly string[],
    variables: Readonly<Record<string, string>> = {},
  ): Promise<Output> => {
    const npx = ['--yes', '--offline', `--cache=${join(folder, 'cache')}`, `--package=${inject('tarball')}`];
    return tryCommand('npx', [...npx, '--', 'mark-certificates', ...args], { folder, node, variables });
  };

  test('npx runs the command line.', async () => {
    const folder = await emptyFolder(`npx, ${name}`);
    const { chain } = (await openAuthority()).issue({ domains: ['example.com'] });
    writeFileSync(join(folder, 'chain.pem'), pem(chain));
    await table.row('npx mark-certificates', name, async () => {
      expect(await mark(folder, ['--help'])).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('inspect') });
      const { exitCode, stdout } = await mark(folder, ['inspect', '--json', 'chain.pem']);
      expect(exitCode).toBe(1);
      expect(stdout).toContain('"example.com"');
      return '--help, inspect';
    });
  });

  test('npx collects a certificate from a CA.', async () => {
    const folder = await emptyFolder(`npx collect, ${name}`);
    const authority = await openAuthority();
    const credentials = { loginName: 'brand@example.com', loginPassword: 'correct+horse battery%staple' };
    const ca = await startCollectMcSimulator({ credentials });
    const { chain, svg } = authority.issue({ domains: ['example.com'], nullParameters: true });
    ca.order('1378973013', [
      { kind: 'status', status: 0 },
      { kind: 'issued', certificates: chain },
    ]);
    writeFileSync(join(folder, 'login.txt'), `${credentials.loginName}\n${credentials.loginPassword}\n`);
    const trusted = ['--trust', sha256(authority.root), '--log', authority.log.key];
    const options = ['--url', ca.url, '--poll-every', 'PT1S', ...trusted, '--domain', 'example.com'];
    const collect = ['collect', '1378973013', '--login', 'login.txt', ...options];
    await table
      .row('npx mark-certificates collect', name, async () => {
        expect(await mark(folder, collect)).toMatchObject({ exitCode: 3 });
        const { exitCode, stdout, stderr } = await mark(folder, [...collect, '--wait']);
        expect({ exitCode, stdout, stderr }).toMatchObject({ exitCode: 0 });
        const stored = join(folder, 'mark-certificates', 'orders', '1378973013');
        expect(readFileSync(join(stored, 'chain.pem'), 'utf8')).toBe(pem(chain));
        expect(readFileSync(join(stored, 'logo.svg')).equals(svg)).toBe(true);
        expect(await mark(folder, ['inspect', ...trusted, join(stored, 'chain.pem')])).toMatchObject({ exitCode: 0 });
        return 'waiting, issued, inspect';
      })
      .finally(ca.close);
  });

  test('npx finds each of the two collectors of an app.', async () => {
    const folder = await emptyFolder(`npx login, ${name}`);
    const outputs = resolve((await synthesizeWith('ES modules, Node 24', 'two-collectors')).Outputs) as object;
    const values = Object.entries(outputs).map(([key, { Value }]) => [key, Value] as const);
    const stack = { name: 'MarkCertificates', outputs: Object.fromEntries(values) };
    const secrets: unknown[] = [];
    const [cloudFormation, services] = await Promise.all([
      startCloudFormation([stack]),
      startAwsJsonEndpoint({
        'secretsmanager.ListSecretVersionIds': () => ({ Versions: [] }),
        'secretsmanager.PutSecretValue': ({ SecretId }) => {
          secrets.push(SecretId);
          return { VersionId: 'version' };
        },
      }),
    ]);
    const variables = {
      AWS_ENDPOINT_URL_CLOUDFORMATION: cloudFormation.url,
      AWS_ENDPOINT_URL: services.url,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: 'eu-central-1',
    };
    writeFileSync(join(folder, 'login.txt'), 'brand@example.com\ncorrect+horse battery%staple\n');
    const login = ['login', '--file', 'login.txt'];
    await table
      .row('npx mark-certificates login', name, async () => {
        expect(await mark(folder, login, variables)).toMatchObject({ exitCode: 0, stderr: '' });
        expect(await mark(folder, [...login, '--collector', 'test'], variables)).toMatchObject({ exitCode: 0 });
        const unknown = await mark(folder, [...login, '--collector', 'staging'], variables);
        expect(unknown).toMatchObject({
          exitCode: 2,
          stderr: expect.stringContaining('mark-certificate-collector, test.'),
        });
        expect(secrets).toEqual([expect.stringMatching(/^<Production/), expect.stringMatching(/^<Test/)]);
        return 'two collectors, by their names';
      })
      .finally(() => Promise.all([cloudFormation.close(), services.close()]));
  });

  test('the library is required and imported, without aws-cdk-lib.', async () => {
    const folder = await emptyFolder(`library, ${name}`);
    // Without it, npm would install the package into the nearest folder above that has one.
    writeFileSync(join(folder, 'package.json'), '{}');
    await table.row('mark-certificate-collector/certificate', name, async () => {
      await runCommand('npm', ['install', '--offline', '--no-audit', '--no-fund', inject('tarball')], { folder, node });
      const { packages } = readJson(folder, 'package-lock.json');
      expect(Object.keys(packages)).toEqual(['', 'node_modules/mark-certificate-collector']);
      const use = 'readMarkCertificate(Buffer.from("no chain"), { at: new Date() }).catch((e) => console.log(e.name))';
      const specifier = "'mark-certificate-collector/certificate'";
      const required = `const { readMarkCertificate } = require(${specifier}); ${use}`;
      const imported = `import { readMarkCertificate } from ${specifier}; ${use}`;
      const forms = [
        ['commonjs', required],
        ['module', imported],
      ] as const;
      for (const [type, code] of forms) {
        const printed = await runCommand('node', [`--input-type=${type}`, '--eval', code], { folder, node });
        expect(printed).toBe('InvalidChain\n');
      }
      return 'require, import';
    });
  });
});
