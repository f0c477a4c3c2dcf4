import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import type { WatchedDetail } from '../../../functions/events.ts';
import type { StoredManifest } from '../../../functions/store/manifest.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import { type OrderStatus, openStatus } from '../../../functions/store/status.ts';
import type { CaaSummary, CaaSurveyChecks } from '../../../functions/survey/caa-survey.ts';
import type { FetchSummary } from '../../../functions/survey/fetches.ts';
import type { OverviewSummary } from '../../../functions/survey/overview.ts';
import type { SurveyDependencies, SurveyObserver } from '../../../functions/survey/parts.ts';
import type {
  BrokenPublication,
  PublicationChecks,
  PublicationSummary,
} from '../../../functions/survey/publications.ts';
import type { Reminder, SurveySummary } from '../../../functions/survey/reminders.ts';
import type { RenewalCheck, RenewalSummary } from '../../../functions/survey/renewals.ts';
import type { StatusSummary } from '../../../functions/survey/statuses.ts';
import { survey } from '../../../functions/survey/survey.ts';
import type { WatchedSummary, WatchedSurvey } from '../../../functions/survey/watched.ts';
import { startDirectS3Server } from '../../s3-direct.ts';
import { startEventBus } from './event-bus.ts';
import { STATE_MACHINE_ARN, startExecutionsServer } from './executions.ts';
import { COLLECTOR, manifestOf, NOON } from './samples.ts';

export const BUCKET = 'certificates';
export const BUS = 'brand-events';

export type SurveyServers = Awaited<ReturnType<typeof startSurveyServers>>;

/** What a survey reads and writes, on loopback: S3, an event bus and executions, with their clients. */
export async function startSurveyServers() {
  const [server, bus, executions] = await Promise.all([
    startDirectS3Server(),
    startEventBus(),
    startExecutionsServer(),
  ]);
  const config = { region: 'us-east-1', credentials: { accessKeyId: 'x', secretAccessKey: 'x' }, maxAttempts: 1 };
  const s3 = new S3Client({ ...config, endpoint: server.url, forcePathStyle: true });
  const eventBridge = new EventBridgeClient({ ...config, endpoint: bus.url });
  const sfn = new SFNClient({ ...config, endpoint: executions.url });
  const put = async (key: string, body: string): Promise<void> => {
    // Without HTTP, because some tests store hundreds of objects.
    const request = { method: 'PUT', key, query: new URLSearchParams(), headers: {}, client: '' };
    await server.receive(request, Buffer.from(body));
  };
  const empty = server.snapshot();
  return {
    server,
    bus,
    s3,
    eventBridge,
    executions,
    sfn,
    put,
    /** Stores the manifest of an order. */
    store: (orderNumber: string, changes: Partial<StoredManifest> = {}) =>
      put(`orders/${orderNumber}/certificate.json`, JSON.stringify(manifestOf(orderNumber, changes))),
    /** Stores the manifest of a certificate that is not the current one of its order. */
    storeSuperseded: (orderNumber: string, fingerprintSha256: string, changes: Partial<StoredManifest> = {}) => {
      const folder = `orders/${orderNumber}/superseded/${fingerprintSha256}`;
      const { objects, ...manifest } = manifestOf(orderNumber, changes);
      const moved = Object.entries(objects).map(([name, object]) => [
        name,
        { ...object, key: object.key.replace(`orders/${orderNumber}`, folder) },
      ]);
      const body = { ...manifest, fingerprintSha256, objects: Object.fromEntries(moved) };
      return put(`${folder}/certificate.json`, JSON.stringify(body));
    },
    /** Stores the status of an order. */
    storeStatus: (status: OrderStatus) => put(`orders/${status.orderNumber}/status.json`, JSON.stringify(status)),
    /** The stored status of an order. */
    status: async (orderNumber: string) => (await openStatus(s3Storage(s3, BUCKET), orderNumber).read()).current,
    /** The details of all events of one type on the bus. */
    detailsOf,
    /** The details of all reminders on the bus. */
    reminders: () => detailsOf<Reminder>('Mark Certificate Expiring'),
    /** The details of all reports of broken publications on the bus. */
    reports: () => detailsOf<BrokenPublication>('Mark Certificate Publication Broken'),
    /** Forgets everything, so that the tests of a file can share the servers and their clients. */
    clear() {
      empty();
      bus.clear();
      executions.clear();
    },
    async close() {
      s3.destroy();
      eventBridge.destroy();
      sfn.destroy();
      await Promise.all([server.close(), bus.close(), executions.close()]);
    },
  };

  function detailsOf<Detail>(detailType: string): Detail[] {
    return bus.calls
      .flat()
      .filter(({ DetailType }) => DetailType === detailType)
      .map((entry) => JSON.parse(entry.Detail) as Detail);
  }
}

