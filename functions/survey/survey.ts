import type { WatchedSources } from '../pages/overview-watched.ts';
import { type CaaWarnings, caaWarnings, readCaa } from '../store/caa.ts';
import type { Bucket, Listing } from '../store/listing.ts';
import { MANIFEST_KEY } from '../store/manifest.ts';
import { publishedKeys } from '../store/publication.ts';
import { s3Storage } from '../store/s3-storage.ts';
import type { OrderStatus } from '../store/status.ts';
import { findSuperseded } from '../store/supersession.ts';
import type { SurveyProgress } from '../store/survey-progress.ts';
import { listWatched } from '../store/watched.ts';
import { readWatchedChecks, watchedName } from '../store/watched-checks.ts';
import { type Accounts, accountsOf } from './accounts.ts';
import { type CaaObserver, type CaaSurveyChecks, caaDomains, surveyCaa } from './caa-survey.ts';
import { type AccessLogs, type FetchSummary, surveyFetches } from './fetches.ts';
import { type AddressChecks, createOverview, type OverviewDependencies, type OverviewObserver } from './overview.ts';
import {
  type PublicationChecks,
  type PublicationDependencies,
  type PublicationObserver,
  surveyPublications,
  uncheckedError,
} from './publications.ts';
import {
  type Certificates,
  listOrderKeys,
  type PublicationRecord,
  type Published,
  readCertificates,
  readPublications,
  readStatuses,
  withRevocations,
} from './records.ts';
import { type ReminderDependencies, type ReminderObserver, sendReminders } from './reminders.ts';
import { type RenewalObserver, startRenewalChecks } from './renewals.ts';
import { type RevocationChecks, surveyRevocations } from './revocation.ts';
import { type StatusDependencies, type StatusObserver, surveyStatuses } from './statuses.ts';
import { countSubscriptions, type SubscriptionObserver, type Topics } from './subscriptions.ts';
import { renewalDays } from './waiting-times.ts';
import type { WatchedObserver, WatchedSurvey } from './watched.ts';

/** Receives the results of a survey while it runs. */
export interface SurveyObserver
  extends CaaObserver,
    OverviewObserver,
    PublicationObserver,
    ReminderObserver,
    RenewalObserver,
    StatusObserver,
    SubscriptionObserver,
    WatchedObserver {
  /** After the logs of CloudFront were read. */
  fetchesRead(summary: FetchSummary): void;
}

export interface SurveyDependencies extends Bucket, Omit<PublicationDependencies, 'hasTime'>, ReminderDependencies {
  readonly observe: SurveyObserver;
  /** How publications are checked; undefined if the stack publishes nothing. */
  readonly publications: PublicationChecks | undefined;
  /** How revocations are checked; undefined in a stack of an earlier release, which does not allow it. */
  readonly revocations?: RevocationChecks | undefined;
  /** How CAA records are looked up; undefined if nobody does. The result is a part of the overview. */
  readonly caa?: CaaSurveyChecks | undefined;
  /** How watched domains are checked; undefined in a stack of release 0.1.0. */
  readonly watched?: WatchedSurvey | undefined;
  /** The logs of who fetches what is published; undefined if there are none. */
  readonly accessLogs?: AccessLogs | undefined;
  /** The executions with which statuses are compared; undefined in a stack of release 0.1.0, which has no statuses. */
  readonly executions: StatusDependencies['executions'] | undefined;
  /** Days before and after the end of a certificate in which its order is asked for again; 0: never. */
  readonly askAgainDays: number;
  /** The topics whose subscriptions are counted; undefined in a stack of release 0.1.0. */
  readonly topics: Topics | undefined;
  /** Whether the overview is written. Release 0.1.0 does not allow it. */
  readonly writesOverview: boolean;
}

/** How far a survey is. */
export type Progress = Pick<SurveyProgress, 'startedAt' | 'done' | 'after' | 'broken'>;

/** The progress of a survey that begins. */
export function newProgress(now: Date): Progress {
  return { startedAt: now.toISOString(), done: [], after: {}, broken: {} };
}

/** The invocation of a survey that can have several. */
export interface Invocation {
  /** How far earlier invocations were. */
  readonly progress: Progress;
  /** Whether another invocation can follow. If not, everything must fit into this one, as in a stack of release 0.1.0. */
  readonly canContinue: boolean;
  /**
   * Is called after each part.
   *
   * @param isRepeated whether a part had an error, so that it will run again.
   */
  save(progress: Progress, isRepeated: boolean): Promise<void>;
  /** Receives the errors of a survey that continues. */
  failed(error: unknown): void;
}

