/**
 * Replaces node:process in the bundles, for the same reason as node-http.ts: reading all of its exports opens standard
 * input and loads the code for reports. The build fails if a package needs another export.
 */
export const { env, versions } = process;
