import * as v from 'valibot';
import { bimiRecord, DEFAULT_SELECTOR } from '../bimi.ts';
import { STATUSES, type WaitingReason } from '../collectmc/codes.ts';
import type { Reply } from '../collectmc/reply.ts';
import { CollectionError, type CollectionErrorName } from '../errors.ts';
import { parseInput } from '../input.ts';
import { type OrderOptions, orderInStateSchema } from '../order.ts';
import type { Archive } from '../store/archive.ts';
import type { StoredFinding, StoredManifest } from '../store/manifest.ts';
import { STATE_BUDGET, takeWithin } from '../text.ts';
import { type AskDependencies, type AskResult, createAsk } from './ask.ts';
import { REPORTS, type Report } from './progress.ts';
import { createReporter, type ReporterDependencies } from './reporter.ts';
import { waitSeconds } from './waiting.ts';

/** The result of one check. Step Functions keeps it at `$.collection`, where the next check reads it. */
export interface Collection {
  /** `ended` only if the order in the state has `once`: the execution ends quietly, without a certificate. */
  readonly outcome: 'issued' | 'waiting' | 'ended';
  /** The status in the CA's reply, if it contained one. */
  readonly status?: number;
  readonly reason?: WaitingReason;
  /** Checks of this execution so far. */
  readonly checks: number;
  /** Consecutive checks with this reason, including this one. */
  readonly consecutive?: number;
  /** The start of the wait for this reason. Dates are ISO 8601 in UTC. */
  readonly since?: string;
  /** What was reported about this wait. */
  readonly reported?: readonly Report[];
  readonly waitSeconds: number;
  /** When the next check is planned. A later one looks for a failure of the execution in the meantime. */
  readonly nextCheckAt?: string;
  readonly rejectedCredentialsVersion?: string;
  readonly certificate?: CollectedCertificate;
  /** The account in the event "Mark Certificate Issued": a path to an optional key of the order would fail. */
  readonly account?: string | null;
  /** The options with which the order is collected now, if they differ from those in the input of the execution. */
  readonly order?: OrderOptions;
}

/**
 * The certificate in the event "Mark Certificate Issued". The lists are limited by STATE_BUDGET; the manifest contains
 * them in full.
 */
export interface CollectedCertificate {
  /** False if another execution had stored this certificate before. */
  readonly changed: boolean;
  readonly bucket: string;
  readonly keys: Readonly<Record<string, string>>;
  readonly fingerprintSha256: string;
  readonly domains: readonly string[];
  readonly notBefore: string;
  readonly notAfter: string;
  /** Whether no finding is an error. */
  readonly publishable: boolean;
  readonly findings: readonly StoredFinding[];
  /** If the stack publishes: the DNS record for each domain of the order. */
  readonly bimiRecords?: readonly string[];
}

/** One check, for logs and metrics. It contains nothing secret. */
export interface CheckRecord {
  readonly orderNumber: string;
  readonly outcome: 'issued' | 'waiting' | 'failed';
  readonly status?: number | undefined;
  readonly reason?: WaitingReason | undefined;
  readonly error?: CollectionErrorName;
  readonly checks: number;
  /** Seconds since the start of the execution. */
  readonly elapsedSeconds: number;
  readonly waitSeconds?: number;
  /** The duration of the call to the CA; missing if there was no call. */
  readonly milliseconds?: number | undefined;
  readonly text?: string;
  /** For an issued certificate: whether it is publishable, and the ids of its findings. */
  readonly publishable?: boolean;
  readonly findings?: readonly string[];
}

/** What a check needs besides the order. */
export interface CollectDependencies extends AskDependencies, ReporterDependencies {
  /** Seconds between two checks of an order. */
  readonly pollSeconds: number;
  readonly bucket: string;
  /** SHA-256 fingerprints of certificates that are trusted in addition to the known roots. */
  readonly trustAnchors: readonly string[];
  /** The public URL of published certificates; undefined if the stack publishes none. */
  readonly publishedUrl: string | undefined;
  readonly archive: (orderNumber: string) => Promise<Archive>;
  readonly observe: (check: CheckRecord) => void;
  /** Returns a number from 0 to 1. */
  readonly random: () => number;
}

/** An unknown status may be a temporary fault. After this many consecutive ones it is a refusal. */
const UNKNOWN_LIMIT = 8;

