import { App, CfnParameter, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { EventBus, type IEventBus } from 'aws-cdk-lib/aws-events';
import { Key } from 'aws-cdk-lib/aws-kms';
import { HostedZone } from 'aws-cdk-lib/aws-route53';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, test } from 'vitest';
import { MarkCertificateCollector } from '../../infra/mark-certificate-collector.ts';
import type { MarkCertificateCollectorProps } from '../../infra/props.ts';
import { CERTIFICATE_ARN, KEY_ARN, LOG_KEY } from './synthesized.ts';

const ENV = { account: '111122223333', region: 'eu-west-1' };

function newStack(id = 'Stack', app = new App()): Stack {
  return new Stack(app, id, { env: ENV });
}

/** The problems of props: the lines of the error. The props are what JavaScript allows, not only what TypeScript does. */
function problemsOf(props: object, stack = newStack()): string[] {
  try {
    new MarkCertificateCollector(stack, 'Collector', props as MarkCertificateCollectorProps);
    return [];
  } catch (error) {
    const [title, ...lines] = String(error).split('\n');
    expect(title).toBe('InvalidPropsError: Props of MarkCertificateCollector (Stack/Collector) cannot be used:');
    return lines.map((line) => line.replace('  - ', ''));
  }
}

const resourcesOf = (stack: Stack, type: string) => Object.values(Template.fromStack(stack).findResources(type));

