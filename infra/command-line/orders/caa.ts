import { type CaaWarnings, caaWarnings, readCaa } from '../../../functions/store/caa.ts';
import type { ObjectStorage } from '../../../functions/store/objects.ts';
import { withCommandErrors } from '../collector.ts';
import { CommandError } from '../errors.ts';

/** The warnings about CAA records that the last survey found. If they cannot be read, the reason is a note. */
export async function readCaaWarnings(storage: ObjectStorage, notes: string[]): Promise<CaaWarnings> {
  try {
    const caa = await withCommandErrors(
      'The CAA records that the survey found cannot be read',
      () => readCaa(storage),
      's3:GetObject',
    );
    return caaWarnings(caa);
  } catch (error) {
    if (!(error instanceof CommandError)) {
      throw error;
    }
    notes.push(error.message);
    return new Map();
  }
}
