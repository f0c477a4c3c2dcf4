import { lookup as resolve } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { isLoopbackAddress, isPublicAddress } from './addresses.ts';
import { CollectorError } from './collector-error.ts';
import { BodyTooLargeError, type HttpClient, isLoopback, sendHttp } from './http.ts';
import { truncate } from './text.ts';
import { withTimeLimit } from './time-limit.ts';

/** How to download files whose URLs others chose. */
export interface DownloadOptions {
  /** Whether servers on this machine may be asked, also by plain http; default: no. */
  readonly allowLoopback?: boolean;
  readonly http?: HttpClient;
  /** Resolves the name of a server; default: that of the system. */
  readonly lookup?: LookupFunction;
}

/** What a kind of file needs. */
export interface DownloadRules {
  readonly schemes: readonly ('http:' | 'https:')[];
  /** The maximum size of the body. */
  readonly bytesLimit: number;
  /** The maximum number of redirects. */
  readonly redirectsLimit: number;
}

/** A file. */
export interface Downloaded {
  readonly bytes: Uint8Array;
  /** The header Content-Type. */
  readonly type: string | undefined;
  /** Where redirects led, in their order; empty without redirects. */
  readonly redirects: readonly string[];
}

/**
 * Downloads one file. It rejects with an error whose reason `connectionProblem` returns.
 *
 * @param milliseconds the time for the whole download, with redirects.
 */
export type Download = (url: string, milliseconds: number) => Promise<Downloaded>;

/** How much of the scheme of a redirect or of a coding is quoted. A server can send one of 16 KB. */
const SCHEME_BYTES = 40;

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** A file must not be requested from this address. */
class RefusedAddressError extends CollectorError {
  override readonly name = 'RefusedAddressError';
}

/** A server answered, but not with a file. */
class NoFileError extends CollectorError {
  override readonly name = 'NoFileError';
}

/**
 * Creates the function that downloads files. Anybody can have chosen their URLs: only servers on the public internet are
 * asked, without credentials, and the address is checked that is really connected to.
 */
export function createDownload(rules: DownloadRules, options: DownloadOptions = {}): Download {
  const { schemes, bytesLimit, redirectsLimit } = rules;
  const { allowLoopback = false, http = sendHttp, lookup = resolve } = options;

  async function follow(text: string, signal: AbortSignal): Promise<Downloaded> {
    const redirects: string[] = [];
    let url = readUrl(text, undefined);
    for (;;) {
      const response = await http({ url, signal, lookup: checkedLookup(lookup, allowLoopback) });
      const { status, headers } = response;
      if (status === 200) {
        const bytes = decode(await response.read(bytesLimit), headers['content-encoding'], bytesLimit);
        return { bytes, type: headers['content-type'], redirects };
      }
      response.discard();
      if (!REDIRECT_STATUSES.has(status) || headers.location === undefined) {
        throw new NoFileError(`the server answered with HTTP ${status}`);
      }
      if (redirects.length === redirectsLimit) {
        throw new NoFileError(
          redirectsLimit === 0
            ? 'the server answered with a redirect'
            : `there are more than ${redirectsLimit} redirects`,
        );
      }
      url = readUrl(headers.location, url);
      redirects.push(url.href);
    }
  }

  /** @throws {RefusedAddressError} */
  function readUrl(text: string, base: URL | undefined): URL {
    const url = URL.parse(text, base?.href);
    if (!url) {
      throw new RefusedAddressError('the URL is not valid');
    }
    const isAccepted = schemes.some((scheme) => scheme === url.protocol);
    if (!isAccepted && !(allowLoopback && url.protocol === 'http:' && isLoopback(url))) {
      const accepted = schemes.map((scheme) => scheme.slice(0, -1)).join(' and ');
      throw new RefusedAddressError(
        base ? `a redirect leads to ${truncate(url.protocol, SCHEME_BYTES)}` : `only ${accepted} URLs are requested`,
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

  return async (url, milliseconds) => {
    const aborted = new AbortController();
    try {
      const work = follow(url, aborted.signal);
      // The name server may not answer, which cannot be aborted.
      return await withTimeLimit(work, milliseconds, 'no complete answer in time');
    } catch (error) {
      aborted.abort();
      throw error;
    }
  };
}

/** The codings of a body that are decoded (RFC 9110, 8.4.1). A request without Accept-Encoding allows every coding. */
const DECODERS: Readonly<Record<string, (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
};

/** @throws {NoFileError | BodyTooLargeError} if the body cannot be decoded, or is larger than the limit. */
function decode(bytes: Uint8Array, header: string | undefined, bytesLimit: number): Uint8Array {
  const coding = header?.trim().toLowerCase() ?? '';
  if (coding === '' || coding === 'identity') {
    return bytes;
  }
  const decoder = Object.hasOwn(DECODERS, coding) ? DECODERS[coding] : undefined;
  const named = `Content-Encoding ${truncate(coding, SCHEME_BYTES)}`;
  if (!decoder) {
    throw new NoFileError(`the server sent the file with ${named}, which was not requested and is not supported`);
  }
  try {
    return decoder(bytes, { maxOutputLength: bytesLimit });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
      throw new BodyTooLargeError(bytesLimit);
    }
    throw new NoFileError(`the server sent the file with ${named}, but it cannot be decoded`, { cause: error });
  }
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
