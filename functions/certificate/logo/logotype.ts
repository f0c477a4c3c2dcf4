import { hash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { childrenOf, constructed, contentsOf, readDer, readObjectIdentifier, TAG } from '../x509/der.ts';
import { attempt, type CertificateFields } from '../x509/fields.ts';

/** The logo of a certificate, inflated, and whether its hashes match. */
export interface Logo {
  readonly mediaType: 'image/svg+xml';
  readonly svg: Uint8Array;
  /** SHA-256 of the unchanged SVG, lower-case hex. */
  readonly sha256: string;
  /** The hashes of known algorithms. */
  readonly hashes: readonly { readonly algorithm: string; readonly matches: boolean }[];
  /** Whether the logotype has exactly one hash, and its algorithm has NULL parameters. */
  readonly hasOneHashWithNull: boolean;
  /** Whether the algorithm of every hash has NULL parameters. */
  readonly hashesHaveNull: boolean;
}

/** RFC 9399, 4.1. */
const LOGOTYPE = '1.3.6.1.5.5.7.1.12';

/** RFC 6170, 3.3 and the Mark Certificate Requirements: the certificate contains the image, as gzip in base64. */
const DATA_URI = /^data:image\/svg\+xml;base64,([A-Za-z0-9+/=\s]+)$/;

/** Eight times the size that is allowed, so that a finding can state the size of a logo that is somewhat too large. */
const SVG_LIMIT = 256 * 1024;

const HASHES: ReadonlyMap<string, string> = new Map([
  ['1.3.14.3.2.26', 'sha1'],
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);

/** The subject logo, or the reason why it cannot be read. */
export function readLogo(fields: CertificateFields): Logo | string {
  const der = fields.extension(LOGOTYPE);
  if (!der) {
    return 'the certificate contains no logotype';
  }
  const images = attempt(() => readSubjectImages(der)) ?? [];
  const [image, ...others] = images;
  if (!image || others.length > 0) {
    return `the logotype contains ${images.length} subject images, but must contain exactly one`;
  }
  const [uri = '', ...otherUris] = image.uris;
  const [, base64] = DATA_URI.exec(uri) ?? [];
  if (base64 === undefined || otherUris.length > 0) {
    return 'the logotype does not contain its image as one data:image/svg+xml;base64 URI';
  }
  const svg = attempt(() => gunzipSync(Buffer.from(base64, 'base64'), { maxOutputLength: SVG_LIMIT }));
  if (!svg) {
    return `the logo is not valid gzip or inflates to more than ${SVG_LIMIT} bytes`;
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
    hashesHaveNull: image.hashes.every(({ hasNull }) => hasNull),
    hasOneHashWithNull: image.hashes.length === 1 && image.hashes.every(({ hasNull }) => hasNull),
  };
}

/** One image of a logotype. */
interface Image {
  readonly uris: readonly string[];
  readonly hashes: readonly Hash[];
}

interface Hash {
  /** The algorithm. */
  readonly oid: string;
  /** Whether the parameters of the algorithm are NULL. They are often absent. */
  readonly hasNull: boolean;
  /** Lower-case hex. */
  readonly value: string;
}

/** LogotypeExtn (RFC 9399, 4.1): subjectLogo is [2]; the [0] in it is a LogotypeData, which begins with the images. */
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
        const [oid, parameters] = childrenOf(algorithm);
        return {
          oid: readObjectIdentifier(oid),
          hasNull: parameters?.tag === TAG.null,
          value: contentsOf(value, TAG.octetString).toString('hex'),
        };
      }),
    };
  });
}

/** CAs hash the SVG either unchanged or with LF line ends. */
function withLf(svg: Buffer): Buffer {
  return Buffer.from(svg.toString('latin1').replaceAll(/\r\n?/g, '\n'), 'latin1');
}