describe('wrong props', () => {
  test.each([
    ['null', null],
    ['a value of the type string', 'name'],
    ['a value of the type object', [{ name: 'brand' }]],
  ])('What is no object is one problem: %s.', (kind, props) => {
    expect(problemsOf(props as unknown as object)).toEqual([`props: ${kind} is not accepted; accepted: an object`]);
  });

  test('The value of a prop that does not exist is not quoted: it can be a login.', () => {
    const problems = problemsOf({ loginPassword: 's3cret', login: { password: 's3cret' }, publish: { key: 's3cret' } });
    expect(problems).toHaveLength(3);
    expect(problems.join()).not.toContain('s3cret');
    expect(problems[0]).toMatch(
      /^loginPassword: a value of the type string is not accepted, because there is no such prop/,
    );
  });

  test('All problems are in one error, each with the name, the value and the accepted form.', () => {
    const problems = problemsOf({
      name: 'Not A Name',
      pollEvery: Duration.hours(1),
      giveUpAfter: 'P90D',
      trustAnchors: ['ab'.repeat(32), 'not a fingerprint'],
      removalPolicy: RemovalPolicy.SNAPSHOT,
      reservedConcurrency: 0,
      publish: { domainName: 'bimi.example.com', cert: 1 },
      eventBusName: 'orders',
      dashboard: 'true',
      alarmEmail: 'nobody',
    });
    expect(problems.map((problem) => problem.split(' is not accepted')[0])).toEqual([
      'name: "Not A Name"',
      'giveUpAfter: "P90D"',
      'removalPolicy: "snapshot"',
      'reservedConcurrency: 0',
      'eventBusName: a value of the type string',
      'dashboard: "true"',
      'alarmEmail: "nobody"',
      'trustAnchors[1]: "not a fingerprint"',
      'publish.cert: a value of the type number',
      'publish.domainName: "bimi.example.com"',
    ]);
  });

  test.each<[string, object, string]>([
    [
      'a short period',
      { pollEvery: Duration.hours(1), giveUpAfter: Duration.days(20) },
      "pollEvery: 1 hour (Duration) is not accepted; accepted: from 3 hours (the CA's limit for one order) to 2 days",
    ],
    [
      'a rare poll without push',
      { pollEveryWithPush: Duration.days(1) },
      'pollEveryWithPush: 1 day (Duration) is not accepted without push, because only a push replaces a poll; accepted: push: true in addition',
    ],
    [
      'a poll that is too rare',
      { push: true, pollEveryWithPush: Duration.hours(25) },
      'pollEveryWithPush: 1 day 1 hour (Duration) is not accepted; accepted: from pollEvery to 1 day',
    ],
    [
      'text for the period with push',
      { push: true, pollEveryWithPush: 'P1D' },
      'pollEveryWithPush: "P1D" is not accepted; accepted: a Duration that is known at synthesis, such as Duration.days(1)',
    ],
    [
      'a long deadline',
      { giveUpAfter: Duration.days(361), pollEvery: Duration.hours(12) },
      'giveUpAfter: 361 days (Duration) is not accepted; accepted: from pollEvery to 360 days',
    ],
    [
      'a part of a day',
      { remindBefore: Duration.hours(180) },
      'remindBefore: 7 days 12 hours (Duration) is not accepted; accepted: whole days from 7 days to 90 days',
    ],
    [
      'too few days for the next certificate',
      { askAgainBefore: Duration.days(6) },
      'askAgainBefore: 6 days (Duration) is not accepted; accepted: whole days from 7 days to 180 days, or 0 days for no checks',
    ],
    [
      'text for a period',
      { pollEvery: 'PT3H' },
      'pollEvery: "PT3H" is not accepted; accepted: a Duration that is known at synthesis, such as Duration.hours(3)',
    ],
    [
      'a number for a period',
      { remindBefore: 30 },
      'remindBefore: 30 is not accepted; accepted: a Duration that is known at synthesis, such as Duration.days(30)',
    ],
    [
      'text for a key',
      { encryptionKey: KEY_ARN },
      `encryptionKey: ${JSON.stringify(KEY_ARN)} is not accepted; accepted: an IKey`,
    ],
    [
      'a bucket for a topic',
      { alarmTopic: Bucket.fromBucketName(newStack('Other'), 'Bucket', 'certificates') },
      'alarmTopic: the construct Other/Bucket is not accepted; accepted: an ITopic',
    ],
    ['null', { eventBus: null }, 'eventBus: null is not accepted; accepted: an IEventBus'],
    [
      'text for a list',
      { trustAnchors: 'ab'.repeat(32) },
      `trustAnchors: "${'ab'.repeat(32)}" is not accepted; accepted: a list of SHA-256 fingerprints of certificates, 64 hex digits each`,
    ],
    [
      'an unknown format',
      { responseFormat: 'p12' },
      'responseFormat: "p12" is not accepted; accepted: pkcs7, pkcs7-base64, zip, zip-base64, pem',
    ],
    [
      'a host for publish',
      { publish: 'bimi.example.com' },
      'publish: "bimi.example.com" is not accepted; accepted: true, false, {domainName?, certificate?, hostedZone?}',
    ],
    [
      'publishLogs alone',
      { publishLogs: true },
      'publishLogs: true is not accepted without publish; accepted: publish in addition',
    ],
    [
      'unpublishRevoked alone',
      { unpublishRevoked: true },
      'unpublishRevoked: true is not accepted without publish; accepted: publish in addition',
    ],
    [
      'a password in a URL',
      { collectUrl: 'ftp://me:secret@ca.example/' },
      'collectUrl: "ftp://…@ca.example/" is not accepted; accepted: ',
    ],
    [
      'too many checks',
      { pollEvery: Duration.hours(3), giveUpAfter: Duration.days(200) },
      'pollEvery and giveUpAfter: 200 days / 3 hours + ',
    ],
  ])('%s is refused.', (_, props, problem) => {
    expect(problemsOf(props)).toEqual([expect.stringContaining(problem)]);
  });

  test('An error contains no login that was given instead of a secret.', () => {
    for (const credentials of ['correct horse', { loginName: 'me', loginPassword: 'correct horse' }]) {
      const [problem] = problemsOf({ credentials });
      expect(problem).toMatch(
        /^credentials: a value of the type (string|object) is not accepted; accepted: an ISecret$/,
      );
    }
  });

  test('An unknown prop is refused with the names of all props, and a prop without a value is none.', () => {
    const [problem] = problemsOf({ pollEvry: Duration.hours(3), eventBusName: undefined });
    expect(problem).toMatch(
      /^pollEvry: 3 hours \(Duration\) is not accepted, because there is no such prop; accepted: name, /,
    );
  });
});

