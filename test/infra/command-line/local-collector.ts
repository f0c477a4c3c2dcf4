import { onTestFinished } from 'vitest';
import { startCloudFormation } from '../../../infra/local/cloud/cloudformation-endpoint.ts';
import type { LocalCloudOptions } from '../../../infra/local/cloud/local-cloud.ts';
import { deployCollector, type LocalCollector } from '../local/collector.ts';
import { stackNamed } from './deployed.ts';

/** A collector in this process that the commands find: its stack has outputs, like a deployed one. */
export async function deployForCommands(
  options: Partial<LocalCloudOptions> = {},
  outputs: Readonly<Record<string, string>> = {},
): Promise<LocalCollector> {
  const collector = await deployCollector(options);
  const { bucket, stateMachineArn, secretId } = collector.cloud;
  const cloudFormation = await startCloudFormation([
    stackNamed('mark-certificate-collector', {
      BucketName: bucket,
      StateMachineArn: stateMachineArn,
      CredentialsSecretArn: secretId,
      ...outputs,
    }),
  ]);
  onTestFinished(cloudFormation.close);
  // The local cloud restores the environment.
  process.env.AWS_ENDPOINT_URL_CLOUDFORMATION = cloudFormation.url;
  return collector;
}
