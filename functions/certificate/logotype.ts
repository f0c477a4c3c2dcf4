import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { AsnConvert } from '@peculiar/asn1-schema';
import { LogotypeExtn } from '@peculiar/asn1-x509-logotype';
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
  const images = attempt(() => AsnConvert.parse(der, LogotypeExtn))?.subjectLogo?.direct?.image ?? [];
  const [image, ...others] = images;
  if (!image || others.length > 0) {
    return `the logotype has ${images.length} subject images, and exactly one is expected`;
  }
  const { logotypeURI, logotypeHash } = image.imageDetails;
  const [uri = '', ...otherUris] = logotypeURI;
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
    sha256: digest('sha256', svg),
    hashes: logotypeHash.flatMap(({ hashAlg, hashValue }) => {
      const algorithm = HASHES.get(hashAlg.algorithm);
      const value = Buffer.from(hashValue.buffer).toString('hex');
      return algorithm
        ? [{ algorithm, matches: spellings(svg).some((bytes) => digest(algorithm, bytes) === value) }]
        : [];
    }),
  };
}

/** CAs hash the SVG as it stands, or with its line ends made LF. */
function spellings(svg: Buffer): readonly Buffer[] {
  return [svg, Buffer.from(svg.toString('latin1').replaceAll(/\r\n?/g, '\n'), 'latin1')];
}

function digest(algorithm: string, bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest('hex');
}
