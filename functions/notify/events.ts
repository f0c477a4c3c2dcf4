import * as v from 'valibot';
import { DEFAULT_COLLECTOR } from '../environment.ts';
import { EVENT_SOURCE, EXPIRING, FAILED, ISSUED, PUBLICATION_BROKEN, REVOKED, WAITING } from '../events.ts';
import { parseInput } from '../input.ts';
import { orderInStateSchema } from '../order.ts';
import { dateSchema } from '../store/manifest.ts';

/** The names of the concerns, with which an order that waits needs a person. */
const CONCERNS = ['credentials', 'payment', 'permission', 'outage', 'storage', 'deadline'] as const;

const texts = v.array(v.string());

const collectorEntries = {
  // Executions that started with release 0.1.0 announce their certificate without it.
  collector: v.optional(v.string(), DEFAULT_COLLECTOR),
  domains: v.optional(texts, []),
};

const orderEntries = {
  ...collectorEntries,
  // Keys and commands contain it.
  orderNumber: orderInStateSchema.entries.orderNumber,
  account: v.optional(v.nullable(v.string()), null),
};

const statusEntries = {
  ...orderEntries,
  execution: v.string(),
  startedAt: dateSchema,
  text: v.string(),
  nextStep: v.string(),
  updatedAt: dateSchema,
};

const waitingSchema = v.object({ ...statusEntries, reason: v.picklist(CONCERNS), since: dateSchema });

const failedSchema = v.object({ ...statusEntries, error: v.string() });

const publicationSchema = v.object({
  published: v.array(v.object({ domain: v.string(), bimiRecord: v.string(), changed: v.boolean() })),
  notPublished: v.array(v.object({ domain: v.string(), reason: v.string(), message: v.string() })),
  omitted: v.optional(v.number(), 0),
});

const issuedSchema = v.object({
  ...orderEntries,
  certificate: v.object({
    /** False if the certificate was stored before, and the event reports its publication. */
    changed: v.optional(v.boolean(), true),
    keys: v.record(v.string(), v.string()),
    domains: texts,
    notBefore: dateSchema,
    notAfter: dateSchema,
    publishable: v.boolean(),
    findings: v.array(v.object({ id: v.string(), severity: v.string(), message: v.string() })),
    /** Executions that started with release 0.1.0 do not send it. */
    receivers: v.optional(v.array(v.object({ id: v.string(), shows: v.nullable(v.boolean()), because: texts })), []),
  }),
  /** Missing if the stack does not publish. */
  publication: v.optional(publicationSchema),
});

const expiringSchema = v.object({
  ...orderEntries,
  /** The organization that the certificate names. */
  owner: v.optional(v.string()),
  daysLeft: v.number(),
  notAfter: dateSchema,
  /** The day by which a renewal should be ordered. Release 0.1.0 did not send it. */
  orderBy: v.optional(dateSchema),
  /** Why the CA would refuse a renewal now. Release 0.1.0 did not send it. */
  caa: v.optional(texts, []),
  product: v.optional(v.string()),
  keys: v.optional(v.record(v.string(), v.string()), {}),
});

const revokedSchema = v.object({
  ...orderEntries,
  confirmed: v.boolean(),
  source: v.string(),
  text: v.string(),
  knownSince: dateSchema,
  /** What a CRL states. Only such an event has it. */
  revokedAt: v.optional(v.nullable(dateSchema), null),
  reason: v.optional(v.nullable(v.string()), null),
  issuer: v.optional(v.nullable(v.string()), null),
});

const brokenSchema = v.object({
  ...collectorEntries,
  orderNumber: v.optional(orderInStateSchema.entries.orderNumber),
  account: v.optional(v.nullable(v.string()), null),
  owner: v.optional(v.string()),
  domain: v.string(),
  selector: v.string(),
  bimiRecord: v.string(),
  differences: v.pipe(v.array(v.object({ id: v.string(), message: v.string() })), v.minLength(1)),
});

const watchedEntries = {
  ...collectorEntries,
  watched: v.literal(true),
  domain: v.string(),
  selector: v.string(),
  /** The organization that the served certificate names. */
  owner: v.optional(v.string()),
};

const expiringWatchedSchema = v.object({ ...watchedEntries, daysLeft: v.number(), notAfter: dateSchema });

const revokedWatchedSchema = v.object({ ...watchedEntries, text: v.string(), knownSince: dateSchema });

