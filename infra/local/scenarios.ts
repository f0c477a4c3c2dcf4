import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { CollectionErrorName } from '../../functions/errors.ts';
import { ORDERED } from '../../functions/events.ts';
import { readSettings, type SettingsInput } from '../settings.ts';
import type { IssuedMarkCertificate } from './ca/certificate-authority.ts';
import type { SimulatedResponse } from './ca/collectmc-responses.ts';
import type { Credentials } from './ca/collectmc-simulator.ts';
import type { Execution } from './cloud/executions.ts';
import type { LocalCloud } from './cloud/local-cloud.ts';

/** What the CA answers to one order, call after call, and how the collection ends then. */
export interface Scenario {
  readonly description: string;
  readonly answers: (
    certificate: IssuedMarkCertificate,
    earlier: IssuedMarkCertificate,
  ) => readonly SimulatedResponse[];
  /** What somebody does when the execution has ended: redrives it, or sends its event again with something more. */
  readonly afterwards?: 'redrive' | { readonly request?: string };
  /** The error that the last execution fails with; it succeeds without one. */
  readonly failsWith?: CollectionErrorName;
  readonly settings?: SettingsInput;
  /** What the secret holds at first; default the login that the CA accepts. */
  readonly secret?: string;
  /** What an operator does before the nth check. */
  readonly operator?: Readonly<Record<number, (operator: Operator) => Promise<void>>>;
}

/** What an operator needs to act: the CA and the secret, and what the CA accepts at first. */
export interface Operator {
  readonly cloud: LocalCloud;
  readonly credentials: Credentials;
  readonly say: (deed: string) => void;
}

const processing: SimulatedResponse = { kind: 'status', status: 0, newline: true };
const available: SimulatedResponse = { kind: 'status', status: 1, newline: true };
const issued = ({ chain }: IssuedMarkCertificate): SimulatedResponse => ({ kind: 'issued', certificates: chain });
const error = (code: number): SimulatedResponse => ({ kind: 'error', code });
const times = (count: number, answer: SimulatedResponse): SimulatedResponse[] =>
  Array.from({ length: count }, () => answer);

