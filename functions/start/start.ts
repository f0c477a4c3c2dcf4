import { isDeepStrictEqual } from 'node:util';
import type { S3Client } from '@aws-sdk/client-s3';
import type { DescribeExecutionCommandOutput } from '@aws-sdk/client-sfn';
import * as v from 'valibot';
import { DAY_MILLISECONDS, dayName } from '../days.ts';
import { CollectionError } from '../errors.ts';
import { type Executions, findExecution, isRunning, startExecution } from '../executions.ts';
import { parseInput } from '../input.ts';
import {
  executionName,
  OPTION_NAMES,
  type Order,
  type OrderEvent,
  type OrderOptions,
  optionsOf,
  orderInStateSchema,
  orderSchema,
  suggestRequest,
} from '../order.ts';
import { parseJson } from '../store/json.ts';
import {
  effectiveOptions,
  inheritedOptions,
  type OrderedOptions,
  type OrderFile,
  type OrderRecords,
  openOrderFile,
  readRecords,
  withoutNull,
} from '../store/order-file.ts';
import { s3Storage } from '../store/s3-storage.ts';
import { openStatus } from '../store/status.ts';
import { type Changes, changesOf, describeChanges, type Known } from './options.ts';

/** The result of an event. */
export interface StartResult {
  readonly orderNumber: string;
  /** The execution that collects the order, or that has collected it. */
  readonly execution: string;
  /** False if an execution collects the order already, or has collected it. */
  readonly started: boolean;
  /** What the event changed for the execution that collects the order. Missing if it changed nothing. */
  readonly corrected?: Changes;
}

/** How EventBridge delivered an event. */
export interface Delivery {
  /** The same in every delivery of an event: EventBridge and Lambda can deliver it more than once. */
  readonly id?: string | undefined;
  /** When the event was sent; default: now. Events can arrive in another order. */
  readonly time?: string | undefined;
}

export interface StartDependencies extends Executions {
  /** The name of the collector. */
  readonly collector: string;
  readonly s3: S3Client;
  readonly bucket: string;
  /** Is called when a correction is stored. */
  readonly corrected: (result: StartResult) => void;
  readonly now: () => Date;
}

/** The maximum number of executions of an order in one day. More of them come from a loop, not from an operator. */
const EXECUTIONS_A_DAY = 10;

/** Step Functions deletes an execution 90 days after its end (AWS: Step Functions, quotas). */
const EXECUTION_DAYS = 90;

/** How often an event is handled, if executions of the order start or end in the meantime. */
const ATTEMPTS = 8;

/** How many events order.json names. A second delivery follows within hours: EventBridge retries for a day. */
const EVENTS_LIMIT = 20;

/** An order does not accept an event. */
export class OrderRefusedError extends CollectionError {
  /** A `request` with which it would, if there is one. */
  readonly request: string | undefined;

  constructor(message: string, request?: string) {
    super('InvalidInput', message);
    this.request = request;
  }
}

/** What an event would do. */
export interface Foreseen {
  /** `start`: it starts this execution. `found`: this execution runs, or it has collected the certificate. */
  readonly kind: 'start' | 'found';
  readonly execution: string;
  /** What it would change for an execution that runs. Missing if it changes nothing. */
  readonly corrected?: Changes;
}

/** What to do about an event. */
interface Decision extends Foreseen {
  /** The new content of order.json; missing if it stays as it is. */
  readonly file?: OrderFile | undefined;
}

/** An event, and what the first attempt read: a later attempt can read what an earlier one wrote. */
interface Ordered {
  readonly event: OrderEvent;
  readonly options: OrderedOptions;
  readonly id: string | undefined;
  /** ISO 8601 in UTC. */
  readonly orderedAt: string;
  first?: { readonly file: OrderFile | undefined };
}

/**
 * Acts on an event "Mark Certificate Ordered", so that exactly one execution collects the order with the options that
 * were ordered last. docs/events.md describes what happens in which case.
 *
 * `order.json` is written before its execution starts: of two events at the same time, the slower one finds the name that
 * the faster one chose. Every step can be repeated, wherever the previous run was interrupted.
 *
 * @param detail the detail of the event, unchecked.
 * @throws {CollectionError} InvalidInput if the detail is wrong, if it changes an order that has its certificate, or if
 * the order has reached the limit of executions in a day.
 * @throws {S3ServiceException} if S3 refuses a request, and other errors of AWS. Lambda then repeats the event.
 */
