import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { attempt } from '../x509/der.ts';

/** A certificate transparency log whose signatures count. */
export interface CtLog {
  /** Null if only `ctLogs` or `--log` names the log. */
  readonly name: string | null;
  /** The SubjectPublicKeyInfo, base64. */
  readonly key: string;
  /** The log accepts certificates that expire from the first moment (ISO 8601 UTC) until before the second one. */
  readonly notAfter?: readonly [from: string, before: string] | undefined;
}

/**
 * The logs of mark certificates. Source: the key that verifies the SCTs of DigiCert's, Entrust's, GlobalSign's and
 * Sectigo's published certificates, and SSL.com's list of its logs.
 */
export const CT_LOGS: readonly CtLog[] = [
  {
    name: 'DigiCert Gorgon',
    key: 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEbEiWluJDIqWi8JbeCSfR3V2k/a5s9XtZv+HU5u/gU9NSYnWGwEoEW6IK7n6LehfrJL3znCUAC0ayEaeiFQuibA==',
  },
  {
    name: 'SSL.com Mercury 2026',
    key: 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESMidgvn0QuTkoqcX4hrDWaViKVPq9rZ/VLq/6PinMWE1JznhEUOqnzACfcx/qjtfUVwLRdoNfS0WE2Qumb21+w==',
    notAfter: ['2026-01-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
  },
  {
    name: 'SSL.com Mercury 2027',
    key: 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1QgX4C/iNbrWKSKKcOrVKIRG3cjCx3ggkMpvKJcrTdDUVFitZyoPUMBUkaQrqur900z+mSGNXjZz4D0V3aVFSQ==',
    notAfter: ['2027-01-01T00:00:00.000Z', '2028-01-01T00:00:00.000Z'],
  },
  {
    name: 'SSL.com Mercury 2028',
    key: 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeDXzUUKDHSmVFaUt7lZCsL5kZkYVFzc/T53yeLzG5H5mEiABa4X1zxOYHVnbnuOFKWYenQzmMzp1AZx/yiU+8Q==',
    notAfter: ['2028-01-01T00:00:00.000Z', '2029-01-01T00:00:00.000Z'],
  },
];

/** The form of a log's key, for messages about other texts. */
export const LOG_KEY_FORM = 'SubjectPublicKeyInfo in base64 on one line, EC P-256 or RSA with at least 2048 bits';

/** The id of a log: the SHA-256 of its key (RFC 6962, 3.2), lower-case hex. */
export function logIdOf({ key }: CtLog): string {
  return createHash('SHA-256').update(Buffer.from(key, 'base64')).digest('hex');
}

/** The key of a log in a text; undefined if the text is not one, or not of a kind that logs have (RFC 6962, 2.1.4). */
export function readLogKey(text: string): string | undefined {
  const der = Buffer.from(text, 'base64');
  const key = attempt(() => createPublicKey({ key: der, format: 'der', type: 'spki' }));
  // The id of a log is the hash of these bytes, but Node ignores characters that are not base64, and bytes at the end.
  const isExact = key?.export({ format: 'der', type: 'spki' }).toString('base64') === text;
  return isExact && signatureAlgorithmOf(key) ? text : undefined;
}

/**
 * The two bytes that name the algorithm of a log's signatures (RFC 5246, 7.4.1.4.1): SHA-256 with ECDSA on P-256 or
 * with RSA (RFC 6962, 2.1.4). Undefined for any other key.
 */
export function signatureAlgorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): Buffer | undefined {
  const { namedCurve, modulusLength = 0 } = asymmetricKeyDetails ?? {};
  if (asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') {
    return Buffer.of(4, 3);
  }
  return asymmetricKeyType === 'rsa' && modulusLength >= 2048 ? Buffer.of(4, 1) : undefined;
}
