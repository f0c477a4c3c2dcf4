/** The CRLs of the certificate authority for tests. */
import { type KeyObject, sign } from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import * as asn1 from '@peculiar/asn1-x509';
import { remembered } from './remembered.ts';
import { withSignature } from './signed.ts';

/** A certificate on a CRL. */
export interface RevokedCertificate {
  /** DER. */
  readonly certificate: Uint8Array;
  /** Whole seconds; default: `thisUpdate` of the CRL. */
  readonly since?: Date;
  /** Default: no reason is given. */
  readonly reason?: keyof typeof asn1.CRLReasons;
}

/** The content of a CRL. */
export interface CrlContent {
  /** Whole seconds; default: a minute ago. */
  readonly thisUpdate?: Date;
  /** Whole seconds; default: seven days after `thisUpdate`. */
  readonly nextUpdate?: Date;
  readonly revoked?: readonly RevokedCertificate[];
}

/** A CRL and the URL that the certificates name for it. */
export interface IssuedCrl {
  readonly url: string;
  /** DER. */
  readonly bytes: Uint8Array;
}

const SHA256_WITH_RSA = '1.2.840.113549.1.1.11';
const DAY = 24 * 60 * 60 * 1000;

/**
 * Signs a CRL (RFC 5280, 5) with the revoked certificates of one issuer.
 *
 * @param issuer the certificate of the issuer, DER.
 * @param key its RSA key.
 */
export function signCrl(issuer: Uint8Array, key: KeyObject, content: CrlContent = {}): Uint8Array {
  const { thisUpdate = new Date(Math.floor(Date.now() / 1000 - 60) * 1000), revoked = [] } = content;
  const { nextUpdate = new Date(thisUpdate.getTime() + 7 * DAY) } = content;
  const { subject } = read(issuer);
  const algorithm = new asn1.AlgorithmIdentifier({ algorithm: SHA256_WITH_RSA, parameters: null });
  const entries = revoked
    .map((each) => ({ ...each, ...read(each.certificate) }))
    .filter((each) => isSame(each.issuer, subject))
    .map(({ serialNumber, since = thisUpdate, reason }) => {
      const entry = new asn1.RevokedCertificate({
        userCertificate: serialNumber,
        revocationDate: new asn1.Time(since),
      });
      if (reason !== undefined) {
        const value = new asn1.CRLReason(asn1.CRLReasons[reason]);
        entry.crlEntryExtensions = [extensionOf(asn1.id_ce_cRLReasons, value)];
      }
      return entry;
    });
  const tbsCertList = new asn1.TBSCertList({
    version: asn1.Version.v2,
    signature: algorithm,
    issuer: subject,
    thisUpdate: new asn1.Time(thisUpdate),
    nextUpdate: new asn1.Time(nextUpdate),
    // An empty list is not written (RFC 5280, 5.1.2.6).
    ...(entries.length > 0 && { revokedCertificates: entries }),
    crlExtensions: [extensionOf(asn1.id_ce_cRLNumber, new asn1.CRLNumber(Math.floor(thisUpdate.getTime() / 1000)))],
  });
  const signed = new Uint8Array(AsnConvert.serialize(tbsCertList));
  return withSignature(signed, algorithm, sign('SHA-256', signed, key));
}

function extensionOf(extnID: string, value: unknown): asn1.Extension {
  return new asn1.Extension({ extnID, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function isSame(name: asn1.Name, other: asn1.Name): boolean {
  return Buffer.from(AsnConvert.serialize(name)).equals(Buffer.from(AsnConvert.serialize(other)));
}

const read = remembered((certificate: Uint8Array) => AsnConvert.parse(certificate, asn1.Certificate).tbsCertificate);
