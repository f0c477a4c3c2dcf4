import { type S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { parseJson, schemaProblems, toJsonBytes } from './json.ts';
import { CHAIN_TYPE, SVG_TYPE } from './manifest.ts';
import { type ObjectHeaders, type ObjectState, openObjects, type StoredObject } from './objects.ts';
import { CACHE_SECONDS, type Publication, type PublishedPart, parsePublication, publishedKeys } from './publication.ts';
import { s3Storage, undefinedIfNotFound } from './s3-storage.ts';

/**
 * Without `stale-while-revalidate`, which would let caches serve the previous pair for longer. Without `stale-if-error`
 * too: it would limit for how long CloudFront serves an expired object while S3 does not answer, which it does without a
 * limit by default (AWS: How CloudFront processes HTTP 4xx and 5xx status codes from your origin).
 */
const CACHE_CONTROL = `public, max-age=${CACHE_SECONDS}`;

const PART_HEADERS = {
  logo: { type: SVG_TYPE, cacheControl: CACHE_CONTROL },
  chain: { type: CHAIN_TYPE, cacheControl: CACHE_CONTROL },
} satisfies Record<PublishedPart, ObjectHeaders>;
/** Readers of the description decide by it, so it must never come from a cache. */
const DESCRIPTION_HEADERS = { type: 'application/json', cacheControl: 'no-store' };

/**
 * The description of an address. `current` is undefined if the description is missing or damaged. If it is damaged,
 * `damage` is the reason.
 */
export interface DescriptionState {
  readonly etag?: string | undefined;
  readonly current?: Publication | undefined;
  readonly damage?: string | undefined;
  /** Whether the description is missing because it was deleted, and not because nothing was published yet. */
  readonly deleted?: boolean | undefined;
}

/** The current state of an address: its description and its two objects. */
export interface AddressState extends DescriptionState {
  readonly logo: ObjectState | undefined;
  readonly chain: ObjectState | undefined;
}

/** Opens `published/<domain>/<selector>.*`. Every write is conditional on the state that its writer read. */
export function openAddress(s3: S3Client, bucket: string, domain: string, selector: string) {
  const storage = s3Storage(s3, bucket);
  const { head, write, reconcile } = openObjects(storage);
  const keys = publishedKeys(domain, selector);

  async function readDescription(): Promise<DescriptionState> {
    let deleted = false;
    const object = await storage.get(keys.description).catch((error: unknown) => {
      deleted = isDeleted(error);
      return undefinedIfNotFound(error);
    });
    if (!object) {
      return { deleted };
    }
    const result = parsePublication(parseJson(Buffer.from(object.body).toString()));
    if (!result.success) {
      return { etag: object.etag, damage: schemaProblems(result.issues) };
    }
    // A description that was copied from another address would restore the objects of that address.
    const { logo, chain } = result.output.live.objects;
    return logo.key === keys.logo && chain.key === keys.chain
      ? { etag: object.etag, current: result.output }
      : { etag: object.etag, damage: `it describes ${chain.key} and ${logo.key}` };
  }

  /**
   * Whether a part is stored as listed, with the headers that it must have: release 0.1.0 let caches keep it for half an
   * hour.
   */
  const isStored = (part: PublishedPart, { sha256 }: Pick<StoredObject, 'sha256'>, state: AddressState) =>
    state[part]?.sha256 === sha256 &&
    state[part].type === PART_HEADERS[part].type &&
    state[part].cacheControl === PART_HEADERS[part].cacheControl;

  return {
    readDescription,
    isStored,

    /**
     * Reads the objects before the description. Writes that are conditional on this state cannot overwrite a set that
     * another execution starts later. They can overwrite a part of a set that is being written now; {@link reconcile}
     * restores it.
     */
    async head(): Promise<AddressState> {
      const logo = await head(keys.logo);
      const chain = await head(keys.chain);
      return { logo, chain, ...(await readDescription()) };
    },

    /** Writes a part, unless it is stored already. */
    async put(
      part: PublishedPart,
      bytes: Uint8Array,
      listed: StoredObject,
      state: AddressState,
    ): Promise<StoredObject> {
      const { size, sha256 } = listed;
      return isStored(part, listed, state)
        ? { key: keys[part], size, sha256, versionId: state[part]?.versionId }
        : write(keys[part], bytes, PART_HEADERS[part], state[part] ?? {});
    },

    /** Writes the description: after the parts that it lists, and before parts are deleted. */
    async writeDescription(publication: Publication, state: DescriptionState): Promise<void> {
      await write(keys.description, toJsonBytes(publication), DESCRIPTION_HEADERS, { etag: state.etag });
    },

    /**
     * Makes the objects match the description: the pair that it lists, or no objects if the certificate was taken down.
     */
    reconcile: () =>
      reconcile(
        async () => (await readDescription()).current,
        ({ served, live: { objects } }) => (served ? [objects.logo, objects.chain] : []),
        ({ served }) => (served ? [] : [keys.chain, keys.logo]),
        // Not those of the listed version, which an earlier release may have written.
        ({ key }) => PART_HEADERS[key === keys.logo ? 'logo' : 'chain'],
      ),
  };
}

/**
 * Whether an error is S3's 404 for a deleted object. If the first publication of an address is incomplete, its
 * description is missing without a delete marker.
 */
function isDeleted(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$response?.headers['x-amz-delete-marker'] === 'true';
}
