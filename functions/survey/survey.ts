import { readObjects } from '../store/listing.ts';
import { MANIFEST_KEY, parseManifest } from '../store/manifest.ts';
import { accountsOf } from './accounts.ts';
import {
  type PublicationChecks,
  type PublicationDependencies,
  type PublicationObserver,
  readPublications,
  surveyPublications,
} from './publications.ts';
import { type ReminderDependencies, type ReminderObserver, sendReminders } from './reminders.ts';
import { readStatuses, type StatusDependencies, type StatusObserver, surveyStatuses } from './statuses.ts';
import { countSubscriptions, type SubscriptionObserver, type Topics } from './subscriptions.ts';

/** Receives the results of a survey while it runs. */
export interface SurveyObserver extends PublicationObserver, ReminderObserver, StatusObserver, SubscriptionObserver {}

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
 * statuses with the executions, counts subscriptions, then checks the publications. If one part fails, the others still
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
    readObjects(dependencies, 'orders/', MANIFEST_KEY, parseManifest).catch(recordError),
    executions && readStatuses(dependencies).catch(recordError),
  ]);
  const published = checks && (await readPublications(dependencies).catch(recordError));
  const accounts = accountsOf(manifests?.read ?? [], statuses?.read ?? []);
  if (manifests) {
    const fingerprints = new Set(published?.served.map(({ live }) => live.fingerprintSha256));
    await sendReminders(manifests, fingerprints, accounts, dependencies).catch(recordError);
  }
  if (executions && statuses) {
    await surveyStatuses(statuses, published?.served ?? [], { ...dependencies, executions }).catch(recordError);
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
