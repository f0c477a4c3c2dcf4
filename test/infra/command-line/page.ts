import { codesIn, read } from '../markdown.ts';

/**
 * The fields of a result that the section of a command in docs/command-line.md does not name, with the fields of objects
 * and lists in it.
 *
 * @param sections the headings of the sections in which they may be named.
 */
export function undocumentedFields(result: unknown, ...sections: readonly string[]): string[] {
  const documented = new Set(
    sections.flatMap((section) => [...codesIn(sectionOf(section)), ...documentedFields(section)]),
  );
  return [...new Set(fieldsOf(result))].filter((field) => !documented.has(field));
}

/**
 * The fields at the top of a result that the section of a command documents: in the tables with the head
 * `| field | content |`, and in the example of a result, which contains all of them.
 */
export function documentedFields(heading: string): string[] {
  const section = sectionOf(heading);
  const examples = [...section.matchAll(/^```json\n(.*?)^```$/gms)].map(([, json = '']) => JSON.parse(json));
  const rows = section
    .split('\n| field | content |\n')
    .slice(1)
    .flatMap((below) => /^(?:\|.*\n)+/.exec(below) ?? []);
  const cells = rows.flatMap((table) =>
    table
      .trim()
      .split('\n')
      .map((row) => row.split('|')[1] ?? ''),
  );
  return [...examples.flatMap((example) => Object.keys(example)), ...cells.flatMap(codesIn)];
}

/**
 * The fields of a judgement in the table about the JSON of `inspect`, and the fields of their objects: `name` or
 * `name: {a, b}`.
 *
 * @param of the first cell of the row.
 */
export function judgementFields(of: string): Record<string, readonly string[]> {
  const row = sectionOf('inspect')
    .split('\n')
    .find((line) => line.startsWith(`| ${of} | `));
  const fields = [...(row ?? '').slice(of.length + 4).matchAll(/`(\w+)(?:: \[?\{([\w, ]+)\}\]?)?`/g)];
  return Object.fromEntries(fields.map(([, name = '', inner]) => [name, inner?.split(', ') ?? []]));
}

function sectionOf(heading: string): string {
  const [, after = ''] = read('docs/command-line.md').split(`\n## ${heading}\n`);
  const [section = ''] = after.split('\n## ');
  if (section === '') {
    throw new Error(`docs/command-line.md has no section ${heading}`);
  }
  return section;
}

function fieldsOf(value: unknown): string[] {
  if (Array.isArray(value)) {
    return value.flatMap(fieldsOf);
  }
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  return Object.entries(value).flatMap(([name, content]) => [name, ...fieldsOf(content)]);
}
