import { describe, expect, test } from 'vitest';
import { NEXT_STEPS } from '../../functions/errors.ts';
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

  test('are about alarms that exist with the default settings, except one for push and one for publish.', () => {
    const others = anchorsOf(withSettings).filter((anchor) => !anchorsOf(byDefault).includes(anchor));
    expect(others.toSorted()).toEqual(['a-certificate-was-not-published', 'push-fails']);
    expect(anchorsOf(withSettings)).toEqual(expect.arrayContaining(anchorsOf(byDefault)));
  });

  test('have the words of the alarm as their heading.', () => {
    const names = all(withSettings, 'AWS::CloudWatch::Alarm').map(({ Properties }) =>
      String(Properties.AlarmName).replace('acme: ', ''),
    );
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

  test('name every error that ends a collection, in one table.', () => {
    const names = tableBelow(RUNBOOK, '| error | what happened | what to do |').map(
      ([name = '']) => codeIn(name) || name,
    );
    expect(names).toEqual([...Object.keys(NEXT_STEPS), 'any other']);
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

  test('find functions, log groups and queues by a part of their names.', () => {
    const parts = [...RUNBOOK.matchAll(/contains\([^,]+, '(\w+)'\)/g)].map(([, part = '']) => part);
    const ids = Object.entries(withSettings.resolved.Resources)
      .filter(([, { Type }]) => ['AWS::Lambda::Function', 'AWS::Logs::LogGroup', 'AWS::SQS::Queue'].includes(Type))
      .map(([id]) => id);
    expect(parts.length).toBeGreaterThan(2);
    for (const part of parts) {
      expect(ids.filter((id) => id.includes(part)).length, part).toBeGreaterThan(0);
    }
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
