import type { OverviewFile } from '../../../functions/pages/overview-file.ts';

/** A file of the overview with its text. */
export interface MadeFile {
  readonly name: string;
  readonly digest: string;
  readonly body: string;
}

/** Makes the texts of files. */
export function makeAll(files: Iterable<OverviewFile>): MadeFile[] {
  return [...files].map(({ name, digest, bytes }) => ({ name, digest, body: Buffer.from(bytes()).toString() }));
}