/** Everything that a survey reads, reduced to what its parts need. What could not be read is undefined. */
interface Records {
  readonly certificates: Certificates | undefined;
  readonly statuses: Listing<OrderStatus> | undefined;
  readonly published: Published | undefined;
  readonly watched: Omit<WatchedSources, 'published'> | undefined;
  readonly accounts: Accounts;
  /** The warnings about CAA records that an earlier survey found. */
  readonly warnings: CaaWarnings;
}

/**
 * One part of a survey. It works on a list of items in the order of their keys. If its time is not enough, it returns the
 * key of the last item that is complete, and receives this key when the survey continues.
 */
interface Part {
  readonly name: string;
  /**
   * @param after the last item that is complete; undefined at first.
   * @returns the last item that is complete; undefined if all are.
   */
  run(after: string | undefined): Promise<string | undefined>;
}

/**
 * Reads every manifest, status and publication, as small records. Sends reminders of the certificates that expire soon,
 * compares the statuses with the executions, starts checks of certificates that have become valid, counts subscriptions,
 * writes the overview, then checks the publications and the watched domains. If one part fails, the others still run with what could be read.
 *
 * @param invocation default: the only one.
 * @returns whether the survey is complete. If not, it had too little time, and can continue.
 * @throws {Error} the error of one part, or an AggregateError of several, after all have ended, unless the survey
 * continues: then the parts with an error run again. Lambda repeats a survey that failed. In another process a part with
 * an error may send some events twice, which is better than never.
 */
export async function survey(dependencies: SurveyDependencies, invocation?: Invocation): Promise<boolean> {
  const begun = dependencies.now();
  const before = invocation?.progress ?? newProgress(begun);
  const progress = { ...before, done: [...before.done], after: { ...before.after }, broken: { ...before.broken } };
  const errors: unknown[] = [];
  const recordError = (error: unknown) => {
    errors.push(error);
    return undefined;
  };
  const records = await readRecords(dependencies, begun, recordError);
  let isPaused = false;
  for (const { name, run } of createParts(records, progress, begun, invocation?.canContinue ?? false, dependencies)) {
    if (progress.done.includes(name)) {
      continue;
    }
    try {
      const after = await run(progress.after[name]);
      if (after === undefined) {
        progress.done.push(name);
      } else {
        progress.after[name] = after;
        isPaused = true;
      }
    } catch (error) {
      recordError(error);
    }
    await invocation?.save(progress, errors.length > 0).catch(recordError);
  }
  if (isPaused) {
    for (const error of errors) {
      invocation?.failed(error);
    }
    return false;
  }
  if (errors.length > 0) {
    throw errors.length === 1 ? errors[0] : new AggregateError(errors, errors.map(String).join('; '));
  }
  return true;
}

async function readRecords(
  dependencies: SurveyDependencies,
  now: Date,
  recordError: (error: unknown) => undefined,
): Promise<Records> {
  const { executions, publications, watched: watches, writesOverview } = dependencies;
  const keys = await listOrderKeys(dependencies).catch(recordError);
  // One after the other, because each uses all connections. Manifests before publications: a certificate that is stored
  // and published between the two reads then does not look unpublished.
  const certificates = keys && (await readCertificates(dependencies, keys).catch(recordError));
  const readsStatuses = executions !== undefined || writesOverview;
  const statuses = readsStatuses && keys ? await readStatuses(dependencies, keys).catch(recordError) : undefined;
  const published = publications && (await readPublications(dependencies, now).catch(recordError));
  const storage = s3Storage(dependencies.s3, dependencies.bucket);
  const caa = writesOverview ? await readCaa(storage).catch(recordError) : undefined;
  const warnings = caaWarnings(caa);
  const watched = watches && (await readWatched(dependencies).catch(recordError));
  return {
    certificates,
    statuses,
    published,
    warnings,
    watched,
    accounts: accountsOf(certificates?.read ?? [], statuses?.read ?? []),
  };
}

/** The watched domains and their last checks. */
async function readWatched({ s3, bucket }: Bucket): Promise<Omit<WatchedSources, 'published'>> {
  const listing = await listWatched({ s3, bucket });
  return { listing, checks: await readWatchedChecks(s3Storage(s3, bucket)) };
}

