import * as cdk from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { MarkCertificateCollector } from 'mark-certificate-collector';

export class AppStack extends cdk.Stack {
  constructor(scope: Construct, id: string, props?: cdk.StackProps) {
    super(scope, id, props);

    new MarkCertificateCollector(this, 'Collector');
  }
}