describe('publish', () => {
  const certificate = (stack: Stack) => Certificate.fromCertificateArn(stack, 'Certificate', CERTIFICATE_ARN);

  test.each<[string, (stack: Stack) => object, RegExp]>([
    [
      'A host name without a certificate',
      () => ({ domainName: 'bimi.example.com' }),
      /^publish\.domainName: .* without publish\.certificate; accepted: both or neither$/,
    ],
    [
      'A certificate without a host name',
      (stack) => ({ certificate: certificate(stack) }),
      /^publish\.certificate: the construct Stack\/Certificate .* without publish\.domainName/,
    ],
    [
      'A certificate of another region',
      (stack) => ({
        domainName: 'bimi.example.com',
        certificate: Certificate.fromCertificateArn(
          stack,
          'Certificate',
          CERTIFICATE_ARN.replace('us-east-1', 'eu-west-1'),
        ),
      }),
      /^publish\.certificate: .*accepted: an ACM certificate in us-east-1/,
    ],
    [
      'A certificate that a stack of another region creates',
      (stack) => ({
        domainName: 'bimi.example.com',
        certificate: new Certificate(stack, 'Certificate', { domainName: 'bimi.example.com' }),
      }),
      /^publish\.certificate: .*accepted: an ACM certificate in us-east-1/,
    ],
    [
      'A host name outside its zone',
      (stack) => ({
        domainName: 'bimi.example.com',
        certificate: certificate(stack),
        hostedZone: HostedZone.fromHostedZoneAttributes(stack, 'Zone', { hostedZoneId: 'Z1', zoneName: 'example.org' }),
      }),
      /^publish\.domainName: "bimi\.example\.com" is not accepted; accepted: a name in publish\.hostedZone, example\.org$/,
    ],
  ])('%s is refused.', (_, publish, problem) => {
    const stack = newStack();
    expect(problemsOf({ publish: publish(stack) }, stack)).toEqual([expect.stringMatching(problem)]);
  });

  test('A bucket that is imported is refused, because its policy cannot be extended.', () => {
    const stack = newStack();
    const bucket = Bucket.fromBucketName(stack, 'Bucket', 'certificates');
    expect(problemsOf({ bucket, publish: true, name: 'NO' }, stack)).toEqual([
      expect.stringMatching(/^name: /),
      expect.stringMatching(
        /^bucket: the construct Stack\/Bucket is not accepted with publish, .*accepted: a bucket that this app creates/,
      ),
    ]);
    expect(problemsOf({ bucket })).toEqual([]);
  });

  test.each([
    [
      'with its name',
      (stack: Stack) =>
        HostedZone.fromHostedZoneAttributes(stack, 'Zone', { hostedZoneId: 'Z1', zoneName: 'example.com' }),
    ],
    ['by its id only', (stack: Stack) => HostedZone.fromHostedZoneId(stack, 'Zone', 'Z1')],
  ])('A zone that is imported %s gets alias records of both kinds.', (_, zoneOf) => {
    const stack = newStack();
    const publish = { domainName: 'bimi.example.com', certificate: certificate(stack), hostedZone: zoneOf(stack) };
    const { publication } = new MarkCertificateCollector(stack, 'Collector', { publish });
    const records = resourcesOf(stack, 'AWS::Route53::RecordSet').map(({ Properties }) => Properties);
    expect(records.map(({ Type }) => Type).toSorted()).toEqual(['A', 'AAAA']);
    for (const { Name, AliasTarget } of records) {
      expect(Name).toBe('bimi.example.com.');
      expect(AliasTarget.DNSName).toEqual(stack.resolve(publication?.domainName));
    }
  });

  test('A bucket of another stack allows the distributions of the account, and the stacks do not depend on each other.', () => {
    const app = new App();
    const storage = newStack('Storage', app);
    const stack = newStack('Stack', app);
    const bucket = new Bucket(storage, 'Bucket') as IBucket;
    new MarkCertificateCollector(stack, 'Collector', { bucket, publish: true });
    const [policy] = resourcesOf(storage, 'AWS::S3::BucketPolicy');
    expect(JSON.stringify(policy)).toContain('"ArnLike":{"AWS:SourceArn"');
    expect(() => app.synth()).not.toThrow();
  });
});

