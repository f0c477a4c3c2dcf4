import { Resolver } from 'node:dns/promises';
import type { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SNSClient } from '@aws-sdk/client-sns';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { type CrlDownload, createCrlDownload } from '../crl-download.ts';
import { createDownload, type DownloadOptions } from '../download.ts';
import { type Environment, parseEnvironment } from '../environment.ts';
import { createHostLookup, type HostResolver } from '../host-lookup.ts';
import { sendHttp } from '../http.ts';
import { logErrors } from '../log-errors.ts';
import { createLogger } from '../logger.ts';
import { METRICS_NAMESPACE, SURVEY_METRICS } from '../metrics.ts';
import { UNUSABLE_DAYS } from '../store/failing-crls.ts';
import { s3Storage } from '../store/s3-storage.ts';
import type { SurveyProgress } from '../store/survey-progress.ts';
import type { CaaResolver } from './caa.ts';
import type { CaaSurveyChecks } from './caa-survey.ts';
import { findTask, nextStep, progressInMemory, progressInS3, sendContinuation } from './continuation.ts';
import { surveyEnvironment } from './environment.ts';
import type { AccessLogs } from './fetches.ts';
import { FILE_RULES } from './look-up.ts';
import { writeOverview } from './overview.ts';
import { paceQueries, type SurveyResolver } from './paced-resolver.ts';
import type { SurveyDependencies, SurveyObserver } from './parts.ts';
import type { PublicationChecks } from './publications.ts';
import type { RevocationChecks, RevocationObserver } from './revocation.ts';
import { survey } from './survey.ts';
import type { TxtResolver } from './txt.ts';
import type { WatchedSurvey } from './watched.ts';

/** The time limit for one object, one record or one policy. An answer usually takes less than a second. */
const LIMIT_SECONDS = 10;

/**
 * The end of Lambda's time in which no check starts. The last check of a publication may wait three limits for its turn and
 * take three more (record, hints, policy). That of a watched domain takes at most six: three for the DNS, one for the files,
 * two for CRLs. The rest is for the events after the checks.
 */
const RESERVED_SECONDS = 90;

/** The share of Lambda's time in which lookups of CAA records may start: the publications need the rest. */
const CAA_SHARE = 1 / 3;

/** The share of Lambda's time in which revocations may be checked. The next invocation continues. */
const REVOCATION_SHARE = 1 / 4;

/** The part of Lambda's time in which log files may be opened. The next survey continues. */
const LOG_SECONDS = 30;

/**
 * If a server does not answer within 2.5 seconds, the resolver asks it once more, within the limit. `timeout` is in
 * milliseconds.
 */
const DNS_ATTEMPTS = { timeout: 2_500, tries: 2 };

/** Amazon's resolver answers 1,024 packets a second for each network interface (Amazon VPC, "DNS quotas"). */
const QUERIES_A_SECOND = 800;

/**
 * What the function receives: the event of CloudFormation after a deployment, that of a survey that continues,
 * `{"overview": true}` some minutes after an outcome, and anything else from the daily schedule.
 */
interface SurveyInput {
  readonly source?: unknown;
  readonly overview?: unknown;
}

/** How a handler differs from the one of the deployed function. */
export interface HandlerOptions {
  /** For all CRLs; default: the public internet. */
  readonly downloadCrls?: CrlDownload | undefined;
}

/**
 * Creates the handler of the Lambda function survey, the target of the daily schedule, of the rule for deployments, of the
 * rule for surveys that continue, and of the schedule after an outcome, for which it only writes the overview. A survey
 * after a deployment sends no event that is sent once a day: people would receive the messages of that day twice.
 *
 * @param resolver looks up the records of domains; default: the DNS, at the pace of Amazon's resolver. Without a method for
 * CAA records, these are not checked.
 * @param allowLoopback whether the files of watched domains may be on this machine. Tests need it.
 * @throws {InvalidEnvironmentError} if an environment variable is missing or wrong.
 */
