import { Duration } from 'aws-cdk-lib';
import * as v from 'valibot';
import { readFingerprint } from '../functions/certificate/path/trust-anchors.ts';
import { LOG_KEY_FORM, readLogKey } from '../functions/certificate/transparency/ct-logs.ts';
import { CHECKS_AHEAD } from '../functions/collect/waiting.ts';
import { COLLECT_URL, endpointProblem, RESPONSE_FORMATS } from '../functions/collectmc/request.ts';
import { CollectorError } from '../functions/collector-error.ts';
import { DEFAULT_COLLECTOR } from '../functions/environment.ts';
import { SECURE_URL_FORM } from '../functions/http.ts';
import { problemsOf } from '../functions/input.ts';
import { domainSchema } from '../functions/order.ts';
import { COLLECTOR_NAME, COLLECTOR_NAME_FORM } from './stack-names.ts';
import { DEFAULT_GIVE_UP, DEFAULT_POLL, waitingProblems } from './timing.ts';

/**
 * The maximum number of events in the history of a standard execution. Step Functions ends an execution that reaches
 * it.
 */
const HISTORY_LIMIT = 25_000;

/** Collect entered, scheduled, started, succeeded, exited; Issued? entered, exited; Wait entered, exited. */
export const EVENTS_PER_CHECK = 9;

/**
 * Events per check for invocations that a busy Collect refuses, three events each. At a load of 0.9
 * (docs/performance.md, Scale) the simulation counts 4.4 refusals a check. Of the 3,240 orders that make up this load,
 * the order with the most refusals has 22 events per poll interval in 90 days, its checks included.
 */
export const EVENTS_FOR_REFUSALS = 13;

/** Events reserved for all other retries, three each, and for publishing and announcing the certificate once. */
const EVENTS_FOR_RETRIES = 1_000;

const text = (accepted: string, pattern: RegExp) => v.pipe(v.string(accepted), v.regex(pattern, accepted));

const duration = (accepted: string) =>
  v.pipe(
    v.string(accepted),
    v.check((value) => durationOf(value) !== undefined, accepted),
    v.transform((value) => durationOf(value) ?? Duration.seconds(0)),
  );

const EMAIL = /^[^@\s]+@[^@\s]+\.[^@\s]+$/;

/** The runbook that messages link to, if the setting does not name another page. */
const DEFAULT_RUNBOOK_URL =
  'https://github.com/mark-certificate-collector/mark-certificate-collector/blob/main/docs/runbook.md';

const FORMATS = Object.keys(RESPONSE_FORMATS) as (keyof typeof RESPONSE_FORMATS)[];
const TRUST_ANCHORS_FORM = 'SHA-256 fingerprints of certificates, 64 hex digits each, separated by commas';
const CT_LOGS_FORM = `keys of certificate transparency logs, separated by commas: ${LOG_KEY_FORM}`;
const CONCURRENCY_FORM = 'a whole number from 1 to 1000, or "none"';
const DOMAIN_NAME_FORM = 'a host name in lower case, like bimi.example.com';
const CERTIFICATE_FORM = 'the ARN of an ACM certificate in us-east-1, the region that CloudFront requires';

/** A boolean, which `-c key=value` passes as text. */
const flag = () =>
  v.pipe(
    v.union([v.boolean(), v.picklist(['true', 'false'])], 'true, false'),
    v.transform((value) => String(value) === 'true'),
  );

/**
 * Every setting with its accepted form and its default. The README's table repeats this one, and a test compares them.
 * Values come from the CDK context, so a number may arrive as text.
 */
