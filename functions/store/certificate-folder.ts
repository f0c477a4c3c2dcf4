import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import type { CrlAssessment } from '../certificate/report.ts';
import type { CertificateRevocation, Revocation } from '../certificate/revocation/revocation.ts';
import { parseJson, toJsonBytes } from './json.ts';
import {
  type Manifest,
  manifestSchema,
  parseManifest,
  REPORT_TYPE,
  type StoredFinding,
  type StoredManifest,
} from './manifest.ts';
import {
  digest,
  type ObjectStorage,
  openObjects,
  type StoredObject,
  WriteConflictError,
  type WrittenObject,
  withoutEtag,
} from './objects.ts';

/** The names of the chain and of the report in the folder. */
export const CHAIN_NAME = 'chain.pem';
export const REPORT_NAME = 'report.html';

const JSON_HEADERS = { type: 'application/json' };

/** An object of a certificate: its name in the folder, its bytes and its media type. */
export interface Part {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly type: string;
}

/** The parts of a certificate as its manifest names them: `response`, `chain`, and `logo` if there is one. */
export type Parts = Readonly<Record<string, Part>>;

/**
 * Makes `report.html` of a manifest that does not list it. The manifest lists no report if there is none: a report that
 * cannot be made must not stop a certificate from being stored.
 */
export type ReportRenderer = (manifest: Manifest) => Uint8Array | undefined;

/** The manifest of a folder; `current` is undefined if it is missing or damaged. */
export interface FolderState {
  readonly etag?: string | undefined;
  readonly current?: StoredManifest;
  /** The manifest with all its fields, also those that are never read back. */
  readonly document?: object;
  /**
   * Whether nothing needs to be restored: this writer found every object as the manifest lists it, and either wrote
   * nothing or had already written the manifest. A writer that overwrites an object later finds that manifest, and
   * restores the object.
   */
  readonly isIntact?: boolean;
}

/** What is known of the objects in a folder, by their keys. */
export type KnownObjects = ReadonlyMap<string, WrittenObject>;

/** The state of a folder at an earlier moment, and what was known of its objects then. */
export interface SeenFolder {
  readonly state: FolderState;
  readonly objects: KnownObjects;
}

/** The objects of a certificate as its manifest lists them. */
export interface ReadFolder {
  readonly objects: KnownObjects;
  readonly parts: Parts;
  readonly report: Uint8Array | undefined;
}

/** A certificate that belongs into a folder. */
export interface Entry {
  readonly fingerprintSha256: string;
  /** The manifest without its objects, given the manifest of the same certificate in the folder. */
  readonly describe: (same: StoredManifest | undefined) => Omit<Manifest, 'objects'>;
  /** Reads the bytes. They are needed only if the folder lacks an object. */
  readonly readParts: () => Promise<Parts>;
  /**
   * Makes or reads the report that belongs to the description. Without it, the manifest lists none: a stored one can say
   * something else.
   */
  readonly renderReport?:
    | ((manifest: Manifest) => ReturnType<ReportRenderer> | Promise<Uint8Array | undefined>)
    | undefined;
}

/**
 * Opens `orders/<orderNumber>/`, or a folder under `superseded/` in it. Every method can be repeated and leads to the
 * same state.
 */
