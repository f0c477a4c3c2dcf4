import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCredentialsLookup } from '../../functions/collect/credentials.ts';
import { createHandler as createCollectHandler } from '../../functions/collect/handler.ts';
import { DEFAULT_COLLECTOR } from '../../functions/environment.ts';
import { ERRORS_REPORTED_BY_COLLECT, NEXT_STEPS } from '../../functions/errors.ts';
import { createHandler as createPublishHandler } from '../../functions/publish/handler.ts';
import { PUSH_LOGIN_FORM } from '../../functions/push/authentication.ts';
import { createHandler as createPushHandler } from '../../functions/push/handler.ts';
import { createHandler as createRevokeHandler } from '../../functions/revoke/handler.ts';
import { createSecretReader } from '../../functions/secret.ts';
import { createHandler as createStartHandler } from '../../functions/start/handler.ts';
import { start } from '../../functions/start/start.ts';
import { createHandler as createSurveyHandler } from '../../functions/survey/handler.ts';
import { type LocalStateMachine, startStateMachine } from '../../infra/local/cloud/executions.ts';
import { type SecretsEndpoint, startSecretsEndpoint } from '../../infra/local/cloud/secrets.ts';
import { all, SETTINGS, synthesize } from '../infra/synthesized.ts';
import { stubAwsEnvironment } from '../lambda.ts';
import { type S3Server, startS3Server } from '../s3-server.ts';
import { AT, ENVIRONMENTS, EVENTS, readJsonSample, type SampleEvent, sampleEnvironment } from './samples.ts';

const CLIENT = { region: 'us-east-1', credentials: { accessKeyId: 'x', secretAccessKey: 'x' } };

/** Settings that make today's stack like each stack of the samples. */
const STACKS = {
  default: {},
  publishAndPush: { publish: 'true', push: 'true' },
  everySetting: SETTINGS,
};

describe('the environment variables of release 0.1.0', () => {
  const HANDLERS: Readonly<Record<string, (environment: Readonly<Record<string, string>>) => unknown>> = {
    CollectFunction: createCollectHandler,
    StartFunction: createStartHandler,
    SurveyFunction: createSurveyHandler,
    PublishFunction: createPublishHandler,
    RevokeFunction: createRevokeHandler,
    PushFunction: createPushHandler,
  };
  const CASES = Object.entries(ENVIRONMENTS).flatMap(([stack, environments]) =>
    Object.entries(environments).map(([name, environment]) => ({ stack, name, environment })),
  );

  test.each(CASES)('$name of the stack "$stack" starts with them.', ({ name, environment }) => {
    stubAwsEnvironment({});
    expect(HANDLERS[name]?.(environment)).toBeInstanceOf(Function);
  });
});

describe('the outputs of release 0.1.0', () => {
  const OUTPUTS = Object.entries(readJsonSample<Record<keyof typeof STACKS, readonly string[]>>('outputs.json'));

  test.each(OUTPUTS)("Today's stack %s still has them.", (name, outputs) => {
    const { template } = synthesize(STACKS[name as keyof typeof STACKS]);
    expect(Object.keys(template.findOutputs('*'))).toEqual(expect.arrayContaining([...outputs]));
  });
});

describe('the secrets of release 0.1.0', () => {
  const { credentials, pushCredentials } =
    readJsonSample<Record<'credentials' | 'pushCredentials', { accepted: string; placeholder: string }>>(
      'secrets.json',
    );
  let endpoint: SecretsEndpoint;
  let client: SecretsManagerClient;

  beforeAll(async () => {
    endpoint = await startSecretsEndpoint({
      accepted: credentials.accepted,
      placeholder: credentials.placeholder,
      push: pushCredentials.accepted,
    });
    client = new SecretsManagerClient({ ...CLIENT, endpoint: endpoint.url });
  });
  afterAll(async () => {
    client.destroy();
    await endpoint.close();
  });

  const credentialsIn = (defaultSecretId: string) =>
    createCredentialsLookup(client, { collector: 'acme', defaultSecretId, labelFailed: () => {} })(null);

  test("The login of the CA and the CA's push login are read.", async () => {
    expect(await credentialsIn('accepted').read({ fresh: true })).toMatchObject(JSON.parse(credentials.accepted));
    expect(await createSecretReader(client, 'push', PUSH_LOGIN_FORM).read({ fresh: true })).toMatchObject(
      JSON.parse(pushCredentials.accepted),
    );
  });

  test('The placeholder is still recognized.', async () => {
    const reading = await credentialsIn('placeholder').read({ fresh: true });
    expect(reading.problem).toContain('placeholder');
  });
});

