import * as v from 'valibot';
import { type OrderOptions, orderOptionsSchema, orderSchema } from '../order.ts';
import { parseJson, toJsonBytes } from './json.ts';
import { dateSchema, manifestKey, parseManifest, type StoredManifest } from './manifest.ts';
import { type ObjectStorage, retryOnConflict } from './objects.ts';
import { type OrderStatus, openStatus } from './status.ts';

/** Readers decide by the object, so it must never come from a cache. */
const ORDER_HEADERS = { type: 'application/json', cacheControl: 'no-store' };

/** What events ordered. The account is null if an event ordered the default account. */
const orderedOptionsSchema = v.object({ ...orderOptionsSchema.entries, account: orderSchema.entries.account });

/** The options of events. An option that is missing was never ordered, or is inherited. */
export type OrderedOptions = v.InferOutput<typeof orderedOptionsSchema>;

const orderFileSchema = v.object({
  schemaVersion: v.literal(1),
  /** The name of the collector. */
  collector: v.string(),
  orderNumber: v.string(),
  options: orderedOptionsSchema,
  /** The execution that collects the order with these options. `replace` holds for this execution only. */
  execution: v.string(),
  /** The time of the event that ordered last. */
  orderedAt: dateSchema,
  /** When each option was ordered. Events can arrive in another order than they were sent. */
  times: v.optional(v.record(v.string(), dateSchema)),
  /** The ids of the last events that changed the options. An event can be delivered twice. */
  events: v.optional(v.array(v.string())),
  updatedAt: dateSchema,
});

/** `order.json`: what was last ordered under a number. */
export type OrderFile = v.InferOutput<typeof orderFileSchema>;

/** The key of what was last ordered under a number. */
export function orderFileKey(orderNumber: string): string {
  return `orders/${orderNumber}/order.json`;
}

/** Opens `orders/<orderNumber>/order.json`. A damaged object counts as missing. Every write is conditional. */
export function openOrderFile({ read, write }: ObjectStorage, orderNumber: string) {
  const key = orderFileKey(orderNumber);

  async function readState(): Promise<{ readonly etag?: string | undefined; readonly current?: OrderFile }> {
    const object = await read(key);
    const result = object && v.safeParse(orderFileSchema, parseJson(Buffer.from(object.body).toString()));
    return {
      etag: object?.etag,
      ...(result?.success && result.output.orderNumber === orderNumber && { current: result.output }),
    };
  }

  return {
    /** @throws {S3ServiceException} if S3 does not return the object. */
    read: async (): Promise<OrderFile | undefined> => (await readState()).current,

    /**
     * Replaces the object.
     *
     * @param next returns the new content, or undefined to leave it as it is. It is called again if another writer was
     * faster.
     * @returns the content that is stored afterwards.
     * @throws {WriteConflictError} if other writers were faster eight times.
     */
    update: (
      next: (current: OrderFile | undefined) => Promise<OrderFile | undefined> | OrderFile | undefined,
    ): Promise<OrderFile | undefined> =>
      retryOnConflict(async () => {
        const { current, etag } = await readState();
        const file = await next(current);
        if (file === undefined) {
          return current;
        }
        await write(key, toJsonBytes(file), ORDER_HEADERS, { etag });
        return file;
      }),
  };
}

/** An execution and the options in its input. */
export interface OrderedExecution {
  readonly options: OrderOptions;
  readonly execution: string;
  /** The start of the execution. */
  readonly startedAt: string;
}

/**
 * The options with which an execution collects an order. What was ordered after its start, or for it, replaces the
 * options in its input; what was ordered before only fills gaps. `replace` is never taken from another execution.
 */
export function effectiveOptions(
  { options: { replace: givenReplace, ...given }, execution, startedAt }: OrderedExecution,
  file: OrderFile | undefined,
): OrderOptions {
  const { replace: orderedReplace, ...ordered } = file?.options ?? {};
  const isOwn = file?.execution === execution;
  const isLater = isOwn || (file !== undefined && Date.parse(file.orderedAt) >= Date.parse(startedAt));
  const replace = (isOwn ? orderedReplace : undefined) ?? givenReplace;
  return {
    ...withoutNull(isLater ? { ...given, ...ordered } : { ...ordered, ...given }),
    ...(replace !== undefined && { replace }),
  };
}

/** The options as the input of an execution contains them: without an account, the default account is used. */
export function withoutNull({ account, ...options }: OrderedOptions): OrderOptions {
  return { ...options, ...(account != null && { account }) };
}

