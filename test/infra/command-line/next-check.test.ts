import { expect, test } from 'vitest';
import { statusKey } from '../../../functions/store/status.ts';
import { statusOf } from '../../functions/survey/samples.ts';
import { deployed, put, stepFunctionsWith } from './deployed.ts';
import { run } from './run.ts';

const HOUR = 3_600_000;
const now = Date.now();
/** Step Functions has seconds. */
const entered = Math.floor(now / 1000) - 60;
const planned = new Date(now + HOUR).toISOString();

const waiting = (collection: object | undefined, input: object = {}) => ({
  id: 8,
  timestamp: entered,
  type: 'WaitStateEntered',
  stateEnteredEventDetails: { name: 'Wait', input: JSON.stringify({ orderNumber: '1', ...input, collection }) },
});

/** The last event of the history, what `status` prints as the next check, and what `retry` prints. */
const CASES = [
  ['waits', waiting({ waitSeconds: 10_800, nextCheckAt: planned }), planned, planned],
  ...[new Date((entered + 7200) * 1000).toISOString()].map(
    (moment) => ['waits, as release 0.1.0 left it,', waiting({ waitSeconds: 7200 }), moment, moment] as const,
  ),
  ...[new Date((entered + 7200) * 1000).toISOString()].map(
    (moment) => ['waits for its time of the day', waiting(undefined, { delaySeconds: 7200 }), moment, moment] as const,
  ),
  [
    'waits again after its time of the day',
    waiting({ waitSeconds: 10_800, nextCheckAt: planned }, { delaySeconds: 7200 }),
    planned,
    planned,
  ],
  ['waits for an unknown time', waiting({}, { delaySeconds: 7200 }), null, undefined],
  [
    'calls the CA',
    { id: 9, timestamp: entered, type: 'LambdaFunctionStarted' },
    new Date(entered * 1000).toISOString(),
    undefined,
  ],
] as const;

test.each(CASES)(
  'If the execution %s, status and retry agree about the next check.',
  async (_, last, status, retry) => {
    const actions = {
      ...stepFunctionsWith({ 'order-1': 'RUNNING' }),
      'AWSStepFunctions.GetExecutionHistory': ({ reverseOrder }: Readonly<Record<string, unknown>>) => ({
        events: reverseOrder ? [last, { id: 1, timestamp: entered, type: 'ExecutionStarted' }] : [],
      }),
    };
    const s3 = await deployed({ actions });
    await put(s3, statusKey('1'), statusOf('1'));
    expect(JSON.parse((await run(['status', '1', '--json'])).out).nextCheckAt).toBe(status);
    expect(JSON.parse((await run(['retry', '1', '--json'])).out).nextCheckAt).toBe(retry);
  },
);
