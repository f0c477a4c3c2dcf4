import { createHash } from 'node:crypto';
import { forEachConcurrently } from '../batches.ts';
import type { CertificateReport } from '../certificate/report.ts';
import { CollectorError } from '../collector-error.ts';
import type { CrlDownload } from '../crl-download.ts';
import type { Bus } from '../send-events.ts';
import { crlId, type FailingCrl, failingDays, isUnusable, rememberFailing } from '../store/failing-crls.ts';
import type { Bucket } from '../store/listing.ts';
import { s3Storage } from '../store/s3-storage.ts';
import type { OrderStatus } from '../store/status.ts';
import { STATE_BUDGET, truncate } from '../text.ts';
import type { Accounts } from './accounts.ts';
import { createCrlCache } from './crl-cache.ts';
import { type CrlSource, crlSource, type PublicationRecord } from './records.ts';
import {
  ChainUnreadableError,
  type Entry,
  judgeCertificate,
  type RevokedDependencies,
  type RevokedObserver,
  readCertificate,
  readWithCrls,
  sendAgain,
  type WithCrls,
} from './revoked.ts';

/** Certificates that are judged at the same time. Each needs some ten requests to S3, one after the other. */
const CONCURRENT_CERTIFICATES = 20;

/** Certificates of a group whose chains are tried, until one can be read. If none can, an alarm fires. */
const SAMPLES_LIMIT = 100;

/** How long revoke may need to mark a publication after the event. Lambda repeats a failed invocation for some minutes. */
const GRACE_MILLISECONDS = 60 * 60 * 1000;

/** The groups whose CRLs are downloaded in advance, so that a server that does not answer delays few others. */
const GROUPS_AHEAD = 3;

/** The result of one check of all certificates. */
export interface RevocationSummary {
  /** Certificates that have not expired. */
  readonly certificates: number;
  /** Groups of certificates with the same issuers and the same CRLs. */
  readonly groups: number;
  /** Certificates whose manifest, report or publication had to be compared with the CRLs. */
  readonly judged: number;
  /** Certificates that were not checked, because their chain is lost or damaged. */
  readonly unreadable: number;
  /** CRLs that cannot be used now, and those that could not be used for three days. */
  readonly failing: number;
  readonly unusable: number;
}

/** Receives the results of a survey while it runs. */
export interface RevocationObserver extends RevokedObserver {
  /** After the CRLs were checked, for each that cannot be used. */
  crlFailing(crl: FailingCrl & { readonly days: number }): void;
  /** After all certificates, or after those for which there was time. */
  revocationsChecked(summary: RevocationSummary): void;
}

/** How revocations are checked. */
export interface RevocationChecks {
  readonly downloadCrls: CrlDownload;
  /** No work starts later than this after the beginning of the checks, so that other parts have time too. */
  readonly totalMilliseconds: number;
  /** Whether revoke takes revoked certificates down. One that is served is reported again then, although it is marked. */
  readonly unpublish: boolean;
  readonly observe: RevocationObserver;
}

export interface RevocationDependencies extends Bucket, Bus {
  /** The name of the collector. Certificates of another one are left to it. */
  readonly collector: string;
  /** The name of the survey, which is the same in all of its invocations. */
  readonly reporter: string;
  readonly accounts: Accounts;
  /** The statuses of the orders whose collection failed. */
  readonly statuses: ReadonlyMap<string, OrderStatus>;
  readonly served: readonly PublicationRecord[];
  readonly now: () => Date;
  /** Whether another invocation can follow. */
  readonly canContinue: boolean;
  /** Whether enough time is left to start more work. */
  readonly hasTime: () => boolean;
}

/** Some certificates were not checked, or their revocation was not reported. */
export class RevocationsNotCheckedError extends CollectorError {
  override readonly name = 'RevocationsNotCheckedError';
}

/** What all checks of a survey share. */
type Work = RevocationDependencies & RevokedDependencies & Pick<RevocationChecks, 'unpublish'>;

/** A certificate of a group. A copy of each of 50,000 entries would need much memory. */
interface Member extends Entry {
  /** In hex, from the chain; missing if the manifest contains it. */
  readonly serialNumber?: string;
}

/** Certificates with the same issuers and the same CRLs. */
interface Group {
  /** Groups are checked in the order of their ids. */
  readonly id: string;
  readonly source: CrlSource;
  readonly members: Member[];
}

