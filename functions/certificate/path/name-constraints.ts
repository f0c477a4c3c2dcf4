import { contentsOf, TAG } from '../x509/der.ts';
import type { CertificateFields } from '../x509/fields.ts';
import { type GeneralName, NAME_FORM, type NameConstraints, type Subtree } from '../x509/general-names.ts';
import { isWithin, type Name, valuesOf } from '../x509/names.ts';

/** The emailAddress attribute of a subject (RFC 5280, 4.1.2.6). Constraints on rfc822Name apply to it too. */
const EMAIL_ADDRESS = '1.2.840.113549.1.9.1';

/** How often a name of one certificate is compared with a subtree of one issuer. */
const COMPARISONS_LIMIT = 2 ** 14;

const CANNOT_COMPARE = 'has name constraints that cannot be evaluated';

const UNSUPPORTED = Symbol('a name or a subtree that cannot be compared');
type Match = boolean | typeof UNSUPPORTED;

/** A name of a certificate that constraints can apply to. */
type ConstrainedName = Pick<GeneralName, 'form' | 'contents' | 'directoryName'>;

/**
 * Why the name constraints of an issuer exclude a certificate below it (RFC 5280, 4.2.1.10 and 6.1.3), in the words
 * that follow the issuer's name. Undefined if they do not.
 *
 * The comparisons are those of OpenSSL, or stricter. A name of a form that is not supported is refused if the issuer
 * constrains this form, whether or not the constraints are critical.
 */
export function constraintProblem(constraints: NameConstraints, certificate: CertificateFields): string | undefined {
  const addresses = valuesOf(certificate.subjectName, EMAIL_ADDRESS);
  // OpenSSL refuses other types, even if no constraint applies to them.
  if (addresses.some(({ tag }) => tag !== TAG.ia5String)) {
    return CANNOT_COMPARE;
  }
  const names = [
    ...subjectOf(certificate),
    ...addresses.map((value) => ({ form: NAME_FORM.rfc822Name, contents: contentsOf(value, TAG.ia5String) })),
    ...certificate.alternativeNames,
  ];
  const { permitted, excluded } = constraints;
  if (names.length * (permitted.length + excluded.length) > COMPARISONS_LIMIT) {
    return 'has too many name constraints';
  }
  for (const name of names) {
    const within = permitted.filter(({ base }) => appliesTo(base, name)).map((subtree) => matches(name, subtree));
    const outside = excluded.filter(({ base }) => appliesTo(base, name)).map((subtree) => matches(name, subtree));
    if (within.includes(UNSUPPORTED) || outside.includes(UNSUPPORTED)) {
      return CANNOT_COMPARE;
    }
    if (outside.includes(true) || (within.length > 0 && !within.includes(true))) {
      return 'has name constraints that exclude a name below it';
    }
  }
  return undefined;
}

/** The subject, unless it is empty. */
function subjectOf({ subjectName }: CertificateFields): readonly ConstrainedName[] {
  const subject = { form: NAME_FORM.directoryName, contents: subjectName.der, directoryName: subjectName };
  return subjectName.canonical.length > 0 ? [subject] : [];
}

/** An otherName can be an e-mail address (RFC 9598), so constraints on e-mail addresses apply to it. */
function appliesTo({ form }: GeneralName, name: ConstrainedName): boolean {
  return form === name.form || (form === NAME_FORM.rfc822Name && name.form === NAME_FORM.otherName);
}

function matches(name: ConstrainedName, { base, hasDistance }: Subtree): Match {
  const compare = name.form === base.form && !hasDistance ? COMPARISONS.get(base.form) : undefined;
  return compare ? compare(name, base) : UNSUPPORTED;
}

const COMPARISONS: ReadonlyMap<number, (name: ConstrainedName, base: GeneralName) => Match> = new Map([
  [NAME_FORM.directoryName, (name, base) => isWithinName(name.directoryName, base.directoryName)],
  [NAME_FORM.dNSName, (name, base) => isWithinDomain(textOf(name), textOf(base))],
  [NAME_FORM.rfc822Name, (name, base) => isWithinMailboxes(name.contents.toString('latin1'), textOf(base), base)],
  [NAME_FORM.uniformResourceIdentifier, (name, base) => isWithinHosts(textOf(name), textOf(base))],
  [NAME_FORM.iPAddress, (name, base) => isWithinNetwork(name.contents, base.contents)],
]);

/** DNS names are compared without regard to case. */
function textOf({ contents }: ConstrainedName): string {
  return contents.toString('latin1').toLowerCase();
}

function isWithinName(name: Name | undefined, base: Name | undefined): Match {
  return name && base ? isWithin(name.canonical, base.canonical) : UNSUPPORTED;
}

/** The domain itself and those below it. An empty base contains all; one that begins with a dot only those below it. */
function isWithinDomain(domain: string, base: string): boolean {
  return base === '' || domain === base || domain.endsWith(base.startsWith('.') ? base : `.${base}`);
}

/** The base is one mailbox, a host, or the hosts below a domain if it begins with a dot. */
function isWithinMailboxes(address: string, host: string, { contents }: GeneralName): Match {
  const at = address.lastIndexOf('@');
  if (at === -1 || address.includes('\0')) {
    return UNSUPPORTED;
  }
  const base = contents.toString('latin1');
  const baseAt = base.lastIndexOf('@');
  const local = baseAt > 0 ? base.slice(0, baseAt) : undefined;
  return (
    (local === undefined || local === address.slice(0, at)) &&
    isWithinHost(address.slice(at + 1).toLowerCase(), host.slice(host.lastIndexOf('@') + 1))
  );
}

/** Only names of hosts are compared (RFC 5280, 4.2.1.10): no user, no port of another form, no IPv6 address. */
function isWithinHosts(uri: string, base: string): Match {
  const [, host] = /^[^:/?#]+:\/\/([^/?#:]+)(?::\d*)?(?:[/?#]|$)/.exec(uri) ?? [];
  return host !== undefined && /^[a-z0-9._-]+$/.test(host) ? isWithinHost(host, base) : UNSUPPORTED;
}

function isWithinHost(host: string, base: string): boolean {
  return base.startsWith('.') ? host.length > base.length && host.endsWith(base) : host === base;
}

/** The base is an address and a mask of the same length. An address of the other version is not inside. */
function isWithinNetwork(address: Buffer, base: Buffer): Match {
  const isAddress = (octets: number) => octets === 4 || octets === 16;
  if (!isAddress(address.length) || !isAddress(base.length / 2)) {
    return UNSUPPORTED;
  }
  const length = base.length / 2;
  return (
    address.length === length &&
    address.every((octet, index) => (((base[index] ?? 0) ^ octet) & (base[length + index] ?? 0)) === 0)
  );
}
