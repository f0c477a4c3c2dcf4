import type { CertificateReport, LeafDescription, MarkCertificate } from '../certificate/report.ts';
import type { Container } from '../collectmc/reply.ts';
import { CLOCK_TOLERANCE_MILLISECONDS } from '../days.ts';
import { jsonBytes } from '../text.ts';
import {
  CHAIN_NAME,
  type Entry,
  type FolderState,
  openCertificateFolder,
  type ReadFolder,
  type ReportRenderer,
  type SeenFolder,
} from './certificate-folder.ts';
import { toJsonBytes } from './json.ts';
import { type Finder, withKnownRevocation } from './known-revocation.ts';
import {
  CHAIN_TYPE,
  type Manifest,
  type Ordered,
  type Provenance,
  type StoredManifest,
  SVG_TYPE,
  supersededFolder,
} from './manifest.ts';
import { type ObjectStorage, openObjects, retryOnConflict, WriteConflictError } from './objects.ts';
import { openRevocation } from './revocation.ts';

/** The CA's response to a call for an issued certificate: the container and exactly the bytes received. */
export interface ReceivedResponse {
  readonly container: Container;
  readonly body: Uint8Array;
}

/** Where a received certificate is stored. */
export interface StoreResult {
  /** The manifest of the order's current certificate. */
  readonly current: StoredManifest;
  /** The manifest of the received certificate: the current one, or that in its folder under `superseded/`. */
  readonly received: StoredManifest;
  /** Whether the received certificate is the current one. */
  readonly isCurrent: boolean;
  /**
   * Whether this execution made the received certificate the current one. It stays true if the execution repeats its
   * check, for example because the answer to a write was lost.
   */
  readonly changed: boolean;
}

/** The folder of one order. Every method can be repeated and leads to the same state. */
export interface Archive {
  /** Stores a response before it is read. If the folder has a certificate, only {@link store} stores the response. */
  storeResponse(response: ReceivedResponse): Promise<void>;
  /** Reads the manifest of a certificate that was received before, whether it is the current one or not. */
  find(fingerprintSha256: string): Promise<StoredManifest | undefined>;
  /**
   * Stores a validated chain: as the current certificate of the order, or under `superseded/` ({@link becomesCurrent}).
   * The certificate that it replaces is copied there first. Of a certificate that is stored already, only the
   * manifest and the report are written again, and only if the assessment or the CRLs have changed. A known revocation
   * stays until a CRL refutes it.
   *
   * @param bimiRecords the BIMI record of each domain of the order. Without any, those of the manifest stay.
   * @param renderReport makes the report that is written with each manifest.
   * @param finder who reports a revocation that is new.
   */
  store(
    response: ReceivedResponse,
    certificate: Pick<MarkCertificate, 'report' | 'chainPem' | 'logo'>,
    provenance: Provenance,
    bimiRecords?: readonly string[],
    renderReport?: ReportRenderer,
    finder?: Finder,
  ): Promise<StoreResult>;
  /**
   * Records that the event of a revocation was sent.
   *
   * @param isCurrent whether the certificate is the current one of the order.
   * @param reporter who sent it. Another one that took over does not count.
   */
  recordRevocationSent(fingerprintSha256: string, isCurrent: boolean, reporter: string, sentAt: Date): Promise<void>;
  /**
   * Marks the current certificate as revoked, as CollectMC reports it. If the CA returns the certificate again later, the
   * mark disappears.
   */
  markRevoked(at: Date): Promise<void>;
  /**
   * Stores a response from which no chain can be built, and the reason. A certificate in the folder stays as it is. An
   * earlier rejection stays as a version of its objects.
   *
   * @param response undefined if the response must not be stored.
   */
  reject(response: ReceivedResponse | undefined, rejection: Rejection, provenance: Provenance): Promise<void>;
}

/** Why no chain can be built from a response, and what can be read of its leaf. */
export interface Rejection {
  readonly reason: string;
  /** It is not stored if its JSON has more than 64 KiB. */
  readonly leaf?: LeafDescription | undefined;
}

/** A description of 500 domains and 100 attributes has about half of it. */
const LEAF_BYTES = 64 * 1024;

