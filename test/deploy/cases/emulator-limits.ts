import { describe, expect, test } from 'vitest';
import { executionArn } from '../../../functions/executions.ts';
import { collector, functionArn, pushLogin } from '../suite.ts';

/**
 * Each test fails when the emulator has learned it. Then remove the test and its line in docs/decisions/emulator.md.
 */
export function describeEmulatorLimits(): void {
  describe('the emulator', () => {
    test("It ignores a template's reserved concurrency, so this suite sets it through Lambda's API.", async () => {
      for (const [part, reserved] of [
        ['CollectFunction', '1'],
        ['PushFunction', '5'],
      ] as const) {
        const name = await functionArn(part);
        expect(await collector.aws('lambda', 'get-function-concurrency', '--function-name', name)).toBeUndefined();
        await collector.aws(
          ...['lambda', 'put-function-concurrency', '--function-name', name],
          ...['--reserved-concurrent-executions', reserved],
        );
      }
    });

    test('It cannot redrive an execution, so this suite sends the event again.', async () => {
      const arn = executionArn(collector.outputs.StateMachineArn ?? '', 'order-1');
      await expect(collector.aws('stepfunctions', 'redrive-execution', '--execution-arn', arn)).rejects.toThrow(
        'Unknown action: RedriveExecution',
      );
    });

    test('It generates a password with punctuation although the template excludes it.', async () => {
      expect(await pushLogin()).toMatch(/^ca:.*[^A-Za-z0-9]/s);
    });
  });
}
