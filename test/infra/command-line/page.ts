import { codesIn, read } from '../markdown.ts';

/**
 * The fields of a result that the section of a command in docs/command-line.md does not name, with the fields of objects
 * and lists in it.
 *
 * @param sections the headings of the sections in which they may be named.
 */
export function undocumentedFields(result: unknown, ...sections: readonly string[]): string[] {
  const documented = new Set(sections.flatMap((section) => codesIn(sectionOf(section))));
  return [...new Set(fieldsOf(result))].filter((field) => !documented.has(field));
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
