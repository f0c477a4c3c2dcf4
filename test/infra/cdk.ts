import { App } from 'aws-cdk-lib';
import { expect } from 'vitest';
import type { RunCdk } from '../../infra/deployed/cdk.ts';
import { TEMPLATE_ONLY } from '../../infra/local/cloud/template.ts';
import { MarkCertificateCollectorStack } from '../../infra/stack.ts';
import { stackNameOf } from '../../infra/stack-names.ts';
import { CONTEXT } from './synthesized.ts';

/**
 * `cdk synth` in this process, without bundles. The real one takes seconds, most of them to load itself and the app;
 * test/infra/commands/deploy-and-down.test.ts runs it.
 */
export const synthesizeHere: RunCdk = async (args) => {
  const [command, quiet, option, outdir = '', ...rest] = args;
  expect([command, quiet, option]).toEqual(['synth', '--quiet', '--output']);
  const settings = rest.flatMap((each, index) => (rest[index - 1] === '-c' ? [each.split('=')] : []));
  expect(rest).toHaveLength(2 * settings.length);
  const context = { ...CONTEXT, ...Object.fromEntries(settings), ...TEMPLATE_ONLY };
  const app = new App({ outdir, context });
  new MarkCertificateCollectorStack(app, stackNameOf(app.node.tryGetContext('name')));
  app.synth();
  return 0;
};