/** Records that a certificate could not be checked. @param key the key of its manifest. */
type RecordProblem = (key: string, error: unknown) => void;

/** The reason with which a CRL lists a certificate; null if it gives none. */
type Reason = string | null;

/** What the CRLs of a group say. */
interface Statement {
  /** By the serial number in hex: the certificates that are listed. */
  readonly listed: ReadonlyMap<string, Reason>;
  /** Whether a certificate that is not listed is known to be good. */
  readonly isConclusive: boolean;
  /** By the fingerprint: the issuers that are listed. */
  readonly revokedIssuers: ReadonlyMap<string, Reason>;
  /** The issuers that are known to be good. */
  readonly goodIssuers: ReadonlySet<string>;
}

/** Which CRLs can be used, and the problems of the others. */
interface Results {
  readonly usable: Set<string>;
  readonly failing: Map<string, string>;
}

/** A certificate whose stored state differs from what the CRLs say. */
interface Due {
  readonly entry: Entry;
  /** Whether only a publication is not marked yet, or not taken down. */
  readonly isOnlyPublished: boolean;
}

/**
 * Looks up all certificates that have not expired in the CRLs of their chains. Certificates of the same issuers share
 * their CRLs: each CRL is downloaded, verified and searched once, and only the certificates are read and judged whose
 * stored state differs from what the CRLs say. So 50,000 certificates need the chain of one certificate for each group.
 *
 * The state in S3 decides what is reported, so that it can be repeated, and continues what an interrupted run left.
 *
 * @param entries the manifests, as they are in S3. Those that change are changed here too.
 * @param after how far an earlier invocation of this survey was.
 * @returns how far this one was; undefined if all are checked.
 * @throws {RevocationsNotCheckedError} after all others are checked.
 */
export async function surveyRevocations(
  entries: readonly Entry[],
  { downloadCrls, unpublish, observe }: RevocationChecks,
  after: string | undefined,
  dependencies: RevocationDependencies,
): Promise<string | undefined> {
  const { collector, s3, bucket, now, hasTime, canContinue } = dependencies;
  const crls = createCrlCache(downloadCrls);
  const work: Work = { ...dependencies, storage: s3Storage(s3, bucket), crls, unpublish, observe };
  const results: Results = { usable: new Set(), failing: new Map() };
  const problems: string[] = [];
  const unreadable = new Set<string>();
  const recordProblem: RecordProblem = (key, error) => {
    if (unreadable.has(key)) {
      return;
    }
    observe.revocationUnchecked(key, String(error));
    if (error instanceof ChainUnreadableError) {
      // A repetition would find the same.
      unreadable.add(key);
    } else {
      problems.push(`${key}: ${error}`);
    }
  };
  // Another collector that uses the bucket reports its certificates itself: each revocation is reported once.
  const own = entries.filter(({ content }) => (content.collector ?? collector) === collector);
  const groups = await groupEntries(own, work, recordProblem);
  // The group that comes next, and the last certificate of it that is done.
  const [firstGroup = '', lastKey = ''] = after?.split(' ') ?? [];
  const remaining = groups.filter(({ id }) => id >= firstGroup);
  let next: string | undefined;
  let judged = 0;
  for (const [index, group] of remaining.entries()) {
    if (!hasTime()) {
      next = index === 0 && after !== undefined ? after : group.id;
      break;
    }
    await downloadAhead(remaining.slice(index, index + 1 + GROUPS_AHEAD), work);
    let due: readonly Due[] = [];
    try {
      due = await findDue(group, work, results, recordProblem);
    } catch (error) {
      recordProblem(group.members[0]?.key ?? group.id, error);
    }
    const todo = group.id === firstGroup ? due.filter(({ entry }) => entry.key > lastKey) : due;
    const done = await forEachConcurrently(todo, CONCURRENT_CERTIFICATES, handle, hasTime);
    judged += done;
    if (done < todo.length) {
      const last = todo[done - 1];
      next = last ? `${group.id} ${last.entry.key}` : index === 0 && after !== undefined ? after : group.id;
      break;
    }
  }
  const failing = (await rememberFailing(work.storage, { ...results, at: now() })).map((crl) => ({
    ...crl,
    days: failingDays(crl, now()),
  }));
  for (const crl of failing) {
    observe.crlFailing(crl);
  }
  observe.revocationsChecked({
    certificates: groups.reduce((sum, { members }) => sum + members.length, 0),
    groups: groups.length,
    judged,
    unreadable: unreadable.size,
    failing: failing.length,
    unusable: failing.filter((crl) => isUnusable(crl, now())).length,
  });
  const hasProgress = after === undefined ? next !== remaining[0]?.id : next !== after;
  if (next !== undefined && canContinue && hasProgress) {
    // What failed stays as it is, so the next survey tries it again.
    return next;
  }
  if (next !== undefined) {
    problems.unshift('no time was left to check all certificates');
  }
  if (problems.length > 0) {
    throw new RevocationsNotCheckedError(truncate(problems.join('; '), STATE_BUDGET.message));
  }
  return undefined;

  async function handle({ entry, isOnlyPublished }: Due): Promise<void> {
    try {
      await (isOnlyPublished ? sendAgain(entry, work) : judgeCertificate(entry, work));
    } catch (error) {
      recordProblem(entry.key, error);
    }
  }
}

