import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { MarkCertificateCollector } from './mark-certificate-collector.ts';
import { SETTING_NAMES } from './settings.ts';

/** The collector with settings from the CDK context, and the outputs that the README's commands use. */
export class MarkCertificateCollectorStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, { description: 'Collects mark certificates (VMC, CMC) from the CA into S3', ...props });
    const collector = new MarkCertificateCollector(
      this,
      'Collector',
      Object.fromEntries(SETTING_NAMES.map((name) => [name, this.node.tryGetContext(name)])),
    );
    const { bucket, stateMachine, credentials, alarmTopic, push } = collector;
    const outputs = {
      BucketName: bucket.bucketName,
      StateMachineArn: stateMachine.stateMachineArn,
      CredentialsSecretArn: credentials.secretArn,
      AlarmTopicArn: alarmTopic.topicArn,
      ...(push && { PushUrl: push.url, PushCredentialsSecretArn: push.credentials.secretArn }),
    };
    for (const [name, value] of Object.entries(outputs)) {
      new CfnOutput(this, name, { value });
    }
  }
}