export function createHandler(
  environment: Environment,
  resolver: SurveyResolver = paceQueries(new Resolver(DNS_ATTEMPTS), QUERIES_A_SECOND),
  allowLoopback = false,
  options: HandlerOptions = {},
) {
  const downloads: DownloadOptions = {
    allowLoopback,
    ...(hasHosts(resolver) && { lookup: createHostLookup(resolver) }),
  };
  const { downloadCrls = createCrlDownload(downloads) } = options;
  const variables = readVariables(environment);
  const logger = createLogger('survey');
  const metrics = new Metrics({
    namespace: METRICS_NAMESPACE,
    serviceName: 'survey',
    defaultDimensions: { collector: variables.COLLECTOR },
  });
  const { STATE_MACHINE_ARN: stateMachineArn, TOPIC_ARNS: topicArns } = variables;
  const { COLLECTOR: collector, CONTINUES: continues } = variables;
  const dependencies: Omit<SurveyDependencies, 'sendDailyEvents' | 'publications' | 'revocations' | 'caa' | 'watched'> =
    {
      collector,
      s3: new S3Client(),
      bucket: variables.BUCKET_NAME,
      eventBridge: new EventBridgeClient(),
      eventBusName: variables.EVENT_BUS_NAME,
      remindBeforeDays: variables.REMIND_BEFORE_DAYS,
      askAgainDays: variables.ASK_AGAIN_BEFORE_DAYS ?? 0,
      accessLogs: accessLogsOf(variables),
      executions: stateMachineArn === undefined ? undefined : { stateMachineArn, sfn: new SFNClient() },
      topics: topicArns && { topicArns, sns: new SNSClient() },
      writesOverview: variables.OVERVIEW !== undefined,
      observe: createObserver(logger, metrics),
      now: () => new Date(),
    };
  const canContinue = continues === 'true';
  const store = canContinue ? progressInS3(s3Storage(dependencies.s3, dependencies.bucket)) : progressInMemory();
  return middy(async (event: SurveyInput, { awsRequestId, getRemainingTimeInMillis }: Context) => {
    if (event.overview === true) {
      const { PUBLISHED_URL, WATCHED } = variables;
      await writeOverview({ ...dependencies, publishes: PUBLISHED_URL !== undefined, watches: WATCHED !== undefined });
      return;
    }
    const task = await findTask(event, awsRequestId, collector, dependencies.now(), store.read);
    if ('nothing' in task) {
      logger.info('survey not continued', { reason: task.nothing });
      return;
    }
    const { kind } = task;
    if ('resend' in task) {
      await sendContinuation(dependencies, kind, task.resend);
      return;
    }
    let { progress } = task;
    const sentBefore = new Set(progress.sent);
    const write = (changes: Partial<SurveyProgress>) => {
      const updatedAt = dependencies.now().toISOString();
      progress = { ...progress, ...changes, invocation: awsRequestId, updatedAt };
      return store.write(kind, progress);
    };
    const isComplete = await survey(
      {
        ...dependencies,
        revocations: revocationChecks(getRemainingTimeInMillis()),
        caa: caaChecks(resolver, getRemainingTimeInMillis()),
        publications: publicationChecks(variables.PUBLISHED_URL, resolver, getRemainingTimeInMillis()),
        watched: watchedSurvey(variables, getRemainingTimeInMillis(), {
          resolver,
          allowLoopback,
          download: createDownload(FILE_RULES, downloads),
          downloadCrls,
        }),
        sentBefore,
        sendDailyEvents: kind === 'daily',
      },
      {
        progress,
        canContinue,
        save: (changes, isRepeated) => write({ ...changes, sent: isRepeated ? [...sentBefore] : [] }),
        failed: (error) => logger.error('a part of the survey failed and runs again', { error }),
      },
    );
    if (!isComplete) {
      await write(nextStep(progress));
      await sendContinuation(dependencies, kind, progress);
      logger.info('survey continues', { kind, run: progress.run, step: progress.step });
      return;
    }
    await write({ completedAt: dependencies.now().toISOString() });
    // Only a completed survey adds this metric: an alarm fires if it is absent.
    metrics.addMetric(SURVEY_METRICS.runs, MetricUnit.Count, 1);
  })
    .use(injectLambdaContext(logger))
    .use(logErrors(logger))
    .use(logMetrics(metrics));

  /** Undefined if the role of the function does not allow it. */
  function revocationChecks(remainingMilliseconds: number): RevocationChecks | undefined {
    return variables.REVOCATIONS === undefined
      ? undefined
      : {
          downloadCrls,
          totalMilliseconds: remainingMilliseconds * REVOCATION_SHARE,
          unpublish: variables.UNPUBLISH_REVOKED !== undefined,
          observe: createRevocationObserver(logger, metrics),
        };
  }
}

