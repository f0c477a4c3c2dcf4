import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { inBatches } from './batches.ts';
import { EVENT_SOURCE } from './events.ts';

/** The maximum number of entries in one call of PutEvents. */
const BATCH_SIZE = 10;

/** An event bus and the client to use it. */
export interface Bus {
  readonly eventBridge: EventBridgeClient;
  readonly eventBusName: string;
}

/**
 * Sends one event for each detail. A refused entry does not stop the others.
 *
 * @param sent is called for each detail that EventBridge accepted.
 * @returns the details that EventBridge did not accept, each with the reason.
 */
export async function sendEvents<T>(
  { eventBridge, eventBusName }: Bus,
  detailType: string,
  details: readonly T[],
  sent: (detail: T) => void,
): Promise<{ readonly detail: T; readonly reason: string }[]> {
  const failures: { detail: T; reason: string }[] = [];
  for (const batch of inBatches(details, BATCH_SIZE)) {
    const { Entries: results = [] } = await eventBridge.send(
      new PutEventsCommand({
        Entries: batch.map((detail) => ({
          EventBusName: eventBusName,
          Source: EVENT_SOURCE,
          DetailType: detailType,
          Detail: JSON.stringify(detail),
        })),
      }),
    );
    for (const [index, detail] of batch.entries()) {
      // The results have the order of the entries. Only refused entries have an error code.
      const { ErrorCode, ErrorMessage } = results[index] ?? {};
      if (ErrorCode === undefined) {
        sent(detail);
      } else {
        failures.push({ detail, reason: `${ErrorCode}: ${ErrorMessage}` });
      }
    }
  }
  return failures;
}
