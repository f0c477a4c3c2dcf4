/** An element of a logo. */
export interface SvgNode {
  /** The local name; empty for an element that is not SVG. */
  readonly name: string;
  /** The line on which it begins. */
  readonly line: number;
  /** The attributes that are in no namespace, without white space at the ends of their values. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: SvgNode[];
  /** The text directly in the element. */
  text: string;
}

/** A logo that was read completely. */
export interface SvgDocument {
  readonly root: SvgNode;
  /** The line on which the value of an attribute of the root begins. */
  readonly rootLineOf: (attribute: string) => number | undefined;
  /** The elements by `id` or `xml:id`; the first one, if several have the same. */
  readonly ids: ReadonlyMap<string, SvgNode>;
}

/** Something wrong with a logo, and where. */
export interface SvgProblem {
  /** The line on which it begins; null for a problem of the whole file. */
  readonly line: number | null;
  /** The name of the element; null if the problem is not one of an element. */
  readonly element: string | null;
  readonly attribute: string | null;
  /** A sentence without the line. */
  readonly text: string;
}

/** A problem with its line as a text. */
export function describeProblem({ line, text }: SvgProblem): string {
  return line === null ? text : `line ${line}: ${text}`;
}

/** A problem of the root. */
export function atRoot({ root }: SvgDocument, text: string): SvgProblem {
  return { line: root.line, element: root.name, attribute: null, text };
}

/** A problem of an attribute of the root. */
export function atAttribute({ root, rootLineOf }: SvgDocument, attribute: string, problem: string): SvgProblem {
  const line = rootLineOf(attribute) ?? root.line;
  return { line, element: root.name, attribute, text: `${attribute} of <svg> ${problem}` };
}