/** Logs a line for each certificate whose revocation changes, and for each CRL that cannot be used. */
function createRevocationObserver(logger: Logger, metrics: Metrics): RevocationObserver {
  return {
    certificateRevoked(change) {
      logger.error('certificate revoked', { ...change });
    },
    revocationEnded(change) {
      logger.warn('revocation ended', { ...change });
    },
    revocationReported(detail) {
      logger.info('revocation reported', { ...detail });
    },
    revocationUnchecked(key, problem) {
      logger.error('revocation not checked', { key, problem });
    },
    reportNotMade(key, error) {
      logger.error('report.html could not be made; the manifest is written without it', {
        key,
        error: error instanceof Error ? error : String(error),
      });
    },
    crlFailing(crl) {
      // Nobody has to act on the first days.
      logger[crl.days >= UNUSABLE_DAYS ? 'warn' : 'info']('CRL cannot be used', { ...crl });
    },
    revocationsChecked(summary) {
      logger.info('revocations', { ...summary });
      metrics.addMetric(SURVEY_METRICS.unusableCrls, MetricUnit.Count, summary.unusable);
      // Another point of this metric in the same survey: its alarm uses the maximum.
      metrics.addMetric(SURVEY_METRICS.damaged, MetricUnit.Count, summary.unreadable);
    },
  };
}

/**
 * Logs a line for each damaged object, for each summary and for each event. The metrics are added before the events
 * are sent, so that they exist even if sending fails.
 */
function createObserver(logger: Logger, metrics: Metrics): SurveyObserver {
  return {
    damaged(key, problem) {
      logger.error('manifest damaged', { key, problem });
    },
    surveyed(summary) {
      logger.info('survey', { ...summary });
      metrics.addMetric(SURVEY_METRICS.kept, MetricUnit.Count, summary.kept);
      metrics.addMetric(SURVEY_METRICS.damaged, MetricUnit.Count, summary.damaged);
      if (summary.daysToExpiry !== undefined) {
        metrics.addMetric(SURVEY_METRICS.daysToExpiry, MetricUnit.NoUnit, summary.daysToExpiry);
      }
    },
    reminded(reminder) {
      logger.info('reminder', { ...reminder });
    },
    statusDamaged(key, problem) {
      logger.error('status damaged', { key, problem });
    },
    statusesChecked(summary) {
      logger.info('statuses', { ...summary });
      // A second point of this metric in the same survey: its alarm uses the maximum.
      metrics.addMetric(SURVEY_METRICS.damaged, MetricUnit.Count, summary.damaged);
    },
    statusReported(detailType, { orderNumber, execution, text }) {
      logger.warn('status reported', { detailType, orderNumber, execution, text });
    },
    overviewWritten(summary) {
      logger.info('overview', { ...summary });
    },
    renewalChecked(check) {
      logger.info('renewal check', { ...check });
    },
    renewalsChecked(summary) {
      logger.info('renewal checks', { ...summary });
    },
    subscriptionsCounted(topicArn, confirmed) {
      logger.info('subscriptions', { topicArn, confirmed });
      // One point for each topic: the alarm uses the minimum.
      metrics.addMetric(SURVEY_METRICS.confirmedSubscriptions, MetricUnit.Count, confirmed);
    },
    publicationDamaged(key, problem) {
      logger.error('publication damaged', { key, problem });
    },
    publicationsChecked(summary) {
      logger.info('publications', { ...summary });
      metrics.addMetric(SURVEY_METRICS.live, MetricUnit.Count, summary.live);
      metrics.addMetric(SURVEY_METRICS.broken, MetricUnit.Count, summary.broken);
    },
    caaChecked(summary) {
      logger.info('CAA records', { ...summary });
    },
    fetchesRead(summary) {
      logger.info('access logs', { ...summary });
    },
    broken(publication) {
      logger.warn('publication broken', { ...publication });
    },
    watchedDamaged(key, problem) {
      logger.error('watched domain damaged', { key, problem });
    },
    watchedChecked(summary) {
      logger.info('watched domains', { ...summary });
    },
    watchedReported(detailType, detail) {
      logger.warn('watched domain reported', { detailType, ...detail });
    },
  };
}

