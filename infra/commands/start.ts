import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { assertionName, publishedUrls } from '../../functions/bimi.ts';
import type { NamedAttributes } from '../../functions/certificate/mark.ts';
import type { Collection } from '../../functions/collect/collect.ts';
import { STATUSES } from '../../functions/collectmc/codes.ts';
import { RESPONSE_FORMATS, type ResponseFormat } from '../../functions/collectmc/request.ts';
import { daysLeft } from '../../functions/days.ts';
import { ORDERED } from '../../functions/events.ts';
import type { PublishResult } from '../../functions/publish/publish.ts';
import type { StoredFinding } from '../../functions/store/manifest.ts';
import { createCertificateAuthority } from '../local/ca/certificate-authority.ts';
import { pem } from '../local/ca/containers.ts';
import type { Execution, ExecutionEvent } from '../local/cloud/executions.ts';
import { LOCAL_PUSH_LOGIN, type LocalCloud, startLocalCloud } from '../local/cloud/local-cloud.ts';
import { runScenario, SCENARIOS, type Scenario } from '../local/scenarios.ts';

const FORMATS = Object.keys(RESPONSE_FORMATS) as ResponseFormat[];
const PROJECT = join(import.meta.dirname, '..', '..');
const LOCAL = join(PROJECT, '.local');
const ROOT = join(LOCAL, 'ca', 'root.pem');

const USAGE = `npm start -- [ORDER-NUMBER] [--scenario NAME] [--format ${FORMATS.join('|')}] [--publish] [--keep]

Runs one order through the stack's own state machine and functions, with servers on loopback for AWS and the CA.

  ORDER-NUMBER 1 to 16 digits (default: 1378973013)
  --scenario   what the CA answers:
${Object.entries(SCENARIOS)
  .map(([name, { description }]) => `                 ${name.padEnd(18)} ${description}`)
  .join('\n')}
  --format     the container to ask for (default: pkcs7)
  --publish    publish the pair for BIMI, and fetch it from where everybody would
  --keep       leave the servers up afterwards, until Ctrl-C`;

interface Options {
  readonly orderNumber: string;
  readonly scenario: Scenario;
  readonly format: ResponseFormat;
  readonly publish: boolean;
  readonly keep: boolean;
}

/** The story goes to the terminal; what the functions log goes to a file, as it would go to CloudWatch. */
const terminal = process.stdout.write.bind(process.stdout);
const say = (line = '') => terminal(`${line}\n`);

function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      scenario: { type: 'string', default: 'issued' },
      format: { type: 'string', default: 'pkcs7' },
      publish: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    say(USAGE);
    process.exit();
  }
  const scenario = Object.hasOwn(SCENARIOS, values.scenario) ? SCENARIOS[values.scenario] : undefined;
  const format = FORMATS.find((known) => known === values.format);
  if (!scenario) {
    throw new RangeError(`--scenario: ${values.scenario} is none of ${Object.keys(SCENARIOS).join(', ')}`);
  }
  if (!format) {
    throw new RangeError(`--format: ${values.format} is none of ${FORMATS.join(', ')}`);
  }
  if (positionals.length > 1) {
    throw new RangeError(`One order number is expected, and ${positionals.join(' ')} are ${positionals.length}`);
  }
  return { orderNumber: positionals[0] ?? '1378973013', scenario, format, publish: values.publish, keep: values.keep };
}

async function main(options: Options): Promise<boolean> {
  const { orderNumber, scenario, format, publish, keep } = options;
  await mkdir(LOCAL, { recursive: true });
  const logFile = join(LOCAL, 'functions.log');
  const log = createWriteStream(logFile);
  await once(log, 'open');
  for (const stream of [process.stdout, process.stderr]) {
    stream.write = log.write.bind(log) as typeof stream.write;
  }

  say('Making the CA of this machine (the first time takes some seconds) ...');
  const authority = await createCertificateAuthority({ directory: join(LOCAL, 'ca') });
  const certificate = authority.issue({ domains: ['example.com'] });
  const earlier = authority.issue({ domains: ['example.com'], notBefore: anHourAgo() });
  await writeFile(ROOT, pem([certificate.root]));

  const credentials = { loginName: 'brand@example.com', loginPassword: crypto.randomUUID() };
  const trustAnchors = fingerprintOf(certificate.root);
  const cloud: LocalCloud = await startLocalCloud({
    credentials,
    secret: scenario.secret,
    settings: { ...scenario.settings, responseFormat: format, trustAnchors, publish, push: keep },
    waitMilliseconds,
    onEvent: (execution, event) => narrate(cloud, execution, event),
    async beforeCheck(check) {
      await scenario.operator?.[check]?.({ cloud, credentials, say: tellDeed });
    },
  });
  try {
    say(`CollectMC   ${cloud.ca.url} (simulated)`);
    say(`S3          ${cloud.s3Url}, bucket ${cloud.bucket}`);
    say(`Scenario    ${scenario.description}`);
    say();
    if (/^[1-9]\d{0,15}$/.test(orderNumber)) {
      cloud.ca.order(orderNumber, scenario.answers(certificate, earlier));
    }
    say(`Event       "${ORDERED}" for the order ${orderNumber}`);
    const execution = await runScenario(scenario, cloud, { orderNumber, domains: ['example.com'] }, tellDeed);
    for (const { error } of cloud.deadLetters) {
      say(`Dead letter ${error.name}: ${error.message}`);
    }
    const asItShould =
      execution !== undefined &&
      (scenario.failsWith ? execution.error === scenario.failsWith : execution.status === 'SUCCEEDED');
    if (execution) {
      await tellResult(cloud, orderNumber, execution, trustAnchors);
      await tellPublication(cloud, execution);
    }
    say(`Logs        ${relative(PROJECT, logFile)}`);
    say();
    say(verdictOf(execution, asItShould));
    if (keep) {
      await keepRunning(cloud, orderNumber);
    }
    return asItShould;
  } finally {
    await cloud.close();
    log.end();
  }
}

