import { Stack } from 'aws-cdk-lib';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { QueryDefinition, QueryString } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

/** The runbook's questions, as saved queries of Logs Insights over the log groups of the functions. */
const QUERIES = {
  'What happened to one order': {
    of: 'collect',
    fields: [
      '@timestamp',
      'orderNumber',
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
    of: 'collect',
    statsStatements: [
      'latest(@timestamp) as seen, latest(outcome) as outcome, latest(reason) as reason, latest(status) as status, latest(checks) as checks, latest(elapsedSeconds) / 86400 as days by orderNumber',
    ],
    filterStatements: ["message = 'check'"],
    sort: 'days desc',
    limit: 1000,
  },
  'What the CA could not be asked, and why': {
    of: 'collect',
    fields: ['@timestamp', 'orderNumber', 'status', 'text'],
    filterStatements: ["message = 'check'", "reason = 'credentials'"],
    sort: '@timestamp desc',
    limit: 200,
  },
  'How the CA answers': {
    of: 'collect',
    statsStatements: [
      'count(*) as checks, pct(milliseconds, 50) as median, pct(milliseconds, 99) as p99 by bin(1h), reason, status',
    ],
    filterStatements: ["message = 'check'"],
    limit: 1000,
  },
  'Which orders failed': {
    of: 'collect',
    fields: ['@timestamp', 'orderNumber', 'error', 'status', 'text'],
    filterStatements: ["message = 'check'", "outcome = 'failed'"],
    sort: '@timestamp desc',
    limit: 200,
  },
  'Which events started what': {
    of: 'start',
    fields: ['@timestamp', 'level', 'message', 'orderNumber', 'execution', 'started'],
    sort: '@timestamp desc',
    limit: 200,
  },
} as const;

/** Those of what is published, where something is. */
const PUBLICATION_QUERIES = {
  'What was published, and what was not': {
    of: 'publish',
    fields: ['@timestamp', 'orderNumber', 'domain', 'selector', 'outcome', 'reason', 'text'],
    filterStatements: ["message = 'publication'"],
    sort: '@timestamp desc',
    limit: 200,
  },
  'What is wrong with what is published': {
    of: 'survey',
    fields: ['@timestamp', 'domain', 'selector', 'orderNumber', '@message'],
    filterStatements: ["message = 'publication broken'"],
    sort: '@timestamp desc',
    limit: 200,
  },
} as const;

export interface QueriesProps {
  readonly collect: LambdaFunction;
  readonly start: LambdaFunction;
  readonly survey: LambdaFunction;
  readonly publish?: LambdaFunction;
}

export function createQueries(scope: Construct, { publish, ...functions }: QueriesProps): void {
  for (const [name, { of, ...query }] of Object.entries(QUERIES)) {
    createQuery(scope, name, query, functions[of]);
  }
  if (publish) {
    for (const [name, { of, ...query }] of Object.entries(PUBLICATION_QUERIES)) {
      createQuery(scope, name, query, { ...functions, publish }[of]);
    }
  }
}

function createQuery(scope: Construct, name: string, query: object, { logGroup }: LambdaFunction): void {
  new QueryDefinition(scope, `Query ${name}`, {
    queryDefinitionName: `${Stack.of(scope).stackName}/${name}`,
    queryString: new QueryString(structuredClone<object>(query)),
    logGroups: [logGroup],
  });
}
