import { spawnSync } from 'node:child_process';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { FAILURE_NEXT_STEPS } from '../../functions/errors.ts';
import { MarkCertificateCollector } from '../../infra/mark-certificate-collector.ts';
import { outputsOf } from '../../infra/outputs.ts';
import { PUBLICATION_QUERIES, QUERIES } from '../../infra/queries.ts';
import { codeIn, headingsOf, namedInPages, read, slugOf, tableBelow } from './markdown.ts';
import { all, SETTINGS, type SynthesizedStack, synthesize } from './synthesized.ts';

const RUNBOOK = read('docs/runbook.md');
const byDefault = synthesize();
const withSettings = synthesize(SETTINGS);

/** A chapter, without its heading. */
const chapterOf = (title: string) => RUNBOOK.split(/^# /m).find((chapter) => chapter.startsWith(`${title}\n`)) ?? '';

describe("The runbook's sections about alarms", () => {
  const alarms = chapterOf('Alarms');
  const anchorsOf = (stack: SynthesizedStack) =>
    all(stack, 'AWS::CloudWatch::Alarm').map(({ Properties }) => String(Properties.AlarmDescription).split('#')[1]);

  test('explain every alarm, and nothing else.', () => {
    expect(headingsOf(alarms).map(slugOf)).not.toEqual([]);
    expect([...new Set(anchorsOf(withSettings))].toSorted()).toEqual(headingsOf(alarms).map(slugOf).toSorted());
  });

  test('are about alarms that exist with the default settings, except those for push and one for publish.', () => {
    const others = anchorsOf(withSettings).filter((anchor) => !anchorsOf(byDefault).includes(anchor));
    expect(others.toSorted()).toEqual([
      'a-certificate-was-not-published',
      'a-push-is-not-understood',
      'push-fails',
      'pushes-are-refused',
      'too-many-pushes-are-about-unknown-orders',
    ]);
    expect(anchorsOf(withSettings)).toEqual(expect.arrayContaining(anchorsOf(byDefault)));
  });

  test('have the words of the alarm as their heading.', () => {
    const names = all(withSettings, 'AWS::CloudWatch::Alarm').map(({ Properties }) =>
      String(Properties.AlarmName).replace('acme: ', ''),
    );
    expect(names.map(slugOf).toSorted()).toEqual(headingsOf(alarms).map(slugOf).toSorted());
  });

  test('are about the alarms in the table of the chapter.', () => {
    const names = tableBelow(alarms, '| alarm | it fires when |').map(([name = '']) => name);
    expect(names.map(slugOf).toSorted()).toEqual(headingsOf(alarms).map(slugOf).toSorted());
  });

  test.each(['Alarms', 'Messages'].flatMap((chapter) => headingsOf(chapterOf(chapter))))(
    'have the parts Meaning, Check and Fix, as those about messages have: "%s".',
    (heading) => {
      const [, below = ''] = RUNBOOK.split(`\n## ${heading}\n`);
      const [text = ''] = below.split(/^##? /m);
      expect([...text.matchAll(/^\*\*(\w+)\*\*/gm)].map(([, word]) => word)).toEqual(['Meaning', 'Check', 'Fix']);
    },
  );

  test('name every failure that the collector reports, in one table.', () => {
    const names = tableBelow(RUNBOOK, '| error | what happened | what to do |').map(
      ([name = '']) => codeIn(name) || name,
    );
    expect(names).toEqual([...Object.keys(FAILURE_NEXT_STEPS), 'any other']);
  });
});

describe("The runbook's commands", () => {
  test('read outputs that the stack has, as do those of all pages.', () => {
    const outputs = namedInPages(/(?:\boutput |\boutput `|the stack's output |OutputKey==')([A-Z]\w+)/g);
    expect(outputs.length).toBeGreaterThan(5);
    expect(Object.keys(withSettings.resolved.Outputs)).toEqual(expect.arrayContaining(outputs));
  });

  test('name saved queries that exist, and all of them.', () => {
    const deployed = all(withSettings, 'AWS::Logs::QueryDefinition').map(({ Properties }) =>
      String(Properties.Name).replace('acme/', ''),
    );
    expect(deployed.toSorted()).toEqual(Object.keys({ ...QUERIES, ...PUBLICATION_QUERIES }).toSorted());
    const words = RUNBOOK.replaceAll(/\s+/g, ' ');
    const named = [...words.matchAll(/saved query "([^"]+)"/g)].map(([, name = '']) => name);
    expect(named.length).toBeGreaterThan(3);
    expect(deployed).toEqual(expect.arrayContaining(named));
    expect(deployed.filter((name) => !words.includes(`"${name}"`))).toEqual([]);
  });

  test('find exactly one function, log group or queue by its type and a part of its logical id.', () => {
    const lookups = [...RUNBOOK.matchAll(/\bresource (\w+::\w+) (\w+)/g)];
    const resources = Object.entries(withSettings.resolved.Resources);
    expect(lookups.length).toBeGreaterThan(3);
    for (const [lookup, type, part = ''] of lookups) {
      const found = resources.filter(([id, { Type }]) => Type === `AWS::${type}` && id.includes(part));
      expect(found.length, lookup).toBe(1);
    }
  });

  test('find the parts of a collector in a stack of another app.', () => {
    const blocks = [...RUNBOOK.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
    const definitions = blocks.filter((block) => block.includes("'CommandLine'") || block.startsWith('resource()'));
    const stack = new Stack(undefined, undefined, { env: { region: 'eu-central-1', account: '111122223333' } });
    const collector = new MarkCertificateCollector(stack, 'Collector', { name: 'acme' });
    const value = JSON.stringify({
      outputs: Object.fromEntries(Object.keys(outputsOf(collector)).map((name) => [name, `the ${name}`])),
      settings: { name: 'acme', push: false },
    });
    const keys = Object.keys(Template.fromStack(stack).findOutputs('*'));
    expect(keys.filter((key) => key.includes('CommandLine'))).toHaveLength(1);

    const script = `aws() { printf '%s\\n' "$VALUE"; }\n${definitions.join('')}\necho "$MACHINE, $BUCKET, $SECRET, $NAME"`;
    const { stdout } = spawnSync('bash', ['-c', script], { encoding: 'utf8', env: { ...process.env, VALUE: value } });

    expect(definitions).toHaveLength(2);
    expect(stdout).toBe('the StateMachineArn, the BucketName, the CredentialsSecretArn, acme\n');
  });

  test('find resources of the stack only, because an account can have several collectors.', () => {
    expect(RUNBOOK).not.toMatch(/describe-log-groups|list-queues|list-functions|list-state-machines|list-secrets/);
    expect(RUNBOOK).not.toContain('--stack-name MarkCertificateCollector');
  });

  test('delete dead letters one by one.', () => {
    expect(namedInPages(/(purge-queue)/g)).toEqual([]);
    expect(RUNBOOK).toMatch(/aws sqs receive-message [^\n]*--wait-time-seconds 20/);
    expect(RUNBOOK).toContain('aws sqs delete-message');
  });

  test('name graphs that the dashboard has.', () => {
    const [dashboard] = all(withSettings, 'AWS::CloudWatch::Dashboard');
    const named = [...RUNBOOK.matchAll(/"([^"]+)" on the dashboard/g)].map(([, title = '']) => title);
    expect(named).not.toEqual([]);
    for (const title of named) {
      expect(dashboard?.Properties.DashboardBody).toContain(`"title":"${title}"`);
    }
  });
});