const tellDeed = (deed: string) => say(`            (${deed})`);

/** Whole seconds: certificates know no others. */
function anHourAgo(): Date {
  return new Date(Math.floor(Date.now() / 1000 - 3600) * 1000);
}

function verdictOf(execution: Execution | undefined, asItShould: boolean): string {
  if (!execution) {
    return 'The event was refused, as it would be on AWS.';
  }
  return asItShould ? 'The scenario ended as it should.' : 'The scenario did NOT end as it should.';
}

/** 3 hours are a fifth of a second; nothing is quicker than an eye. */
function waitMilliseconds(seconds: number): number {
  return Math.max(30, (seconds / 10_800) * 200);
}

function narrate({ ca, announced }: LocalCloud, execution: Execution, event: ExecutionEvent): void {
  switch (event.type) {
    case 'ExecutionStarted':
      checksTold = 0;
      say(`Execution   ${execution.name}`);
      break;
    case 'StateExited':
      if (event.state.name === 'Collect') {
        tellCheck(ca, collectionOf(event.state.output));
      }
      if (event.state.name === 'Announce issued') {
        say(`Event       "${announced.at(-1)?.['detail-type']}"`);
      }
      break;
    case 'StateEntered':
      if (event.state.name === 'Wait') {
        const { waitSeconds } = collectionOf(event.state.input);
        say(
          `            waiting ${inWords(waitSeconds)} (shown as ${(waitMilliseconds(waitSeconds) / 1000).toFixed(2)} s)`,
        );
      }
      break;
    case 'StateFailed':
      tellCheck(ca, { checks: checksTold + 1 }, event.Error);
      break;
    case 'StateRetried':
      say(`            ${event.state.name} will be repeated`);
      break;
  }
}

let callsTold = 0;
let checksTold = 0;

function tellCheck(
  { calls }: LocalCloud['ca'],
  { checks, reason }: Pick<Collection, 'checks' | 'reason'>,
  error?: string,
): void {
  const asked = calls.length > callsTold;
  callsTold = calls.length;
  checksTold = checks;
  const story = asked
    ? `the CA answers ${inPlainWords(calls.at(-1)?.answer ?? '')}`
    : 'the CA is not asked: the secret has no login that it may accept';
  const consequence = error ?? reason;
  say(`Check ${String(checks).padEnd(5)} ${story}${consequence ? ` -> ${consequence}` : ''}`);
}

/** The simulator's name of an answer as a person would say it. */
function inPlainWords(answer: string): string {
  const [kind = '', rest = ''] = answer.split(/ (.*)/);
  switch (kind) {
    case 'status':
    case 'error':
      return `${rest}, ${STATUSES.get(Number(rest))?.meaning ?? 'a status that nobody knows'}`;
    case 'issued':
      return `2, ${STATUSES.get(2)?.meaning}`;
    case 'truncated':
      return 'something that is cut off in the middle';
    case 'html':
      return 'an HTML page';
    case 'empty':
      return 'an empty body';
    case 'drop':
      return 'nothing: the connection breaks';
    default:
      return answer.replace('http', 'HTTP');
  }
}

/** Fetches what lies in S3, as a user would. */
async function tellResult(
  { s3, bucket }: LocalCloud,
  orderNumber: string,
  execution: Execution,
  trust: string,
): Promise<void> {
  if (execution.status === 'SUCCEEDED') {
    say('Succeeded   the state machine is done');
  } else {
    say(`Failed      ${execution.error}: ${execution.cause}`);
  }
  say(`            after ${inWords(execution.waitedSeconds)} of waiting`);
  say();
  const { Contents = [] } = await s3.send(
    new ListObjectsV2Command({ Bucket: bucket, Prefix: `orders/${orderNumber}/` }),
  );
  const folder = join(LOCAL, 'orders', orderNumber);
  await rm(folder, { recursive: true, force: true });
  if (Contents.length === 0) {
    say('Objects     none');
    return;
  }
  await mkdir(folder, { recursive: true });
  say(`Objects     s3://${bucket}/orders/${orderNumber}/, fetched into ${relative(PROJECT, folder)}/`);
  for (const { Key = '' } of Contents) {
    const { Body, ContentType } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
    const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
    await writeFile(join(folder, basename(Key)), bytes);
    say(`            ${basename(Key).padEnd(18)} ${String(bytes.length).padStart(7)} bytes  ${ContentType}`);
    if (basename(Key) === 'certificate.json') {
      tellCertificate(JSON.parse(Buffer.from(bytes).toString()));
    }
  }
  const chain = relative(PROJECT, join(folder, 'chain.pem'));
  if (execution.status === 'SUCCEEDED') {
    say(`Prove it    openssl verify -CAfile ${relative(PROJECT, ROOT)} -untrusted ${chain} ${chain}`);
    say(`Inspect it  npm run inspect -- --trust ${trust} ${chain}`);
  }
}

