import * as v from 'valibot';
import { type EndedExecution, failureOf, isExtraCheck, needsNoMessage, orderOf } from '../ended-execution.ts';
import { EXPIRING, FAILED, ISSUED, PUBLICATION_BROKEN, REVOKED, WAITING } from '../events.ts';
import { executionName, type Order, type OrderOptions, orderOptionsSchema } from '../order.ts';
import { effectiveOptions, inheritedOptions, type OrderRecords, withoutNull } from '../store/order-file.ts';
import { failedStatus, type OrderStatus, type openStatus } from '../store/status.ts';
import { brokenMessage, expiringMessage, issuedMessage } from './brand-messages.ts';
import type { Deployment } from './commands.ts';
import {
  type CollectorEvent,
  parseEvent,
  parseWatchedEvent,
  type Revoked,
  STATES_SOURCE,
  type WatchedEvent,
} from './events.ts';
import { layOut, type Message, type MessageContent } from './message.ts';
import { failedMessage, type MessageContext, waitingMessage } from './order-messages.ts';
import { HOLD, revokedMessage } from './revoked-message.ts';
import { brokenWatchedMessage, expiringWatchedMessage, revokedWatchedMessage } from './watched-messages.ts';

/** Who receives a message: the operators, or the people who are responsible for the brand. */
export type Audience = 'operators' | 'brand';

/** What happened to one event, for logs and metrics. */
export interface NotifyRecord {
  readonly outcome: 'sent' | 'reported-before' | 'other-collector' | 'no-message-needed';
  readonly detailType: string;
  readonly orderNumber?: string | undefined;
  readonly audience?: Audience;
  readonly subject?: string;
}

export interface NotifyDependencies {
  readonly deployment: Deployment;
  readonly runbookUrl: string;
  /** Publishes a message to the topic of its readers. */
  readonly publish: (audience: Audience, message: Message) => Promise<void>;
  /** Opens the status of an order. */
  readonly status: (orderNumber: string) => ReturnType<typeof openStatus>;
  /** Reads what the bucket contains about the options of an order. */
  readonly readRecords: (orderNumber: string) => Promise<OrderRecords>;
  /** Reads the order from the input of an execution. Undefined if there is no such execution, or if it has another input. */
  readonly readOrder: (execution: string) => Promise<Order | undefined>;
  /** Reads the error and the cause with which an execution was stopped. Both are missing if nobody gave them. */
  readonly readReason: (execution: string) => Promise<Pick<EndedExecution, 'error' | 'cause'>>;
  /** Makes survey write the overview soon; undefined if the stack has no overview. */
  readonly refreshOverview?: (() => Promise<void>) | undefined;
  readonly observe: {
    handled(record: NotifyRecord): void;
    /** A problem that does not prevent the message. */
    problem(what: string, error: unknown): void;
  };
  readonly now: () => Date;
}

/**
 * Creates the function that turns each event of the collector into one message for a person. A failed execution that
 * Collect does not report itself is reported here, and its status is written here.
 *
 * A message about a status is published first, then the status gets `reportedAt`. If the function dies in between, its
 * repetition sends the message again: a duplicate is better than no message. Nothing but SNS can prevent a message: if
 * the status cannot be read or written, the message is sent, and the function fails afterwards, so that Lambda repeats
 * it.
 */
export function createNotify(dependencies: NotifyDependencies) {
  /** What this process has published. The repetition of a run that failed after publishing then sends no duplicate. */
  const published = new Set<string>();

  /** @throws {CollectionError} InvalidInput if the event is none that the rules of the stack match. */
  return async (input: unknown): Promise<void> => {
    const { deployment, observe } = dependencies;
    const watched = parseWatchedEvent(input);
    if (watched) {
      await reportWatched(watched, dependencies, published);
      return;
    }
    const event = parseEvent(input);
    const detailType = event['detail-type'];
    if (event.source === STATES_SOURCE) {
      if (event.detail.stateMachineArn !== deployment.stateMachineArn) {
        observe.handled({ outcome: 'other-collector', detailType });
        return;
      }
      const detail = await withReason(event.detail, dependencies);
      if (needsNoMessage(detail)) {
        observe.handled({ outcome: 'no-message-needed', detailType });
      } else {
        try {
          await reportEnd(detail, detailType, dependencies, published);
        } finally {
          await refresh(dependencies);
        }
      }
      return;
    }
    if (event.detail.collector !== deployment.collector) {
      observe.handled({ outcome: 'other-collector', detailType });
      return;
    }
    try {
      await reportEvent(event, dependencies, published);
    } finally {
      if (OUTCOMES.has(detailType)) {
        await refresh(dependencies);
      }
    }
  };
}

