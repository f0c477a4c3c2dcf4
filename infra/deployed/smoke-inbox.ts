import { setTimeout as wait } from 'node:timers/promises';
import { type SNSClient, SubscribeCommand, UnsubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';

/** How long one call waits for a message: the longest time that SQS accepts. */
const LONG_POLL_SECONDS = 20;

/** For so long, a received message is hidden from other readers of the dead-letter queue. */
const HIDDEN_SECONDS = 10;

/** When to stop waiting for a message. */
export interface Patience {
  readonly milliseconds: number;
  /** Ends every wait at once. */
  readonly signal: AbortSignal;
}

/** A temporary queue that receives what a topic sends: subject and text, as JSON. */
export interface SmokeInbox {
  /** Waits for a message that contains a text. Undefined if none arrives in time. */
  find(text: string, patience: Patience): Promise<string | undefined>;
  /** Deletes the subscription and the queue. @returns what could not be deleted, each with the reason. */
  close(): Promise<string[]>;
}

/** What {@link openInbox} needs. */
export interface InboxProps {
  readonly sqs: SQSClient;
  readonly sns: SNSClient;
  readonly topicArn: string;
  /** The name of the queue: unique in the account, at most 80 characters. */
  readonly name: string;
  /** How long to wait until the new queue can be used. */
  readonly queueMilliseconds: number;
}

/**
 * Creates a queue and subscribes it to a topic. Nobody has to confirm the subscription of a queue of the same account.
 * What was created before an error is deleted.
 */
export async function openInbox({ sqs, sns, topicArn, name, queueMilliseconds }: InboxProps): Promise<SmokeInbox> {
  const queueArn = `${topicArn.split(':').slice(0, -1).join(':').replace(':sns:', ':sqs:')}:${name}`;
  const { QueueUrl } = await sqs.send(
    new CreateQueueCommand({
      QueueName: name,
      Attributes: {
        SqsManagedSseEnabled: 'true',
        // Should the queue stay behind, it contains nothing after an hour.
        MessageRetentionPeriod: '3600',
        // Set at the creation: a later change takes up to a minute (AWS: SQS, SetQueueAttributes).
        Policy: policyOf(queueArn, topicArn),
      },
    }),
  );
  let subscriptionArn: string | undefined;
  const close = async () => {
    const problems: string[] = [];
    const remove = async (what: string | undefined, deletion: () => Promise<unknown>) => {
      if (what !== undefined) {
        await deletion().catch((error: unknown) => problems.push(`${what} (${String(error)})`));
      }
    };
    await remove(subscriptionArn, () => sns.send(new UnsubscribeCommand({ SubscriptionArn: subscriptionArn })));
    await remove(QueueUrl, () => sqs.send(new DeleteQueueCommand({ QueueUrl })));
    return problems;
  };
  try {
    ({ SubscriptionArn: subscriptionArn } = await sns.send(
      new SubscribeCommand({
        TopicArn: topicArn,
        Protocol: 'sqs',
        Endpoint: queueArn,
        ReturnSubscriptionArn: true,
      }),
    ));
    await wait(queueMilliseconds);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    find: (text, patience) => findMessage(sqs, QueueUrl, text, patience),
    close,
  };
}

function policyOf(queueArn: string, topicArn: string): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'sns.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: queueArn,
        Condition: { ArnEquals: { 'aws:SourceArn': topicArn } },
      },
    ],
  });
}

/**
 * Waits for a message that contains a text, and deletes this message. Every other message stays in the queue.
 *
 * @returns its body; undefined if none arrives in time.
 */
export async function findMessage(
  sqs: SQSClient,
  queueUrl: string | undefined,
  text: string,
  { milliseconds, signal }: Patience,
): Promise<string | undefined> {
  const end = Date.now() + milliseconds;
  do {
    const seconds = Math.max(0, Math.min(LONG_POLL_SECONDS, Math.floor((end - Date.now()) / 1000)));
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: seconds,
        VisibilityTimeout: HIDDEN_SECONDS,
      }),
      { abortSignal: signal },
    );
    const found = Messages.find(({ Body = '' }) => Body.includes(text));
    if (found?.Body !== undefined) {
      await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: found.ReceiptHandle }));
      return found.Body;
    }
    if (Messages.length > 0) {
      // Other people's messages are received again and again: not in a busy loop.
      await wait(1_000, undefined, { signal });
    }
  } while (Date.now() < end);
  return undefined;
}
