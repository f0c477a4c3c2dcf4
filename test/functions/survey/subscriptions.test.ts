import { SNSClient } from '@aws-sdk/client-sns';
import { expect, onTestFinished, test } from 'vitest';
import { countSubscriptions } from '../../../functions/survey/subscriptions.ts';
import { startTopics } from './topics.ts';

const ALARMS = 'arn:aws:sns:us-east-1:000000000000:AlarmTopic';
const BRAND = 'arn:aws:sns:us-east-1:000000000000:NotifyTopic';

async function count(confirmed: Readonly<Record<string, number>>, topicArns: readonly string[]) {
  const topics = await startTopics(new Map(Object.entries(confirmed)));
  const credentials = { accessKeyId: 'x', secretAccessKey: 'x' };
  const sns = new SNSClient({ region: 'us-east-1', credentials, endpoint: topics.url, maxAttempts: 1 });
  onTestFinished(async () => {
    sns.destroy();
    await topics.close();
  });
  const counted: Record<string, number> = {};
  const subscriptionsCounted = (topicArn: string, count: number) => {
    counted[topicArn] = count;
  };
  await countSubscriptions({ sns, topicArns }, { subscriptionsCounted });
  return counted;
}

test('The confirmed subscriptions of each topic are counted.', async () => {
  expect(await count({ [ALARMS]: 2, [BRAND]: 1, other: 3 }, [ALARMS, BRAND])).toEqual({ [ALARMS]: 2, [BRAND]: 1 });
});

test('A topic whose last reader has unsubscribed counts as zero.', async () => {
  expect(await count({ [ALARMS]: 0 }, [ALARMS])).toEqual({ [ALARMS]: 0 });
});

test('A topic that does not exist is an error.', async () => {
  await expect(count({ [ALARMS]: 1 }, [ALARMS, BRAND])).rejects.toMatchObject({ name: 'NotFoundException' });
});
