import type { CollectionErrorName } from '../../functions/errors.ts';
import { ORDERED } from '../../functions/events.ts';
import { accountSecretName } from '../../functions/order.ts';
import type { SettingsInput } from '../settings.ts';
import type { CertificateAuthority, IssuedMarkCertificate } from './ca/certificate-authority.ts';
import type { SimulatedResponse } from './ca/collectmc-responses.ts';
import type { Credentials } from './ca/collectmc-simulator.ts';
import type { PUSH_NOTIFICATIONS } from './ca/push-notifications.ts';
import type { Execution } from './cloud/executions.ts';
import type { LocalCloud } from './cloud/local-cloud.ts';
import { LOCAL_PUSH_LOGIN } from './cloud/push-login.ts';

/** The responses of the CA to the calls for one order, what people do meanwhile, and how the collection must end. */
export interface Scenario {
  readonly description: string;
  /** One response for each call; the last one repeats. */
  readonly responses: (certificates: ScenarioCertificates) => readonly SimulatedResponse[];
  /** The domains in the first event, if they are wrong. */
  readonly wrongDomains?: readonly string[];
  /** The account in the event; default: none, which means the default account. */
  readonly account?: string;
  /** What happens after the execution has ended: a redrive, or the same event again with these additions. */
  readonly followUp?: 'redrive' | { readonly request?: string };
  /** The error of the last execution. Without it, that execution succeeds. */
  readonly failsWith?: CollectionErrorName;
  readonly settings?: SettingsInput;
  /** The initial value of the secret; default: the login that the CA accepts. */
  readonly secret?: string;
  /** What an operator, or the CA by a push, does before a check, by the number of the check. */
  readonly operatorActions?: Readonly<Record<number, OperatorAction>>;
}

export type OperatorAction = (context: OperatorContext) => Promise<void>;

/** What an operator acts on. */
export interface OperatorContext {
  readonly cloud: LocalCloud;
  /** The order as it should be. */
  readonly order: ScenarioOrder;
  /** The login that the CA accepts at first. */
  readonly credentials: Credentials;
  /** Reports what the operator did. */
  readonly log: (action: string) => void;
}

/** The order of a scenario. */
export interface ScenarioOrder {
  readonly orderNumber: string;
  readonly domains: readonly string[];
}

/** The certificates that a scenario's CA issues, for example.com. */
export interface ScenarioCertificates {
  readonly current: IssuedMarkCertificate;
  /** Valid from an hour before the current one, which replaces it. */
  readonly earlier: IssuedMarkCertificate;
}

/** Issues the certificates of all scenarios. */
export function issueScenarioCertificates(authority: CertificateAuthority): ScenarioCertificates {
  // Dates in certificates are whole seconds.
  const anHourAgo = new Date(Math.floor(Date.now() / 1000 - 3600) * 1000);
  return {
    current: authority.issue({ domains: ['example.com'] }),
    earlier: authority.issue({ domains: ['example.com'], notBefore: anHourAgo }),
  };
}

/** An account whose secret an operator has to create. */
const BRAND_ACCOUNT = 'brand-a';

const processing: SimulatedResponse = { kind: 'status', status: 0, newline: true };
const available: SimulatedResponse = { kind: 'status', status: 1, newline: true };
const issued = ({ chain }: IssuedMarkCertificate): SimulatedResponse => ({ kind: 'issued', certificates: chain });
const error = (code: number): SimulatedResponse => ({ kind: 'error', code });
const times = (count: number, response: SimulatedResponse): SimulatedResponse[] =>
  Array.from({ length: count }, () => response);

