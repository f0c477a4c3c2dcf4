import { type S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import * as v from 'valibot';
import { CHAIN_TYPE, SVG_TYPE } from './manifest.ts';
import {
  type ObjectHeaders,
  type ObjectState,
  openObjects,
  parseJson,
  type StoredObject,
  toJsonBytes,
  undefinedIfNotFound,
} from './objects.ts';
import { type Publication, type PublishedPair, parsePublication, publishedKeys } from './publication.ts';

/** How long a reader may show what was there before: a renewal is seen everywhere within an hour. */
export const CACHE_CONTROL = 'public, max-age=1800';

/** The two objects of an address that are served, in the order in which they are written. */
export type Part = keyof PublishedPair['objects'];

const PART_HEADERS = {
  logo: { type: SVG_TYPE, cacheControl: CACHE_CONTROL },
  chain: { type: CHAIN_TYPE, cacheControl: CACHE_CONTROL },
} satisfies Record<Part, ObjectHeaders>;
/** Who reads the description decides by it. */
const DESCRIPTION_HEADERS = { type: 'application/json', cacheControl: 'no-store' };

/** The description of an address; without `standing` where it is missing, or damaged, which `damage` then tells. */
export interface DescriptionState {
  readonly etag?: string | undefined;
  readonly current?: Publication | undefined;
  readonly damage?: string | undefined;
  /** Missing, and not because nothing was published yet: somebody deleted it. */
  readonly deleted?: boolean | undefined;
}

/** What stands at an address. */
export interface AddressState extends DescriptionState {
  readonly logo: ObjectState | undefined;
  readonly chain: ObjectState | undefined;
}

/** Opens `published/<domain>/<selector>.*`. Every write is conditional on what its writer saw. */
export function openAddress(s3: S3Client, bucket: string, domain: string, selector: string) {
  const { head, read, write, reconcile } = openObjects(s3, bucket);
  const keys = publishedKeys(domain, selector);

  async function readDescription(): Promise<DescriptionState> {
    let deleted = false;
    const object = await read(keys.description).catch((error: unknown) => {
      deleted = isDeleted(error);
      return undefinedIfNotFound(error);
    });
    if (!object) {
      return { deleted };
    }
    const result = parsePublication(parseJson(Buffer.from(object.body).toString()));
    if (!result.success) {
      const damage = result.issues.map((issue) => `${v.getDotPath(issue) ?? 'the whole of it'}: ${issue.message}`);
      return { etag: object.etag, damage: damage.join('; ') };
    }
    // A copy of another address would have that one's objects put back.
    const { logo, chain } = result.output.live.objects;
    return logo.key === keys.logo && chain.key === keys.chain
      ? { etag: object.etag, current: result.output }
      : { etag: object.etag, damage: `it describes ${chain.key} and ${logo.key}` };
  }

  /** Whether a part was seen as it is listed, and is served as what it is. */
  const holds = (part: Part, { sha256 }: Pick<StoredObject, 'sha256'>, seen: AddressState) =>
    seen[part]?.sha256 === sha256 && seen[part].type === PART_HEADERS[part].type;

  return {
    readDescription,
    holds,

    /**
     * The objects before the description: none of the writes that are conditional on them can touch a set that somebody
     * else begins from now on. One that is half written by now can be touched; {@link reconcile} is for that.
     */
    async head(): Promise<AddressState> {
      const logo = await head(keys.logo);
      const chain = await head(keys.chain);
      return { logo, chain, ...(await readDescription()) };
    },

    /** Writes a part over what was seen there; writes nothing where it stands already. */
    async put(part: Part, bytes: Uint8Array, listed: StoredObject, seen: AddressState): Promise<StoredObject> {
      const { size, sha256 } = listed;
      return holds(part, listed, seen)
        ? { key: keys[part], size, sha256, versionId: seen[part]?.versionId }
        : write(keys[part], bytes, PART_HEADERS[part], seen[part] ?? {});
    },

    /** Last of all. */
    async describe(publication: Publication, seen: DescriptionState): Promise<void> {
      await write(keys.description, toJsonBytes(publication), DESCRIPTION_HEADERS, { etag: seen.etag });
    },

    /** Ends everything that may have written here: the address holds what its description says, or nothing when it is taken down. */
    reconcile: () =>
      reconcile(
        async () => (await readDescription()).current,
        ({ served, live: { objects } }) => (served ? [objects.logo, objects.chain] : []),
        ({ served }) => (served ? [] : [keys.chain, keys.logo]),
      ),
  };
}

/** S3 says of its 404 whether it stands for a delete marker. A first publication that is under way, or died, has none. */
function isDeleted(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$response?.headers['x-amz-delete-marker'] === 'true';
}
