import { App } from 'aws-cdk-lib';
import { InvalidSettingsError } from './settings.ts';
import { MarkCertificateCollectorStack } from './stack.ts';

try {
  new MarkCertificateCollectorStack(new App(), 'MarkCertificateCollector');
} catch (error) {
  if (!(error instanceof InvalidSettingsError)) {
    throw error;
  }
  console.error(error.message);
  // Exit at once: an app that ends normally would synthesize the incomplete stack.
  process.exit(1);
}