/** The parts of a survey, in their order. A part whose records could not be read is left out. */
function createParts(
  { certificates, statuses, published, watched, accounts, warnings }: Records,
  progress: Progress,
  begun: Date,
  canContinue: boolean,
  dependencies: SurveyDependencies,
): Part[] {
  const {
    publications,
    revocations,
    accessLogs,
    caa,
    executions,
    topics,
    observe,
    now,
    writesOverview,
    watched: watches,
  } = dependencies;
  const parts: Part[] = [];
  /** Adds a part that always fits into an invocation. */
  const add = (name: string, work: () => Promise<void>) =>
    parts.push({ name, run: () => work().then(() => undefined) });
  const fingerprints = new Set(published?.served.map(({ live }) => live.fingerprintSha256));
  const kept = certificates ? [...certificates.read, ...stillPublished(certificates, fingerprints)] : [];
  if (certificates && revocations) {
    // First, because the other parts depend on it.
    const endsAt = begun.getTime() + revocations.totalMilliseconds;
    parts.push({
      name: 'revocations',
      run: (after) =>
        surveyRevocations(kept, revocations, after, {
          ...dependencies,
          reporter: `survey-${progress.startedAt}`,
          canContinue,
          accounts,
          statuses: new Map(statuses?.read.map(({ content }) => [content.orderNumber, content])),
          served: published?.served ?? [],
          hasTime: () => now().getTime() < endsAt,
        }),
    });
  }
  if (certificates) {
    add('reminders', () => {
      // The reminders are those of the day on which the survey began.
      const today = () => new Date(progress.startedAt);
      return sendReminders({ ...certificates, read: kept }, fingerprints, accounts, {
        ...dependencies,
        caaWarnings: warnings,
        renewalDays: renewalDays(statuses?.read.map(contentOf) ?? []),
        now: today,
      });
    });
  }
  if (executions && statuses) {
    add('statuses', () => surveyStatuses(statuses, published?.served ?? [], { ...dependencies, executions }));
  }
  if (executions && certificates && statuses) {
    add('renewals', () =>
      startRenewalChecks(
        {
          current: certificates.read.map(contentOf),
          superseded: certificates.superseded.map(contentOf),
          statuses: statuses.read.map(contentOf),
          served: published?.served ?? [],
        },
        { ...dependencies, executions },
      ),
    );
  }
  if (topics) {
    add('subscriptions', () => countSubscriptions(topics, observe));
  }
  if (accessLogs && published) {
    add('access-logs', async () => {
      observe.fetchesRead(await surveyFetches(published.served, accessLogs, dependencies));
    });
  }
  const overview =
    writesOverview && certificates && statuses && (!publications || published)
      ? createOverview(
          {
            manifests: certificates,
            statuses,
            served: published?.served,
            watched: watched && { ...watched, published: namesOf(published?.served) },
            readAt: begun,
          },
          dependencies,
        )
      : undefined;
  /** Writes what checks changed in the overview. */
  const refresh = async ({ write, checks }: ReturnType<typeof createOverview>) => {
    const { isOutdated } = await write();
    if (isOutdated) {
      // During the checks, a run after an outcome has read the orders later, and it knows nothing of the checks.
      await writeOverview(
        { ...dependencies, publishes: publications !== undefined, watches: watches !== undefined },
        checks,
      );
    }
  };
  if (overview) {
    // Before the checks, which can take all the time that is left.
    add('overview', async () => {
      await overview.write();
    });
  }
  // The last three parts wait for the servers of others.
  if (caa && writesOverview && certificates && statuses && (!publications || published)) {
    const sources = {
      certificates: certificates.read.map(contentOf),
      statuses: statuses.read,
      served: published?.served ?? [],
    };
    parts.push({
      name: 'caa',
      async run(after) {
        const domains = caaDomains(sources, dependencies.collector, new Date(progress.startedAt));
        const checked = await surveyCaa(domains, after, caa, dependencies);
        if (checked.hasNews && overview) {
          await refresh(overview);
        }
        return checked.after;
      },
    });
  }
  if (publications && published) {
    const byKey = new Map(certificates?.read.map(({ key, content }) => [key, content]));
    const endsAt = begun.getTime() + publications.totalMilliseconds;
    const hasTime = () => now().getTime() < endsAt;
    parts.push({
      name: 'publications',
      async run(after) {
        const checked = await surveyPublications(
          withRevocations(published, kept.map(contentOf)),
          byKey,
          accounts,
          publications,
          { after, broken: progress.broken },
          { ...dependencies, hasTime },
        );
        Object.assign(progress.broken, checked.broken);
        if (overview) {
          const isChecked = (key: string) => checked.after !== undefined && key <= checked.after;
          for (const publication of published.served) {
            const key = publishedKeys(publication.domain, publication.selector).description;
            if (isChecked(key)) {
              overview.addCheck(publication, progress.broken[key] ?? []);
            }
          }
          await refresh(overview);
        }
        if (checked.unchecked.length === 0) {
          return undefined;
        }
        if (!canContinue || checked.after === after) {
          throw uncheckedError(checked.unchecked);
        }
        return checked.after;
      },
    });
  }
  const hasWatched = watched && watched.listing.read.length + watched.listing.damaged.length + watched.checks.size > 0;
  if (watches && hasWatched && certificates && (!publications || published)) {
    const endsAt = begun.getTime() + watches.totalMilliseconds;
    const hasTime = () => now().getTime() < endsAt;
    parts.push({
      name: 'watched',
      async run(after) {
        if (canContinue && !hasTime()) {
          // The publications took all of it.
          return after ?? '';
        }
        const startedAt = new Date(progress.startedAt);
        const elsewhere = {
          published: namesOf(published?.served),
          fingerprints: reportedCertificates(certificates),
        };
        // The code that reads certificates is loaded only if it is needed.
        const { surveyWatched, uncheckedWatchedError } = await import('./watched.ts');
        const checked = await surveyWatched(watched.listing, elsewhere, watches, after, {
          ...dependencies,
          hasTime,
          startedAt,
        });
        if (overview) {
          overview.setWatchedChecks(checked.checks);
          await refresh(overview);
        }
        if (checked.unchecked.length > 0 && !canContinue) {
          throw uncheckedWatchedError(checked.unchecked);
        }
        return checked.unchecked.length > 0 ? (checked.after ?? '') : undefined;
      },
    });
  }
  return parts;
}

