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
  /** The lines on which the attributes of the root begin. */
  readonly rootLines: ReadonlyMap<string, number>;
  /** The elements by `id` or `xml:id`; the first one, if several have the same. */
  readonly ids: ReadonlyMap<string, SvgNode>;
}

/** A problem of an attribute of the root, after the line on which the attribute begins. */
export function atAttribute({ root, rootLines }: SvgDocument, attribute: string, problem: string): string {
  return `line ${rootLines.get(attribute) ?? root.line}: ${attribute} of <svg> ${problem}`;
}
