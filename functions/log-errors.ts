import type { Logger } from '@aws-lambda-powertools/logger';
import type { MiddlewareObj } from '@middy/core';
import { printableLines } from './text.ts';

/**
 * A middleware that logs the error of an invocation with its stack and its causes, and then ends the invocation with
 * the error's name and printable message only: the runtime client writes both to the log.
 *
 * Lambda's runtime client splits the stack into `trace` beside `errorType` and `errorMessage`
 * (aws-lambda-nodejs-runtime-interface-client, src/Errors.js). Step Functions makes all of it the `cause` of the failed
 * execution, and the dead-letter queue keeps it, but people read both. The client fails if there is no stack, so the
 * stack is empty.
 */
export function logErrors(logger: Logger): MiddlewareObj {
  return {
    onError(request) {
      const { error } = request;
      if (error instanceof Error) {
        logger.error('the invocation failed', error);
        // A new error: the first one can be thrown again, for example by a promise that this process keeps.
        request.error = Object.assign(new Error(printableLines(error.message)), { name: error.name, stack: '' });
      }
    },
  };
}
