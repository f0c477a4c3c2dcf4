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
  // At once: an app that ends by itself would synthesize what there is.
  process.exit(1);
}
