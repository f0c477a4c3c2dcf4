import type { CertificateFields } from '../x509/fields.ts';
import { isSelfIssued, type Links } from './links.ts';

/** A path is only as long as this list of labels allows, however the certificates are cross-signed. */
const LABELS_LIMIT = 2000;

/** Certificates from the leaf upwards, each issued by the next one. */
export type Path = readonly [leaf: CertificateFields, ...issuers: CertificateFields[]];

/** What the end of a path means for the rules above it. */
interface Label {
  /** The CAs that count for a path length. */
  readonly counted: number;
  /** The certificates that name constraints would apply to, one bit each. */
  readonly named: number;
}

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
 * reaches it with fewer CAs below it and without names that constraints could exclude: whatever is above is valid for
 * the other path too. So a valid path is found if there is one, loops end, and the work is bounded.
 */
export function* pathsFrom({ start, candidates, links, admits }: Search): Generator<Path> {
  const constrained = candidates.some(({ nameConstraints }) => nameConstraints);
  const bits = new Map(candidates.map((candidate, index) => [candidate, constrained ? 1 << index : 0]));
  const labels = new Map<CertificateFields, Label[]>(start.map((each) => [each, [{ counted: 0, named: 0 }]]));
  const paths: { readonly path: Path; readonly label: Label }[] = [{ path: start, label: labelOf(start, bits) }];
  let created = 0;
  for (const { path, label } of paths) {
    yield path;
    const top = path.at(-1) ?? path[0];
    for (const issuer of candidates) {
      const known = labels.get(issuer) ?? [];
      // In the label of a path, its last certificate counts as one that is below the next.
      const isCovered = known.some(({ counted, named }) => counted <= label.counted && (named & label.named) === named);
      if (!isCovered && created < LABELS_LIMIT && links.isIssuedBy(top, issuer) && admits(issuer, path)) {
        created += 1;
        labels.set(issuer, [...known, label]);
        const longer: Path = [...path, issuer];
        paths.push({ path: longer, label: labelOf(longer, bits) });
      }
    }
  }
}

function labelOf([, ...issuers]: Path, bits: ReadonlyMap<CertificateFields, number>): Label {
  const counted = issuers.filter((each) => !isSelfIssued(each));
  return { counted: counted.length, named: counted.reduce((named, each) => named | (bits.get(each) ?? 0), 0) };
}
