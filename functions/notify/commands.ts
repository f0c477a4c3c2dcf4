import { DEFAULT_COLLECTOR } from '../environment.ts';
import { executionArn } from '../executions.ts';
import type { OrderEvent } from '../order.ts';

/** The deployed stack, as the commands in the messages name it. */
export interface Deployment {
  /** The name of the collector. */
  readonly collector: string;
  readonly region: string;
  readonly bucket: string;
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

/**
 * The program of the command line, without an installation. It needs Node.js; docs/command-line.md describes the
 * commands.
 */
const PROGRAM = 'npx --package mark-certificate-collector mark-certificates';

/** A command of the program about this collector, in lines that a shell joins again. */
function programCommand({ collector, region }: Deployment, args: readonly string[]): string {
  const selection = [...(collector === DEFAULT_COLLECTOR ? [] : ['--collector', collector]), '--region', region];
  const all = [...args, ...selection];
  const lines = [PROGRAM];
  const parts: string[] = [];
  for (const [index, arg] of all.entries()) {
    // An option and its value stay on one line.
    if (index > 0 && /^--/.test(all[index - 1] ?? '') && !arg.startsWith('--')) {
      parts.push(`${parts.pop()} ${shellWord(arg)}`);
    } else {
      parts.push(shellWord(arg));
    }
  }
  let line = '';
  for (const part of parts) {
    if (line !== '' && line.length + part.length + 1 > COLUMNS - 2) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? `  ${part}` : ` ${part}`;
  }
  return [...lines, line].join(' \\\n');
}

/** The command that redrives an execution. */
export function redriveCommand({ region, stateMachineArn }: Deployment, execution: string): string {
  return [
    `aws stepfunctions redrive-execution --region ${region} \\`,
    `  --execution-arn ${shellWord(executionArn(stateMachineArn, execution))}`,
  ].join('\n');
}

/** The command that continues the collection of an order. */
export function retryCommand(deployment: Deployment, orderNumber: string): string {
  return programCommand(deployment, ['retry', orderNumber]);
}

/** The command that stores the login of an account. It creates the secret if there is none. */
export function loginCommand(deployment: Deployment, account: string | null): string {
  return programCommand(deployment, ['login', ...(account === null ? [] : ['--account', account])]);
}

/** The command that downloads the certificate of an order. */
export function fetchCommand(deployment: Deployment, orderNumber: string): string {
  return programCommand(deployment, ['fetch', orderNumber]);
}

/** The command that checks a watched domain and prints what it finds. @param selector undefined for the default one. */
export function watchCommand(deployment: Deployment, domain: string, selector: string | undefined): string {
  return programCommand(deployment, ['watch', domain, ...(selector === undefined ? [] : ['--selector', selector])]);
}

/** The command that sends the event of an order. */
export function orderCommand(deployment: Deployment, order: OrderEvent): string {
  return programCommand(deployment, orderArguments(order));
}

/** The arguments of the program that send the event of an order. */
export function orderArguments(event: OrderEvent): string[] {
  const { orderNumber, domains = [], account, product, selector, request, replace } = event;
  const values = { account: account ?? undefined, product, selector, request };
  return [
    'order',
    orderNumber,
    ...domains.flatMap((name) => ['--domain', name]),
    ...(account === null ? ['--default-account'] : []),
    ...Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value])),
    ...(replace ? ['--replace'] : []),
  ];
}

/** The address of an order's folder in the console of S3. */
export function folderUrl(deployment: Deployment, orderNumber: string): string {
  return consoleUrl(deployment, 'buckets', `orders/${orderNumber}/`);
}

/** The address of an object in the console of S3, which opens it for people who may read it. */
export function objectUrl(deployment: Deployment, key: string): string {
  return consoleUrl(deployment, 'object', key);
}

function consoleUrl({ region, bucket, stateMachineArn }: Deployment, page: 'buckets' | 'object', key: string): string {
  const [, partition = 'aws'] = stateMachineArn.split(':');
  const host = CONSOLES[partition] ?? 'console.aws.amazon.com';
  const prefix = key.split('/').map(encodeURIComponent).join('/');
  return `https://${region}.${host}/s3/${page}/${bucket}?region=${region}&prefix=${prefix}`;
}

/** The consoles of the partitions of AWS, where they differ from the common one. */
const CONSOLES: Readonly<Record<string, string>> = {
  'aws-cn': 'console.amazonaws.cn',
  'aws-us-gov': 'console.amazonaws-us-gov.com',
};