describe('given resources', () => {
  test('Resources that are given are used, and none of them is created.', () => {
    const app = new App();
    const own = newStack('Own', app);
    const stack = newStack('Stack', app);
    const key = new Key(own, 'Key');
    const bucket = new Bucket(own, 'Bucket', { encryptionKey: key }) as IBucket;
    new MarkCertificateCollector(stack, 'Collector', {
      name: 'acme',
      eventBus: new EventBus(own, 'Bus', { eventBusName: 'orders' }) as IEventBus,
      credentials: Secret.fromSecretNameV2(own, 'Login', 'shared/login'),
      bucket,
      encryptionKey: Key.fromKeyArn(own, 'Imported', KEY_ARN),
      alarmTopic: new Topic(own, 'Alarms'),
      notifyTopic: Topic.fromTopicArn(own, 'Brand', 'arn:aws:sns:eu-west-1:111122223333:brand'),
      alarmEmail: 'operators@example.com',
      notifyEmail: 'brand@example.com',
      pollEvery: Duration.hours(6),
      ctLogs: [LOG_KEY],
      trustAnchors: ['AB'.repeat(32)],
      reservedConcurrency: 'none',
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const template = Template.fromStack(stack);
    for (const type of ['AWS::S3::Bucket', 'AWS::SecretsManager::Secret', 'AWS::SNS::Topic', 'AWS::Events::EventBus']) {
      template.resourceCountIs(type, 0);
    }
    const addresses = [own, stack]
      .flatMap((each) => resourcesOf(each, 'AWS::SNS::Subscription'))
      .map(({ Properties }) => Properties.Endpoint);
    expect(addresses.toSorted()).toEqual(['brand@example.com', 'operators@example.com']);
    const collect = JSON.stringify(
      template.findResources('AWS::Lambda::Function', { Properties: { Handler: 'index.handler' } }),
    );
    expect(collect).toContain(`"TRUST_ANCHORS":"${'ab'.repeat(32)}"`);
    const policies = JSON.stringify(template.findResources('AWS::IAM::Policy'));
    expect(policies).toContain('secret:shared/login-??????');
    expect(policies).toContain(JSON.stringify(stack.resolve(key.keyArn)));
    expect(() => app.synth()).not.toThrow();
  });

  test('Two collectors can share the topic, the login and the address.', () => {
    const stack = newStack();
    const shared = {
      alarmTopic: new Topic(stack, 'Alarms'),
      alarmEmail: 'operators@example.com',
      credentials: Secret.fromSecretNameV2(stack, 'Login', 'login'),
    };
    new MarkCertificateCollector(stack, 'One', { ...shared, name: 'one', eventSource: 'one' });
    new MarkCertificateCollector(stack, 'Two', { ...shared, name: 'two', eventSource: 'two' });
    expect(resourcesOf(stack, 'AWS::SNS::Subscription')).toHaveLength(1);
  });

  test('Alarms may publish to a topic that is given.', () => {
    const stack = newStack();
    new MarkCertificateCollector(stack, 'Collector', { alarmTopic: new Topic(stack, 'Alarms', { enforceSSL: true }) });
    expect(JSON.stringify(resourcesOf(stack, 'AWS::SNS::TopicPolicy'))).toContain('cloudwatch.amazonaws.com');
  });

  test('A bus in another account or region is refused.', () => {
    const stack = newStack();
    const eventBus = EventBus.fromEventBusArn(stack, 'Bus', 'arn:aws:events:us-east-1:444455556666:event-bus/orders');
    expect(problemsOf({ eventBus }, stack)).toEqual([
      'eventBus: the construct Stack/Bus is not accepted, because it is in 444455556666, us-east-1; accepted: a bus in the account and region of the stack: 111122223333, eu-west-1',
    ]);
  });
});

test('Values that the deployment assigns are accepted wherever nothing depends on them at synthesis.', () => {
  const stack = newStack();
  const parameter = (id: string) => new CfnParameter(stack, id).valueAsString;
  new MarkCertificateCollector(stack, 'Collector', {
    name: parameter('Name'),
    eventSource: parameter('Source'),
    eventBus: EventBus.fromEventBusArn(stack, 'Bus', parameter('BusArn')),
    credentials: Secret.fromSecretCompleteArn(stack, 'Login', parameter('LoginArn')),
    bucket: Bucket.fromBucketName(stack, 'Bucket', parameter('BucketName')),
    encryptionKey: Key.fromKeyArn(stack, 'Key', parameter('KeyArn')),
    alarmTopic: Topic.fromTopicArn(stack, 'Topic', parameter('TopicArn')),
    alarmEmail: parameter('Email'),
    runbookUrl: parameter('Runbook'),
    collectUrl: parameter('Url'),
    dashboard: true,
    push: true,
  }).onIssued('Issued');
  const [email] = resourcesOf(stack, 'AWS::SNS::Subscription').map(({ Properties }) => Properties);
  expect(email).toMatchObject({ Endpoint: { Ref: 'Email' }, Protocol: 'email' });
  expect(JSON.stringify(Template.fromStack(stack).toJSON())).not.toContain('Token[');
});
