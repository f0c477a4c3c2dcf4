import { Resolver } from 'node:dns/promises';
import { type CrlDownload, createCrlDownload } from '../crl-download.ts';
import { createHostLookup, type HostResolver } from '../host-lookup.ts';

/** `timeout` is in milliseconds, for each try. Both tries end within the time for all CRLs. */
const DNS_ATTEMPTS = { timeout: 2_500, tries: 2 };

/**
 * Creates the download of CRLs. The certificate is stored after it, so a lookup that hangs must not delay those of S3:
 * the servers of the CRLs are found with another resolver than that of the system ({@link createHostLookup}).
 *
 * @param allowLoopback whether the CA, and so its CRLs, can be on this machine. Only the system knows its names.
 */
export function connectCrls(allowLoopback: boolean, resolver: HostResolver = new Resolver(DNS_ATTEMPTS)): CrlDownload {
  return createCrlDownload(allowLoopback ? { allowLoopback } : { lookup: createHostLookup(resolver) });
}
