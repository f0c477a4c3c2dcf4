/**
 * Replaces node:util in the bundles, for the same reason as node-http.ts: reading all of its exports loads the parser of
 * arguments, worker threads and more. The build fails if a package needs another export.
 */
export const { getSystemErrorMap, isDeepStrictEqual } = process.getBuiltinModule('node:util');
