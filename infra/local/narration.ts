/** What `npm start` prints: one line for each thing that happens, with a label of at most 11 characters. */

import { assertionName, publishedUrls } from '../../functions/bimi.ts';
import type { NamedAttributes } from '../../functions/certificate/mark/mark.ts';
import type { CertificateReport } from '../../functions/certificate/report.ts';
import type { Collection } from '../../functions/collect/collect.ts';
import { STATUSES } from '../../functions/collectmc/codes.ts';
import type { FailedDetail, WaitingDetail } from '../../functions/events.ts';
import type { PublishResult } from '../../functions/publish/publish.ts';
import type { StoredFinding } from '../../functions/store/manifest.ts';
import { printable } from '../../functions/text.ts';
import { readSettings } from '../settings.ts';
import type { Simulator } from './ca/collectmc-simulator.ts';
import type { DownloadedObject } from './cloud/download.ts';
import type { Execution, ExecutionEvent } from './cloud/executions.ts';
import type { LocalCloud } from './cloud/local-cloud.ts';
import { LOCAL_PUSH_LOGIN } from './cloud/push-login.ts';
import { describeRevocation } from './report-text.ts';
import { describeValidity } from './validity.ts';

export interface Narrator {
  line(label: string, text: string): void;
  /** Something that a person did. */
  action(action: string): void;
  executionEvent(execution: Execution, event: ExecutionEvent): void;
  /** How the execution ended. */
  outcome(execution: Execution): void;
  objects(objects: readonly DownloadedObject[]): void;
  /** What the state Publish did, and what the published addresses respond. */
  publication(execution: Execution): Promise<void>;
  /** Where the pages are: URLs if they are served, else files. */
  pages(addresses: readonly string[], areServed: boolean): void;
  /** Commands for another terminal while the servers run, among them the one at this URL in place of CloudFormation. */
  commands(orderNumber: string, cloudFormationUrl: string): void;
}

/**
 * An address that refuses every connection, for the services that do not run here: a command for them must never reach
 * the real AWS. A variable of one service takes precedence over this one of all services (AWS SDKs and Tools Reference
 * Guide: Service-specific endpoints).
 */
const REFUSING_URL = 'http://127.0.0.1:9';

/**
 * How many milliseconds `npm start` takes for a wait of so many seconds: 200 for three hours, and at least 30, so that
 * a person can follow.
 */
export function narratedWaitMilliseconds(seconds: number): number {
  return Math.max(30, (seconds / 10_800) * 200);
}

