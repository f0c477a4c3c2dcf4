import { type Bucket, type Listing, readObjects } from '../store/listing.ts';
import { MANIFEST_KEY, parseManifest, type StoredManifest, SUPERSEDED_MANIFEST_KEY } from '../store/manifest.ts';
import { accountsOf } from './accounts.ts';
import {
  type PublicationChecks,
  type PublicationDependencies,
  type PublicationObserver,
  readPublications,
  surveyPublications,
} from './publications.ts';
import { type ReminderDependencies, type ReminderObserver, sendReminders } from './reminders.ts';
import { type RenewalObserver, startRenewalChecks } from './renewals.ts';
import { readStatuses, type StatusDependencies, type StatusObserver, surveyStatuses } from './statuses.ts';
import { countSubscriptions, type SubscriptionObserver, type Topics } from './subscriptions.ts';

/** Receives the results of a survey while it runs. */
export interface SurveyObserver
  extends PublicationObserver,
    ReminderObserver,
    RenewalObserver,
    StatusObserver,
    SubscriptionObserver {}

export interface SurveyDependencies extends PublicationDependencies, ReminderDependencies {
  readonly observe: SurveyObserver;
  /** How publications are checked; undefined if the stack publishes nothing. */
  readonly publications: PublicationChecks | undefined;
  /** The executions with which statuses are compared; undefined in a stack of release 0.1.0, which has no statuses. */
  readonly executions: StatusDependencies['executions'] | undefined;
  /** The topics whose subscriptions are counted; undefined in a stack of release 0.1.0. */
  readonly topics: Topics | undefined;
}

/**
 * Reads every manifest, status and publication. Sends reminders of the certificates that expire soon, compares the
 * statuses with the executions, starts checks of certificates that have become valid, counts subscriptions, then checks
 * the publications. If one part fails, the others still
 * run with what could be read.
 *
 * @throws {Error} the error of one part, or an AggregateError of several, after all have ended. Lambda then repeats the
 * whole survey. In another process it may send some events twice, which is better than never.
 */
export async function survey(dependencies: SurveyDependencies): Promise<void> {
  const { publications: checks, executions, topics, observe } = dependencies;
  const errors: unknown[] = [];
  const recordError = (error: unknown) => {
    errors.push(error);
    return undefined;
  };
  // Manifests first: a certificate that is stored and published between the two reads then does not look unpublished.
  const [manifests, statuses] = await Promise.all([
    readManifests(dependencies).catch(recordError),
    executions && readStatuses(dependencies).catch(recordError),
  ]);
  const published = checks && (await readPublications(dependencies).catch(recordError));
  const accounts = accountsOf(manifests?.read ?? [], statuses?.read ?? []);
  if (manifests) {
    const fingerprints = new Set(published?.served.map(({ live }) => live.fingerprintSha256));
    const read = [...manifests.read, ...stillPublished(manifests, fingerprints)];
    await sendReminders({ ...manifests, read }, fingerprints, accounts, dependencies).catch(recordError);
  }
  if (executions && statuses) {
    await surveyStatuses(statuses, published?.served ?? [], { ...dependencies, executions }).catch(recordError);
  }
  if (executions && manifests) {
    const [current, superseded] = [manifests.read.map(contentOf), manifests.superseded.map(contentOf)];
    await startRenewalChecks(current, superseded, { ...dependencies, executions }).catch(recordError);
  }
  if (topics) {
    await countSubscriptions(topics, observe).catch(recordError);
  }
  // Last, because it waits for the servers of others.
  if (checks && published) {
    const byKey = new Map(manifests?.read.map(({ key, content }) => [key, content]));
    await surveyPublications(published, byKey, accounts, checks, dependencies).catch(recordError);
  }
  if (errors.length > 0) {
    throw errors.length === 1 ? errors[0] : new AggregateError(errors, errors.map(String).join('; '));
  }
}

const contentOf = <T>({ content }: { readonly content: T }): T => content;

/** Matches the manifests of all certificates that were received. */
const ANY_MANIFEST_KEY = new RegExp(`${MANIFEST_KEY.source}|${SUPERSEDED_MANIFEST_KEY.source}`);

/** The manifests of the current certificates, with the damaged ones of all, and those of the other certificates. */
interface Manifests extends Listing<StoredManifest> {
  readonly superseded: Listing<StoredManifest>['read'];
}

async function readManifests(bucket: Bucket): Promise<Manifests> {
  const { read, damaged } = await readObjects(bucket, 'orders/', ANY_MANIFEST_KEY, parseManifest);
  const { current = [], superseded = [] } = Object.groupBy(read, ({ key }) =>
    MANIFEST_KEY.test(key) ? 'current' : 'superseded',
  );
  return { read: current, damaged, superseded };
}

/** The certificates that are published although another one of their order is current, which may have been refused. */
function stillPublished({ read, superseded }: Manifests, published: ReadonlySet<string>): Manifests['superseded'] {
  const current = new Set(read.map(({ content }) => content.fingerprintSha256));
  return superseded.filter(
    ({ content: { fingerprintSha256 } }) => published.has(fingerprintSha256) && !current.has(fingerprintSha256),
  );
}
