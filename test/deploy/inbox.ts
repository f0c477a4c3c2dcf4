import { setTimeout as wait } from 'node:timers/promises';
import type { DeployedCollector } from './deployed-collector.ts';

/** A queue of the suite's own, and everything that ever arrived in it. */
export interface Inbox {
  readonly arn: string;
  /** The bodies, in the order of arrival, as they were seen by the last {@link find}. */
  readonly messages: readonly string[];
  /** Waits for a message, and returns it. */
  find(isIt: (message: string) => boolean): Promise<string>;
}

/** Makes a queue that one service of AWS may send to. */
export async function createInbox(
  { aws, outputs }: DeployedCollector,
  name: string,
  sender: 'events.amazonaws.com' | 'sns.amazonaws.com',
): Promise<Inbox> {
  const arn = `${outputs.AlarmTopicArn?.replace(/^arn:aws:sns:(.*):.*$/, 'arn:aws:sqs:$1')}:${name}`;
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: sender }, Action: 'sqs:SendMessage', Resource: arn }],
  });
  const { QueueUrl } = (await aws(
    ...['sqs', 'create-queue', '--queue-name', name, '--attributes', JSON.stringify({ Policy })],
  )) as { readonly QueueUrl: string };
  const messages: string[] = [];
  return {
    arn,
    messages,
    async find(isIt) {
      for (;;) {
        const found = messages.find(isIt);
        if (found !== undefined) {
          return found;
        }
        messages.push(...(await receive(aws, QueueUrl)));
        await wait(200);
      }
    },
  };
}

/** Takes up to ten messages out of a queue: nobody sees them again for hours. */
export async function receive(aws: DeployedCollector['aws'], queueUrl: string): Promise<string[]> {
  const { Messages = [] } = ((await aws(
    ...['sqs', 'receive-message', '--queue-url', queueUrl],
    ...['--max-number-of-messages', '10', '--visibility-timeout', '43200'],
  )) ?? {}) as { readonly Messages?: readonly { readonly Body: string }[] };
  return Messages.map(({ Body }) => Body);
}
