import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { isDomain } from '../order.ts';
import type { Receiver } from '../store/fetches.ts';
import { receiverOf } from './receiver-table.ts';

/** The maximum number of lines that are read of one file. */
export const LINES_LIMIT = 250_000;

/** The maximum length of a line in characters. CloudFront accepts requests with 32,768 bytes of headers and URL. */
const LINE_LIMIT = 131_072;

/** The fields that are read, by their names in the header `#Fields`. */
const FIELDS = ['date', 'time', 'c-ip', 'cs-method', 'cs-uri-stem', 'sc-status', 'cs(User-Agent)'] as const;

type Field = (typeof FIELDS)[number];

/** A client got a published object. */
export interface Fetch {
  readonly domain: string;
  readonly selector: string;
  readonly part: 'chain' | 'logo';
  readonly receiver: Receiver;
  /** In milliseconds since 1970. */
  readonly at: number;
}

/**
 * Reads a file of CloudFront's standard logging as a stream: gzip, a request a line, fields separated by tabs in the order
 * of the header `#Fields` (AWS: CloudFront, Standard logging reference). Returns the successful requests for chains and
 * logos. A line that is cut, or about anything else, is skipped. Of a file that is cut or damaged, the lines before the
 * damage are read.
 *
 * @throws the error of the file's stream.
 */
export async function* readAccessLog(file: Readable): AsyncGenerator<Fetch> {
  let columns: ReadonlyMap<Field, number> | undefined;
  let count = 0;
  for await (const line of linesOf(file)) {
    if (++count > LINES_LIMIT) {
      return;
    }
    if (line.startsWith('#')) {
      columns = columnsOf(line) ?? columns;
    } else if (columns) {
      const fetch = fetchOf(line.split('\t'), columns);
      if (fetch) {
        yield fetch;
      }
    }
  }
}

/** The lines that end with a line feed. A line without one at the end of a file is cut. */
async function* linesOf(file: Readable): AsyncGenerator<string> {
  const text = createGunzip().setEncoding('utf8');
  file.once('error', (error) => text.destroy(error));
  file.pipe(text);
  let rest = '';
  try {
    for await (const chunk of text) {
      const lines = `${rest}${chunk}`.split(/\r?\n/);
      rest = lines.pop() ?? '';
      yield* lines.filter(({ length }) => length <= LINE_LIMIT);
      // The rest of a line that is too long stays too long.
      rest = rest.slice(0, LINE_LIMIT + 1);
    }
  } catch (error) {
    // Errors of zlib are about the content: reading the file again would not help.
    if (!(error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'))) {
      throw error;
    }
  } finally {
    text.destroy();
    file.destroy();
  }
}

/** The column of each field that is read; undefined if this is another header, or if a field is missing. */
function columnsOf(header: string): ReadonlyMap<Field, number> | undefined {
  const names = /^#Fields:(.*)$/.exec(header)?.[1]?.trim().split(/\s+/);
  const columns = new Map(FIELDS.map((field) => [field, names?.indexOf(field) ?? -1]));
  return [...columns.values()].includes(-1) ? undefined : columns;
}

function fetchOf(values: readonly string[], columns: ReadonlyMap<Field, number>): Fetch | undefined {
  const value = (field: Field) => values[columns.get(field) ?? -1] ?? '';
  const [, domain = '', selector = '', extension] = /^\/([^/]+)\/([^/]+)\.(pem|svg)$/.exec(value('cs-uri-stem')) ?? [];
  const at = Date.parse(`${value('date')}T${value('time')}Z`);
  // 304: the client has the present bytes already.
  const succeeded = value('cs-method') === 'GET' && /^(200|304)$/.test(value('sc-status'));
  if (!succeeded || !isDomain(domain) || Number.isNaN(at)) {
    return undefined;
  }
  const receiver = receiverOf(decodeField(value('cs(User-Agent)')), value('c-ip'));
  return { domain, selector, part: extension === 'pem' ? 'chain' : 'logo', receiver, at };
}

/** Decodes a value that CloudFront percent-encoded, in some files twice: "%2520" is a space. */
function decodeField(value: string): string {
  try {
    return decodeURIComponent(value.replaceAll('%25', '%'));
  } catch {
    return value;
  }
}
