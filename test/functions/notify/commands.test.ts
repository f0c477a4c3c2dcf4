import { expect, test } from 'vitest';
import { folderUrl, objectUrl } from '../../../functions/notify/commands.ts';

const deploymentIn = (partition: string, region: string) => ({
  collector: 'acme',
  region,
  bucket: 'certificates',
  stateMachineArn: `arn:${partition}:states:${region}:111122223333:stateMachine:acme`,
});

test.each([
  ['aws', 'eu-west-1', 'eu-west-1.console.aws.amazon.com'],
  ['aws-cn', 'cn-north-1', 'cn-north-1.console.amazonaws.cn'],
  ['aws-us-gov', 'us-gov-west-1', 'us-gov-west-1.console.amazonaws-us-gov.com'],
])('In the partition %s, folders and objects are in its console.', (partition, region, host) => {
  const deployment = deploymentIn(partition, region);
  expect(folderUrl(deployment, '1378973013')).toBe(
    `https://${host}/s3/buckets/certificates?region=${region}&prefix=orders/1378973013/`,
  );
  expect(objectUrl(deployment, 'orders/1378973013/report.html')).toBe(
    `https://${host}/s3/object/certificates?region=${region}&prefix=orders/1378973013/report.html`,
  );
});

test('The key of an object cannot add anything to its URL.', () => {
  const { searchParams, hash } = new URL(
    objectUrl(deploymentIn('aws', 'eu-west-1'), 'orders/1&region=x#y z/report.html'),
  );
  expect(Object.fromEntries(searchParams)).toEqual({
    region: 'eu-west-1',
    prefix: 'orders/1&region=x#y z/report.html',
  });
  expect(hash).toBe('');
});
