import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListExecutionsCommand } from '@aws-sdk/client-sfn';
import { CfnOutput, Duration, RemovalPolicy } from 'aws-cdk-lib';
import { CfnEventBus, EventBus } from 'aws-cdk-lib/aws-events';
import { Construct } from 'constructs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type DeployedCollector, withCollector, withCommandErrors } from '../../../infra/command-line/collector.ts';
import { CommandError, UsageError } from '../../../infra/command-line/errors.ts';
import type { CollectorOptions } from '../../../infra/command-line/program.ts';
import { ServiceError } from '../../../infra/local/cloud/aws-json-endpoint.ts';
import { MarkCertificateCollector } from '../../../infra/mark-certificate-collector.ts';
import { STACK_DESCRIPTION, stackNameOf } from '../../../infra/stack-names.ts';
import { deployed, MACHINE, stackNamed, stubAws } from './deployed.ts';
import { stackOfOtherApp } from './other-app.ts';

const open = <Result>(
  options: CollectorOptions = {},
  run: (collector: DeployedCollector) => Promise<Result> | Result = ({ name }) => name as Result,
  folder = tmpdir(),
) => withCollector(options, { folder }, async (collector) => run(collector));

const failureOf = (running: Promise<unknown>) =>
  running.then(
    () => undefined,
    (error: unknown) => error,
  );

async function folderWith(cdkJson: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'app-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'cdk.json'), cdkJson);
  return folder;
}

