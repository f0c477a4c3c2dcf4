import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import middy from '@middy/core';
import type { EventBridgeEvent } from 'aws-lambda';
import { type Environment, InvalidEnvironmentError, parseEnvironment } from '../environment.ts';
import { logErrors } from '../log-errors.ts';
import { createLogger } from '../logger.ts';
import { startEnvironment } from './environment.ts';
import { start } from './start.ts';

/**
 * Creates the handler of the Lambda function start, the target of the rule for "Mark Certificate Ordered".
 *
 * @throws {InvalidEnvironmentError} if an environment variable is missing or wrong.
 */
export function createHandler(environment: Environment) {
  const { BUCKET_NAME, COLLECTOR, STATE_MACHINE_ARN } = parseEnvironment(startEnvironment, environment);
  const logger = createLogger('start');
  const dependencies = {
    collector: COLLECTOR,
    stateMachineArn: STATE_MACHINE_ARN,
    sfn: new SFNClient(),
    s3: new S3Client(),
    corrected: (result: object) => logger.info('order corrected', { ...result }),
    now: () => new Date(),
  };
  return middy(async ({ detail, id, time }: EventBridgeEvent<string, unknown>) => {
    if (BUCKET_NAME === undefined) {
      throw new InvalidEnvironmentError(
        "The environment variable BUCKET_NAME is missing. Next: deploy the function with the project's stack.",
      );
    }
    const result = await start(detail, { ...dependencies, bucket: BUCKET_NAME }, { id, time });
    if (!result.corrected) {
      logger.info(result.started ? 'execution started' : 'nothing started: the execution exists already', {
        ...result,
      });
    }
    return result;
  })
    .use(injectLambdaContext(logger))
    .use(logErrors(logger));
}
