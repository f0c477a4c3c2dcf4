import '../compile-cache.ts';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/package/*.test.ts'],
    globalSetup: ['test/global-setup.ts', 'test/package/install.ts'],
    maxWorkers: 1,
    // Tests wait for processes of consumers: two of them at once.
    sequence: { concurrent: true },
    maxConcurrency: 2,
    // The stack of the project itself is synthesized in the process of the tests.
    env: { CDK_VALIDATION: 'false' },
    // The other parts of a CI run may use the processors.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