export function openCertificateFolder(storage: ObjectStorage, folder: string) {
  const objects = openObjects(storage);
  const { read, readListed, areStored, write, replace, create, put, findMismatched, reconcile } = objects;
  const manifestKey = `${folder}certificate.json`;

  async function readState(): Promise<FolderState> {
    const object = await read(manifestKey);
    if (!object) {
      return {};
    }
    const result = parseManifest(object.body, manifestKey);
    const document = parseJson(Buffer.from(object.body).toString()) as object;
    return { etag: object.etag, ...(result.success && { current: result.output, document }) };
  }

  async function reconcileFolder(): Promise<FolderState> {
    let state: FolderState = {};
    await reconcile(async () => {
      state = await readState();
      return state.current;
    }, listedObjects);
    return state;
  }

  const putPart = ({ name, bytes, type }: Part) => put(`${folder}${name}`, bytes, { type });

  return {
    readState,
    putPart,

    /** Restores the objects that the manifest lists, and returns the state of the folder. */
    reconcile: reconcileFolder,

    /**
     * Writes another assessment of the certificate into its report and its manifest, and nothing else. An assessment that
     * only states another time writes nothing.
     *
     * @throws {WriteConflictError} if the manifest is not the one of the state.
     */
    async reassess(
      { etag, document }: FolderState,
      assessment: CrlAssessment,
      renderReport?: ReportRenderer,
    ): Promise<StoredManifest> {
      // The document is the whole manifest, of which only a part is read back.
      const assessed = { ...document, ...assessment } as Manifest;
      if (document && isSameAssessment(document, assessed)) {
        return v.parse(manifestSchema, document);
      }
      const next = await withReport(assessed, renderReport, putPart);
      try {
        await write(manifestKey, toJsonBytes(next), JSON_HEADERS, { etag });
      } finally {
        // The report can have replaced that of another execution, also if the manifest was not written.
        await reconcileFolder();
      }
      return v.parse(manifestSchema, next);
    },

    /**
     * Writes into the manifest that the CA has revoked the certificate. Nothing else changes, and an earlier date stays.
     *
     * @throws {WriteConflictError} if the manifest is not the one of the state.
     */
    async markRevoked({ etag, current, document }: FolderState, at: Date): Promise<void> {
      if (current && current.revokedAt === undefined) {
        await write(manifestKey, toJsonBytes({ ...document, revokedAt: at.toISOString() }), JSON_HEADERS, { etag });
      }
    },

    /**
     * Changes fields of the manifest that its report does not show.
     *
     * @throws {WriteConflictError} if the manifest is not the one of the state.
     */
    async annotate({ etag, document }: FolderState, changes: Pick<Manifest, 'revocationReport'>): Promise<void> {
      await write(manifestKey, toJsonBytes({ ...document, ...changes }), JSON_HEADERS, { etag });
    },

    /** Reads the chain of a manifest, PEM; undefined if its bytes are lost. */
    async readChain({ objects: { chain } }: StoredManifest): Promise<Uint8Array | undefined> {
      return chain && (await readListed(chain))?.body;
    },

    /**
     * Reads the objects of a manifest, for {@link write} and for a copy in another folder.
     *
     * @returns undefined if a key does not contain what the manifest lists.
     */
    async readWhole({ objects: listed }: StoredManifest): Promise<ReadFolder | undefined> {
      const found = await objects.readUnchanged(Object.values(listed));
      if (!found) {
        return undefined;
      }
      const { report, ...parts } = Object.fromEntries(
        Object.entries(listed).map(([name, { key }]) => [name, found.get(key)]),
      );
      const partsByName = Object.entries(parts).flatMap(([name, object]) =>
        object
          ? [[name, { name: object.key.slice(folder.length), bytes: object.body, type: object.type }] as const]
          : [],
      );
      return { objects: found, parts: Object.fromEntries(partsByName), report: report?.body };
    },

    /** Whether bytes of the certificate are lost. Its report does not count: it can be made again. */
    async isDamaged({ objects: { report: _, ...parts } }: StoredManifest): Promise<boolean> {
      for (const { state: _, ...listed } of await findMismatched(Object.values(parts))) {
        if (!(await readListed(listed))) {
          return true;
        }
      }
      return false;
    },

    /** Reads the objects of a manifest except its report. Those whose bytes are lost are left out. */
    async readParts({ objects: { report: _, ...objects } }: StoredManifest): Promise<Parts> {
      const parts: Record<string, Part> = {};
      for (const [part, listed] of Object.entries(objects)) {
        const object = await readListed(listed);
        if (object) {
          parts[part] = { name: listed.key.slice(folder.length), bytes: object.body, type: object.type };
        }
      }
      return parts;
    },

    /** Reads the report of a manifest; undefined if it lists none, or if its bytes are lost. */
    readReport: async ({ objects: { report } }: StoredManifest): Promise<Uint8Array | undefined> =>
      report && (await readListed(report))?.body,

    /**
     * Stores a response before it is read, if the folder has no certificate.
     *
     * @returns what {@link write} then need not read again; undefined if it must.
     */
    async storeResponse(part: Part): Promise<SeenFolder | undefined> {
      const state = await readState();
      if (state.current) {
        return { state, objects: new Map() };
      }
      const response = state.etag === undefined ? await createPart(part) : undefined;
      if (response) {
        return { state, objects: new Map([[response.key, response]]) };
      }
      await putPart(part);
      return undefined;
    },

    /**
     * Writes what the folder lacks of a certificate: its objects, and its manifest last.
     *
     * @param state the state that is replaced.
     * @param seen the objects that the folder had at the moment of the state, as far as they are known. Nothing else is
     * overwritten because of it: if the folder is not as it was, the write conflicts.
     * @returns the new state.
     * @throws {WriteConflictError} if another execution wrote to the folder.
     */
    async write(
      { etag, current, document }: FolderState,
      { fingerprintSha256, describe, readParts, renderReport }: Entry,
      seen?: KnownObjects,
    ): Promise<FolderState & { readonly current: StoredManifest }> {
      const same = current?.fingerprintSha256 === fingerprintSha256 ? current : undefined;
      const intact = same && (await areStored(listedObjects(same))) ? same : undefined;
      const description = describe(same);
      // If the CA returns the certificate, it no longer reports that it is revoked.
      if (intact && document && intact.revokedAt === undefined && isUnchanged(intact, document, description)) {
        return { etag, current: intact, document, isIntact: true };
      }
      if (seen && same && !intact) {
        throw new WriteConflictError(`The objects that ${manifestKey} lists have changed`);
      }
      const known = new Map(seen);
      /** Writes a part on the condition that its key contains what was seen. */
      const writeSeen = async (part: Part): Promise<StoredObject> => {
        const key = `${folder}${part.name}`;
        const before = known.get(key);
        if (!before && current) {
          return putPart(part);
        }
        const isStored = before?.sha256 === digest(part.bytes).toString('hex');
        const object = isStored ? before : await replace(key, part.bytes, { type: part.type }, before ?? {});
        known.set(key, object);
        return withoutEtag(object);
      };
      const writePart = seen && !same ? writeSeen : putPart;
      const stored = intact?.objects ?? (await putParts(await readParts(), writePart));
      const next = await withReport({ ...description, objects: stored }, renderReport, writePart);
      const manifest = await replace(manifestKey, toJsonBytes(next), JSON_HEADERS, { etag });
      const written = v.parse(manifestSchema, next);
      // If a folder was empty, nobody else changes its objects before its manifest exists.
      const isEmpty = etag === undefined;
      return {
        etag: manifest.etag,
        current: written,
        document: next,
        isIntact: writePart === writeSeen && ((isEmpty && seen?.size === 0) || (await areAsWritten(written, known))),
      };
    },
  };

  /**
   * Whether a folder contains what this writer has just written. Before the manifest existed, others can have changed
   * an object: a writer that restored what the earlier manifest lists, or a check whose chain is broken.
   */
  async function areAsWritten(manifest: StoredManifest, written: KnownObjects): Promise<boolean> {
    const present = await objects.etags(folder);
    return listedObjects(manifest).every(({ key }) => {
      const etag = written.get(key)?.etag;
      return etag !== undefined && present.get(key) === etag;
    });
  }

  /** Writes a part under a key that is probably empty; undefined if the key contains something. */
  function createPart({ name, bytes, type }: Part): Promise<WrittenObject | undefined> {
    return create(`${folder}${name}`, bytes, { type });
  }

  /** Writes the report of a manifest, and returns the manifest that lists it. */
  async function withReport(
    manifest: Manifest,
    renderReport: Entry['renderReport'],
    writePart: (part: Part) => Promise<StoredObject>,
  ): Promise<Manifest> {
    const { report: _, ...objects } = manifest.objects;
    const listed = { ...manifest, objects };
    const bytes = await renderReport?.(listed);
    if (!bytes) {
      return listed;
    }
    const report = await writePart({ name: REPORT_NAME, bytes, type: REPORT_TYPE });
    return { ...listed, objects: { ...objects, report } };
  }

  async function putParts(
    parts: Parts,
    writePart: (part: Part) => Promise<StoredObject>,
  ): Promise<Readonly<Record<string, StoredObject>>> {
    const objects: Record<string, StoredObject> = {};
    for (const [name, part] of Object.entries(parts)) {
      objects[name] = await writePart(part);
    }
    return objects;
  }
}

