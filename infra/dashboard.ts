import { Duration } from 'aws-cdk-lib';
import { Dashboard, GraphWidget, type IMetric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { COLLECT_METRICS, SURVEY_METRICS, WAITING_METRICS } from '../functions/metrics.ts';
import { functionMetric } from './metrics.ts';

const HOUR = Duration.hours(1);
const DAY = Duration.days(1);

export interface DashboardProps {
  readonly collect: IFunction;
  readonly stateMachine: StateMachine;
  readonly publish: boolean;
  /** The name of the collector. */
  readonly collector: string;
}

/** The operator's dashboard: orders by outcome, waiting by reason, calls to the CA, duration of orders, expiry. */
export function createDashboard(
  scope: Construct,
  { collect, stateMachine, publish, collector }: DashboardProps,
): Dashboard {
  const collectMetric = (name: string, statistic: string, period = HOUR) =>
    functionMetric(collector, 'collect', name, statistic, period);
  const surveyMetric = (name: string, statistic: string) => functionMetric(collector, 'survey', name, statistic, DAY);
  const graph = (title: string, left: IMetric[], right: IMetric[] = []) =>
    new GraphWidget({ title, width: 12, height: 6, left, right });
  return new Dashboard(scope, 'Dashboard', {
    defaultInterval: Duration.days(14),
    widgets: [
      [
        graph('Orders by outcome', [
          stateMachine.metricStarted({ statistic: Stats.SUM, period: DAY }),
          stateMachine.metricSucceeded({ statistic: Stats.SUM, period: DAY }),
          stateMachine.metricFailed({ statistic: Stats.SUM, period: DAY }),
          stateMachine.metricTimedOut({ statistic: Stats.SUM, period: DAY }),
          stateMachine.metricAborted({ statistic: Stats.SUM, period: DAY }),
        ]),
        graph(
          'Waiting checks, by reason',
          Object.values(WAITING_METRICS).map((name) => collectMetric(name, Stats.SUM)),
        ),
      ],
      [
        graph(
          'Calls to the CA',
          [collectMetric(COLLECT_METRICS.calls, Stats.SUM), collectMetric(COLLECT_METRICS.reached, Stats.SUM)],
          [
            collectMetric(COLLECT_METRICS.milliseconds, Stats.p(50)),
            collectMetric(COLLECT_METRICS.milliseconds, Stats.p(99)),
          ],
        ),
        graph(
          'Days from event to issue, and age of the oldest waiting order',
          [
            collectMetric(COLLECT_METRICS.issuedDays, Stats.AVERAGE, DAY),
            collectMetric(COLLECT_METRICS.issuedDays, Stats.MAXIMUM, DAY),
          ],
          [collectMetric(COLLECT_METRICS.waitingDays, Stats.MAXIMUM)],
        ),
      ],
      [
        graph('Days until the next certificate expires', [surveyMetric(SURVEY_METRICS.daysToExpiry, Stats.MINIMUM)]),
        graph('Collect: invocations, errors, throttles', [
          collect.metricInvocations({ period: HOUR }),
          collect.metricErrors({ period: HOUR }),
          collect.metricThrottles({ period: HOUR }),
        ]),
      ],
      ...(publish
        ? [
            [
              graph('Publications: live and broken', [
                surveyMetric(SURVEY_METRICS.live, Stats.MAXIMUM),
                surveyMetric(SURVEY_METRICS.broken, Stats.MAXIMUM),
              ]),
            ],
          ]
        : []),
    ],
  });
}
