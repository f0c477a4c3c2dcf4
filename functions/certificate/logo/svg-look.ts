import { truncate } from '../../text.ts';
import { hasTwoColours } from './svg-colours.ts';
import { atAttribute, atRoot, type SvgDocument, type SvgNode, type SvgProblem } from './svg-node.ts';
import { NUMBER, pixelsOf } from './svg-size.ts';

/** Gmail does not support logos with a smaller width or height, in pixels. */
const SMALLEST = 96;

/** Characters; draft-svg-tiny-ps-abrotman, 2.1. */
const TITLE_LIMIT = 64;

/** Sides that differ less are equal: tools write rounded numbers. */
const TOLERANCE = 0.001;

/** White space of XML. */
const SPACE = String.raw`[ \t\n\r]`;
/** Four numbers with commas or white space between them. */
const NEXT_NUMBER = `(?:${SPACE}*,${SPACE}*|${SPACE}+)([+-]?${NUMBER})`;
const VIEW_BOX = new RegExp(`^([+-]?${NUMBER})${NEXT_NUMBER.repeat(3)}$`);

/**
 * Default titles of tools and templates, in lower case. Sources: the name of the file that the BIMI Group's converter
 * writes and `Company title` are in certificates of well-known senders; the others are names of new documents, layers
 * and artboards in Illustrator, Inkscape, Sketch and Figma, of exported files, or texts of instructions.
 */
const PLACEHOLDERS: ReadonlySet<string> = new Set([
  ...['bimi', 'company', 'logo', 'svg', 'title', 'titel', 'titre', 'título', 'test', 'todo', 'tbd'],
  ...['new document', 'no title', 'placeholder', 'lorem ipsum', 'untitled document'],
  ...['unbenannt', 'sans titre', 'sin título'],
]);

/** A title of several such words is an instruction or a description: `Your company name`, `[Brand title here]`. */
const PLACEHOLDER_WORDS: ReadonlySet<string> = new Set([
  ...['add', 'default', 'enter', 'goes', 'here', 'insert', 'my', 'our', 'sample', 'text', 'your'],
  ...['bimi', 'brand', 'business', 'company', 'file', 'icon', 'image', 'logo', 'name', 'organisation', 'organization'],
  ...['ps', 'svg', 'tiny', 'title'],
]);

/** `Created with Sketch.` */
const TOOL = /^(?:created|exported|generated|made) (?:by|from|using|with) /;

/** `Layer 1`, `Artboard_2`, `Asset 1 copy`, `Untitled-1`. Some of the words alone are names of companies. */
const NUMBERED =
  /^(?:(?:artboard|drawing|layer|untitled)|(?:artboard|asset|drawing|document|frame|graphic|group|layer|page|path|shape|symbol|untitled|vector|ebene|calque|livello)[ _-]*\d+)(?:[ _-]*copy(?:[ _-]*\d+)?)?$/;

/** The name of a file, such as `bimi-svg-tiny-12-ps` or `drawing.svg`. */
const FILE_NAME = /^(?:bimi[-_]svg[-_]tiny[-_]\S*|\S+\.(?:ai|eps|pdf|png|svg))$/;

/**
 * What makes a logo look bad, or makes a receiver choose another picture. Sources: Gmail's page (square, at least 96
 * pixels), draft-svg-tiny-ps-abrotman (title, two colours).
 *
 * @param isConforming whether the logo conforms to the profile. Otherwise its colours can come from a style sheet.
 */
export function lookProblems(document: SvgDocument, isConforming: boolean): SvgProblem[] {
  const { root } = document;
  return [
    ...viewBoxProblems(document),
    ...sideProblems(document),
    ...titleProblems(root),
    ...(!isConforming || hasTwoColours(document)
      ? []
      : [atRoot(document, '<svg> is painted in fewer than two colours')]),
  ];
}

function viewBoxProblems(document: SvgDocument): SvgProblem[] {
  const { root } = document;
  const viewBox = root.attributes.get('viewBox');
  if (viewBox === undefined) {
    return [{ ...atRoot(document, '<svg> has no viewBox'), attribute: 'viewBox' }];
  }
  const at = (problem: string) => [atAttribute(document, 'viewBox', problem)];
  const [, , , width, height] = (VIEW_BOX.exec(viewBox) ?? []).map(Number);
  if (width === undefined || height === undefined || !Number.isFinite(width + height)) {
    return at(`is "${truncate(viewBox, 40)}", but must be four numbers`);
  }
  if (width <= 0 || height <= 0) {
    return at(`has no area: "${truncate(viewBox, 40)}"`);
  }
  return isSquare(width, height) ? [] : at(`is not square: ${width} × ${height}`);
}

function sideProblems(document: SvgDocument): SvgProblem[] {
  const sides = (['width', 'height'] as const).flatMap((side) => {
    const pixels = pixelsOf(document.root, side);
    return pixels === undefined ? [] : [{ side, pixels }];
  });
  const small = sides
    .filter(({ pixels }) => pixels <= SMALLEST * (1 - TOLERANCE))
    .map(({ side, pixels }) =>
      atAttribute(document, side, `is ${Number(pixels.toFixed(2))} pixels, but Gmail needs at least ${SMALLEST}`),
    );
  const [width, height] = sides;
  return width === undefined || height === undefined || isSquare(width.pixels, height.pixels)
    ? small
    : [
        atAttribute(document, 'width', `is ${width.pixels} pixels, but its height is ${height.pixels}: not square`),
        ...small,
      ];
}

function isSquare(width: number, height: number): boolean {
  return Math.abs(width - height) <= TOLERANCE * Math.max(width, height);
}

function titleProblems(root: SvgNode): SvgProblem[] {
  const element = root.children.find(({ name }) => name === 'title');
  if (!element) {
    return [];
  }
  const title = element.text.trim().replaceAll(/\s+/g, ' ');
  const { length } = [...title];
  const problems = [
    ...(length > TITLE_LIMIT ? [`has ${length} characters, but should have at most ${TITLE_LIMIT}`] : []),
    ...(isTemplate(title.toLowerCase())
      ? [`"${truncate(title, 40)}" is that of a template or a tool, not of the owner`]
      : []),
  ];
  return problems.map((problem) => ({
    line: element.line,
    element: element.name,
    attribute: null,
    text: `<title> ${problem}`,
  }));
}

/** @param title in lower case. */
function isTemplate(title: string): boolean {
  const words = title.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '');
  return (
    PLACEHOLDERS.has(words.join(' ')) ||
    (words.length > 1 && words.every((word) => PLACEHOLDER_WORDS.has(word))) ||
    [NUMBERED, FILE_NAME, TOOL].some((pattern) => pattern.test(title))
  );
}
