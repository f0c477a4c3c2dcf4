import { Aws, Duration, Token } from 'aws-cdk-lib';
import {
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IAlarm,
  type IMetric,
  type IWidget,
  LogQueryVisualizationType,
  LogQueryWidget,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { QueryString, type QueryStringProps } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { COLLECT_METRICS, SURVEY_METRICS, WAITING_METRICS } from '../functions/metrics.ts';
import { INDEX_PAGE, OVERVIEW } from '../functions/pages/overview-folder.ts';
import type { CollectorConfig } from './collector-config.ts';
import { functionMetric } from './metrics.ts';
import { QUERIES } from './queries.ts';

const HOUR = Duration.hours(1);
const DAY = Duration.days(1);

/** Columns of a dashboard. */
const WIDTH = 24;

/** The number of orders that wait now, for each reason: the latest check of each order decides. */
const WAITING_BY_REASON: QueryStringProps = {
  filterStatements: ["message = 'check'"],
  statsStatements: ['latest(outcome) as outcome, latest(reason) as reason by orderNumber'],
};

/** What the dashboard shows and links to. */
export interface DashboardProps {
  readonly alarms: readonly IAlarm[];
  readonly collect: LambdaFunction;
  readonly stateMachine: StateMachine;
  readonly bucket: IBucket;
  readonly config: Pick<CollectorConfig, 'credentials' | 'name' | 'publish' | 'runbookUrl'>;
}

/**
 * The operators' dashboard: alarms, links, orders that wait, the latest check of each order, and graphs.
 *
 * Its name contains the region, because the dashboards of an AWS account share their names in all regions.
 */
export function createDashboard(scope: Construct, props: DashboardProps): Dashboard {
  const { alarms, config } = props;
  return new Dashboard(scope, 'Dashboard', {
    dashboardName: `${config.name}-${Aws.REGION}`,
    // The longest poll interval is two days, so that the latest check of every waiting order is within this time.
    defaultInterval: Duration.days(14),
    widgets: [
      [
        new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: WIDTH / 2, height: 5 }),
        new TextWidget({ markdown: links(props), width: WIDTH / 2, height: 5 }),
      ],
      tables(props),
      ...graphs(props),
    ],
  });
}

/** Where people find orders, executions, the login and the runbook. */
function links({ bucket, stateMachine, config }: DashboardProps): string {
  const console = `https://${Aws.REGION}.console.aws.amazon.com`;
  const targets = {
    'Overview of all orders: choose Open': `${console}/s3/object/${bucket.bucketName}?region=${Aws.REGION}&prefix=${OVERVIEW}${INDEX_PAGE}`,
    'Certificates and logos of all orders': `${console}/s3/buckets/${bucket.bucketName}?prefix=orders/`,
    'Executions of the orders': `${console}/states/home?region=${Aws.REGION}#/statemachines/view/${stateMachine.stateMachineArn}`,
    'Login at the CA': `${console}/secretsmanager/secret?name=${secretName(config)}&region=${Aws.REGION}`,
    'Dead-letter queue and other queues': `${console}/sqs/v3/home?region=${Aws.REGION}#/queues`,
    'Saved queries': `${console}/cloudwatch/home?region=${Aws.REGION}#logsV2:logs-insights`,
    'Runbook: what each alarm means, and what to do': config.runbookUrl,
  };
  const lines = Object.entries(targets).map(([title, target]) => `- [${title}](${target})`);
  return [`## ${config.name}`, '', ...lines].join('\n');
}

/** The name of the login's secret in a URL. A name that the deployment assigns cannot be encoded here. */
function secretName({ credentials, name }: DashboardProps['config']): string {
  const given = credentials?.secretName;
  return given === undefined ? `${name}%2Fcredentials` : Token.isUnresolved(given) ? given : encodeURIComponent(given);
}

function tables({ collect }: DashboardProps): IWidget[] {
  const table = (title: string, width: number, queryString: string) =>
    new LogQueryWidget({
      title,
      width,
      height: 9,
      view: LogQueryVisualizationType.TABLE,
      logGroupNames: [collect.logGroup.logGroupName],
      queryString,
    });
  const latest = new QueryString(QUERIES['What each order waits for']).toString();
  const byReason = [
    new QueryString(WAITING_BY_REASON).toString(),
    "| filter outcome = 'waiting'",
    '| stats count(*) as orders by reason',
    '| sort orders desc',
  ].join('\n');
  return [
    table('Orders that wait, by reason', WIDTH / 4, byReason),
    table('The latest check of each order', (WIDTH * 3) / 4, latest),
  ];
}

function graphs({ collect, stateMachine, config }: DashboardProps): IWidget[][] {
  const collectMetric = (name: string, statistic: string, period = HOUR) =>
    functionMetric(config.name, 'collect', name, statistic, { period });
  const surveyMetric = (name: string, statistic: string) =>
    functionMetric(config.name, 'survey', name, statistic, { period: DAY });
  const graph = (title: string, left: IMetric[], right: IMetric[] = []) =>
    new GraphWidget({ title, width: WIDTH / 2, height: 6, left, right });
  return [
    [
      graph('Orders by outcome', [
        stateMachine.metricStarted({ statistic: Stats.SUM, period: DAY }),
        stateMachine.metricSucceeded({ statistic: Stats.SUM, period: DAY }),
        stateMachine.metricFailed({ statistic: Stats.SUM, period: DAY }),
        stateMachine.metricTimedOut({ statistic: Stats.SUM, period: DAY }),
        stateMachine.metricAborted({ statistic: Stats.SUM, period: DAY }),
      ]),
      graph(
        'Calls to the CA',
        [collectMetric(COLLECT_METRICS.calls, Stats.SUM), collectMetric(COLLECT_METRICS.reached, Stats.SUM)],
        [
          collectMetric(COLLECT_METRICS.milliseconds, Stats.p(50)),
          collectMetric(COLLECT_METRICS.milliseconds, Stats.p(99)),
        ],
      ),
    ],
    [
      graph(
        'Days from event to issue, and age of the oldest waiting order',
        [
          collectMetric(COLLECT_METRICS.issuedDays, Stats.AVERAGE, DAY),
          collectMetric(COLLECT_METRICS.issuedDays, Stats.MAXIMUM, DAY),
        ],
        [collectMetric(COLLECT_METRICS.waitingDays, Stats.MAXIMUM)],
      ),
      graph('Days until the next certificate expires', [surveyMetric(SURVEY_METRICS.daysToExpiry, Stats.MINIMUM)]),
    ],
    [
      graph(
        'Waiting checks, by reason',
        Object.values(WAITING_METRICS).map((name) => collectMetric(name, Stats.SUM)),
      ),
      graph('Collect: invocations, errors, throttles', [
        collect.metricInvocations({ period: HOUR }),
        collect.metricErrors({ period: HOUR }),
        collect.metricThrottles({ period: HOUR }),
      ]),
    ],
    config.publish
      ? [
          graph('Publications: live and broken', [
            surveyMetric(SURVEY_METRICS.live, Stats.MAXIMUM),
            surveyMetric(SURVEY_METRICS.broken, Stats.MAXIMUM),
          ]),
        ]
      : [],
  ];
}
