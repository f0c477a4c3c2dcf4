import {
  type EventBridgeClient,
  PutEventsCommand,
  type PutEventsRequestEntry,
  type PutEventsResultEntry,
} from '@aws-sdk/client-eventbridge';
import { EVENT_SOURCE } from './events.ts';

/** The maximum number of entries in one call of PutEvents. */
const CALL_ENTRIES = 10;

/** "The total entry size must be less than 256KB" (EventBridge, Calculating PutEvents event entry size). */
const CALL_BYTES = 256 * 1024;

/** An event bus and the client to use it. */
export interface Bus {
  readonly eventBridge: EventBridgeClient;
  readonly eventBusName: string;
  /**
   * What EventBridge accepted in a run that failed, if this is its repetition. People would receive the messages of these
   * events again, so they are not sent again. Every accepted event is added.
   */
  readonly sentBefore?: Set<string>;
}

/** A detail and the entry of PutEvents that contains it. */
interface Prepared<T> {
  readonly detail: T;
  readonly entry: PutEventsRequestEntry;
  /** In bytes, as EventBridge counts them. */
  readonly size: number;
  readonly id: string;
}

/**
 * Sends one event for each detail. Neither a refused entry nor a failed call stops the others.
 *
 * @param sent is called for each detail that EventBridge accepted.
 * @returns the details that EventBridge did not accept, each with the reason.
 */
export async function sendEvents<T>(
  { eventBridge, eventBusName, sentBefore = new Set() }: Bus,
  detailType: string,
  details: readonly T[],
  sent: (detail: T) => void,
): Promise<{ readonly detail: T; readonly reason: string }[]> {
  const failures: { detail: T; reason: string }[] = [];
  const prepared = details.flatMap((detail): Prepared<T>[] => {
    const json = JSON.stringify(detail);
    const id = `${detailType} ${json}`;
    if (sentBefore.has(id)) {
      return [];
    }
    const entry = { EventBusName: eventBusName, Source: EVENT_SOURCE, DetailType: detailType, Detail: json };
    return [{ detail, entry, id, size: Buffer.byteLength(EVENT_SOURCE + detailType + json) }];
  });
  for (const call of inCalls(prepared)) {
    const Entries = call.map(({ entry }) => entry);
    let results: readonly PutEventsResultEntry[];
    try {
      ({ Entries: results = [] } = await eventBridge.send(new PutEventsCommand({ Entries })));
    } catch (error) {
      failures.push(...call.map(({ detail }) => ({ detail, reason: String(error) })));
      continue;
    }
    for (const [index, { detail, id }] of call.entries()) {
      // The results have the order of the entries. Only refused entries have an error code.
      const { ErrorCode, ErrorMessage } = results[index] ?? {};
      if (ErrorCode === undefined) {
        sentBefore.add(id);
        sent(detail);
      } else {
        failures.push({ detail, reason: `${ErrorCode}: ${ErrorMessage}` });
      }
    }
  }
  return failures;
}

/** Splits entries into calls that EventBridge accepts. An entry above the limit has a call for itself, which fails. */
function* inCalls<T>(all: readonly Prepared<T>[]): Generator<readonly Prepared<T>[]> {
  let call: Prepared<T>[] = [];
  let bytes = 0;
  for (const each of all) {
    if (call.length === CALL_ENTRIES || (call.length > 0 && bytes + each.size >= CALL_BYTES)) {
      yield call;
      call = [];
      bytes = 0;
    }
    call.push(each);
    bytes += each.size;
  }
  if (call.length > 0) {
    yield call;
  }
}
