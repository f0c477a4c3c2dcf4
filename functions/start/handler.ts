import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { SFNClient } from '@aws-sdk/client-sfn';
import middy from '@middy/core';
import type { EventBridgeEvent } from 'aws-lambda';
import { type Environment, parseEnvironment } from '../environment.ts';
import { logErrors } from '../log-errors.ts';
import { startEnvironment } from './environment.ts';
import { start } from './start.ts';

/**
 * Creates the handler of the Lambda function start, the target of the rule for "Mark Certificate Ordered".
 *
 * @throws {InvalidEnvironmentError} if an environment variable is missing or wrong.
 */
export function createHandler(environment: Environment) {
  const { STATE_MACHINE_ARN } = parseEnvironment(startEnvironment, environment);
  const logger = new Logger({ serviceName: 'start' });
  const dependencies = {
    stateMachineArn: STATE_MACHINE_ARN,
    sfn: new SFNClient(),
    now: () => new Date(),
  };
  return middy(async (event: EventBridgeEvent<string, unknown>) => {
    const started = await start(event.detail, dependencies);
    logger.info(started.started ? 'execution started' : 'nothing started: the execution exists already', {
      ...started,
    });
    return started;
  })
    .use(injectLambdaContext(logger))
    .use(logErrors(logger));
}