describe('A deployed collector', () => {
  test('It has the outputs of its stack, and clients for its bucket and its executions.', async () => {
    const s3 = await deployed({ actions: { 'AWSStepFunctions.ListExecutions': () => ({ executions: [] }) } });
    await open({}, async (collector) => {
      expect(collector).toMatchObject({
        name: 'mark-certificate-collector',
        region: 'eu-central-1',
        stack: { name: 'MarkCertificateCollector', isOfOtherApp: false },
        bucket: 'the-bucket',
        stateMachineArn: MACHINE,
        settings: { pollEvery: 'PT3H' },
      });
      const storage = await collector.storage();
      await storage.write('orders/1/a.txt', Buffer.from('a'), { type: 'text/plain' }, {});
      expect(s3.peek('orders/1/a.txt')?.body.toString()).toBe('a');
      const { sfn, stateMachineArn } = await collector.executions();
      expect(await sfn.send(new ListExecutionsCommand({ stateMachineArn }))).toMatchObject({ executions: [] });
      expect(await collector.sfn()).toBe(sfn);
    });
  });

  test.each([
    ['the option', { collector: 'brand' }, { context: { name: 'other' } }, 'brand'],
    ['cdk.json in the folder', {}, { context: { name: 'brand' } }, 'brand'],
    ['the default without a name in cdk.json', {}, { context: {} }, 'mark-certificate-collector'],
    [
      'the default if cdk.json belongs to another app',
      {},
      { context: { name: 'My App' } },
      'mark-certificate-collector',
    ],
    ['the default if cdk.json is damaged', {}, undefined, 'mark-certificate-collector'],
  ])('Its name comes from %s.', async (_, options, cdkJson, expected) => {
    await deployed({ stacks: ['mark-certificate-collector', 'brand', 'other'].map((name) => stackNamed(name)) });
    const folder = await folderWith(cdkJson === undefined ? '{' : JSON.stringify(cdkJson));
    expect(await open(options, ({ name }) => name, folder)).toBe(expected);
  });

  test('It is found in a stack of any name, by its settings.', async () => {
    await deployed({ stacks: [{ name: 'Unrelated' }, { ...stackNamed('brand'), name: 'Shop' }] });
    expect(await open({ collector: 'brand' }, ({ stack }) => stack.name)).toBe('Shop');
  });

  test('In another app it is found by the output of the construct, beside others in the same stack.', async () => {
    const shop = stackOfOtherApp('Shop', (stack) => {
      new CfnOutput(stack, 'Address', { value: 'https://shop.example' });
      new CfnOutput(stack, 'Configuration', { value: '{"settings": {"name": "brand", "eventSource": "shop"}}' });
      new MarkCertificateCollector(stack, 'Production', { alarmEmail: 'operators@example.com' });
      new MarkCertificateCollector(new Construct(stack, 'Deep'.repeat(70)), 'Test', {
        name: 'test',
        eventBus: EventBus.fromEventBusName(stack, 'Bus', new CfnEventBus(stack, 'TestOrders', { name: 'test' }).ref),
        pollEvery: Duration.hours(6),
        giveUpAfter: Duration.days(30),
        trustAnchors: ['ab'.repeat(32), 'cd'.repeat(32)],
        removalPolicy: RemovalPolicy.DESTROY,
        push: true,
        publish: true,
      });
    });
    await deployed({ stacks: [shop] });
    const read = ({ name, stack, bucket, stateMachineArn, settings, output }: DeployedCollector) => ({
      name,
      stack: stack.name,
      isOfOtherApp: stack.isOfOtherApp,
      bucket,
      stateMachineArn,
      secret: output('CredentialsSecretArn'),
      settings,
    });
    const production = await open({}, read);
    expect(production).toEqual({
      name: 'mark-certificate-collector',
      stack: 'Shop',
      isOfOtherApp: true,
      bucket: expect.stringMatching(/^<ProductionBucket[0-9A-F]{8}>$/),
      stateMachineArn: expect.stringMatching(/^<ProductionStateMachine[0-9A-F]{8}>$/),
      secret: expect.stringMatching(/^<ProductionCredentials[0-9A-F]{8}>$/),
      settings: {
        name: 'mark-certificate-collector',
        eventSource: 'mark-certificates',
        eventBusName: 'default',
        pollEvery: 'PT3H',
        giveUpAfter: 'P90D',
        remindBefore: 'P30D',
        askAgainBefore: 'P45D',
        push: false,
        publish: false,
        removalPolicy: 'retain',
      },
    });
    const { settings, bucket } = await open({ collector: 'test' }, read);
    expect(bucket).not.toBe(production.bucket);
    expect(settings).toEqual({
      name: 'test',
      eventSource: 'mark-certificates',
      eventBusName: expect.stringMatching(/^<TestOrders>$/),
      pollEvery: 'PT6H',
      giveUpAfter: 'P30D',
      remindBefore: 'P30D',
      askAgainBefore: 'P45D',
      trustAnchors: `${'ab'.repeat(32)},${'cd'.repeat(32)}`,
      push: true,
      publish: true,
      removalPolicy: 'destroy',
    });
    expect(await open({ collector: 'test' }, ({ output }) => output('PublishedUrl'))).toMatch(/^https:/);
    expect(await failureOf(open({ collector: 'brand' }))).toMatchObject({
      next: 'Add --collector and one of the names: mark-certificate-collector, test.',
    });
  });

  test('In a stack of another app with the name of the own one it is found too.', async () => {
    const stack = stackOfOtherApp('MarkCertificateCollector', (scope) => {
      new MarkCertificateCollector(scope, 'MarkCertificateCollector');
    });
    await deployed({ stacks: [stack] });
    expect(await open({}, ({ stack: { isOfOtherApp } }) => isOfOtherApp)).toBe(true);
  });

  test('In a stack of another app with the description of the own one it is found too.', async () => {
    const stack = stackOfOtherApp('Shop', (scope) => {
      new MarkCertificateCollector(scope, 'Collector', { name: 'brand' });
    });
    await deployed({ stacks: [{ ...stack, description: STACK_DESCRIPTION }] });
    expect(await open({ collector: 'brand' }, ({ stack: { isOfOtherApp } }) => isOfOtherApp)).toBe(true);
  });

  test('It is found beside stacks that only look like it: other settings, and a failed deployment.', async () => {
    const settings = { name: 'brand', eventSource: 'another-program' };
    const shop = stackOfOtherApp('Shop', (scope) => {
      new MarkCertificateCollector(scope, 'Collector', { name: 'brand' });
    });
    await deployed({
      stacks: [
        { name: 'Another', outputs: { Settings: JSON.stringify(settings) } },
        { name: stackNameOf('brand'), description: STACK_DESCRIPTION, status: 'ROLLBACK_FAILED' },
        shop,
      ],
    });
    expect(await open({ collector: 'brand' }, ({ stack: { name } }) => name)).toBe('Shop');
  });

  test('A stack whose deployment failed is reported without the permission to list others too.', async () => {
    const failed = { name: stackNameOf('brand'), description: STACK_DESCRIPTION, status: 'ROLLBACK_FAILED' };
    await deployed({ stacks: [failed], mayListStacks: false });
    expect(await failureOf(open({ collector: 'brand' }))).toMatchObject({
      message: expect.stringContaining('The stack MarkCertificateCollector-brand in eu-central-1 has no output'),
    });
  });

  test('A stack whose deployment failed has no outputs, and the error says so.', async () => {
    await deployed({ stacks: [{ name: stackNameOf('brand'), description: STACK_DESCRIPTION }] });
    expect(await failureOf(open({ collector: 'brand' }))).toMatchObject({
      message: expect.stringContaining('The stack MarkCertificateCollector-brand in eu-central-1 has no output'),
    });
    expect(await failureOf(open())).toMatchObject({ next: 'Add --collector brand to the command.' });
  });

  test('Without the permission to list all stacks, the error names it.', async () => {
    await deployed({ stacks: [], mayListStacks: false });
    expect(await failureOf(open({ collector: 'brand' }))).toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('There is no stack MarkCertificateCollector-brand'),
      next: expect.stringContaining('cloudformation:DescribeStacks on all stacks'),
    });
  });

  test('A stack of release 0.1.0 without the output Settings is the default one.', async () => {
    const { outputs = {}, ...stack } = stackNamed('mark-certificate-collector');
    const { Settings: _, ...others } = outputs;
    await deployed({ stacks: [{ ...stack, outputs: others }] });
    expect(await open({}, ({ settings }) => settings)).toBeUndefined();
  });

  test.each(['Brand', '-brand', 'a'.repeat(33), ''])('The name %j is wrong usage.', async (collector) => {
    await deployed();
    const failure = await failureOf(open({ collector }));
    expect(failure).toBeInstanceOf(UsageError);
    expect(String(failure)).toMatch(/--collector: .* is not accepted; accepted: 1 to 32 lower-case letters/);
  });

  test.each([
    [[], /Select another account or region with --profile and --region, or deploy a collector/],
    [['brand'], /^Add --collector brand to the command\.$/],
    [['brand', 'another'], /--collector and one of the names: another, brand\./],
  ])('If it is missing, the error names the others: %j.', async (names, next) => {
    await deployed({ stacks: names.map((name) => stackNamed(name)) });
    const failure = await failureOf(open());
    expect(failure).toMatchObject({ name: 'CommandError', exitCode: 2, next: expect.stringMatching(next) });
    expect(String(failure)).toContain('There is no collector mark-certificate-collector in eu-central-1');
  });

  test('Without an output, the error names the stack and the output.', async () => {
    await deployed();
    const failure = await failureOf(open({}, ({ output }) => output('PushUrl')));
    expect(failure).toMatchObject({ exitCode: 2, message: expect.stringContaining('no output PushUrl') });
  });
});

