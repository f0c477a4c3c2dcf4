import { Annotations, CfnOutput, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { MarkCertificateCollector } from './mark-certificate-collector.ts';
import { COMMAND_LINE_OUTPUT, outputsOf } from './outputs.ts';
import type { MarkCertificateCollectorProps } from './props.ts';
import { REMOVED_SETTING_NAMES, readSettings, SETTING_NAMES, type Settings, writeSettings } from './settings.ts';
import { STACK_DESCRIPTION } from './stack-names.ts';

/** The collector with settings from the CDK context, and the outputs that the commands of the documentation use. */
export class MarkCertificateCollectorStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, { description: STACK_DESCRIPTION, ...props });
    const settings = readSettings(
      Object.fromEntries(
        [...SETTING_NAMES, ...REMOVED_SETTING_NAMES].map((name) => [name, this.node.tryGetContext(name)]),
      ),
    );
    const collector = new MarkCertificateCollector(this, 'Collector', propsOf(this, settings));
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
    // The outputs of this stack contain the same, each under a name for scripts.
    collector.node.tryRemoveChild(COMMAND_LINE_OUTPUT);
    const outputs = {
      ...outputsOf(collector),
      // With the defaults, because the next release may have others: npm run deploy compares them with its own.
      Settings: JSON.stringify(writeSettings(settings)),
    };
    for (const [name, value] of Object.entries(outputs)) {
      new CfnOutput(this, name, { value });
    }
  }
}

/** The props of a collector with these settings. */
function propsOf(scope: Construct, settings: Settings): MarkCertificateCollectorProps {
  const { eventBusName, kmsKeyArn, removalPolicy, reservedConcurrency, ...others } = settings;
  const { publish, publishDomainName, publishCertificateArn, ...same } = others;
  return {
    ...same,
    reservedConcurrency: reservedConcurrency ?? 'none',
    eventBus: EventBus.fromEventBusName(scope, 'EventBus', eventBusName),
    ...(kmsKeyArn !== undefined && { encryptionKey: Key.fromKeyArn(scope, 'Key', kmsKeyArn) }),
    removalPolicy: removalPolicy === 'retain' ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY,
    publish:
      publishDomainName !== undefined && publishCertificateArn !== undefined
        ? {
            domainName: publishDomainName,
            certificate: Certificate.fromCertificateArn(scope, 'PublicationCertificate', publishCertificateArn),
          }
        : publish,
  };
}
