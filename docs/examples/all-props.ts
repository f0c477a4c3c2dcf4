// One collector with every prop. A resource of the app is passed as an object: the collector uses it, and does not
// create one.
import { App, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Key } from 'aws-cdk-lib/aws-kms';
import { HostedZone } from 'aws-cdk-lib/aws-route53';
import { BlockPublicAccess, Bucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { MarkCertificateCollector } from 'mark-certificate-collector';

const app = new App();
const stack = new Stack(app, 'MarkCertificates', { env: { account: '111122223333', region: 'us-east-1' } });

const encryptionKey = new Key(stack, 'Key', { enableKeyRotation: true });

new MarkCertificateCollector(stack, 'Collector', {
  // The name of the collector, and the events that start a collection.
  name: 'acme',
  eventSource: 'com.example.shop',
  eventBus: new EventBus(stack, 'Orders'),

  // The calls to the CA.
  credentials: new Secret(stack, 'Login'),
  collectUrl: 'https://ca.example/CollectMC',
  responseFormat: 'pem',
  pollEvery: Duration.hours(6),
  giveUpAfter: Duration.days(60),
  reservedConcurrency: 'none',
  push: true,
  pollEveryWithPush: Duration.days(1),

  // The storage, and what to trust in addition to the known roots and logs.
  bucket: new Bucket(stack, 'Bucket', {
    versioned: true,
    enforceSSL: true,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    encryptionKey,
    bucketKeyEnabled: true,
  }),
  encryptionKey,
  removalPolicy: RemovalPolicy.RETAIN,
  trustAnchors: ['0a'.repeat(32)],
  ctLogs: [
    'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==',
  ],

  // The messages and alarms.
  alarmTopic: new Topic(stack, 'Operators'),
  alarmEmail: 'operators@example.com',
  notifyTopic: new Topic(stack, 'Brand'),
  notifyEmail: 'brand@example.com',
  remindBefore: Duration.days(45),
  askAgainBefore: Duration.days(60),
  runbookUrl: 'https://wiki.example.com/mark-certificates',
  dashboard: true,

  // The public addresses of chain and logo.
  publish: {
    domainName: 'bimi.example.com',
    certificate: Certificate.fromCertificateArn(
      stack,
      'Certificate',
      'arn:aws:acm:us-east-1:111122223333:certificate/12345678-90ab-cdef-1234-567890abcdef',
    ),
    hostedZone: HostedZone.fromHostedZoneAttributes(stack, 'Zone', {
      hostedZoneId: 'Z1234567890',
      zoneName: 'example.com',
    }),
  },
  publishLogs: true,
  unpublishRevoked: true,
});
