// A function that runs when a certificate is issued, and reads its manifest; and an alarm of the app itself.
import { App, Stack } from 'aws-cdk-lib';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Code, Function as Lambda, Runtime } from 'aws-cdk-lib/aws-lambda';
import { MarkCertificateCollector } from 'mark-certificate-collector';

const app = new App();
const stack = new Stack(app, 'MarkCertificates');
const collector = new MarkCertificateCollector(stack, 'Collector');

const announce = new Lambda(stack, 'Announce', {
  runtime: Runtime.NODEJS_22_X,
  handler: 'index.handler',
  code: Code.fromInline(`
    const { GetObjectCommand, S3Client } = require('@aws-sdk/client-s3');
    const s3 = new S3Client();
    exports.handler = async ({ detail: { orderNumber, certificate } }) => {
      const Key = 'orders/' + orderNumber + '/certificate.json';
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: certificate.bucket, Key }));
      const { domains, notAfter, findings } = JSON.parse(await Body.transformToString());
      console.log({ orderNumber, domains, notAfter, findings });
    };
  `),
});
collector.grantRead(announce);
collector.onIssued('Announced', { target: new LambdaFunction(announce) });

const longWait = collector
  .metricWaitingDays()
  .createAlarm(stack, 'OrderWaitsForLong', { threshold: 60, evaluationPeriods: 1 });
longWait.addAlarmAction(new SnsAction(collector.alarmTopic));