const RESPONSE_NAMES = { pkcs7: 'response.p7b', zip: 'response.zip', pem: 'response.pem' } as const;
const RESPONSE_TYPES = {
  pkcs7: 'application/pkcs7-mime',
  zip: 'application/zip',
  pem: 'application/pem-certificate-chain',
} as const;

/** Opens the folder `orders/<orderNumber>/`. */
export function openArchive(storage: ObjectStorage, orderNumber: string): Archive {
  const folder = openCertificateFolder(storage, `orders/${orderNumber}/`);
  const openSuperseded = (fingerprint: string) =>
    openCertificateFolder(storage, supersededFolder(orderNumber, fingerprint));

  /** What this check saw when it stored the response. It is used once. */
  let seen: SeenFolder | undefined;

  const partOf = (name: string, { container, body }: ReceivedResponse) => ({
    name,
    bytes: body,
    type: RESPONSE_TYPES[container],
  });

  /**
   * Stores a certificate in its folder under `superseded/`, and returns its manifest there.
   *
   * @param known the state of that folder; by default, it is read only if the folder is not empty.
   */
  async function keep(entry: Entry, known: FolderState = {}): Promise<StoredManifest> {
    const superseded = openSuperseded(entry.fingerprintSha256);
    if (known.etag === undefined) {
      try {
        return (await superseded.write(known, entry, new Map())).current;
      } catch (error) {
        if (!(error instanceof WriteConflictError)) {
          throw error;
        }
      }
    }
    const kept = await superseded.write(await superseded.readState(), entry);
    return (await superseded.reconcile()).current ?? kept.current;
  }

  /** The current certificate, for its folder under `superseded/`. */
  const copyOf = (
    current: StoredManifest,
    document: FolderState['document'],
    whole: ReadFolder | undefined,
  ): Entry => ({
    fingerprintSha256: current.fingerprintSha256,
    // The document is the whole manifest, of which only a part is read back.
    describe: () => document as Manifest,
    readParts: async () => whole?.parts ?? folder.readParts(current),
    renderReport: () => (whole ? whole.report : folder.readReport(current)),
  });

  return {
    async storeResponse(response) {
      const part = partOf(RESPONSE_NAMES[response.container], response);
      seen = await retryOnConflict(() => folder.storeResponse(part));
    },

    async find(fingerprint) {
      const { current } = seen?.state ?? (await folder.readState());
      return current?.fingerprintSha256 === fingerprint
        ? current
        : (await openSuperseded(fingerprint).readState()).current;
    },

    async store(response, { report, chainPem, logo }, provenance, bimiRecords = [], renderReport, finder) {
      const { fingerprintSha256 } = report;
      const at = Date.parse(provenance.collectedAt);
      const isSame = (manifest: StoredManifest | undefined) => manifest?.fingerprintSha256 === fingerprintSha256;

      /** @param superseded the manifest of the received certificate in its own folder, which it leaves. */
      const entryBeside = (current?: StoredManifest, superseded?: StoredManifest): Entry => ({
        fingerprintSha256,
        describe: (same) => {
          const inherited = same ?? current;
          const records = bimiRecords.length > 0 ? bimiRecords : inherited?.bimiRecords;
          const ordered = inheritOrdered(provenance.ordered, inherited?.ordered);
          const { execution, collectedAt } = same ?? provenance;
          const { collector = same?.collector, account = same?.account } = provenance;
          return {
            schemaVersion: 1,
            ...(collector !== undefined && { collector }),
            ...(account !== undefined && { account }),
            orderNumber,
            execution,
            collectedAt,
            ...(ordered && { ordered }),
            ...withKnownRevocation(same ?? superseded, report, finder),
            ...(records && { bimiRecords: records }),
          };
        },
        readParts: async () => ({
          response: partOf(RESPONSE_NAMES[response.container], response),
          chain: { name: CHAIN_NAME, bytes: Buffer.from(chainPem), type: CHAIN_TYPE },
          ...(logo && { logo: { name: 'logo.svg', bytes: logo, type: SVG_TYPE } }),
        }),
        renderReport,
      });

      const stored = await retryOnConflict(async (): Promise<FolderState & { readonly current: StoredManifest }> => {
        const before = seen;
        seen = undefined;
        const state = before?.state ?? (await folder.readState());
        const { current, document } = state;
        if (!current || isSame(current)) {
          return folder.write(state, entryBeside(current), before?.objects);
        }
        const supersededState = await openSuperseded(fingerprintSha256).readState();
        const { current: superseded } = supersededState;
        const assessed = withKnownRevocation(superseded, report);
        if (becomesCurrent(assessed, current, at, superseded !== undefined) || (await folder.isDamaged(current))) {
          const whole = await folder.readWhole(current);
          await keep(copyOf(current, document, whole));
          return folder.write(state, entryBeside(current, superseded), whole?.objects);
        }
        const kept = await keep(entryBeside(current), supersededState);
        if ((await folder.readState()).etag !== state.etag) {
          throw new WriteConflictError(`Another execution changed the certificate of order ${orderNumber}`);
        }
        return { current: kept };
      });
      const state = stored.isIntact ? stored : await folder.reconcile();
      const current = state.current ?? stored.current;
      const isCurrent = isSame(current);
      const changed = isCurrent && current.execution === provenance.execution;
      const received = isCurrent ? current : (await openSuperseded(fingerprintSha256).readState()).current;
      return { current, received: received ?? stored.current, isCurrent, changed };
    },

    markRevoked: (at) => retryOnConflict(async () => folder.markRevoked(await folder.readState(), at)),

    recordRevocationSent(fingerprint, isCurrent, reporter, sentAt) {
      const key = `${isCurrent ? `orders/${orderNumber}/` : supersededFolder(orderNumber, fingerprint)}certificate.json`;
      return openRevocation(storage, key, fingerprint).recordSent(reporter, sentAt);
    },

    async reject(response, { reason, leaf }, { execution, collectedAt }) {
      const { put } = openObjects(storage);
      await retryOnConflict(async () => {
        const { current } = await folder.readState();
        const name = response && RESPONSE_NAMES[response.container];
        const part = name && partOf(current ? name.replace('response', 'rejected') : name, response);
        const stored = part && (await folder.putPart(part));
        const rejection = {
          schemaVersion: 1,
          orderNumber,
          execution,
          collectedAt,
          reason,
          ...(leaf && jsonBytes(leaf) <= LEAF_BYTES && { leaf }),
          response: stored ?? null,
        };
        await put(`orders/${orderNumber}/rejected.json`, toJsonBytes(rejection), { type: 'application/json' });
      });
      await folder.reconcile();
    },
  };
}