/** The certificates that have not expired, by what they have in common. After its expiry, a CRL need not list one. */
async function groupEntries(
  entries: readonly Entry[],
  work: Work,
  recordProblem: RecordProblem,
): Promise<readonly Group[]> {
  const at = work.now().getTime();
  const groups = new Map<string, Group>();
  const add = (member: Member, source: string) => {
    const group: Group = groups.get(source) ?? {
      id: createHash('sha256').update(source).digest('hex').slice(0, 16),
      source: JSON.parse(source) as CrlSource,
      members: [],
    };
    groups.set(source, group);
    group.members.push(member);
  };
  const unknown: Entry[] = [];
  for (const entry of entries.filter(({ content }) => Date.parse(content.notAfter) >= at)) {
    const { source, serialNumber } = entry.content.crls ?? {};
    if (source === undefined || serialNumber === undefined) {
      unknown.push(entry);
    } else {
      add(entry, source);
    }
  }
  // Manifests that do not name their CRLs. The chain does.
  await forEachConcurrently(unknown, CONCURRENT_CERTIFICATES, async (entry) => {
    try {
      const report = (await readCertificate(entry, work))?.report;
      const source = report && crlSource(report);
      if (report && source !== undefined) {
        add({ ...entry, serialNumber: report.serialNumber }, source);
      }
    } catch (error) {
      recordProblem(entry.key, error);
    }
  });
  for (const { members } of groups.values()) {
    members.sort((one, other) => compare(one.key, other.key));
  }
  return [...groups.values()].sort((one, other) => compare(one.id, other.id));
}

/** Starts the downloads of the CRLs that are needed soon. */
async function downloadAhead(groups: readonly Group[], { crls }: Pick<Work, 'crls'>): Promise<void> {
  const { crlUrlsOf } = await import('../certificate/report.ts');
  for (const { source } of groups) {
    for (const url of crlUrlsOf([source])) {
      // It never rejects.
      void crls.get(url);
    }
  }
}

/** The certificates of a group whose stored state differs from what the CRLs say, in the order of their keys. */
async function findDue(
  group: Group,
  work: Work,
  results: Results,
  recordProblem: RecordProblem,
): Promise<readonly Due[]> {
  const statement = await readStatement(group, work, results, recordProblem);
  const served = new Set(
    work.served.flatMap(({ live, revokedAt }) =>
      revokedAt === null || work.unpublish ? [live.fingerprintSha256] : [],
    ),
  );
  const { serialContents } = await import('../certificate/revocation/revocation.ts');
  const due: Due[] = [];
  for (const entry of group.members) {
    const { content } = entry;
    if (differs(content, serialContents(serialOf(entry))?.toString('hex'), statement)) {
      due.push({ entry, isOnlyPublished: false });
      continue;
    }
    const { revoked = [], report } = content.crls ?? {};
    if (revoked.length === 0) {
      continue;
    }
    const isPublished =
      report?.sentAt !== undefined &&
      served.has(content.fingerprintSha256) &&
      Date.parse(report.sentAt) <= work.now().getTime() - GRACE_MILLISECONDS;
    if (report?.sentAt === undefined || isPublished) {
      due.push({ entry, isOnlyPublished: isPublished });
    }
  }
  return due;
}

/** The serial number of a member in hex. Groups contain only those whose serial number is known. */
function serialOf({ content, serialNumber = content.crls?.serialNumber ?? '' }: Member): string {
  return serialNumber;
}

