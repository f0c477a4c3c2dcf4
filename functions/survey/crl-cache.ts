import { createLimit } from '../batches.ts';
import type { CrlDownload, DownloadedCrl } from '../crl-download.ts';

/** The maximum number of CRLs that are downloaded at the same time, each of at most 10 MiB. */
const CONCURRENT_DOWNLOADS = 4;

/**
 * The maximum size of all CRLs that are kept, in bytes. With the downloads, they take at most 104 MiB of the function's
 * memory. The CRLs of all CAs of mark certificates are less than a megabyte.
 */
const KEPT_BYTES = 64 * 1024 * 1024;

/** The maximum number of CRLs that are downloaded for one chain. A chain with its root names two or three. */
export const CRLS_PER_CHAIN = 6;

/** Downloads CRLs, each once for all certificates that name it. */
export interface CrlCache {
  /** Never rejects. */
  get(url: string): Promise<DownloadedCrl>;
}

/**
 * Creates a cache for one invocation. If all CRLs together are larger than the limit, it drops those that were not used for
 * the longest time, and downloads them again if a certificate needs them later.
 */
export function createCrlCache(download: CrlDownload, keptBytes: number = KEPT_BYTES): CrlCache {
  const limit = createLimit(CONCURRENT_DOWNLOADS);
  /** The ones that were used last are at the end. */
  const crls = new Map<string, Promise<DownloadedCrl>>();
  const sizes = new Map<string, number>();
  let total = 0;

  async function fetchOne(url: string): Promise<DownloadedCrl> {
    const [crl = { url, problem: 'it was not requested' }] = await limit(() => download([url]));
    const size = crl.bytes?.length ?? 0;
    sizes.set(url, size);
    total += size;
    for (const [other, bytes] of sizes) {
      if (total <= keptBytes || other === url) {
        break;
      }
      sizes.delete(other);
      crls.delete(other);
      total -= bytes;
    }
    return crl;
  }

  return {
    get(url) {
      const crl = crls.get(url) ?? fetchOne(url);
      crls.delete(url);
      crls.set(url, crl);
      const size = sizes.get(url);
      if (size !== undefined) {
        sizes.delete(url);
        sizes.set(url, size);
      }
      return crl;
    },
  };
}
