import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CollectorError } from '../../functions/collector-error.ts';
import { shellWord } from '../../functions/notify/commands.ts';
import { collisionsOf } from '../collisions.ts';
import type { RunCdk, SynthesizedCollector } from './cdk.ts';
import {
  type Change,
  type ComparedTemplate,
  compareResources,
  compareSettings,
  REMOVABLE_SETTINGS,
  settingsInTemplate,
} from './changes.ts';
import { settingsInOutputs } from './outputs.ts';
import { type DeployedStack, listCollectors, readStack, readTemplate } from './stacks.ts';

/** `--remove` names something that this deployment cannot remove. */
export class UnknownRemovalError extends CollectorError {
  override readonly name = 'UnknownRemovalError';
}

/** What a deployment needs. */
export interface DeployOptions {
  readonly collector: SynthesizedCollector;
  readonly cloudFormation: CloudFormationClient;
  readonly cdk: RunCdk;
  readonly print: (line: string) => void;
  readonly region: string;
  /** The AWS profile that the user named, if any: the next commands need it too. */
  readonly profile?: string | undefined;
  /** What the user agrees to remove. */
  readonly remove: readonly string[];
  /** Further arguments of `cdk deploy`. */
  readonly cdkArguments: readonly string[];
}

/**
 * Prints what a deployment changes, and deploys, unless it removes something that `--remove` does not name.
 *
 * @returns whether the collector is deployed.
 * @throws {UnknownRemovalError} for an unknown name of `--remove`.
 * @throws {AwsUnavailableError} if AWS cannot be read.
 */
export async function deploy(options: DeployOptions): Promise<boolean> {
  const { collector, cloudFormation, cdk, print, region, cdkArguments } = options;
  const { stackName, assembly } = collector;
  refuseUnknownSettings(options.remove);
  const deployed = await readStack(cloudFormation, stackName);
  const accepted = deployed
    ? await acceptChanges(options, deployed)
    : acceptFirstDeployment(options, await listCollectors(cloudFormation));
  if (!accepted) {
    print('\nNothing was deployed.');
    return false;
  }
  print(`\n${deployed ? 'Deploying' : 'Creating'} the stack ${stackName} in ${region} ...`);
  if ((await cdk(['deploy', '--app', assembly, ...cdkArguments])) !== 0) {
    return false;
  }
  for (const line of nextSteps(options, deployed)) {
    print(line);
  }
  return true;
}

/** Settings begin with a small letter, logical ids with a capital one. The latter are known after the comparison. */
function refuseUnknownSettings(remove: readonly string[]): void {
  refuseUnknown(
    remove.filter((name) => !/^[A-Z]/.test(name)),
    REMOVABLE_SETTINGS,
  );
}

function refuseUnknown(names: readonly string[], accepted: readonly string[]): void {
  const unknown = names.find((name) => !accepted.includes(name));
  if (unknown !== undefined) {
    throw new UnknownRemovalError(`--remove: ${unknown} is not accepted; accepted: ${accepted.join(', ')}`);
  }
}

async function acceptChanges(options: DeployOptions, deployed: DeployedStack): Promise<boolean> {
  const { collector, cloudFormation, print, remove } = options;
  const template = await readTemplate(cloudFormation, deployed.name);
  if (!template) {
    print(
      `Refused, because the template of the stack ${deployed.name} cannot be parsed: it is not known what this deployment removes. To deploy ` +
        'without this comparison: npx cdk deploy',
    );
    return false;
  }
  if (!deployed.settings) {
    print(
      `The stack ${deployed.name} has no output Settings, because an older release deployed it. This command compares ` +
        'the settings that its other outputs and its template show, and the resources.',
    );
  }
  const settings = deployed.settings
    ? compareSettings(deployed.settings, collector.settings)
    : compareShown(deployed, template, collector);
  const resources = compareResources(template, collector.template, settings);
  const changes = [...settings, ...resources];
  refuseUnknown(remove, [...REMOVABLE_SETTINGS, ...resources.map(({ name }) => name)]);

  print(`Stack ${deployed.name}: ${changes.length === 0 ? 'no setting changes.' : 'this deployment changes'}`);
  for (const { text, effect } of changes) {
    print(`  ${text}${effect === undefined ? '' : `\n      ${effect}`}`);
  }
  const collisions = await findCollisions(options, settings);
  const refused = changes.filter(({ name, removes }) => removes && !remove.includes(name));
  for (const name of remove.filter((each) => !changes.some((change) => change.removes && change.name === each))) {
    print(`Note: --remove ${name} has no effect: this deployment does not remove it.`);
  }
  if (refused.length > 0) {
    print(`\n${refusal(refused)}`);
  }
  return refused.length === 0 && collisions.length === 0;
}

/** Compares the settings that the outputs and the template of an older release show. */
function compareShown(
  { outputs }: DeployedStack,
  template: ComparedTemplate,
  { settings }: SynthesizedCollector,
): Change[] {
  return compareSettings({ ...settings, ...settingsInTemplate(template), ...settingsInOutputs(outputs) }, settings);
}

