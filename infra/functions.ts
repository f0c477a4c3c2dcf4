import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  RuntimeFamily,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { CollectEnvironment } from '../functions/collect/environment.ts';
import type { NotifyEnvironment } from '../functions/notify/environment.ts';
import type { PublishEnvironment } from '../functions/publish/environment.ts';
import type { PushEnvironment } from '../functions/push/environment.ts';
import type { RevokeEnvironment } from '../functions/revoke/environment.ts';
import type { StartEnvironment } from '../functions/start/environment.ts';
import type { SurveyEnvironment } from '../functions/survey/environment.ts';
import { bundleOf } from './bundles.ts';

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

/** The oldest aws-cdk-lib that the package accepts has no constant for it. */
const NODE_24 = new Runtime('nodejs24.x', RuntimeFamily.NODEJS);

/** Memory determines the CPU share: with less, the start of Node takes longer than the call to the CA. */
const MEMORY_MEGABYTES = 512;

/** What differs between the Lambda functions of this project. */
export interface NodeFunctionProps<Folder extends keyof Environments> {
  /** The folder below functions/ whose index.ts exports the handler. */
  readonly folder: Folder;
  readonly description: string;
  readonly timeout: Duration;
  /** Write every variable without a spread, so that the compiler refuses unknown ones. Undefined ones are left out. */
  readonly environment: Environments[Folder];
  readonly reservedConcurrency?: number | undefined;
  /** In megabytes; default: {@link MEMORY_MEGABYTES}. */
  readonly memorySize?: number;
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
    // `npm run build` and the app bundle the functions (infra/build/functions.ts).
    code: Code.fromAsset(bundleOf(props.folder)),
    handler: 'index.handler',
    runtime: NODE_24,
    architecture: Architecture.ARM_64,
    memorySize: props.memorySize ?? MEMORY_MEGABYTES,
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
