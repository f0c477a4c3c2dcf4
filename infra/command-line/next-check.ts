import { GetExecutionHistoryCommand } from '@aws-sdk/client-sfn';
import * as v from 'valibot';
import { type Executions, executionArn } from '../../functions/executions.ts';

/**
 * The part of the state that Collect leaves and the Wait state keeps. Release 0.1.0 leaves only the seconds. Before the
 * first check of an execution that the survey started, there is only its delay.
 */
const waitingSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    delaySeconds: v.optional(v.number()),
    collection: v.optional(
      v.object({
        waitSeconds: v.optional(v.number()),
        nextCheckAt: v.optional(v.pipe(v.string(), v.isoTimestamp())),
      }),
    ),
  }),
);

/**
 * When a running execution asks the CA next, from its history.
 *
 * @returns a moment in the past if it asks now, or retries after an error; undefined if it is not known.
 */
export async function readNextCheck({ sfn, stateMachineArn }: Executions, name: string): Promise<Date | undefined> {
  const { events: [last] = [] } = await sfn.send(
    new GetExecutionHistoryCommand({
      executionArn: executionArn(stateMachineArn, name),
      reverseOrder: true,
      maxResults: 1,
      includeExecutionData: true,
    }),
  );
  if (last?.type !== 'WaitStateEntered') {
    return last?.timestamp;
  }
  const result = v.safeParse(waitingSchema, last.stateEnteredEventDetails?.input);
  const { collection, delaySeconds } = result.success ? result.output : {};
  const { nextCheckAt, waitSeconds = collection ? undefined : delaySeconds } = collection ?? {};
  if (nextCheckAt !== undefined) {
    return new Date(nextCheckAt);
  }
  return waitSeconds === undefined || last.timestamp === undefined
    ? undefined
    : new Date(last.timestamp.getTime() + waitSeconds * 1000);
}
