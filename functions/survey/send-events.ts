import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { inBatches } from '../batches.ts';
import { EVENT_SOURCE } from '../events.ts';

/** The most that PutEvents takes in one call. */
const EVENTS_AT_ONCE = 10;

export interface Bus {
  readonly eventBridge: EventBridgeClient;
  readonly eventBusName: string;
}

/**
 * Sends one event for each detail, and all it can before it says which failed: one bad entry must not silence the others.
 *
 * @returns the details that EventBridge did not take, each with the reason.
 */
export async function sendEvents<T>(
  { eventBridge, eventBusName }: Bus,
  detailType: string,
  details: readonly T[],
  sent: (detail: T) => void,
): Promise<{ readonly detail: T; readonly reason: string }[]> {
  const failures: { detail: T; reason: string }[] = [];
  for (const batch of inBatches(details, EVENTS_AT_ONCE)) {
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
      // Results stand in the order of the entries; only those that count as FailedEntryCount have an error code.
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
