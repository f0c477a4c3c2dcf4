import '../compile-cache.ts';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/look/*.test.ts'],
    globalSetup: ['test/global-setup.ts', 'test/look/install.ts'],
    maxWorkers: 1,
    isolate: false,
    // Most of the time, a test waits for what a page could do after it was loaded.
    sequence: { concurrent: true },
    maxConcurrency: 4,
    // The other parts of a CI run may use the processors.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
