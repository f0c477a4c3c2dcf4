import { setTimeout as wait } from 'node:timers/promises';
import type { DeployedCollector } from './deployed-collector.ts';

/** A queue of this suite with every message that ever arrived in it. */
export interface Inbox {
  readonly arn: string;
  /** The bodies in the order of arrival, as far as they were received. */
  readonly messages: readonly string[];
  /** Receives up to ten messages. */
  receive(): Promise<void>;
  /** Waits for a message that matches, and returns it. */
  find(matches: (message: string) => boolean): Promise<string>;
}

/** Creates a queue to which one service of AWS may send. */
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
  const receiveNow = async () => {
    messages.push(...(await receive(aws, QueueUrl)));
  };
  return {
    arn,
    messages,
    receive: receiveNow,
    async find(matches) {
      for (;;) {
        const found = messages.find(matches);
        if (found !== undefined) {
          return found;
        }
        await receiveNow();
        await wait(200);
      }
    },
  };
}

/** Receives up to ten messages of a queue, which hides them from other receivers for twelve hours. */
export async function receive(aws: DeployedCollector['aws'], queueUrl: string): Promise<string[]> {
  const { Messages = [] } = ((await aws(
    ...['sqs', 'receive-message', '--queue-url', queueUrl],
    ...['--max-number-of-messages', '10', '--visibility-timeout', '43200'],
  )) ?? {}) as { readonly Messages?: readonly { readonly Body: string }[] };
  return Messages.map(({ Body }) => Body);
}