export async function start(
  detail: unknown,
  dependencies: StartDependencies,
  { id, time }: Delivery = {},
): Promise<StartResult> {
  const event = parseInput(orderSchema, detail, 'the detail of the event "Mark Certificate Ordered"');
  const { s3, bucket, now } = dependencies;
  const { orderNumber } = event;
  // A sender can choose the time of an event. One in the future must not block later corrections.
  const sent = time === undefined ? Number.NaN : Date.parse(time);
  const orderedAt = new Date(Math.min(Number.isNaN(sent) ? Number.POSITIVE_INFINITY : sent, now().getTime()));
  const ordered: Ordered = { event, options: optionsOf(event), id, orderedAt: orderedAt.toISOString() };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    let decision: Decision | undefined;
    const file = await openOrderFile(s3Storage(s3, bucket), orderNumber).update(async (current) => {
      ordered.first ??= { file: current };
      decision = await decide(ordered, current, dependencies);
      return decision.file;
    });
    if (!decision) {
      break;
    }
    const { kind, execution, corrected } = decision;
    if (kind === 'start') {
      if (await startExecution(dependencies, execution, inputOf(event, execution, file))) {
        return { orderNumber, execution, started: true };
      }
      continue;
    }
    const result = { orderNumber, execution, started: false, ...(corrected && { corrected }) };
    if (corrected) {
      dependencies.corrected(result);
    }
    if (file?.execution === execution) {
      await updateStatus(file, dependencies);
    }
    // If the execution ended in the meantime, it may have ended without the correction.
    if (!corrected || isRunning(await findExecution(dependencies, execution))) {
      return result;
    }
  }
  throw new Error(
    `Order ${orderNumber}: its executions started and ended ${ATTEMPTS} times while one event was handled`,
  );
}

/**
 * Finds out what {@link start} would do about an event that is sent now. It only reads.
 *
 * @throws {OrderRefusedError} if the order would not accept the event.
 * @throws {S3ServiceException} if S3 refuses a request, and other errors of AWS.
 */
export async function foresee(
  event: OrderEvent,
  dependencies: Omit<StartDependencies, 'corrected'>,
): Promise<Foreseen> {
  const { s3, bucket, now } = dependencies;
  const file = await openOrderFile(s3Storage(s3, bucket), event.orderNumber).read();
  // An event that is sent now is the last one, even if the clock of this machine is late.
  const orderedAt = [now().toISOString(), file?.orderedAt ?? ''].toSorted().at(-1) ?? '';
  const ordered: Ordered = { event, options: optionsOf(event), id: undefined, orderedAt, first: { file } };
  const { kind, execution, corrected } = await decide(ordered, file, dependencies);
  return { kind, execution, ...(corrected && { corrected }) };
}

/** Finds out what an event means for an order. It only reads. */
async function decide(
  ordered: Ordered,
  file: OrderFile | undefined,
  dependencies: Omit<StartDependencies, 'corrected'>,
): Promise<Decision> {
  const { event, id, first } = ordered;
  const { s3, bucket, now } = dependencies;
  const { orderNumber, request } = event;
  const records: OrderRecords = { file, ...(await readRecords(s3Storage(s3, bucket), orderNumber)) };
  const { status, manifest } = records;
  const isKnown = file !== undefined || manifest !== undefined || status !== undefined;
  const found = new Map<string, Promise<DescribeExecutionCommandOutput | undefined>>();
  const find = (name: string) => {
    const reading = found.get(name) ?? findExecution(dependencies, name);
    found.set(name, reading);
    return reading;
  };

  const has = (execution: string, ended: DescribeExecutionCommandOutput): Decision => {
    if (ended.status === 'SUCCEEDED') {
      ensureUnchanged(ordered, records, execution, ended);
    }
    return { kind: 'found', execution };
  };

  for (const name of candidates(event, records, isKnown, now())) {
    const execution = await find(name);
    if (execution && isCollecting(execution)) {
      return correct(ordered, records, name, execution, dependencies);
    }
  }
  const last = file && (await find(file.execution));
  if (file && !last && now().getTime() - Date.parse(file.updatedAt) < EXECUTION_DAYS * DAY_MILLISECONDS) {
    const options = merge(file.options, ordered, file);
    // Another run was interrupted before it started this execution, or will start it now.
    return {
      kind: 'start',
      execution: file.execution,
      ...(hasChanges(options, file.options) && { file: fileOf(ordered, file, file.execution, options, dependencies) }),
    };
  }
  if (file && isSuperseded(ordered, file)) {
    return { kind: 'found', execution: file.execution };
  }
  // If the event was delivered before and its execution ended since then, the end was reported.
  const isRepeated = id !== undefined && first?.file?.events?.includes(id);
  if (file && isRepeated && last?.stopDate && last.stopDate.getTime() >= Date.parse(file.updatedAt)) {
    return has(file.execution, last);
  }
  for (const execution of executionNames(event, now())) {
    // Nothing is known of a new order. If it exists nevertheless, Step Functions refuses the start.
    const earlier = isKnown || request !== undefined ? await find(execution) : undefined;
    if (!earlier) {
      const { replace: _, ...firstOptions } = optionsIn(
        isKnown ? await find(executionName({ orderNumber })) : undefined,
      );
      const options = { ...firstOptions, ...inheritedOptions(records), ...ordered.options };
      return { kind: 'start', execution, file: fileOf(ordered, file, execution, options, dependencies) };
    }
    if (isCollecting(earlier)) {
      return correct(ordered, records, execution, earlier, dependencies);
    }
    if (earlier.status === 'SUCCEEDED') {
      return has(execution, earlier);
    }
  }
  throw new OrderRefusedError(
    `Order ${orderNumber}: ${EXECUTIONS_A_DAY} executions ended without a certificate today, and no other starts before tomorrow (UTC)`,
  );
}

