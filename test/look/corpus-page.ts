/** A page with its name, which is also the name of its pictures. */
export interface CorpusPage {
  readonly name: string;
  readonly html: string;
  /** Whether it is shown in every view. The others differ from such a page only in their texts and logos. */
  readonly isTypical?: boolean;
}

/** The name of a page of a kind. */
export const nameOfPage = (kind: string, name: string) =>
  `${kind}-${name.replaceAll(/[^a-z0-9]+/gi, '-').toLowerCase()}`;
