import { join } from 'node:path';

/** The root of the repository. */
export const PROJECT = join(import.meta.dirname, '..', '..');

/** What is published, except for the pages. */
export const DIST = join(PROJECT, 'dist');

/** Files of the build that are not published. */
export const SCRATCH = join(PROJECT, '.local', 'build');
