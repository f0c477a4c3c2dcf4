import * as v from 'valibot';
import { bimiRecord, DEFAULT_SELECTOR } from '../bimi.ts';
import { STATUSES, type WaitingReason } from '../collectmc/codes.ts';
import type { Reply } from '../collectmc/reply.ts';
import { CollectionError, type CollectionErrorName } from '../errors.ts';
import { parseInput } from '../input.ts';
import { orderInStateSchema } from '../order.ts';
import type { Archive } from '../store/archive.ts';
import type { StoredFinding, StoredManifest } from '../store/manifest.ts';
import { type AskDependencies, type AskResult, createAsk } from './ask.ts';
import { waitSeconds } from './waiting.ts';

/** What one check found. Step Functions keeps it at `$.collection`, and the next check reads it there. */
export interface Collection {
  readonly outcome: 'issued' | 'waiting';
  /** The CA's status; missing where it gave none. */
  readonly status?: number;
  readonly reason?: WaitingReason;
  /** Checks of this execution so far. */
  readonly checks: number;
  /** Checks with this reason in a row. */
  readonly consecutive?: number;
  readonly waitSeconds: number;
  readonly rejectedCredentialsVersion?: string;
  readonly certificate?: CollectedCertificate;
}

/** What the event "Mark Certificate Issued" tells. `changed` is false where another execution had stored it before. */
export interface CollectedCertificate {
  readonly changed: boolean;
  readonly bucket: string;
  readonly keys: Readonly<Record<string, string>>;
  readonly fingerprintSha256: string;
  readonly domains: readonly string[];
  readonly notBefore: string;
  readonly notAfter: string;
  /** No finding is an error. */
  readonly publishable: boolean;
  readonly findings: readonly StoredFinding[];
  /** The finished records of the DNS, where the stack publishes: one for each domain that was ordered. */
  readonly bimiRecords?: readonly string[];
}

/** One check, for logs and metrics. Holds nothing secret. */
export interface CheckRecord {
  readonly orderNumber: string;
  readonly outcome: Collection['outcome'] | 'failed';
  readonly status?: number | undefined;
  readonly reason?: WaitingReason | undefined;
  readonly error?: CollectionErrorName;
  readonly checks: number;
  /** Since the execution began. */
  readonly elapsedSeconds: number;
  readonly waitSeconds?: number;
  /** How long the CA took to answer; missing where it was not asked. */
  readonly milliseconds?: number | undefined;
  readonly text?: string;
  /** Of an issued certificate: whether it is publishable, and the ids of its findings. */
  readonly publishable?: boolean;
  readonly findings?: readonly string[];
}

export interface CollectDependencies extends AskDependencies {
  /** Seconds between two checks of an order. */
  readonly pollSeconds: number;
  /** Seconds from the execution's start after which an order that is still waiting is overdue. */
  readonly giveUpSeconds: number;
  readonly bucket: string;
  /** SHA-256 fingerprints that are trusted beside the known roots. */
  readonly trustAnchors: readonly string[];
  /** The public address of published certificates; undefined where the stack publishes none. */
  readonly publishedUrl: string | undefined;
  readonly archive: (orderNumber: string) => Promise<Archive>;
  readonly observe: (check: CheckRecord) => void;
  readonly now: () => Date;
  readonly random: () => number;
}

/** An unknown status may be a fault that passes. This many in a row are an answer. */
const UNKNOWN_LIMIT = 8;

/** Domains of a certificate that an event names: ten times as many as any real one has. */
const DOMAINS_LIMIT = 250;

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
        // 0.1.0 called it so. Its executions wait for months.
        inARow: v.optional(v.number()),
        rejectedCredentialsVersion: v.optional(v.string()),
      }),
    ),
  }),
  execution: v.string("the execution's name"),
  startedAt: v.pipe(v.string(DATE_FORM), v.isoTimestamp(DATE_FORM)),
});
type Check = v.InferOutput<typeof eventSchema>;

/**
 * Makes the check of one order: asks the CA once, and says whether the certificate is stored or how long to wait.
 * Whatever it does can be repeated: a check that died halfway is simply made again.
 *
 * @throws {CollectionError} on the CA's own "no", on a chain that cannot be proved, and when the deadline has passed.
 */
