import './compile-cache.ts';
import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts', 'test/build-functions.ts'],
    setupFiles: ['test/restore-environment.ts'],
    // The tests of the real deployment, the checkers, the independent verifiers and the package have separate commands.
    exclude: [
      ...configDefaults.exclude,
      'test/deploy/**',
      'test/checkers/**',
      'test/interop/**',
      'test/package/**',
      'test/look/**',
    ],
    // All processors: by default vitest leaves one free, which is half of a small machine.
    maxWorkers: '100%',
    // The files of a worker share its modules. To load the CDK, the AWS clients and the authority takes seconds.
    isolate: false,
    // CDK's validation of templates takes seconds. `npm run test:checkers` runs it (test/checkers/cdk-validation.test.ts).
    env: { CDK_VALIDATION: 'false' },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    coverage: {
      provider: 'v8',
      include: ['functions/**/*.ts', 'infra/**/*.ts'],
      exclude: [
        // Only the bundles import it (infra/build/function-bundle.ts). The tests run the sources.
        'infra/node-http.ts',
        // The tests of the real deployment run these: npm run test:deploy.
        'infra/local/emulator/**',
        'infra/commands/local-*.ts',
      ],
      reporter: ['text-summary'],
      // What the tests reached with MARK_CERTIFICATES set, in per cent, rounded down. A change must not lower the numbers.
      thresholds: { statements: 91, branches: 88, functions: 95, lines: 91 },
    },
  },
});