describe('the events of release 0.1.0', () => {
  const ARN = sampleEnvironment('StartFunction').STATE_MACHINE_ARN ?? '';
  let machine: LocalStateMachine;
  let sfn: SFNClient;
  let bucket: S3Server;
  let s3: S3Client;

  beforeAll(async () => {
    bucket = await startS3Server();
    s3 = new S3Client({ ...CLIENT, endpoint: bucket.url, forcePathStyle: true });
    machine = await startStateMachine({
      arn: ARN,
      definition: { StartAt: 'End', States: { End: { Type: 'Succeed' } } },
      task: async () => ({}),
      waitMilliseconds: () => 0,
    });
    sfn = new SFNClient({ ...CLIENT, endpoint: machine.url });
  });
  afterAll(async () => {
    sfn.destroy();
    s3.destroy();
    await Promise.all([machine.close(), bucket.close()]);
  });

  test.each(EVENTS.ordered.map(({ detail }) => [JSON.stringify(detail), detail]))(
    'An order with the detail %s is started.',
    async (_, detail) => {
      const dependencies = {
        collector: DEFAULT_COLLECTOR,
        stateMachineArn: ARN,
        sfn,
        s3,
        bucket: 'certificates',
        corrected: () => {},
        now: () => new Date(AT),
      };
      const { orderNumber, request } = detail as { readonly orderNumber: string | number; readonly request?: string };
      expect(await start(detail, dependencies)).toEqual({
        orderNumber: String(orderNumber),
        execution: request === undefined ? `order-${orderNumber}` : `order-${orderNumber}-${request}`,
        started: true,
      });
    },
  );

  test.each(Object.entries({ ...EVENTS.failed, lambda: EVENTS.failedByLambda.OrderRejected }))(
    'The failed execution %s is reported by Collect, or it matches a rule that notifies people.',
    (_, event) => {
      const { error = '', status } = (event?.detail ?? {}) as { readonly error?: string; readonly status: string };
      const isReported = status === 'FAILED' && ERRORS_REPORTED_BY_COLLECT.includes(error);
      expect(matches(ruleOf(status === 'FAILED' ? 'OrderFailed' : 'OrderStopped'), event)).toBe(!isReported);
      // Every error name has a next step; a stopped execution has no name.
      expect(status === 'ABORTED' || Object.keys(NEXT_STEPS).includes(error)).toBe(true);
    },
  );

  const stack = synthesize(STACKS.publishAndPush);
  const ruleOf = (name: string) =>
    all(stack, 'AWS::Events::Rule').find((rule) => rule.name === name)?.Properties.EventPattern;

  /** Whether an event has a value of the pattern in every field, whichever state machine the template names. */
  function matches(pattern: unknown, event: SampleEvent | undefined): boolean {
    const { source, 'detail-type': type, detail } = pattern as Record<string, unknown>;
    const { stateMachineArn: _, ...fields } = detail as Record<string, unknown>;
    const isIn = (values: unknown, value: unknown) => {
      const [first, ...others] = values as readonly unknown[];
      const isExclusion = typeof first === 'object' && first !== null && 'anything-but' in first;
      return isExclusion ? ![first['anything-but']].flat().includes(value) : [first, ...others].includes(value);
    };
    return (
      isIn(source, event?.source) &&
      isIn(type, event?.['detail-type']) &&
      Object.entries(fields).every(([name, values]) => isIn(values, event?.detail[name]))
    );
  }
});
