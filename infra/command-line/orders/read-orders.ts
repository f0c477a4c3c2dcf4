import { daysLeft } from '../../../functions/days.ts';
import { type Executions, listRunningExecutions } from '../../../functions/executions.ts';
import { orderNumberOf } from '../../../functions/order.ts';
import type { CaaWarnings } from '../../../functions/store/caa.ts';
import { schemaProblems } from '../../../functions/store/json.ts';
import { type Bucket, listKeys } from '../../../functions/store/listing.ts';
import { MANIFEST_KEY, manifestKey, parseManifest, type StoredManifest } from '../../../functions/store/manifest.ts';
import type { ObjectStorage } from '../../../functions/store/objects.ts';
import { parseStatus, STATUS_KEY, statusKey } from '../../../functions/store/status.ts';
import { type DeployedCollector, withCommandErrors } from '../collector.ts';
import { CommandError } from '../errors.ts';
import { readCaaWarnings } from './caa.ts';
import { type OrderSources, type OrderState, orderState } from './order-state.ts';

/** Concurrent reads: a thousand objects, at some 50 ms each, take 3 s. More of them keep a small machine busy with TLS. */
const CONCURRENT_READS = 16;

export interface ReadOrdersOptions {
  readonly now: Date;
  /**
   * Orders whose certificate has more days left, and orders without a certificate, are left out. Without it, only the
   * certificates of issued orders are read.
   */
  readonly endingWithin: number | undefined;
  /** Is called after each order. */
  readonly onProgress: (read: number, total: number) => void;
}

/** The orders of a collector. */
export interface ReadOrders {
  readonly orders: readonly OrderState[];
  /** What is stored and what runs for each of them. */
  readonly sources: readonly OrderSources[];
  /** The warnings about CAA records that the last survey found. */
  readonly caa: CaaWarnings;
  /** How many the collector has, with those that are left out. */
  readonly total: number;
  /** What could not be read beside the orders. */
  readonly notes: readonly string[];
}

/**
 * Reads the status of every order, and the certificates.
 *
 * @throws {CommandError} if the bucket cannot be read.
 */
export async function readOrders(
  collector: DeployedCollector,
  { now, endingWithin, onProgress }: ReadOrdersOptions,
): Promise<ReadOrders> {
  const storage = await collector.storage();
  const notes: string[] = [];
  // Executions first: an order that starts or ends meanwhile then looks as it was, never lost.
  const before = await listRunning(await collector.executions(), notes);
  const keys = await listStored({ s3: await collector.s3(), bucket: collector.bucket });
  const numbers = new Set([...keys.orderNumbers, ...(before?.keys() ?? [])]);
  const isEnding =
    endingWithin === undefined ? undefined : ({ notAfter }: StoredManifest) => daysLeft(notAfter, now) <= endingWithin;
  const read: OrderSources[] = [];
  let count = 0;
  await forEach([...numbers], CONCURRENT_READS, async (orderNumber) => {
    const stored = await readStored(storage, keys, orderNumber, isEnding);
    if (stored) {
      read.push({ ...stored, running: before?.get(orderNumber) ?? (before && []) });
    }
    onProgress(++count, numbers.size);
  });
  // An execution that started after the list was made is missing in it.
  const seemLost = read.some(({ status, running }) => status?.state === 'waiting' && running?.length === 0);
  const after = seemLost ? await listRunning(await collector.executions(), notes) : before;
  const sources = read.map((each) => {
    const running = each.running?.length === 0 ? (after?.get(each.orderNumber) ?? []) : each.running;
    return { ...each, running };
  });
  const caa = sources.length > 0 ? await readCaaWarnings(storage, notes) : new Map();
  return { orders: sources.map((each) => orderState(each, now, caa)), sources, caa, total: numbers.size, notes };
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

/** What is stored of one order; undefined if it is left out. */
async function readStored(
  storage: ObjectStorage,
  keys: Awaited<ReturnType<typeof listStored>>,
  orderNumber: string,
  isEnding: ((manifest: StoredManifest) => boolean) | undefined,
): Promise<Omit<OrderSources, 'running'> | undefined> {
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
  const readStatus = () => read(statusKey(orderNumber), keys.statuses, parseStatus);
  const readManifest = async () =>
    (await read(certificateKey, keys.manifests, (bytes) => parseManifest(bytes, certificateKey))) ?? null;

  if (isEnding) {
    // Most certificates do not end soon, so their statuses are not needed.
    const manifest = await readManifest();
    const isListed = manifest ? isEnding(manifest) : damage.length > 0;
    return isListed ? { orderNumber, status: await readStatus(), manifest, damage } : undefined;
  }
  const status = await readStatus();
  const manifest = status === undefined || status.state === 'issued' ? await readManifest() : undefined;
  return { orderNumber, status, manifest, damage };
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