/** What the bucket contains about the options of an order. */
export interface OrderRecords {
  readonly file: OrderFile | undefined;
  readonly manifest: StoredManifest | undefined;
  readonly status: OrderStatus | undefined;
}

/**
 * Reads manifest and status of an order. A damaged object counts as missing.
 *
 * @throws {S3ServiceException} if S3 does not return an object.
 */
export async function readRecords(storage: ObjectStorage, orderNumber: string): Promise<Omit<OrderRecords, 'file'>> {
  const manifest = await readManifest(storage, orderNumber);
  const { current: status } = await openStatus(storage, orderNumber).read();
  return { manifest, status };
}

/**
 * The options that later collections inherit: those that were ordered last, else those in the manifest or in the status.
 * `replace` is left out: it held for one certificate only.
 */
export function inheritedOptions({ file, manifest, status }: OrderRecords): Omit<OrderedOptions, 'replace'> {
  const { replace: _, ...ordered } = file?.options ?? {};
  return { ...(status && optionsOfStatus(status)), ...(manifest && optionsOfManifest(manifest)), ...ordered };
}

/** What the bucket knows of an order. */
export interface KnownOrder {
  /** See {@link inheritedOptions}. */
  readonly options: OrderOptions;
  /** What was ordered last: the execution that collects it, or is about to start, and when this was decided. */
  readonly ordered?: Pick<OrderFile, 'execution' | 'updatedAt'>;
  /** The execution that waited last, if the order waits. */
  readonly waitingIn?: string;
  /** The error with which the last execution ended, if the order failed. */
  readonly error?: string;
}

/**
 * Reads what is known of an order.
 *
 * @returns undefined if the bucket knows nothing of the order.
 * @throws {S3ServiceException} if S3 does not return an object.
 */
export async function knownOrder(storage: ObjectStorage, orderNumber: string): Promise<KnownOrder | undefined> {
  const file = await openOrderFile(storage, orderNumber).read();
  const records = { file, ...(await readRecords(storage, orderNumber)) };
  const { manifest, status } = records;
  if (!file && !manifest && !status) {
    return undefined;
  }
  return {
    options: withoutNull(inheritedOptions(records)),
    ...(file && { ordered: { execution: file.execution, updatedAt: file.updatedAt } }),
    ...(status?.state === 'waiting' && { waitingIn: status.execution }),
    ...(status?.state === 'failed' && status.error !== undefined && { error: status.error }),
  };
}

/**
 * The options that are known of an order, for an execution that a push or the survey starts, and for the commands in
 * messages: see {@link inheritedOptions}.
 *
 * @returns undefined if the bucket knows nothing of the order.
 * @throws {S3ServiceException} if S3 does not return an object.
 */
export async function knownOptions(storage: ObjectStorage, orderNumber: string): Promise<OrderOptions | undefined> {
  return (await knownOrder(storage, orderNumber))?.options;
}

async function readManifest(storage: ObjectStorage, orderNumber: string): Promise<StoredManifest | undefined> {
  const key = manifestKey(orderNumber);
  const object = await storage.read(key);
  const result = object && parseManifest(object.body, key);
  return result?.success ? result.output : undefined;
}

/** The form of a record in a manifest: `<selector>._bimi.<domain>. TXT "…"`. */
const RECORD = /^([^.\s]+)\._bimi\.(\S+)\. TXT /;

function optionsOfManifest({ account, ordered, bimiRecords = [] }: StoredManifest): OrderOptions {
  // Release 0.1.0 stored the ordered domains and the selector in the records only. A replacement inherits the records.
  const records = bimiRecords.map((record) => RECORD.exec(record) ?? []);
  const domains = ordered?.domains.length ? ordered.domains : records.flatMap(([, , domain]) => domain ?? []);
  return validOptions({ account, domains, selector: ordered?.selector ?? records[0]?.[1], product: ordered?.product });
}

function optionsOfStatus({ account, domains, product }: OrderStatus): OrderOptions {
  return validOptions({ account, domains, product });
}

/** The options of an event, without those that are missing or that no event could have. */
function validOptions(options: Readonly<Record<string, unknown>>): Omit<OrderOptions, 'replace'> {
  const known = Object.entries(orderOptionsSchema.entries).flatMap(([name, schema]) => {
    const result = v.safeParse(schema, options[name] ?? undefined);
    return result.success && result.output !== undefined ? [[name, result.output]] : [];
  });
  return Object.fromEntries(known);
}