/** Every scenario by the name that `npm start -- --scenario` takes. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  issued: {
    description: 'being processed twice, available, then issued',
    answers: (certificate) => [processing, processing, available, issued(certificate)],
  },
  slow: {
    description: 'four days of validation',
    answers: (certificate) => [...times(32, processing), issued(certificate)],
  },
  outage: {
    description: 'the CA fails in every way it knows, and recovers',
    answers: (certificate) => [
      processing,
      { kind: 'http', status: 503, body: 'Service Unavailable', contentType: 'text/plain' },
      { kind: 'html' },
      { kind: 'empty' },
      { kind: 'drop' },
      { kind: 'truncated', of: issued(certificate) },
      error(-14),
      issued(certificate),
    ],
  },
  'wrong-credentials': {
    description: 'the CA rejects the login; later an operator puts the right one into the secret',
    answers: (certificate) => [processing, issued(certificate)],
    secret: JSON.stringify({ loginName: 'brand@example.com', loginPassword: 'last year' }),
    operator: { 4: putRightCredentials },
  },
  placeholder: {
    description: 'nobody has put a login into the secret yet; later an operator does',
    answers: (certificate) => [issued(certificate)],
    secret: JSON.stringify({ loginName: 'REPLACE-ME', loginPassword: 'REPLACE-ME' }),
    operator: { 3: putRightCredentials },
  },
  rotated: {
    description: 'an operator changes the password at the CA and in the secret while the order waits',
    answers: (certificate) => [processing, processing, issued(certificate)],
    operator: { 3: rotateCredentials },
  },
  'call-limit': {
    description: 'the CA has been called too often',
    answers: (certificate) => [error(-42), error(-42), processing, issued(certificate)],
  },
  unpaid: {
    description: 'the order waits for payment, then for permission',
    answers: (certificate) => [error(-22), error(-91), processing, issued(certificate)],
  },
  rejected: {
    description: 'the CA rejects the order',
    answers: () => [processing, error(-20)],
    failsWith: 'OrderRejected',
  },
  revoked: {
    description: 'the CA revokes the certificate before it is collected',
    answers: () => [processing, available, error(-21)],
    failsWith: 'CertificateRevoked',
  },
  expired: {
    description: 'the certificate expired before it was collected',
    answers: () => [error(-35)],
    failsWith: 'CertificateExpired',
  },
  'unknown-order': {
    description: 'the CA does not know the order',
    answers: () => [{ kind: 'error', code: -4, message: "The value of the 'orderNumber' argument is invalid!" }],
    failsWith: 'InvalidRequest',
  },
  'unknown-status': {
    description: 'the CA answers a status that nobody knows, again and again',
    answers: () => [processing, error(-77)],
    failsWith: 'UnknownRefusal',
  },
  overdue: {
    description: 'the CA does not decide within the deadline, set to 5 days here',
    settings: { giveUpAfter: 'P5D' },
    answers: () => [processing],
    failsWith: 'CollectionOverdue',
  },
  'begun-anew': {
    description: 'the CA rejects the order by mistake; later the same event is sent again',
    answers: (certificate) => [error(-20), processing, issued(certificate)],
    afterwards: {},
  },
  redriven: {
    description: 'the CA does not know the order yet; later an operator redrives the execution',
    answers: (certificate) => [error(-4), issued(certificate)],
    afterwards: 'redrive',
  },
  replaced: {
    description: 'the CA replaces a certificate that was collected; the event is sent again with a request',
    answers: (certificate, earlier) => [processing, issued(earlier), issued(certificate)],
    afterwards: { request: 'replacement-1' },
  },
  'broken-chain': {
    description: 'the CA sends a certificate without its issuer',
    answers: ({ leaf, root }) => [processing, { kind: 'issued', certificates: [leaf, root] }],
    failsWith: 'InvalidChain',
  },
};

/**
 * Announces an order, waits for its execution, and does what the scenario has somebody do afterwards.
 *
 * @returns the last execution; undefined where the event was refused.
 */
export async function runScenario(
  { afterwards }: Scenario,
  cloud: LocalCloud,
  detail: { readonly orderNumber: string; readonly domains: readonly string[] },
  say: (deed: string) => void,
): Promise<Execution | undefined> {
  const source = readSettings({}).eventSource;
  const last = async () => {
    const execution = [...cloud.executions.values()].at(-1);
    await execution?.ended;
    return execution;
  };
  await cloud.send({ source, 'detail-type': ORDERED, detail });
  const first = await last();
  if (!first || afterwards === undefined) {
    return first;
  }
  say(`${first.name} ended as ${[first.status, first.error].filter(Boolean).join(': ')}`);
  if (afterwards === 'redrive') {
    say('an operator redrives it');
    await cloud.redrive(first.name);
  } else {
    say(`the same event is sent again${afterwards.request ? `, with the request ${afterwards.request}` : ''}`);
    await cloud.send({ source, 'detail-type': ORDERED, detail: { ...detail, ...afterwards } });
  }
  return last();
}

async function putRightCredentials({ cloud, credentials, say }: Operator): Promise<void> {
  await putSecret(cloud, credentials);
  say('an operator puts the right login into the secret');
}

async function rotateCredentials(operator: Operator): Promise<void> {
  const credentials = { ...operator.credentials, loginPassword: `${operator.credentials.loginPassword} 2` };
  operator.cloud.ca.setCredentials(credentials);
  operator.say('an operator changes the password at the CA');
  await putRightCredentials({ ...operator, credentials });
}

async function putSecret({ secretsUrl, secretId }: LocalCloud, credentials: Credentials): Promise<void> {
  const client = new SecretsManagerClient({ endpoint: secretsUrl });
  await client.send(new PutSecretValueCommand({ SecretId: secretId, SecretString: JSON.stringify(credentials) }));
  client.destroy();
}
