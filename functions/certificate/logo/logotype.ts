import { hash } from 'node:crypto';
import { truncate } from '../../text.ts';
import { gunzipMember } from '../gzip.ts';
import {
  attempt,
  childrenOf,
  constructed,
  contentsOf,
  type Element,
  readDer,
  readObjectIdentifier,
  TAG,
} from '../x509/der.ts';
import type { CertificateFields } from '../x509/fields.ts';
import { type SvgProblems, svgProblems } from './svg.ts';

/** The logo of a certificate, inflated, and whether its hashes match. */
export interface Logo {
  readonly mediaType: typeof MEDIA_TYPE;
  readonly svg: Uint8Array;
  /** SHA-256 of the unchanged SVG, lower-case hex. */
  readonly sha256: string;
  readonly hashes: readonly LogoHash[];
  readonly problems: SvgProblems;
}

/** One hash of the logo in the logotype. */
export interface LogoHash {
  /** For example `sha256`; undefined if the algorithm is not known. */
  readonly algorithm: string | undefined;
  /** Whether it is the hash of the logo. */
  readonly matches: boolean;
  /** Whether the parameters of the algorithm are NULL. They are often absent. */
  readonly hasNull: boolean;
}

/** The logotype extension (RFC 9399, 4.1). */
export const LOGOTYPE = '1.3.6.1.5.5.7.1.12';

/**
 * The Mark Certificate Requirements. RFC 9399 (appendix B) also shows image/svg+xml+gzip, which no mark certificate has
 * and some receivers refuse.
 */
const MEDIA_TYPE = 'image/svg+xml';

/** RFC 6170 (section 4) and the Mark Certificate Requirements: the certificate contains the image, as gzip in base64. */
const DATA_URI = /^data:image\/svg\+xml;base64,((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/;

/** Bytes of a text from the certificate in a message. */
const TEXT_BYTES = 60;

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
  const images = attempt(() => readSubjectImages(der));
  if (!images) {
    return 'the logotype cannot be read, or does not contain exactly one direct subject logo';
  }
  const [image, ...others] = images;
  if (!image || others.length > 0) {
    return `the logotype contains ${images.length} subject images, but must contain exactly one`;
  }
  if (image.mediaType !== MEDIA_TYPE) {
    return `the media type of the logo is "${truncate(image.mediaType, TEXT_BYTES)}", but must be "${MEDIA_TYPE}"`;
  }
  const [uri = '', ...otherUris] = image.uris;
  const [, base64] = DATA_URI.exec(uri) ?? [];
  if (base64 === undefined || otherUris.length > 0) {
    return 'the logotype does not contain its image as one data:image/svg+xml;base64 URI';
  }
  const svg = attempt(() => gunzipMember(Buffer.from(base64, 'base64'), SVG_LIMIT));
  if (!svg) {
    return `the logo is not exactly one gzip member, or inflates to more than ${SVG_LIMIT} bytes`;
  }
  return {
    mediaType: MEDIA_TYPE,
    svg,
    sha256: hash('sha256', svg),
    hashes: compareHashes(svg, image.hashes),
    problems: svgProblems(svg),
  };
}

/** Each algorithm is computed once, although a logotype can contain thousands of hashes. */
function compareHashes(svg: Buffer, hashes: readonly Hash[]): Logo['hashes'] {
  const forms = [svg, withLf(svg)];
  const correct = new Map<string, readonly string[]>();
  return hashes.map(({ oid, value, hasNull }) => {
    const algorithm = HASHES.get(oid);
    if (algorithm === undefined) {
      return { algorithm, matches: false, hasNull };
    }
    const values = correct.get(algorithm) ?? forms.map((form) => hash(algorithm, form));
    correct.set(algorithm, values);
    return { algorithm, matches: values.includes(value), hasNull };
  });
}

/** One image of a logotype. */
interface Image {
  readonly mediaType: string;
  readonly uris: readonly string[];
  readonly hashes: readonly Hash[];
}

interface Hash {
  /** The algorithm. */
  readonly oid: string;
  readonly hasNull: boolean;
  /** Lower-case hex. */
  readonly value: string;
}

/**
 * LogotypeExtn (RFC 9399, 4.1): subjectLogo is [2]; the [0] in it is a LogotypeData, which begins with the images.
 *
 * @throws {SyntaxError} if the extension is malformed, or has no or several direct subject logos.
 */
function readSubjectImages(der: Uint8Array): Image[] {
  const [subjectLogo, ...others] = childrenOf(readDer(der)).filter(({ tag }) => tag === constructed(2));
  if (others.length > 0) {
    throw new SyntaxError('there are several subject logos');
  }
  const [direct] = atMost(1, childrenOf(subjectLogo, constructed(2)));
  // Audio [1] can follow the images, and information about an image its details.
  const [images, audio] = atMost(2, childrenOf(direct, constructed(0)));
  if (audio && audio.tag !== constructed(1)) {
    throw new SyntaxError('there are several lists of images');
  }
  return childrenOf(images).map((image) => {
    const [details] = atMost(2, childrenOf(image));
    const [mediaType, hashes, uris] = atMost(3, childrenOf(details));
    return {
      mediaType: contentsOf(mediaType, TAG.ia5String).toString('latin1'),
      uris: childrenOf(uris).map((uri) => contentsOf(uri, TAG.ia5String).toString('latin1')),
      hashes: childrenOf(hashes).map((each) => {
        const [algorithm, value] = atMost(2, childrenOf(each));
        const [oid, parameters] = atMost(2, childrenOf(algorithm));
        return {
          oid: readObjectIdentifier(oid),
          hasNull: parameters?.tag === TAG.null,
          value: contentsOf(value, TAG.octetString).toString('hex'),
        };
      }),
    };
  });
}

/** Another element would be something that only some receivers read. */
function atMost(limit: number, elements: readonly Element[]): readonly Element[] {
  if (elements.length > limit) {
    throw new SyntaxError(`there are ${elements.length} elements in place of ${limit}`);
  }
  return elements;
}

/** CAs hash the SVG either unchanged or with LF line ends. */
function withLf(svg: Buffer): Buffer {
  return Buffer.from(svg.toString('latin1').replaceAll(/\r\n?/g, '\n'), 'latin1');
}