/**
 * After these events, something in the overview is different. The survey itself sends the others, and then it has written
 * the overview.
 */
const OUTCOMES: ReadonlySet<string> = new Set([ISSUED, WAITING, FAILED, REVOKED]);

/** Without the schedule, the daily survey writes the overview: that is no reason to fail. */
async function refresh({ refreshOverview, observe }: NotifyDependencies): Promise<void> {
  try {
    await refreshOverview?.();
  } catch (error) {
    observe.problem('the overview cannot be scheduled; the daily survey writes it', error);
  }
}

/** Whether a stored status is the one that a message is about. */
type IsSame = (stored: OrderStatus | undefined) => boolean;

/** Sends the message about an event of the collector. */
async function reportEvent(
  event: CollectorEvent,
  dependencies: NotifyDependencies,
  published: Set<string>,
): Promise<void> {
  const detailType = event['detail-type'];
  switch (event['detail-type']) {
    case WAITING:
    case FAILED: {
      const { detail } = event;
      const { orderNumber, execution, updatedAt } = detail;
      const status = dependencies.status(orderNumber);
      const current = await readStatus(status, dependencies);
      const isSame: IsSame = (stored) => stored?.execution === execution && stored.updatedAt === updatedAt;
      if (isSame(current) && current?.reportedAt !== undefined) {
        dependencies.observe.handled({ outcome: 'reported-before', detailType, orderNumber });
        return;
      }
      const order = await knownOrder(detail, detail, dependencies);
      const { deployment } = dependencies;
      const context = { deployment, order, time: updatedAt };
      const content =
        event['detail-type'] === WAITING
          ? waitingMessage(event.detail, context)
          : failedMessage(event.detail, context, (isSame(current) ? current?.since : undefined) ?? updatedAt);
      const id = `${execution} ${updatedAt}`;
      await send('operators', content, { detailType, id }, dependencies, published);
      await markReported(status, isSame, dependencies);
      return;
    }
    case ISSUED:
      return sendToBrand(issuedMessage(event.detail, await contextOf(event, dependencies)));
    case EXPIRING:
      return sendToBrand(expiringMessage(event.detail, await contextOf(event, dependencies)));
    case REVOKED:
      if (await wasFoundOnCrl(event.detail, dependencies)) {
        dependencies.observe.handled({ outcome: 'reported-before', detailType, orderNumber: event.detail.orderNumber });
        return;
      }
      return sendToBrand(revokedMessage(event.detail, await contextOf(event, dependencies)));
    case PUBLICATION_BROKEN:
      return sendToBrand(brokenMessage(event.detail, await contextOf(event, dependencies)));
  }

  function sendToBrand(content: MessageContent): Promise<void> {
    return send('brand', content, { detailType, id: event.id }, dependencies, published);
  }
}

/**
 * Whether people know from a CRL what CollectMC or a push reports now. After a hold, the message is new: what CollectMC
 * reports does not end.
 */
async function wasFoundOnCrl(
  { orderNumber, source, knownSince }: Revoked,
  dependencies: NotifyDependencies,
): Promise<boolean> {
  if (source === 'crl') {
    return false;
  }
  const { manifest } = await readRecords(orderNumber, dependencies);
  const { sentAt } = manifest?.revocationReport ?? {};
  const revoked = manifest?.revocation?.certificates.filter(({ status }) => status === 'revoked') ?? [];
  return (
    manifest?.collector === dependencies.deployment.collector &&
    sentAt !== undefined &&
    Date.parse(sentAt) <= Date.parse(knownSince) &&
    revoked.some(({ reason }) => reason !== HOLD)
  );
}

