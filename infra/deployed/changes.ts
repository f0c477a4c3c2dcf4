import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { ORDERED } from '../../functions/events.ts';
import { readSettings, type Settings, type WrittenSettings, writeSettings } from '../settings.ts';
import { secondsOf } from '../timing.ts';
import { LOSS_OF_PUBLICATIONS } from './outputs.ts';

/** One difference between what is deployed and what a deployment would deploy. */
export interface Change {
  /** The setting, or the logical id of the resource. `--remove` accepts it. */
  readonly name: string;
  /** The difference: `pollEvery: PT3H → PT6H`. */
  readonly text: string;
  /** What it means for the people and systems that use the collector. */
  readonly effect?: string | undefined;
  /** Whether it removes something that people depend on. */
  readonly removes: boolean;
}

/** What a changed setting means. `before` and `after` are written values; undefined means that the setting has none. */
interface Effect {
  readonly text: string;
  /** Whether the change removes something that people depend on. */
  readonly removes: boolean;
}
type Value = WrittenSettings[string] | undefined;
type EffectOf = (before: Value, after: Value) => Effect | undefined;

const informs = (text: string): Effect => ({ text, removes: false });
const takesAway = (text: string): Effect => ({ text, removes: true });

/** An effect that turning a setting off has. */
const ifTurnedOff =
  (effect: Effect): EffectOf =>
  (before) =>
    before === true ? effect : undefined;

/** An effect that a new value has, and no value too, if there was one before. */
const ifGone =
  (effectOf: (before: Exclude<Value, undefined>, after: Value) => Effect): EffectOf =>
  (before, after) =>
    before === undefined ? undefined : effectOf(before, after);

/** The address that is in use afterwards. */
const replacedBy = (after: Value, otherwise: string): string =>
  after === undefined ? otherwise : `${after} receives them after its subscription is confirmed`;

/**
 * What a change of each setting means for an existing deployment. Undefined: the difference itself says enough. A new
 * setting needs an entry here, so that its author decides whether a forgotten line in cdk.json may remove it.
 */
const EFFECTS: Readonly<Record<keyof Settings, EffectOf | undefined>> = {
  name: () =>
    takesAway(
      'the secret is replaced: the login at the CA is deleted, and no order is checked until you store it again',
    ),
  collectUrl: () => informs('every waiting order is checked at the new address, from its next check on'),
  responseFormat: undefined,
  pollEvery: undefined,
  pollEveryWithPush: (before, after) =>
    after === undefined
      ? informs('every order is checked at pollEvery again, from its next check on')
      : before === undefined
        ? informs(
            'after the next push for an account has arrived, its orders are checked only this often; a certificate that the CA then does not push is collected later',
          )
        : undefined,
  giveUpAfter: () =>
    informs('also applies to orders that wait already: one that has waited longer fails at its next check'),
  eventSource: (before) =>
    takesAway(
      `events with the source ${JSON.stringify(before)} no longer start a collection, so their senders must change`,
    ),
  eventBusName: (before) =>
    takesAway(
      `events on the bus ${JSON.stringify(before)} no longer start a collection, and the collector sends its own events to another bus`,
    ),
  trustAnchors: (before, after) => {
    const gone = removedItems(before, after);
    return gone.length === 0
      ? undefined
      : takesAway(`chains with the root ${gone.join(', ')} are not publishable when they are collected again`);
  },
  ctLogs: (before, after) => {
    const gone = removedItems(before, after);
    return gone.length === 0
      ? undefined
      : takesAway(`certificates that only the log ${gone.join(', ')} signed get the warning sct-unknown`);
  },
  reservedConcurrency: undefined,
  remindBefore: undefined,
  askAgainBefore: (before, after) =>
    isNone(after)
      ? informs(
          'the collector no longer asks for the next certificate of an order: a renewal or replacement under the same number is collected only if the CA pushes it or somebody sends the event again',
        )
      : isNone(before)
        ? informs('the collector asks the CA for the next certificate of each order whose certificate ends soon')
        : undefined,
  alarmEmail: ifGone((before, after) =>
    takesAway(
      `${before} receives no alarms and no messages about orders any more; ${replacedBy(after, 'no address does')}`,
    ),
  ),
  notifyEmail: ifGone((before, after) =>
    takesAway(
      `${before} receives no messages about certificates and publications any more; ${replacedBy(after, 'alarmEmail receives them')}`,
    ),
  ),
  runbookUrl: undefined,
  dashboard: ifTurnedOff(informs('the dashboard is deleted; the metrics stay')),
  push: ifTurnedOff(
    takesAway(
      'the push URL and its password are deleted: notifications of the CA fail. If you turn it on again, the CA needs a new URL and password',
    ),
  ),
  publish: ifTurnedOff(takesAway(LOSS_OF_PUBLICATIONS)),
  publishDomainName: (before) =>
    before === undefined
      ? informs(
          "the records of new orders contain the new host name; addresses with CloudFront's host name keep working",
        )
      : takesAway(`addresses at https://${before} no longer work, and BIMI records that contain them show no logo`),
  publishCertificateArn: undefined,
  publishLogs: ifTurnedOff(
    informs('CloudFront writes no more logs; those that exist are deleted when they are 30 days old'),
  ),
  unpublishRevoked: undefined,
  kmsKeyArn: ifGone((before) =>
    takesAway(
      `the functions may no longer use ${before}: stored certificates, and a login that is encrypted with it, cannot be read`,
    ),
  ),
  removalPolicy: (before) =>
    before === 'retain'
      ? informs('if the stack is deleted while the bucket is empty, the bucket is deleted too')
      : undefined,
};