const listedObjects = ({ objects }: StoredManifest) => Object.values(objects);

/** The fields of a revocation that differ each time the CRLs are checked. */
const TIMES_OF_CRLS: ReadonlySet<string> = new Set(['checkedAt', 'thisUpdate', 'nextUpdate'] satisfies (
  | keyof Revocation
  | keyof CertificateRevocation
)[]);

function withoutTimesOfCrls(manifest: object): unknown {
  return JSON.parse(JSON.stringify(manifest, (key, value) => (TIMES_OF_CRLS.has(key) ? undefined : value)));
}

/** Whether two manifests state the same about a certificate, apart from the time when its CRLs were checked. */
function isSameAssessment(one: object, other: object): boolean {
  return isDeepStrictEqual(withoutTimesOfCrls(one), withoutTimesOfCrls(other));
}

/** The fields of a manifest that can change while the certificate stays the same. */
interface Assessment
  extends Pick<Manifest, 'publishable' | 'execution' | 'collector' | 'account' | 'ordered' | 'bimiRecords'> {
  readonly findings: readonly StoredFinding[];
}

/**
 * Whether the next manifest would be the same. The assessment of a certificate changes with the settings, for example
 * with an additional trust anchor or another public address, with what was ordered, and with its CRLs.
 *
 * @param document the whole current manifest.
 */
function isUnchanged(current: Assessment, document: object, next: Omit<Manifest, 'objects'>): boolean {
  if (next.revocation) {
    return isSameAssessment(document, { ...document, ...next });
  }
  const fields = ({ publishable, findings, collector, account, ordered, bimiRecords, execution }: Assessment) => [
    publishable,
    findings.map(({ id, severity, message }) => [id, severity, message]),
    [collector, account, ordered, bimiRecords, execution],
  ];
  return isDeepStrictEqual(fields(current), fields(next));
}
