import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, CfnResource, type Stack } from 'aws-cdk-lib';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { MarkCertificateCollectorStack } from '../../infra/stack.ts';
import { CONTEXT } from '../infra/synthesized.ts';
import { COMBINATIONS, NAMES } from './templates.ts';

// CloudFormation's rules for templates, which CDK checks at synthesis. `npm test` switches them off.
beforeAll(() => {
  vi.stubEnv('CDK_VALIDATION', 'true');
});

afterAll(() => {
  vi.unstubAllEnvs();
});

/** Synthesizes a collector with these settings. CDK throws if the template violates a rule. */
function validate(settings: Readonly<Record<string, string>>, change: (stack: Stack) => void = () => {}): void {
  const outdir = mkdtempSync(join(tmpdir(), 'validation-'));
  try {
    const app = new App({ outdir, context: { ...CONTEXT, ...settings, 'aws:cdk:bundling-stacks': [] } });
    change(new MarkCertificateCollectorStack(app, 'MarkCertificateCollector'));
    app.synth();
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

test.each(NAMES)('The template satisfies the rules of CloudFormation, with %s.', (name) => {
  expect(() => validate(COMBINATIONS[name])).not.toThrow();
});

test('A template with a value of the wrong type does not satisfy them.', () => {
  const addWrongQueue = (stack: Stack) =>
    new CfnResource(stack, 'Wrong', { type: 'AWS::SQS::Queue', properties: { DelaySeconds: ['many'] } });
  expect(() => validate({}, addWrongQueue)).toThrow("DelaySeconds: ['many'] is not of type 'integer'");
});
