import { describe, expect, test } from 'vitest';
import { QUERIES } from '../../infra/queries.ts';
import { all, only, SETTINGS, type SynthesizedStack, synthesize } from './synthesized.ts';

interface Widget {
  readonly type: string;
  readonly x: number;
  readonly width: number;
  readonly properties: Readonly<Record<string, unknown>>;
}

function widgetsOf(stack: SynthesizedStack): readonly Widget[] {
  return JSON.parse(String(only(stack, 'AWS::CloudWatch::Dashboard').Properties.DashboardBody)).widgets;
}

function queryOf(stack: SynthesizedStack, title: string): string {
  const widget = widgetsOf(stack).find(({ properties }) => properties.title === title);
  return String(widget?.properties.query);
}

const withDashboard = synthesize({ dashboard: 'true' });
const everything = synthesize(SETTINGS);

describe('the dashboard', () => {
  test('The stack has a dashboard only with the setting, because AWS charges for it.', () => {
    expect(all(synthesize(), 'AWS::CloudWatch::Dashboard')).toEqual([]);
    expect(all(withDashboard, 'AWS::CloudWatch::Dashboard')).toHaveLength(1);
  });

  test('Its name contains the collector and the region, because an account has one list for all regions.', () => {
    expect(only(everything, 'AWS::CloudWatch::Dashboard').Properties.DashboardName).toBe('acme-<AWS::Region>');
  });

  test('The first widget shows the state of every alarm.', () => {
    for (const stack of [withDashboard, everything]) {
      const [first] = widgetsOf(stack);
      const alarms = all(stack, 'AWS::CloudWatch::Alarm').map(({ name }) => `<${name}.Arn>`);
      expect(first).toMatchObject({ type: 'alarm', properties: { title: 'Alarms', alarms } });
    }
  });

  test('The links lead to the overview, the orders, the executions, the login, the queue, the queries and the runbook.', () => {
    const text = widgetsOf(everything).find(({ type }) => type === 'text');
    const links = [...String(text?.properties.markdown).matchAll(/\]\((\S+)\)/g)].map(([, link]) => link);
    const console = 'https://<AWS::Region>.console.aws.amazon.com';
    expect(links).toEqual([
      `${console}/s3/object/<Bucket>?region=<AWS::Region>&prefix=overview/index.html`,
      `${console}/s3/buckets/<Bucket>?prefix=orders/`,
      `${console}/states/home?region=<AWS::Region>#/statemachines/view/<StateMachine>`,
      `${console}/secretsmanager/secret?name=acme%2Fcredentials&region=<AWS::Region>`,
      `${console}/sqs/v3/home?region=<AWS::Region>#/queues`,
      `${console}/cloudwatch/home?region=<AWS::Region>#logsV2:logs-insights`,
      SETTINGS.runbookUrl,
    ]);
  });

  test('A table counts the orders that wait, by reason: the latest check of each order decides.', () => {
    expect(queryOf(withDashboard, 'Orders that wait, by reason').split('\n| ')).toEqual([
      "SOURCE '<CollectFunctionLogs>' | filter message = 'check'",
      'stats latest(outcome) as outcome, latest(reason) as reason by orderNumber',
      "filter outcome = 'waiting'",
      'stats count(*) as orders by reason',
      'sort orders desc',
    ]);
  });

  test('A table shows the latest check of each order, as the saved query does.', () => {
    const query = queryOf(withDashboard, 'The latest check of each order');
    expect(query).toMatch(/^SOURCE '<CollectFunctionLogs>' \| filter message = 'check'/);
    expect(query).toContain(QUERIES['What each order waits for'].statsStatements[0]);
    expect(query).toContain('by orderNumber');
  });

  test('Both tables cover more than the longest poll interval.', () => {
    const { start } = JSON.parse(String(only(withDashboard, 'AWS::CloudWatch::Dashboard').Properties.DashboardBody));
    expect(start).toBe('-P14D');
  });

  test('The graph of publications exists only with publish.', () => {
    const titles = (stack: SynthesizedStack) => widgetsOf(stack).map(({ properties }) => properties.title);
    expect(titles(everything)).toContain('Publications: live and broken');
    expect(titles(withDashboard)).not.toContain('Publications: live and broken');
  });

  test('No widget is wider than the dashboard.', () => {
    for (const { x, width } of widgetsOf(everything)) {
      expect(x + width).toBeLessThanOrEqual(24);
    }
  });
});
