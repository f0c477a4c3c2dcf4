import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as v from 'valibot';
import type { ServedStack } from '../../../infra/local/cloud/cloudformation-endpoint.ts';
import { CONTEXT, resolve } from '../synthesized.ts';

const outputsSchema = v.record(v.string(), v.object({ Value: v.string() }));

/** A stack of another app, as CloudFormation describes it. Values that the deployment assigns are like `<Bucket>`. */
export function stackOfOtherApp(name: string, define: (stack: Stack) => void): ServedStack {
  const app = new App({ context: { ...CONTEXT, 'aws:cdk:bundling-stacks': [] } });
  const stack = new Stack(app, name);
  define(stack);
  const outputs = v.parse(outputsSchema, resolve(Template.fromStack(stack).toJSON().Outputs));
  return {
    name,
    outputs: Object.fromEntries(Object.entries(outputs).map(([key, { Value }]) => [key, Value])),
  };
}
