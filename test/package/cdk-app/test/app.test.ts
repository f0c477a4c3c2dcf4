import * as cdk from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AppStack } from '../lib/app-stack';

test('The stack contains a collector.', () => {
  const app = new cdk.App();

  const template = Template.fromStack(new AppStack(app, 'MyTestStack'));

  template.resourceCountIs('AWS::StepFunctions::StateMachine', 1);
  template.hasResource('AWS::S3::Bucket', { UpdateReplacePolicy: 'Retain' });
});
