import { type SaxesAttributeNS, SaxesParser, type SaxesTagNS } from 'saxes';
import { truncate } from '../../text.ts';
import { decodeSvg } from './svg-encoding.ts';
import { lookProblems } from './svg-look.ts';
import { describeProblem, type SvgDocument, type SvgNode, type SvgProblem } from './svg-node.ts';
import { ATTRIBUTES, CHILDREN, REQUIRED_ROOT_ATTRIBUTES, TEXT_ELEMENTS } from './svg-profile.ts';
import { referencesIn } from './svg-references.ts';
import { sizeProblems } from './svg-size.ts';
import { hasXmlText, trimXml } from './xml-space.ts';

/** What is wrong with a logo: one sentence each, or the same with its place. */
export interface SvgProblems<Problem = string> {
  /** Violations of SVG Tiny Portable/Secure (draft-svg-tiny-ps-abrotman and the schema of the BIMI Group). */
  readonly profile: readonly Problem[];
  /** A size that receivers do not accept. */
  readonly size: readonly Problem[];
  /** What makes a logo look bad. */
  readonly look: readonly Problem[];
}

const SVG_NAMESPACE = 'http://www.w3.org/2000/svg';
const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace';
const XMLNS_NAMESPACE = 'http://www.w3.org/2000/xmlns/';

