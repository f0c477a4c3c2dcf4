import { CfnResource, Duration, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import type { ICertificate } from 'aws-cdk-lib/aws-certificatemanager';
import type { IHostedZone } from 'aws-cdk-lib/aws-route53';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { readFingerprint } from '../functions/certificate/path/trust-anchors.ts';
import { COLLECT_URL, type ResponseFormat } from '../functions/collectmc/request.ts';
import { CollectorError } from '../functions/collector-error.ts';
import { DEFAULT_COLLECTOR } from '../functions/environment.ts';
import { truncate } from '../functions/text.ts';
import { TIMING, timingProblems } from './duration-problems.ts';
import { DEFAULT_EVENT_SOURCE, DEFAULT_RUNBOOK_URL, FORMATS, FORMS, type TextForm } from './forms.ts';
import type { MarkCertificateCollectorProps, PublishProps } from './props.ts';
import { DEFAULT_ASK_AGAIN, DEFAULT_GIVE_UP, DEFAULT_POLL } from './timing.ts';

/** The props that have no default: what is not given is created, or left out. */
type Optional =
  | 'alarmEmail'
  | 'alarmTopic'
  | 'bucket'
  | 'credentials'
  | 'ctLogs'
  | 'encryptionKey'
  | 'eventBus'
  | 'notifyEmail'
  | 'notifyTopic'
  | 'pollEveryWithPush'
  | 'trustAnchors';

type Optionals = { readonly [Name in Optional]: MarkCertificateCollectorProps[Name] | undefined };
type Defaults = {
  readonly [Name in Exclude<
    keyof MarkCertificateCollectorProps,
    Optional | 'publish' | 'reservedConcurrency'
  >]: NonNullable<MarkCertificateCollectorProps[Name]>;
};

/** Checked props with their defaults. */
export interface CollectorConfig extends Optionals, Defaults {
  readonly responseFormat: ResponseFormat;
  /** Undefined if nothing is published. */
  readonly publish: PublishProps | undefined;
  /** Undefined without a reservation. */
  readonly reservedConcurrency: number | undefined;
}

/** Props cannot be used. The message contains each with its value and the accepted form. */
export class InvalidPropsError extends CollectorError {
  override readonly name = 'InvalidPropsError';

  /** @param path the path of the construct. */
  constructor(path: string, problems: readonly string[]) {
    super(
      `Props of MarkCertificateCollector (${path}) cannot be used:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    );
  }
}

/** The characters of a wrong value in a message. */
const VALUE_BYTES = 120;

/** The form of a value, and whether a value has it. */
interface Form {
  readonly accepted: string;
  /** Whether a wrong value can be a login: an error does not contain it. */
  readonly hidden?: boolean;
  accepts(value: unknown): boolean;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** A text. One that the deployment assigns cannot be checked here. */
const text = ({ accepted, accepts }: TextForm): Form => ({
  accepted,
  accepts: (value) => typeof value === 'string' && (Token.isUnresolved(value) || accepts(value)),
});

/** A resource, by a property that all resources of its type have: there may be two copies of the CDK. */
const resource = (type: string, property: string): Form => ({
  accepted: type,
  accepts: (value) => isObject(value) && property in value,
});

const period = (example: string): Form => ({
  accepted: `a Duration that is known at synthesis, such as ${example}`,
  accepts: (value) => isDuration(value) && !value.isUnresolved(),
});

const FLAG: Form = { accepted: 'true, false', accepts: (value) => typeof value === 'boolean' };

const RESERVED_CONCURRENCY: Form = {
  accepted: 'a whole number from 1 to 1000, or "none"',
  accepts: (value) =>
    value === 'none' ||
    (typeof value === 'number' &&
      (Token.isUnresolved(value) || (Number.isInteger(value) && value >= 1 && value <= 1000))),
};

const REMOVAL_POLICIES = [RemovalPolicy.DESTROY, RemovalPolicy.RETAIN, RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE];

/** Every prop with its form. The lists and the object of `publish` are checked by their members. */
const PROP_FORMS: Readonly<Record<keyof MarkCertificateCollectorProps, Form>> = {
  name: text(FORMS.name),
  eventSource: text(FORMS.eventSource),
  eventBus: resource('an IEventBus', 'eventBusArn'),
  credentials: { ...resource('an ISecret', 'secretArn'), hidden: true },
  bucket: resource('an IBucket', 'bucketArn'),
  encryptionKey: resource('an IKey', 'keyArn'),
  removalPolicy: {
    accepted: 'RemovalPolicy.DESTROY, RemovalPolicy.RETAIN, RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE',
    accepts: (value) => REMOVAL_POLICIES.some((policy) => policy === value),
  },
  pollEvery: period('Duration.hours(3)'),
  pollEveryWithPush: period('Duration.days(1)'),
  giveUpAfter: period('Duration.days(90)'),
  remindBefore: period('Duration.days(30)'),
  askAgainBefore: period('Duration.days(45)'),
  trustAnchors: {
    accepted: 'a list of SHA-256 fingerprints of certificates, 64 hex digits each',
    accepts: Array.isArray,
  },
  ctLogs: {
    accepted: `a list of keys of certificate transparency logs: ${FORMS.logKey.accepted}`,
    accepts: Array.isArray,
  },
  alarmTopic: resource('an ITopic', 'topicArn'),
  notifyTopic: resource('an ITopic', 'topicArn'),
  alarmEmail: text(FORMS.email),
  notifyEmail: text(FORMS.email),
  runbookUrl: text(FORMS.runbookUrl),
  dashboard: FLAG,
  push: FLAG,
  publish: {
    accepted: 'true, false, {domainName?, certificate?, hostedZone?}',
    accepts: (value) =>
      typeof value === 'boolean' || (isObject(value) && !Array.isArray(value) && !Construct.isConstruct(value)),
  },
  publishLogs: FLAG,
  unpublishRevoked: FLAG,
  collectUrl: text(FORMS.collectUrl),
  responseFormat: { accepted: FORMATS.join(', '), accepts: (value) => FORMATS.some((format) => format === value) },
  reservedConcurrency: RESERVED_CONCURRENCY,
};

const PUBLISH_FORMS: Readonly<Record<keyof PublishProps, Form>> = {
  domainName: text(FORMS.domainName),
  certificate: resource('an ICertificate', 'certificateArn'),
  hostedZone: resource('an IHostedZone', 'hostedZoneId'),
};

/**
 * Checks the props of a construct and fills in the defaults.
 *
 * @throws {InvalidPropsError} with all problems.
 */
export function readProps(scope: Construct, props: MarkCertificateCollectorProps): CollectorConfig {
  if (!isObject(props) || Array.isArray(props)) {
    throw new InvalidPropsError(scope.node.path, [`props: ${kindOf(props)} is not accepted; accepted: an object`]);
  }
  const problems = [
    ...problemsOf(props, PROP_FORMS, ''),
    ...membersOf('trustAnchors', props.trustAnchors, FORMS.fingerprint),
    ...membersOf('ctLogs', props.ctLogs, FORMS.logKey),
  ];
  const publish = isObject(props.publish) ? props.publish : props.publish ? {} : undefined;
  const config: CollectorConfig = {
    alarmEmail: props.alarmEmail,
    alarmTopic: props.alarmTopic,
    askAgainBefore: props.askAgainBefore ?? Duration.parse(DEFAULT_ASK_AGAIN),
    bucket: props.bucket,
    collectUrl: props.collectUrl ?? COLLECT_URL,
    credentials: props.credentials,
    ctLogs: props.ctLogs,
    dashboard: props.dashboard ?? false,
    encryptionKey: props.encryptionKey,
    eventBus: props.eventBus,
    eventSource: props.eventSource ?? DEFAULT_EVENT_SOURCE,
    giveUpAfter: props.giveUpAfter ?? Duration.parse(DEFAULT_GIVE_UP),
    name: props.name ?? DEFAULT_COLLECTOR,
    notifyEmail: props.notifyEmail,
    notifyTopic: props.notifyTopic,
    pollEvery: props.pollEvery ?? Duration.parse(DEFAULT_POLL),
    pollEveryWithPush: props.pollEveryWithPush,
    publish,
    publishLogs: props.publishLogs ?? false,
    push: props.push ?? false,
    remindBefore: props.remindBefore ?? Duration.days(30),
    removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    reservedConcurrency: props.reservedConcurrency === 'none' ? undefined : (props.reservedConcurrency ?? 1),
    responseFormat: props.responseFormat ?? 'pkcs7',
    runbookUrl: props.runbookUrl ?? DEFAULT_RUNBOOK_URL,
    trustAnchors: Array.isArray(props.trustAnchors)
      ? props.trustAnchors.flatMap((each) => fingerprintOf(each))
      : undefined,
    unpublishRevoked: props.unpublishRevoked ?? false,
  };
  if (TIMING.every((name) => !isNamed(problems, name))) {
    problems.push(...timingProblems(config, (duration) => duration.toHumanString(), written));
  }
  problems.push(...publishProblems(config), ...busProblems(scope, config));
  if (problems.length > 0) {
    throw new InvalidPropsError(scope.node.path, problems);
  }
  return config;
}

function fingerprintOf(value: unknown): string[] {
  const fingerprint = typeof value === 'string' ? readFingerprint(value) : undefined;
  return fingerprint === undefined ? [] : [fingerprint];
}

function isNamed(problems: readonly string[], name: string): boolean {
  return problems.some((problem) => problem.startsWith(`${name}:`));
}

/** The values that have not their form, and the names that do not exist. */
function problemsOf(values: object, forms: Readonly<Record<string, Form>>, prefix: string): string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const form = Object.hasOwn(forms, name) ? forms[name] : undefined;
    if (value === undefined || form?.accepts(value)) {
      return [];
    }
    return form
      ? [
          `${prefix}${name}: ${form.hidden ? kindOf(value) : written(value)} is not accepted; accepted: ${form.accepted}`,
        ]
      : [
          // A text is not quoted: it can be a login that belongs elsewhere.
          `${prefix}${name}: ${isDuration(value) ? written(value) : kindOf(value)} is not accepted, because there is no such prop; accepted: ${Object.keys(forms).join(', ')}`,
        ];
  });
}

function membersOf(name: string, values: unknown, { accepted, accepts }: TextForm): string[] {
  return (Array.isArray(values) ? values : []).flatMap((value, index) =>
    typeof value === 'string' && accepts(value)
      ? []
      : [`${name}[${index}]: ${written(value)} is not accepted; accepted: ${accepted}`],
  );
}

/** Problems of publishing: its own props, and what they need of others. */
function publishProblems({ publish, publishLogs, unpublishRevoked, bucket }: CollectorConfig): string[] {
  if (!publish) {
    return Object.entries({ publishLogs, unpublishRevoked }).flatMap(([name, value]) =>
      value ? [`${name}: true is not accepted without publish; accepted: publish in addition`] : [],
    );
  }
  const problems = problemsOf(publish, PUBLISH_FORMS, 'publish.');
  const { domainName, certificate, hostedZone } = publish;
  if ((domainName === undefined) !== (certificate === undefined)) {
    const [present, missing] = domainName === undefined ? ['certificate', 'domainName'] : ['domainName', 'certificate'];
    problems.push(
      `publish.${present}: ${written(publish[present as keyof PublishProps])} is not accepted without publish.${missing}; accepted: both or neither`,
    );
  }
  if (certificate && !isNamed(problems, 'publish.certificate') && !canBeInUsEast1(certificate)) {
    problems.push(
      `publish.certificate: ${written(certificate)} is not accepted; accepted: an ACM certificate in us-east-1, the region that CloudFront requires`,
    );
  }
  if (hostedZone && domainName === undefined) {
    problems.push(
      `publish.hostedZone: ${written(hostedZone)} is not accepted without publish.domainName; accepted: publish.domainName and publish.certificate in addition`,
    );
  }
  const zone = hostedZone && zoneNameOf(hostedZone);
  if (typeof domainName === 'string' && zone !== undefined && isOutside(domainName, zone)) {
    problems.push(
      `publish.domainName: ${written(domainName)} is not accepted; accepted: a name in publish.hostedZone, ${zone}`,
    );
  }
  if (bucket && !canExtendPolicy(bucket)) {
    problems.push(bucketProblem(bucket));
  }
  return problems;
}

/** The problem of a bucket whose policy cannot allow CloudFront to read what is published. */
export function bucketProblem(bucket: IBucket): string {
  return (
    `bucket: ${written(bucket)} is not accepted with publish, because CloudFront must be added to its policy; ` +
    'accepted: a bucket that this app creates, or no publish'
  );
}

/** Whether the app creates the bucket: only then, the CDK can add to its policy. */
function canExtendPolicy(bucket: IBucket): boolean {
  return bucket.policy !== undefined || !Construct.isConstruct(bucket) || isCreated(bucket);
}

function isCreated(construct: Construct): boolean {
  const { defaultChild } = construct.node;
  return defaultChild !== undefined && CfnResource.isCfnResource(defaultChild);
}

/** Whether the region of a certificate is us-east-1, or cannot be known at synthesis. */
function canBeInUsEast1(certificate: ICertificate): boolean {
  const { certificateArn } = certificate;
  if (!Token.isUnresolved(certificateArn)) {
    return /^arn:[^:]+:acm:us-east-1:/.test(certificateArn);
  }
  // A certificate that the stack itself creates is in the region of the stack.
  const { defaultChild } = certificate.node;
  const isOwn =
    defaultChild !== undefined &&
    CfnResource.isCfnResource(defaultChild) &&
    defaultChild.cfnResourceType === 'AWS::CertificateManager::Certificate';
  const { region } = Stack.of(certificate);
  return !isOwn || Token.isUnresolved(region) || region === 'us-east-1';
}

/** The name of a zone; undefined for one that is known by its id only. */
function zoneNameOf(zone: IHostedZone): string | undefined {
  try {
    return zone.zoneName;
  } catch {
    return undefined;
  }
}

function isOutside(name: string, zone: string): boolean {
  const apex = zone.replace(/\.$/, '');
  return !Token.isUnresolved(name) && !Token.isUnresolved(zone) && name !== apex && !name.endsWith(`.${apex}`);
}

/** A rule must be in the account and the region of its bus. */
function busProblems(scope: Construct, { eventBus }: CollectorConfig): string[] {
  if (!isObject(eventBus) || !isObject(eventBus.env)) {
    return [];
  }
  const { account, region } = Stack.of(scope);
  return canBeSame(eventBus.env.account, account) && canBeSame(eventBus.env.region, region)
    ? []
    : [
        `eventBus: ${written(eventBus)} is not accepted, because it is in ${eventBus.env.account}, ${eventBus.env.region}; ` +
          `accepted: a bus in the account and region of the stack: ${account}, ${region}`,
      ];
}

/** Whether two accounts or regions are the same, or may turn out to be. */
export function canBeSame(one: string, other: string): boolean {
  return one === other || Token.isUnresolved(one) || Token.isUnresolved(other);
}

function isDuration(value: unknown): value is Duration {
  return value instanceof Duration || (isObject(value) && 'toSeconds' in value && 'toHumanString' in value);
}

/** A value as a person reads it. */
function written(value: unknown): string {
  if (isDuration(value)) {
    return `${value.isUnresolved() ? 'a token' : value.toHumanString()} (Duration)`;
  }
  if (Token.isUnresolved(value)) {
    return 'a token';
  }
  if (Construct.isConstruct(value)) {
    return `the construct ${value.node.path}`;
  }
  if (typeof value === 'function') {
    return 'a function';
  }
  // A URL can contain a password by mistake.
  return truncate((json(value) ?? String(value)).replaceAll(/\/\/[^/@\s]*@/g, '//…@'), VALUE_BYTES);
}

/** What a value is, without its content. */
function kindOf(value: unknown): string {
  return Construct.isConstruct(value) || value === null ? written(value) : `a value of the type ${typeof value}`;
}

/** Undefined for a value that JSON does not have, or that refers to itself. */
function json(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
