/** Certificates in a bucket, their CRLs on a server, and surveys over them. */
import { createHash } from 'node:crypto';
import { type MarkCertificate, readMarkCertificate } from '../../../functions/certificate/report.ts';
import { createCrlDownload } from '../../../functions/crl-download.ts';
import type { RevokedDetail } from '../../../functions/events.ts';
import { openArchive } from '../../../functions/store/archive.ts';
import type { StoredManifest } from '../../../functions/store/manifest.ts';
import { s3Storage } from '../../../functions/store/s3-storage.ts';
import type { Progress, SurveyDependencies } from '../../../functions/survey/parts.ts';
import type { RevocationChecks, RevocationObserver, RevocationSummary } from '../../../functions/survey/revocation.ts';
import { survey } from '../../../functions/survey/survey.ts';
import type { CertificateAuthority, IssuedMarkCertificate } from '../../../infra/local/ca/certificate-authority.ts';
import { pem } from '../../../infra/local/ca/containers.ts';
import type { CrlContent, IssuedCrl } from '../../../infra/local/ca/crls.ts';
import { openLongstandingAuthority } from '../../authority.ts';
import { type CrlServer, startCrlServer } from './crl-server.ts';
import { STATE_MACHINE_ARN } from './executions.ts';
import { COLLECTOR, later, NOON } from './samples.ts';
import { BUCKET, BUS, recordingObserver, type SurveyServers, startSurveyServers } from './survey-run.ts';

/** Since when certificates are revoked in the tests. */
export const SINCE = '2026-11-20T10:00:00.000Z';

const SINCE_2020 = { notBefore: new Date('2020-01-01T00:00:00Z') };

export type Revoked = NonNullable<CrlContent['revoked']>[number];

export interface SurveyOptions {
  /** The name of the collector whose survey it is; default: the one that stored the certificates. */
  readonly collector?: string;
  readonly now?: string;
  /** Whether the daily survey runs, or the one after a deployment. */
  readonly sendDailyEvents?: boolean;
  readonly publications?: SurveyDependencies['publications'];
  readonly progress?: Progress;
  readonly changes?: Partial<RevocationChecks>;
  readonly clock?: () => Date;
  readonly writesOverview?: boolean;
  readonly withExecutions?: boolean;
  /** The client of S3; default: that of the servers. */
  readonly s3?: SurveyDependencies['s3'];
}

export type RevocationWorld = Awaited<ReturnType<typeof startRevocationWorld>>;

/** An observer that records everything. */
function recordRevocations() {
  const records = {
    revoked: [] as string[],
    ended: [] as string[],
    reported: [] as RevokedDetail[],
    unchecked: [] as { readonly key: string; readonly problem: string }[],
    failing: [] as { readonly url: string; readonly days: number; readonly problem: string }[],
    summaries: [] as RevocationSummary[],
  };
  const observe: RevocationObserver = {
    certificateRevoked: ({ orderNumber }) => records.revoked.push(orderNumber),
    revocationEnded: ({ orderNumber }) => records.ended.push(orderNumber),
    revocationReported: (detail) => records.reported.push(detail),
    revocationUnchecked: (key, problem) => records.unchecked.push({ key, problem }),
    reportNotMade: (key, error) => records.unchecked.push({ key, problem: String(error) }),
    crlFailing: (crl) => records.failing.push(crl),
    revocationsChecked: (summary) => records.summaries.push(summary),
  };
  return { records, observe };
}

