import { childrenOf, constructed, type Element, primitive, readBitString } from './der.ts';
import { type GeneralName, NAME_FORM, readGeneralNames } from './general-names.ts';
import { type Name, sameName } from './names.ts';

/** A distribution point of CRLs in a certificate (RFC 5280, 4.2.1.13). */
export interface DistributionPoint {
  /** The full name; undefined if the point has no name. A name relative to the issuer counts as an unknown full name. */
  readonly names: readonly GeneralName[] | undefined;
  /** The reasons that its CRLs cover, as a set of bits. */
  readonly reasons: number;
  /** Who issues its CRLs; undefined if it is the issuer of the certificate. */
  readonly crlIssuers: readonly Name[] | undefined;
}

/**
 * The bits of ReasonFlags that have a meaning (RFC 5280, 4.2.1.13): the first octet is the lower one here. The first bit
 * is not used. A point without reasons covers all.
 */
export const ALL_REASONS = 0x80_7f;

/** Reads the extension cRLDistributionPoints. */
export function readDistributionPoints(points: Element): DistributionPoint[] {
  return childrenOf(points).map((point) => {
    const fields = childrenOf(point);
    const field = (tag: number) => fields.find((each) => each.tag === tag);
    const [name, reasons, issuers] = [field(constructed(0)), field(primitive(1)), field(constructed(2))];
    return {
      names: name && readPointName(name),
      reasons: reasons ? readReasons(reasons) : ALL_REASONS,
      crlIssuers:
        issuers && readGeneralNames(issuers, constructed(2)).flatMap(({ directoryName }) => directoryName ?? []),
    };
  });
}

/** The fullName in the [0] of a point; no names if it is one relative to the issuer. */
export function readPointName(name: Element): readonly GeneralName[] {
  const [choice] = childrenOf(name, constructed(0));
  return choice?.tag === constructed(0) ? readGeneralNames(choice, constructed(0)) : [];
}

/** The set of reasons in a field that is an implicit ReasonFlags. */
export function readReasons(field: Element): number {
  const [first = 0, second = 0] = readBitString(field, field.tag);
  return (first | (second << 8)) & ALL_REASONS;
}

/** The URLs among the names of a point. */
export function urlsIn(names: readonly GeneralName[]): string[] {
  return names
    .filter(({ form }) => form === NAME_FORM.uniformResourceIdentifier)
    .map(({ contents }) => contents.toString('latin1'));
}

/** Whether two points have a name in common. */
export function shareName(one: readonly GeneralName[], other: readonly GeneralName[]): boolean {
  return one.some((a) => other.some((b) => isSameGeneralName(a, b)));
}

function isSameGeneralName(one: GeneralName, other: GeneralName): boolean {
  return one.directoryName && other.directoryName
    ? sameName(one.directoryName, other.directoryName)
    : one.form === other.form && one.contents.equals(other.contents);
}
