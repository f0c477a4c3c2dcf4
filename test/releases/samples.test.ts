import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RELEASE, readSample, VERSIONS } from './samples.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** The table that `sha256sum` wrote when the samples were added. */
const DIGESTS = readFileSync(join(import.meta.dirname, `${RELEASE}.sha256`), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => line.split('  ') as [string, string]);

function filesIn(folder: string): string[] {
  return readdirSync(join(import.meta.dirname, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(import.meta.dirname.length + 1));
}

describe('the samples of release 0.1.0', () => {
  test('No sample was edited, added or removed.', () => {
    const actual = filesIn(RELEASE).map((file) => [sha256(readFileSync(join(import.meta.dirname, file))), file]);
    const byFile = (a: readonly string[], b: readonly string[]) => ((a[1] ?? '') < (b[1] ?? '') ? -1 : 1);
    expect(actual.toSorted(byFile)).toEqual(DIGESTS.toSorted(byFile));
  });

  test('The list of versions has the size and the SHA-256 of every stored file.', () => {
    const files = VERSIONS.flatMap(({ file, size, sha256: digest }) => (file ? [{ file, size, digest }] : []));
    for (const { file, size, digest } of files) {
      const bytes = readSample(file);
      expect([bytes.length, sha256(bytes)], file).toEqual([size, digest]);
    }
    const stored = [...filesIn(`${RELEASE}/bucket`), ...filesIn(`${RELEASE}/versions`)];
    expect(files.map(({ file }) => `${RELEASE}/${file}`).toSorted()).toEqual(stored.toSorted());
  });
});