/** Undefined if CloudFront writes no logs. */
function accessLogsOf({
  LOG_BUCKET_NAME: logBucket,
  DISTRIBUTION_ID: distributionId,
}: {
  readonly LOG_BUCKET_NAME?: string | undefined;
  readonly DISTRIBUTION_ID?: string | undefined;
}): AccessLogs | undefined {
  return logBucket === undefined || distributionId === undefined
    ? undefined
    : { logBucket, distributionId, totalMilliseconds: LOG_SECONDS * 1000 };
}

function hasHosts(resolver: Partial<HostResolver>): resolver is HostResolver {
  return resolver.resolve4 !== undefined && resolver.resolve6 !== undefined;
}

function hasCaa(resolver: Partial<CaaResolver>): resolver is CaaResolver {
  return resolver.resolveCaa !== undefined;
}

/** Undefined if the resolver cannot look up CAA records. */
function caaChecks(resolver: Partial<CaaResolver>, remainingMilliseconds: number): CaaSurveyChecks | undefined {
  return !hasCaa(resolver)
    ? undefined
    : {
        resolver,
        limitMilliseconds: LIMIT_SECONDS * 1000,
        totalMilliseconds: remainingMilliseconds * CAA_SHARE,
      };
}

/** Undefined if the stack publishes nothing. */
function publicationChecks(
  url: string | undefined,
  resolver: TxtResolver,
  remainingMilliseconds: number,
): PublicationChecks | undefined {
  if (url === undefined) {
    return undefined;
  }
  return {
    url,
    http: sendHttp,
    resolver,
    limitMilliseconds: LIMIT_SECONDS * 1000,
    totalMilliseconds: withoutReserve(remainingMilliseconds),
  };
}

/** Undefined if the role does not allow to check watched domains. */
function watchedSurvey(
  { WATCHED, TRUST_ANCHORS: trustAnchors = [], CT_LOGS: ctLogs = [] }: ReturnType<typeof readVariables>,
  remainingMilliseconds: number,
  internet: Pick<WatchedSurvey, 'resolver' | 'allowLoopback' | 'download' | 'downloadCrls'>,
): WatchedSurvey | undefined {
  return WATCHED === undefined
    ? undefined
    : {
        ...internet,
        limitMilliseconds: LIMIT_SECONDS * 1000,
        totalMilliseconds: withoutReserve(remainingMilliseconds),
        trustAnchors,
        ctLogs,
      };
}

/** The part of Lambda's time in which checks may start. */
function withoutReserve(remainingMilliseconds: number): number {
  return remainingMilliseconds - Math.min(RESERVED_SECONDS * 1000, remainingMilliseconds / 2);
}

function readVariables(environment: Environment) {
  return parseEnvironment(surveyEnvironment, environment);
}
