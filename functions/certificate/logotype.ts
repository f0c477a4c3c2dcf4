import { hash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { childrenOf, constructed, contentsOf, readDer, readObjectIdentifier, TAG } from './der.ts';
import { attempt, type Fields } from './fields.ts';

/** The logo of a certificate, inflated, and what its hashes say of it. */
export interface Logo {
  readonly mediaType: 'image/svg+xml';
  readonly svg: Uint8Array;
  /** SHA-256 of the SVG as it stands, lower-case hex. */
  readonly sha256: string;
  /** For each hash of a known algorithm, whether the SVG has it. */
  readonly hashes: readonly { readonly algorithm: string; readonly matches: boolean }[];
}

/** RFC 9399, 4.1. */
const LOGOTYPE = '1.3.6.1.5.5.7.1.12';

/** RFC 6170, 3.3 and the Mark Certificate Requirements: the image stands in the certificate, gzip and base64. */
const DATA_URI = /^data:image\/svg\+xml;base64,([A-Za-z0-9+/=\s]+)$/;

/** Eight times what a mark certificate's SVG may have: enough to say of a logo that it is too large. */
const SVG_LIMIT = 256 * 1024;

const HASHES: ReadonlyMap<string, string> = new Map([
  ['1.3.14.3.2.26', 'sha1'],
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);

/** The subject logo, or a sentence that says what it lacks. */
export function readLogo(fields: Fields): Logo | string {
  const der = fields.extension(LOGOTYPE);
  if (!der) {
    return 'the certificate has no logotype';
  }
  const images = attempt(() => readSubjectImages(der)) ?? [];
  const [image, ...others] = images;
  if (!image || others.length > 0) {
    return `the logotype has ${images.length} subject images, and exactly one is expected`;
  }
  const [uri = '', ...otherUris] = image.uris;
  const [, base64] = DATA_URI.exec(uri) ?? [];
  if (base64 === undefined || otherUris.length > 0) {
    return 'the logotype is not one data:image/svg+xml;base64 image';
  }
  const svg = attempt(() => gunzipSync(Buffer.from(base64, 'base64'), { maxOutputLength: SVG_LIMIT }));
  if (!svg) {
    return `the logo is not gzip of at most ${SVG_LIMIT} bytes`;
  }
  return {
    mediaType: 'image/svg+xml',
    svg,
    sha256: hash('sha256', svg),
    hashes: image.hashes.flatMap(({ oid, value }) => {
      const algorithm = HASHES.get(oid);
      return algorithm
        ? [{ algorithm, matches: hash(algorithm, svg) === value || hash(algorithm, withLf(svg)) === value }]
        : [];
    }),
  };
}

/** One image of a logotype: where it is, and by the object identifiers of algorithms, what it hashes to, in lower-case hex. */
interface Image {
  readonly uris: readonly string[];
  readonly hashes: readonly { readonly oid: string; readonly value: string }[];
}

/** The images of LogotypeExtn (RFC 9399, 4.1): subjectLogo is [2], and [0] there is a LogotypeData, which begins with them. */
function readSubjectImages(der: Uint8Array): Image[] {
  const subjectLogo = childrenOf(readDer(der)).find(({ tag }) => tag === constructed(2));
  const [direct] = childrenOf(subjectLogo, constructed(2));
  const [images] = childrenOf(direct, constructed(0));
  return childrenOf(images).map((image) => {
    const [details] = childrenOf(image);
    const [, hashes, uris] = childrenOf(details);
    return {
      uris: childrenOf(uris).map((uri) => contentsOf(uri, TAG.ia5String).toString('latin1')),
      hashes: childrenOf(hashes).map((each) => {
        const [algorithm, value] = childrenOf(each);
        const [oid] = childrenOf(algorithm);
        return { oid: readObjectIdentifier(oid), value: contentsOf(value, TAG.octetString).toString('hex') };
      }),
    };
  });
}

/** CAs hash the SVG as it stands, or with its line ends made LF. */
function withLf(svg: Buffer): Buffer {
  return Buffer.from(svg.toString('latin1').replaceAll(/\r\n?/g, '\n'), 'latin1');
}
