import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import { beforeAll, describe, expect, test } from 'vitest';
import { FINDINGS } from '../../functions/certificate/findings.ts';
import { NEXT_STEPS } from '../../functions/errors.ts';
import { DIFFERENCES } from '../../functions/survey/differences.ts';
import { SCENARIOS } from '../../infra/local/scenarios.ts';
import { readSettings, SETTING_NAMES } from '../../infra/settings.ts';
import { all, PROJECT, SETTINGS, type SynthesizedStack, synthesize } from './synthesized.ts';

const RUNBOOK = read('docs/runbook.md');
const README = read('README.md');
const PAGES = ['README.md', ...markdownIn('docs')];

let byDefault: SynthesizedStack;
let withSettings: SynthesizedStack;

beforeAll(() => {
  byDefault = synthesize();
  withSettings = synthesize(SETTINGS);
});

function read(file: string): string {
  return readFileSync(join(PROJECT, file), 'utf8');
}

function markdownIn(directory: string): string[] {
  return readdirSync(join(PROJECT, directory), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join(directory, file));
}

/** Text outside of code blocks. */
function proseOf(markdown: string): string {
  return markdown.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');
}

function headingsOf(markdown: string): string[] {
  return [...proseOf(markdown).matchAll(/^#{1,6} +(.+?) *$/gm)].map(([, heading = '']) => heading);
}

/** GitHub's rule: lower case, without punctuation, a hyphen for each space. */
function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{Letter}\p{Number}\p{Mark} _-]/gu, '')
    .replaceAll(' ', '-');
}