export interface RunOptions {
  readonly now?: () => Date;
  readonly remindBeforeDays?: number;
  /** Default: 0, so that the CA is asked for no next certificate. */
  readonly askAgainDays?: number;
  readonly publications?: PublicationChecks;
  /** How CAA records are looked up; default: nobody does. */
  readonly caa?: CaaSurveyChecks;
  readonly topics?: SurveyDependencies['topics'];
  /** Whether statuses are compared with executions; default: true. */
  readonly withExecutions?: boolean;
  readonly sendDailyEvents?: boolean;
  /** Default: false. */
  readonly writesOverview?: boolean;
  readonly watched?: WatchedSurvey;
}

/** An observer that records everything, and the records. */
export function recordingObserver() {
  const records = {
    damaged: [] as { readonly key: string; readonly problem: string }[],
    surveyed: [] as SurveySummary[],
    reminded: [] as Reminder[],
    publicationsDamaged: [] as { readonly key: string; readonly problem: string }[],
    publicationsChecked: [] as PublicationSummary[],
    broken: [] as BrokenPublication[],
    statusesDamaged: [] as { readonly key: string; readonly problem: string }[],
    statusesChecked: [] as StatusSummary[],
    statusesReported: [] as { readonly detailType: string; readonly orderNumber: string }[],
    renewalChecks: [] as RenewalCheck[],
    caaChecked: [] as CaaSummary[],
    renewals: [] as RenewalSummary[],
    fetchesRead: [] as FetchSummary[],
    overviews: [] as OverviewSummary[],
    watchedDamaged: [] as { readonly key: string; readonly problem: string }[],
    watchedChecked: [] as WatchedSummary[],
    watchedReported: [] as { readonly detailType: string; readonly detail: WatchedDetail }[],
    subscriptions: [] as { readonly topicArn: string; readonly confirmed: number }[],
  };
  const observe: SurveyObserver = {
    damaged: (key, problem) => records.damaged.push({ key, problem }),
    surveyed: (summary) => records.surveyed.push(summary),
    reminded: (reminder) => records.reminded.push(reminder),
    publicationDamaged: (key, problem) => records.publicationsDamaged.push({ key, problem }),
    publicationsChecked: (summary) => records.publicationsChecked.push(summary),
    broken: (publication) => records.broken.push(publication),
    statusDamaged: (key, problem) => records.statusesDamaged.push({ key, problem }),
    statusesChecked: (summary) => records.statusesChecked.push(summary),
    statusReported: (detailType, { orderNumber }) => records.statusesReported.push({ detailType, orderNumber }),
    overviewWritten: (summary) => records.overviews.push(summary),
    renewalChecked: (check) => records.renewalChecks.push(check),
    caaChecked: (summary) => records.caaChecked.push(summary),
    renewalsChecked: (summary) => records.renewals.push(summary),
    fetchesRead: (summary) => records.fetchesRead.push(summary),
    watchedDamaged: (key, problem) => records.watchedDamaged.push({ key, problem }),
    watchedChecked: (summary) => records.watchedChecked.push(summary),
    watchedReported: (detailType, detail) => records.watchedReported.push({ detailType, detail }),
    subscriptionsCounted: (topicArn, confirmed) => records.subscriptions.push({ topicArn, confirmed }),
  };
  return { observe, records };
}

/** Runs one survey. Returns what it observed, and its error if it failed. */
export async function runSurvey(
  { s3, eventBridge, sfn }: SurveyServers,
  {
    now = () => new Date(NOON),
    remindBeforeDays = 30,
    askAgainDays = 0,
    publications,
    caa,
    topics,
    withExecutions = true,
    sendDailyEvents = true,
    writesOverview = false,
    watched,
  }: RunOptions = {},
) {
  const { observe, records } = recordingObserver();
  const error = await survey({
    collector: COLLECTOR,
    s3,
    bucket: BUCKET,
    eventBridge,
    eventBusName: BUS,
    remindBeforeDays,
    askAgainDays,
    sendDailyEvents,
    publications,
    caa,
    executions: withExecutions ? { stateMachineArn: STATE_MACHINE_ARN, sfn } : undefined,
    topics,
    writesOverview,
    watched,
    observe,
    now,
  }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { ...records, error };
}

/** The records of a survey that observed nothing of publications, statuses and topics. */
export const CERTIFICATES_ONLY = {
  publicationsDamaged: [],
  publicationsChecked: [],
  broken: [],
  statusesDamaged: [],
  statusesChecked: [],
  statusesReported: [],
  renewalChecks: [],
  caaChecked: [],
  renewals: [],
  fetchesRead: [],
  overviews: [],
  subscriptions: [],
  watchedDamaged: [],
  watchedChecked: [],
  watchedReported: [],
};

export const ordersOf = (reminders: readonly Reminder[]) => reminders.map(({ orderNumber }) => orderNumber);