const NONE_KNOWN: ReadonlyMap<string, Reason> = new Map();

/** Whether the manifest of a certificate differs from what the CRLs say. */
function differs(
  { fingerprintSha256, crls }: Entry['content'],
  serial: string | undefined,
  { listed, isConclusive, revokedIssuers, goodIssuers }: Statement,
): boolean {
  const revoked = crls?.revoked ?? [];
  const known =
    revoked.length === 0 ? NONE_KNOWN : new Map(revoked.map((each) => [each.fingerprintSha256, each.reason]));
  const isNew = (fingerprint: string, reason: Reason | undefined) =>
    reason !== undefined && known.get(fingerprint) !== reason;
  const isListed = serial !== undefined && listed.has(serial);
  return (
    // A serial number that cannot be looked up: the certificate is judged every time.
    serial === undefined ||
    isNew(fingerprintSha256, listed.get(serial)) ||
    [...revokedIssuers].some(([fingerprint, reason]) => isNew(fingerprint, reason)) ||
    // A hold has ended.
    (known.has(fingerprintSha256) && !isListed && isConclusive) ||
    [...known.keys()].some((fingerprint) => goodIssuers.has(fingerprint))
  );
}

/** Downloads the CRLs of a group, judges them with the chain of one certificate, and searches them for all. */
async function readStatement(
  group: Group,
  work: Work,
  { usable, failing }: Results,
  recordProblem: RecordProblem,
): Promise<Statement> {
  const { crlUrlsOf } = await import('../certificate/report.ts');
  const { serialContents } = await import('../certificate/revocation/revocation.ts');
  const sample = await readSample(group, work, recordProblem);
  if (!sample) {
    return { listed: new Map(), isConclusive: false, revokedIssuers: new Map(), goodIssuers: new Set() };
  }
  const { certificate, crls } = sample;
  const serials = group.members.flatMap((member) => serialContents(serialOf(member)) ?? []);
  const entries = [...certificate.listedBeside(crls, serials)];
  const { revocation } = certificate.assessCrls(crls, []);
  const [leaf, ...issuers] = revocation?.certificates ?? [];
  for (const { fingerprintSha256, status, problem } of revocation?.certificates ?? []) {
    const urls = certificate.report.chain.flatMap((each) =>
      each.fingerprintSha256 === fingerprintSha256 ? crlUrlsOf([each]) : [],
    );
    for (const url of urls) {
      if (status === 'unknown' && !hasUnknownIssuer(certificate.report, fingerprintSha256)) {
        failing.set(crlId(url), problem ?? '');
        usable.delete(crlId(url));
      } else if (!failing.has(crlId(url))) {
        usable.add(crlId(url));
      }
    }
  }
  return {
    listed: new Map(entries.map(([serial, { reason }]) => [serial, reason ?? null])),
    isConclusive: leaf !== undefined && leaf.status !== 'unknown',
    revokedIssuers: new Map(
      issuers.flatMap(({ fingerprintSha256, status, reason }) =>
        status === 'revoked' ? [[fingerprintSha256, reason]] : [],
      ),
    ),
    goodIssuers: new Set(
      issuers.flatMap(({ fingerprintSha256, status }) => (status === 'good' ? [fingerprintSha256] : [])),
    ),
  };
}

/**
 * Whether the issuer of the last certificate of a chain is neither in the chain nor a known root. Nobody can verify its
 * CRL, which is no fault of the CRL: the finding `crl-unknown` says it.
 */
function hasUnknownIssuer({ chain, trustAnchor }: CertificateReport, fingerprintSha256: string): boolean {
  return chain.at(-1)?.fingerprintSha256 === fingerprintSha256 && trustAnchor?.delivered !== false;
}

/** Reads the chain of the first certificate of a group whose chain can be read, and the CRLs of this chain. */
async function readSample({ members }: Group, work: Work, recordProblem: RecordProblem): Promise<WithCrls | undefined> {
  for (const member of members.slice(0, SAMPLES_LIMIT)) {
    try {
      const read = await readWithCrls(member, work);
      if (read) {
        return read;
      }
    } catch (error) {
      if (!(error instanceof ChainUnreadableError)) {
        throw error;
      }
      recordProblem(member.key, error);
    }
  }
  return undefined;
}

const compare = (one: string, other: string) => (one < other ? -1 : Number(one > other));
