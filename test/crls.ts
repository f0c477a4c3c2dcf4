import type { CrlDownload } from '../functions/crl-download.ts';
import type { CertificateAuthority } from '../infra/local/ca/certificate-authority.ts';
import type { CrlContent, IssuedCrl } from '../infra/local/ca/crls.ts';
import { openAuthority } from './authority.ts';

/** A CRL that is valid at every moment of the tests. */
const LONGSTANDING = { thisUpdate: new Date('2020-01-01T00:00:00Z'), nextUpdate: new Date('2045-01-01T00:00:00Z') };

/** The CRLs that list no certificate, by the function that opens their authority. To sign them takes longer than a check. */
const unrevoked = new WeakMap<() => Promise<CertificateAuthority>, Promise<readonly IssuedCrl[]>>();

/** In place of the network: the CRLs of an authority, by default the shared one, which list no other certificates than these. */
export function crlDownload(
  revoked: NonNullable<CrlContent['revoked']> = [],
  authority: () => Promise<CertificateAuthority> = openAuthority,
): CrlDownload {
  const sign = async () => (await authority()).crls({ ...LONGSTANDING, revoked });
  return async (urls) => {
    const signed = (revoked.length === 0 && unrevoked.get(authority)) || sign();
    if (revoked.length === 0) {
      unrevoked.set(authority, signed);
    }
    const crls = await signed;
    return urls.map((url) => crls.find((crl) => crl.url === url) ?? { url, problem: 'the tests have no network' });
  };
}
