import { type SaxesAttributeNS, SaxesParser, type SaxesTagNS } from 'saxes';

/** The limit of the BIMI group's SVG guidance, in bytes. */
const SIZE_LIMIT = 32_768;

/** Real logos nest a handful. The parser looks for a namespace in every element above, so a million would take hours. */
const DEPTH_LIMIT = 100;

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

/** What url(...) in a property and @import in a style sheet name. Matches without an end, so that no text makes it slow. */
const STYLE_REFERENCE = /(?:url\(|@import)\s*(?:url\()?\s*['"]?\s*([^'")\s;]*)/gi;

/**
 * What keeps a logo from being SVG Tiny Portable/Secure (draft-svg-tiny-ps-abrotman), as sentences; none where it is.
 * The parser expands no entities but XML's own five and fetches nothing.
 */
export function svgProblems(svg: Uint8Array): string[] {
  const problems = new Set<string>();
  const add = (found: readonly string[]) => {
    for (const problem of found) {
      problems.add(problem);
    }
  };
  if (svg.length > SIZE_LIMIT) {
    problems.add(`it has ${svg.length} bytes, and at most ${SIZE_LIMIT} are accepted`);
  }
  const parser = new SaxesParser({ xmlns: true });
  const path: string[] = [];
  let titled = false;
  parser.on('doctype', (doctype) => {
    if (doctype.includes('[')) {
      problems.add('it declares entities of its own');
      // The W3C's own, which old tools wrote, are PUBLIC.
    } else if (/\bSYSTEM\b/.test(doctype) && !/\bPUBLIC\b/.test(doctype)) {
      problems.add('it refers to a DTD outside');
    }
  });
  parser.on('processinginstruction', ({ target }) => {
    if (target === 'xml-stylesheet') {
      problems.add('it refers to a style sheet outside');
    }
  });
  parser.on('opentag', (tag) => {
    if (path.length === 0) {
      add(rootProblems(tag));
    }
    add(elementProblems(tag));
    if (path.push(tag.local) > DEPTH_LIMIT) {
      throw new RangeError(`it nests more than ${DEPTH_LIMIT} elements`);
    }
  });
  parser.on('closetag', () => path.pop());
  const text = (content: string) => {
    titled ||= path.length === 2 && path[1] === 'title' && content.trim() !== '';
    if (path.at(-1) === 'style') {
      add(styleProblems(content));
    }
  };
  parser.on('text', text);
  parser.on('cdata', text);
  try {
    parser.write(new TextDecoder('utf-8', { fatal: true }).decode(svg)).close();
  } catch (error) {
    problems.add(`it cannot be read to its end: ${error instanceof Error ? error.message : 'unreadable'}`);
    return [...problems];
  }
  if (!titled) {
    problems.add('it has no title');
  }
  return [...problems];
}

function rootProblems({ local, uri, attributes }: SaxesTagNS): string[] {
  const problems: string[] = [];
  if (local !== 'svg' || uri !== SVG_NAMESPACE) {
    problems.push('its root is not svg');
  }
  if (attributes.version?.value !== '1.2' || attributes.baseProfile?.value !== 'tiny-ps') {
    problems.push('it is not of version 1.2 and baseProfile tiny-ps');
  }
  if (attributes.x || attributes.y) {
    problems.push('its root has x or y');
  }
  return problems;
}

function elementProblems({ local, attributes }: SaxesTagNS): string[] {
  const problems = Object.values(attributes).flatMap(attributeProblems);
  if (SCRIPTS.has(local)) {
    problems.push(`it has a script (${local})`);
  }
  if (ANIMATIONS.has(local)) {
    problems.push(`it has an animation (${local})`);
  }
  return problems;
}

function attributeProblems({ local, prefix, value }: SaxesAttributeNS): string[] {
  if (prefix === 'xmlns' || local === 'xmlns') {
    return [];
  }
  if (/^on[a-z]/i.test(local)) {
    return [`it has a script (${local})`];
  }
  if (prefix === 'xml' && local === 'base') {
    return referenceProblems(value);
  }
  return local === 'href' || local === 'src' ? referenceProblems(value) : styleProblems(value);
}

function styleProblems(style: string): string[] {
  // Most attributes are numbers and paths. No reference is written without one of these.
  if (!/[(@]/.test(style)) {
    return [];
  }
  // A CSS escape can spell url( so that it is not seen here; no logo needs one.
  const isVeiled = /\\[0-9a-f]/i.test(style) && style.includes('(');
  const references = [...style.matchAll(STYLE_REFERENCE)].flatMap(([, reference = '']) => referenceProblems(reference));
  return isVeiled ? ['it has an escape before a parenthesis in a style', ...references] : references;
}

/** A fragment stays inside; data stands inside. */
function referenceProblems(reference: string): string[] {
  const inside = /^\s*(#|data:|$)/i.test(reference);
  return inside ? [] : [`it refers to something outside (${reference.trim().slice(0, 60)})`];
}