export function createCollect(dependencies: CollectDependencies) {
  const ask = createAsk(dependencies);
  const { observe, now, giveUpSeconds, pollSeconds } = dependencies;

  /** @param remaining milliseconds that are left of Lambda's time. */
  return async (event: unknown, remaining: () => number): Promise<Collection> => {
    const check = parseInput(eventSchema, event, 'the input of the check');
    const { orderNumber, collection: previous } = check.order;
    const checks = (previous?.checks ?? 0) + 1;
    const asked = await ask(orderNumber, previous?.rejectedCredentialsVersion, remaining);
    const { reply } = asked;
    const elapsedSeconds = (now().getTime() - Date.parse(check.startedAt)) / 1000;
    const seen = { orderNumber, status: reply.status, checks, elapsedSeconds, milliseconds: asked.milliseconds };

    const fail = (name: CollectionErrorName, message: string, options?: ErrorOptions): CollectionError => {
      observe({ ...seen, outcome: 'failed', error: name, text: message });
      return new CollectionError(name, `Order ${orderNumber}: ${message}`, options);
    };

    if (reply.kind === 'issued') {
      const certificate = await collectCertificate(check, asked, reply, dependencies, fail);
      const { publishable, findings } = certificate;
      observe({ ...seen, outcome: 'issued', waitSeconds: 0, publishable, findings: findings.map(({ id }) => id) });
      return { outcome: 'issued', status: reply.status, checks, waitSeconds: 0, certificate };
    }
    if (reply.kind === 'refused') {
      throw fail(reply.refusal, `the CA answered ${answerOf(reply)}`);
    }
    const consecutive =
      streakOf(previous) === streakOf(reply) ? (previous?.consecutive ?? previous?.inARow ?? 0) + 1 : 1;
    if (reply.kind === 'unknown' && consecutive >= UNKNOWN_LIMIT) {
      throw fail('UnknownRefusal', `the CA answered ${answerOf(reply)}, ${consecutive} times in a row`);
    }
    if (elapsedSeconds >= giveUpSeconds) {
      const days = Math.floor(elapsedSeconds / 86_400);
      throw fail(
        'CollectionOverdue',
        `no certificate after ${days} days and ${checks} checks; last: ${answerOf(reply)}`,
      );
    }
    const reason = reply.kind === 'unknown' ? 'outage' : reply.reason;
    const retryAfter = reply.kind === 'waiting' ? reply.retryAfter : undefined;
    const wait = waitSeconds(
      { reason, consecutive, checks, elapsedSeconds, retryAfter },
      pollSeconds,
      dependencies.random(),
    );
    observe({ ...seen, outcome: 'waiting', reason, waitSeconds: wait, text: reply.text });
    return {
      outcome: 'waiting',
      ...(reply.status !== undefined && { status: reply.status }),
      reason,
      checks,
      consecutive,
      waitSeconds: wait,
      ...(asked.rejectedCredentialsVersion !== undefined && {
        rejectedCredentialsVersion: asked.rejectedCredentialsVersion,
      }),
    };
  };
}

/**
 * Keeps the response, reads it, stores the chain. The code that reads certificates is loaded only here. A response with a
 * private key in it is the one that is kept nowhere.
 */
async function collectCertificate(
  { order, execution }: Check,
  { body }: AskResult,
  { container, payload }: Extract<Reply, { kind: 'issued' }>,
  { archive: archiveOf, bucket, now, trustAnchors, publishedUrl }: CollectDependencies,
  fail: (name: CollectionErrorName, message: string, options?: ErrorOptions) => CollectionError,
): Promise<CollectedCertificate> {
  const archive = await archiveOf(order.orderNumber);
  const { holdsPrivateKey, InvalidChainError, readMarkCertificate } = await import('../certificate/report.ts');
  const response = { container, body };
  const provenance = { execution, collectedAt: now().toISOString() };
  const isKept = !(await holdsPrivateKey(payload));
  if (isKept) {
    await archive.keep(response);
  }
  try {
    const { domains, product, selector } = order;
    const certificate = await readMarkCertificate(payload, { at: now(), domains, selector, product, trustAnchors });
    const records = publishedUrl === undefined ? undefined : bimiRecordsOf(order, publishedUrl);
    const standing = await archive.store(response, certificate, provenance, records);
    return { bucket, ...summary(standing, execution) };
  } catch (error) {
    if (!(error instanceof InvalidChainError)) {
      throw error;
    }
    await archive.reject(isKept ? response : undefined, error.message, provenance);
    throw fail('InvalidChain', error.message, { cause: error });
  }
}

/** What the buyer will put into the DNS, for each domain of the order. */
function bimiRecordsOf({ domains = [], selector }: Check['order'], publishedUrl: string): string[] {
  return domains.map((domain) => bimiRecord(publishedUrl, domain, selector ?? DEFAULT_SELECTOR));
}

function summary(standing: StoredManifest, execution: string): Omit<CollectedCertificate, 'bucket'> {
  const { fingerprintSha256, notBefore, notAfter, publishable, findings, bimiRecords } = standing;
  const keys = Object.fromEntries(Object.entries(standing.objects).map(([name, { key }]) => [name, key]));
  const changed = standing.execution === execution;
  // A state may have 256 KiB; the manifest has them all.
  const domains = standing.domains.slice(0, DOMAINS_LIMIT);
  return {
    changed,
    keys,
    fingerprintSha256,
    domains,
    notBefore,
    notAfter,
    publishable,
    findings,
    ...(bimiRecords && { bimiRecords }),
  };
}

/** What counts as "the same again": the reason, or any status that no table has. */
function streakOf(
  reply: { readonly status?: number | undefined; readonly reason?: string | undefined } | undefined,
): string | undefined {
  return reply?.status !== undefined && !STATUSES.has(reply.status) ? 'unknown' : reply?.reason;
}

function answerOf({ status, text }: { readonly status?: number | undefined; readonly text: string }): string {
  return status === undefined ? text : `${status} (${text || STATUSES.get(status)?.meaning || 'without a text'})`;
}
