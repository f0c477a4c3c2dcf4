import { createDownload, type DownloadOptions } from './download.ts';
import { connectionProblem } from './http.ts';

/** A downloaded CRL, or why there is none. */
export interface DownloadedCrl {
  readonly url: string;
  readonly bytes?: Uint8Array;
  /** Why there are no bytes, as the end of a sentence. */
  readonly problem?: string;
}

/** Downloads CRLs. It never rejects. @param milliseconds the time for all of them; at most the default, 10 seconds. */
export type CrlDownload = (urls: readonly string[], milliseconds?: number) => Promise<readonly DownloadedCrl[]>;

/** The size of a CRL, in bytes, and the time for all CRLs of a chain. */
const CRL_BYTES = 10 * 1024 * 1024;
const DOWNLOAD_MILLISECONDS = 10_000;

/** A chain with its root names two or three CRLs. All of them are in memory at the same time. */
const URLS_LIMIT = 6;

/** Redirects from one URL. CAs need none. */
const REDIRECTS_LIMIT = 3;

/**
 * Creates the function that downloads the CRLs of a chain, all at the same time and each URL once. The URLs are in
 * certificates, so anybody can have chosen them: only plain http on the public internet is used, without credentials,
 * and the address is checked that is really connected to.
 */
export function createCrlDownload(options: DownloadOptions = {}): CrlDownload {
  const rules = { schemes: ['http:'], bytesLimit: CRL_BYTES, redirectsLimit: REDIRECTS_LIMIT } as const;
  const send = createDownload(rules, options);

  async function download(url: string, milliseconds: number): Promise<DownloadedCrl> {
    try {
      return { url, bytes: (await send(url, milliseconds)).bytes };
    } catch (error) {
      return { url, problem: connectionProblem(error) };
    }
  }

  return async (urls, milliseconds = DOWNLOAD_MILLISECONDS) => {
    const limit = Math.min(milliseconds, DOWNLOAD_MILLISECONDS);
    return Promise.all(
      [...new Set(urls)].map(
        async (url, index): Promise<DownloadedCrl> =>
          index < URLS_LIMIT
            ? download(url, limit)
            : {
                url,
                problem: `the chain contains more than ${URLS_LIMIT} URLs of CRLs, and only the first ${URLS_LIMIT} are requested`,
              },
      ),
    );
  };
}
