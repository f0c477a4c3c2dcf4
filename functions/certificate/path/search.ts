import type { CertificateFields } from '../x509/fields.ts';
import type { Links } from './links.ts';

/** The search ends after this number of paths, so that many cross-signed certificates take bounded time. */
const PATHS_LIMIT = 2000;

/** Certificates from the leaf upwards, each issued by the next one. */
export type Path = readonly [leaf: CertificateFields, ...issuers: CertificateFields[]];

export interface Search {
  /** The path that is continued. */
  readonly start: Path;
  readonly candidates: readonly CertificateFields[];
  readonly links: Links;
  /** Whether a certificate can be added above a path. */
  readonly admits: (issuer: CertificateFields, below: Path) => boolean;
}

/**
 * The paths from a beginning upwards, shorter ones first. A path that reaches a certificate is left out if another one
 * reaches it through a part of the same issuers: whatever is valid above is valid for the other path too. So a valid
 * path is found if there is one, loops end, and the work is bounded.
 */
export function* pathsFrom({ start, candidates, links, admits }: Search): Generator<Path> {
  const bits = new Map(candidates.map((candidate, index) => [candidate, 1 << index]));
  // By certificate: the issuers on each path that ends below it.
  const reached = new Map<CertificateFields, number[]>(start.map((each) => [each, [0]]));
  const paths: Path[] = [start];
  for (const path of paths) {
    yield path;
    const top = path.at(-1) ?? path[0];
    const below = issuersOf(path, bits);
    for (const issuer of candidates) {
      const known = reached.get(issuer) ?? [];
      const isCovered = known.some((issuers) => (issuers & below) === issuers);
      if (!isCovered && paths.length < PATHS_LIMIT && links.isIssuedBy(top, issuer) && admits(issuer, path)) {
        reached.set(issuer, [...known, below]);
        paths.push([...path, issuer]);
      }
    }
  }
}

/** The issuers on a path, one bit each. */
function issuersOf([, ...issuers]: Path, bits: ReadonlyMap<CertificateFields, number>): number {
  return issuers.reduce((set, each) => set | (bits.get(each) ?? 0), 0);
}
