/**
 * The app of somebody who uses the construct: one stack with two collectors, and one of them has a separate event bus. The
 * context describes the CA.
 */
import { App, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { EventBus, type IEventBus } from 'aws-cdk-lib/aws-events';
import { MarkCertificateCollector } from '../../../infra/index.ts';

const app = new App();
const stack = new Stack(app, 'Brand');
const simulated = {
  collectUrl: app.node.getContext('collectUrl'),
  trustAnchors: [app.node.getContext('trustAnchor')],
  ctLogs: [app.node.getContext('ctLog')],
  pollEvery: Duration.seconds(10),
  giveUpAfter: Duration.hours(2),
};

new MarkCertificateCollector(stack, 'Shop', { ...simulated, name: 'shop', eventSource: 'shop-orders' });

new MarkCertificateCollector(stack, 'Lab', {
  ...simulated,
  name: 'lab',
  // The classes of aws-cdk-lib do not implement its interfaces with exactOptionalPropertyTypes.
  eventBus: new EventBus(stack, 'LabOrders') as IEventBus,
  removalPolicy: RemovalPolicy.DESTROY,
});
