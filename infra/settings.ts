import { Duration } from 'aws-cdk-lib';
import * as v from 'valibot';
import { readFingerprint } from '../functions/certificate/trust-anchors.ts';
import { CHECKS_AHEAD } from '../functions/collect/waiting.ts';
import { COLLECT_URL, endpointProblem, RESPONSE_FORMATS } from '../functions/collectmc/request.ts';
import { isLoopback } from '../functions/http.ts';
import { problemsOf } from '../functions/input.ts';
import { domainSchema } from '../functions/order.ts';

/** The CA allows one call every 3 hours per order (documented for CollectSSL). A loopback endpoint is nobody's CA. */
const SHORTEST_POLL = Duration.hours(3);

/**
 * An execution of Step Functions ends after a year. The rest of it is for the last wait, which is twice the poll interval at
 * the most, and a day of repetitions: 360 + 2 x 2 + 1 days.
 */
const LONGEST_WAIT = Duration.days(360);
const LONGEST_POLL = Duration.days(2);

/** Step Functions stops a standard execution at this many events of history. */
const HISTORY_LIMIT = 25_000;

/** Collect entered, scheduled, started, succeeded, exited; Issued? entered, exited; Wait entered, exited. */
export const EVENTS_PER_CHECK = 9;

/**
 * Refusals of a busy Collect, at three events each. At a load of 0.9 (docs/performance.md, Scale) the simulation counts 4.4 a
 * check; of the 3,240 orders that make this load the unluckiest has 22 events per poll interval in 90 days, its checks included.
 */
export const EVENTS_FOR_REFUSALS = 13;

/** Kept free for every other repetition of a check, three events each too, and for the end: publishing and announcing, once. */
const EVENTS_FOR_RETRIES = 1_000;

const text = (accepted: string, pattern: RegExp) => v.pipe(v.string(accepted), v.regex(pattern, accepted));

const duration = (accepted: string) =>
  v.pipe(
    v.string(accepted),
    v.check((value) => durationOf(value) !== undefined, accepted),
    v.transform((value) => durationOf(value) ?? Duration.seconds(0)),
  );

const COLLECT_URL_FORM =
  'an https URL without credentials, query and fragment (plain http for a loopback address only)';
const FORMATS = Object.keys(RESPONSE_FORMATS) as (keyof typeof RESPONSE_FORMATS)[];
const TRUST_ANCHORS_FORM = 'SHA-256 fingerprints of certificates, 64 hex digits each, separated by commas';
const CONCURRENCY_FORM = 'a whole number from 1 to 1000, or "none"';
const DOMAIN_NAME_FORM = 'a host name in lower case, like bimi.example.com';
const CERTIFICATE_FORM = 'the ARN of an ACM certificate in us-east-1, where CloudFront looks for it';

/** A switch: `-c key=value` gives it as text. */
const flag = () =>
  v.pipe(
    v.union([v.boolean(), v.picklist(['true', 'false'])], 'true, false'),
    v.transform((value) => String(value) === 'true'),
  );

/**
 * Every setting: its accepted form and its default. This is the one place; the README's table repeats it for readers.
 * Values come from the CDK context, so a number may arrive as text.
 */