/** Another collector must not take the same events. Only a change of the source or the bus can lead to this. */
async function findCollisions(
  { collector, cloudFormation, print }: DeployOptions,
  changes: readonly Change[],
): Promise<string[]> {
  if (!changes.some(({ name }) => name === 'eventSource' || name === 'eventBusName' || name === 'name')) {
    return [];
  }
  const others = await listCollectors(cloudFormation);
  const collisions = collisionsWith(collector, others);
  for (const collision of collisions) {
    print(collision);
  }
  return collisions;
}

function collisionsWith(collector: SynthesizedCollector, others: readonly DeployedStack[]): string[] {
  return others
    .filter(({ name }) => name !== collector.stackName)
    .flatMap((other) =>
      collisionsOf(collector.settings, other.settings ?? {}).map(
        ({ setting, reason }) =>
          `Refused: ${setting}: ${reason} (the stacks ${other.name} and ${collector.stackName}).`,
      ),
    );
}

function refusal(refused: readonly Change[]): string {
  const names = refused.map(({ name }) => name);
  const settings = names.filter((name) => REMOVABLE_SETTINGS.includes(name));
  return [
    `Refused, because this deployment removes what people depend on: ${names.join(', ')}.`,
    ...(settings.length > 0
      ? [
          'To keep it, write the deployed value of the setting under "context" in cdk.json. The option -c applies to one deployment only.',
        ]
      : ['To keep it, deploy the sources with which the stack was deployed.']),
    `To remove it, add: ${names.map((name) => `--remove ${name}`).join(' ')}`,
  ].join('\n');
}

/** A first deployment beside other collectors usually means that the name in cdk.json has changed. */
function acceptFirstDeployment({ collector, print, remove }: DeployOptions, others: readonly DeployedStack[]): boolean {
  refuseUnknown(remove, REMOVABLE_SETTINGS);
  if (others.length === 0) {
    return true;
  }
  const { stackName, settings } = collector;
  const names = others.map(({ name, settings: other }) =>
    other?.name ? `${other.name} (stack ${name})` : `stack ${name}`,
  );
  print(
    `No collector ${settings.name} (stack ${stackName}) is deployed in this account and region. Deployed: ${names.join(', ')}.\n` +
      'A deployment does not rename a collector: it creates another one, with an empty bucket and a secret without a login. The deployed one ' +
      'stays as it is, with its orders, certificates and login.',
  );
  const collisions = collisionsWith(collector, others);
  for (const collision of collisions) {
    print(collision);
  }
  const isAccepted = remove.includes('name');
  if (!isAccepted) {
    print(
      '\nRefused, because the name of the deployed collector is missing in cdk.json.\n' +
        'To deploy to it, write its name as the setting "name" under "context" in cdk.json.\n' +
        'To create another collector, add: --remove name',
    );
  }
  return isAccepted && collisions.length === 0;
}

/** What a person must do after a deployment. */
function nextSteps(options: DeployOptions, deployed: DeployedStack | undefined): string[] {
  const { settings } = options.collector;
  const typed = (...args: readonly string[]) => scriptCommand(options, '-s mark-certificates', ...args);
  const before = deployed && { ...deployed.settings, ...settingsInOutputs(deployed.outputs) };
  const addresses = [settings.alarmEmail, settings.notifyEmail].filter(
    (address) => address !== undefined && address !== before?.alarmEmail && address !== before?.notifyEmail,
  );
  const steps = [
    ...(before
      ? []
      : [
          `Store the login of your account at the CA, which this command asks for without echo:\n       ${typed('login')}`,
        ]),
    ...(addresses.length > 0 && (!before || deployed?.settings)
      ? [`Confirm the subscription of ${[...new Set(addresses)].join(' and ')}: AWS has sent a request to the address.`]
      : []),
    ...(before || settings.alarmEmail !== undefined
      ? []
      : [
          'No e-mail address receives alarms and messages. Write "alarmEmail" under "context" in cdk.json, and deploy again.',
        ]),
    ...(settings.push === true && before?.push !== true
      ? ['Give the CA the push URL: docs/runbook.md, "Let the CA push".']
      : []),
    ...(settings.publish === true && before?.publish !== true
      ? ['After a certificate is published, put its BIMI record into the DNS: docs/publishing.md.']
      : []),
    ...(before
      ? []
      : [
          `Test the deployment: ${scriptCommand(options, 'smoke')}`,
          `Collect your first order. Write its number and its domain in place of ORDER and DOMAIN:\n       ${typed('order', 'ORDER', '--domain', 'DOMAIN')}`,
        ]),
  ];
  return steps.length === 0 ? [] : ['\nNext:', ...steps.map((step, index) => `  ${index + 1}. ${step}`)];
}

/** A script of the repository, as a person types it about the collector that was deployed. */
function scriptCommand(
  { collector, profile, region }: DeployOptions,
  script: string,
  ...args: readonly string[]
): string {
  const selection = { collector: String(collector.settings.name), profile, region };
  const options = Object.entries(selection).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, value],
  );
  return `npm run ${script} -- ${[...args, ...options].map(shellWord).join(' ')}`;
}
