import { gzipSync } from 'node:zlib';
import type { LOGO_FINDINGS } from '../../../../functions/certificate/logo/findings.ts';
import { oid } from '../../../../infra/local/ca/mark-extensions.ts';
import {
  gzipUri,
  hashOf,
  indirectLogotype,
  instead,
  LOGO,
  logotypeImage,
  svg,
  withHashes,
  withImages,
  without,
  withSha224,
  withUris,
} from '../certificate-changes.ts';
import type { FindingCases } from '../finding-case.ts';

const CRLF_LOGO = Buffer.from(svg().replaceAll('\n', '\r\n'));

export const LOGO_CASES: FindingCases<keyof typeof LOGO_FINDINGS> = {
  clean: [
    ...(['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'] as const).map((algorithm) => ({
      of: `a logo hashed by ${algorithm} alone`,
      leaf: withHashes(hashOf(algorithm, LOGO)),
    })),
    { of: 'a logo with CRLF hashed unchanged', leaf: withImages(logotypeImage(CRLF_LOGO)) },
    {
      of: 'a logo with CRLF hashed with LF',
      leaf: withImages({ ...logotypeImage(CRLF_LOGO), hashes: [hashOf('SHA-256', LOGO)] }),
    },
    {
      of: 'a logo with CR alone hashed with LF',
      leaf: withImages({
        ...logotypeImage(Buffer.from(svg().replaceAll('\n', '\r'))),
        hashes: [hashOf('SHA-256', LOGO)],
      }),
    },
  ],
  found: {
    logotype: [
      { of: 'no logotype', leaf: { extensions: without(oid.logotype) } },
      { of: 'no image', leaf: withImages() },
      { of: 'two images', leaf: withImages(logotypeImage(LOGO), logotypeImage(LOGO)) },
      { of: 'two URIs', leaf: withUris(gzipUri(LOGO), gzipUri(LOGO)) },
      { of: 'an indirect logotype', leaf: { extensions: instead(indirectLogotype()) } },
      { of: 'an http URI', leaf: withUris('http://example.com/logo.svg') },
      { of: 'a data URI of another media type', leaf: withUris(gzipUri(LOGO).replace('svg+xml', 'png')) },
      { of: 'a data URI without base64', leaf: withUris(`data:image/svg+xml,${encodeURIComponent(svg())}`) },
      { of: 'a data URI with invalid base64', leaf: withUris('data:image/svg+xml;base64,*not*base64*') },
      { of: 'an image without gzip', leaf: withUris(`data:image/svg+xml;base64,${LOGO.toString('base64')}`) },
      {
        of: 'gzip that is cut off',
        leaf: withUris(`data:image/svg+xml;base64,${gzipSync(LOGO).subarray(0, 60).toString('base64')}`),
      },
      { of: 'an image that inflates to 10 MiB', leaf: withUris(gzipUri(Buffer.alloc(10 * 1024 * 1024))) },
      {
        of: 'an extension that is not a logotype',
        leaf: { extensions: instead({ oid: oid.logotype, value: Buffer.of(5, 0) }) },
      },
    ],
    'logo-hash': [
      { of: 'a wrong hash', leaf: withHashes(hashOf('SHA-256', 'another logo')) },
      {
        of: 'a correct hash under the wrong algorithm',
        leaf: withHashes({ ...hashOf('SHA-256', LOGO), algorithm: 'SHA-512' }),
      },
      { of: 'the hash of the compressed logo', leaf: withHashes(hashOf('SHA-256', gzipSync(LOGO))) },
      { of: 'a logo with LF hashed with CRLF', leaf: withHashes(hashOf('SHA-256', CRLF_LOGO)) },
      { of: 'no hash', leaf: withHashes() },
      { of: 'only a correct hash of an unknown algorithm', leaf: withSha224() },
    ],
    'svg-profile': [
      ['not well-formed', '<svg'],
      ['another version', svg('', 'version="1.1" baseProfile="tiny-ps"')],
      ['no version', svg('', 'baseProfile="tiny-ps"')],
      ['another profile', svg('', 'version="1.2" baseProfile="tiny"')],
      ['no profile', svg('', 'version="1.2"')],
      ['no title', svg('', undefined, '')],
      ['x on the root', svg('', 'version="1.2" baseProfile="tiny-ps" x="0"')],
      ['y on the root', svg('', 'version="1.2" baseProfile="tiny-ps" y="0"')],
      ['a script', svg('<script>1</script>')],
      ['an animation', svg('<rect><set attributeName="x"/></rect>')],
      ['an external reference', svg('<image xlink:href="https://example.com/a.png"/>')],
      ['32,769 bytes', svg().padEnd(32_769)],
    ].map(([of = '', content = '']) => ({ of, leaf: { svg: content } })),
    'receiver-asn1': [
      { of: 'a hash without NULL', leaf: { nullParameters: false } },
      {
        of: 'three hashes, all with NULL',
        leaf: withImages(logotypeImage(LOGO, ['SHA-1', 'SHA-256', 'SHA-384'])),
      },
    ],
  },
};
