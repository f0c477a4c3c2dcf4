import { DAY_MILLISECONDS } from '../days.ts';
import type { WatchedSources } from '../pages/overview-watched.ts';
import type { CaaWarnings } from '../store/caa.ts';
import type { Bucket, Listing } from '../store/listing.ts';
import { publishedKeys } from '../store/publication.ts';
import type { OrderStatus } from '../store/status.ts';
import { findSuperseded } from '../store/supersession.ts';
import type { SurveyProgress } from '../store/survey-progress.ts';
import type { Accounts } from './accounts.ts';
import { type CaaObserver, type CaaSurveyChecks, caaDomains, surveyCaa } from './caa-survey.ts';
import { type AccessLogs, type FetchSummary, surveyFetches } from './fetches.ts';
import { createOverview, namesOf, type OverviewObserver, writeOverview } from './overview.ts';
import {
  type PublicationChecks,
  type PublicationDependencies,
  type PublicationObserver,
  surveyPublications,
  uncheckedError,
} from './publications.ts';
import { type Certificates, type Published, withRevocations } from './records.ts';
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
  /** How CAA records are looked up; undefined if they are not. The result is a part of the overview. */
  readonly caa?: CaaSurveyChecks | undefined;
  /** How watched domains are checked; undefined in a stack of release 0.1.0. */
  readonly watched?: WatchedSurvey | undefined;
  /** The logs of who fetches what is published; undefined if there are none. */
  readonly accessLogs?: AccessLogs | undefined;
  /** The executions with which statuses are compared; undefined in a stack of release 0.1.0, which has no statuses. */
  readonly executions: StatusDependencies['executions'] | undefined;
  /** Days before and after the end of a certificate in which its order is checked again; 0: never. */
  readonly askAgainDays: number;
  /** The topics whose subscriptions are counted; undefined in a stack of release 0.1.0. */
  readonly topics: Topics | undefined;
  /** Whether the overview is written. Release 0.1.0 does not allow it. */
  readonly writesOverview: boolean;
}

/** How far a survey is. */
export type Progress = Pick<SurveyProgress, 'startedAt' | 'done' | 'after' | 'broken'>;