const DATE_FORM = 'an ISO 8601 date and time';
const eventSchema = v.object({
  order: v.object({
    ...orderInStateSchema.entries,
    collection: v.optional(
      v.object({
        checks: v.number(),
        status: v.optional(v.number()),
        reason: v.optional(v.string()),
        consecutive: v.optional(v.number()),
        // The name of `consecutive` in release 0.1.0, whose executions wait for months.
        inARow: v.optional(v.number()),
        // Executions of release 0.1.0 have none of the next three.
        since: v.optional(v.string()),
        reported: v.optional(v.array(v.picklist(REPORTS))),
        nextCheckAt: v.optional(v.string()),
        rejectedCredentialsVersion: v.optional(v.string()),
      }),
    ),
  }),
  execution: v.string("the execution's name"),
  startedAt: v.pipe(v.string(DATE_FORM), v.isoTimestamp(DATE_FORM)),
});
type Check = v.InferOutput<typeof eventSchema>;

/**
 * Creates the function that checks one order: it asks the CA once, and either stores the certificate or returns how
 * long to wait. A check can be repeated: after a failure at any point the next run completes the work.
 *
 * The function throws a {@link CollectionError} if the CA refuses the order, if no valid chain can be built, and after
 * the deadline. Before that, it reports the failure.
 */
export function createCollect(dependencies: CollectDependencies) {
  const ask = createAsk(dependencies);
  const reporter = createReporter(dependencies);
  const { observe, now, giveUpSeconds, pollSeconds } = dependencies;

  /** @param remainingMilliseconds returns how much of Lambda's time is left. */
  return async (event: unknown, remainingMilliseconds: () => number): Promise<Collection> => {
    const check = parseInput(eventSchema, event, 'the input of the check');
    const { orderNumber, collection: previous } = check.order;
    const checks = (previous?.checks ?? 0) + 1;
    const result = await ask(orderNumber, previous?.rejectedCredentialsVersion, remainingMilliseconds);
    const { reply } = result;
    const elapsedSeconds = (now().getTime() - Date.parse(check.startedAt)) / 1000;
    const record = { orderNumber, status: reply.status, checks, elapsedSeconds, milliseconds: result.milliseconds };

    const fail = async (
      name: CollectionErrorName,
      message: string,
      options?: ErrorOptions,
    ): Promise<CollectionError> => {
      // First: if the report fails, the machine repeats the check, and only the last repetition counts as a failed order.
      await reporter.failed(check, name, message);
      observe({ ...record, outcome: 'failed', error: name, text: message });
      return new CollectionError(name, `Order ${orderNumber}: ${message}`, options);
    };

    if (reply.kind === 'issued') {
      const certificate = await collectCertificate(check, result, reply, dependencies, fail);
      await reporter.issued(check);
      const { publishable, findings } = certificate;
      observe({ ...record, outcome: 'issued', waitSeconds: 0, publishable, findings: findings.map(({ id }) => id) });
      return { outcome: 'issued', status: reply.status, checks, waitSeconds: 0, certificate, account: null };
    }
    if (reply.kind === 'refused') {
      throw await fail(reply.refusal, `the CA answered ${describeReply(reply)}`);
    }
    const consecutive = kindOf(previous) === kindOf(reply) ? (previous?.consecutive ?? previous?.inARow ?? 0) + 1 : 1;
    if (reply.kind === 'unknown' && consecutive >= UNKNOWN_LIMIT) {
      throw await fail('UnknownRefusal', `the CA answered ${describeReply(reply)}, ${consecutive} times in a row`);
    }
    if (elapsedSeconds >= giveUpSeconds) {
      const days = Math.floor(elapsedSeconds / 86_400);
      throw await fail(
        'CollectionOverdue',
        `no certificate after ${days} days and ${checks} checks; the last reply: ${describeReply(reply)}`,
      );
    }
    const reason = reply.kind === 'unknown' ? 'outage' : reply.reason;
    const retryAfter = reply.kind === 'waiting' ? reply.retryAfter : undefined;
    const wait = waitSeconds(
      { reason, consecutive, checks, elapsedSeconds, retryAfter },
      pollSeconds,
      dependencies.random(),
    );
    observe({ ...record, outcome: 'waiting', reason, waitSeconds: wait, text: reply.text });
    // Another rejected login is another wait: the person who stored it needs a message.
    const isSameLogin = result.rejectedCredentialsVersion === previous?.rejectedCredentialsVersion;
    const waiting = {
      reason,
      text: describeWait(reply, reason),
      checks,
      elapsedSeconds,
      previous: reason !== 'credentials' || isSameLogin ? previous : { ...previous, since: undefined },
    };
    const progress = await reporter.waiting(check, waiting, remainingMilliseconds);
    return {
      outcome: 'waiting',
      ...(reply.status !== undefined && { status: reply.status }),
      reason,
      checks,
      consecutive,
      ...progress,
      waitSeconds: wait,
      nextCheckAt: new Date(now().getTime() + wait * 1000).toISOString(),
      ...(result.rejectedCredentialsVersion !== undefined && {
        rejectedCredentialsVersion: result.rejectedCredentialsVersion,
      }),
    };
  };
}

