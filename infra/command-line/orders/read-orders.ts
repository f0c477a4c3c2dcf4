import { type Executions, listRunningExecutions } from '../../../functions/executions.ts';
import { orderNumberOf } from '../../../functions/order.ts';
import { schemaProblems } from '../../../functions/store/json.ts';
import { type Bucket, listKeys } from '../../../functions/store/listing.ts';
import { MANIFEST_KEY, manifestKey, parseManifest } from '../../../functions/store/manifest.ts';
import type { ObjectStorage } from '../../../functions/store/objects.ts';
import { parseStatus, STATUS_KEY, statusKey } from '../../../functions/store/status.ts';
import { type DeployedCollector, withCommandErrors } from '../collector.ts';
import { CommandError } from '../errors.ts';
import { type OrderSources, type OrderState, orderState } from './order-state.ts';

/** Concurrent reads: the SDK opens at most 50 connections (AWS SDK for JavaScript, NodeHttpHandlerOptions). */
const CONCURRENT_READS = 50;

/** Requests for all orders, and what is done meanwhile. */
export interface ReadOrdersOptions {
  readonly now: Date;
  /** Is called after each order. */
  readonly onProgress: (read: number, total: number) => void;
}

/** All orders of a collector. */
export interface ReadOrders {
  readonly orders: readonly OrderState[];
  /** What could not be read beside the orders. */
  readonly notes: readonly string[];
}

/**
 * Reads the status of every order, and the certificate of each one that has one.
 *
 * @throws {CommandError} if the bucket cannot be read.
 */
export async function readOrders(
  collector: DeployedCollector,
  { now, onProgress }: ReadOrdersOptions,
): Promise<ReadOrders> {
  const storage = await collector.storage();
  const notes: string[] = [];
  // Executions first: an order that starts or ends meanwhile then looks as it was, never lost.
  const before = await listRunning(await collector.executions(), notes);
  const keys = await listStored({ s3: await collector.s3(), bucket: collector.bucket });
  const numbers = new Set([...keys.orderNumbers, ...(before?.keys() ?? [])]);
  const read: OrderSources[] = [];
  await forEach([...numbers], CONCURRENT_READS, async (orderNumber) => {
    read.push(await readSources(storage, keys, orderNumber, before?.get(orderNumber) ?? (before && [])));
    onProgress(read.length, numbers.size);
  });
  // An execution that started after the list was made is missing in it.
  const seemLost = read.some(({ status, running }) => status?.state === 'waiting' && running?.length === 0);
  const after = seemLost ? await listRunning(await collector.executions(), notes) : before;
  const orders = read.map((sources) => {
    const running = sources.running?.length === 0 ? (after?.get(sources.orderNumber) ?? []) : sources.running;
    return orderState({ ...sources, running }, now);
  });
  return { orders, notes };
}

/** The keys of the statuses and manifests, without those of superseded certificates. */
async function listStored(bucket: Bucket) {
  const statuses = new Set<string>();
  const manifests = new Set<string>();
  const pattern = new RegExp(`${STATUS_KEY.source}|${MANIFEST_KEY.source}`);
  await withCommandErrors(
    'The orders cannot be listed',
    async () => {
      for await (const key of listKeys(bucket, 'orders/', pattern)) {
        (STATUS_KEY.test(key) ? statuses : manifests).add(key);
      }
    },
    's3:ListBucket',
  );
  const orderNumbers = [...statuses, ...manifests].map((key) => key.split('/')[1] ?? '');
  return { statuses, manifests, orderNumbers };
}

async function readSources(
  storage: ObjectStorage,
  keys: Awaited<ReturnType<typeof listStored>>,
  orderNumber: string,
  running: readonly string[] | undefined,
): Promise<OrderSources> {
  const damage: string[] = [];
  const read = async <Content extends { readonly orderNumber: string }>(
    key: string,
    stored: ReadonlySet<string>,
    parse: (bytes: Uint8Array) => Parsed<Content>,
  ): Promise<Content | undefined> => {
    const object = stored.has(key)
      ? await withCommandErrors(`${key} cannot be read`, () => storage.read(key), 's3:GetObject')
      : undefined;
    const result = object && parse(object.body);
    if (result?.success && result.output.orderNumber === orderNumber) {
      return result.output;
    }
    if (result) {
      const problem = result.success ? `it is about order ${result.output.orderNumber}` : schemaProblems(result.issues);
      damage.push(`${key} cannot be read: ${problem}.`);
    }
    return undefined;
  };
  const certificateKey = manifestKey(orderNumber);
  const [status, manifest] = await Promise.all([
    read(statusKey(orderNumber), keys.statuses, parseStatus),
    read(certificateKey, keys.manifests, (bytes) => parseManifest(bytes, certificateKey)),
  ]);
  return { orderNumber, status, manifest: manifest ?? null, damage, running };
}

type Parsed<Content> =
  | { readonly success: true; readonly output: Content }
  | { readonly success: false; readonly issues: Parameters<typeof schemaProblems>[0] };

/** The running executions by order number; undefined, with a note, if Step Functions cannot be asked. */
async function listRunning(
  executions: Executions,
  notes: string[],
): Promise<ReadonlyMap<string, readonly string[]> | undefined> {
  try {
    const names = await withCommandErrors(
      'The running executions cannot be listed',
      () => listRunningExecutions(executions),
      'states:ListExecutions',
    );
    const running = Map.groupBy(names, (name) => orderNumberOf(name) ?? '');
    running.delete('');
    return running;
  } catch (error) {
    if (!(error instanceof CommandError)) {
      throw error;
    }
    notes.push(`${error.message} It is not known which orders run.`);
    return undefined;
  }
}

/** Runs a task for each item, a limited number of them at the same time. */
async function forEach<Item>(
  items: readonly Item[],
  limit: number,
  task: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const work = async () => {
    for (const item of queue) {
      await task(item);
    }
  };
  await Promise.all(Array.from({ length: limit }, work));
}
