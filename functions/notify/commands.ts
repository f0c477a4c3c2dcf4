import { ORDERED } from '../events.ts';
import { executionArn } from '../executions.ts';
import { accountSecretName, type Order } from '../order.ts';

/** The deployed stack, as the commands in the messages name it. */
export interface Deployment {
  /** The name of the collector. */
  readonly collector: string;
  /** The name of the secret with the default login at the CA. */
  readonly credentialsSecret: string;
  readonly region: string;
  readonly bucket: string;
  readonly eventBusName: string;
  readonly eventSource: string;
  readonly stateMachineArn: string;
}

/** In place of the number of an order that does not exist yet. */
export const NEW_ORDER_NUMBER = 'NEW_ORDER_NUMBER';

/** Columns of a line of a command. Mail programs break longer lines, and some never join them again. */
const COLUMNS = 76;

/** A word of a command, in quotes if the shell would change it. Step Functions allows such names of executions. */
export function shellWord(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", ESCAPED_QUOTE)}'`;
}

/** A single quote in a text in single quotes. */
const ESCAPED_QUOTE = String.raw`'\''`;

/** The command that redrives an execution. */
export function redriveCommand({ region, stateMachineArn }: Deployment, execution: string): string {
  return [
    `aws stepfunctions redrive-execution --region ${region} \\`,
    `  --execution-arn ${shellWord(executionArn(stateMachineArn, execution))}`,
  ].join('\n');
}

/** The command that stores a login in the secret of an account. */
export function storeLoginCommand(deployment: Deployment, account: string | null): string {
  return [
    `aws secretsmanager put-secret-value --region ${deployment.region} \\`,
    `  --secret-id ${shellWord(secretName(deployment, account))} \\`,
    '  --secret-string file://login.json && rm login.json',
  ].join('\n');
}

/** The command that creates the secret of an account with its login. */
export function createSecretCommand(deployment: Deployment, account: string | null): string {
  return [
    `aws secretsmanager create-secret --region ${deployment.region} \\`,
    `  --name ${shellWord(secretName(deployment, account))} \\`,
    '  --secret-string file://login.json && rm login.json',
  ].join('\n');
}

function secretName({ collector, credentialsSecret }: Deployment, account: string | null): string {
  return account === null ? credentialsSecret : accountSecretName(collector, account);
}

/** The command that downloads the objects of an order. */
export function downloadCommand({ region, bucket }: Deployment, orderNumber: string): string {
  return [
    `aws s3 cp --recursive --region ${region} \\`,
    `  s3://${bucket}/orders/${orderNumber}/ ./${orderNumber}/`,
  ].join('\n');
}

/** The command that sends the event of an order. */
export function orderCommand({ region, eventBusName, eventSource }: Deployment, order: Order): string {
  const entry = {
    Source: eventSource,
    DetailType: ORDERED,
    ...(eventBusName !== 'default' && { EventBusName: eventBusName }),
    Detail: JSON.stringify(order),
  };
  const fields = Object.entries(entry).map(([name, value]) => `  "${name}": ${JSON.stringify(value)}`);
  return [
    `aws events put-events --region ${region} --entries '[{`,
    ...fields.map((field, index) => breakQuoted(field + (index < fields.length - 1 ? ',' : ''))),
    "}]'",
  ].join('\n');
}

/**
 * Breaks a part of a text in single quotes, so that the shell joins it again: the quotes end, a backslash joins the two
 * lines, the quotes begin again at the first column.
 */
function breakQuoted(text: string): string {
  const lines: string[] = [];
  let line = '';
  // Never inside an escape sequence, and preferably after a comma.
  for (const part of text.replaceAll("'", ESCAPED_QUOTE).split(/(?<=,)(?=\S)/)) {
    if (line !== '' && line.length + part.length + 2 > COLUMNS) {
      lines.push(`${line}'\\`);
      line = "'";
    }
    line += part;
  }
  return [...lines, line].join('\n');
}

/** The address of an order's folder in the console of S3. */
export function folderUrl({ region, bucket, stateMachineArn }: Deployment, orderNumber: string): string {
  const [, partition = 'aws'] = stateMachineArn.split(':');
  const host = CONSOLES[partition] ?? 'console.aws.amazon.com';
  return `https://${region}.${host}/s3/buckets/${bucket}?region=${region}&prefix=orders/${orderNumber}/`;
}

/** The consoles of the partitions of AWS, where they differ from the common one. */
const CONSOLES: Readonly<Record<string, string>> = {
  'aws-cn': 'console.amazonaws.cn',
  'aws-us-gov': 'console.amazonaws-us-gov.com',
};