/** Sends the message about a watched domain. The survey has written it to the overview. */
async function reportWatched(
  event: WatchedEvent,
  dependencies: NotifyDependencies,
  published: Set<string>,
): Promise<void> {
  const { deployment, observe, now } = dependencies;
  const { id, time, 'detail-type': detailType } = event;
  if (event.detail.collector !== deployment.collector) {
    observe.handled({ outcome: 'other-collector', detailType });
    return;
  }
  const context = { deployment, order: undefined, time: time ?? now().toISOString() };
  await send('brand', contentOf(event, context), { detailType, id }, dependencies, published);
}

function contentOf(event: WatchedEvent, context: MessageContext): MessageContent {
  switch (event['detail-type']) {
    case EXPIRING:
      return expiringWatchedMessage(event.detail, context);
    case REVOKED:
      return revokedWatchedMessage(event.detail, context);
    case PUBLICATION_BROKEN:
      return brokenWatchedMessage(event.detail, context);
  }
}

/**
 * Adds the reason to the event about a stopped execution: the event of AWS has neither the error nor the cause that the
 * caller of StopExecution gave.
 */
async function withReason(
  ended: EndedExecution,
  { readReason, observe }: Pick<NotifyDependencies, 'readReason' | 'observe'>,
): Promise<EndedExecution> {
  if (ended.status !== 'ABORTED' || ended.error != null) {
    return ended;
  }
  try {
    return { ...ended, ...(await readReason(ended.name)) };
  } catch (error) {
    observe.problem('the reason why an execution was stopped cannot be read', error);
    return ended;
  }
}

/** Writes the status of an execution that ended without a report by Collect, and sends the message about it. */
async function reportEnd(
  ended: EndedExecution,
  detailType: string,
  dependencies: NotifyDependencies,
  published: Set<string>,
): Promise<void> {
  const { deployment, now } = dependencies;
  const since = new Date(ended.stopDate).toISOString();
  // The event has no input if the data of the execution is large.
  const inInput = ended.input == null ? await readOrder(ended.name, dependencies) : undefined;
  const order = inInput ?? orderOf(ended);
  const failure = failureOf(ended, order);
  const message = { detailType, id: `${ended.name} ${since}` };
  if (order === undefined) {
    const context = { deployment, order, time: since };
    return send('operators', failedMessage(failure, context, since), message, dependencies, published);
  }
  const status = dependencies.status(order.orderNumber);
  const isSame: IsSame = (stored) =>
    stored?.execution === ended.name && stored.state === 'failed' && stored.since === since;
  let current: OrderStatus | undefined;
  let statusError: unknown;
  try {
    current = await status.update((stored) =>
      isSame(stored) || (isExtraCheck(ended.name, order.orderNumber) && stored?.execution !== ended.name)
        ? undefined
        : failedStatus(failure, order, stored, {
            collector: deployment.collector,
            since,
            updatedAt: now().toISOString(),
          }),
    );
  } catch (error) {
    dependencies.observe.problem('the status cannot be written', error);
    statusError = error;
  }
  if (isSame(current) && current?.reportedAt !== undefined) {
    dependencies.observe.handled({ outcome: 'reported-before', detailType, orderNumber: order.orderNumber });
    return;
  }
  const execution = { execution: ended.name, startedAt: failure.startedAt };
  const known = await knownOrder({ ...failure, orderNumber: order.orderNumber }, execution, dependencies, order);
  const context = { deployment, order: known, time: since };
  const { account = failure.account, domains = failure.domains } = known;
  await send(
    'operators',
    failedMessage({ ...failure, account, domains }, context, since),
    message,
    dependencies,
    published,
  );
  if (statusError !== undefined) {
    throw statusError;
  }
  await markReported(status, isSame, dependencies);
}

