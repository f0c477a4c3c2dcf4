// Two collectors in one app. Each needs a different name, and another source or another bus for its events: otherwise
// each would collect every order. For several accounts at the CA, one collector is enough.
import { App, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { MarkCertificateCollector } from 'mark-certificate-collector';

const app = new App();
const stack = new Stack(app, 'MarkCertificates');

new MarkCertificateCollector(stack, 'Production', { alarmEmail: 'operators@example.com' });

new MarkCertificateCollector(stack, 'Test', {
  name: 'test',
  eventBus: new EventBus(stack, 'TestOrders'),
  removalPolicy: RemovalPolicy.DESTROY,
});
