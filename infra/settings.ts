import { Duration } from 'aws-cdk-lib';
import * as v from 'valibot';
import { readFingerprint } from '../functions/certificate/path/trust-anchors.ts';
import { LOG_KEY_FORM, readLogKey } from '../functions/certificate/transparency/ct-logs.ts';
import { COLLECT_URL } from '../functions/collectmc/request.ts';
import { CollectorError } from '../functions/collector-error.ts';
import { DEFAULT_COLLECTOR } from '../functions/environment.ts';
import { problemsOf } from '../functions/input.ts';
import { TIMING, timingProblems } from './duration-problems.ts';
import {
  DEFAULT_EVENT_BUS,
  DEFAULT_EVENT_SOURCE,
  DEFAULT_RUNBOOK_URL,
  FORMATS,
  FORMS,
  type TextForm,
} from './forms.ts';
import { DEFAULT_ASK_AGAIN, DEFAULT_GIVE_UP, DEFAULT_POLL } from './timing.ts';

const text = ({ accepted, accepts }: TextForm) => v.pipe(v.string(accepted), v.check(accepts, accepted));

const pattern = (accepted: string, expression: RegExp) => v.pipe(v.string(accepted), v.regex(expression, accepted));

const duration = (accepted: string) =>
  v.pipe(
    v.string(accepted),
    v.check((value) => durationOf(value) !== undefined, accepted),
    v.transform((value) => durationOf(value) ?? Duration.seconds(0)),
  );

const TRUST_ANCHORS_FORM = 'SHA-256 fingerprints of certificates, 64 hex digits each, separated by commas';
const CT_LOGS_FORM = `keys of certificate transparency logs, separated by commas: ${LOG_KEY_FORM}`;
const CONCURRENCY_FORM = 'a whole number from 1 to 1000, or "none"';
const CERTIFICATE_FORM = 'the ARN of an ACM certificate in us-east-1, the region that CloudFront requires';

/** A boolean, which `-c key=value` passes as text. */
const flag = () =>
  v.pipe(
    v.union([v.boolean(), v.picklist(['true', 'false'])], 'true, false'),
    v.transform((value) => String(value) === 'true'),
  );

/**
 * Every setting with its accepted form and its default. The table in docs/settings.md repeats this one, and a test compares them.
 * Values come from the CDK context, so a number may arrive as text.
 */
const settingsSchema = v.object({
  /** The name of the collector. It separates collectors in one AWS account and region. */
  name: v.optional(text(FORMS.name), DEFAULT_COLLECTOR),
  /** The URL of CollectMC. */
  collectUrl: v.optional(text(FORMS.collectUrl), COLLECT_URL),
  /** The container format to request from the CA. */
  responseFormat: v.optional(v.picklist(FORMATS, FORMATS.join(', ')), 'pkcs7'),
  /** The time between two checks of an order. */
  pollEvery: v.optional(duration('an ISO 8601 duration like PT3H'), DEFAULT_POLL),
  /** The time between two checks of an order of an account for which a push has arrived; by default, `pollEvery`. */
  pollEveryWithPush: v.optional(duration('an ISO 8601 duration like P1D')),
  /** The deadline of an order, from its start: after it, the collection fails as overdue. */
  giveUpAfter: v.optional(duration('an ISO 8601 duration like P90D'), DEFAULT_GIVE_UP),
  /** The source of the events that announce an order. */
  eventSource: v.optional(text(FORMS.eventSource), DEFAULT_EVENT_SOURCE),
  /** The event bus that delivers the events of orders, and that receives the events of the collector. */
  eventBusName: v.optional(
    pattern('the name of an event bus: letters, digits and /._-', /^[A-Za-z0-9/._-]{1,256}$/),
    DEFAULT_EVENT_BUS,
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
  /** The time before and after the end of a certificate in which the CA is asked for its successor; none: never. */
  askAgainBefore: v.optional(duration('an ISO 8601 duration like P45D'), DEFAULT_ASK_AGAIN),
  /** The e-mail address that receives the alarms; AWS asks it for confirmation. */
  alarmEmail: v.optional(text(FORMS.email)),
  /** The e-mail address that receives what concerns the brand; by default, the operators receive it. */
  notifyEmail: v.optional(text(FORMS.email)),
  /** The page that messages link to, without a fragment. */
  runbookUrl: v.optional(text(FORMS.runbookUrl), DEFAULT_RUNBOOK_URL),
  /** Whether the stack contains a dashboard. AWS charges 3 dollars a month for it. */
  dashboard: v.optional(flag(), false),
  /** Whether the CA may push notifications to a function URL. */
  push: v.optional(flag(), false),
  /** Whether chain and logo are published at the addresses of an order's domains. */
  publish: v.optional(flag(), false),
  /** The host name of the published addresses; CloudFront's own host name by default. */
  publishDomainName: v.optional(text(FORMS.domainName)),
  /** The TLS certificate of `publishDomainName`. */
  publishCertificateArn: v.optional(
    pattern(CERTIFICATE_FORM, /^arn:aws:acm:us-east-1:\d{12}:certificate\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
  ),
  /** Whether CloudFront logs who fetches what is published, in a separate bucket that keeps the logs for 30 days. */
  publishLogs: v.optional(flag(), false),
  /** Whether a revoked certificate is unpublished at once. */
  unpublishRevoked: v.optional(flag(), false),
  /** A customer-managed key for the bucket, the secrets, the queue and the topics; AWS's keys by default. */
  kmsKeyArn: v.optional(
    pattern(
      'the ARN of a KMS key',
      /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/,
    ),
  ),
  /** Whether deleting the stack deletes the bucket or keeps it. A bucket that is not empty is never deleted. */
  removalPolicy: v.optional(v.picklist(['retain', 'destroy'], 'retain, destroy'), 'retain'),
});

/** The durations: those that determine how often the CA is called and how many events an execution has, and the others. */
const timingSchema = v.pick(settingsSchema, TIMING);

/** The settings of publishing, which depend on each other. */
const publishingSchema = v.pick(settingsSchema, [
  'publish',
  'publishDomainName',
  'publishCertificateArn',
  'publishLogs',
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
    problems.push(...timingProblems(timing.output, (duration) => duration.toIsoString()));
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

function removedSettings(input: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(REMOVED_SETTINGS).flatMap(([name, successor]) =>
    input[name] === undefined
      ? []
      : [
          `${name}: ${JSON.stringify(input[name])} is not accepted, because the setting is gone; accepted: ${successor}`,
        ],
  );
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