/** Publishes a message, unless this process has published it already. */
async function send(
  audience: Audience,
  content: MessageContent,
  { detailType, id }: { readonly detailType: string; readonly id: string | undefined },
  { publish, runbookUrl, observe }: NotifyDependencies,
  published: Set<string>,
): Promise<void> {
  const message = layOut(content, runbookUrl);
  if (id === undefined || !published.has(id)) {
    await publish(audience, message);
  }
  if (id !== undefined) {
    published.add(id);
  }
  const { orderNumber } = content;
  observe.handled({ outcome: 'sent', detailType, orderNumber, audience, subject: message.subject });
}

/** Sets `reportedAt`, if the status is still the one that the message is about. */
async function markReported(
  status: ReturnType<typeof openStatus>,
  isSame: IsSame,
  { now }: NotifyDependencies,
): Promise<void> {
  await status.update((stored) =>
    stored && isSame(stored) ? { ...stored, reportedAt: now().toISOString() } : undefined,
  );
}

/** A status that is missing, damaged or unreadable must not prevent the message. */
async function readStatus(
  status: ReturnType<typeof openStatus>,
  { observe }: NotifyDependencies,
): Promise<OrderStatus | undefined> {
  try {
    const { current, damage } = await status.read();
    if (damage !== undefined) {
      observe.problem('the status is damaged', damage);
    }
    return current;
  } catch (error) {
    observe.problem('the status cannot be read', error);
    return undefined;
  }
}

/** The order, for the command that sends its event again. Without it, the command has fewer fields. */
async function readOrder(
  execution: string,
  { readOrder: read, observe }: NotifyDependencies,
): Promise<Order | undefined> {
  try {
    return await read(execution);
  } catch (error) {
    observe.problem('the execution cannot be read', error);
    return undefined;
  }
}

async function contextOf(
  { detail, time: sentAt }: CollectorEvent,
  dependencies: NotifyDependencies,
): Promise<MessageContext> {
  const { deployment, now } = dependencies;
  const { orderNumber, account } = detail;
  const time = sentAt ?? now().toISOString();
  const order = orderNumber === undefined ? undefined : { orderNumber, account, domains: [] };
  return { deployment, time, order: order && (await knownOrder(order, undefined, dependencies)) };
}

/**
 * The order with every option that is known, for the command that orders it again: from its input and from what was
 * ordered later. If neither can be read, the command contains what the event does.
 *
 * @param execution the execution that the event is about; undefined if it is about a certificate. `replace` then held for
 * this certificate only.
 * @param given the input of the execution, if it is known.
 */
async function knownOrder(
  { orderNumber, account, domains }: { orderNumber: string; account: string | null; domains: readonly string[] },
  execution: { readonly execution: string; readonly startedAt: string } | undefined,
  dependencies: NotifyDependencies,
  given?: Order,
): Promise<Order> {
  const records = await readRecords(orderNumber, dependencies);
  const { file, status } = records;
  const name = execution?.execution ?? file?.execution ?? status?.execution ?? executionName({ orderNumber });
  const { orderNumber: _, request: __, ...options } = given ?? (await readOrder(name, dependencies)) ?? { orderNumber };
  const startedAt = execution?.startedAt ?? new Date(0).toISOString();
  const inEvent = { ...(account !== null && { account }), ...(domains.length > 0 && { domains: [...domains] }) };
  const { replace, ...known } = {
    ...withoutNull({ ...inEvent, ...inheritedOptions(records) }),
    ...effectiveOptions({ options: optionsIn(options), execution: name, startedAt }, file),
  };
  return { orderNumber, ...known, ...(execution && replace !== undefined && { replace }) };
}

/** The options in an input, which can have more keys. */
function optionsIn(input: object): OrderOptions {
  const options = v.safeParse(orderOptionsSchema, input);
  return options.success ? options.output : {};
}

/** Without the records of the order, the command has fewer fields. */
async function readRecords(
  orderNumber: string,
  { readRecords: read, observe }: NotifyDependencies,
): Promise<OrderRecords> {
  try {
    return await read(orderNumber);
  } catch (error) {
    observe.problem('the options of the order cannot be read', error);
    return { file: undefined, manifest: undefined, status: undefined };
  }
}
