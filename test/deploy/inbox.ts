import { setTimeout as wait } from 'node:timers/promises';
import { CreateQueueCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';

/** A queue of this suite with every message that ever arrived in it. */
export interface Inbox {
  readonly arn: string;
  /** The bodies in the order of arrival, as far as they were received. */
  readonly messages: readonly string[];
  /** Receives what has arrived. */
  receive(): Promise<void>;
  /** Waits for a message that matches, and returns it. */
  find(matches: (message: string) => boolean): Promise<string>;
}

/**
 * Creates a queue to which one service of AWS may send.
 *
 * @param topicArn the ARN of any topic in the account.
 */
export async function createInbox(
  sqs: SQSClient,
  topicArn: string,
  name: string,
  sender: 'events.amazonaws.com' | 'sns.amazonaws.com',
): Promise<Inbox> {
  const arn = `${topicArn.replace(/^arn:aws:sns:(.*):.*$/, 'arn:aws:sqs:$1')}:${name}`;
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: sender }, Action: 'sqs:SendMessage', Resource: arn }],
  });
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: { Policy } }));
  const messages: string[] = [];
  const receiveNow = async () => {
    messages.push(...(await receive(sqs, QueueUrl)));
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

/** Receives all messages of a queue that can be received now, which hides them from other receivers for twelve hours. */
export async function receive(sqs: SQSClient, queueUrl: string): Promise<string[]> {
  const received: string[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 43_200 }),
    );
    if (Messages.length === 0) {
      return received;
    }
    received.push(...Messages.flatMap(({ Body = '' }) => Body));
  }
}
