import '../compile-cache.ts';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/interop/**/*.test.ts'],
    globalSetup: 'test/global-setup.ts',
    maxWorkers: 1,
    testTimeout: 120_000,
    // The first run installs the verifiers, and the other parts of a CI run may use the processors.
    hookTimeout: 600_000,
  },
});
