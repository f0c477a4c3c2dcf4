import { App, Stack, type StackProps } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { EventBus, type IEventBus } from 'aws-cdk-lib/aws-events';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { describe, expect, test } from 'vitest';
import { TEMPLATE_ONLY } from '../../infra/local/cloud/template.ts';
import { MarkCertificateCollector } from '../../infra/mark-certificate-collector.ts';
import type { MarkCertificateCollectorProps } from '../../infra/props.ts';
import { CONTEXT } from './synthesized.ts';

const ACCOUNT = '111122223333';

function newApp(): App {
  return new App({ context: { ...CONTEXT, ...TEMPLATE_ONLY } });
}

interface Options extends MarkCertificateCollectorProps {
  /** The name of an event bus of the account. */
  readonly busName?: string;
}

/** Adds a collector in a separate stack. */
function add(app: App, id: string, { busName, ...props }: Options = {}, stackProps: StackProps = {}): Stack {
  const stack = new Stack(app, id, stackProps);
  const eventBus = busName === undefined ? undefined : EventBus.fromEventBusName(stack, 'Bus', busName);
  new MarkCertificateCollector(stack, 'Collector', { ...props, eventBus });
  return stack;
}

const MESSAGE_OF_NAME =
  '  - name: two collectors have the name "acme", which the secret of the login and the metrics contain; ' +
  'accepted: another name for each collector (One/Collector and Two/Collector)';
const MESSAGE_OF_SOURCE =
  '  - eventSource: two collectors take the events with the source "shop" on the bus "orders", so both would collect every order; ' +
  'accepted: another eventSource for each collector, or another eventBus (One/Collector and Two/Collector)';

describe('A second collector in an app', () => {
  test('is refused with the name of the first, and the error contains both collectors.', () => {
    const app = newApp();
    add(app, 'One', { name: 'acme', eventSource: 'shop' });
    expect(() => add(app, 'Two', { name: 'acme' })).toThrow(
      `Props of MarkCertificateCollector (Two/Collector) cannot be used:\n${MESSAGE_OF_NAME}`,
    );
  });

  test('is refused with the event source of the first on the same bus.', () => {
    const app = newApp();
    add(app, 'One', { name: 'acme', eventSource: 'shop', busName: 'orders' });
    expect(() => add(app, 'Two', { name: 'other', eventSource: 'shop', busName: 'orders' })).toThrow(
      `Props of MarkCertificateCollector (Two/Collector) cannot be used:\n${MESSAGE_OF_SOURCE}`,
    );
  });

  test('is refused with both at once, in one error.', () => {
    const app = newApp();
    const settings = { name: 'acme', eventSource: 'shop', busName: 'orders' };
    add(app, 'One', settings);
    expect(() => add(app, 'Two', settings)).toThrow(`${MESSAGE_OF_NAME}\n${MESSAGE_OF_SOURCE}`);
  });

  test('is refused with the bus of the first, if both stacks import it by its ARN.', () => {
    const app = newApp();
    const arn = `arn:aws:events:eu-west-1:${ACCOUNT}:event-bus/orders`;
    const collectorOf = (id: string) => {
      const stack = new Stack(app, id, { env: { account: ACCOUNT, region: 'eu-west-1' } });
      const eventBus = EventBus.fromEventBusArn(stack, 'Bus', arn);
      return new MarkCertificateCollector(stack, 'Collector', { name: id.toLowerCase(), eventBus });
    };
    collectorOf('One');
    expect(() => collectorOf('Two')).toThrow('on the bus "orders"');
  });

  test('is refused with the bus of the first, if the app creates it, and the error contains no token.', () => {
    const stack = new Stack(newApp(), 'Stack');
    const eventBus = new EventBus(stack, 'Bus') as IEventBus;
    new MarkCertificateCollector(stack, 'One', { name: 'one', eventBus });
    expect(() => new MarkCertificateCollector(stack, 'Two', { name: 'two', eventBus })).toThrow(
      /eventSource: two collectors take .* on the bus \(assigned by the deployment\), .*\(Stack\/One and Stack\/Two\)/,
    );
  });

  test('is refused with the bucket of the first.', () => {
    const stack = new Stack(newApp(), 'Stack');
    const bucket = Bucket.fromBucketName(stack, 'Bucket', 'certificates');
    new MarkCertificateCollector(stack, 'One', { name: 'one', eventSource: 'one', bucket });
    expect(() => new MarkCertificateCollector(stack, 'Two', { name: 'two', eventSource: 'two', bucket })).toThrow(
      'bucket: two collectors would write the folder orders/ of one bucket',
    );
  });

  test('is refused in the same stack too.', () => {
    const stack = add(newApp(), 'Stack');
    expect(() => new MarkCertificateCollector(stack, 'Second')).toThrow('Stack/Collector and Stack/Second');
  });

  test.each([
    { name: 'b', eventSource: 'b' },
    { name: 'b', busName: 'b' },
  ])('is accepted with a name and events that the first does not have: %j.', (settings) => {
    const app = newApp();
    add(app, 'One');
    expect(() => add(app, 'Two', settings)).not.toThrow();
  });

  test.each<[StackProps, StackProps]>([
    [{ env: { account: ACCOUNT, region: 'eu-west-1' } }, { env: { account: ACCOUNT, region: 'us-east-1' } }],
    [{ env: { account: ACCOUNT, region: 'eu-west-1' } }, { env: { account: '444455556666', region: 'eu-west-1' } }],
  ])('is accepted with the same settings in another account or region: %j and %j.', (one, two) => {
    const app = newApp();
    add(app, 'One', {}, one);
    expect(() => add(app, 'Two', {}, two)).not.toThrow();
  });

  test('is refused if the environment of one is open until the deployment.', () => {
    const app = newApp();
    add(app, 'One', {}, { env: { account: ACCOUNT, region: 'eu-west-1' } });
    expect(() => add(app, 'Two')).toThrow('One/Collector and Two/Collector');
  });
});

describe('Two collectors in one stack', () => {
  const settings = { publish: true, push: true, dashboard: true, alarmEmail: 'operators@example.com' };
  const stack = add(newApp(), 'Stack', { ...settings, name: 'one', eventSource: 'one' });
  new MarkCertificateCollector(stack, 'Second', { ...settings, name: 'two', eventSource: 'two' });
  const resources = Object.values<{ Type: string; Properties?: Record<string, unknown> }>(
    Template.fromStack(stack).toJSON().Resources,
  );

  test('have different names for everything that has a fixed name.', () => {
    const names = resources.flatMap(({ Type, Properties = {} }) =>
      fixedNames(Properties).map((name) => `${Type} ${JSON.stringify(name)}`),
    );
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});

/** The values of the properties that name a resource: Name, LogGroupName, and those in the configurations of CloudFront. */
function fixedNames(properties: Readonly<Record<string, unknown>>): unknown[] {
  const configurations = ['OriginAccessControlConfig', 'ResponseHeadersPolicyConfig'].flatMap((key) => {
    const configuration = properties[key];
    return typeof configuration === 'object' && configuration !== null ? [{ ...configuration }] : [];
  });
  const keys = ['Name', 'LogGroupName', 'AlarmName', 'DashboardName', 'TopicName', 'QueueName', 'FunctionName'];
  return [properties, ...configurations].flatMap((each) =>
    Object.entries(each).flatMap(([key, value]) => (keys.includes(key) && !isReference(value) ? [value] : [])),
  );
}

/** The FunctionName of a permission refers to a function. */
function isReference(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'Fn::GetAtt' in value;
}