/** The executions that may collect the order now. */
function candidates(
  event: OrderEvent,
  { file, status }: OrderRecords,
  isKnown: boolean,
  now: Date,
): ReadonlySet<string> {
  const { orderNumber, request } = event;
  // One that a push started has no status before its first check.
  const days = [now, new Date(now.getTime() - DAY_MILLISECONDS)].map(dayName);
  const pushed = days.map((day) => executionName({ orderNumber, request: `push-${day}` }));
  return new Set([
    ...(file ? [file.execution] : []),
    ...(status?.state === 'waiting' ? [status.execution] : []),
    ...(isKnown || request !== undefined ? [executionName({ orderNumber }), executionName(event), ...pushed] : []),
  ]);
}

/** Whether an execution runs until it has the certificate. A check with `once` ends after one reply. */
function isCollecting(described: DescribeExecutionCommandOutput): boolean {
  return isRunning(described) && orderIn(described)?.once !== true;
}

/** Applies an event to the execution that collects the order. */
function correct(
  ordered: Ordered,
  records: OrderRecords,
  execution: string,
  described: DescribeExecutionCommandOutput,
  dependencies: Omit<StartDependencies, 'corrected'>,
): Decision {
  const { file } = records;
  const startedAt = (described.startDate ?? new Date(0)).toISOString();
  const optionsWith = (known: OrderFile | undefined): OrderedOptions => ({
    ...inheritedOptions({ ...records, file: known }),
    ...effectiveOptions({ options: optionsIn(described), execution, startedAt }, known),
    ...(known?.options.account === null && { account: null }),
  });
  const current = optionsWith(file);
  const options = merge(current, ordered, file);
  // Compared with what the first attempt found: an earlier attempt may have stored the correction already.
  const corrected = changesOf(options, optionsWith(ordered.first?.file));
  return {
    kind: 'found',
    execution,
    ...(hasChanges(options, current) && { file: fileOf(ordered, file, execution, options, dependencies) }),
    ...(Object.keys(corrected).length > 0 && { corrected }),
  };
}

/**
 * Adds the options of an event to those of an order. For each option, the event that was sent last decides, in whichever
 * order events arrive. Of two events of the same second, it is the one that arrived last.
 */
function merge(
  current: OrderedOptions,
  { options, id, orderedAt }: Ordered,
  file: OrderFile | undefined,
): OrderedOptions {
  if (id !== undefined && file?.events?.includes(id)) {
    return current;
  }
  const accepted = OPTION_NAMES.filter(
    (name) => current[name] === undefined || file === undefined || orderedAt >= (file.times?.[name] ?? file.orderedAt),
  );
  return { ...current, ...pick(options, accepted) };
}

function pick(options: OrderedOptions, names: readonly (keyof OrderedOptions)[]): OrderedOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => names.some((accepted) => accepted === name)));
}

/** Whether the options of an event no longer count: a newer event ordered too, or this one was applied before another one. */
function isSuperseded({ orderedAt, id }: Ordered, { orderedAt: latest, events = [] }: OrderFile): boolean {
  return orderedAt < latest || (id !== undefined && events.includes(id) && events.at(-1) !== id);
}

const hasChanges = (options: OrderedOptions, current: OrderedOptions) =>
  Object.keys(changesOf(options, current)).length > 0;

