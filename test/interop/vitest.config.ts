import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/interop/**/*.test.ts'],
    maxWorkers: 1,
    testTimeout: 120_000,
    // The first run installs the verifiers.
    hookTimeout: 300_000,
  },
});
