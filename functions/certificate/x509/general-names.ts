import { isUtf8 } from 'node:buffer';
import { childrenOf, constructed, contentsOf, type Element, primitive } from './der.ts';
import { type Name, readName } from './names.ts';

/** The choices of GeneralName (RFC 5280, 4.2.1.6). */
export const NAME_FORM = {
  otherName: 0,
  rfc822Name: 1,
  dNSName: 2,
  x400Address: 3,
  directoryName: 4,
  ediPartyName: 5,
  uniformResourceIdentifier: 6,
  iPAddress: 7,
  registeredID: 8,
} as const;

const FORM_NAMES = Object.keys(NAME_FORM);
const TAG_NUMBER = 0x1f;

/** The form of a GeneralName by its name, for example `iPAddress`; undefined if it is not known. */
export function formOf({ tag }: Element): string | undefined {
  return FORM_NAMES[tag & TAG_NUMBER];
}

const CONSTRUCTED_FORMS: ReadonlySet<number> = new Set([
  NAME_FORM.otherName,
  NAME_FORM.x400Address,
  NAME_FORM.directoryName,
  NAME_FORM.ediPartyName,
]);

/** A name of one of the forms. */
export interface GeneralName {
  /** One of {@link NAME_FORM}. */
  readonly form: number;
  /** For text forms the text, one octet each; for an iPAddress its octets. */
  readonly contents: Buffer;
  /** The name, if the form is directoryName. */
  readonly directoryName?: Name | undefined;
}

/** One subtree of name constraints. */
export interface Subtree {
  readonly base: GeneralName;
  /** Whether it has a minimum or a maximum, which RFC 5280 (4.2.1.10) does not allow. */
  readonly hasDistance: boolean;
}

/** RFC 5280, 4.2.1.10. */
export interface NameConstraints {
  readonly permitted: readonly Subtree[];
  readonly excluded: readonly Subtree[];
}

/** Reads GeneralNames: the alternative names of a subject, or the issuer in an authority key identifier. */
export function readGeneralNames(names: Element, tag?: number): readonly GeneralName[] {
  return childrenOf(names, tag).map(readGeneralName);
}

/** RFC 5280, 4.2.1.6: an IA5String, so ASCII. */
const ASCII = /^[\0-\x7f]*$/;

/**
 * The text of a dNSName. Other bytes than ASCII are not allowed in it: they are read as UTF-8 if they are that, as in a
 * U-label; otherwise each is written like `\\xFC`.
 */
export function textOfDnsName({ contents }: GeneralName): string {
  const latin1 = contents.toString('latin1');
  if (ASCII.test(latin1)) {
    return latin1;
  }
  return isUtf8(contents)
    ? contents.toString()
    : latin1.replaceAll(/[^\0-\x7f]/g, (octet) => `\\x${octet.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Reads the extension nameConstraints. */
export function readNameConstraints(constraints: Element): NameConstraints {
  const fields = childrenOf(constraints);
  const subtrees = (number: number) => {
    const field = fields.find(({ tag }) => tag === constructed(number));
    return field ? childrenOf(field, constructed(number)).map(readSubtree) : [];
  };
  return { permitted: subtrees(0), excluded: subtrees(1) };
}

function readSubtree(subtree: Element): Subtree {
  const [base, ...distances] = childrenOf(subtree);
  if (!base) {
    throw new SyntaxError('a subtree has no base');
  }
  return { base: readGeneralName(base), hasDistance: distances.length > 0 };
}

function readGeneralName(name: Element): GeneralName {
  const form = name.tag & 0x0f;
  const expected = CONSTRUCTED_FORMS.has(form) ? constructed(form) : primitive(form);
  if (form > NAME_FORM.registeredID || name.tag !== expected) {
    throw new SyntaxError(`a general name has the unknown identifier ${name.tag}`);
  }
  const contents = contentsOf(name, name.tag);
  if (form !== NAME_FORM.directoryName) {
    return { form, contents };
  }
  // Name is a CHOICE, so its tag is explicit.
  const [directoryName] = childrenOf(name, constructed(form));
  if (!directoryName) {
    throw new SyntaxError('a directory name is missing');
  }
  return { form, contents, directoryName: readName(directoryName) };
}