const settingsSchema = v.object({
  /** The name of the collector. It separates collectors in one AWS account and region. */
  name: v.optional(text(COLLECTOR_NAME_FORM, COLLECTOR_NAME), DEFAULT_COLLECTOR),
  /** The URL of CollectMC. */
  collectUrl: v.optional(
    v.pipe(
      v.string(SECURE_URL_FORM),
      v.check((url) => endpointProblem(url) === undefined, SECURE_URL_FORM),
    ),
    COLLECT_URL,
  ),
  /** The container format to request from the CA. */
  responseFormat: v.optional(v.picklist(FORMATS, FORMATS.join(', ')), 'pkcs7'),
  /** The time between two checks of an order. */
  pollEvery: v.optional(duration('an ISO 8601 duration like PT3H'), DEFAULT_POLL),
  /** The deadline of an order, from its start: after it, the collection fails as overdue. */
  giveUpAfter: v.optional(duration('an ISO 8601 duration like P90D'), DEFAULT_GIVE_UP),
  /** The source of the events that announce an order. */
  eventSource: v.optional(
    text('1 to 256 characters, not beginning with "aws."', /^(?!aws\.).{1,256}$/),
    'mark-certificates',
  ),
  /** The event bus that delivers the events of orders, and that receives the events of the collector. */
  eventBusName: v.optional(
    text('the name of an event bus: letters, digits and /._-', /^[A-Za-z0-9/._-]{1,256}$/),
    'default',
  ),
  /** Certificates to trust in addition to the known roots of mark certificates. */
  trustAnchors: v.optional(
    v.pipe(
      v.string(TRUST_ANCHORS_FORM),
      // Checked before the conversion, so that the error quotes the value as it was written.
      v.check((list) => fingerprintsOf(list).every((each) => each !== undefined), TRUST_ANCHORS_FORM),
      v.transform((list) => fingerprintsOf(list).filter((each) => each !== undefined)),
    ),
  ),
  /** Keys of certificate transparency logs to trust in addition to the known logs of mark certificates. */
  ctLogs: v.optional(
    v.pipe(
      v.string(CT_LOGS_FORM),
      v.check((list) => logKeysOf(list).every((each) => each !== undefined), CT_LOGS_FORM),
      v.transform((list) => logKeysOf(list).filter((each) => each !== undefined)),
    ),
  ),
  /** How many checks may run at once. New AWS accounts have too little concurrency to reserve any: they need "none". */
  reservedConcurrency: v.optional(
    v.pipe(
      v.union([v.string(), v.number()], CONCURRENCY_FORM),
      v.transform(String),
      v.regex(/^(none|[1-9]\d{0,2}|1000)$/, CONCURRENCY_FORM),
      v.transform((value) => (value === 'none' ? undefined : Number(value))),
    ),
    1,
  ),
  /** The time between the first reminder and the expiry of a certificate. */
  remindBefore: v.optional(duration('an ISO 8601 duration like P30D'), 'P30D'),
  /** The e-mail address that receives the alarms; AWS asks it for confirmation. */
  alarmEmail: v.optional(text('an e-mail address', EMAIL)),
  /** The e-mail address that receives what concerns the brand; by default, the operators receive it. */
  notifyEmail: v.optional(text('an e-mail address', EMAIL)),
  /** The page that messages link to, without a fragment. */
  runbookUrl: v.optional(
    text('an https URL without a fragment', /^https:\/\/[^\s#/]+\/?[^\s#]*$/),
    DEFAULT_RUNBOOK_URL,
  ),
  /** Whether the stack contains a dashboard. AWS charges 3 dollars a month for it. */
  dashboard: v.optional(flag(), false),
  /** Whether the CA may push notifications to a function URL. */
  push: v.optional(flag(), false),
  /** Whether chain and logo are published at the addresses of an order's domains. */
  publish: v.optional(flag(), false),
  /** The host name of the published addresses; CloudFront's own host name by default. */
  publishDomainName: v.optional(
    v.pipe(
      v.string(DOMAIN_NAME_FORM),
      v.check((name) => {
        const read = v.safeParse(domainSchema, name);
        return read.success && read.output === name;
      }, DOMAIN_NAME_FORM),
    ),
  ),
  /** The TLS certificate of `publishDomainName`. */
  publishCertificateArn: v.optional(
    text(CERTIFICATE_FORM, /^arn:aws:acm:us-east-1:\d{12}:certificate\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
  ),
  /** Whether a revoked certificate is unpublished at once. */
  unpublishRevoked: v.optional(flag(), false),
  /** A customer-managed key for the bucket, the secrets, the queue and the topics; AWS's keys by default. */
  kmsKeyArn: v.optional(
    text(
      'the ARN of a KMS key',
      /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/,
    ),
  ),
  /** Whether deleting the stack deletes the bucket or keeps it. A bucket that is not empty is never deleted. */
  removalPolicy: v.optional(v.picklist(['retain', 'destroy'], 'retain, destroy'), 'retain'),
});

/** The settings that determine how often the CA is called, and how many events an execution has. */
const timingSchema = v.pick(settingsSchema, ['collectUrl', 'pollEvery', 'giveUpAfter', 'remindBefore']);

/** The settings of publishing, which depend on each other. */
const publishingSchema = v.pick(settingsSchema, [
  'publish',
  'publishDomainName',
  'publishCertificateArn',
  'unpublishRevoked',
]);

/** Settings as a person writes them; each is optional. */
export type SettingsInput = v.InferInput<typeof settingsSchema>;

/** Checked settings, with their defaults and with parsed durations. */
export type Settings = v.InferOutput<typeof settingsSchema>;

/** Settings as a person writes them in cdk.json, each with a value: those that have no value are missing. */
export type WrittenSettings = Readonly<Record<string, string | number | boolean>>;

/** The names of all settings, as keys of the CDK context. */
export const SETTING_NAMES = Object.keys(settingsSchema.entries) as (keyof Settings)[];

/** Settings of earlier releases. They are refused, because a deployment that ignored one would change a resource. */
const REMOVED_SETTINGS: Readonly<Record<string, string>> = {
  credentialsSecretName: 'name; the secret is <name>/credentials',
};

/** The names of settings of earlier releases, which {@link readSettings} refuses. */
export const REMOVED_SETTING_NAMES = Object.keys(REMOVED_SETTINGS);

/** Some settings cannot be used. The message contains each with its value and the accepted form. */
export class InvalidSettingsError extends CollectorError {
  override readonly name = 'InvalidSettingsError';

  constructor(problems: readonly string[]) {
    super(`Settings cannot be used:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

/**
 * Checks settings and fills in the defaults.
 *
 * @throws {InvalidSettingsError} if a setting is wrong.
 */
export function readSettings(input: Readonly<Record<string, unknown>>): Settings {
  const result = v.safeParse(settingsSchema, input);
  const problems = [...removedSettings(input), ...(result.issues ? problemsOf(result.issues) : [])];
  // Checked separately, so that another wrong setting does not hide the problems of these.
  const timing = v.safeParse(timingSchema, input);
  if (timing.success) {
    problems.push(...timingProblems(timing.output));
  }
  const publishing = v.safeParse(publishingSchema, input);
  if (publishing.success) {
    problems.push(...publishingProblems(publishing.output));
  }
  if (!result.success || problems.length > 0) {
    throw new InvalidSettingsError(problems);
  }
  return result.output;
}

/** Checked settings in the form in which a person writes them. {@link readSettings} reads them with the same result. */
export function writeSettings({ reservedConcurrency, ...others }: Settings): WrittenSettings {
  const written = Object.entries({ ...others, reservedConcurrency: reservedConcurrency ?? 'none' });
  return Object.fromEntries(
    written.flatMap(([name, value]) => (value === undefined ? [] : [[name, writtenValue(value)]])),
  );
}

function writtenValue(value: string | number | boolean | readonly string[] | Duration): string | number | boolean {
  if (value instanceof Duration) {
    return value.toIsoString();
  }
  return typeof value === 'object' ? value.join(',') : value;
}

/** What two collectors in one AWS account and region cannot have in common. */
export interface Collision {
  /** The setting to change in one of the two. */
  readonly setting: keyof Settings;
  readonly reason: string;
}

/** Why two collectors cannot be in one AWS account and region. The values may be written ones. */
export function collisionsOf(
  one: Readonly<Record<string, unknown>>,
  other: Readonly<Record<string, unknown>>,
): Collision[] {
  const collisions: Collision[] = [];
  if (one.name === other.name) {
    const reason =
      `two collectors have the name ${JSON.stringify(one.name)}, which the secret of the login and the metrics contain; ` +
      'accepted: another name for each collector';
    collisions.push({ setting: 'name', reason });
  }
  if (one.eventSource === other.eventSource && one.eventBusName === other.eventBusName) {
    const reason =
      `two collectors take the events with the source ${JSON.stringify(one.eventSource)} on the bus ` +
      `${JSON.stringify(one.eventBusName)}, so both would collect every order; ` +
      'accepted: another eventSource for each collector, or another eventBusName';
    collisions.push({ setting: 'eventSource', reason });
  }
  return collisions;
}

function removedSettings(input: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(REMOVED_SETTINGS).flatMap(([name, successor]) =>
    input[name] === undefined
      ? []
      : [
          `${name}: ${JSON.stringify(input[name])} is not accepted, because the setting is gone; accepted: ${successor}`,
        ],
  );
}

/** Problems of the durations, each alone and together, with the arithmetic. */
function timingProblems({
  collectUrl,
  pollEvery,
  giveUpAfter,
  remindBefore,
}: v.InferOutput<typeof timingSchema>): string[] {
  const problems = waitingProblems(
    { pollEvery: 'pollEvery', giveUpAfter: 'giveUpAfter' },
    { url: collectUrl, pollEvery: pollEvery.toSeconds(), giveUpAfter: giveUpAfter.toSeconds() },
  );
  const remindDays = remindBefore.toDays({ integral: false });
  if (!Number.isInteger(remindDays) || remindDays < 7 || remindDays > 90) {
    problems.push(`remindBefore: ${remindBefore.toIsoString()} is not accepted; accepted: whole days from P7D to P90D`);
  }
  const checks = Math.ceil(giveUpAfter.toSeconds() / Math.max(1, pollEvery.toSeconds())) + CHECKS_AHEAD;
  const perCheck = EVENTS_PER_CHECK + EVENTS_FOR_REFUSALS;
  const events = checks * perCheck + EVENTS_FOR_RETRIES;
  if (events > HISTORY_LIMIT) {
    problems.push(
      `pollEvery and giveUpAfter: ${giveUpAfter.toIsoString()} / ${pollEvery.toIsoString()} + ${CHECKS_AHEAD} early checks = ` +
        `${checks} checks; ${checks} x ${perCheck} events + ${EVENTS_FOR_RETRIES} for retries = ${events} events, and an ` +
        `execution may have ${HISTORY_LIMIT}; accepted: a longer pollEvery or a shorter giveUpAfter`,
    );
  }
  return problems;
}

/** Problems of the settings of publishing, together. */
function publishingProblems({ publish, ...others }: v.InferOutput<typeof publishingSchema>): string[] {
  const { publishDomainName, publishCertificateArn } = others;
  const problems = Object.entries(others)
    .filter(([, value]) => !publish && value !== undefined && value !== false)
    .map(
      ([name, value]) =>
        `${name}: ${JSON.stringify(value)} is not accepted without publish; accepted: "publish": true in addition`,
    );
  if ((publishDomainName === undefined) !== (publishCertificateArn === undefined)) {
    const [present, missing] =
      publishDomainName === undefined
        ? ['publishCertificateArn', 'publishDomainName']
        : ['publishDomainName', 'publishCertificateArn'];
    problems.push(`${present} is not accepted without ${missing}; accepted: both or neither`);
  }
  return problems;
}

function fingerprintsOf(list: string): (string | undefined)[] {
  return list.split(',').map((each) => readFingerprint(each.trim()));
}

function logKeysOf(list: string): (string | undefined)[] {
  return list.split(',').map((each) => readLogKey(each.trim()));
}

function durationOf(value: string): Duration | undefined {
  try {
    return Duration.parse(value);
  } catch {
    return undefined;
  }
}
