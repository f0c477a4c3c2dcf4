import { GetExecutionHistoryCommand } from '@aws-sdk/client-sfn';
import * as v from 'valibot';
import { type Executions, executionArn } from '../../functions/executions.ts';

/** The part of the state that Collect leaves and the Wait state keeps. */
const waitingSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ collection: v.object({ waitSeconds: v.number() }) }),
);

/**
 * When a running execution asks the CA again, from its history.
 *
 * @returns undefined if it does not wait: it asks now, or retries after an error.
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
  const result = v.safeParse(waitingSchema, last?.stateEnteredEventDetails?.input);
  return last?.type === 'WaitStateEntered' && last.timestamp && result.success
    ? new Date(last.timestamp.getTime() + result.output.collection.waitSeconds * 1000)
    : undefined;
}
