import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import * as asn1 from '@peculiar/asn1-x509';
import { type BaseBlock, Constructed, fromBER, IA5String, Null, ObjectIdentifier, OctetString, Sequence } from 'asn1js';
import type {
  Change,
  MarkCertificateRequest,
  SubjectAttribute,
} from '../../../infra/local/ca/certificate-authority.ts';
import {
  type Extension,
  extension,
  type LogotypeHash,
  type LogotypeImage,
  logotype,
  logotypeImage as markImage,
  oid,
  type SignatureHash,
} from '../../../infra/local/ca/mark-extensions.ts';

/** Changes to the attributes or extensions that the test authority gives a certificate by default. */

/** Removes those with these OIDs. */
export const without =
  <Item extends { readonly oid: string }>(...oids: readonly string[]): Change<Item> =>
  (usual) =>
    usual.filter((item) => !oids.includes(item.oid));

/** Adds some. */
export const also =
  <Item>(...items: readonly NoInfer<Item>[]): Change<Item> =>
  (usual) => [...usual, ...items];

/** Replaces the one with the same OID. */
export const instead =
  <Item extends { readonly oid: string }>(item: NoInfer<Item>): Change<Item> =>
  (usual) =>
    usual.map((each) => (each.oid === item.oid ? item : each));

/** Writes the one with this OID twice. */
export const repeated =
  (id: string): Change<Extension> =>
  (usual) =>
    usual.flatMap((each) => (each.oid === id ? [each, each] : [each]));

/** Makes the one with this OID critical. */
export const critical =
  (id: string): Change<Extension> =>
  (usual) =>
    usual.map((each) => (each.oid === id ? { ...each, critical: true } : each));

export const markType = (value: string): SubjectAttribute => ({ oid: oid.markType, value });

export const keyUsage = (flags: number) => extension(oid.keyUsage, new asn1.KeyUsage(flags), true);

/** Constraints on DNS names. */
export function nameConstraints(
  { permitted, excluded }: { readonly permitted?: readonly string[]; readonly excluded?: readonly string[] },
  isCritical = false,
): Extension {
  const subtrees = (names: readonly string[] | undefined) =>
    names &&
    new asn1.GeneralSubtrees(
      names.map((dNSName) => new asn1.GeneralSubtree({ base: new asn1.GeneralName({ dNSName }) })),
    );
  const constraints = new asn1.NameConstraints();
  const [permittedSubtrees, excludedSubtrees] = [subtrees(permitted), subtrees(excluded)];
  Object.assign(constraints, permittedSubtrees && { permittedSubtrees }, excludedSubtrees && { excludedSubtrees });
  return extension(asn1.id_ce_nameConstraints, constraints, isCritical);
}

export const crl = (...points: readonly asn1.GeneralName[]) =>
  extension(
    oid.crlDistributionPoints,
    new asn1.CRLDistributionPoints(
      points.map(
        (point) =>
          new asn1.DistributionPoint({ distributionPoint: new asn1.DistributionPointName({ fullName: [point] }) }),
      ),
    ),
  );

/** A logo in two colours. */
export function svg(
  body = '',
  root = 'version="1.2" baseProfile="tiny-ps" viewBox="0 0 64 64"',
  title = 'Example',
): string {
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${root}>`,
    title && `<title>${title}</title>`,
    '<rect width="64" height="64" fill="#14324a"/><circle cx="32" cy="32" r="20" fill="#ffffff"/>',
    body,
    '</svg>',
  ];
  return lines.join('\n');
}

export const LOGO = Buffer.from(svg());

/** The image of a mark certificate whose hashes have NULL parameters, so that a single one is clean. */
export function logotypeImage(content: Uint8Array, algorithms?: readonly SignatureHash[]): LogotypeImage {
  return markImage(content, algorithms, { nullParameters: true });
}

/** A leaf with this logotype. */
export function withImages(...images: readonly LogotypeImage[]): Partial<MarkCertificateRequest> {
  return { extensions: instead(logotype(...images)) };
}

export function withUris(...uris: readonly string[]): Partial<MarkCertificateRequest> {
  return withImages({ ...logotypeImage(LOGO), uris });
}

export function withHashes(...hashes: LogotypeImage['hashes']): Partial<MarkCertificateRequest> {
  return withImages({ ...logotypeImage(LOGO), hashes });
}

export function hashOf(algorithm: SignatureHash, content: string | Uint8Array): LogotypeHash {
  return { algorithm, value: createHash(algorithm).update(content).digest(), nullParameters: true };
}

/** A logotype with an indirect subject logo, [1], and otherwise the same content. */
export function indirectLogotype(): Extension {
  const direct = logotype(logotypeImage(LOGO));
  const value = Buffer.from(direct.value);
  value.writeUInt8(0xa1, value.indexOf(Buffer.of(0xa0, 0x82)));
  return { ...direct, value };
}

/** A logotype with one correct hash, SHA-224. The test authority does not write this algorithm. */
export function withSha224(): Partial<MarkCertificateRequest> {
  const [uri = ''] = logotypeImage(LOGO).uris;
  const identifier = new Sequence({ value: [new ObjectIdentifier({ value: '2.16.840.1.101.3.4.2.4' }), new Null()] });
  const value = new OctetString({ valueHex: new Uint8Array(createHash('SHA-224').update(LOGO).digest()) });
  const details = new Sequence({
    value: [
      new IA5String({ value: 'image/svg+xml' }),
      new Sequence({ value: [new Sequence({ value: [identifier, value] })] }),
      new Sequence({ value: [new IA5String({ value: uri })] }),
    ],
  });
  const images = new Sequence({ value: [new Sequence({ value: [details] })] });
  const tagged = (tagNumber: number, content: Sequence | Constructed) =>
    new Constructed({ idBlock: { tagClass: 3, tagNumber }, value: [content] });
  const der = new Sequence({ value: [tagged(2, tagged(0, images))] }).toBER();
  return { extensions: instead({ oid: oid.logotype, value: new Uint8Array(der) }) };
}

/**
 * A logotype with a second copy of one of its elements. Few receivers would find it.
 *
 * @param path the position of the element in each element around it: `[0, 0]` is the direct logo in the subject logo.
 */
export function withCopy(...path: readonly number[]): Partial<MarkCertificateRequest> {
  const { oid: id, value } = logotype(logotypeImage(LOGO));
  const { result } = fromBER(value);
  let parent = result;
  for (const position of path.slice(0, -1)) {
    parent = elementsOf(parent)[position] ?? parent;
  }
  const elements = elementsOf(parent);
  elements.push(...elements.slice(path.at(-1)).slice(0, 1));
  return { extensions: instead({ oid: id, value: new Uint8Array(result.toBER()) }) };
}

function elementsOf(element: unknown): BaseBlock[] {
  return element instanceof Sequence || element instanceof Constructed ? element.valueBlock.value : [];
}

/** A logotype with two direct subject logos. */
export function twoSubjectLogos(): Extension {
  const { oid: id, value } = logotype(logotypeImage(LOGO));
  const { result } = fromBER(value);
  const logos = result instanceof Sequence ? [...result.valueBlock.value, ...result.valueBlock.value] : [];
  return { oid: id, value: new Uint8Array(new Sequence({ value: logos }).toBER()) };
}

export function gzipUri(content: Uint8Array): string {
  return dataUri(gzipSync(content));
}

export function dataUri(compressed: Uint8Array): string {
  return `data:image/svg+xml;base64,${Buffer.from(compressed).toString('base64')}`;
}

export const ecKey = (namedCurve: string): KeyObject => generateKeyPairSync('ec', { namedCurve }).publicKey;