/**
 * Stores the response, validates the chain in it and stores the chain. The code that reads certificates is loaded only
 * here. A response that contains a private key is not stored.
 */
async function collectCertificate(
  { order, execution }: Check,
  { body }: AskResult,
  { container, payload }: Extract<Reply, { kind: 'issued' }>,
  { archive: archiveOf, bucket, now, trustAnchors, publishedUrl }: CollectDependencies,
  fail: (name: CollectionErrorName, message: string, options?: ErrorOptions) => Promise<CollectionError>,
): Promise<CollectedCertificate> {
  const archive = await archiveOf(order.orderNumber);
  const { containsPrivateKey, InvalidChainError, readMarkCertificate } = await import('../certificate/report.ts');
  const response = { container, body };
  const provenance = { execution, collectedAt: now().toISOString() };
  const isStorable = !(await containsPrivateKey(payload));
  if (isStorable) {
    await archive.storeResponse(response);
  }
  try {
    const { domains, product, selector } = order;
    const certificate = await readMarkCertificate(payload, { at: now(), domains, selector, product, trustAnchors });
    const records = publishedUrl === undefined ? undefined : bimiRecordsOf(order, publishedUrl);
    const manifest = await archive.store(response, certificate, provenance, records);
    return { bucket, ...summarize(manifest, execution) };
  } catch (error) {
    if (!(error instanceof InvalidChainError)) {
      throw error;
    }
    await archive.reject(isStorable ? response : undefined, error.message, provenance);
    throw await fail('InvalidChain', error.message, { cause: error });
  }
}

/** The DNS record for each domain of the order. */
function bimiRecordsOf({ domains = [], selector }: Check['order'], publishedUrl: string): string[] {
  return domains.map((domain) => bimiRecord(publishedUrl, domain, selector ?? DEFAULT_SELECTOR));
}

/** The part of a manifest that the state of the execution contains. Each list is limited to its share of the state. */
function summarize(manifest: StoredManifest, execution: string): Omit<CollectedCertificate, 'bucket'> {
  const { fingerprintSha256, notBefore, notAfter, publishable, bimiRecords } = manifest;
  return {
    changed: manifest.execution === execution,
    keys: Object.fromEntries(Object.entries(manifest.objects).map(([name, { key }]) => [name, key])),
    fingerprintSha256,
    domains: takeWithin(manifest.domains, STATE_BUDGET.domains),
    notBefore,
    notAfter,
    publishable,
    findings: takeWithin(manifest.findings, STATE_BUDGET.findings),
    ...(bimiRecords && { bimiRecords: takeWithin(bimiRecords, STATE_BUDGET.bimiRecords) }),
  };
}

/** The kind of a reply, for counting consecutive ones: its reason, or "unknown" if its status is not in the table. */
function kindOf(
  reply: { readonly status?: number | undefined; readonly reason?: string | undefined } | undefined,
): string | undefined {
  return reply?.status !== undefined && !STATUSES.has(reply.status) ? 'unknown' : reply?.reason;
}

/** What happened at a check of a waiting order, as a clause for a person. */
function describeWait(reply: Exclude<Reply, { kind: 'issued' | 'refused' }>, reason: WaitingReason): string {
  if (reply.status !== undefined) {
    return `the CA answered ${describeReply(reply)}`;
  }
  // Without a call there is no reply: the text is about the secret.
  return reason === 'credentials' ? reply.text : `the CA sent no usable reply: ${reply.text}`;
}

function describeReply({ status, text }: { readonly status?: number | undefined; readonly text: string }): string {
  return status === undefined ? text : `${status} (${text || STATUSES.get(status)?.meaning || 'without a text'})`;
}
