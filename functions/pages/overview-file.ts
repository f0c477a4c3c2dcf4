import { createHash } from 'node:crypto';
import { dayName } from '../days.ts';

/** One object of the overview. */
export interface OverviewFile {
  /** The name in the folder. */
  readonly name: string;
  readonly type: string;
  /**
   * A digest of the content and of the day, without the time of writing: what differs only in this time is not written
   * again on the same day.
   */
  readonly digest: string;
  /** Makes the content. */
  readonly bytes: () => Uint8Array;
}

/**
 * A file whose text is made in pieces: `orders.json` has some 35 MB for 50,000 orders, and the whole text would be in
 * memory several times. The pieces are made twice: for the digest and the size, and for the bytes.
 *
 * @param pieces makes them. The first one is not a part of the digest if it contains the time of writing.
 */
export function fileOfPieces(
  { name, type }: Pick<OverviewFile, 'name' | 'type'>,
  writtenAt: Date,
  pieces: () => Iterable<string>,
  { withFirst }: { readonly withFirst: boolean },
): OverviewFile {
  const hash = beginDigest(writtenAt);
  let size = 0;
  let isDigested = withFirst;
  for (const piece of pieces()) {
    size += Buffer.byteLength(piece);
    if (isDigested) {
      hash.update(piece);
    }
    isDigested = true;
  }
  const bytes = () => {
    const all = Buffer.allocUnsafe(size);
    let end = 0;
    for (const piece of pieces()) {
      end += all.write(piece, end);
    }
    return all;
  };
  return { name, type, digest: hash.digest('hex'), bytes };
}

/** The beginning of the digest of a file. */
export function beginDigest(writtenAt: Date) {
  return createHash('sha256').update(dayName(writtenAt));
}
