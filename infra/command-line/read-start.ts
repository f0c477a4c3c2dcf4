import type { Readable } from 'node:stream';

/**
 * Reads a stream until it ends or has more bytes than the limit. A stream need not end: `yes | mark-certificates …`
 *
 * @returns everything, or more bytes than the limit.
 */
export async function readStart(input: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of input) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > limit) {
      break;
    }
  }
  return Buffer.concat(chunks);
}
