import { Annotations, CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { MarkCertificateCollector } from './mark-certificate-collector.ts';
import { REMOVED_SETTING_NAMES, SETTING_NAMES, writeSettings } from './settings.ts';
import { STACK_DESCRIPTION } from './stack-names.ts';

/** The collector with settings from the CDK context, and the outputs that the commands of the documentation use. */
export class MarkCertificateCollectorStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, { description: STACK_DESCRIPTION, ...props });
    const collector = new MarkCertificateCollector(
      this,
      'Collector',
      Object.fromEntries(
        [...SETTING_NAMES, ...REMOVED_SETTING_NAMES].map((name) => [name, this.node.tryGetContext(name)]),
      ),
    );
    for (const name of Object.keys(this.node.getAllContext())) {
      // CDK's own keys contain other characters. Without this warning, a misspelt setting would silently be the
      // default.
      if (/^[A-Za-z]+$/.test(name) && !SETTING_NAMES.some((setting) => setting === name)) {
        Annotations.of(this).addWarningV2(
          name,
          `${name}: unknown setting; the settings are: ${SETTING_NAMES.join(', ')}`,
        );
      }
    }
    const { bucket, stateMachine, credentials, alarmTopic, notifyTopic, push, publication, settings } = collector;
    const outputs = {
      BucketName: bucket.bucketName,
      StateMachineArn: stateMachine.stateMachineArn,
      CredentialsSecretArn: credentials.secretArn,
      AlarmTopicArn: alarmTopic.topicArn,
      NotifyTopicArn: notifyTopic.topicArn,
      ...(push && { PushUrl: push.url, PushCredentialsSecretArn: push.credentials.secretArn }),
      ...(publication && { PublishedUrl: publication.url, DistributionDomainName: publication.domainName }),
      // With the defaults, because the next release may have others: npm run deploy compares them with its own.
      Settings: JSON.stringify(writeSettings(settings)),
    };
    for (const [name, value] of Object.entries(outputs)) {
      new CfnOutput(this, name, { value });
    }
  }
}
