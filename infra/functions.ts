import { join } from 'node:path';
import { AssetHashType, DockerImage, type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function as LambdaFunction, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { buildSync } from 'esbuild';
import type { CollectEnvironment } from '../functions/collect/environment.ts';
import type { NotifyEnvironment } from '../functions/notify/environment.ts';
import type { PublishEnvironment } from '../functions/publish/environment.ts';
import type { PushEnvironment } from '../functions/push/environment.ts';
import type { RevokeEnvironment } from '../functions/revoke/environment.ts';
import type { StartEnvironment } from '../functions/start/environment.ts';
import type { SurveyEnvironment } from '../functions/survey/environment.ts';

const FUNCTIONS = join(import.meta.dirname, '..', 'functions');

/** The environment variables of each function, by its folder below functions/. Their schemas are there. */
interface Environments {
  readonly collect: CollectEnvironment;
  readonly notify: NotifyEnvironment;
  readonly publish: PublishEnvironment;
  readonly push: PushEnvironment;
  readonly revoke: RevokeEnvironment;
  readonly start: StartEnvironment;
  readonly survey: SurveyEnvironment;
}

/** What differs between the Lambda functions of this project. */
export interface NodeFunctionProps<Folder extends keyof Environments> {
  /** The folder below functions/ whose index.ts exports the handler. */
  readonly folder: Folder;
  readonly description: string;
  readonly timeout: Duration;
  /** Write every variable without a spread, so that the compiler refuses unknown ones. Undefined ones are left out. */
  readonly environment: Environments[Folder];
  readonly reservedConcurrency?: number | undefined;
}

/**
 * A Lambda function of this project: its bundle, a log group with 90 days of retention, and a role that may write only
 * to this log group.
 */
export function createFunction<Folder extends keyof Environments>(
  scope: Construct,
  id: string,
  props: NodeFunctionProps<Folder>,
): LambdaFunction {
  const logGroup = new LogGroup(scope, `${id}Logs`, {
    retention: RetentionDays.THREE_MONTHS,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  logGroup.grantWrite(role);
  return new LambdaFunction(scope, id, {
    description: props.description,
    code: bundle(props.folder),
    handler: 'index.handler',
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    // Memory determines the CPU share: with less, the start of Node takes longer than the call to the CA.
    memorySize: 512,
    timeout: props.timeout,
    environment: withoutUndefined(props.environment),
    role,
    logGroup,
    loggingFormat: LoggingFormat.JSON,
    ...(props.reservedConcurrency !== undefined && { reservedConcurrentExecutions: props.reservedConcurrency }),
  });
}

function withoutUndefined(variables: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/**
 * One function folder as ES modules with everything it imports. The SDK is included, so that the deployed version is
 * the tested one. Code behind a dynamic import becomes a separate file, which a check of a waiting order never loads;
 * CDK's NodejsFunction cannot split bundles.
 */
function bundle(folder: string): Code {
  // The path identifies the asset: CDK bundles a path with the same options only once.
  return Code.fromAsset(join(FUNCTIONS, folder), {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // The interface requires an image. It is never pulled, because tryBundle bundles in this process.
      image: DockerImage.fromRegistry('unused'),
      local: {
        tryBundle(outdir) {
          buildFunction(folder, outdir);
          return true;
        },
      },
    },
  });
}

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
 * Bundles functions/<folder>/index.ts into a directory.
 *
 * @returns the bundled sources, relative to the project.
 */
export function buildFunction(folder: string, outdir: string): string[] {
  const { metafile } = buildSync({
    entryPoints: { index: join(FUNCTIONS, folder, 'index.ts') },
    outdir,
    absWorkingDir: join(FUNCTIONS, '..'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    outExtension: { '.js': '.mjs' },
    mainFields: ['module', 'main'],
    // Importing these modules themselves makes every cold start slower: node-http.ts gives the reason.
    alias: {
      'node:http': join(import.meta.dirname, 'node-http.ts'),
      'node:process': join(import.meta.dirname, 'node-process.ts'),
      'node:util': join(import.meta.dirname, 'node-util.ts'),
    },
    external: UNUSED_PACKAGES,
    // CommonJS packages require Node's built-in modules, and an ES module has no require.
    banner: { js: "import{createRequire as makeRequire}from'node:module';const require=makeRequire(import.meta.url);" },
    // Stack traces contain the names of functions and classes. With keepNames, shorter names would be kept too, but each
    // function that is created at run time would be changed then, which makes reading a certificate a tenth slower.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  return Object.keys(metafile.inputs);
}
