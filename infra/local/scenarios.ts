import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { CollectionErrorName } from '../../functions/errors.ts';
import type { SettingsInput } from '../settings.ts';
import type { MarkCertificate } from './certificate-authority.ts';
import type { Answer } from './collectmc-answers.ts';
import type { Credentials } from './collectmc-simulator.ts';

/** What the CA answers to one order, call after call, and how the collection ends then. */
export interface Scenario {
  readonly description: string;
  readonly answers: (certificate: MarkCertificate) => readonly Answer[];
  /** The error that the execution fails with; it succeeds without one. */
  readonly failsWith?: CollectionErrorName;
  readonly settings?: SettingsInput;
  /** What the secret holds at first; default the login that the CA accepts. */
  readonly secret?: string;
  /** What an operator does before the nth check. */
  readonly operator?: Readonly<Record<number, (operator: Operator) => Promise<void>>>;
}

/** What an operator needs to act: what the CA accepts, and where the secret lies. */
export interface Operator {
  readonly credentials: Credentials;
  readonly secretId: string;
  readonly secretsUrl: string;
  readonly say: (deed: string) => void;
}

const processing: Answer = { kind: 'status', status: 0, newline: true };
const available: Answer = { kind: 'status', status: 1, newline: true };
const issued = ({ chain }: MarkCertificate): Answer => ({ kind: 'issued', certificates: chain });
const error = (code: number): Answer => ({ kind: 'error', code });
const times = (count: number, answer: Answer): Answer[] => Array.from({ length: count }, () => answer);

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
  'broken-chain': {
    description: 'the CA sends a certificate without its issuer',
    answers: ({ leaf, root }) => [processing, { kind: 'issued', certificates: [leaf, root] }],
    failsWith: 'InvalidChain',
  },
};

async function putRightCredentials({ credentials, secretId, secretsUrl, say }: Operator): Promise<void> {
  const client = new SecretsManagerClient({ endpoint: secretsUrl });
  await client.send(new PutSecretValueCommand({ SecretId: secretId, SecretString: JSON.stringify(credentials) }));
  client.destroy();
  say('an operator puts the right login into the secret');
}
