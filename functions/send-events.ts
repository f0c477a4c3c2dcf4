import { hash } from 'node:crypto';
import {
  type EventBridgeClient,
  EventBridgeServiceException,
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
   * events again, so they are not sent again. The id of every accepted event is added: a part of its hash.
   */
  readonly sentBefore?: Set<string>;
}

/** 96 bits: among a million events, two of the same id are as good as impossible. */
const ID_CHARACTERS = 16;

/** A detail and the entry of PutEvents that contains it. */
interface Prepared<T> {
  readonly detail: T;
  readonly entry: PutEventsRequestEntry;
  /** In bytes, as EventBridge counts them. */
  readonly size: number;
  readonly id: string;
}

/** A detail that EventBridge did not accept, with the reason. */
interface Failure<T> {
  readonly detail: T;
  readonly reason: string;
}

/**
 * Sends one event for each detail. Neither a refused entry, nor a failed call, nor a detail that JSON cannot express
 * stops the others.
 *
 * @param sent is called for each detail that EventBridge accepted.
 * @returns the details that EventBridge did not accept.
 */
export async function sendEvents<T>(
  { eventBridge, eventBusName, sentBefore = new Set() }: Bus,
  detailType: string,
  details: readonly T[],
  sent: (detail: T) => void,
): Promise<Failure<T>[]> {
  const failures: Failure<T>[] = [];
  for (const call of inCalls(prepareAll())) {
    await send(call);
  }
  return failures;

  /** Prepares each event just before its call, because all of them together can be large. */
  function* prepareAll(): Generator<Prepared<T>> {
    for (const detail of details) {
      try {
        const prepared = prepare(eventBusName, detailType, detail);
        if (!sentBefore.has(prepared.id)) {
          yield prepared;
        }
      } catch (error) {
        failures.push({ detail, reason: String(error) });
      }
    }
  }

  /** Sends one call. If EventBridge refuses it because of an entry, each half is sent as a call until the entry is alone. */
  async function send(call: readonly Prepared<T>[]): Promise<void> {
    let results: readonly PutEventsResultEntry[];
    try {
      const Entries = call.map(({ entry }) => entry);
      ({ Entries: results = [] } = await eventBridge.send(new PutEventsCommand({ Entries })));
    } catch (error) {
      if (call.length > 1 && isAboutEntries(error)) {
        const half = Math.ceil(call.length / 2);
        await send(call.slice(0, half));
        await send(call.slice(half));
        return;
      }
      failures.push(...call.map(({ detail }) => ({ detail, reason: String(error) })));
      return;
    }
    for (const [index, { detail, id }] of call.entries()) {
      // "The response Entries array always includes the same number of entries as the request array", in its order, and
      // only unsuccessful ones have an error code (EventBridge, Sending events with PutEvents).
      const { ErrorCode, ErrorMessage } = results[index] ?? { ErrorCode: 'no result' };
      if (ErrorCode === undefined) {
        sentBefore.add(id);
        sent(detail);
      } else {
        failures.push({ detail, reason: [ErrorCode, ErrorMessage].filter(Boolean).join(': ') });
      }
    }
  }
}

/** @throws {TypeError} if JSON cannot express the detail. */
function prepare<T>(eventBusName: string, detailType: string, detail: T): Prepared<T> {
  const json: string | undefined = JSON.stringify(detail);
  if (json === undefined) {
    throw new TypeError('JSON cannot express the detail');
  }
  const entry = { EventBusName: eventBusName, Source: EVENT_SOURCE, DetailType: detailType, Detail: json };
  return {
    detail,
    entry,
    size: Buffer.byteLength(EVENT_SOURCE + detailType + json),
    id: hash('sha256', `${detailType} ${json}`, 'base64url').slice(0, ID_CHARACTERS),
  };
}

/** The HTTP statuses of a request that is wrong or too large. */
const REFUSED_STATUSES: ReadonlySet<unknown> = new Set([400, 413]);

/**
 * The names of errors with these statuses that concern every entry in the same way: smaller calls would fail too (AWS's
 * common errors; the AWS JSON protocol answers most of them with 400).
 */
const ABOUT_CALLER =
  /throttl|toomanyrequests|limitexceeded|slowdown|denied|notauthorized|token|signature|unrecognizedclient|optin|expired|timeout|unavailable|internal|unknownoperation|notfound/i;

/** Whether EventBridge refused a call because of its entries, or may have: one of them can be wrong, or all too large. */
function isAboutEntries(error: unknown): boolean {
  return (
    error instanceof EventBridgeServiceException &&
    REFUSED_STATUSES.has(error.$metadata.httpStatusCode) &&
    !ABOUT_CALLER.test(error.name)
  );
}

/** Splits entries into calls that EventBridge accepts. An entry above the limit has a call for itself, which fails. */
function* inCalls<T>(all: Iterable<Prepared<T>>): Generator<readonly Prepared<T>[]> {
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