/** The content of order.json after an event. */
function fileOf(
  { event, options: ordered, id, orderedAt }: Ordered,
  current: OrderFile | undefined,
  execution: string,
  options: OrderedOptions,
  { collector, now }: Pick<StartDependencies, 'collector' | 'now'>,
): OrderFile {
  const { events = [], times = {} } = current ?? {};
  const latest = current && current.orderedAt > orderedAt ? current.orderedAt : orderedAt;
  const isApplied = id === undefined || events.includes(id);
  return {
    schemaVersion: 1,
    collector,
    orderNumber: event.orderNumber,
    options,
    execution,
    orderedAt: latest,
    times: Object.fromEntries(
      OPTION_NAMES.filter((name) => options[name] !== undefined).map((name) => {
        const before = times[name] ?? (current?.options[name] === undefined ? undefined : current.orderedAt);
        const isOrdered = ordered[name] === options[name];
        return [name, isOrdered && !(before && before > orderedAt) ? orderedAt : (before ?? latest)];
      }),
    ),
    events: isApplied ? events : [...events, id].slice(-EVENTS_LIMIT),
    updatedAt: now().toISOString(),
  };
}

/**
 * Refuses an event that changes an order whose certificate is stored.
 *
 * @throws {OrderRefusedError} if it does.
 */
function ensureUnchanged(
  { event: { orderNumber }, options, orderedAt }: Ordered,
  { file, manifest, status }: OrderRecords,
  execution: string,
  described: DescribeExecutionCommandOutput,
): void {
  const { replace: given, ...input } = optionsIn(described);
  const replace = (file?.execution === execution ? file.options.replace : undefined) ?? given;
  // A correction that arrived during the last check is in order.json, but perhaps not in the certificate's manifest.
  const collected = manifest?.execution === (file?.execution ?? execution) ? collectedOptions(manifest) : {};
  const changes = changesOf(options, {
    ...input,
    ...inheritedOptions({ file, manifest, status }),
    ...collected,
    replace,
  });
  if (Object.keys(changes).length > 0) {
    const request = suggestRequest(new Date(orderedAt));
    throw new OrderRefusedError(
      `Order ${orderNumber}: the event changes nothing, because the execution ${execution} has collected the certificate ` +
        `already. The event differs from what was ordered before: ${describeChanges(changes)}. To collect the order again ` +
        `with these options, the event needs a "request" that was not used, for example "request": "${request}"`,
      request,
    );
  }
}

/** The options with which a certificate was collected. */
function collectedOptions({ account, ordered }: NonNullable<OrderRecords['manifest']>): Known {
  return { ...(account !== undefined && { account }), ...ordered };
}

/** The order in the input of an execution. An execution that was started by hand can have any input. */
function orderIn(described: DescribeExecutionCommandOutput | undefined) {
  const order = v.safeParse(orderInStateSchema, parseJson(described?.input ?? ''));
  return order.success ? order.output : undefined;
}

function optionsIn(described: DescribeExecutionCommandOutput | undefined): OrderOptions {
  const { once: _, ...order } = orderIn(described) ?? { orderNumber: '' };
  return withoutNull(optionsOf(order));
}

/** The input of a new execution: everything that is known of the order. */
function inputOf({ orderNumber, request }: OrderEvent, execution: string, file: OrderFile | undefined): Order {
  const isNamed = request !== undefined && execution.startsWith(executionName({ orderNumber, request }));
  return { orderNumber, ...withoutNull(file?.options ?? {}), ...(isNamed && { request }) };
}

/**
 * Writes the options to the status of an order that waits. `updatedAt` stays: a message is about the status with the same
 * `updatedAt`, and the state of the order is the same as before.
 */
async function updateStatus(
  { orderNumber, execution, options }: OrderFile,
  { s3, bucket }: StartDependencies,
): Promise<void> {
  const { domains = [], product = null, account = null } = options;
  await openStatus(s3Storage(s3, bucket), orderNumber).update((current) => {
    if (current?.state !== 'waiting' || current.execution !== execution) {
      return undefined;
    }
    const next = { ...current, domains, product, account };
    return isDeepStrictEqual(next, current) ? undefined : next;
  });
}

/** The names to try: the order's name, then with the date, then with the date and a number from 2 on. */
function* executionNames(event: OrderEvent, now: Date): Generator<string> {
  const name = executionName(event);
  const day = dayName(now);
  yield name;
  yield `${name}-${day}`;
  for (let attempt = 2; attempt <= EXECUTIONS_A_DAY; attempt++) {
    yield `${name}-${day}-${attempt}`;
  }
}