/** XML 1.0, 2.8: name and identifiers of a document type, before its declarations in brackets; and how one begins. */
const BEFORE_DECLARATIONS = /^(?:[^"'[]|"[^"]*"|'[^']*')*/;
const DECLARATION = /<!(?!--)|%/;

/**
 * Real logos nest few elements. The parser searches all ancestors for a namespace, so a million levels would take
 * hours.
 */
const DEPTH_LIMIT = 100;

/** A message names five problems. */
const PROBLEMS_LIMIT = 1000;

/** Bytes of a name, a namespace or a value in a message. A detail has at most 100 bytes. */
const NAME_BYTES = 32;
const VALUE_BYTES = 40;

/**
 * Compares a logo with SVG Tiny Portable/Secure and with the rules of receivers. The parser expands only the five
 * predefined entities of XML and fetches nothing.
 */
export function svgProblems(svg: Uint8Array): SvgProblems {
  const { profile, size, look } = findSvgProblems(svg);
  return {
    profile: profile.map(describeProblem),
    size: size.map(describeProblem),
    look: look.map(describeProblem),
  };
}

/** Like {@link svgProblems}, with the place of each problem. */
export function findSvgProblems(svg: Uint8Array): SvgProblems<SvgProblem> {
  const { problems, document, isComplete } = readSvg(svg);
  return {
    profile: problems,
    size: sizeProblems(svg.length, document),
    look: document && isComplete ? lookProblems(document, problems.length === 0) : [],
  };
}

interface Reading {
  readonly problems: readonly SvgProblem[];
  /** Undefined if the root is not an `svg`. */
  readonly document: SvgDocument | undefined;
  /** Whether the logo was read to its end. */
  readonly isComplete: boolean;
}

/** A place in the text: the number of characters before it, and its line. */
interface Place {
  readonly line: number;
  readonly position: number;
}

/** An open element, and whether a reference in it is relative to another file. */
interface Frame {
  readonly node: SvgNode;
  readonly hasBase: boolean;
}

/** A reference to an element, which can also follow. */
interface PendingReference {
  readonly line: number;
  /** The attribute and its element. */
  readonly what: string;
  readonly target: string;
  readonly element: string;
  readonly attribute: string;
}

function readSvg(svg: Uint8Array): Reading {
  const problems = new Map<string, SvgProblem>();
  const add = (line: number, text: string, element: string | null = null, attribute: string | null = null) => {
    const problem = {
      line,
      element: element && abbreviate(element),
      attribute: attribute && abbreviate(attribute),
      text,
    };
    problems.set(describeProblem(problem), problem);
    if (problems.size > PROBLEMS_LIMIT) {
      throw new RangeError(`${line}:0: it has more than ${PROBLEMS_LIMIT} problems`);
    }
  };
  const parser = new SaxesParser({ xmlns: true });
  const frames: Frame[] = [];
  const ids = new Map<string, SvgNode>();
  const references: PendingReference[] = [];
  let text = '';
  let root: SvgNode | undefined;
  let rootEnds: ReadonlyMap<string, Place> = new Map();
  let startLine = 1;
  /** Where the value of each attribute of the current element ends. */
  let ends = new Map<string, Place>();
  /** The line of what ends at a place and begins with these characters. */
  const lineOf = (beginning: string, { line, position }: Place = parser) => {
    const start = text.lastIndexOf(beginning, position - 1);
    return line - newlinesIn(text.slice(start, position));
  };
  /** The line on which the value of an attribute begins: its quote, which the value cannot contain. */
  const lineOfValue = (end: Place) => lineOf(text.charAt(end.position), end);

  parser.on('xmldecl', ({ version = '1.0' }) => {
    if (version !== '1.0') {
      add(1, `the version of XML is ${truncate(version, NAME_BYTES)}, but must be 1.0`);
    }
  });
  parser.on('doctype', (doctype) => {
    const [identifiers = ''] = BEFORE_DECLARATIONS.exec(doctype) ?? [];
    const declarations = doctype.slice(identifiers.length);
    if (DECLARATION.test(declarations)) {
      add(lineOf('<!DOCTYPE'), 'the document type contains declarations, such as entities');
    } else if (declarations.startsWith('[')) {
      add(lineOf('<!DOCTYPE'), 'the document type has an empty list of declarations ([]), which must be removed');
    }
    if (!/^\s*[^\s"']+\s*$/.test(identifiers)) {
      add(lineOf('<!DOCTYPE'), 'the document type refers to an external DTD');
    }
  });
  parser.on('processinginstruction', ({ target }) => {
    if (target.toLowerCase() === 'xml-stylesheet') {
      add(lineOf('<?'), 'xml-stylesheet refers to an external style sheet');
    }
  });
  parser.on('opentagstart', () => {
    startLine = parser.line;
    ends = new Map();
  });
  parser.on('attribute', ({ name }) => {
    // The last character is the closing quote.
    ends.set(name, { line: parser.line, position: parser.position - 1 });
  });
  parser.on('opentag', (tag) => {
    const parent = frames.at(-1);
    const all = Object.values(tag.attributes);
    const attributes = all.filter(({ uri }) => uri !== XMLNS_NAMESPACE);
    const node = nodeOf(tag, attributes, startLine);
    const hasBase = hasOtherBase(attributes) ?? parent?.hasBase ?? false;
    const element = tag.name;
    for (const problem of namespaceProblems(element, all)) {
      add(startLine, problem, element);
    }
    for (const { text: problem, attribute } of parent
      ? placeProblems(tag, node, parent.node)
      : rootProblems(tag, node)) {
      add(startLine, problem, element, attribute);
    }
    const rules = ATTRIBUTES.get(node.name);
    // An element that is not allowed has one problem: itself.
    for (const attribute of rules ? attributes : []) {
      const { name } = attribute;
      const end = ends.get(name);
      let known: number | undefined;
      const line = () => {
        known ??= end ? lineOfValue(end) : startLine;
        return known;
      };
      const what = () => `${abbreviate(name)} of ${elementOf(element)}`;
      const rule = rules?.get(keyOf(attribute));
      if (!rule) {
        add(line(), `${elementOf(element)} must not have the attribute ${abbreviate(name)}`, element, name);
        continue;
      }
      if (!rule.accepts(attribute.value)) {
        add(
          line(),
          `${what()} is "${truncate(attribute.value, VALUE_BYTES)}", but must be ${rule.expected}`,
          element,
          name,
        );
      }
      for (const reference of referencesIn(attribute.name, attribute.value)) {
        if ('problem' in reference) {
          add(line(), `${what()} ${reference.problem}`, element, name);
        } else if (hasBase) {
          add(line(), `${what()} refers to another file, because of xml:base`, element, name);
        } else {
          references.push({ line: line(), what: what(), target: reference.target, element, attribute: name });
        }
      }
    }
    const [id, ...otherIds] = attributes.filter((attribute) => ['id', 'xml:id'].includes(keyOf(attribute)));
    if (rules && otherIds.length > 0) {
      add(startLine, `${elementOf(element)} must not have both id and xml:id`, element, 'id');
    }
    if (id && !ids.has(trimXml(id.value))) {
      ids.set(trimXml(id.value), node);
    }
    if (!root) {
      root = node;
      rootEnds = ends;
    }
    parent?.node.children.push(node);
    if (frames.push({ node, hasBase }) > DEPTH_LIMIT) {
      throw new RangeError(`${startLine}:0: it nests elements more than ${DEPTH_LIMIT} levels deep`);
    }
  });
  parser.on('closetag', ({ name }) => {
    const node = frames.pop()?.node;
    if (node && ['title', 'desc'].includes(node.name) && node.text.trim() === '') {
      add(node.line, `${elementOf(name)} is empty`, name);
    }
    if (node?.name === 'svg' && frames.length === 0 && !node.children.some((child) => child.name === 'title')) {
      add(node.line, `${elementOf(name)} has no <title>`, name);
    }
  });
  const addText = (content: string) => {
    const node = frames.at(-1)?.node;
    if (node && TEXT_ELEMENTS.has(node.name)) {
      node.text += content;
    } else if (node && CHILDREN.has(node.name) && node.text === '' && hasXmlText(content)) {
      node.text = content;
      add(parser.line - newlinesIn(content.trimStart()), `${elementOf(node.name)} must not contain text`, node.name);
    }
  };
  parser.on('text', addText);
  parser.on('cdata', addText);

  let isComplete = false;
  try {
    text = decodeSvg(svg);
    parser.write(text).close();
    isComplete = true;
    for (const { line, what, target, element, attribute } of references.filter(
      (reference) => !isWithin(reference.target, ids),
    )) {
      add(
        line,
        `${what} refers to "${truncate(target, VALUE_BYTES)}", which is no element of the logo`,
        element,
        attribute,
      );
    }
  } catch (error) {
    const fault = describeFault(error);
    problems.set(describeProblem(fault), fault);
  }
  const rootLineOf = (attribute: string) => {
    const end = rootEnds.get(attribute);
    return end && lineOfValue(end);
  };
  return {
    problems: [...problems.values()],
    document: root?.name === 'svg' ? { root, rootLineOf, ids } : undefined,
    isComplete,
  };
}

/** The element as the profile sees it. */
function nodeOf({ local, uri }: SaxesTagNS, attributes: readonly SaxesAttributeNS[], line: number): SvgNode {
  return {
    name: uri === SVG_NAMESPACE ? local : '',
    line,
    attributes: new Map(attributes.filter((each) => each.uri === '').map(({ name, value }) => [name, trimXml(value)])),
    children: [],
    text: '',
  };
}

/** A problem of an element: the attribute, if it is about one. */
interface ElementProblem {
  readonly text: string;
  readonly attribute?: string;
}

function rootProblems({ name, attributes }: SaxesTagNS, node: SvgNode): ElementProblem[] {
  if (node.name !== 'svg') {
    return [{ text: `the root element is ${elementOf(name)}, but must be <svg> of the namespace ${SVG_NAMESPACE}` }];
  }
  return REQUIRED_ROOT_ATTRIBUTES.filter((attribute) => !attributes[attribute]).map((attribute) => ({
    text: `<svg> must have the attribute ${attribute}`,
    attribute,
  }));
}

/** The parser trims the names of namespaces, but they are equal only if every character is (Namespaces in XML, 2.3). */
function namespaceProblems(name: string, attributes: readonly SaxesAttributeNS[]): string[] {
  return attributes
    .filter(({ uri, value }) => uri === XMLNS_NAMESPACE && value.trim() !== value)
    .map((each) => `${abbreviate(each.name)} of ${elementOf(name)} begins or ends with white space`);
}

/** Problems of the place of an element in its parent. */
function placeProblems({ name, uri }: SaxesTagNS, node: SvgNode, parent: SvgNode): ElementProblem[] {
  if (node.name === '') {
    const namespace = uri === '' ? 'in no namespace' : `in the namespace ${truncate(uri, VALUE_BYTES)}`;
    return [{ text: `${elementOf(name)} is not allowed: it is ${namespace}` }];
  }
  if (!CHILDREN.has(node.name)) {
    return [{ text: `${elementOf(name)} is not allowed` }];
  }
  const allowed = CHILDREN.get(parent.name);
  // A parent that is not allowed has a problem itself.
  if (allowed && !allowed.has(node.name)) {
    return [{ text: `${elementOf(parent.name)} must not contain ${elementOf(name)}` }];
  }
  if (allowed && node.name === 'title' && parent.children.length > 0) {
    const isSecond = parent.children.some((sibling) => sibling.name === 'title');
    const text = isSecond
      ? `<svg> must not contain a second ${elementOf(name)}`
      : `${elementOf(name)} must be the first element in <svg>`;
    return [{ text }];
  }
  return [];
}

/** Whether references are relative to another file, if the element says so (XML Base). */
function hasOtherBase(attributes: readonly SaxesAttributeNS[]): true | undefined {
  const base = trimXml(attributes.find((attribute) => keyOf(attribute) === 'xml:base')?.value ?? '');
  return base === '' || base.startsWith('#') ? undefined : true;
}

/** The name of an attribute in the tables of the profile. */
function keyOf({ name, local, uri }: SaxesAttributeNS): string {
  if (uri === '') {
    return name;
  }
  return uri === XML_NAMESPACE ? `xml:${local}` : `{${uri}}${local}`;
}

/** Whether a reference is `#name` with a name that exists. */
function isWithin(target: string, ids: ReadonlyMap<string, SvgNode>): boolean {
  return target.startsWith('#') && ids.has(target.slice(1));
}

/** The parser's errors begin with the line and the column. */
function describeFault(error: unknown): SvgProblem {
  const message = error instanceof Error ? error.message : String(error);
  const [, line, reason] = /^(\d+):\d+: (.*)$/s.exec(message) ?? [];
  return {
    line: Number(line ?? 1),
    element: null,
    attribute: null,
    text: line === undefined ? message : `it cannot be read further: ${reason}`,
  };
}

function elementOf(name: string): string {
  return `<${abbreviate(name)}>`;
}

function abbreviate(name: string): string {
  return truncate(name, NAME_BYTES);
}

function newlinesIn(text: string): number {
  return text.match(/\r\n?|\n/g)?.length ?? 0;
}
