import * as v from 'valibot';
import type { Failure } from '../ended-execution.ts';
import type { Order } from '../order.ts';
import { parseJson, schemaProblems, toJsonBytes } from './json.ts';
import { dateSchema } from './manifest.ts';
import { type ObjectStorage, retryOnConflict } from './objects.ts';

/** Readers decide by the status, so it must never come from a cache. */
const STATUS_HEADERS = { type: 'application/json', cacheControl: 'no-store' };

const statusSchema = v.object({
  schemaVersion: v.literal(1),
  /** The name of the collector. */
  collector: v.string(),
  orderNumber: v.string(),
  /** The account at the CA; null for the default account. */
  account: v.nullable(v.string()),
  /** The domains of the order; empty if the order has none. */
  domains: v.array(v.string()),
  product: v.nullable(v.string()),
  execution: v.string(),
  /** The start of the execution. It decides which of two executions has the current status: {@link isSupersededBy}. */
  startedAt: dateSchema,
  state: v.picklist(['waiting', 'issued', 'failed']),
  /** Why the order waits. */
  reason: v.optional(v.string()),
  /** The name of the error that ended the collection. */
  error: v.optional(v.string()),
  /** What happened last, for a person. */
  text: v.string(),
  /** The start of this state and reason. */
  since: dateSchema,
  /** What a person must do; missing if nobody needs to act. */
  nextStep: v.optional(v.string()),
  /** When a message about this status was sent. */
  reportedAt: v.optional(dateSchema),
  updatedAt: dateSchema,
});

/** `status.json`: the present state of an order. */
export type OrderStatus = v.InferOutput<typeof statusSchema>;

/** Matches the keys of all statuses and no other keys. */
export const STATUS_KEY = /^orders\/[^/]+\/status\.json$/;

/** The key of an order's status. */
export function statusKey(orderNumber: string): string {
  return `orders/${orderNumber}/status.json`;
}

/** Parses the bytes of a status. A damaged status results in issues, never in an error. */
export function parseStatus(bytes: Uint8Array): v.SafeParseResult<typeof statusSchema> {
  return v.safeParse(statusSchema, parseJson(Buffer.from(bytes).toString()));
}

/**
 * The status of an order whose execution failed without a report by Collect.
 *
 * @param stored the status that it replaces. It contains what the input of the execution may lack.
 */
export function failedStatus(
  { domains, execution, startedAt, error, text, nextStep }: Failure,
  order: Order,
  stored: OrderStatus | undefined,
  { collector, since, updatedAt }: Pick<OrderStatus, 'collector' | 'since' | 'updatedAt'>,
): OrderStatus {
  return {
    schemaVersion: 1,
    collector,
    orderNumber: order.orderNumber,
    account: order.account ?? stored?.account ?? null,
    domains: domains.length > 0 ? [...domains] : (stored?.domains ?? []),
    product: order.product ?? stored?.product ?? null,
    execution,
    startedAt,
    state: 'failed',
    error,
    text,
    since,
    nextStep,
    updatedAt,
  };
}

/** The stored status of an order. `current` is undefined if there is none, or if it is damaged. */
export interface StatusState {
  readonly current?: OrderStatus | undefined;
  /** Why the stored status cannot be read. */
  readonly damage?: string | undefined;
}

/** The status of one order. */
export type StatusFile = ReturnType<typeof openStatus>;

/**
 * Opens `orders/<orderNumber>/status.json`. Every write is conditional on the state that its writer read, so that
 * concurrent writers cannot undo each other's writes.
 */
export function openStatus({ read, write }: ObjectStorage, orderNumber: string) {
  const key = statusKey(orderNumber);

  async function readState(): Promise<StatusState & { readonly etag?: string | undefined }> {
    const object = await read(key);
    if (!object) {
      return {};
    }
    const result = parseStatus(object.body);
    if (!result.success || result.output.orderNumber !== orderNumber) {
      const damage = result.success ? `it is about order ${result.output.orderNumber}` : schemaProblems(result.issues);
      return { etag: object.etag, damage };
    }
    return { etag: object.etag, current: result.output };
  }

  return {
    /** @throws {S3ServiceException} if S3 does not return the object. */
    read: async (): Promise<StatusState> => {
      const { etag: _, ...state } = await readState();
      return state;
    },

    /**
     * Replaces the status. A damaged one counts as missing.
     *
     * @param next returns the new status, or undefined to leave the status as it is. It is called again if another
     * writer was faster.
     * @param isProbablyNew whether the order probably has no status yet. Then the status is read only if there is one.
     * @returns the status that is stored afterwards.
     * @throws {WriteConflictError} if other writers were faster eight times.
     */
    update(
      next: (current: OrderStatus | undefined) => OrderStatus | undefined,
      { isProbablyNew = false }: { readonly isProbablyNew?: boolean } = {},
    ): Promise<OrderStatus | undefined> {
      let skipsRead = isProbablyNew;
      return retryOnConflict(async () => {
        const { current, etag } = skipsRead ? {} : await readState();
        skipsRead = false;
        const status = next(current);
        if (status === undefined || isSupersededBy(status, current)) {
          return current;
        }
        await write(key, toJsonBytes(status), STATUS_HEADERS, { etag });
        return status;
      });
    },
  };
}

/**
 * Whether the current status of another execution, which started later, stays. It does not stay if that execution
 * failed and this one, which continues after it, has another state or another error: without that, an order would look
 * failed while it waits or has its certificate, and the end of its last execution would be reported nowhere.
 */
export function isSupersededBy(status: OrderStatus, current: OrderStatus | undefined): boolean {
  return (
    current !== undefined &&
    current.execution !== status.execution &&
    Date.parse(current.startedAt) > Date.parse(status.startedAt) &&
    !continuesAfter(status, current)
  );
}

function continuesAfter(status: OrderStatus, { state, error, since }: OrderStatus): boolean {
  return (
    state === 'failed' &&
    (status.state !== 'failed' || (status.error !== error && Date.parse(status.since) >= Date.parse(since)))
  );
}
