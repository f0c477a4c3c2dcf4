import { App } from 'aws-cdk-lib';
import { buildFunctions } from './build/functions.ts';
import { InvalidSettingsError } from './settings.ts';
import { MarkCertificateCollectorStack } from './stack.ts';
import { stackNameOf } from './stack-names.ts';

try {
  await buildFunctions();
  const app = new App();
  new MarkCertificateCollectorStack(app, stackNameOf(app.node.tryGetContext('name')));
} catch (error) {
  if (!(error instanceof InvalidSettingsError)) {
    throw error;
  }
  console.error(error.message);
  // Exit at once: an app that ends normally would synthesize the incomplete stack.
  process.exit(1);
}
