import { existsSync, globSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import { describe, expect, test } from 'vitest';
import { FINDINGS } from '../../functions/certificate/findings.ts';
import { RECEIVER_FACTS, RECEIVERS } from '../../functions/certificate/receivers.ts';
import { STATUSES } from '../../functions/collectmc/codes.ts';
import { FINDING_ACTIONS } from '../../functions/pages/finding-actions.ts';
import { REFUSALS } from '../../functions/publish/refusals.ts';
import { DIFFERENCES } from '../../functions/survey/differences.ts';
import { WATCHED_DIFFERENCES } from '../../functions/survey/watched-differences.ts';
import { REMOVABLE_SETTINGS } from '../../infra/deployed/changes.ts';
import { SCENARIOS } from '../../infra/local/scenarios.ts';
import { readSettings, SETTING_NAMES } from '../../infra/settings.ts';
import { codeIn, codesIn, headingsOf, namedInPages, PAGES, proseOf, read, slugOf, tableBelow } from './markdown.ts';
import { PROJECT } from './synthesized.ts';

/** Every file of the project, relative to it. */
const FILES = globSync(['*', '{.ci,.github,docs,functions,infra,test}/**'], {
  cwd: PROJECT,
  exclude: ['**/node_modules', '**/cdk.out'],
});

describe.each(PAGES)('%s', (page) => {
  const links = [...proseOf(read(page)).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link));

  test('Every link leads to a file, and to a heading of it.', () => {
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

  test('No two headings have the same name, because a link would find only the first.', () => {
    // Each release in the changelog has the same headings. No page links to them.
    const headings = headingsOf(read(page)).filter(
      (heading) => page !== 'CHANGELOG.md' || !/^(Added|Changed|Deprecated|Removed|Fixed|Security)$/.test(heading),
    );
    const slugs = headings.map(slugOf);
    expect(slugs.filter((slug, index) => slugs.indexOf(slug) !== index)).toEqual([]);
  });

  test('Every path of this repository that the page names exists.', () => {
    expect(codesIn(read(page)).filter(isMissing)).toEqual([]);
    const inCommands = [...read(page).matchAll(/(?<![\w./~-])(?:\.\/)?((?:infra|functions|test)\/[\w./-]+\.\w+)/g)];
    expect(inCommands.map(([, path = '']) => path).filter((path) => !existsSync(join(PROJECT, path)))).toEqual([]);
  });

  test('Every name that the page places in a file is in that file.', () => {
    const misplaced = namesInFiles(read(page)).filter(
      ({ name, file }) => !existsSync(join(PROJECT, file)) || !containsWord(read(file), name),
    );
    expect(misplaced).toEqual([]);
  });
});

/** Whether a text between backticks is a path of the repository that does not exist; `*` and `<…>` match any name. */
function isMissing(code: string): boolean {
  const pattern = code.replace(/^\.\//, '').replaceAll(/<[^>]*>/g, '*');
  if (/^(?:\.ci|docs|functions|infra|test)\/[\w./*-]*$/.test(pattern)) {
    return globSync(pattern.replace(/\/$/, ''), { cwd: PROJECT }).length === 0;
  }
  // A path relative to a folder that the text names: `handler.ts`, `collect/archives.ts`.
  if (/^[\w./-]+\.(?:ts|py|md)$/.test(pattern)) {
    return !FILES.some((file) => file === pattern || file.endsWith(`/${pattern}`));
  }
  return false;
}

/** "the rule `Ordered` (`infra/triggers.ts`)": a name in backticks, followed by its file in parentheses. */
function namesInFiles(markdown: string): { name: string; file: string }[] {
  return [...markdown.matchAll(/`(\w+)`\s+\(`((?:functions|infra|test)\/[\w./-]+\.ts)`/g)].map(
    ([, name = '', file = '']) => ({ name, file }),
  );
}

function containsWord(text: string, word: string): boolean {
  return new RegExp(`\\b${word}\\b`).test(text);
}

describe('The tests above', () => {
  test('find links, paths, and names with their files.', () => {
    expect(proseOf(read('docs/runbook.md'))).toContain('](#redrive-after-a-fix)');
    expect(proseOf(read('README.md'))).toContain('](docs/runbook.md)');
    expect(PAGES.flatMap((page) => namesInFiles(read(page)))).toContainEqual({
      name: 'Ordered',
      file: 'infra/triggers.ts',
    });
  });

  test('notice a path that does not exist.', () => {
    const codes = ['infra/none.ts', 'functions/none/', 'docs/none/*.md', 'none.ts', 'functions/*.ts', 'bimi.ts'];
    expect(codes.filter(isMissing)).toEqual(['infra/none.ts', 'functions/none/', 'docs/none/*.md', 'none.ts']);
  });
});

describe('The commands in all pages', () => {
  test('name scenarios that "npm start" has.', () => {
    const scenarios = namedInPages(/--scenario ([a-z-]+)/g);
    expect(scenarios.length).toBeGreaterThan(3);
    expect(Object.keys(SCENARIOS)).toEqual(expect.arrayContaining(scenarios));
  });

  test('set settings that exist, and only those that do not last, with -c.', () => {
    const lines = PAGES.filter((page) => page !== 'CHANGELOG.md').flatMap((page) => read(page).split('\n'));
    const withContext = lines.filter((line) => /\s-c \w+=/.test(line));
    expect(withContext.filter((line) => !/npm run (synth|local:up|down) -- |cdk synth /.test(line))).toEqual([]);
    const settings = namedInPages(/-c (\w+)=/g);
    expect(SETTING_NAMES).toEqual(expect.arrayContaining(settings));
  });

  test('show settings in cdk.json that exist, with values that are accepted.', () => {
    const blocks = PAGES.flatMap((page) => [...read(page).matchAll(/^( *)```json\n([\s\S]*?)^ *```$/gm)])
      .map(([, , json = '']) => JSON.parse(json))
      .filter((value) => 'context' in value);
    expect(blocks.length).toBeGreaterThan(1);
    for (const { context } of blocks) {
      expect(SETTING_NAMES).toEqual(expect.arrayContaining(Object.keys(context)));
      expect(() => readSettings(context)).not.toThrow();
    }
    const inText = namedInPages(/`"(\w+)": [^`]+` (?:(?:under `context` in|to) `cdk\.json`|and `")/g);
    expect(inText.length).toBeGreaterThan(3);
    expect(SETTING_NAMES).toEqual(expect.arrayContaining(inText));
  });

  test('run npm scripts that exist.', () => {
    const scripts = namedInPages(/npm run (?:-s )?([a-z]+(?:[:-][a-z]+)*)/g);
    expect(scripts.length).toBeGreaterThan(3);
    expect(Object.keys(JSON.parse(read('package.json')).scripts)).toEqual(expect.arrayContaining(scripts));
  });
});

/** Defaults that the table describes, because they are too long for it. */
const LONG_DEFAULTS: Readonly<Record<string, string>> = {
  collectUrl: "the CA's endpoint",
  runbookUrl: 'the page in the repository',
};

describe('The table of settings', () => {
  const rows = tableBelow(read('docs/settings.md'), '| setting | default | accepted |');

  test('lists every setting, and no other.', () => {
    expect(rows.map(([name = '']) => codeIn(name)).toSorted()).toEqual(SETTING_NAMES.toSorted());
  });

  test('states the defaults of the code.', () => {
    const defaults = Object.entries(readSettings({})).map(([name, value]) => {
      const text = value instanceof Duration ? inDaysOrHours(value) : value === undefined ? '' : String(value);
      return [name, LONG_DEFAULTS[name] ?? text];
    });
    const documented = rows.map(([name = '', value = '']) => [codeIn(name), codeIn(value) || value]);
    expect(Object.fromEntries(documented)).toEqual({
      ...Object.fromEntries(SETTING_NAMES.map((name) => [name, ''])),
      ...Object.fromEntries(defaults),
    });
  });
});

describe('The option --remove', () => {
  test('has only names in the pages that npm run deploy accepts.', () => {
    const removed = namedInPages(/--remove ([a-z]\w+)/g);
    expect(removed.length).toBeGreaterThan(1);
    expect(REMOVABLE_SETTINGS).toEqual(expect.arrayContaining(removed));
  });
});

describe("The table of the CA's statuses", () => {
  test('lists every status of the code.', () => {
    const section =
      read('docs/orders.md')
        .split(/^\| .*\bCA\b.* \| what happens \|$/m)[1]
        ?.split('\n\n')[0] ?? '';
    const statuses = section
      .split('\n')
      .flatMap((row) => [...(row.split('|')[1]?.split(': ')[0] ?? '').matchAll(/-?\d+/g)])
      .map(([status]) => Number(status));
    expect(statuses.toSorted()).toEqual([...STATUSES.keys()].toSorted());
  });
});

describe('The tables of the differences of a publication', () => {
  test('docs/events.md lists the ids and their meaning as the code does.', () => {
    const rows = tableBelow(read('docs/events.md'), '| id | difference |');
    expect(rows.map(([id = '', meaning]) => [codeIn(id), meaning])).toEqual(Object.entries(DIFFERENCES));
  });

  test('docs/runbook.md lists every id of the code.', () => {
    const ids = tableBelow(read('docs/runbook.md'), '| difference | what to do |').flatMap(([cell = '']) =>
      cell.split(', ').map(codeIn),
    );
    expect(ids.toSorted()).toEqual(Object.keys(DIFFERENCES).toSorted());
  });
});

describe('The table of the differences of a watched domain', () => {
  test('in docs/runbook.md lists every id of the code.', () => {
    const head = '| difference of a watched domain | whom to ask, and for what |';
    const ids = tableBelow(read('docs/runbook.md'), head).flatMap(([cell = '']) => cell.split(', ').map(codeIn));
    expect(ids.toSorted()).toEqual(Object.keys(WATCHED_DIFFERENCES).toSorted());
  });
});

describe('The tables of findings', () => {
  test('have the ids and severities of the code, in its order.', () => {
    const header = '| id | severity | meaning | what to do |';
    const [, ...sections] = read('docs/findings.md').split(header);
    const rows = sections.flatMap((section) => tableBelow(`${header}${section}`, header));
    expect(rows.map(([id = '', severity]) => [codeIn(id), severity])).toEqual(
      Object.entries(FINDINGS).map(([id, { severity }]) => [id, severity]),
    );
  });
});

describe('The actions of a report', () => {
  test('are those in docs/findings.md.', () => {
    const header = '| id | severity | meaning | what to do |';
    const [, ...sections] = read('docs/findings.md').split(header);
    const rows = sections.flatMap((section) => tableBelow(`${header}${section}`, header));
    const withoutMarks = (text: string) => text.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '');
    expect(rows.map(([id = '', , , action = '']) => [codeIn(id), withoutMarks(action)])).toEqual(
      Object.entries(FINDING_ACTIONS),
    );
  });
});

describe('The tables of receivers', () => {
  test('have the ids, names and sources of the code, in its order.', () => {
    const rows = tableBelow(read('docs/findings.md'), '| id | receiver | displays the logo of | source |');
    expect(rows.map(([id = '', name, , source]) => [codeIn(id), name, source])).toEqual(
      RECEIVERS.map(({ id, name, source }) => [id, name, `<${source}>`]),
    );
  });

  test('have the facts of the code, in its order.', () => {
    const rows = tableBelow(read('docs/findings.md'), '| fact | meaning |');
    expect(rows.map(([id = '', meaning]) => [codeIn(id), meaning])).toEqual(Object.entries(RECEIVER_FACTS));
  });
});

describe('The table of reasons not to publish', () => {
  test('lists every reason of the code.', () => {
    const rows = tableBelow(read('docs/publishing.md'), '| reason | what it means | what to do |');
    expect(rows.map(([reason = '']) => codeIn(reason)).toSorted()).toEqual(Object.keys(REFUSALS).toSorted());
  });
});

/** A duration as a person writes it: P90D, PT3H. */
function inDaysOrHours(duration: Duration): string {
  const days = duration.toDays({ integral: false });
  return Number.isInteger(days) ? `P${days}D` : `PT${duration.toHours()}H`;
}

test('The README shows the stack of the examples.', () => {
  expect(read('README.md')).toContain(`\`\`\`ts\n${read('docs/examples/stack.ts')}\`\`\`\n`);
});

test('The README has the command that runs the main job and the command that runs the tests, and CI types the latter.', () => {
  const commands = [...read('README.md').matchAll(/^```sh\n([^\n]+)\n```$/gm)].map(([, command]) => command);
  expect(commands).toEqual(expect.arrayContaining(['npm ci && npm start', 'npm ci && npm test']));
  expect(read('.ci/run').split('\n')).toContain('npm ci && npm test');
});

test("The README's table of versions states what package.json requires, and the oldest Node of CI.", () => {
  const [repository, app, program] = tableBelow(read('README.md'), '| for | Node | `aws-cdk-lib` | `constructs` |');
  const { engines, peerDependencies } = JSON.parse(read('package.json'));
  const oldest = (range: string) => `${range.replace(/^(?:>=|\^)/, '')} or later`;
  expect(app?.slice(1)).toEqual([
    oldest(engines.node),
    oldest(peerDependencies['aws-cdk-lib']),
    oldest(peerDependencies.constructs),
  ]);
  expect(program?.[1]).toBe(oldest(engines.node));
  const [, tested = ''] = /node-version: '?(\d+)/.exec(read('.github/workflows/ci.yml')) ?? [];
  expect(repository?.[1]).toBe(`${tested} or later`);
});