/** Everything that a survey reads, reduced to what its parts need. What could not be read is undefined. */
export interface Records {
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
export interface Part {
  readonly name: string;
  /**
   * @param after the last item that is complete; undefined at first.
   * @returns the last item that is complete; undefined if all are.
   */
  run(after: string | undefined): Promise<string | undefined>;
}

/** What the parts of one invocation have in common. */
interface Work {
  readonly records: Records;
  readonly progress: Progress;
  /** When the invocation began. */
  readonly begun: Date;
  readonly canContinue: boolean;
  readonly dependencies: SurveyDependencies;
  /** The current certificates, and those that are still published. */
  readonly kept: Certificates['read'];
  /** The fingerprints of all published certificates. */
  readonly fingerprints: ReadonlySet<string>;
  readonly overview: Overview | undefined;
}

type Overview = ReturnType<typeof createOverview>;

/** The parts of a survey, in their order. A part whose records could not be read is left out. */
export function createParts(
  records: Records,
  progress: Progress,
  begun: Date,
  canContinue: boolean,
  dependencies: SurveyDependencies,
): Part[] {
  const { certificates, published } = records;
  const fingerprints = new Set(published?.served.map(({ live }) => live.fingerprintSha256));
  const kept = certificates ? [...certificates.read, ...stillPublished(certificates, fingerprints)] : [];
  const overview = overviewOf(records, begun, dependencies);
  const work = { records, progress, begun, canContinue, dependencies, kept, fingerprints, overview };
  const parts = [
    // First, because the overview and the check of the publications depend on it.
    revocationsPart(work),
    remindersPart(work),
    statusesPart(work),
    renewalsPart(work),
    subscriptionsPart(work),
    accessLogsPart(work),
    // Before the checks, which can take all the time that is left.
    overviewPart(work),
    // These wait for the servers of others.
    caaPart(work),
    publicationsPart(work),
    watchedPart(work),
  ];
  return parts.filter((part) => part !== undefined);
}

/** A part that always fits into an invocation. */
function wholePart(name: string, work: () => Promise<void>): Part {
  return { name, run: () => work().then(() => undefined) };
}

function revocationsPart({ records, progress, canContinue, dependencies, kept }: Work): Part | undefined {
  const { certificates, statuses, published, accounts } = records;
  const { revocations, now } = dependencies;
  if (!certificates || !revocations) {
    return undefined;
  }
  return {
    name: 'revocations',
    run(after) {
      // The time does not count from the beginning of the invocation: reading 50,000 certificates can take longer.
      const endsAt = now().getTime() + revocations.totalMilliseconds;
      return surveyRevocations(kept, revocations, after, {
        ...dependencies,
        reporter: `survey-${progress.startedAt}`,
        canContinue,
        accounts,
        statuses: failedStatuses(statuses?.read ?? []),
        served: published?.served ?? [],
        hasTime: () => now().getTime() < endsAt,
      });
    },
  };
}

function failedStatuses(read: Listing<OrderStatus>['read']): ReadonlyMap<string, OrderStatus> {
  const failed = read.map(contentOf).filter(({ state }) => state === 'failed');
  return new Map(failed.map((status) => [status.orderNumber, status]));
}

function remindersPart({ records, progress, dependencies, kept, fingerprints }: Work): Part | undefined {
  const { certificates, statuses, accounts, warnings } = records;
  return (
    certificates &&
    wholePart('reminders', () =>
      sendReminders({ ...certificates, read: kept }, fingerprints, accounts, {
        ...dependencies,
        caaWarnings: warnings,
        renewalDays: renewalDays(statuses?.read.map(contentOf) ?? []),
        // The reminders are those of the day on which the survey began.
        now: () => new Date(progress.startedAt),
      }),
    )
  );
}

function statusesPart({ records: { statuses, published }, dependencies }: Work): Part | undefined {
  const { executions } = dependencies;
  return executions && statuses
    ? wholePart('statuses', () => surveyStatuses(statuses, published?.served ?? [], { ...dependencies, executions }))
    : undefined;
}

function renewalsPart({ records, dependencies }: Work): Part | undefined {
  const { certificates, statuses, published } = records;
  const { executions } = dependencies;
  return executions && certificates && statuses
    ? wholePart('renewals', () =>
        startRenewalChecks(
          {
            current: certificates.read.map(contentOf),
            superseded: certificates.superseded.map(contentOf),
            statuses: statuses.read.map(contentOf),
            served: published?.served ?? [],
          },
          { ...dependencies, executions },
        ),
      )
    : undefined;
}

function subscriptionsPart({ dependencies: { topics, observe } }: Work): Part | undefined {
  return topics && wholePart('subscriptions', () => countSubscriptions(topics, observe));
}

function accessLogsPart({ records: { published }, dependencies }: Work): Part | undefined {
  const { accessLogs, observe } = dependencies;
  return (
    accessLogs &&
    published &&
    wholePart('access-logs', async () => {
      observe.fetchesRead(await surveyFetches(published.served, accessLogs, dependencies));
    })
  );
}

function overviewOf(
  { certificates, statuses, published, watched }: Records,
  readAt: Date,
  dependencies: SurveyDependencies,
): Overview | undefined {
  const { writesOverview, publications } = dependencies;
  if (!writesOverview || !certificates || !statuses || (publications && !published)) {
    return undefined;
  }
  const served = published?.served;
  return createOverview(
    {
      manifests: certificates,
      statuses,
      served,
      watched: watched && { ...watched, published: namesOf(served) },
      readAt,
    },
    dependencies,
  );
}

function overviewPart({ overview }: Work): Part | undefined {
  return (
    overview &&
    wholePart('overview', async () => {
      await overview.write();
    })
  );
}

/** Writes what checks changed in the overview. */
async function refresh({ write, checks }: Overview, dependencies: SurveyDependencies): Promise<void> {
  const { isOutdated } = await write();
  if (isOutdated) {
    // During the checks, a run after an outcome has read the orders later, and it knows nothing of the checks.
    const { publications, watched } = dependencies;
    await writeOverview(
      { ...dependencies, publishes: publications !== undefined, watches: watched !== undefined },
      checks,
    );
  }
}

function caaPart({ records, progress, dependencies, overview }: Work): Part | undefined {
  const { certificates, statuses, published } = records;
  const { caa, collector, askAgainDays } = dependencies;
  if (!caa || !overview || !certificates || !statuses) {
    return undefined;
  }
  return {
    name: 'caa',
    async run(after) {
      const sources = {
        certificates: certificates.read.map(contentOf),
        statuses: statuses.read,
        served: published?.served ?? [],
      };
      const since = new Date(Date.parse(progress.startedAt) - askAgainDays * DAY_MILLISECONDS);
      const domains = caaDomains(sources, collector, since);
      const checked = await surveyCaa(domains, after, caa, dependencies);
      if (checked.hasNews) {
        await refresh(overview, dependencies);
      }
      return checked.after;
    },
  };
}

function publicationsPart(work: Work): Part | undefined {
  const { records, progress, begun, canContinue, dependencies, kept, overview } = work;
  const { certificates, published, accounts } = records;
  const { publications, now } = dependencies;
  if (!publications || !published) {
    return undefined;
  }
  const endsAt = begun.getTime() + publications.totalMilliseconds;
  return {
    name: 'publications',
    async run(after) {
      const checked = await surveyPublications(
        withRevocations(published, kept.map(contentOf), new Date(progress.startedAt)),
        new Map(certificates?.read.map(({ key, content }) => [key, content])),
        accounts,
        publications,
        { after, broken: progress.broken },
        { ...dependencies, hasTime: () => now().getTime() < endsAt },
      );
      Object.assign(progress.broken, checked.broken);
      if (overview) {
        for (const publication of published.served) {
          const key = publishedKeys(publication.domain, publication.selector).description;
          if (checked.after !== undefined && key <= checked.after) {
            overview.addCheck(publication, progress.broken[key] ?? []);
          }
        }
        await refresh(overview, dependencies);
      }
      if (checked.unchecked.length === 0) {
        return undefined;
      }
      if (!canContinue || checked.after === after) {
        throw uncheckedError(checked.unchecked);
      }
      return checked.after;
    },
  };
}

function watchedPart({ records, progress, begun, canContinue, dependencies, overview }: Work): Part | undefined {
  const { certificates, published, watched } = records;
  const { publications, watched: watches, now } = dependencies;
  const hasWatched = watched && watched.listing.read.length + watched.listing.damaged.length + watched.checks.size > 0;
  if (!watches || !hasWatched || !certificates || (publications && !published)) {
    return undefined;
  }
  const endsAt = begun.getTime() + watches.totalMilliseconds;
  const hasTime = () => now().getTime() < endsAt;
  return {
    name: 'watched',
    async run(after) {
      if (canContinue && !hasTime()) {
        // The publications took all of it.
        return after ?? '';
      }
      const elsewhere = {
        published: namesOf(published?.served),
        fingerprints: reportedCertificates(certificates),
      };
      // The code that reads certificates is loaded only if it is needed.
      const { surveyWatched, uncheckedWatchedError } = await import('./watched.ts');
      const checked = await surveyWatched(watched.listing, elsewhere, watches, after, {
        ...dependencies,
        hasTime,
        startedAt: new Date(progress.startedAt),
      });
      if (overview) {
        overview.setWatchedChecks(checked.checks);
        await refresh(overview, dependencies);
      }
      if (checked.unchecked.length > 0 && !canContinue) {
        throw uncheckedWatchedError(checked.unchecked);
      }
      return checked.unchecked.length > 0 ? (checked.after ?? '') : undefined;
    },
  };
}

/** The certificates of orders whose end and revocation are reported. */
function reportedCertificates({ read }: Certificates): ReadonlySet<string> {
  const current = read.map(contentOf);
  const superseded = findSuperseded(current);
  return new Set(current.flatMap((each) => (superseded.has(each) ? [] : [each.fingerprintSha256])));
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
