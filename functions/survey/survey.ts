import { readObjects } from '../store/listing.ts';
import { MANIFEST_KEY, parseManifest } from '../store/manifest.ts';
import {
  type PublicationChecks,
  type PublicationDependencies,
  type PublicationObserver,
  readPublications,
  surveyPublications,
} from './publications.ts';
import { type ReminderDependencies, type ReminderObserver, sendReminders } from './reminders.ts';

/** Receives the results of a survey while it runs. */
export interface SurveyObserver extends PublicationObserver, ReminderObserver {}

export interface SurveyDependencies extends PublicationDependencies, ReminderDependencies {
  readonly observe: SurveyObserver;
  /** How publications are checked; undefined if the stack publishes nothing. */
  readonly publications: PublicationChecks | undefined;
}

/**
 * Reads every manifest and every publication, sends reminders of the certificates that expire soon, then checks the
 * publications. If one part fails, the other still runs with what could be read.
 *
 * @throws {Error} the error of one part, or an AggregateError of both, after both have ended. Lambda then repeats the
 * whole survey, so some events may be sent twice, which is better than never.
 */
export async function survey(dependencies: SurveyDependencies): Promise<void> {
  const { publications: checks } = dependencies;
  const errors: unknown[] = [];
  const recordError = (error: unknown) => {
    errors.push(error);
    return undefined;
  };
  // Manifests first: a certificate that is stored and published between the two reads then does not look unpublished.
  const manifests = await readObjects(dependencies, 'orders/', MANIFEST_KEY, parseManifest).catch(recordError);
  const published = checks && (await readPublications(dependencies).catch(recordError));
  if (manifests) {
    const fingerprints = new Set(published?.served.map(({ live }) => live.fingerprintSha256));
    await sendReminders(manifests, fingerprints, dependencies).catch(recordError);
  }
  if (checks && published) {
    const byKey = new Map(manifests?.read.map(({ key, content }) => [key, content]));
    await surveyPublications(published, byKey, checks, dependencies).catch(recordError);
  }
  if (errors.length > 0) {
    throw errors.length === 1 ? errors[0] : new AggregateError(errors, errors.map(String).join('; '));
  }
}
