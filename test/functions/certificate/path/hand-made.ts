/** Certificates with any fields, right or wrong, for chains that an ordinary authority does not issue. */
import { execFileSync } from 'node:child_process';
import { constants, createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pem } from '../../../../infra/local/ca/containers.ts';
import {
  basicConstraints,
  certificateSigning,
  crlDistributionPoint,
  type Extension,
  extendedKeyUsage,
  logotype,
  logotypeImage,
  oid,
  policies,
  subjectAltNames,
} from '../../../../infra/local/ca/mark-extensions.ts';
import { createTransparencyLog, generateLogKey, sctList } from '../../../../infra/local/ca/transparency-log.ts';
import { LOGO } from '../certificate-changes.ts';
import { bitString, der, extension, identifier, integer, NULL, octetString, sequence, setOf, tagged } from '../der.ts';
import { AT, DOMAIN, EXPIRES, ISSUED } from '../finding-case.ts';

/** Identifier octets of the string types. */
export const STRING = {
  utf8: 0x0c,
  numeric: 0x12,
  printable: 0x13,
  teletex: 0x14,
  ia5: 0x16,
  visible: 0x1a,
  universal: 0x1c,
  bmp: 0x1e,
} as const;

/** A text in the encoding of its string type. */
export function string(text: string, tag: number = STRING.utf8): Buffer {
  if (tag === STRING.bmp) {
    return der(tag, Buffer.from(text, 'utf16le').swap16());
  }
  if (tag === STRING.universal) {
    const characters = Buffer.alloc(4 * [...text].length);
    for (const [index, character] of [...text].entries()) {
      characters.writeUInt32BE(character.codePointAt(0) ?? 0, 4 * index);
    }
    return der(tag, characters);
  }
  return der(tag, Buffer.from(text, tag === STRING.utf8 ? 'utf8' : 'latin1'));
}

/** A name; each of its RDNs is a list of attributes: OID and value. */
export function name(...rdns: readonly (readonly (readonly [type: string, value: Uint8Array])[])[]): Buffer {
  return sequence(
    ...rdns.map((rdn) => setOf(...rdn.map(([type, value]) => sequence(identifier(type), value)).sort(Buffer.compare))),
  );
}

/** A name with only a common name. */
export const commonName = (text: string, tag?: number) => name([[oid.commonName, string(text, tag)]]);

/** UTCTime or GeneralizedTime, as RFC 5280 (4.1.2.5) requires. */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/\D/g, '').slice(0, 14);
  return date.getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(`${digits.slice(2)}Z`))
    : der(0x18, Buffer.from(`${digits}Z`));
}

/** How to sign: the AlgorithmIdentifier, and the signature of some bytes. */
export interface Signing {
  readonly algorithm: Uint8Array;
  readonly sign: (bytes: Uint8Array, key: KeyObject) => Uint8Array;
}

export const ecdsa: Signing = {
  algorithm: sequence(identifier('1.2.840.10045.4.3.2')),
  sign: (bytes, key) => sign('sha256', bytes, key),
};

/** PKCS #1 v1.5 with an OID and a hash of OpenSSL. */
export const rsa = (algorithm: string, hash: string): Signing => ({
  algorithm: sequence(identifier(algorithm), NULL),
  sign: (bytes, key) => sign(hash, bytes, key),
});

/** RSASSA-PSS; the parameters name the hash twice, and the length of the salt. */
export function pss(hash: 'sha1' | 'sha256' | 'md5'): Signing {
  const [hashId, length] = {
    sha1: ['1.3.14.3.2.26', 20],
    sha256: ['2.16.840.1.101.3.4.2.1', 32],
    md5: ['1.2.840.113549.2.5', 16],
  }[hash] as [string, number];
  const hashAlgorithm = sequence(identifier(hashId), NULL);
  return {
    algorithm: sequence(
      identifier('1.2.840.113549.1.1.10'),
      sequence(
        tagged(0, hashAlgorithm),
        tagged(1, sequence(identifier('1.2.840.113549.1.1.8'), hashAlgorithm)),
        tagged(2, integer(length)),
      ),
    ),
    sign: (bytes, key) => sign(hash, bytes, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: length }),
  };
}

/** The fields of a certificate. */
export interface Fields {
  /** DER of the names. */
  readonly subject: Uint8Array;
  readonly issuer: Uint8Array;
  readonly publicKey: KeyObject;
  /** The private key that signs. */
  readonly signedBy: KeyObject;
  readonly extensions: readonly Extension[];
  readonly serialNumber?: number;
  readonly notBefore?: Uint8Array;
  readonly notAfter?: Uint8Array;
  /** 0 is version 1. */
  readonly version?: number;
  readonly signing?: Signing;
  /** The algorithm inside the signed part, if it differs. */
  readonly innerAlgorithm?: Uint8Array;
}

