import { lookup as resolve } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { isLoopbackAddress, isPublicAddress } from './addresses.ts';
import { CollectorError } from './collector-error.ts';
import { connectionProblem, type HttpClient, sendHttp } from './http.ts';
import { truncate } from './text.ts';
import { withTimeLimit } from './time-limit.ts';

/** A downloaded CRL, or why there is none. */
export interface DownloadedCrl {
  readonly url: string;
  readonly bytes?: Uint8Array;
  /** Why there are no bytes, as the end of a sentence. */
  readonly problem?: string;
}

/** Downloads CRLs. It never rejects. @param milliseconds the time for all of them; at most the default, 10 seconds. */
export type CrlDownload = (urls: readonly string[], milliseconds?: number) => Promise<readonly DownloadedCrl[]>;

/** How to download CRLs. */
export interface CrlDownloadOptions {
  /** Whether servers on this machine may be asked, as for a CA on a loopback address; default: no. */
  readonly allowLoopback?: boolean;
  readonly http?: HttpClient;
  /** Resolves the name of a server; default: that of the system. */
  readonly lookup?: LookupFunction;
}

/** The size of a CRL, in bytes, and the time for all CRLs of a chain. */
const CRL_BYTES = 10 * 1024 * 1024;
const DOWNLOAD_MILLISECONDS = 10_000;

/** A chain with its root names two or three CRLs. All of them are in memory at the same time. */
const URLS_LIMIT = 6;

/** How much of the scheme of a redirect is quoted. A server can send one of 16 KB. */
const SCHEME_BYTES = 40;

/** Redirects from one URL. CAs need none. */
const REDIRECTS_LIMIT = 3;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** A CRL must not be requested from this address. */
class RefusedAddressError extends CollectorError {
  override readonly name = 'RefusedAddressError';
}

/** A server answered, but not with a CRL. */
class NoCrlError extends CollectorError {
  override readonly name = 'NoCrlError';
}

/**
 * Creates the function that downloads the CRLs of a chain, all at the same time and each URL once. The URLs are in
 * certificates, so anybody can have chosen them: only plain http on the public internet is used, without credentials,
 * and the address is checked that is really connected to.
 */
export function createCrlDownload(options: CrlDownloadOptions = {}): CrlDownload {
  const { allowLoopback = false, http = sendHttp, lookup = resolve } = options;

  async function download(url: string, milliseconds: number): Promise<DownloadedCrl> {
    const aborted = new AbortController();
    try {
      const work = follow(url, aborted.signal);
      // The name server may not answer, which cannot be aborted.
      return { url, bytes: await withTimeLimit(work, milliseconds, 'no complete answer in time') };
    } catch (error) {
      return { url, problem: connectionProblem(error) };
    } finally {
      aborted.abort();
    }
  }

  async function follow(text: string, signal: AbortSignal): Promise<Uint8Array> {
    let url = readUrl(text, undefined);
    for (let redirects = 0; ; redirects++) {
      const response = await http({ url, signal, lookup: checkedLookup(lookup, allowLoopback) });
      const { status, headers } = response;
      if (status === 200) {
        return response.read(CRL_BYTES);
      }
      response.discard();
      if (!REDIRECTS.has(status) || headers.location === undefined) {
        throw new NoCrlError(`the server answered with HTTP ${status}`);
      }
      if (redirects === REDIRECTS_LIMIT) {
        throw new NoCrlError(`there are more than ${REDIRECTS_LIMIT} redirects`);
      }
      url = readUrl(headers.location, url);
    }
  }

  /** @throws {RefusedAddressError} */
  function readUrl(text: string, base: URL | undefined): URL {
    const url = URL.parse(text, base?.href);
    if (!url) {
      throw new RefusedAddressError('the URL is not valid');
    }
    if (url.protocol !== 'http:') {
      throw new RefusedAddressError(
        base ? `a redirect leads to ${truncate(url.protocol, SCHEME_BYTES)}` : 'only http URLs are requested',
      );
    }
    if (url.username || url.password) {
      throw new RefusedAddressError('the URL contains credentials');
    }
    // Node does not resolve an address. URL writes every form of an IPv4 address as four numbers.
    const address = url.hostname.replace(/^\[(.*)\]$/, '$1');
    if (isIP(address) && !isAllowed(address, allowLoopback)) {
      throw refusedAddress([address]);
    }
    return url;
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

/**
 * A lookup that leaves out the addresses that are not allowed. Node connects to none but its results, so a name that
 * resolves to another address a moment later gains nothing.
 */
function checkedLookup(lookup: LookupFunction, allowLoopback: boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error || typeof addresses === 'string') {
        callback(error ?? new RefusedAddressError(`${hostname} was not resolved to a list`), []);
        return;
      }
      const allowed = addresses.filter(({ address }) => isAllowed(address, allowLoopback));
      const [first] = allowed;
      if (!first) {
        callback(refusedAddress(addresses.map(({ address }) => address)), []);
      } else if (options.all) {
        callback(null, allowed);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
}

function isAllowed(address: string, allowLoopback: boolean): boolean {
  return isPublicAddress(address) || (allowLoopback && isLoopbackAddress(address));
}

function refusedAddress(addresses: readonly string[]): RefusedAddressError {
  const [first = 'no address'] = addresses;
  return new RefusedAddressError(`the server has the address ${first}, which is not on the public internet`);
}