/**
 * Every scenario by the name that `npm start -- --scenario` takes. The help of commands lists them, so this file loads
 * the CDK and the clients of AWS only when a scenario runs.
 */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  issued: {
    description: 'the order is processed for two checks, then available, then issued',
    responses: ({ current }) => [processing, processing, available, issued(current)],
  },
  slow: {
    description: 'the CA validates the order for four days',
    responses: ({ current }) => [...times(32, processing), issued(current)],
  },
  outage: {
    description: 'the CA fails in six ways, then recovers',
    responses: ({ current }) => [
      processing,
      { kind: 'http', status: 503, body: 'Service Unavailable', contentType: 'text/plain' },
      { kind: 'html' },
      { kind: 'empty' },
      { kind: 'drop' },
      { kind: 'truncated', of: issued(current) },
      error(-14),
      issued(current),
    ],
  },
  'wrong-credentials': {
    description: 'the CA rejects the login; later an operator stores the right one in the secret',
    responses: ({ current }) => [processing, issued(current)],
    secret: JSON.stringify({ loginName: 'brand@example.com', loginPassword: 'last year' }),
    operatorActions: { 4: storeAcceptedCredentials },
  },
  placeholder: {
    description: 'the secret contains no login yet; later an operator stores one',
    responses: ({ current }) => [issued(current)],
    secret: JSON.stringify({ loginName: 'REPLACE-ME', loginPassword: 'REPLACE-ME' }),
    operatorActions: { 3: storeAcceptedCredentials },
  },
  'missing-account': {
    description: 'the event names an account without a secret; later an operator creates it',
    account: BRAND_ACCOUNT,
    responses: ({ current }) => [processing, issued(current)],
    operatorActions: { 3: (context) => createAccountSecret(context, BRAND_ACCOUNT) },
  },
  rotated: {
    description: 'an operator changes the password at the CA and in the secret while the order waits',
    responses: ({ current }) => [processing, processing, issued(current)],
    operatorActions: { 3: rotateCredentials },
  },
  'call-limit': {
    description: 'the CA reports that its call limit is reached',
    responses: ({ current }) => [error(-42), error(-42), processing, issued(current)],
  },
  unpaid: {
    description: 'the order waits for payment, then for permission',
    responses: ({ current }) => [error(-22), error(-91), processing, issued(current)],
  },
  rejected: {
    description: 'the CA rejects the order',
    responses: () => [processing, error(-20)],
    failsWith: 'OrderRejected',
  },
  revoked: {
    description: 'the CA revokes the certificate before it is collected',
    responses: () => [processing, available, error(-21)],
    failsWith: 'CertificateRevoked',
  },
  expired: {
    description: 'the certificate expired before it was collected',
    responses: () => [error(-35)],
    failsWith: 'CertificateExpired',
  },
  'unknown-order': {
    description: 'the CA does not know the order',
    responses: () => [{ kind: 'error', code: -4, message: "The value of the 'orderNumber' argument is invalid!" }],
    failsWith: 'InvalidRequest',
  },
  'unknown-status': {
    description: 'the CA answers every call with an undocumented status',
    responses: () => [processing, error(-77)],
    failsWith: 'UnknownRefusal',
  },
  corrected: {
    description: 'the event names a wrong domain; the event is sent again with the right one while the order waits',
    wrongDomains: ['exmaple.com'],
    responses: ({ current }) => [processing, processing, issued(current)],
    operatorActions: { 2: sendCorrectedEvent },
  },
  overdue: {
    description: 'the CA does not decide before the deadline, which is 5 days here',
    settings: { giveUpAfter: 'P5D' },
    responses: () => [processing],
    failsWith: 'CollectionOverdue',
  },
  'begun-anew': {
    description: 'the CA rejects the order by mistake; later the same event is sent again',
    responses: ({ current }) => [error(-20), processing, issued(current)],
    followUp: {},
  },
  redriven: {
    description: 'the CA does not know the order yet; later an operator redrives the execution',
    responses: ({ current }) => [error(-4), issued(current)],
    followUp: 'redrive',
  },
  replaced: {
    description: 'the CA replaces a collected certificate; the event is sent again with a request',
    responses: ({ current, earlier }) => [processing, issued(earlier), issued(current)],
    followUp: { request: 'replacement-1' },
  },
  pushed: {
    description:
      'while the order waits, the CA pushes that it validates the brand, and then that it issued the certificate',
    // The check because of the push runs beside the one that waits for it.
    settings: { push: true, reservedConcurrency: 2 },
    responses: ({ current }) => [processing, processing, issued(current)],
    operatorActions: {
      2: (context) => push(context, 'awaiting-brand-validation'),
      3: (context) => push(context, 'issued'),
    },
  },
  'broken-chain': {
    description: 'the CA sends a chain without the issuer of the certificate',
    responses: ({ current }) => [processing, { kind: 'issued', certificates: [current.leaf, current.root] }],
    failsWith: 'InvalidChain',
  },
};