/** The addresses of publications, as the checks of watched domains name them. */
function namesOf(served: readonly PublicationRecord[] = []): ReadonlySet<string> {
  return new Set(served.map(watchedName));
}

/** The certificates of orders whose end and revocation are reported. */
function reportedCertificates({ read }: Certificates): ReadonlySet<string> {
  const current = read.map(contentOf);
  const superseded = findSuperseded(current);
  return new Set(current.flatMap((each) => (superseded.has(each) ? [] : [each.fingerprintSha256])));
}

/**
 * Writes only the overview, from what is stored: it checks nothing, sends nothing and changes no order.
 *
 * @param checks the checks of addresses that a survey has made.
 * @throws {Error} if something cannot be read or written. Lambda then repeats it.
 */
export async function writeOverview(
  dependencies: OverviewDependencies & { readonly publishes: boolean; readonly watches?: boolean },
  checks?: AddressChecks,
): Promise<void> {
  const readAt = dependencies.now();
  const { manifests, statuses } = await listOrderKeys(dependencies);
  const keys = { manifests: manifests.filter((key) => MANIFEST_KEY.test(key)), statuses };
  const certificates = await readCertificates(dependencies, keys);
  const sources = { manifests: certificates, statuses: await readStatuses(dependencies, keys), readAt };
  const published = dependencies.publishes ? await readPublications(dependencies, readAt) : undefined;
  const served = published?.served;
  const watched = dependencies.watches
    ? { ...(await readWatched(dependencies)), published: namesOf(served) }
    : undefined;
  await createOverview({ ...sources, served, watched }, dependencies, checks).write();
}

const contentOf = <T>({ content }: { readonly content: T }): T => content;

/** The certificates that are published although another one of their order is current, which may have been refused. */
function stillPublished(
  { read, superseded }: Certificates,
  published: ReadonlySet<string>,
): Certificates['superseded'] {
  const current = new Set(read.map(({ content }) => content.fingerprintSha256));
  return superseded.filter(
    ({ content: { fingerprintSha256 } }) => published.has(fingerprintSha256) && !current.has(fingerprintSha256),
  );
}
