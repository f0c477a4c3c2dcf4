import type { StoredManifest } from '../functions/store/manifest.ts';
import type { Publication } from '../functions/store/publication.ts';

const NOT_AFTER = '2027-01-01T00:00:00.000Z';
const object = (key: string) => ({ key, size: 1, sha256: 'aa'.repeat(32) });

/** The manifest of a publishable certificate for example.com. */
export const MANIFEST: StoredManifest = {
  schemaVersion: 1,
  orderNumber: '1378973013',
  execution: 'order-1378973013',
  collectedAt: '2026-01-02T00:00:00.000Z',
  product: 'VMC',
  markType: 'Registered Mark',
  attributes: { organizationName: ['Example Brand Limited'] },
  domains: ['example.com'],
  fingerprintSha256: 'cc'.repeat(32),
  notBefore: '2026-01-01T00:00:00.000Z',
  notAfter: NOT_AFTER,
  publishable: true,
  findings: [],
  objects: {
    response: object('orders/1378973013/response.p7b'),
    chain: object('orders/1378973013/chain.pem'),
    logo: object('orders/1378973013/logo.svg'),
  },
};

/** The publication of an earlier certificate of the same owner, for the same domain. */
export const PUBLICATION: Publication = {
  schemaVersion: 1,
  domain: 'example.com',
  selector: 'default',
  bimiRecord: 'default._bimi.example.com. TXT "v=BIMI1; l=https://bimi.example.com/example.com/default.svg"',
  live: {
    orderNumber: '1378973012',
    since: '2025-01-02T00:00:00.000Z',
    fingerprintSha256: 'dd'.repeat(32),
    notBefore: '2025-01-01T00:00:00.000Z',
    notAfter: NOT_AFTER,
    owner: 'Example Brand Limited',
    domains: ['example.com'],
    objects: { logo: object('published/example.com/default.svg'), chain: object('published/example.com/default.pem') },
  },
  revokedAt: null,
  served: true,
  previous: [],
};