/** Whether a duration is none. */
function isNone(duration: Value): boolean {
  return secondsOf(String(duration)) === 0;
}

/** The items of a list that a new value does not contain. */
function removedItems(before: Value, after: Value): string[] {
  const itemsOf = (value: Value) => (value === undefined ? [] : String(value).split(','));
  const kept = itemsOf(after);
  return itemsOf(before).filter((item) => !kept.includes(item));
}

/** The settings that a deployment may remove only with `--remove`. */
export const REMOVABLE_SETTINGS: readonly string[] = [
  'publish',
  'push',
  'alarmEmail',
  'notifyEmail',
  'trustAnchors',
  'ctLogs',
  'name',
  'eventSource',
  'eventBusName',
  'publishDomainName',
  'kmsKeyArn',
] satisfies (keyof Settings)[];

/**
 * Compares settings.
 *
 * @param deployed settings of the deployed stack. A setting that its release did not know had its default.
 */
export function compareSettings(deployed: WrittenSettings, next: WrittenSettings): Change[] {
  const before: WrittenSettings = { ...writeSettings(readSettings({})), ...deployed };
  return Object.entries(EFFECTS).flatMap(([name, effectOf]) => {
    if (isDeepStrictEqual(before[name], next[name])) {
      return [];
    }
    const effect = effectOf?.(before[name], next[name]);
    return [
      {
        name,
        text: `${name}: ${before[name] ?? 'none'} → ${next[name] ?? 'none'}`,
        effect: effect?.text,
        removes: effect?.removes ?? false,
      },
    ];
  });
}

/** A template of CloudFormation, as far as it is compared. */
export interface ComparedTemplate {
  readonly Resources?: Readonly<Record<string, ComparedResource>>;
}

interface ComparedResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>> | undefined;
}

/** A type of resource that cannot be replaced without a loss. */
interface DependedOn {
  readonly loss: string;
  /** A change of one of these properties replaces the resource (AWS: CloudFormation, resource reference). */
  readonly replacedBy: readonly string[];
  /** Settings that report the loss themselves, if they are turned off or changed. */
  readonly reportedBy: readonly (keyof Settings)[];
}

const DEPENDED_ON: Readonly<Record<string, DependedOn>> = {
  'AWS::S3::Bucket': {
    loss: 'the collector no longer uses the bucket with all its certificates',
    replacedBy: ['BucketName'],
    reportedBy: [],
  },
  'AWS::SecretsManager::Secret': {
    loss: 'the secret is deleted, with the login or password in it',
    replacedBy: ['Name'],
    reportedBy: ['name', 'push'],
  },
  'AWS::StepFunctions::StateMachine': {
    loss: 'the state machine is deleted: every order that waits stops',
    replacedBy: ['StateMachineName', 'StateMachineType'],
    reportedBy: [],
  },
  'AWS::CloudFront::Distribution': {
    loss: 'the distribution is deleted: addresses in BIMI records no longer work',
    replacedBy: [],
    reportedBy: ['publish'],
  },
  'AWS::Lambda::Url': {
    loss: 'the push URL is deleted: the CA needs a new one',
    replacedBy: ['TargetFunctionArn', 'Qualifier'],
    reportedBy: ['push'],
  },
  'AWS::SNS::Topic': {
    loss: 'the topic is deleted, with all its subscriptions',
    replacedBy: ['TopicName', 'FifoTopic'],
    reportedBy: ['notifyEmail'],
  },
  'AWS::SNS::Subscription': {
    loss: 'the subscription is deleted: its address receives no messages until it confirms a new one',
    replacedBy: ['Endpoint', 'Protocol', 'TopicArn'],
    reportedBy: ['alarmEmail', 'notifyEmail'],
  },
};

