import * as v from 'valibot';
import { dayName } from '../days.ts';
import { parseJson, toJsonBytes } from './json.ts';
import { dateSchema } from './manifest.ts';
import { type ObjectStorage, retryOnConflict } from './objects.ts';
import type { AssessedOrder } from './order-state.ts';

/** The object that contains the domains whose CAA records may prevent a certificate. */
export const CAA_KEY = 'overview/caa.json';

const HEADERS = { type: 'application/json', cacheControl: 'no-store' };

/** The maximum number of domains of each verdict in the object: some 700 KB, and 3 MB if somebody made the records long. */
const PROBLEMS_LIMIT = 1000;

const VERDICTS = ['forbidden', 'unknown'] as const;

const problemSchema = v.object({
  domain: v.string(),
  verdict: v.picklist(VERDICTS),
  /** The name with the records that apply; null if they are unknown. */
  name: v.nullable(v.string()),
  /** The records that apply, as a zone file has them. */
  records: v.array(v.string()),
  /** One or more sentences for a person: the reason and the next step. */
  message: v.string(),
  /** The first of the lookups in a row with this verdict. */
  since: dateSchema,
  /** The last lookup with this verdict. */
  checkedAt: dateSchema,
});

const caaSchema = v.object({
  schemaVersion: v.literal(1),
  /** When the last lookups ended. */
  checkedAt: dateSchema,
  /** Those that forbid first, each kind by domain. */
  problems: v.array(problemSchema),
  /** How many domains were left out, because there are too many. */
  omitted: v.object({ forbidden: v.number(), unknown: v.number() }),
});

/** A domain whose CAA records forbid the CA to issue a mark certificate, or are unknown. */
export type CaaProblem = v.InferOutput<typeof problemSchema>;

/** What the last lookups of CAA records found. Domains for which issuing is allowed are not listed. */
export type Caa = v.InferOutput<typeof caaSchema>;

/** The name under which the CAA records of a domain are looked up: without a wildcard (RFC 8659, 3), in small letters. */
export function caaNameOf(domain: string): string {
  return domain.toLowerCase().replace(/^\*\./, '').replace(/\.$/, '');
}

/**
 * Whether a person should read about a problem. A failed lookup is often gone on the next day, so an unknown verdict counts
 * when lookups failed on two days.
 */
export function isReported({ verdict, since, checkedAt }: CaaProblem): boolean {
  return verdict === 'forbidden' || dayName(new Date(since)) < dayName(new Date(checkedAt));
}

/**
 * Reads the result of the last lookups; undefined if there is none, or if it is damaged.
 *
 * @throws {S3ServiceException} if S3 does not return the object.
 */
export async function readCaa(storage: Pick<ObjectStorage, 'read'>): Promise<Caa | undefined> {
  return (await readState(storage)).caa;
}

async function readState({ read }: Pick<ObjectStorage, 'read'>) {
  const object = await read(CAA_KEY);
  const result = object && v.safeParse(caaSchema, parseJson(Buffer.from(object.body).toString()));
  return { caa: result?.success ? result.output : undefined, etag: object?.etag };
}

/**
 * Replaces the result of the last lookups. Problems beyond the limit are left out.
 *
 * @param next returns the problems of all domains. It is called again if another writer was faster.
 * @returns what was stored before, and what is stored now.
 * @throws {WriteConflictError} if other writers were faster eight times.
 */
export function updateCaa(
  storage: ObjectStorage,
  checkedAt: Date,
  next: (before: Caa | undefined) => readonly CaaProblem[],
): Promise<{ readonly before: Caa | undefined; readonly stored: Caa }> {
  return retryOnConflict(async () => {
    const { caa: before, etag } = await readState(storage);
    const problems = next(before);
    const [forbidden, unknown] = VERDICTS.map((verdict) =>
      problems.filter((problem) => problem.verdict === verdict).toSorted(byDomain),
    ) as [CaaProblem[], CaaProblem[]];
    const stored = {
      schemaVersion: 1,
      checkedAt: checkedAt.toISOString(),
      problems: [...forbidden.slice(0, PROBLEMS_LIMIT), ...unknown.slice(0, PROBLEMS_LIMIT)],
      omitted: {
        forbidden: Math.max(0, forbidden.length - PROBLEMS_LIMIT),
        unknown: Math.max(0, unknown.length - PROBLEMS_LIMIT),
      },
    } as const satisfies Caa;
    await storage.write(CAA_KEY, toJsonBytes(stored), HEADERS, { etag });
    return { before, stored };
  });
}

function byDomain({ domain: a }: CaaProblem, { domain: b }: CaaProblem): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What a person reads about the CAA records of one domain. */
export type CaaWarning = Omit<CaaProblem, 'checkedAt' | 'records'> & { readonly records: readonly string[] };

/** The warnings about the domains of orders. */
export type CaaWarnings = ReadonlyMap<string, CaaWarning>;

/** What the last lookups found, by the name under which the records of a domain are looked up. */
export function caaWarnings(caa: Caa | undefined): CaaWarnings {
  return new Map(
    (caa?.problems ?? []).filter(isReported).map(({ checkedAt: _, ...warning }) => [warning.domain, warning]),
  );
}

/** The warnings about domains, each once. */
export function warningsAbout(domains: readonly string[], warnings: CaaWarnings): CaaWarning[] {
  return [...new Set(domains.map(caaNameOf))].flatMap((name) => warnings.get(name) ?? []);
}

/**
 * Adds the warnings about its domains to an order. If CAA records forbid its next certificate and nothing else is to do, a
 * person has to correct them: the present certificate stays good, but the CA would refuse a renewal.
 *
 * @param domains all domains of the order and of its certificate.
 */
export function withCaa<Order extends AssessedOrder>(
  order: Order,
  domains: readonly string[],
  warnings: CaaWarnings,
): Order & { readonly caa: readonly CaaWarning[] } {
  const caa = warningsAbout(domains, warnings);
  const nextStep = caaStep(caa);
  return nextStep !== undefined && order.nextStep === null && (order.state === 'waiting' || order.state === 'issued')
    ? { ...order, caa, needsSomeone: true, nextStep }
    : { ...order, caa };
}

/** Whether somebody is needed for the CAA records only. */
export function needsOnlyCaa({ nextStep, caa }: AssessedOrder & { readonly caa: readonly CaaWarning[] }): boolean {
  return nextStep !== null && nextStep === caaStep(caa);
}

/** What a person must do about records that forbid a certificate. The runbook has a section for it. */
function caaStep(caa: readonly CaaWarning[]): string | undefined {
  const forbidden = caa.find(({ verdict }) => verdict === 'forbidden');
  return (
    forbidden &&
    `correct the CAA records of ${forbidden.name ?? forbidden.domain} (runbook: "CAA records forbid a certificate")`
  );
}
