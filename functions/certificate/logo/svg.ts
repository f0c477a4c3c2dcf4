import { type SaxesAttributeNS, SaxesParser, type SaxesTagNS } from 'saxes';
import { truncate } from '../../text.ts';

/** The limit of the BIMI Group's SVG guidance, in bytes. */
const SIZE_LIMIT = 32_768;

/**
 * Real logos nest few elements. The parser searches all ancestors for a namespace, so a million levels would take
 * hours.
 */
const DEPTH_LIMIT = 100;

/** Bytes of a reference in a message. A detail has at most 100 bytes, and the reference is only a part of it. */
const REFERENCE_BYTES = 62;

const SVG_NAMESPACE = 'http://www.w3.org/2000/svg';
const SCRIPTS = new Set(['script', 'handler', 'listener']);
const ANIMATIONS = new Set([
  'animate',
  'animateColor',
  'animateMotion',
  'animateTransform',
  'animation',
  'discard',
  'set',
]);

/**
 * The target of `url(...)` in a property and of `@import` in a style sheet. The expression needs no closing character,
 * so it is fast for every text.
 */
const STYLE_REFERENCE = /(?:url\(|@import)\s*(?:url\()?\s*['"]?\s*([^'")\s;]*)/gi;

/**
 * Lists the violations of SVG Tiny Portable/Secure (draft-svg-tiny-ps-abrotman) in a logo, one sentence each. The
 * parser expands only the five predefined entities of XML and fetches nothing.
 */
export function svgProblems(svg: Uint8Array): string[] {
  const problems = new Set<string>();
  const add = (found: readonly string[]) => {
    for (const problem of found) {
      problems.add(problem);
    }
  };
  if (svg.length > SIZE_LIMIT) {
    problems.add(`it has ${svg.length} bytes, but at most ${SIZE_LIMIT} are allowed`);
  }
  const parser = new SaxesParser({ xmlns: true });
  const path: string[] = [];
  let hasTitle = false;
  parser.on('doctype', (doctype) => {
    if (doctype.includes('[')) {
      problems.add('it declares entities');
      // PUBLIC is allowed, because old tools write a reference to the DTD of the W3C.
    } else if (/\bSYSTEM\b/.test(doctype) && !/\bPUBLIC\b/.test(doctype)) {
      problems.add('it refers to an external DTD');
    }
  });
  parser.on('processinginstruction', ({ target }) => {
    if (target === 'xml-stylesheet') {
      problems.add('it refers to an external style sheet');
    }
  });
  parser.on('opentag', (tag) => {
    if (path.length === 0) {
      add(rootProblems(tag));
    }
    add(elementProblems(tag));
    if (path.push(tag.local) > DEPTH_LIMIT) {
      throw new RangeError(`it nests elements more than ${DEPTH_LIMIT} levels deep`);
    }
  });
  parser.on('closetag', () => path.pop());
  const text = (content: string) => {
    hasTitle ||= path.length === 2 && path[1] === 'title' && content.trim() !== '';
    if (path.at(-1) === 'style') {
      add(styleProblems(content));
    }
  };
  parser.on('text', text);
  parser.on('cdata', text);
  try {
    parser.write(new TextDecoder('utf-8', { fatal: true }).decode(svg)).close();
  } catch (error) {
    problems.add(`it cannot be read completely: ${error instanceof Error ? error.message : 'unreadable'}`);
    return [...problems];
  }
  if (!hasTitle) {
    problems.add('it has no title');
  }
  return [...problems];
}

function rootProblems({ local, uri, attributes }: SaxesTagNS): string[] {
  const problems: string[] = [];
  if (local !== 'svg' || uri !== SVG_NAMESPACE) {
    problems.push('its root element is not svg');
  }
  if (attributes.version?.value !== '1.2' || attributes.baseProfile?.value !== 'tiny-ps') {
    problems.push('its version is not 1.2, or its baseProfile is not tiny-ps');
  }
  if (attributes.x || attributes.y) {
    problems.push('its root element has an attribute x or y');
  }
  return problems;
}

function elementProblems({ local, attributes }: SaxesTagNS): string[] {
  const problems = Object.values(attributes).flatMap(attributeProblems);
  if (SCRIPTS.has(local)) {
    problems.push(`it contains a script (${local})`);
  }
  if (ANIMATIONS.has(local)) {
    problems.push(`it contains an animation (${local})`);
  }
  return problems;
}

function attributeProblems({ local, prefix, value }: SaxesAttributeNS): string[] {
  if (prefix === 'xmlns' || local === 'xmlns') {
    return [];
  }
  if (/^on[a-z]/i.test(local)) {
    return [`it contains a script (${local})`];
  }
  if (prefix === 'xml' && local === 'base') {
    return referenceProblems(value);
  }
  return local === 'href' || local === 'src' ? referenceProblems(value) : styleProblems(value);
}

function styleProblems(style: string): string[] {
  // Most attributes are numbers and paths. Every reference contains one of these characters.
  if (!/[(@]/.test(style)) {
    return [];
  }
  // A CSS escape can hide `url(` from the expression; no logo needs one.
  const hasCssEscape = /\\[0-9a-f]/i.test(style) && style.includes('(');
  const references = [...style.matchAll(STYLE_REFERENCE)].flatMap(([, reference = '']) => referenceProblems(reference));
  return hasCssEscape ? ['it contains a CSS escape and a parenthesis in a style', ...references] : references;
}

/** A fragment and a data URI refer to nothing outside the file. */
function referenceProblems(reference: string): string[] {
  const isInternal = /^\s*(#|data:|$)/i.test(reference);
  return isInternal ? [] : [`it refers to an external resource (${truncate(reference.trim(), REFERENCE_BYTES)})`];
}
