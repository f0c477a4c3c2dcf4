import { gzipSync } from 'node:zlib';
import type { LOGO_FINDINGS } from '../../../../functions/certificate/logo/findings.ts';
import { oid } from '../../../../infra/local/ca/mark-extensions.ts';
import {
  dataUri,
  gzipUri,
  hashOf,
  indirectLogotype,
  instead,
  LOGO,
  logotypeImage,
  svg,
  twoSubjectLogos,
  withCopy,
  withHashes,
  withImages,
  without,
  withSha224,
  withUris,
} from '../certificate-changes.ts';
import type { FindingCases } from '../finding-case.ts';

const ROOT = 'version="1.2" baseProfile="tiny-ps" viewBox="0 0 64 64"';

const CRLF_LOGO = Buffer.from(svg().replaceAll('\n', '\r\n'));

function withWrongChecksum(member: Buffer): Buffer {
  const copy = Buffer.from(member);
  copy.writeUInt8(copy.readUInt8(copy.length - 8) ^ 1, copy.length - 8);
  return copy;
}

export const LOGO_CASES: FindingCases<keyof typeof LOGO_FINDINGS> = {
  clean: [
    {
      of: 'a logo of 96 pixels and 32,768 bytes',
      leaf: { svg: svg('', `${ROOT} width="96" height="1in"`).padEnd(32_768) },
    },
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
      { of: 'two direct logos in the subject logo', leaf: withCopy(0, 0) },
      { of: 'two lists of images', leaf: withCopy(0, 0, 0) },
      { of: 'details with a fourth part', leaf: withCopy(0, 0, 0, 0, 0, 2) },
      { of: 'a hash with two values', leaf: withCopy(0, 0, 0, 0, 0, 1, 0, 1) },
      { of: 'two subject logos', leaf: { extensions: instead(twoSubjectLogos()) } },
      { of: 'another media type', leaf: withImages({ ...logotypeImage(LOGO), mediaType: 'image/png' }) },
      {
        of: 'the media type of compressed SVG',
        leaf: withImages({ ...logotypeImage(LOGO), mediaType: 'image/svg+xml+gzip' }),
      },
      { of: 'two gzip members', leaf: withUris(dataUri(Buffer.concat([gzipSync(LOGO), gzipSync('')]))) },
      { of: 'a byte after the gzip member', leaf: withUris(dataUri(Buffer.concat([gzipSync(LOGO), Buffer.of(0)]))) },
      { of: 'a wrong gzip checksum', leaf: withUris(dataUri(withWrongChecksum(gzipSync(LOGO)))) },
      { of: 'base64 with white space', leaf: withUris(`${gzipUri(LOGO)} `) },
      { of: 'an http URI', leaf: withUris('http://example.com/logo.svg') },
      { of: 'a data URI of another media type', leaf: withUris(gzipUri(LOGO).replace('svg+xml', 'png')) },
      { of: 'a data URI without base64', leaf: withUris(`data:image/svg+xml,${encodeURIComponent(svg())}`) },
      { of: 'a data URI with invalid base64', leaf: withUris('data:image/svg+xml;base64,*not*base64*') },
      { of: 'an image without gzip', leaf: withUris(`data:image/svg+xml;base64,${LOGO.toString('base64')}`) },
      {
        of: 'gzip that is cut off',
        leaf: withUris(`data:image/svg+xml;base64,${gzipSync(LOGO).subarray(0, 60).toString('base64')}`),
      },
      { of: 'an image that inflates to 4 MiB', leaf: withUris(gzipUri(Buffer.alloc(4 * 1024 * 1024))) },
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
      ['another version', svg('', 'version="1.1" baseProfile="tiny-ps" viewBox="0 0 64 64"')],
      ['no version', svg('', 'baseProfile="tiny-ps" viewBox="0 0 64 64"')],
      ['another profile', svg('', 'version="1.2" baseProfile="tiny" viewBox="0 0 64 64"')],
      ['no profile', svg('', 'version="1.2" viewBox="0 0 64 64"')],
      ['no title', svg('', undefined, '')],
      ['an empty title', svg('', undefined, ' ')],
      ['two titles', svg('<title>Other</title>')],
      ['x on the root', svg('', `${ROOT} x="0"`)],
      ['y on the root', svg('', `${ROOT} y="0"`)],
      ['an element that is not in the profile', svg('<a href="#x"><path d="M0 0h9"/></a>')],
      ['an attribute that is not in the profile', svg('<path style="fill:red" d="M0 0h9"/>')],
      ['a value that is not in the profile', svg('<path stroke-linecap="flat" d="M0 0h9"/>')],
      ['an image', svg('<image href="data:image/png;base64,iVBORw0KGgo="/>')],
      ['a reference to another file', svg('<use href="https://example.com/a.svg#a"/>')],
      ['a reference in a paint', svg('<path fill="URL( \'https://example.com/a.svg#a\' )" d="M0 0h9"/>')],
      ['an external DTD', `<!DOCTYPE svg PUBLIC "-//X//Y" "https://example.com/x.dtd">${svg()}`],
      ['another encoding than the declared one', `<?xml version="1.0" encoding="UTF-16"?>${svg()}`],
    ].map(([of = '', content = '']) => ({ of, leaf: { svg: content } })),
    'svg-size': [
      ['a width in percent', svg('', `${ROOT} width="100%"`)],
      ['a height in em', svg('', `${ROOT} width="200" height="20em"`)],
      ['32,769 bytes', svg().padEnd(32_769)],
    ].map(([of = '', content = '']) => ({ of, leaf: { svg: content } })),
    'svg-look': [
      ['no viewBox', svg('', 'version="1.2" baseProfile="tiny-ps"')],
      ['a viewBox that is not square', svg('', 'version="1.2" baseProfile="tiny-ps" viewBox="0 0 400 484"')],
      ['a width of 95 pixels', svg('', `${ROOT} width="95" height="95"`)],
      ['a title of 65 characters', svg('', undefined, 'é'.repeat(65))],
      ['a title of a template', svg('', undefined, 'Company Title')],
      ['one colour', svg('', undefined, 'Example').replace('#ffffff', 'rgb(20, 50, 74)')],
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