/** What the state Publish did, and what its addresses answer. */
async function tellPublication(cloud: LocalCloud, { output }: Execution): Promise<void> {
  const { publication } = (output ?? {}) as { readonly publication?: PublishResult };
  for (const { domain, selector, message } of publication?.notPublished ?? []) {
    say(`Publication ${assertionName(domain, selector)}: not published, ${message}`);
  }
  for (const { domain, selector, bimiRecord } of publication?.published ?? []) {
    say(`Publication ${bimiRecord}`);
    for (const url of Object.values(publishedUrls(cloud.publishedUrl ?? '', domain, selector))) {
      const response = await fetch(url);
      const { length } = Buffer.from(await response.arrayBuffer());
      const type = response.headers.get('content-type');
      say(`            ${response.status} ${url} ${length} bytes ${type}; ${response.headers.get('cache-control')}`);
    }
  }
}

function tellCertificate(manifest: Record<string, unknown>): void {
  const days = daysLeft(String(manifest.notAfter), new Date());
  const findings = manifest.findings as readonly StoredFinding[];
  const lines = [
    ['mark', `${manifest.product} (${manifest.markType})`],
    ['owner', (manifest.attributes as NamedAttributes).organizationName],
    ['domains', manifest.domains],
    ['issuer', manifest.issuer],
    [
      'valid',
      `${String(manifest.notBefore).slice(0, 10)} to ${String(manifest.notAfter).slice(0, 10)} (${days} days left)`,
    ],
    ['SHA-256', manifest.fingerprintSha256],
    ...findings.map(({ id, severity, message }) => [severity, `${id}: ${message}`]),
    ['verdict', manifest.publishable ? 'publishable' : 'not publishable'],
  ];
  for (const [label, value] of lines) {
    say(`              ${String(label).padEnd(9)} ${value}`);
  }
}

async function keepRunning(cloud: LocalCloud, orderNumber: string): Promise<void> {
  say();
  say(
    'The servers stay up until Ctrl-C. In another terminal, these lines make the commands of docs/runbook.md work here:',
  );
  say('  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=us-east-1');
  say(`  export AWS_ENDPOINT_URL_S3=${cloud.s3Url} AWS_ENDPOINT_URL_SECRETS_MANAGER=${cloud.secretsUrl}`);
  say(`  export AWS_ENDPOINT_URL_SFN=${cloud.statesUrl} AWS_ENDPOINT_URL_EVENTBRIDGE=${cloud.eventsUrl}`);
  say(`  MACHINE=${cloud.stateMachineArn} BUCKET=${cloud.bucket} SECRET=${cloud.secretId}`);
  say(`  PUSH_URL=${cloud.pushUrl} PUSH_LOGIN='${LOCAL_PUSH_LOGIN.username}:${LOCAL_PUSH_LOGIN.password}'`);
  say('For example:');
  say(`  aws s3 cp --recursive "s3://$BUCKET/orders/${orderNumber}/" .`);
  say('  aws stepfunctions list-executions --state-machine-arn "$MACHINE"');
  say(`  curl -sS -u "$PUSH_LOGIN" "$PUSH_URL?orderNumber=${orderNumber}&statusCode=6"`);
  // A promise alone does not keep a process; the servers do.
  await once(process, 'SIGINT');
}

function fingerprintOf(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex');
}

function collectionOf(state: unknown): Collection {
  return (state as { readonly collection: Collection }).collection;
}

function inWords(seconds: number): string {
  const units = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ] as const;
  const first = units.findIndex(([length]) => seconds >= length);
  const parts = units.slice(first, first + 2).map(([length, unit], index) => {
    const above = units[first + index - 1]?.[0];
    return [Math.floor((index === 0 || above === undefined ? seconds : seconds % above) / length), unit] as const;
  });
  return (
    parts
      .filter(([count]) => count > 0)
      .map(([count, unit]) => `${count} ${unit}`)
      .join(' ') || '0 s'
  );
}

try {
  const options = readOptions(process.argv.slice(2));
  if (!options.keep) {
    process.once('SIGINT', () => process.exit(130));
  }
  process.exitCode = (await main(options)) ? 0 : 1;
} catch (error) {
  if (error instanceof RangeError || (error instanceof TypeError && 'code' in error)) {
    console.error(`${error.message}\n\n${USAGE}`);
    process.exitCode = 64;
  } else {
    throw error;
  }
}
