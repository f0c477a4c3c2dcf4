/** An element of a logo. */
export interface SvgNode {
  /** The local name; empty for an element that is not SVG. */
  readonly name: string;
  /** The attributes that are in no namespace, without white space at the ends of their values. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: SvgNode[];
  /** The text directly in the element. */
  text: string;
}

/** A logo that was read completely. */
export interface SvgDocument {
  readonly root: SvgNode;
  /** The elements by `id` or `xml:id`; the first one, if several have the same. */
  readonly ids: ReadonlyMap<string, SvgNode>;
}
