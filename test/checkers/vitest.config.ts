import '../compile-cache.ts';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/checkers/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts', 'test/checkers/install.ts', 'test/build-functions.ts'],
    // One process for all files, so that each template is synthesized once.
    isolate: false,
    // One test file runs CDK's validation of templates, which takes seconds.
    env: { CDK_VALIDATION: 'false' },
    maxWorkers: 1,
    testTimeout: 60_000,
    // cfn-lint reads all templates in one run.
    hookTimeout: 180_000,
  },
});
