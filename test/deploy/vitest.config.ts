import '../compile-cache.ts';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/deploy/**/*.test.ts'],
    // All cases share one deployment and run one after the other.
    fileParallelism: false,
    // CDK's validation of templates takes seconds of each deployment. `npm run test:checkers` runs it.
    env: { CDK_VALIDATION: 'false' },
    testTimeout: 240_000,
    hookTimeout: 600_000,
    // Prints the table to the terminal unchanged.
    disableConsoleIntercept: true,
  },
});
