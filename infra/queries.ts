import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { QueryDefinition, QueryString, type QueryStringProps } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

interface SavedQuery extends QueryStringProps {
  /** The construct id, if it differs from the title. It must not change when the title changes. */
  readonly id?: string;
  /** The function whose log is queried. */
  readonly source: 'collect' | 'start' | 'survey' | 'publish';
}

/** Saved queries of Logs Insights over the log groups of the functions, by the title that the runbook names. */
export const QUERIES = {
  'What happened to one order': {
    source: 'collect',
    fields: [
      '@timestamp',
      'orderNumber',
      'account',
      'outcome',
      'status',
      'reason',
      'error',
      'checks',
      'waitSeconds',
      'milliseconds',
      'text',
    ],
    filterStatements: ["message = 'check'", "orderNumber = '1378973013'"],
    sort: '@timestamp desc',
    limit: 200,
  },
  'What each order waits for': {
    source: 'collect',
    statsStatements: [
      'latest(@timestamp) as lastCheck, latest(account) as account, latest(outcome) as outcome, latest(reason) as reason, latest(status) as status, latest(checks) as checks, latest(elapsedSeconds) / 86400 as days by orderNumber',
    ],
    filterStatements: ["message = 'check'"],
    sort: 'days desc',
    limit: 1000,
  },
  'Checks that wait for credentials': {
    id: 'What the CA could not be asked, and why',
    source: 'collect',
    fields: ['@timestamp', 'orderNumber', 'account', 'status', 'text'],
    filterStatements: ["message = 'check'", "reason = 'credentials'"],
    sort: '@timestamp desc',
    limit: 200,
  },
  'How the CA answers': {
    source: 'collect',
    statsStatements: [
      'count(*) as checks, pct(milliseconds, 50) as median, pct(milliseconds, 99) as p99 by bin(1h), reason, status',
    ],
    filterStatements: ["message = 'check'"],
    limit: 1000,
  },
  'Which orders failed': {
    source: 'collect',
    fields: ['@timestamp', 'orderNumber', 'account', 'error', 'status', 'text'],
    filterStatements: ["message = 'check'", "outcome = 'failed'", 'not ispresent(once)'],
    sort: '@timestamp desc',
    limit: 200,
  },
  'Which events started executions': {
    id: 'Which events started what',
    source: 'start',
    fields: ['@timestamp', 'level', 'message', 'orderNumber', 'execution', 'started'],
    sort: '@timestamp desc',
    limit: 200,
  },
} as const satisfies Readonly<Record<string, SavedQuery>>;

/** Queries that exist only if the setting `publish` is on. */
export const PUBLICATION_QUERIES = {
  'What was published, and what was refused': {
    id: 'What was published, and what was not',
    source: 'publish',
    fields: ['@timestamp', 'orderNumber', 'domain', 'selector', 'outcome', 'reason', 'text'],
    filterStatements: ["message = 'publication'"],
    sort: '@timestamp desc',
    limit: 200,
  },
  'Broken publications': {
    id: 'What is wrong with what is published',
    source: 'survey',
    fields: ['@timestamp', 'domain', 'selector', 'orderNumber', '@message'],
    filterStatements: ["message = 'publication broken'"],
    sort: '@timestamp desc',
    limit: 200,
  },
} as const satisfies Readonly<Record<string, SavedQuery>>;

export interface QueriesProps {
  readonly collect: LambdaFunction;
  readonly start: LambdaFunction;
  readonly survey: LambdaFunction;
  /** Undefined if the setting `publish` is off. */
  readonly publish?: LambdaFunction | undefined;
}

/** Creates the saved queries in a folder with the name of the collector. */
export function createQueries(scope: Construct, collector: string, functions: QueriesProps): void {
  const queries: Readonly<Record<string, SavedQuery>> = {
    ...QUERIES,
    ...(functions.publish && PUBLICATION_QUERIES),
  };
  for (const [title, { id = title, source, ...query }] of Object.entries(queries)) {
    const logGroup = functions[source]?.logGroup;
    new QueryDefinition(scope, `Query ${id}`, {
      queryDefinitionName: `${collector}/${title}`,
      queryString: new QueryString(query),
      ...(logGroup && { logGroups: [logGroup] }),
    });
  }
}
