import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as v from 'valibot';
import { onTestFinished } from 'vitest';
import { runNode } from '../command-line.ts';
import { cloud, sha256 } from '../suite.ts';

const CDK = join(import.meta.dirname, '..', '..', '..', 'node_modules', 'aws-cdk', 'bin', 'cdk');
const APP = join(import.meta.dirname, 'app.ts');

/** What the output that the construct adds contains, as far as the suite reads it. */
const collectorSchema = v.object({
  outputs: v.object({ AlarmTopicArn: v.string(), CredentialsSecretArn: v.string(), StateMachineArn: v.string() }),
  settings: v.object({ name: v.string(), eventBusName: v.string() }),
});

/** A collector in the stack of another app. */
export type CollectorOfOtherApp = v.InferOutput<typeof collectorSchema>;

/**
 * Deploys the app with `cdk deploy`, in a folder that has nothing to do with the repository.
 *
 * @returns its collectors by name.
 * @throws {Error} if the deployment fails, with the end of what it printed.
 */
export async function deployOtherApp(): Promise<Readonly<Record<string, CollectorOfOtherApp>>> {
  const { ca, authority } = cloud;
  const folder = await mkdtemp(join(tmpdir(), 'other-app-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'app.mjs'), `import ${JSON.stringify(pathToFileURL(APP).href)};`);
  const context = { collectUrl: ca.url, trustAnchor: sha256(authority.root), ctLog: authority.log.key };
  await writeFile(join(folder, 'cdk.json'), JSON.stringify({ app: 'node app.mjs', context }));
  const { exitCode, out, err } = await runNode(
    [CDK, 'deploy', '--require-approval', 'never', '--ci', '--no-notices', '--outputs-file', 'outputs.json'],
    { folder },
  );
  if (exitCode !== 0) {
    throw new Error(`cdk deploy ended with ${exitCode}:\n${`${out}\n${err}`.slice(-4000)}`);
  }
  const { Brand = {} } = JSON.parse(await readFile(join(folder, 'outputs.json'), 'utf8'));
  const collectors = Object.values(Brand).map((output) => v.parse(collectorSchema, JSON.parse(String(output))));
  return Object.fromEntries(collectors.map((each) => [each.settings.name, each]));
}
