import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';

/** The part of a resolver of node:dns/promises that finds the addresses of a server. */
export interface HostResolver {
  resolve4(name: string): Promise<string[]>;
  resolve6(name: string): Promise<string[]>;
}

/** The error codes for a name without an address. After any other code, its addresses are unknown. */
const NOT_FOUND_CODES: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA']);

/**
 * A lookup of servers for `createDownload` that no name server can block. That of the system runs in the thread pool of
 * Node.js: two names whose name servers do not answer delay every other lookup of the process, because libuv lets only
 * half of its four threads look up names, and none of them can be stopped. Anybody can have chosen the names.
 */
export function createHostLookup(resolver: HostResolver): LookupFunction {
  return (hostname, _, callback) => {
    // Both never reject: an address of one family is enough.
    void Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]).then((results) => {
      const [ipv4, ipv6] = results.map((result) => (result.status === 'fulfilled' ? result.value : []));
      const addresses: LookupAddress[] = [
        ...(ipv4 ?? []).map((address) => ({ address, family: 4 })),
        ...(ipv6 ?? []).map((address) => ({ address, family: 6 })),
      ];
      const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
      callback(addresses.length > 0 ? null : lookupError(hostname, failures), addresses);
    });
  };
}

/** An error with a code of the system's lookup, which `connectionProblem` describes. */
function lookupError(hostname: string, failures: readonly (Error & { readonly code?: unknown })[]): Error {
  const isUnknown = failures.some(({ code }) => !NOT_FOUND_CODES.has(code));
  const code = isUnknown ? 'EAI_AGAIN' : 'ENOTFOUND';
  return Object.assign(new Error(`${code} ${hostname}`, { cause: failures[0] }), { code });
}
