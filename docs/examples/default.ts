// One collector with the default settings.
import { App, Stack } from 'aws-cdk-lib';
import { MarkCertificateCollector } from 'mark-certificate-collector';

const app = new App();
const stack = new Stack(app, 'MarkCertificates');
new MarkCertificateCollector(stack, 'Collector');
