import { describe, expect, test } from 'vitest';
import { deploy, UnknownRemovalError } from '../../../infra/deployed/deploy.ts';
import type { ServedStack } from '../../../infra/local/cloud/cloudformation-endpoint.ts';
import { commandLinesIn, problemOf } from '../command-line/command-lines.ts';
import { KEY_ARN } from '../synthesized.ts';
import { cloudFormationWith, collectorWith, deployedAs, recordingCdk } from './app.ts';

type TextSettings = Readonly<Record<string, string>>;

interface Run {
  /** The settings of cdk.json. */
  readonly next?: TextSettings;
  readonly stacks?: readonly ServedStack[];
  readonly remove?: readonly string[];
  readonly exitCode?: number;
  readonly profile?: string;
}

/** Deploys to an account with these stacks. */
async function run({ next = {}, stacks = [], remove = [], exitCode = 0, profile }: Run) {
  const { cdk, calls } = recordingCdk(exitCode);
  const collector = await collectorWith(next);
  const lines: string[] = [];
  const deployed = await deploy({
    collector,
    cloudFormation: await cloudFormationWith(...stacks),
    cdk,
    print: (line) => lines.push(line),
    region: 'eu-central-1',
    profile,
    remove,
    cdkArguments: ['--require-approval', 'never'],
  });
  const called = [['deploy', '--app', collector.assembly, '--require-approval', 'never']];
  return { deployed, output: lines.join('\n'), calls, called };
}

const stackWith = async (settings: TextSettings, outputs: TextSettings = {}) =>
  deployedAs(await collectorWith(settings), outputs);

describe('The first deployment', () => {
  test('deploys what was synthesized, and prints what to do next.', async () => {
    const { deployed, output, calls, called } = await run({
      next: { alarmEmail: 'a@example.com', notifyEmail: 'b@example.com' },
    });
    expect({ deployed, calls }).toEqual({ deployed: true, calls: called });
    expect(output).toContain('Creating the stack MarkCertificateCollector in eu-central-1');
    const selection = '--collector mark-certificate-collector --region eu-central-1';
    expect(output).toContain(`npm run -s mark-certificates -- login ${selection}\n`);
    expect(output).toContain(`npm run smoke -- ${selection}\n`);
    expect(output).toContain(`npm run -s mark-certificates -- order ORDER --domain DOMAIN ${selection}`);
    expect(output).toContain('Confirm the subscription of a@example.com and b@example.com');
  });

  test('prints commands that the program accepts, and that select the same collector, profile and region.', async () => {
    const next = { name: 'acme', eventSource: 'acme' };
    const { output } = await run({ next, profile: 'a brand' });
    const commands = commandLinesIn(output);
    expect(commands.map(([name]) => name)).toEqual(['login', 'order']);
    for (const words of commands) {
      expect(words.join(' ')).toContain('--collector acme --profile a brand --region eu-central-1');
      expect(await problemOf(words), words.join(' ')).toBeUndefined();
    }
  });

  test('says that no address receives alarms.', async () => {
    expect((await run({})).output).toContain('No e-mail address receives alarms and messages.');
  });

  test('follows a creation that failed.', async () => {
    const failed = { name: 'MarkCertificateCollector', status: 'ROLLBACK_COMPLETE' };
    expect(await run({ stacks: [failed] })).toMatchObject({ deployed: true });
  });

  test('prints no next step if cdk fails.', async () => {
    const { deployed, output } = await run({ exitCode: 1 });
    expect(deployed).toBe(false);
    expect(output).not.toContain('Next:');
  });

  test('is refused beside a collector with another name, unless --remove name is given.', async () => {
    const stacks = [{ name: 'Other' }, await stackWith({})];
    const next = { name: 'acme', eventSource: 'acme' };
    const refused = await run({ next, stacks });
    expect(refused).toMatchObject({ deployed: false, calls: [] });
    expect(refused.output).toContain('Deployed: mark-certificate-collector (stack MarkCertificateCollector).');
    expect(refused.output).toContain('To create another collector, add: --remove name');
    expect(await run({ next, stacks, remove: ['name'] })).toMatchObject({ deployed: true });
  });

  test.each([{ description: '' }, { outputs: {} }])(
    'is refused beside a collector that only its description or only its settings identify: without %j.',
    async (missing) => {
      const stacks = [{ ...(await stackWith({})), ...missing }];
      const { deployed, output } = await run({ next: { name: 'acme', eventSource: 'acme' }, stacks });
      expect(deployed).toBe(false);
      expect(output).toContain('MarkCertificateCollector');
    },
  );

  test('is refused if it would take the events of another collector, whatever is removed.', async () => {
    const { deployed, output } = await run({ next: { name: 'acme' }, stacks: [await stackWith({})], remove: ['name'] });
    expect(deployed).toBe(false);
    expect(output).toContain(
      'Refused: eventSource: two collectors take the events with the source "mark-certificates"',
    );
  });
});