/** A certificate, DER. */
export function certify(fields: Fields): Buffer {
  const { signing = ecdsa, version = 2, extensions, serialNumber = 1 } = fields;
  const tbs = sequence(
    ...(version === 0 ? [] : [tagged(0, integer(version))]),
    integer(serialNumber),
    fields.innerAlgorithm ?? signing.algorithm,
    fields.issuer,
    sequence(fields.notBefore ?? time(ISSUED), fields.notAfter ?? time(EXPIRES)),
    fields.subject,
    fields.publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length > 0
      ? [tagged(3, sequence(...extensions.map((each) => extension(each.oid, each.value, each.critical))))]
      : []),
  );
  const signature = signing.sign(tbs, fields.signedBy);
  return sequence(tbs, signing.algorithm, bitString(signature));
}

/** A new EC key: the private half. */
export const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

export const publicHalf = (key: KeyObject): KeyObject => createPublicKey(key);

/** Its signature does not matter, because nobody knows the key of the log. */
function sctOfUnknownLog(): Extension {
  const precertificate = { tbsCertificate: Buffer.alloc(0), issuerKeyHash: Buffer.alloc(32) };
  return sctList([createTransparencyLog(generateLogKey()).sign(precertificate, { timestamp: ISSUED })]);
}

/** The extensions of a leaf that has no error, apart from those of its path. */
export const LEAF_EXTENSIONS: readonly Extension[] = [
  basicConstraints({ cA: false }),
  subjectAltNames([DOMAIN]),
  policies([{ id: oid.generalPolicy }]),
  extendedKeyUsage(),
  crlDistributionPoint('http://crls.mark-certificates.test/issuing.crl'),
  logotype(logotypeImage(LOGO)),
  sctOfUnknownLog(),
];

/** The extensions of a CA that issues mark certificates. */
export const ISSUING_EXTENSIONS: readonly Extension[] = [
  basicConstraints({ cA: true }),
  certificateSigning(),
  extendedKeyUsage(),
  crlDistributionPoint('http://crls.mark-certificates.test/root.crl'),
];

export const ROOT_EXTENSIONS: readonly Extension[] = [basicConstraints({ cA: true }), certificateSigning()];

/** The DER of an authority key identifier: of the issuer's key, or of its issuer's name and its serial number. */
export function authorityKeyIdentifier(of: {
  readonly keyIdentifier?: Uint8Array;
  readonly issuer?: Uint8Array;
  readonly serialNumber?: number;
}): Extension {
  const value = sequence(
    ...(of.keyIdentifier ? [der(0x80, of.keyIdentifier)] : []),
    ...(of.issuer ? [tagged(1, tagged(4, of.issuer))] : []),
    ...(of.serialNumber === undefined ? [] : [der(0x82, Buffer.of(of.serialNumber))]),
  );
  return { oid: oid.authorityKeyIdentifier, value };
}

export const subjectKeyIdentifier = (value: Uint8Array): Extension => ({
  oid: oid.subjectKeyIdentifier,
  value: octetString(value),
});

export function fingerprint(certificate: Uint8Array): string {
  return createHash('sha256').update(certificate).digest('hex');
}

/** What OpenSSL says about a leaf, given the trusted and the other certificates: `OK` or the reason of the refusal. */
export function opensslVerify(
  leaf: Uint8Array,
  {
    trusted,
    untrusted,
    at = AT,
  }: {
    readonly trusted: readonly Uint8Array[];
    readonly untrusted: readonly Uint8Array[];
    readonly at?: Date;
  },
): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'verify-'));
  try {
    const file = (label: string, certificates: readonly Uint8Array[]) => {
      const target = path.join(folder, label);
      writeFileSync(target, pem(certificates));
      return target;
    };
    const others = untrusted.length > 0 ? ['-untrusted', file('untrusted.pem', untrusted)] : [];
    const moment = ['-attime', String(at.getTime() / 1000)];
    const anchors = ['-partial_chain', '-trusted', file('trusted.pem', trusted)];
    const args = ['verify', ...anchors, ...others, ...moment, file('leaf.pem', [leaf])];
    return execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' }).trim().split(': ').at(-1) ?? '';
  } catch (error) {
    const [, reason] = /error \d+ at \d+ depth lookup: (.*)/.exec(String(error)) ?? [];
    return reason ?? String(error);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
