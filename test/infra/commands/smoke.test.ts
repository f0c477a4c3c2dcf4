import { describe, expect, test } from 'vitest';
import * as smoke from '../../../infra/commands/smoke.ts';
import { EXIT_CODES } from '../../../infra/commands/usage.ts';
import { type ServedStack, startCloudFormation } from '../../../infra/local/cloud/cloudformation-endpoint.ts';
import { stubAws } from '../command-line/deployed.ts';
import { runHere, runProcess } from './run.ts';

/** Runs the command against a CloudFormation with these stacks. */
async function run(args: readonly string[], stacks: readonly ServedStack[] = []) {
  const endpoint = await startCloudFormation(stacks);
  try {
    stubAws({
      AWS_ENDPOINT_URL: endpoint.url,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    });
    return await runHere(smoke, args);
  } finally {
    await endpoint.close();
  }
}

describe('npm run smoke', () => {
  test('--help explains the options and the exit codes.', async () => {
    const { stdout, stderr, status } = await runProcess('smoke.ts', ['--help']);
    expect({ stderr, status }).toEqual({ stderr: '', status: EXIT_CODES.success });
    for (const part of ['--collector', '--region', '--profile', '--json', 'Exit status']) {
      expect(stdout).toContain(part);
    }
  });

  test.each([['--unknown'], ['extra'], ['--collector', 'Not_A_Name'], ['--collector']])(
    'Wrong usage ends with 64: %s %s',
    async (...args) => {
      const { stdout, stderr, status } = await run(args.filter((each) => typeof each === 'string'));
      expect({ stdout, status }).toEqual({ stdout: '', status: EXIT_CODES.usage });
      expect(stderr).toContain('npm run smoke -- [--collector NAME]');
    },
  );

  test.each([
    { args: [], stack: 'MarkCertificateCollector' },
    { args: ['--collector', 'mark-certificate-collector'], stack: 'MarkCertificateCollector' },
    { args: ['--collector', 'other'], stack: 'MarkCertificateCollector-other' },
  ])('A stack that does not exist is named, and the command ends with 2: $stack', async ({ args, stack }) => {
    const { stdout, stderr, status } = await run(args);
    expect({ stdout, status }).toEqual({ stdout: '', status: EXIT_CODES.unavailable });
    expect(stderr).toBe(
      `The stack ${stack} does not exist in this account and region. Check --collector, --region and --profile.\n`,
    );
  });

  test('A stack of release 0.1.0, which has no output Settings, has to be deployed again first.', async () => {
    const { stderr, status } = await run([], [{ name: 'MarkCertificateCollector', outputs: { BucketName: 'bucket' } }]);
    expect(status).toBe(EXIT_CODES.unavailable);
    expect(stderr).toContain('Deploy this release first');
  });
});
