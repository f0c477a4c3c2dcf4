import { join } from 'node:path';

/** The folders below functions/ whose index.ts exports a handler. Each becomes a bundle with the same name. */
export const FUNCTION_FOLDERS = ['collect', 'start', 'survey', 'notify', 'push', 'publish', 'revoke'] as const;

export type FunctionFolder = (typeof FUNCTION_FOLDERS)[number];

/**
 * The folder of a function's bundle. The path is the same from this file in the repository and from the published
 * dist/index.cjs, so that the app of the repository deploys the files that are published.
 */
export function bundleOf(folder: FunctionFolder): string {
  return join(import.meta.dirname, '..', 'dist', 'functions', folder);
}
