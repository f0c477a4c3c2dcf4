import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { TEMPLATE_ONLY } from '../../infra/local/cloud/template.ts';
import { MarkCertificateCollectorStack } from '../../infra/stack.ts';
import { CONTEXT, PROJECT, SETTINGS } from './synthesized.ts';

/** The flags that `cdk init` of the installed CDK writes into a new project. */
const RECOMMENDED: Readonly<Record<string, unknown>> = JSON.parse(
  readFileSync(
    join(PROJECT, 'node_modules', 'aws-cdk', 'lib', 'init-templates', '.recommended-feature-flags.json'),
    'utf8',
  ),
);

/** The only flag of release 0.1.0. */
const EARLIER = { '@aws-cdk/aws-iam:minimizePolicies': true };

function templateWith(context: Readonly<Record<string, unknown>>): unknown {
  const outdir = mkdtempSync(join(tmpdir(), 'flags-'));
  try {
    const app = new App({ outdir, context: { ...context, ...TEMPLATE_ONLY } });
    return Template.fromStack(new MarkCertificateCollectorStack(app, 'MarkCertificateCollector')).toJSON();
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

describe('the feature flags in cdk.json', () => {
  test('are those that CDK recommends for a new project, with its values, and no others.', () => {
    expect(Object.keys(RECOMMENDED).length).toBeGreaterThan(50);
    expect(Object.fromEntries(Object.entries(CONTEXT).filter(([key]) => key.startsWith('@aws-cdk')))).toEqual(
      RECOMMENDED,
    );
  });

  test.each([
    { settings: 'the defaults', context: {} },
    { settings: 'all settings', context: SETTINGS },
  ])('do not change the template, with $settings: a deployed stack stays as it is.', ({ context }) => {
    expect(templateWith({ ...RECOMMENDED, ...context })).toEqual(templateWith({ ...EARLIER, ...context }));
  });
});