/** @param cloud returns the cloud. A function, because the cloud is created with the listener of this narrator. */
export function createNarrator(print: (line: string) => void, cloud: () => LocalCloud): Narrator {
  let reportedCalls = 0;
  let reportedChecks = 0;
  let narratedEvents = 0;
  let narratedMessages = 0;
  const line = (label: string, text: string) => print(printable(`${label.padEnd(11)} ${text}`));
  const detail = (text: string) => line('', text);

  function check(ca: Simulator, checks: number, consequence: string | undefined): void {
    const called = ca.calls.length > reportedCalls;
    reportedCalls = ca.calls.length;
    reportedChecks = checks;
    const text = called
      ? `the CA ${describeResponse(ca.calls.at(-1)?.answer ?? '')}`
      : 'no call to the CA, because the secret contains no new login';
    line(`Check ${checks}`, consequence ? `${text} -> ${consequence}` : text);
  }

  /** The events that Collect sent during its last check. */
  function sentEvents({ reported }: LocalCloud): void {
    for (const event of reported.slice(narratedEvents)) {
      const { reason, error } = event.detail as Partial<WaitingDetail & FailedDetail>;
      line('Event', [`"${event['detail-type']}"`, reason ?? error].filter(Boolean).join(': '));
    }
    narratedEvents = reported.length;
    sentMessages();
  }

  /** The messages that people would have received since the last call. */
  function sentMessages(): void {
    const { messages } = cloud();
    for (const { subject, body } of messages.slice(narratedMessages)) {
      line('Message', subject);
      for (const text of body.trimEnd().split('\n')) {
        print(printable(`${' '.repeat(12)}| ${text}`.trimEnd()));
      }
    }
    narratedMessages = messages.length;
  }

  return {
    line,
    action: (action) => detail(`(${action})`),

    executionEvent(execution, event) {
      const { ca, announced } = cloud();
      switch (event.type) {
        case 'ExecutionStarted':
          reportedChecks = 0;
          line('Execution', execution.name);
          break;
        case 'StateExited':
          if (event.state.name === 'Collect') {
            const { checks, reason } = collectionOf(event.state.output);
            check(ca, checks, reason);
            sentEvents(cloud());
          }
          if (event.state.name === 'Announce issued') {
            line('Event', `"${announced.at(-1)?.['detail-type']}"`);
            sentMessages();
          }
          break;
        case 'StateEntered':
          if (event.state.name === 'Wait') {
            const { waitSeconds } = collectionOf(event.state.input);
            const seconds = narratedWaitMilliseconds(waitSeconds) / 1000;
            detail(`waiting ${formatDuration(waitSeconds)} (${seconds.toFixed(2)} s here)`);
          }
          break;
        case 'StateFailed':
          check(ca, reportedChecks + 1, event.Error);
          sentEvents(cloud());
          break;
        case 'StateRetried':
          detail(`Step Functions retries ${event.state.name}`);
          break;
      }
    },

    outcome({ status, error, cause, waitedSeconds }) {
      sentMessages();
      const waited = `after ${formatDuration(waitedSeconds)} of waiting`;
      if (status === 'SUCCEEDED') {
        line('Succeeded', waited);
      } else {
        line('Failed', `${error}: ${cause}`);
        detail(waited);
      }
    },

    objects(objects) {
      for (const { name, bytes, contentType } of objects) {
        detail(`${name.padEnd(18)} ${String(bytes.length).padStart(7)} bytes  ${contentType}`);
        const describe = DESCRIPTIONS[name];
        for (const [label, value] of describe?.(JSON.parse(bytes.toString())) ?? []) {
          detail(`  ${label.padEnd(9)} ${value}`);
        }
      }
    },

    async publication({ output }) {
      const { publication } = (output ?? {}) as { readonly publication?: PublishResult };
      for (const { domain, selector, message } of publication?.notPublished ?? []) {
        line('Publication', `${assertionName(domain, selector)}: not published, ${message}`);
      }
      for (const { domain, selector, bimiRecord } of publication?.published ?? []) {
        line('Publication', bimiRecord);
        for (const url of Object.values(publishedUrls(cloud().publishedUrl ?? '', domain, selector))) {
          const response = await fetch(url);
          const { byteLength } = await response.arrayBuffer();
          const [type, caching] = ['content-type', 'cache-control'].map((name) => response.headers.get(name));
          detail(`${response.status} ${url} ${byteLength} bytes ${type}; ${caching}`);
        }
      }
    },

    pages(addresses, areServed) {
      for (const [index, address] of addresses.entries()) {
        line(index === 0 ? 'Pages' : '', address);
      }
      if (addresses.length === 0) {
        line('Pages', 'none');
      } else {
        detail(areServed ? 'until Ctrl-C' : 'Open a file in a browser, or run npm start -- --open.');
      }
    },

    commands(orderNumber, cloudFormationUrl) {
      const { s3Url, secretsUrl, statesUrl, eventsUrl, pushUrl, stateMachineArn, bucket, secretId } = cloud();
      const { name } = readSettings({});
      print(`
The servers run until Ctrl-C. For the commands of docs/runbook.md, start bash in another terminal and paste these lines
into it. Leave that shell afterwards, because its variables refer to these servers. Only S3, Secrets Manager, Step
Functions, EventBridge and the outputs of the stack are here: a command for another service cannot connect.

  unset AWS_PROFILE AWS_SESSION_TOKEN AWS_IGNORE_CONFIGURED_ENDPOINT_URLS
  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
  export AWS_ENDPOINT_URL=${REFUSING_URL}
  export AWS_ENDPOINT_URL_S3=${s3Url} AWS_ENDPOINT_URL_SECRETS_MANAGER=${secretsUrl}
  export AWS_ENDPOINT_URL_SFN=${statesUrl} AWS_ENDPOINT_URL_EVENTBRIDGE=${eventsUrl}
  export AWS_ENDPOINT_URL_CLOUDFORMATION=${cloudFormationUrl}
  MACHINE=${stateMachineArn} BUCKET=${bucket} SECRET=${secretId} NAME=${name}
  PUSH_URL=${pushUrl} PUSH_LOGIN='${LOCAL_PUSH_LOGIN.username}:${LOCAL_PUSH_LOGIN.password}' PUSH_PATH=${LOCAL_PUSH_LOGIN.pathSecret}

For example:

  npm run -s mark-certificates -- status ${orderNumber}
  npm run -s mark-certificates -- fetch ${orderNumber} .local/fetched/${orderNumber} --force
  npm run -s mark-certificates -- open ${orderNumber}
  npm run -s mark-certificates -- orders --html .local/orders.html
  curl -sS -u "$PUSH_LOGIN" "$PUSH_URL?orderNumber=${orderNumber}&statusCode=6"`);
    },
  };
}