/** The rows of the table below a header, each as its cells. */
function tableBelow(markdown: string, header: string): string[][] {
  const [, below = ''] = markdown.split(`${header}\n`);
  const rows = /^(?:\|.*\n)+/.exec(below)?.[0].trim().split('\n') ?? [];
  return rows.slice(1).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** What stands between backticks. */
function codeIn(text: string): string {
  return /^`(.*)`$/.exec(text)?.[1] ?? '';
}

describe("the runbook's alarms", () => {
  const [, alarms = ''] = /^# Alarms$([\s\S]+?)^# /m.exec(RUNBOOK) ?? [];
  const anchorsOf = (stack: SynthesizedStack) =>
    all(stack, 'AWS::CloudWatch::Alarm').map(
      ({ Properties }) => String(Properties.AlarmDescription).split('docs/runbook.md#')[1],
    );

  test('have a heading each, and every heading has an alarm', () => {
    expect(headingsOf(alarms).map(slugOf)).not.toEqual([]);
    expect([...new Set(anchorsOf(withSettings))].toSorted()).toEqual(headingsOf(alarms).map(slugOf).toSorted());
    expect(anchorsOf(synthesize({ publish: 'true' }))).toEqual(anchorsOf(withSettings));
  });

  test('are all there without any setting, but for those of what is published', () => {
    expect(
      [...new Set(anchorsOf(withSettings))].filter((anchor) => !anchorsOf(byDefault).includes(anchor)).toSorted(),
    ).toEqual(['a-certificate-was-not-published', 'a-publication-is-broken', 'a-published-certificate-was-revoked']);
    expect(anchorsOf(withSettings)).toEqual(expect.arrayContaining(anchorsOf(byDefault)));
  });

  test.each(headingsOf(alarms))('The section "%s" has the parts Meaning, Check and Fix.', (heading) => {
    const [, chapter = ''] = alarms.split(`## ${heading}\n`);
    const [text = ''] = chapter.split('\n## ');
    expect([...text.matchAll(/^\*\*(\w+)\*\*/gm)].map(([, word]) => word)).toEqual(['Meaning', 'Check', 'Fix']);
  });

  test('name every error that ends a collection, in one table', () => {
    const names = tableBelow(RUNBOOK, '| error | what happened | what to do |').map(
      ([name = '']) => codeIn(name) || name,
    );
    expect(names).toEqual([...Object.keys(NEXT_STEPS), 'any other']);
  });
});

describe('what the runbook tells to type', () => {
  test('asks for outputs that the stack has', () => {
    const asked = PAGES.flatMap((page) => [
      ...read(page).matchAll(/(?:\boutput |\boutput `|the stack's output |OutputKey==')([A-Z]\w+)/g),
    ]).map(([, name = '']) => name);
    expect(asked.length).toBeGreaterThan(5);
    expect(Object.keys(withSettings.resolved.Outputs)).toEqual(expect.arrayContaining(asked));
  });

  test('names saved queries that there are, and each of them', () => {
    const names = all(withSettings, 'AWS::Logs::QueryDefinition').map(({ Properties }) =>
      String(Properties.Name).replace('MarkCertificateCollector/', ''),
    );
    const words = RUNBOOK.replaceAll(/\s+/g, ' ');
    const asked = [...words.matchAll(/saved query "([^"]+)"/g)].map(([, name = '']) => name);
    expect(asked.length).toBeGreaterThan(3);
    expect(names).toEqual(expect.arrayContaining(asked));
    expect(names.filter((name) => !words.includes(`"${name}"`))).toEqual([]);
  });

  test('finds functions, log groups and queues by a part of their names', () => {
    const parts = [...RUNBOOK.matchAll(/contains\([^,]+, '(\w+)'\)/g)].map(([, part = '']) => part);
    const ids = Object.entries(withSettings.resolved.Resources)
      .filter(([, { Type }]) => ['AWS::Lambda::Function', 'AWS::Logs::LogGroup', 'AWS::SQS::Queue'].includes(Type))
      .map(([id]) => id);
    expect(parts.length).toBeGreaterThan(2);
    for (const part of parts) {
      expect(ids.filter((id) => id.includes(part)).length, part).toBeGreaterThan(0);
    }
  });

  test('tries stories that "npm start" can tell', () => {
    const asked = PAGES.flatMap((page) => [...read(page).matchAll(/--scenario ([a-z-]+)/g)]).map(
      ([, name = '']) => name,
    );
    expect(asked.length).toBeGreaterThan(3);
    expect(Object.keys(SCENARIOS)).toEqual(expect.arrayContaining(asked));
  });

  test('sets settings that there are', () => {
    const asked = PAGES.flatMap((page) => [...read(page).matchAll(/-c (\w+)=/g)]).map(([, name = '']) => name);
    expect(asked.length).toBeGreaterThan(3);
    expect(SETTING_NAMES).toEqual(expect.arrayContaining(asked));
  });
});

describe.each(PAGES)('%s', (page) => {
  const links = [...proseOf(read(page)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link));

  test('has links that lead to a file, and to a heading of it', () => {
    const broken = links.filter((link) => {
      const [path = '', anchor] = link.split('#');
      const file = path === '' ? page : relative(PROJECT, join(PROJECT, dirname(page), path));
      if (!existsSync(join(PROJECT, file))) {
        return true;
      }
      return anchor !== undefined && !headingsOf(read(file)).map(slugOf).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  test('has no two headings of one name: a link would find the first', () => {
    const slugs = headingsOf(read(page)).map(slugOf);
    expect(slugs.filter((slug, index) => slugs.indexOf(slug) !== index)).toEqual([]);
  });
});

describe('the links of all pages', () => {
  test('are some: the test above looks at them', () => {
    expect(proseOf(RUNBOOK)).toContain('](#redrive-after-a-fix)');
    expect(README).toContain('](docs/runbook.md)');
  });
});

describe("the README's settings", () => {
  const rows = tableBelow(README, '| setting | default | accepted |');

  test('are all there are, and no others', () => {
    expect(rows.map(([name = '']) => codeIn(name)).toSorted()).toEqual(SETTING_NAMES.toSorted());
  });

  test('have the defaults they have', () => {
    const defaults = Object.entries(readSettings({})).map(([name, value]) => {
      const text = value instanceof Duration ? inDaysOrHours(value) : value === undefined ? '' : String(value);
      return [name, name === 'collectUrl' ? "the CA's endpoint" : text];
    });
    const told = rows.map(([name = '', value = '']) => [codeIn(name), codeIn(value) || value]);
    expect(Object.fromEntries(told)).toEqual({
      ...Object.fromEntries(SETTING_NAMES.map((name) => [name, ''])),
      ...Object.fromEntries(defaults),
    });
  });
});

describe('the tables of what can be broken about a publication', () => {
  const told = (markdown: string, header: string) =>
    tableBelow(markdown, header)
      .flatMap(([ids = '']) => ids.split(', ').map(codeIn))
      .toSorted();

  test('have the ids of the code, in the events as in the runbook', () => {
    const rows = tableBelow(read('docs/events.md'), '| id | difference |');
    expect(rows.map(([id = '', meaning]) => [codeIn(id), meaning])).toEqual(Object.entries(DIFFERENCES));
    expect(told(RUNBOOK, '| difference | what to do |')).toEqual(Object.keys(DIFFERENCES).toSorted());
  });
});

describe('the table of findings', () => {
  test('has the ids and severities of the code, in its order', () => {
    const told = tableBelow(read('docs/findings.md'), '| id | severity | condition |');
    expect(told.map(([id = '', severity]) => [codeIn(id), severity])).toEqual(
      Object.entries(FINDINGS).map(([id, { severity }]) => [id, severity]),
    );
  });
});

/** As a person writes it: P90D, PT3H. */
function inDaysOrHours(duration: Duration): string {
  const days = duration.toDays({ integral: false });
  return Number.isInteger(days) ? `P${days}D` : `PT${duration.toHours()}H`;
}
