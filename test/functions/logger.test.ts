import middy from '@middy/core';
import { expect, test } from 'vitest';
import { logErrors } from '../../functions/log-errors.ts';
import { createLogger } from '../../functions/logger.ts';
import { captureOutput, lambdaContext } from '../lambda.ts';

/** A name that hides text, controls a terminal with C1, and forges a line. */
const FOREIGN = 'Brand\u009b2J\u202Egnp\u2028{"level":"ERROR"}\n\u200b\x7f';
const SHOWN = 'Brand\\u{9B}2J\\u{202E}gnp\\u{2028}{"level":"ERROR"}\n\\u{200B}\\u{7F}';

/** Everything but the newlines that end the lines of a log. */
const RAW = /[^\P{Control}\n]|[\p{Format}\u2028\u2029]/u;

test('Nothing that is not printable reaches a log line raw, wherever it is.', () => {
  const output = captureOutput();
  const logger = createLogger('test');
  logger.appendKeys({ owner: FOREIGN });

  logger.error(FOREIGN, { attributes: { organizationName: [FOREIGN] }, error: new Error(FOREIGN) });

  expect(output.text()).not.toMatch(RAW);
  expect(output.lines()).toMatchObject([
    {
      message: SHOWN,
      owner: SHOWN,
      attributes: { organizationName: [SHOWN] },
      error: { message: SHOWN, stack: expect.stringContaining('logger.test.ts') },
    },
  ]);
});

test('The error of an invocation is printable, because the runtime writes its message to the log.', async () => {
  captureOutput();
  const handler = middy(() => Promise.reject(new Error(FOREIGN))).use(logErrors(createLogger('test')));

  await expect(handler({}, lambdaContext('test'))).rejects.toMatchObject({ message: SHOWN, stack: '' });
});
