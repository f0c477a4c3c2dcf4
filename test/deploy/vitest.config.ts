import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/deploy/**/*.test.ts'],
    // One deployment for all; its cases wait for one another.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 300_000,
    // The table goes to the terminal as it is.
    disableConsoleIntercept: true,
  },
});
