import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { CollectorError } from '../../functions/collector-error.ts';
import { PROJECT } from './project.ts';

/** Licences that allow to publish the package's code as a part of this package, if their text comes with it. */
const ACCEPTED_LICENSES = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'MIT-0'];

/** The names of files that contain a licence, or notices that Apache-2.0 requires to keep. */
const LICENSE_FILE = /^(licen[cs]e|copying|notice)([.-].*)?$/i;

/** A person or an organization: `Name <mail> (page)`. */
const authorSchema = v.union([
  v.pipe(
    v.object({ name: v.string() }),
    v.transform(({ name }) => name),
  ),
  v.string(),
]);

const packageSchema = v.object({
  name: v.string(),
  version: v.string(),
  license: v.optional(v.string()),
  author: v.optional(authorSchema),
});

/** A package of which something is bundled. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** The SPDX identifier. */
  readonly license: string | undefined;
  readonly text: string | undefined;
}

/** Bundled packages may not be published. The message contains all of them. */
export class LicenseError extends CollectorError {
  override readonly name = 'LicenseError';
}

/**
 * The packages that bundled sources are from, by name and version.
 *
 * @param sources paths relative to the project.
 * @throws {LicenseError} if a package has no licence that is accepted, or no text of it.
 */
export async function bundledPackages(sources: readonly string[]): Promise<BundledPackage[]> {
  const folders = [
    ...new Set(sources.flatMap((source) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(source) ?? [])),
  ];
  const read = await Promise.all(folders.toSorted().map((folder) => readPackage(folder)));
  const packages = read.map((each) => ({ ...each, text: each.text ?? textOfSibling(each, read) }));
  const problems = packages.flatMap(problemOf);
  if (problems.length > 0) {
    throw new LicenseError(`Packages cannot be published:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
  return [...new Map(packages.map((each) => [`${each.name} ${each.version}`, each])).values()];
}

async function readPackage(folder: string): Promise<BundledPackage> {
  const path = join(PROJECT, folder);
  const { name, version, license, author } = v.parse(
    packageSchema,
    JSON.parse(await readFile(join(path, 'package.json'), 'utf8')),
  );
  const files = (await readdir(path)).filter((file) => LICENSE_FILE.test(file)).toSorted();
  const texts = await Promise.all(files.map((file) => readFile(join(path, file), 'utf8')));
  const text = texts.length > 0 ? texts.join('\n\n') : author && license && (await standardText(license, author));
  return { name, version, license, text: text?.replaceAll('\r\n', '\n').trim() };
}

/** Some packages of a scope, such as a few of `@aws-sdk`, contain no text of the licence that all of its packages have. */
function textOfSibling({ name, license }: BundledPackage, packages: readonly BundledPackage[]): string | undefined {
  const [scope] = /^@[^/]+\//.exec(name) ?? [];
  return scope === undefined
    ? undefined
    : packages.find((other) => other.name.startsWith(scope) && other.license === license && other.text)?.text;
}

/** What is wrong with the licence of a package. */
function problemOf({ name, version, license, text }: BundledPackage): string[] {
  if (license === undefined || !ACCEPTED_LICENSES.includes(license)) {
    return [
      `${name} ${version}: the licence ${JSON.stringify(license)} is not accepted; accepted: ${ACCEPTED_LICENSES.join(', ')}`,
    ];
  }
  return text
    ? []
    : [
        `${name} ${version}: the package contains no text of its licence ${license}; accepted: a file LICENSE, a package of ` +
          'the same scope with one, or an author of a licence whose text is in infra/build/license-texts/',
      ];
}

/**
 * The text of a licence (https://spdx.org/licenses/) with the name of the author, for packages that name their licence but
 * contain no text of it; undefined for a licence of which there is no text here.
 */
async function standardText(license: string, author: string): Promise<string | undefined> {
  const text = await readFile(join(import.meta.dirname, 'license-texts', license), 'utf8').catch(() => undefined);
  return text?.replace('\n', `\n\nCopyright (c) ${author}\n`);
}

/** The page of the licences: first a list, then each text once, with the packages that it is from. */
export function licensePage(packages: readonly BundledPackage[]): string {
  const byText = Map.groupBy(packages, ({ text }) => text);
  const title = ({ name, version, license }: BundledPackage) => `${name} ${version} (${license})`;
  return [
    'Mark Certificate Collector contains code of these packages:',
    '',
    ...packages.map((each) => `- ${title(each)}`),
    ...[...byText].flatMap(([text, from]) => ['', '-'.repeat(80), ...from.map(title), '', text]),
    '',
  ].join('\n');
}
