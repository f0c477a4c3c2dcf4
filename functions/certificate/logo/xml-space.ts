/** XML 1.0, production S. JavaScript knows more white space, such as the no-break space, which is text in XML. */
const SPACE: ReadonlySet<string | undefined> = new Set([' ', '\t', '\n', '\r']);

/** A text without the white space of XML at its ends. A regular expression would take quadratic time for some texts. */
export function trimXml(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && SPACE.has(text[start])) {
    start += 1;
  }
  while (start < end && SPACE.has(text[end - 1])) {
    end -= 1;
  }
  return text.slice(start, end);
}

/** Whether a text contains anything but the white space of XML. */
export function hasXmlText(text: string): boolean {
  return /[^ \t\n\r]/.test(text);
}
