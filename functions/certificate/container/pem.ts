/**
 * The beginning of a block and its text, read tolerantly: the CA's documentation prints inner spaces and, once, four
 * dashes. The dashes around a boundary may also be those of the next one.
 */
const BLOCK = /-{4,5} *BEGIN ([^\r\n-]{1,60}?(?:-[^\r\n-]{1,60}?){0,3}) *-{4,5}([^-]*)/g;

const END = /-{4,5} *END\b/y;

/** The boundary at the end of a block, for counting what is outside of blocks. */
const END_BOUNDARY = /-{4,5} *END [^\r\n-]{0,60}(?:-[^\r\n-]{1,60}){0,3}-{0,5}/g;

/** What HTML and JSON write between the lines of a block. */
const MARKUP = /<[^<>]{0,300}>|&(?:nbsp|#\d{1,5});|\\[rnt]/g;

/** A text of at least 40 characters of base64 was meant to be a block, although it has no end. */
const BASE64_CHARACTERS = 40;
const NOT_BASE64 = /[^A-Za-z0-9+/=]/g;

/** The status line of CollectMC. */
const STATUS_LINE = /^\s*2(?=\s)/;

/** White space, and the dashes that boundaries share. */
const FRAME = /[\s-]/g;

export interface PemBlock {
  readonly label: string;
  /** What the text of the block decodes to, however its label and its end are written. */
  readonly der: Buffer;
  /** What is wrong with the block if these bytes cannot be read. */
  readonly problem: string;
}

export interface PemText {
  readonly blocks: readonly PemBlock[];
  /** How many characters other than white space are outside of blocks. */
  readonly around: number;
}

/**
 * Reads the blocks of a text. A boundary that a text only quotes is no block: nothing like base64 follows it, and no
 * end.
 */
export function readPem(text: string): PemText {
  const blocks: PemBlock[] = [];
  let around = 0;
  let at = 0;
  for (const { index, 0: whole, 1: label = '', 2: body = '' } of text.matchAll(BLOCK)) {
    const next = index + whole.length;
    END.lastIndex = next;
    const hasEnd = END.test(text);
    if (hasEnd || (body.length >= BASE64_CHARACTERS && body.replaceAll(NOT_BASE64, '').length >= body.length / 2)) {
      around += lengthOutside(text.slice(at, index));
      blocks.push({
        label,
        der: Buffer.from(body.replaceAll(MARKUP, ' '), 'base64'),
        problem: hasEnd ? 'cannot be read' : 'begins but does not end',
      });
      at = next;
    }
  }
  return { blocks, around: around + lengthOutside(text.slice(at)) };
}

function lengthOutside(text: string): number {
  return text.replace(STATUS_LINE, '').replaceAll(END_BOUNDARY, '').replaceAll(FRAME, '').length;
}
