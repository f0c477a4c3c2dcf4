import { Duration, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { MarkCertificateCollector } from 'mark-certificate-collector';

export class CertificateStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);

    new MarkCertificateCollector(this, 'Collector', {
      alarmEmail: 'operators@example.com',
      pollEvery: Duration.hours(6),
    });
  }
}
