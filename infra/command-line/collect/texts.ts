import type { Collection } from '../../../functions/collect/collect.ts';
import type { NextSteps } from '../../../functions/collect/reporter.ts';
import { NEXT_STEPS, WAITING_NEXT_STEPS } from '../../../functions/errors.ts';
import { joinWithLimit, printable } from '../../../functions/text.ts';
import type { Failure } from './order-state.ts';

/** What a person must do without a deployed collector. */
export const LOCAL_NEXT_STEPS: NextSteps = {
  waiting: {
    credentials:
      'write a login that the CA accepts into the file of --login, then run the command again; if it is the same login and the CA has ' +
      'unlocked the account, delete state/logins.json in the folder first',
    payment: WAITING_NEXT_STEPS.payment.text,
    permission: WAITING_NEXT_STEPS.permission.text,
    outage: WAITING_NEXT_STEPS.outage.text,
    storage: 'make sure that the folder can be written and that its disk is not full, then run the command again',
    deadline: WAITING_NEXT_STEPS.deadline.text,
  },
  failed: {
    OrderRejected: NEXT_STEPS.OrderRejected.text,
    CertificateRevoked: NEXT_STEPS.CertificateRevoked.text,
    CertificateExpired: NEXT_STEPS.CertificateExpired.text,
    InvalidRequest:
      'compare the order number and the login with those at the CA, then run the command again with the right ones',
    UnknownRefusal: 'ask the CA what this status means, then run the command again',
    InvalidChain: 'ask the CA to issue the certificate again, then run the command again',
    CollectionOverdue:
      'ask the CA what delays the order, then run the command again, which starts another collection with another deadline',
    InvalidInput: 'correct the arguments, then run the command again',
  },
};

/** What the command prints with `--json`. */
export interface CollectResult {
  readonly orderNumber: string;
  /** The folder of the order, an absolute path. */
  readonly folder: string;
  readonly outcome: 'issued' | 'waiting' | 'failed';
  /** Whether this run asked the CA. */
  readonly asked: boolean;
  /** What happened last, for a person. */
  readonly text: string;
  /** Why the order waits. */
  readonly reason?: Collection['reason'];
  /** What a person must do. */
  readonly nextStep?: string | undefined;
  /** When the CA can be asked again. */
  readonly nextCheckAt?: string | undefined;
  readonly publishable?: boolean;
  /** Errors and warnings about the certificate. */
  readonly findings?: NonNullable<Collection['certificate']>['findings'];
  /** The files of the certificate, relative to the folder of `--out`. */
  readonly keys?: Readonly<Record<string, string>>;
  readonly error?: Failure | undefined;
  /** The output of the last check, as Step Functions would have it. */
  readonly collection: Collection | null;
}

/** Describes a result for a person. */
export function describeResult(result: CollectResult, now: Date): string {
  const { orderNumber, outcome, text, nextCheckAt, error } = result;
  const next = result.nextStep === undefined ? [] : [`Next: ${result.nextStep}`];
  switch (outcome) {
    case 'issued':
      return [...describeCertificate(result), ...next].join('\n');
    case 'failed':
      return [
        `Order ${orderNumber} has failed (${error?.name}): ${text}`,
        ...(nextCheckAt === undefined ? [] : [`The CA can be asked again ${describeTime(nextCheckAt, now)}.`]),
        ...next,
      ].join('\n');
    case 'waiting': {
      const when = nextCheckAt === undefined ? 'now' : describeTime(nextCheckAt, now);
      return [
        `Order ${orderNumber} is waiting${result.reason === undefined ? '' : ` (${result.reason})`}: ${text}`,
        `The CA can be asked again ${when}.`,
        ...(next.length > 0 ? next : ['Next: run the same command again then, or add --wait']),
      ].join('\n');
    }
  }
}

function describeCertificate({ orderNumber, folder, publishable, findings = [], collection }: CollectResult): string[] {
  const { domains = [], notBefore, notAfter, fingerprintSha256, keys = {} } = collection?.certificate ?? {};
  const names = Object.values(keys).map((key) => key.split('/').at(-1) ?? key);
  return [
    `The certificate of order ${orderNumber} is in ${printable(folder)}`,
    `  domains  ${joinWithLimit(domains)}`,
    `  valid    ${notBefore} to ${notAfter}`,
    `  SHA-256  ${fingerprintSha256}`,
    `  files    ${['certificate.json', ...names].join(', ')}`,
    ...findings.map(({ id, severity, message }) => `  ${severity.padEnd(8)} ${id}: ${message}`),
    publishable ? 'It can be published.' : 'It cannot be published: a finding is an error.',
  ];
}

/** A time in UTC, and how far away it is. */
export function describeTime(iso: string, now: Date): string {
  const seconds = Math.round((Date.parse(iso) - now.getTime()) / 1000);
  if (seconds <= 0) {
    return 'now';
  }
  const [count, unit] =
    seconds < 120
      ? [seconds, 's']
      : seconds < 7200
        ? [Math.ceil(seconds / 60), 'min']
        : [Math.ceil(seconds / 3600), 'h'];
  return `from ${iso} on, in ${count} ${unit}`;
}
