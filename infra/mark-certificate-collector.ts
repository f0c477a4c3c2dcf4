import { Stack } from 'aws-cdk-lib';
import { type Metric, type MetricOptions, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { EventBus, type IEventBus, type OnEventOptions, Rule } from 'aws-cdk-lib/aws-events';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { EVENT_SOURCE, EXPIRING, FAILED, ISSUED, REVOKED, WAITING } from '../functions/events.ts';
import {
  COLLECT_METRICS,
  NOTIFY_METRICS,
  PUBLISH_METRICS,
  PUSH_METRICS,
  REVOKE_METRICS,
  SURVEY_METRICS,
  WAITING_METRICS,
} from '../functions/metrics.ts';
import { OVERVIEW } from '../functions/pages/overview-folder.ts';
import { acknowledge, acknowledgeWildcard } from './acknowledge.ts';
import { createAlarms } from './alarms.ts';
import { createCollect } from './collect.ts';
import { canBeSame, InvalidPropsError, readProps } from './collector-config.ts';
import { collisionsOf } from './collisions.ts';
import { createDashboard } from './dashboard.ts';
import { DEFAULT_EVENT_BUS } from './forms.ts';
import { grantKeys } from './keys.ts';
import { functionMetric, type MetricService } from './metrics.ts';
import { createNotify, createTopics } from './notifications.ts';
import { createCommandLineOutput } from './outputs.ts';
import type { MarkCertificateCollectorProps } from './props.ts';
import { createPublication, createPublish, type PublicationEndpoint } from './publication.ts';
import { createQueries } from './queries.ts';
import {
  createBucket,
  createCredentials,
  createDeadLetterQueue,
  createLogBucket,
  createPushCredentials,
} from './resources.ts';
import { createStateMachine } from './state-machine.ts';
import { createPush, createRevoke, createStart, createSurvey, type PushEndpoint, runSurvey } from './triggers.ts';

/** Collects mark certificates: from the event "Mark Certificate Ordered" to the validated chain in a bucket. */
export class MarkCertificateCollector extends Construct {
  /** The name of the collector. */
  readonly name: string;
  /** The source of the events "Mark Certificate Ordered". */
  readonly eventSource: string;
  /**
   * Contains `orders/<orderNumber>/` (response, chain, logo, manifest), `overview/`, with `publish` the folder `published/`,
   * and with `push` the folder `pushes/`.
   */
  readonly bucket: IBucket;
  /** The event bus from which the collector takes the events of orders, and to which it sends its own events. */
  readonly eventBus: IEventBus;
  /** Runs the collection of each order in an execution whose name begins with `order-<orderNumber>`. */
  readonly stateMachine: IStateMachine;
  /** The login at the CA: `{"loginName": "…", "loginPassword": "…"}`; placeholders until an operator stores it. */
  readonly credentials: ISecret;
  /** Events and invocations that no function could handle. */
  readonly deadLetterQueue: IQueue;
  /** Receives the alarms, and a message for each order that waits for a person or failed. */
  readonly alarmTopic: ITopic;
  /** Receives a message for each event about a certificate. It can be the topic of the alarms. */
  readonly notifyTopic: ITopic;
  /** The URL for pushes of the CA, and the credentials that the CA sends; undefined if the prop `push` is off. */
  readonly push: PushEndpoint | undefined;
  /** The address that serves the bucket's folder `published/`; undefined if the prop `publish` is off. */
  readonly publication: PublicationEndpoint | undefined;

  /**
   * @throws {InvalidPropsError} if props cannot be used, or if another collector of the app has the same name, takes the
   * same events or uses the same bucket. The message lists all of them.
   */
  constructor(scope: Construct, id: string, props: MarkCertificateCollectorProps = {}) {
    super(scope, id);
    const config = readProps(this, props);
    const { name: collector } = config;
    this.name = collector;
    this.eventSource = config.eventSource;
    const eventBus = config.eventBus ?? EventBus.fromEventBusName(this, 'EventBus', DEFAULT_EVENT_BUS);
    this.eventBus = eventBus;
    this.refuseCollisions(config.bucket);
    const bucket = config.bucket ?? createBucket(this, config);
    this.bucket = bucket;
    this.credentials = config.credentials ?? createCredentials(this, config);

    const deadLetterQueue = createDeadLetterQueue(this, config);
    this.deadLetterQueue = deadLetterQueue;
    const topics = createTopics(this, config);
    this.alarmTopic = topics.operators;
    this.notifyTopic = topics.brand;

    const { remindBefore, askAgainBefore, unpublishRevoked } = config;
    const logBucket = config.publishLogs ? createLogBucket(this, config) : undefined;
    this.publication = config.publish && createPublication(this, bucket, config.publish, logBucket);
    const publishedUrl = this.publication?.url;
    const collect = createCollect(this, { config, bucket, credentials: this.credentials, eventBus, publishedUrl });
    const publish = publishedUrl === undefined ? undefined : createPublish(this, bucket, publishedUrl, collector);
    const stateMachine = createStateMachine(this, { collect, publish, eventBus, collector });
    this.stateMachine = stateMachine;
    acknowledge(
      stateMachine,
      'AwsSolutions-SF1',
      'Step Functions itself keeps every event of an execution for 90 days, and Collect logs every check. Only errors ' +
        'are logged here; all events would be ten lines for each check of a waiting order.',
    );
    acknowledge(
      stateMachine,
      'AwsSolutions-SF2',
      'AWS advises against X-Ray for executions that last for days (docs/decisions/aws.md).',
    );
    const start = createStart(this, {
      collector,
      bucket,
      stateMachine,
      deadLetterQueue,
      eventBus,
      eventSource: config.eventSource,
    });
    const survey = createSurvey(this, {
      collector,
      bucket,
      stateMachine,
      eventBus,
      deadLetterQueue,
      topics: [...new Set([topics.operators, topics.brand])],
      remindBefore,
      askAgainBefore,
      trusted: config,
      publishedUrl,
      unpublishRevoked,
      logs: logBucket && this.publication && { logBucket, distributionId: this.publication.distributionId },
    });
    const refresh = runSurvey(this, { collector, survey, eventBus, deadLetterQueue, key: config.encryptionKey });
    const notify = createNotify(this, {
      config,
      bucket,
      stateMachine,
      eventBus,
      deadLetterQueue,
      topics,
      refresh,
    });
    const publishing = publish && {
      publish,
      revoke: createRevoke(this, { collector, bucket, eventBus, deadLetterQueue, unpublishRevoked }),
    };
    const pushed = config.push
      ? createPush(this, {
          collector,
          stateMachine,
          eventBus,
          bucket,
          credentials: createPushCredentials(this, config),
          // Anybody can call the URL: requests without the password must not use up the account's concurrency.
          reservedConcurrency: config.reservedConcurrency === undefined ? undefined : 5,
        })
      : undefined;
    this.push = pushed?.endpoint;

    const functions = { collect, start, survey, notify, ...(pushed && { push: pushed.push }), ...publishing };
    grantKeys(config, { all: Object.values(functions), collect, notify });
    acknowledgeWildcard(
      this.node.findChild('StateMachineRole'),
      '*',
      'Actions that deliver logs support no resource in a policy (AWS: Step Functions, Logging).',
    );
    const alarms = createAlarms(this, {
      collect,
      notify,
      push: pushed?.push,
      deadLetterQueue,
      topic: this.alarmTopic,
      config,
    });
    if (config.dashboard) {
      createDashboard(this, { alarms, collect, stateMachine, bucket, config });
    }
    createQueries(this, collector, functions);
    createCommandLineOutput(this, config);
  }

  /**
   * Lets a principal read everything about orders, which is in the folder `orders/`, and the overview of all orders in the
   * folder `overview/`, and use the key of the bucket for it.
   */
  grantRead(grantee: IGrantable): Grant {
    return this.bucket.grantRead(grantee, 'orders/*').combine(this.bucket.grantRead(grantee, `${OVERVIEW}*`));
  }

  /**
   * Adds a rule for the event "Mark Certificate Issued" of this collector: a certificate became current.
   *
   * @param id the id of the rule.
   * @param options the target of the rule, and further conditions of its event pattern.
   */
  onIssued(id: string, options: OnEventOptions = {}): Rule {
    return this.onEvent(id, ISSUED, options);
  }

  /**
   * Adds a rule for the event "Mark Certificate Waiting" of this collector: an order starts to need a person.
   *
   * @param id the id of the rule.
   * @param options the target of the rule, and further conditions of its event pattern.
   */
  onWaiting(id: string, options: OnEventOptions = {}): Rule {
    return this.onEvent(id, WAITING, options);
  }

  /**
   * Adds a rule for the event "Mark Certificate Failed" of this collector: the collection of an order ended without a
   * certificate.
   *
   * @param id the id of the rule.
   * @param options the target of the rule, and further conditions of its event pattern.
   */
  onFailed(id: string, options: OnEventOptions = {}): Rule {
    return this.onEvent(id, FAILED, options);
  }

  /**
   * Adds a rule for the event "Mark Certificate Expiring" of this collector: a certificate without a successor expires soon.
   * The event about a watched domain has `watched` and no `orderNumber`.
   *
   * @param id the id of the rule.
   * @param options the target of the rule, and further conditions of its event pattern.
   */
  onExpiring(id: string, options: OnEventOptions = {}): Rule {
    return this.onEvent(id, EXPIRING, options);
  }

  /**
   * Adds a rule for the event "Mark Certificate Revoked" of this collector. The detail contains `confirmed`: false if only
   * a push announced the revocation. The event about a watched domain has `watched` and no `orderNumber`.
   *
   * @param id the id of the rule.
   * @param options the target of the rule, and further conditions of its event pattern.
   */
  onRevoked(id: string, options: OnEventOptions = {}): Rule {
    return this.onEvent(id, REVOKED, options);
  }

  /**
   * The conditions of the options only narrow the pattern: CDK's addEventPattern would add another source or collector to
   * those of this rule.
   */
  private onEvent(id: string, detailType: string, options: OnEventOptions): Rule {
    const { target, eventPattern, crossStackScope, description, ruleName } = options;
    return new Rule(crossStackScope ?? this, id, {
      eventBus: this.eventBus,
      description: description ?? `${detailType}: ${this.name}`,
      ...(ruleName !== undefined && { ruleName }),
      eventPattern: {
        ...eventPattern,
        source: [EVENT_SOURCE],
        detailType: [detailType],
        detail: { ...eventPattern?.detail, collector: [this.name] },
      },
      ...(target && { targets: [target] }),
    });
  }

  /** Checks that found a certificate issued. Default statistic: sum. */
  metricOrdersIssued(options: MetricOptions = {}): Metric {
    return this.metric('collect', COLLECT_METRICS.issued, Stats.SUM, options);
  }

  /** Checks of orders that wait. Default statistic: sum. */
  metricOrdersWaiting(options: MetricOptions = {}): Metric {
    return this.metric('collect', COLLECT_METRICS.waiting, Stats.SUM, options);
  }

  /** Orders that failed: refused by the CA, with an invalid chain, or overdue. Default statistic: sum. */
  metricOrdersFailed(options: MetricOptions = {}): Metric {
    return this.metric('collect', COLLECT_METRICS.failed, Stats.SUM, options);
  }

  /** Calls to the CA. Default statistic: sum. */
  metricCallsToCa(options: MetricOptions = {}): Metric {
    return this.metric('collect', COLLECT_METRICS.calls, Stats.SUM, options);
  }

  /** Milliseconds of a call to the CA. Default statistic: 99th percentile. */
  metricCaMilliseconds(options: MetricOptions = {}): Metric {
    return this.metric('collect', COLLECT_METRICS.milliseconds, Stats.p(99), options);
  }

  /** Whether a call to the CA had a usable reply: 1 or 0. Default statistic: maximum. */
  metricCaReached(options: MetricOptions = {}): Metric {
    return this.metric('collect', COLLECT_METRICS.reached, Stats.MAXIMUM, options);
  }

  /** Days since the start of a waiting order. Default statistic: maximum. */
  metricWaitingDays(options: MetricOptions = {}): Metric {
    return this.metric('collect', COLLECT_METRICS.waitingDays, Stats.MAXIMUM, options);
  }

  /** Days from the event of an order to its certificate. Default statistic: maximum. */
  metricDaysToIssued(options: MetricOptions = {}): Metric {
    return this.metric('collect', COLLECT_METRICS.issuedDays, Stats.MAXIMUM, options);
  }

  /** Checks that wait because the CA is down. Default statistic: sum. */
  metricWaitingOutage(options: MetricOptions = {}): Metric {
    return this.metric('collect', WAITING_METRICS.outage, Stats.SUM, options);
  }

  /** Checks that wait for a login that the CA accepts. Default statistic: sum. */
  metricWaitingCredentials(options: MetricOptions = {}): Metric {
    return this.metric('collect', WAITING_METRICS.credentials, Stats.SUM, options);
  }

  /** Checks that wait for a payment. Default statistic: sum. */
  metricWaitingPayment(options: MetricOptions = {}): Metric {
    return this.metric('collect', WAITING_METRICS.payment, Stats.SUM, options);
  }

  /** Checks that wait for a permission of the account at the CA. Default statistic: sum. */
  metricWaitingPermission(options: MetricOptions = {}): Metric {
    return this.metric('collect', WAITING_METRICS.permission, Stats.SUM, options);
  }

  /** Certificates in the bucket, counted by each survey. Default statistic: maximum. */
  metricCertificatesKept(options: MetricOptions = {}): Metric {
    return this.metric('survey', SURVEY_METRICS.kept, Stats.MAXIMUM, options);
  }

  /** Manifests that the survey cannot read. Default statistic: maximum. */
  metricManifestsDamaged(options: MetricOptions = {}): Metric {
    return this.metric('survey', SURVEY_METRICS.damaged, Stats.MAXIMUM, options);
  }

  /** Days until the next certificate expires. Default statistic: minimum. */
  metricDaysToExpiry(options: MetricOptions = {}): Metric {
    return this.metric('survey', SURVEY_METRICS.daysToExpiry, Stats.MINIMUM, options);
  }

  /** Publications without a difference between what was published and what is served. Default statistic: maximum. */
  metricPublicationsLive(options: MetricOptions = {}): Metric {
    return this.metric('survey', SURVEY_METRICS.live, Stats.MAXIMUM, options);
  }

  /** Publications that are broken or unreadable. Default statistic: maximum. */
  metricPublicationsBroken(options: MetricOptions = {}): Metric {
    return this.metric('survey', SURVEY_METRICS.broken, Stats.MAXIMUM, options);
  }

  /** Revocation lists of CAs that could not be used for three days. Default statistic: maximum. */
  metricCrlsUnusable(options: MetricOptions = {}): Metric {
    return this.metric('survey', SURVEY_METRICS.unusableCrls, Stats.MAXIMUM, options);
  }

  /** Confirmed subscriptions of each topic of messages. Default statistic: minimum. */
  metricConfirmedSubscriptions(options: MetricOptions = {}): Metric {
    return this.metric('survey', SURVEY_METRICS.confirmedSubscriptions, Stats.MINIMUM, options);
  }

  /** Completed surveys: one a day. Default statistic: sum. */
  metricSurveyRuns(options: MetricOptions = {}): Metric {
    return this.metric('survey', SURVEY_METRICS.runs, Stats.SUM, options);
  }

  /** Pushes without a login or with a wrong one. Default statistic: sum. */
  metricPushesRefused(options: MetricOptions = {}): Metric {
    return this.metric('push', PUSH_METRICS.refused, Stats.SUM, options);
  }

  /** Pushes that could not be interpreted. Default statistic: sum. */
  metricPushesNotUnderstood(options: MetricOptions = {}): Metric {
    return this.metric('push', PUSH_METRICS.notUnderstood, Stats.SUM, options);
  }

  /** Pushes about unknown orders above the daily limit. Default statistic: sum. */
  metricPushesLimited(options: MetricOptions = {}): Metric {
    return this.metric('push', PUSH_METRICS.limited, Stats.SUM, options);
  }

  /** Certificates that were not published. Default statistic: sum. */
  metricPublicationsRefused(options: MetricOptions = {}): Metric {
    return this.metric('publish', PUBLISH_METRICS.refused, Stats.SUM, options);
  }

  /** Publications whose certificate the CA revoked. Default statistic: sum. */
  metricPublishedRevoked(options: MetricOptions = {}): Metric {
    return this.metric('revoke', REVOKE_METRICS.revoked, Stats.SUM, options);
  }

  /** Events for which no message could be sent. Default statistic: sum. */
  metricMessagesFailed(options: MetricOptions = {}): Metric {
    return this.metric('notify', NOTIFY_METRICS.failed, Stats.SUM, options);
  }

  private metric(service: MetricService, metricName: string, statistic: string, options: MetricOptions): Metric {
    return functionMetric(this.name, service, metricName, statistic, options).attachTo(this);
  }

  /** @throws {InvalidPropsError} if another collector of this app, for the same account and region, collides. */
  private refuseCollisions(givenBucket: IBucket | undefined): void {
    const others = this.node.root.node
      .findAll()
      .filter((other) => other instanceof MarkCertificateCollector)
      .filter((other) => other !== this && canShareEnvironment(this, other));
    const problems = others.flatMap((other) =>
      [
        ...collisionsOf(busOf(this), busOf(other), 'eventBus').map(({ setting, reason }) => `${setting}: ${reason}`),
        ...(givenBucket?.bucketArn === other.bucket.bucketArn
          ? [
              'bucket: two collectors would write the folder orders/ of one bucket; accepted: another bucket for each collector',
            ]
          : []),
      ].map((problem) => `${problem} (${other.node.path} and ${this.node.path})`),
    );
    if (problems.length > 0) {
      throw new InvalidPropsError(this.node.path, problems);
    }
  }
}

/** Whether two constructs may be deployed to one account and region: an environment can be open until deployment. */
function canShareEnvironment(one: Construct, other: Construct): boolean {
  const [a, b] = [Stack.of(one), Stack.of(other)];
  return canBeSame(a.account, b.account) && canBeSame(a.region, b.region);
}

/** What a collector cannot have in common with another one. */
function busOf({ name, eventSource, eventBus }: MarkCertificateCollector) {
  return { name, eventSource, eventBusName: eventBus.eventBusName };
}