/** Starts what the tests of a file share. After `clear`, nothing is stored, served or recorded. */
export async function startRevocationWorld() {
  const [servers, crls, longstanding]: [SurveyServers, CrlServer, CertificateAuthority] = await Promise.all([
    startSurveyServers(),
    startCrlServer(),
    openLongstandingAuthority(),
  ]);
  const authority = longstanding.with({ issuing: SINCE_2020, crlServer: crls.url });
  const issued = createMemory<IssuedMarkCertificate>();
  const read = createMemory<Promise<MarkCertificate>>();
  const signed = createMemory<readonly IssuedCrl[]>();
  /** Serves the CRLs of an authority. */
  const serve = (revoked: readonly Revoked[] = [], of: CertificateAuthority = authority, content: CrlContent = {}) => {
    const listed = revoked.map(({ certificate, ...entry }) => [sha256Of(certificate), entry]);
    const lists = signed(of, JSON.stringify([listed, content]), () =>
      of.crls({
        thisUpdate: new Date('2026-11-01T00:00:00Z'),
        nextUpdate: new Date('2027-11-01T00:00:00Z'),
        ...content,
        revoked,
      }),
    );
    for (const { url, bytes } of lists) {
      crls.answers.set(url, bytes);
    }
    return lists.map(({ url }) => url);
  };
  const world = {
    servers,
    crls,
    authority,
    serve,

    /** The certificate of a domain from this time on. All tests get the same one. */
    issue: (domain: string, notBefore = '2026-06-01T00:00:00Z', of = authority): IssuedMarkCertificate =>
      issued(of, `${domain} ${notBefore}`, () =>
        of.issue({ domains: [domain], notBefore: new Date(notBefore), nullParameters: true }),
      ),

    /** Stores a certificate as Collect does. */
    async store(orderNumber: string, received: IssuedMarkCertificate, collectedAt = '2026-06-02T08:00:00.000Z') {
      const body = Buffer.from(pem(received.chain));
      const certificate = await read(received, collectedAt, () =>
        readMarkCertificate(body, {
          at: new Date(collectedAt),
          trustAnchors: [sha256Of(received.root)],
          ctLogs: [authority.log.key],
        }),
      );
      const provenance = {
        execution: `order-${orderNumber}`,
        collectedAt,
        collector: COLLECTOR,
        account: null,
        ordered: { domains: certificate.report.domains, selector: null, product: null },
      };
      const archive = openArchive(s3Storage(servers.s3, BUCKET), orderNumber);
      const render = () => Buffer.from('the report of the collection');
      return archive.store({ container: 'pem', body }, certificate, provenance, undefined, render);
    },

    /** The stored manifest of an order. */
    manifest: (orderNumber: string, folder = ''): StoredManifest =>
      JSON.parse(String(servers.server.peek(`orders/${orderNumber}/${folder}certificate.json`)?.body)),

    report: (orderNumber: string) => String(servers.server.peek(`orders/${orderNumber}/report.html`)?.body),

    /** The details of all events of revocations on the bus. */
    events: () => servers.detailsOf<RevokedDetail>('Mark Certificate Revoked'),

    /** Runs one survey. */
    async survey({ now = NOON, ...options }: SurveyOptions = {}) {
      const { records, observe } = recordRevocations();
      const { observe: others, records: observed } = recordingObserver();
      const clock = options.clock ?? (() => new Date(now));
      let progress = options.progress;
      const complete = await survey(
        {
          collector: options.collector ?? COLLECTOR,
          s3: options.s3 ?? servers.s3,
          bucket: BUCKET,
          eventBridge: servers.eventBridge,
          eventBusName: BUS,
          remindBeforeDays: 30,
          askAgainDays: 0,
          sendDailyEvents: options.sendDailyEvents ?? true,
          publications: options.publications,
          revocations: {
            downloadCrls: createCrlDownload({ allowLoopback: true }),
            totalMilliseconds: 100_000,
            unpublish: false,
            observe,
            ...options.changes,
          },
          executions: options.withExecutions ? { stateMachineArn: STATE_MACHINE_ARN, sfn: servers.sfn } : undefined,
          topics: undefined,
          writesOverview: options.writesOverview ?? false,
          observe: others,
          now: clock,
        },
        progress && {
          progress,
          canContinue: true,
          save: async (changes) => {
            progress = changes;
          },
          failed: (error) => {
            throw error;
          },
        },
      ).then(
        (isComplete) => ({ isComplete, error: undefined }),
        (error: unknown) => ({ isComplete: false, error }),
      );
      return { ...records, ...complete, observed, progress };
    },

    clear() {
      servers.clear();
      crls.clear();
    },

    async close() {
      await Promise.all([servers.close(), crls.close()]);
    },
  };
  return world;
}

/** Makes each result once. The tests of a file need the same few certificates and CRLs. */
function createMemory<Result>() {
  const made = new WeakMap<object, Map<string, Result>>();
  return (owner: object, name: string, make: () => Result): Result => {
    const ofOwner = made.get(owner) ?? new Map<string, Result>();
    made.set(owner, ofOwner);
    const result = ofOwner.get(name) ?? make();
    ofOwner.set(name, result);
    return result;
  };
}

const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** A certificate as an entry of a CRL. */
export const revocationOf = (
  { leaf }: Pick<IssuedMarkCertificate, 'leaf'>,
  reason: Revoked['reason'] = 'keyCompromise',
): Revoked => ({ certificate: leaf, since: new Date(SINCE), ...(reason && { reason }) });

/** Some days after NOON. */
export const dayAfter = (days: number) => later(NOON, { days });
