import type { Context } from 'aws-lambda';
import { onTestFinished, vi } from 'vitest';

/** The context of one invocation, as Lambda passes it to a handler. */
export function lambdaContext(functionName: string, remainingMilliseconds = 30_000): Context {
  return {
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`,
    memoryLimitInMB: '512',
    awsRequestId: '6ff5c4ad-0c1c-4d29-b1c7-a5be50e3cd4b',
    logGroupName: functionName,
    logStreamName: 'local',
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => remainingMilliseconds,
    done: () => {},
    fail: () => {},
    succeed: () => {},
  };
}

/** What a function wrote to its standard streams: JSON lines of the logger, and of the metrics. */
export interface CapturedOutput {
  /** Everything, as it was written. */
  text(): string;
  /** Every line that is JSON. */
  lines(): Record<string, unknown>[];
}

/**
 * Captures both standard streams until the end of the test. The logger of Powertools does not write to the global
 * console.
 */
export function captureOutput(): CapturedOutput {
  let written = '';
  const spies = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, 'write').mockImplementation((chunk) => {
      written += String(chunk);
      return true;
    }),
  );
  onTestFinished(() => {
    for (const spy of spies) {
      spy.mockRestore();
    }
  });
  return {
    text: () => written,
    lines: () =>
      written
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

/** Sets the environment of the AWS clients, and more variables, until the end of the test. */
export function stubAwsEnvironment(variables: Readonly<Record<string, string>>): void {
  const environment = {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_MAX_ATTEMPTS: '1',
    ...variables,
  };
  for (const [name, value] of Object.entries(environment)) {
    vi.stubEnv(name, value);
  }
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
}

/** The lines of the logger, and the fields of all metrics lines (CloudWatch's embedded metric format) in one object. */
export function logsAndMetrics(output: CapturedOutput) {
  const lines = output.lines();
  const metrics: Record<string, unknown> = Object.assign({}, ...lines.filter((line) => '_aws' in line));
  return { logs: lines.filter((line) => 'message' in line), metrics };
}
