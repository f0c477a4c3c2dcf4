import * as v from 'valibot';
import { inBatches } from '../batches.ts';
import { type Refusal, STATUSES } from '../collectmc/codes.ts';
import { CollectorError } from '../collector-error.ts';
import { DAY_MILLISECONDS, dayName } from '../days.ts';
import { type Executions, findExecution, listRunningExecutions, startExecution } from '../executions.ts';
import { executionName, orderNumberOf } from '../order.ts';
import type { Bucket } from '../store/listing.ts';
import { knownOptions } from '../store/order-file.ts';
import { s3Storage } from '../store/s3-storage.ts';
import { STATE_BUDGET, truncate } from '../text.ts';
import type { CertificateRecord } from './records.ts';

/**
 * Days after the beginning of its validity in which a certificate is checked again. After that time something else
 * prevents that it becomes publishable, for example an issuing certificate that has expired.
 */
const CHECKED_DAYS = 30;

/** The maximum number of executions that one survey starts. One caller asks the CA, so a hundred take minutes. */
const STARTS_LIMIT = 100;

/** The maximum number of orders whose options are read at the same time. */
const CONCURRENT_ORDERS = 10;

/** A check of an order that the survey started. */
export interface RenewalCheck {
  readonly orderNumber: string;
  /** The certificate that has become valid. */
  readonly fingerprintSha256: string;
  readonly execution: string;
}

/** Receives the results of a survey while it runs. */
export interface RenewalObserver {
  /** After Step Functions started the execution. */
  renewalChecked(check: RenewalCheck): void;
}

export interface RenewalDependencies extends Bucket {
  readonly executions: Executions;
  readonly observe: RenewalObserver;
  readonly now: () => Date;
}

/** Some orders were not checked again. */
export class RenewalChecksNotStartedError extends CollectorError {
  override readonly name = 'RenewalChecksNotStartedError';
}

/**
 * Starts a check of each order that has a certificate which was not valid yet when it was received, and is valid now.
 * Collect then judges it again, stores it as the current one and publishes it. An order has at most one such execution a
 * day, and none while another execution of it runs: that one judges the certificate too. A revocation ends the checks:
 * each of them would report it again.
 *
 * @param current the manifests of the current certificates.
 * @param superseded those of the other certificates that were received.
 * @throws {RenewalChecksNotStartedError} after all other checks are started.
 */
export async function startRenewalChecks(
  current: readonly CertificateRecord[],
  superseded: readonly CertificateRecord[],
  { s3, bucket, executions, observe, now }: RenewalDependencies,
): Promise<void> {
  const at = now();
  const candidates = becameValid(current, superseded, at);
  if (candidates.length === 0) {
    return;
  }
  const running = new Set([...(await listRunningExecutions(executions))].map(orderNumberOf));
  const due = candidates.filter(({ orderNumber }) => !running.has(orderNumber));
  const problems: string[] = [];
  for (const batch of inBatches(due.slice(0, STARTS_LIMIT), CONCURRENT_ORDERS)) {
    await Promise.all(batch.map(start));
  }
  if (due.length > STARTS_LIMIT) {
    problems.push(`${due.length - STARTS_LIMIT} more orders are left for the next survey`);
  }
  if (problems.length > 0) {
    throw new RenewalChecksNotStartedError(truncate(problems.join('; '), STATE_BUDGET.message));
  }

  async function start(manifest: CertificateRecord): Promise<void> {
    const { orderNumber, fingerprintSha256 } = manifest;
    const execution = checkName(orderNumber, at);
    try {
      if (await wasRevoked(manifest, at, executions)) {
        return;
      }
      const options = await knownOptions(s3Storage(s3, bucket), orderNumber);
      if (await startExecution(executions, execution, { orderNumber, ...options, once: true })) {
        observe.renewalChecked({ orderNumber, fingerprintSha256, execution });
      }
    } catch (error) {
      problems.push(`the execution ${execution} could not be started (${error})`);
    }
  }
}

/** The name of the check of an order on a day. */
function checkName(orderNumber: string, day: Date): string {
  return executionName({ orderNumber, request: `renewal-${dayName(day)}` });
}

/** The output of a check to which the CA answered that it revoked the certificate. */
const revokedSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    collection: v.object({
      status: v.pipe(
        v.number(),
        v.check((status) => {
          const meaning = STATUSES.get(status);
          return meaning?.kind === 'refused' && meaning.refusal === ('CertificateRevoked' satisfies Refusal);
        }),
      ),
    }),
  }),
);

/** Whether the last check before this day, since the certificate became valid, reported that the CA revoked it. */
async function wasRevoked(
  { orderNumber, notBefore }: CertificateRecord,
  at: Date,
  executions: Executions,
): Promise<boolean> {
  const firstDay = dayName(new Date(notBefore));
  for (let time = at.getTime() - DAY_MILLISECONDS; dayName(new Date(time)) >= firstDay; time -= DAY_MILLISECONDS) {
    const check = await findExecution(executions, checkName(orderNumber, new Date(time)));
    if (check) {
      return v.is(revokedSchema, check.output);
    }
  }
  return false;
}

/**
 * The certificates that have become valid and are better than the current one of their order: one of each order, the
 * latest beginnings first, so that the limit never leaves out a new one for the sake of those that are checked again.
 */
export function becameValid(
  current: readonly CertificateRecord[],
  superseded: readonly CertificateRecord[],
  at: Date,
): CertificateRecord[] {
  const currentOf = new Map(current.map((manifest) => [manifest.orderNumber, manifest]));
  const waiting = [...current, ...superseded]
    .filter((manifest) => onlyWaitedForItsTime(manifest, at) && isBetter(manifest, currentOf.get(manifest.orderNumber)))
    .toSorted((one, other) => Date.parse(other.notBefore) - Date.parse(one.notBefore));
  const latest = new Map<string, CertificateRecord>();
  for (const manifest of waiting) {
    if (!latest.has(manifest.orderNumber)) {
      latest.set(manifest.orderNumber, manifest);
    }
  }
  return [...latest.values()];
}

/**
 * Whether a certificate is valid now, and was not publishable for no other reason than that it was not valid. It may lack
 * some of the ordered domains: it is published for the others.
 */
function onlyWaitedForItsTime({ publishable, findings, notBefore, notAfter }: CertificateRecord, at: Date): boolean {
  const errors = findings.flatMap(({ id, severity }) => (severity === 'error' ? [id] : []));
  const age = at.getTime() - Date.parse(notBefore);
  return (
    !publishable &&
    errors.includes('validity') &&
    errors.every((id) => id === 'validity' || id === 'domain-coverage') &&
    age >= 0 &&
    age <= CHECKED_DAYS * DAY_MILLISECONDS &&
    at.getTime() <= Date.parse(notAfter)
  );
}

function isBetter({ notBefore }: CertificateRecord, current: CertificateRecord | undefined): boolean {
  return !current?.publishable || Date.parse(notBefore) > Date.parse(current.notBefore);
}