const brokenWatchedSchema = v.object({
  ...watchedEntries,
  chainUrl: v.nullable(v.string()),
  logoUrl: v.nullable(v.string()),
  differences: brokenSchema.entries.differences,
});

export type Waiting = v.InferOutput<typeof waitingSchema>;
export type Issued = v.InferOutput<typeof issuedSchema>;
export type Expiring = v.InferOutput<typeof expiringSchema>;
export type Revoked = v.InferOutput<typeof revokedSchema>;
export type Broken = v.InferOutput<typeof brokenSchema>;
export type ExpiringWatched = v.InferOutput<typeof expiringWatchedSchema>;
export type RevokedWatched = v.InferOutput<typeof revokedWatchedSchema>;
export type BrokenWatched = v.InferOutput<typeof brokenWatchedSchema>;

const eventEntries = { source: v.literal(EVENT_SOURCE), id: v.optional(v.string()), time: v.optional(v.string()) };

/** The outgoing events of a collector. New fields are ignored. */
const collectorEventSchema = v.variant('detail-type', [
  v.object({ ...eventEntries, 'detail-type': v.literal(ISSUED), detail: issuedSchema }),
  v.object({ ...eventEntries, 'detail-type': v.literal(WAITING), detail: waitingSchema }),
  v.object({ ...eventEntries, 'detail-type': v.literal(FAILED), detail: failedSchema }),
  v.object({ ...eventEntries, 'detail-type': v.literal(EXPIRING), detail: expiringSchema }),
  v.object({ ...eventEntries, 'detail-type': v.literal(REVOKED), detail: revokedSchema }),
  v.object({ ...eventEntries, 'detail-type': v.literal(PUBLICATION_BROKEN), detail: brokenSchema }),
]);

/** An event that a collector sent. */
export type CollectorEvent = v.InferOutput<typeof collectorEventSchema>;

/** The source and the detail type of the event of Step Functions (AWS: Step Functions, Automating event delivery). */
export const STATES_SOURCE = 'aws.states';
const EXECUTION_ENDED = 'Step Functions Execution Status Change';

const MILLISECONDS_FORM = 'milliseconds since 1970';

/** Values that do not apply are null, for example error and cause of an execution that a person stopped. */
const endedExecutionSchema = v.object({
  source: v.literal(STATES_SOURCE),
  'detail-type': v.literal(EXECUTION_ENDED),
  detail: v.object({
    stateMachineArn: v.string(),
    name: v.string(),
    status: v.picklist(['FAILED', 'TIMED_OUT', 'ABORTED']),
    startDate: v.number(MILLISECONDS_FORM),
    stopDate: v.number(MILLISECONDS_FORM),
    /** Null if the data of the execution is too large for the event. */
    input: v.nullish(v.string()),
    error: v.nullish(v.string()),
    cause: v.nullish(v.string()),
  }),
});

const eventSchema = v.variant('source', [collectorEventSchema, endedExecutionSchema]);

/** The outgoing events about a watched domain, which has no order. New fields are ignored. */
const watchedEventSchema = v.variant('detail-type', [
  v.object({ ...eventEntries, 'detail-type': v.literal(EXPIRING), detail: expiringWatchedSchema }),
  v.object({ ...eventEntries, 'detail-type': v.literal(REVOKED), detail: revokedWatchedSchema }),
  v.object({ ...eventEntries, 'detail-type': v.literal(PUBLICATION_BROKEN), detail: brokenWatchedSchema }),
]);

/** An event about a watched domain. */
export type WatchedEvent = v.InferOutput<typeof watchedEventSchema>;

const isWatchedSchema = v.object({ detail: v.object({ watched: v.literal(true) }) });

/**
 * Reads an event about a watched domain; undefined if it is about something else.
 *
 * @throws {CollectionError} InvalidInput if the event is wrong.
 */
export function parseWatchedEvent(event: unknown): WatchedEvent | undefined {
  return v.is(isWatchedSchema, event)
    ? parseInput(watchedEventSchema, event, 'the event for notify about a watched domain')
    : undefined;
}

/**
 * Reads an event.
 *
 * @throws {CollectionError} InvalidInput if it is neither an event of a collector nor the end of an execution.
 */
export function parseEvent(event: unknown): v.InferOutput<typeof eventSchema> {
  return parseInput(eventSchema, event, 'the event for notify');
}
