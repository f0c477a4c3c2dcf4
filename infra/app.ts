import { App } from 'aws-cdk-lib';
import { MarkCertificateCollectorStack } from './stack.ts';

new MarkCertificateCollectorStack(new App(), 'MarkCertificateCollector');