/**
 * Finds resources that people depend on and that a deployment would delete or replace. The settings explain most of
 * them; this also finds what an edited source, another release or an older stack without the output Settings would
 * lose.
 *
 * @param changes of the settings, which are not reported again.
 */
export function compareResources(
  deployed: ComparedTemplate,
  next: ComparedTemplate,
  changes: readonly Change[],
): Change[] {
  const removed = changes.filter(({ removes }) => removes).map(({ name }) => name);
  return Object.entries(deployed.Resources ?? {}).flatMap(([name, before]) => {
    const type = DEPENDED_ON[before.Type];
    const after = next.Resources?.[name];
    const explained = type?.reportedBy.some((setting) => removed.includes(setting));
    if (!type || explained || isLogBucket(before) || isKept(type, before, after)) {
      return [];
    }
    const verb = after === undefined ? 'is deleted' : 'is replaced';
    return [{ name, text: `${name} (${before.Type}) ${verb}`, effect: type.loss, removes: true }];
  });
}

const logBucketSchema = v.object({
  OwnershipControls: v.object({ Rules: v.tuple([v.object({ ObjectOwnership: v.literal('BucketOwnerPreferred') })]) }),
});

/** Whether a resource is the bucket of CloudFront's logs, the only one that allows ACLs. Nobody depends on it. */
function isLogBucket({ Type, Properties }: ComparedResource): boolean {
  return Type === 'AWS::S3::Bucket' && v.is(logBucketSchema, Properties);
}

function isKept(type: DependedOn, before: ComparedResource, after: ComparedResource | undefined): boolean {
  return (
    after?.Type === before.Type &&
    type.replacedBy.every((key) => isDeepStrictEqual(before.Properties?.[key], after.Properties?.[key]))
  );
}

/** The resources of a template that contain settings, with the settings that {@link settingsInTemplate} reads. */
const SETTINGS_IN_RESOURCES: readonly ((properties: unknown) => WrittenSettings)[] = [
  read(
    v.object({
      EventPattern: v.object({ source: v.tuple([v.string()]), 'detail-type': v.tuple([v.literal(ORDERED)]) }),
      EventBusName: v.string(),
    }),
    ({ EventPattern, EventBusName }) => ({ eventSource: EventPattern.source[0], eventBusName: EventBusName }),
  ),
  read(
    v.object({
      Environment: v.object({
        Variables: v.object({ COLLECT_URL: v.string(), TRUST_ANCHORS: v.optional(v.string()) }),
      }),
    }),
    ({ Environment: { Variables } }) => ({
      collectUrl: Variables.COLLECT_URL,
      ...(Variables.TRUST_ANCHORS !== undefined && { trustAnchors: Variables.TRUST_ANCHORS }),
    }),
  ),
  // The queue, of which a stack has one.
  read(v.object({ KmsMasterKeyId: v.string(), MessageRetentionPeriod: v.number() }), ({ KmsMasterKeyId }) => ({
    kmsKeyArn: KmsMasterKeyId,
  })),
];

/** Reads settings from the properties of a resource that have this form; from any others, none. */
function read<Schema extends v.GenericSchema>(
  schema: Schema,
  settings: (properties: v.InferOutput<Schema>) => WrittenSettings,
): (properties: unknown) => WrittenSettings {
  return (properties) => {
    const result = v.safeParse(schema, properties);
    return result.success ? settings(result.output) : {};
  };
}

/** The settings of a stack without the output Settings that its template contains: the source of its events and others. */
export function settingsInTemplate({ Resources = {} }: ComparedTemplate): WrittenSettings {
  const found = Object.values(Resources).flatMap(({ Properties }) =>
    SETTINGS_IN_RESOURCES.map((each) => each(Properties)),
  );
  return Object.assign({}, ...found);
}