const settingsSchema = v.object({
  /** Where CollectMC answers. */
  collectUrl: v.optional(
    v.pipe(
      v.string(COLLECT_URL_FORM),
      v.check((url) => endpointProblem(url) === undefined, COLLECT_URL_FORM),
    ),
    COLLECT_URL,
  ),
  /** The container to ask for. */
  responseFormat: v.optional(v.picklist(FORMATS, FORMATS.join(', ')), 'pkcs7'),
  /** The time between two checks of an order. */
  pollEvery: v.optional(duration('an ISO 8601 duration like PT3H'), 'PT3H'),
  /** How long an order may take before its collection fails as overdue. */
  giveUpAfter: v.optional(duration('an ISO 8601 duration like P90D'), 'P90D'),
  /** The name the stack gives to the secret that holds the CA's login. */
  credentialsSecretName: v.optional(
    text('1 to 512 letters, digits and /_+=.@-', /^[A-Za-z0-9/_+=.@-]{1,512}$/),
    'mark-certificate-collector/credentials',
  ),
  /** The source of the events that announce an order. */
  eventSource: v.optional(
    text('1 to 256 characters, not beginning with "aws."', /^(?!aws\.).{1,256}$/),
    'mark-certificates',
  ),
  /** The event bus of both ways. */
  eventBusName: v.optional(
    text('the name of an event bus: letters, digits and /._-', /^[A-Za-z0-9/._-]{1,256}$/),
    'default',
  ),
  /** Certificates to trust beside the known roots of mark certificates. */
  trustAnchors: v.optional(
    v.pipe(
      v.string(TRUST_ANCHORS_FORM),
      // Checked before it is changed, so that the error repeats what was written.
      v.check((list) => fingerprintsOf(list).every((each) => each !== undefined), TRUST_ANCHORS_FORM),
      v.transform((list) => fingerprintsOf(list).filter((each) => each !== undefined)),
    ),
  ),
  /** How many checks may run at once. New accounts have too little concurrency to reserve any of it: "none". */
  reservedConcurrency: v.optional(
    v.pipe(
      v.union([v.string(), v.number()], CONCURRENCY_FORM),
      v.transform(String),
      v.regex(/^(none|[1-9]\d{0,2}|1000)$/, CONCURRENCY_FORM),
      v.transform((value) => (value === 'none' ? undefined : Number(value))),
    ),
    1,
  ),
  /** How long before its end a certificate is reminded of for the first time. */
  remindBefore: v.optional(duration('an ISO 8601 duration like P30D'), 'P30D'),
  /** Who gets the alarms by e-mail; AWS asks the address to confirm. */
  alarmEmail: v.optional(text('an e-mail address', /^[^@\s]+@[^@\s]+\.[^@\s]+$/)),
  /** Whether the CA may push notifications to a function URL. */
  push: v.optional(flag(), false),
  /** Whether chain and logo of an order's domains are served to everybody. */
  publish: v.optional(flag(), false),
  /** A host name of one's own for the published addresses; CloudFront's without it. */
  publishDomainName: v.optional(
    v.pipe(
      v.string(DOMAIN_NAME_FORM),
      v.check((name) => {
        const read = v.safeParse(domainSchema, name);
        return read.success && read.output === name;
      }, DOMAIN_NAME_FORM),
    ),
  ),
  /** The certificate of that host name. */
  publishCertificateArn: v.optional(
    text(CERTIFICATE_FORM, /^arn:aws:acm:us-east-1:\d{12}:certificate\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
  ),
  /** Whether a published chain that the CA revoked is taken down at once. */
  unpublishRevoked: v.optional(flag(), false),
  /** A customer-managed key for the bucket, the secrets, the queue and the topic; AWS's own keys without it. */
  kmsKeyArn: v.optional(
    text(
      'the ARN of a KMS key',
      /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/,
    ),
  ),
  /** What becomes of the bucket when the stack goes. A bucket that is not empty is never deleted. */
  removalPolicy: v.optional(v.picklist(['retain', 'destroy'], 'retain, destroy'), 'retain'),
});

/** What decides how often the CA is asked, and how many events an execution has. */
const rhythmSchema = v.pick(settingsSchema, ['collectUrl', 'pollEvery', 'giveUpAfter', 'remindBefore']);

/** What is served, and where: nothing of it stands alone. */
const publishingSchema = v.pick(settingsSchema, [
  'publish',
  'publishDomainName',
  'publishCertificateArn',
  'unpublishRevoked',
]);

/** Settings as a person writes them; each may be left out. */
export type SettingsInput = v.InferInput<typeof settingsSchema>;

/** Settings that were checked, with durations as durations. */
export type Settings = v.InferOutput<typeof settingsSchema>;

export const SETTING_NAMES = Object.keys(settingsSchema.entries) as (keyof Settings)[];

/** Settings that cannot be used, every one of them with the accepted form. */
export class InvalidSettingsError extends Error {
  constructor(problems: readonly string[]) {
    super(`Settings cannot be used:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

/**
 * Checks settings and fills in the defaults.
 *
 * @throws {InvalidSettingsError} that lists every wrong setting with its value and the accepted form.
 */
export function readSettings(input: Readonly<Record<string, unknown>>): Settings {
  const result = v.safeParse(settingsSchema, input);
  const problems = result.issues ? problemsOf(result.issues) : [];
  // Apart from the rest, so that another wrong setting does not hide what is wrong with these.
  const rhythm = v.safeParse(rhythmSchema, input);
  if (rhythm.success) {
    problems.push(...rhythmProblems(rhythm.output));
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

/** What is wrong with the two durations together, with the arithmetic. */
function rhythmProblems({
  collectUrl,
  pollEvery,
  giveUpAfter,
  remindBefore,
}: v.InferOutput<typeof rhythmSchema>): string[] {
  const problems: string[] = [];
  const url = URL.parse(collectUrl);
  const shortest = url && isLoopback(url) ? Duration.seconds(1) : SHORTEST_POLL;
  if (pollEvery.toSeconds() < shortest.toSeconds() || pollEvery.toSeconds() > LONGEST_POLL.toSeconds()) {
    const reason = shortest === SHORTEST_POLL ? " (the CA's limit for one order)" : '';
    problems.push(
      `pollEvery: ${pollEvery.toIsoString()} is not accepted; ` +
        `accepted: from ${shortest.toIsoString()}${reason} to ${LONGEST_POLL.toIsoString()}`,
    );
  }
  if (giveUpAfter.toSeconds() < pollEvery.toSeconds() || giveUpAfter.toSeconds() > LONGEST_WAIT.toSeconds()) {
    problems.push(
      `giveUpAfter: ${giveUpAfter.toIsoString()} is not accepted; accepted: from pollEvery to ${LONGEST_WAIT.toIsoString()}`,
    );
  }
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
        `${checks} checks; ${checks} x ${perCheck} events + ${EVENTS_FOR_RETRIES} for repetitions = ${events}, and an ` +
        `execution may have ${HISTORY_LIMIT}; accepted: a longer pollEvery or a shorter giveUpAfter`,
    );
  }
  return problems;
}

/** What is wrong with the settings of what is published, together. */
function publishingProblems({ publish, ...others }: v.InferOutput<typeof publishingSchema>): string[] {
  const { publishDomainName, publishCertificateArn } = others;
  const problems = Object.entries(others)
    .filter(([, value]) => !publish && value !== undefined && value !== false)
    .map(
      ([name, value]) =>
        `${name}: ${JSON.stringify(value)} is not accepted without publish; accepted: publish=true beside it`,
    );
  if ((publishDomainName === undefined) !== (publishCertificateArn === undefined)) {
    const [there, missing] =
      publishDomainName === undefined
        ? ['publishCertificateArn', 'publishDomainName']
        : ['publishDomainName', 'publishCertificateArn'];
    problems.push(`${there}: is not accepted without ${missing}; accepted: both of them or neither`);
  }
  return problems;
}

function fingerprintsOf(list: string): (string | undefined)[] {
  return list.split(',').map((each) => readFingerprint(each.trim()));
}

function durationOf(value: string): Duration | undefined {
  try {
    return Duration.parse(value);
  } catch {
    return undefined;
  }
}