/**
 * Sends the event of an order, waits until its execution has ended, and runs the follow-up of the scenario.
 *
 * @returns the last execution; undefined if the event was refused.
 */
export async function runScenario(
  { wrongDomains, account, followUp }: Scenario,
  cloud: LocalCloud,
  order: ScenarioOrder,
  log: (action: string) => void,
): Promise<Execution | undefined> {
  const detail = { ...order, ...(wrongDomains && { domains: wrongDomains }), ...(account && { account }) };
  const lastExecution = async () => {
    const execution = [...cloud.executions.values()].at(-1);
    await execution?.ended;
    return execution;
  };
  await sendOrder(cloud, detail);
  const first = await lastExecution();
  if (!first || followUp === undefined) {
    return first;
  }
  log(`${first.name} ended with the status ${[first.status, first.error].filter(Boolean).join(': ')}`);
  if (followUp === 'redrive') {
    log('an operator redrives the execution');
    await cloud.redrive(first.name);
  } else {
    log(`the same event is sent again${followUp.request ? `, with the request ${followUp.request}` : ''}`);
    await sendOrder(cloud, { ...detail, ...followUp });
  }
  return lastExecution();
}

async function sendOrder(cloud: LocalCloud, detail: ScenarioOrder): Promise<void> {
  const { readSettings } = await import('../settings.ts');
  await cloud.send({ source: readSettings({}).eventSource, 'detail-type': ORDERED, detail });
}

async function sendCorrectedEvent({ cloud, order, log }: OperatorContext): Promise<void> {
  log(`the event is sent again, with the domain ${order.domains.join(', ')}`);
  await sendOrder(cloud, order);
}

/** The CA sends a push about the order that waits. Ends after the execution that it starts. */
async function push({ cloud, order, log }: OperatorContext, event: keyof typeof PUSH_NOTIFICATIONS): Promise<void> {
  const { PUSH_NOTIFICATIONS, sendPush } = await import('./ca/push-notifications.ts');
  const { orderNumber } = order;
  const notification = PUSH_NOTIFICATIONS[event]({ orderNumber, product: 'VMC', domain: 'example.com' });
  const status = await sendPush(cloud.pushUrl ?? '', notification, LOCAL_PUSH_LOGIN);
  log(`the CA pushes "${event}" (${notification.method} ${notification.content}): HTTP ${status}`);
  await Promise.all(
    [...cloud.executions.values()].map(({ name, ended }) => (name.includes('-push-') ? ended : undefined)),
  );
}

async function storeAcceptedCredentials({ cloud, credentials, log }: OperatorContext): Promise<void> {
  await putSecret(cloud, credentials);
  log('an operator stores the right login in the secret');
}

/** Uses the login that the CA accepts: the simulated CA has one only. */
async function createAccountSecret({ cloud, credentials, log }: OperatorContext, account: string): Promise<void> {
  const { readSettings } = await import('../settings.ts');
  const { CreateSecretCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
  const Name = accountSecretName(readSettings({}).name, account);
  const client = new SecretsManagerClient({ endpoint: cloud.secretsUrl });
  await client.send(new CreateSecretCommand({ Name, SecretString: JSON.stringify(credentials) }));
  client.destroy();
  log(`an operator creates the secret ${Name}`);
}

async function rotateCredentials(context: OperatorContext): Promise<void> {
  const credentials = { ...context.credentials, loginPassword: `${context.credentials.loginPassword} 2` };
  context.cloud.ca.setCredentials(credentials);
  context.log('an operator changes the password at the CA');
  await storeAcceptedCredentials({ ...context, credentials });
}

async function putSecret({ secretsUrl, secretId }: LocalCloud, credentials: Credentials): Promise<void> {
  const { PutSecretValueCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
  const client = new SecretsManagerClient({ endpoint: secretsUrl });
  await client.send(new PutSecretValueCommand({ SecretId: secretId, SecretString: JSON.stringify(credentials) }));
  client.destroy();
}