type Validity = Pick<CertificateReport, 'publishable' | 'notBefore' | 'notAfter'>;

/**
 * Whether a received certificate replaces the current one: a good one replaces one that is not good, and never the
 * reverse. Otherwise the newer one (by notBefore) is the current one. Of two that are valid from the same second, the one
 * that was received later is the newer one. One that was superseded before does not return, so that two executions cannot
 * replace each other's certificate again and again.
 *
 * @param at the time of the check, in milliseconds since 1970.
 */
function becomesCurrent(received: Validity, current: Validity, at: number, wasSuperseded: boolean): boolean {
  if (isGood(received, at) !== isGood(current, at)) {
    return isGood(received, at);
  }
  const later = Date.parse(received.notBefore) - Date.parse(current.notBefore);
  return later === 0 ? !wasSuperseded : later > 0;
}

/** Whether a certificate is publishable, and valid now. */
function isGood({ publishable, notBefore, notAfter }: Validity, at: number): boolean {
  return publishable && Date.parse(notBefore) - at <= CLOCK_TOLERANCE_MILLISECONDS && Date.parse(notAfter) >= at;
}

/** What an order named, completed by what was known before. */
function inheritOrdered(ordered: Ordered | undefined, before: Ordered | undefined): Ordered | undefined {
  if (!ordered || !before) {
    return ordered ?? before;
  }
  return {
    domains: ordered.domains.length > 0 ? ordered.domains : before.domains,
    selector: ordered.selector ?? before.selector,
    product: ordered.product ?? before.product,
  };
}
