/** Pages as a browser reads them. */
import { type DefaultTreeAdapterTypes, parse } from 'parse5';

export type Element = DefaultTreeAdapterTypes.Element;

/** All elements of a page, in their order. An error of the parser is thrown. */
export function elementsOf(page: string): readonly Element[] {
  const document = parse(page, {
    onParseError: ({ code, startLine }) => {
      throw new Error(`${code} in line ${startLine}: ${page.split('\n')[startLine - 1]?.slice(0, 300)}`);
    },
  });
  const elements: Element[] = [];
  const visit = (node: DefaultTreeAdapterTypes.ParentNode) => {
    for (const child of node.childNodes) {
      if ('tagName' in child) {
        elements.push(child);
        visit(child);
      }
    }
  };
  visit(document);
  return elements;
}

/** The value of an attribute. */
export function attribute({ attrs }: Element, name: string): string | undefined {
  return attrs.find((each) => each.name === name)?.value;
}

/** The text in an element. */
export function textOf(element: DefaultTreeAdapterTypes.ParentNode): string {
  return element.childNodes
    .map((child) => ('value' in child ? child.value : 'childNodes' in child ? textOf(child) : ''))
    .join('');
}

/** The elements of a page with the names of their attributes, each kind once: what a template wrote. */
export function shapesOf(page: string): readonly string[] {
  const shapes = elementsOf(page).map(({ tagName, attrs }) =>
    `${tagName} ${attrs
      .map(({ name }) => name)
      .toSorted()
      .join(' ')}`.trim(),
  );
  return [...new Set(shapes)].toSorted();
}
