import { GetTopicAttributesCommand, type SNSClient } from '@aws-sdk/client-sns';

/** The topics whose messages people receive, and the client to use them. */
export interface Topics {
  readonly sns: SNSClient;
  /** At least one. */
  readonly topicArns: readonly string[];
}

/** Receives the results of the count. */
export interface SubscriptionObserver {
  /** @param confirmed the number of confirmed subscriptions of the topic. */
  subscriptionsCounted(topicArn: string, confirmed: number): void;
}

/**
 * Counts the confirmed subscriptions of each topic, by any protocol. Everybody who receives a message by e-mail can end
 * the subscription with the link in it, so a topic can lose all of its readers without a deployment.
 *
 * @throws {SNSServiceException} if a topic cannot be read.
 */
export async function countSubscriptions({ sns, topicArns }: Topics, observe: SubscriptionObserver): Promise<void> {
  await Promise.all(
    topicArns.map(async (topicArn) => {
      const { Attributes } = await sns.send(new GetTopicAttributesCommand({ TopicArn: topicArn }));
      observe.subscriptionsCounted(topicArn, Number(Attributes?.SubscriptionsConfirmed ?? 0));
    }),
  );
}