describe('Every error of AWS is an error of the command with the next step', () => {
  test('Without a region.', async () => {
    stubAws({ AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
    expect(await failureOf(open())).toMatchObject({
      exitCode: 2,
      message: 'No AWS region is selected.',
      next: expect.stringContaining('--region'),
    });
  });

  test.each(['eu central 1', 'eu-central-1/', '\u001B[2J', '-', '*', 'x'.repeat(64)])(
    'With %j, which is no region, as the option and in the environment.',
    async (region) => {
      stubAws({ AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: region });
      const usage = await failureOf(open({ region }));
      expect(usage).toBeInstanceOf(UsageError);
      expect(String(usage)).toMatch(
        /--region: [^\p{Cc}]+ is not accepted; accepted: a region of AWS like eu-central-1$/u,
      );
      expect(await failureOf(open())).toMatchObject({
        exitCode: 2,
        message: expect.stringMatching(/^The AWS region [^\p{Cc}]+ is not accepted\.$/u),
        next: expect.stringContaining('AWS_REGION'),
      });
    },
  );

  test('Without credentials.', async () => {
    stubAws({ AWS_REGION: 'eu-central-1' });
    const failure = await failureOf(open());
    expect(failure).toBeInstanceOf(CommandError);
    expect(failure).toMatchObject({ exitCode: 2, next: expect.stringContaining('There are no AWS credentials') });
  });

  test('With a profile that does not exist.', async () => {
    stubAws({ AWS_REGION: 'eu-central-1' });
    expect(await failureOf(open({ profile: 'absent' }))).toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('AWS cannot be used with the profile absent'),
      next: expect.stringContaining('--profile'),
    });
  });

  test('If nothing answers.', async () => {
    const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'eu-central-1' };
    stubAws({ ...credentials, AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_MAX_ATTEMPTS: '1' });
    expect(await failureOf(open())).toMatchObject({ exitCode: 2, next: expect.stringContaining('network connection') });
  });

  test.each([
    ['ExpiredTokenException', /Sign in again/],
    ['UnrecognizedClientException', /Sign in again/],
    ['AccessDeniedException', /ask for the permission/],
    ['SomethingElse', /Try again/],
  ])('If AWS refuses a request with %s.', async (error, next) => {
    await deployed({
      actions: {
        'AWSStepFunctions.ListExecutions': () => {
          throw new ServiceError(error, 'refused');
        },
      },
    });
    const failure = await failureOf(
      open({}, async ({ sfn, stateMachineArn }) => {
        const client = await sfn();
        return withCommandErrors(
          'The executions cannot be listed',
          () => client.send(new ListExecutionsCommand({ stateMachineArn })),
          'states:ListExecutions',
        );
      }),
    );
    expect(failure).toMatchObject({
      name: 'CommandError',
      exitCode: 2,
      message: expect.stringContaining('The executions cannot be listed: refused.'),
      next: expect.stringMatching(next),
    });
    expect(String(failure).includes('states:ListExecutions')).toBe(error === 'AccessDeniedException');
  });

  test('A refused HEAD request, which has no body, names the permission.', async () => {
    const s3 = await deployed();
    s3.before = () => ({ status: 403, code: 'AccessDenied' });
    const failure = await failureOf(
      open({}, async ({ storage }) => {
        const { head } = await storage();
        return withCommandErrors('The order cannot be read', () => head('orders/1/status.json'), 's3:GetObject');
      }),
    );
    expect(failure).toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('It needs the permission s3:GetObject.'),
      next: expect.stringContaining('--profile'),
    });
  });
});
