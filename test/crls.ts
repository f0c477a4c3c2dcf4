import type { CrlDownload } from '../functions/crl-download.ts';
import type { CertificateAuthority } from '../infra/local/ca/certificate-authority.ts';
import type { CrlContent } from '../infra/local/ca/crls.ts';
import { openAuthority } from './authority.ts';

/** A CRL that is valid at every moment of the tests. */
const LONGSTANDING = { thisUpdate: new Date('2020-01-01T00:00:00Z'), nextUpdate: new Date('2045-01-01T00:00:00Z') };

/** In place of the network: the CRLs of an authority, by default the shared one, which list no other certificates than these. */
export function crlDownload(
  revoked: NonNullable<CrlContent['revoked']> = [],
  authority: () => Promise<CertificateAuthority> = openAuthority,
): CrlDownload {
  return async (urls) => {
    const crls = (await authority()).crls({ ...LONGSTANDING, revoked });
    return urls.map((url) => crls.find((crl) => crl.url === url) ?? { url, problem: 'the tests have no network' });
  };
}