describe('A later deployment', () => {
  test('prints every difference, and deploys if nothing is taken away.', async () => {
    const stacks = [await stackWith({})];
    const { deployed, output, calls, called } = await run({ next: { pollEvery: 'PT6H', publish: 'true' }, stacks });
    expect({ deployed, calls }).toEqual({ deployed: true, calls: called });
    expect(output).toContain('pollEvery: PT3H → PT6H');
    expect(output).toContain('publish: false → true');
    expect(output).toContain('After a certificate is published, put its BIMI record into the DNS');
    expect(output).not.toContain('mark-certificates -- login');
  });

  test('says that no setting changes.', async () => {
    const { deployed, output } = await run({ stacks: [await stackWith({})] });
    expect(deployed).toBe(true);
    expect(output).toContain('no setting changes');
    expect(output).not.toContain('Next:');
  });

  test('is refused with a forgotten setting, and the message contains the loss and both ways out.', async () => {
    const stacks = [await stackWith({ publish: 'true', alarmEmail: 'a@example.com' })];
    const { deployed, output, calls } = await run({ stacks });
    expect({ deployed, calls }).toEqual({ deployed: false, calls: [] });
    expect(output).toContain('publish: true → false');
    expect(output).toContain('mailboxes show no logo');
    expect(output).toContain('under "context" in cdk.json');
    expect(output).toContain('add: --remove alarmEmail --remove publish');
    expect(output).toContain('Nothing was deployed.');
  });

  test('takes away exactly what --remove names.', async () => {
    const stacks = [await stackWith({ publish: 'true', push: 'true' })];
    expect(await run({ stacks, remove: ['publish'] })).toMatchObject({
      deployed: false,
      output: expect.stringContaining('removes what people depend on: push.'),
    });
    expect(await run({ stacks, remove: ['publish', 'push'] })).toMatchObject({ deployed: true });
  });

  test('says that --remove has no effect if nothing is taken away.', async () => {
    const { deployed, output } = await run({ stacks: [await stackWith({})], remove: ['push'] });
    expect(deployed).toBe(true);
    expect(output).toContain('--remove push has no effect');
  });

  test('is refused if it takes the events of another collector.', async () => {
    const next = { name: 'acme' };
    const stacks = [await stackWith({}), await stackWith({ ...next, eventSource: 'acme' })];
    const { deployed, output } = await run({ next, stacks, remove: ['eventSource'] });
    expect(deployed).toBe(false);
    expect(output).toContain('(the stacks MarkCertificateCollector and MarkCertificateCollector-acme)');
  });

  test('is refused if a resource that people depend on is not in the new template; --remove accepts its id.', async () => {
    const stack = await stackWith({});
    const template = { Resources: { OldBucket: { Type: 'AWS::S3::Bucket', Properties: {} } } };
    const stacks = [{ ...stack, template }];
    const refused = await run({ stacks });
    expect(refused.deployed).toBe(false);
    expect(refused.output).toContain('OldBucket (AWS::S3::Bucket) is deleted');
    expect(refused.output).toContain('add: --remove OldBucket');
    expect(await run({ stacks, remove: ['OldBucket'] })).toMatchObject({ deployed: true });
  });

  test('over a stack without the output Settings compares its other outputs and its resources.', async () => {
    const old = await stackWith({ publish: 'true', alarmEmail: 'a@example.com', pollEvery: 'PT6H' });
    const outputs = { PublishedUrl: 'https://d1.cloudfront.net', DistributionDomainName: 'd1.cloudfront.net' };
    const { deployed, output } = await run({ stacks: [{ ...old, outputs }] });
    expect(deployed).toBe(false);
    expect(output).toContain('has no output Settings');
    expect(output).toContain('publish: true → false');
    expect(output).toMatch(/\w+ \(AWS::SNS::Subscription\) is deleted/);
    expect(output).not.toContain('pollEvery');
  });

  test('over a stack without the output Settings also compares the settings that its template contains.', async () => {
    const lost = {
      eventSource: 'com.example.shop',
      eventBusName: 'orders',
      trustAnchors: 'ab'.repeat(32),
      kmsKeyArn: KEY_ARN,
      collectUrl: 'https://ca.example/CollectMC',
    };
    const stacks = [{ ...(await stackWith(lost)), outputs: {} }];
    const { deployed, output } = await run({ stacks });
    expect(deployed).toBe(false);
    for (const name of Object.keys(lost)) {
      expect(output).toContain(`${name}: ${lost[name as keyof typeof lost]} → `);
    }
    expect(output).toContain(
      'add: --remove eventSource --remove eventBusName --remove trustAnchors --remove kmsKeyArn',
    );
    expect(await run({ next: lost, stacks })).toMatchObject({
      deployed: true,
      output: expect.stringContaining('no setting changes'),
    });
  });

  test('is refused if the deployed template cannot be parsed, and the message contains the way out.', async () => {
    const stack = await stackWith({});
    const { deployed, output, calls } = await run({ stacks: [{ ...stack, template: 'Resources: {}' }] });
    expect({ deployed, calls }).toEqual({ deployed: false, calls: [] });
    expect(output).toContain('the template of the stack MarkCertificateCollector cannot be parsed');
    expect(output).toContain('npx cdk deploy');
  });
});

describe('An unknown name of --remove', () => {
  test.each(['everything', 'pollEvery', 'dashboard', 'NoSuchResource'])(
    'is refused with the names that are accepted: %s.',
    async (name) => {
      const refusal = run({ stacks: [await stackWith({})], remove: [name] });
      await expect(refusal).rejects.toThrow(UnknownRemovalError);
      await expect(refusal).rejects.toThrow(`--remove: ${name} is not accepted; accepted: publish, push, alarmEmail,`);
    },
  );
});
