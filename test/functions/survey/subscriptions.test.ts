import { SNSClient } from '@aws-sdk/client-sns';
import { expect, onTestFinished, test } from 'vitest';
import { countSubscriptions } from '../../../functions/survey/subscriptions.ts';
import { startTopics } from './topics.ts';

const ALARMS = 'arn:aws:sns:us-east-1:000000000000:AlarmTopic';
const BRAND = 'arn:aws:sns:us-east-1:000000000000:NotifyTopic';

async function count(confirmed: Readonly<Record<string, number>>, topicArns: readonly string[]): Promise<number[]> {
  const topics = await startTopics(new Map(Object.entries(confirmed)));
  const credentials = { accessKeyId: 'x', secretAccessKey: 'x' };
  const sns = new SNSClient({ region: 'us-east-1', credentials, endpoint: topics.url, maxAttempts: 1 });
  onTestFinished(async () => {
    sns.destroy();
    await topics.close();
  });
  const counted: number[] = [];
  await countSubscriptions({ sns, topicArns }, { subscriptionsCounted: (confirmed) => counted.push(confirmed) });
  return counted;
}

test('The confirmed subscriptions of a topic are counted.', async () => {
  expect(await count({ [ALARMS]: 2 }, [ALARMS])).toEqual([2]);
});

test('A topic whose last reader has unsubscribed counts as zero.', async () => {
  expect(await count({ [ALARMS]: 0 }, [ALARMS])).toEqual([0]);
});

test('Of two topics, the one with fewer subscriptions counts.', async () => {
  expect(await count({ [ALARMS]: 3, [BRAND]: 0 }, [ALARMS, BRAND])).toEqual([0]);
  expect(await count({ [ALARMS]: 1, [BRAND]: 4 }, [ALARMS, BRAND])).toEqual([1]);
});

test('A topic that does not exist is an error.', async () => {
  await expect(count({ [ALARMS]: 1 }, [ALARMS, BRAND])).rejects.toMatchObject({ name: 'NotFoundException' });
});