/** The simulator's name of a response in words, as a verb with its object. */
function describeResponse(name: string): string {
  const [kind = '', rest = ''] = name.split(/ (.*)/);
  switch (kind) {
    case 'status':
    case 'error':
      return `responds with ${rest}: ${STATUSES.get(Number(rest))?.meaning ?? 'an undocumented status'}`;
    case 'issued':
      return `responds with 2: ${STATUSES.get(2)?.meaning}`;
    case 'truncated':
      return 'responds with a truncated body';
    case 'html':
      return 'responds with an HTML page';
    case 'empty':
      return 'responds with an empty body';
    case 'drop':
      return 'closes the connection';
    default:
      return `responds with ${name.replace('http', 'HTTP')}`;
  }
}

type Description = readonly (readonly [label: string, value: unknown])[];

/** What to print of the content of an object, by its name. */
const DESCRIPTIONS: Readonly<Record<string, (content: Record<string, unknown>) => Description>> = {
  'certificate.json': describeManifest,
  'status.json': ({ state, reason, error, text, nextStep }) => [
    ['state', [state, reason ?? error].filter(Boolean).join(': ')],
    ['text', text],
    ...(nextStep === undefined ? [] : [['next', nextStep] as const]),
  ],
};

function describeManifest(manifest: Record<string, unknown>): Description {
  const findings = manifest.findings as readonly StoredFinding[];
  return [
    ['mark', `${manifest.product} (${manifest.markType})`],
    ['owner', (manifest.attributes as NamedAttributes).organizationName],
    ['domains', manifest.domains],
    ['issuer', manifest.issuer],
    ['valid', describeValidity(String(manifest.notBefore), String(manifest.notAfter), new Date())],
    ['SHA-256', manifest.fingerprintSha256],
    ...(manifest.revocation
      ? [['revoked', describeRevocation(manifest as unknown as CertificateReport)] as const]
      : []),
    ...findings.map(({ id, severity, message }) => [severity, `${id}: ${message}`] as const),
    ['verdict', manifest.publishable ? 'publishable' : 'not publishable'],
  ];
}

function collectionOf(state: unknown): Collection {
  return (state as { readonly collection: Collection }).collection;
}

const UNITS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/** The two largest units of a duration: "1 d 3 h", "15 min". */
export function formatDuration(seconds: number): string {
  let rest = Math.floor(seconds);
  const parts = UNITS.map(([length, unit]) => {
    const count = Math.floor(rest / length);
    rest -= count * length;
    return { count, unit };
  });
  const first = parts.findIndex(({ count }) => count > 0);
  return first === -1
    ? '0 s'
    : parts
        .slice(first, first + 2)
        .filter(({ count }) => count > 0)
        .map(({ count, unit }) => `${count} ${unit}`)
        .join(' ');
}
